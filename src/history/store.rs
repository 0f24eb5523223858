//! The file that history is kept in: an SQLite database, bounded, private to its owner, replaced where it is damaged.

use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, Transaction, params};
use sha2::{Digest, Sha256};

use super::{
    Entry, Event, HistoryError, timings,
    wire::{Body, EntryJson},
};
use crate::{
    model::{Finding, InstanceName, rfc3339},
    plan::wire::FindingJson,
};

/// The name of the file below the state folder.
pub const FILE: &str = "history.sqlite";
/// The version of the tables.
const VERSION: u32 = 2;
/// How many entries of one instance are kept.
const MAX_ENTRIES: u32 = 200;
/// How large the file may become, in pages of 4 KiB; the oldest entries of all go before that.
const MAX_PAGES: u32 = 8_192;
/// How many of the newest entries are looked through for one that is alike.
const ALIKE_WITHIN: u32 = 4;
/// How long another process is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

const TABLES: &str = "
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY, instance TEXT NOT NULL, first INTEGER NOT NULL, at INTEGER NOT NULL,
        count INTEGER NOT NULL, action TEXT NOT NULL, alike BLOB, body TEXT NOT NULL) STRICT;
    CREATE INDEX entries_of_instance ON entries (instance, id);
    CREATE INDEX entries_by_action ON entries (action, instance, id);";

/// The history of one state folder, open for writing.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Connection,
}

impl Store {
    /// Opens the history of a state folder; one that is damaged is moved aside, and a new one begun.
    ///
    /// # Errors
    /// Where the folder can't be written, or a newer Lockstep wrote the file.
    pub fn open(folder: &Path) -> Result<Self, HistoryError> {
        match Self::try_open(folder) {
            Err(error) if error.is_damage() => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the history is damaged; a new one is begun");
                move_aside(folder)?;
                Self::try_open(folder)
            }
            opened => opened,
        }
    }

    fn try_open(folder: &Path) -> Result<Self, HistoryError> {
        let path = folder.join(FILE);
        make_private(folder, &path)?;
        let failed = |what| failed(&path, what);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&path, flags).map_err(failed("open"))?;
        let prepare = |connection: &Connection| {
            connection.busy_timeout(PATIENCE)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.pragma_update(None, "journal_size_limit", 4 << 20)?;
            connection.pragma_update(None, "max_page_count", MAX_PAGES)?;
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
        };
        let check = prepare(&connection).map_err(failed("open"))?;
        if check != "ok" {
            let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
            return Err(failed("open")(rusqlite::Error::SqliteFailure(code, Some(check))));
        }
        match version(&connection).map_err(failed("open"))? {
            known @ (0 | 1) => {
                let make = |transaction: Transaction<'_>| {
                    if known == 0 {
                        transaction.execute_batch(TABLES)?;
                    }
                    // The first version did not measure anything.
                    transaction.execute_batch(timings::TABLE)?;
                    transaction.pragma_update(None, "user_version", VERSION)?;
                    transaction.commit()
                };
                connection.transaction().and_then(make).map_err(failed("begin"))?;
            }
            VERSION => {}
            version => return Err(HistoryError::Newer { path: path.clone(), version }),
        }
        Ok(Self { path, connection })
    }

    /// Adds entries, all or none; an entry like one of the newest of its instance is counted there.
    ///
    /// # Errors
    /// Where the file is full, damaged or can't be written.
    pub fn add(&mut self, entries: &[Entry]) -> Result<(), HistoryError> {
        let path = self.path.clone();
        self.write(|transaction| {
            for entry in entries {
                add(transaction, entry, &path)?;
            }
            Ok(())
        })
    }

    /// Notes which instances are held now, where that is not what is known already. With `all`, every other instance is
    /// not held.
    ///
    /// # Errors
    /// What [`Store::add`] gives.
    pub fn hold(
        &mut self,
        at: i64,
        revision: &str,
        held: &BTreeMap<InstanceName, Vec<Finding>>,
        all: bool,
    ) -> Result<(), HistoryError> {
        let path = self.path.clone();
        self.write(|transaction| {
            let known = known_held(transaction, &path)?;
            let entry = |name, event| Entry::new(name, at, event, Some(revision.to_owned()), "");
            for (name, findings) in held {
                let entry = entry(name, Event::Held).found(findings);
                if known.get(name) != Some(&entry.findings) {
                    add(transaction, &entry, &path)?;
                }
            }
            for name in known.keys().filter(|name| all && !held.contains_key(*name)) {
                add(transaction, &entry(name, Event::Released), &path)?;
            }
            Ok(())
        })
    }

    fn write(&mut self, work: impl FnOnce(&Transaction<'_>) -> Result<(), HistoryError>) -> Result<(), HistoryError> {
        let failed = failed(&self.path, "write");
        let transaction = self.connection.transaction().map_err(&failed)?;
        work(&transaction)?;
        bound(&transaction).and_then(|()| timings::bound(&transaction)).map_err(&failed)?;
        transaction.commit().map_err(failed)
    }
}

/// The newest entries of an instance, the newest first; none where no history is kept.
///
/// # Errors
/// Where the file is damaged, newer than this Lockstep, or can't be read.
pub fn read(folder: &Path, instance: &InstanceName, limit: u32) -> Result<Vec<EntryJson>, HistoryError> {
    let path = folder.join(FILE);
    let Some((connection, _)) = open_to_read(&path)? else { return Ok(Vec::new()) };
    let failed = failed(&path, "read");
    let mut select = connection
        .prepare("SELECT at, first, count, body FROM entries WHERE instance = ? ORDER BY at DESC, id DESC LIMIT ?")
        .map_err(&failed)?;
    let rows = select.query_map(params![instance.as_str(), limit], columns).map_err(&failed)?;
    rows.map(|row| entry(row.map_err(&failed)?, &path)).collect()
}

/// Opens a history to read it, and gives its version; none where nothing is kept.
pub(super) fn open_to_read(path: &Path) -> Result<Option<(Connection, u32)>, HistoryError> {
    match fs::metadata(path) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(HistoryError::Io { what: "read", path: path.to_owned(), source }),
    }
    let failed = failed(path, "read");
    // A reader of a write-ahead log takes part in its locking, for which it writes; without that right it only reads.
    let flags = [OpenFlags::SQLITE_OPEN_READ_WRITE, OpenFlags::SQLITE_OPEN_READ_ONLY];
    let open = |flags| {
        let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(PATIENCE)?;
        let version = version(&connection)?;
        Ok((connection, version))
    };
    let (connection, version) = open(flags[0]).or_else(|_| open(flags[1])).map_err(&failed)?;
    match version {
        0 => Ok(None),
        1..=VERSION => Ok(Some((connection, version))),
        version => Err(HistoryError::Newer { path: path.to_owned(), version }),
    }
}

/// The names of all instances that something is on record of; none where no history is kept.
///
/// # Errors
/// What [`read`] gives.
pub fn instances(folder: &Path) -> Result<Vec<InstanceName>, HistoryError> {
    let path = folder.join(FILE);
    let Some((connection, _)) = open_to_read(&path)? else { return Ok(Vec::new()) };
    let failed = failed(&path, "read");
    let mut select = connection.prepare("SELECT DISTINCT instance FROM entries ORDER BY 1").map_err(&failed)?;
    let rows = select.query_map([], |row| row.get::<_, String>(0)).map_err(&failed)?;
    let names = rows.collect::<rusqlite::Result<Vec<_>>>().map_err(&failed)?;
    Ok(names.iter().filter_map(|name| InstanceName::try_from(name.as_str()).ok()).collect())
}

type Columns = (i64, i64, u64, String);

fn columns(row: &Row<'_>) -> rusqlite::Result<Columns> {
    let count: i64 = row.get(2)?;
    Ok((row.get(0)?, row.get(1)?, count.unsigned_abs(), row.get(3)?))
}

fn entry((at, first, count, body): Columns, path: &Path) -> Result<EntryJson, HistoryError> {
    let Body { action, outcome, revision, message, reasons, findings } = parse(&body, path)?;
    let time = |seconds| rfc3339(seconds).unwrap_or_default();
    Ok(EntryJson { at: time(at), first: time(first), count, action, outcome, revision, message, reasons, findings })
}

fn parse(body: &str, path: &Path) -> Result<Body, HistoryError> {
    serde_json::from_str(body).map_err(|source| HistoryError::Entry { path: path.to_owned(), source })
}

pub(super) fn failed(path: &Path, what: &'static str) -> impl Fn(rusqlite::Error) -> HistoryError {
    let path = path.to_owned();
    move |source| HistoryError::Database { what, path: path.clone(), source }
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

fn add(transaction: &Transaction<'_>, entry: &Entry, path: &Path) -> Result<(), HistoryError> {
    let body = Body::from(entry);
    let text = serde_json::to_string(&body).map_err(|source| HistoryError::Entry { path: path.to_owned(), source })?;
    let alike = alike(&body);
    let put = || {
        let name = entry.instance.as_str();
        let same = "SELECT id FROM (SELECT id, alike FROM entries WHERE instance = ? ORDER BY id DESC LIMIT ?) \
                    WHERE alike = ?";
        let found: Option<i64> =
            transaction.query_row(same, params![name, ALIKE_WITHIN, alike], |row| row.get(0)).optional()?;
        match found {
            Some(id) => transaction.execute(
                "UPDATE entries SET at = ?, count = count + 1, body = ? WHERE id = ?",
                params![entry.at, text, id],
            )?,
            None => transaction.execute(
                "INSERT INTO entries (instance, first, at, count, action, alike, body) VALUES (?, ?, ?, 1, ?, ?, ?)",
                params![name, entry.at, entry.at, body.action, alike, text],
            )?,
        };
        transaction.execute(
            "DELETE FROM entries WHERE instance = ?1 AND id <= \
             (SELECT id FROM entries WHERE instance = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            params![name, MAX_ENTRIES],
        )
    };
    put().and_then(|_| timings::add(transaction, &entry.instance, &entry.took)).map_err(failed(path, "write"))
}

/// What two entries have in common that are counted as one: everything but times, messages and the revision. Being held
/// and let go again is never counted, since the order matters.
fn alike(body: &Body) -> Option<Vec<u8>> {
    if !matches!(body.action.as_str(), "start" | "crashed") {
        return None;
    }
    let mut hash = Sha256::new();
    let fields = body.reasons.iter().flat_map(|reason| {
        [Some(&reason.field), reason.before.as_ref(), reason.after.as_ref(), Some(&reason.cause)]
            .map(Option::<&String>::cloned)
    });
    for part in [Some(body.action.clone()), Some(body.outcome.clone())].into_iter().chain(fields) {
        hash.update([u8::from(part.is_some())]);
        hash.update(part.unwrap_or_default());
        hash.update([0]);
    }
    Some(hash.finalize()[..8].to_vec())
}

/// The instances whose newest word is that they are held, with what was wrong with them.
fn known_held(
    transaction: &Transaction<'_>,
    path: &Path,
) -> Result<BTreeMap<InstanceName, Vec<FindingJson>>, HistoryError> {
    let failed = failed(path, "read");
    let newest = "SELECT instance, action, body FROM entries WHERE id IN \
                  (SELECT max(id) FROM entries WHERE action IN ('held', 'released') GROUP BY instance)";
    let mut select = transaction.prepare(newest).map_err(&failed)?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).map_err(&failed)?;
    let mut held = BTreeMap::new();
    for row in rows {
        let (instance, action, body): (String, String, String) = row.map_err(&failed)?;
        if let (Ok(name), "held") = (InstanceName::try_from(instance.as_str()), action.as_str()) {
            held.insert(name, parse(&body, path)?.findings);
        }
    }
    Ok(held)
}

/// Lets the oldest tenth of all go where three quarters of the room are taken.
fn bound(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let number = |pragma: &str| transaction.query_row(pragma, [], |row| row.get::<_, u32>(0));
    let taken = number("PRAGMA page_count")?.saturating_sub(number("PRAGMA freelist_count")?);
    if taken > MAX_PAGES / 4 * 3 {
        let oldest = "DELETE FROM entries WHERE id IN \
                      (SELECT id FROM entries ORDER BY at LIMIT (SELECT count(*) / 10 + 1 FROM entries))";
        transaction.execute(oldest, [])?;
    }
    Ok(())
}

fn make_private(folder: &Path, path: &Path) -> Result<(), HistoryError> {
    let failed = |source| HistoryError::Io { what: "make", path: path.to_owned(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    let file = fs::File::options().create(true).append(true).mode(0o600).open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(failed)?;
    }
    Ok(())
}

/// Keeps the damaged file for whoever wants to look at it, in the place of the one before.
fn move_aside(folder: &Path) -> Result<(), HistoryError> {
    let path = folder.join(FILE);
    let failed = |source| HistoryError::Io { what: "move aside", path: path.clone(), source };
    fs::rename(&path, folder.join(format!("{FILE}.damaged"))).map_err(failed)?;
    for ending in ["-wal", "-shm"] {
        match fs::remove_file(folder.join(format!("{FILE}{ending}"))) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}
