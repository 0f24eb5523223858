//! How long the parts of steps took, the last few of each instance.

use std::{collections::BTreeMap, path::Path, time::Duration};

use rusqlite::{Transaction, params};

use super::{
    HistoryError,
    store::{FILE, failed, open_to_read},
};
use crate::{model::InstanceName, plan::Timings};

pub(super) const TABLE: &str = "
    CREATE TABLE timings (
        id INTEGER PRIMARY KEY, instance TEXT NOT NULL, part TEXT NOT NULL, milliseconds INTEGER NOT NULL) STRICT;
    CREATE INDEX timings_of_part ON timings (instance, part, id);";
/// The first version of the file that has this table.
const SINCE: u32 = 2;
/// How many of each part of an instance's steps are kept.
const KEPT: u32 = 9;
/// How many of all are kept.
const MOST: i64 = 50_000;

/// The parts by the words that the file has for them.
fn parts(timings: &mut Timings) -> [(&'static str, &mut Option<Duration>); 4] {
    let Timings { create, stop, start, healthy } = timings;
    [("create", create), ("stop", stop), ("start", start), ("healthy", healthy)]
}

/// Adds what a step took.
pub(super) fn add(transaction: &Transaction<'_>, instance: &InstanceName, took: &Timings) -> rusqlite::Result<()> {
    for (part, time) in parts(&mut took.clone()) {
        let Some(time) = time else { continue };
        let milliseconds = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let name = instance.as_str();
        transaction.execute(
            "INSERT INTO timings (instance, part, milliseconds) VALUES (?, ?, ?)",
            params![name, part, milliseconds],
        )?;
        transaction.execute(
            "DELETE FROM timings WHERE instance = ?1 AND part = ?2 AND id <= \
             (SELECT id FROM timings WHERE instance = ?1 AND part = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)",
            params![name, part, KEPT],
        )?;
    }
    Ok(())
}

/// Lets go of those of instances that have not changed for longest, where there are too many.
pub(super) fn bound(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let oldest = "DELETE FROM timings WHERE id <= (SELECT max(id) FROM timings) - ?";
    transaction.execute(oldest, [MOST]).map(drop)
}

/// The medians of what the last steps of instances took; an instance of which nothing was measured is left out.
///
/// # Errors
/// Where the file is damaged, newer than this Lockstep, or can't be read.
pub fn medians<'a>(
    folder: &Path,
    instances: impl IntoIterator<Item = &'a InstanceName>,
) -> Result<BTreeMap<InstanceName, Timings>, HistoryError> {
    let path = folder.join(FILE);
    let connection = match open_to_read(&path)? {
        Some((connection, SINCE..)) => connection,
        Some(_) | None => return Ok(BTreeMap::new()),
    };
    let failed = failed(&path, "read");
    let one = "SELECT milliseconds FROM timings WHERE instance = ? AND part = ? ORDER BY milliseconds";
    let mut select = connection.prepare(one).map_err(&failed)?;
    let mut medians = BTreeMap::new();
    for instance in instances {
        let mut timings = Timings::default();
        for (part, time) in parts(&mut timings) {
            let rows = select.query_map(params![instance.as_str(), part], |row| row.get(0)).map_err(&failed)?;
            let sorted = rows.collect::<rusqlite::Result<Vec<i64>>>().map_err(&failed)?;
            *time = sorted.get(sorted.len() / 2).map(|middle| Duration::from_millis(middle.unsigned_abs()));
        }
        if timings != Timings::default() {
            medians.insert(instance.clone(), timings);
        }
    }
    Ok(medians)
}
