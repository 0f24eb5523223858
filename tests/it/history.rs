//! What is remembered of instances, and what happens to it when its file is damaged, full, newer or read meanwhile.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use lockstep::{
    history::{self, Ending, Entry, Event, FILE, HistoryError, Store, wire::EntryJson},
    model::{Code, Finding, InstanceName, Place},
    plan::{Action, Cause, Reason, Timings},
};

fn name(text: &str) -> InstanceName {
    InstanceName::try_from(text).unwrap()
}

fn entry(instance: &str, at: i64, event: Event, reason: &Reason) -> Entry {
    Entry::new(&name(instance), at, event, Some("c0ffee".to_owned()), "").because(std::slice::from_ref(reason))
}

fn changed(field: &str, after: &str) -> Reason {
    Reason::of(field, Some("before".to_owned()), Some(after.to_owned()), Cause::Manifest)
}

fn read(folder: &Path, instance: &str) -> Vec<EntryJson> {
    history::read(folder, &name(instance), 1_000).unwrap()
}

fn actions(folder: &Path, instance: &str) -> Vec<String> {
    read(folder, instance).into_iter().map(|entry| format!("{} x{}", entry.action, entry.count)).collect()
}

const DONE: Event = Event::Step(Action::Replace, Ending::Done);

#[test]
fn entries_outlive_the_process_and_come_newest_first() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(read(folder.path(), "a"), []);
    Store::open(folder.path()).unwrap().add(&[entry("a", 1, DONE, &changed("image", "one"))]).unwrap();
    let secret = Reason { sensitive: true, ..changed("env.KEY", "hunter2") };
    let second = [entry("a", 2, DONE, &secret), entry("b", 3, DONE, &changed("image", "two"))];
    Store::open(folder.path()).unwrap().add(&second).unwrap();
    let entries = read(folder.path(), "a");
    assert_eq!(
        entries.iter().map(|entry| entry.at.as_str()).collect::<Vec<_>>(),
        ["1970-01-01T00:00:02Z", "1970-01-01T00:00:01Z"]
    );
    assert_eq!(entries[1].reasons[0].after.as_deref(), Some("one"));
    assert_eq!((entries[0].outcome.as_str(), entries[0].revision.as_deref()), ("done", Some("c0ffee")));
    for file in fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        assert!(!String::from_utf8_lossy(&fs::read(&path).unwrap()).contains("hunter2"), "{}", path.display());
    }
}

#[test]
fn what_repeats_is_counted_and_what_differs_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let start = Event::Step(Action::Start, Ending::Done);
    for at in 0..20 {
        let crash = Entry::new(&name("a"), at * 10, Event::Crashed, None, &format!("try {at}"));
        store.add(&[crash, entry("a", at * 10 + 1, start, &changed("state", "running"))]).unwrap();
    }
    assert_eq!(actions(folder.path(), "a"), ["start x20", "crashed x20"]);
    let entries = read(folder.path(), "a");
    assert_eq!((entries[0].first.as_str(), entries[0].at.as_str()), ("1970-01-01T00:00:01Z", "1970-01-01T00:03:11Z"));
    assert_eq!(entries[1].message, "try 19");
    store.add(&[entry("a", 300, DONE, &changed("image", "x")), entry("a", 301, DONE, &changed("image", "x"))]).unwrap();
    assert_eq!(actions(folder.path(), "a")[..2], ["replace x1", "replace x1"], "a change is never counted away");
}

#[test]
fn held_and_released_are_noted_when_they_change_only() {
    let folder = tempfile::tempdir().unwrap();
    let finding = |line| {
        Finding::error(Code::WrongType, Place { line, ..Place::start_of("a.yaml") }, "not a number")
            .of_instance(&name("a"))
    };
    let held = |line| BTreeMap::from([(name("a"), vec![finding(line)])]);
    for (at, now, all) in [
        (1, held(4), true),
        (2, held(4), true),
        (3, held(5), true),
        (4, BTreeMap::new(), false),
        (5, BTreeMap::new(), true),
        (6, BTreeMap::new(), true),
        (7, held(5), true),
    ] {
        Store::open(folder.path()).unwrap().hold(at, "c0ffee", &now, all).unwrap();
    }
    assert_eq!(actions(folder.path(), "a"), ["held x1", "released x1", "held x1", "held x1"]);
    let entries = read(folder.path(), "a");
    assert_eq!(entries[1].at, "1970-01-01T00:00:05Z", "an application to others alone releases nobody");
    assert_eq!((entries[0].findings[0].line, entries[0].findings[0].code.as_str()), (5, "wrong-type"));
}

#[test]
fn an_instance_keeps_its_newest_entries_and_its_neighbours_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    store.add(&[entry("b", 0, DONE, &changed("image", "first"))]).unwrap();
    let many: Vec<_> = (0..500).map(|at| entry("a", at, DONE, &changed("image", &at.to_string()))).collect();
    store.add(&many).unwrap();
    let kept = read(folder.path(), "a");
    assert_eq!(kept.len(), 200);
    assert_eq!(kept[199].reasons[0].after.as_deref(), Some("300"));
    assert_eq!(read(folder.path(), "b").len(), 1);
}

#[test]
fn the_file_is_bounded_and_the_oldest_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let reasons: Vec<_> = (0..100).map(|n| changed(&format!("env.KEY_{n}"), &"long ".repeat(1_000))).collect();
    for number in 0..60_i64 {
        let of = |at| {
            let instance = name(&format!("i{number}"));
            Entry::new(&instance, number * 100 + at, DONE, None, &"x".repeat(10_000)).because(&reasons)
        };
        store.add(&(0..30).map(of).collect::<Vec<_>>()).unwrap();
    }
    let size: u64 = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(size < 48 << 20, "{size} bytes");
    assert_eq!(read(folder.path(), "i0"), [], "the oldest are gone");
    assert_eq!(read(folder.path(), "i59").len(), 30, "the newest are there");
}

#[test]
fn a_damaged_file_is_moved_aside_and_a_new_one_begun() {
    let folder = tempfile::tempdir().unwrap();
    for damage in [&b"this is no database, and never was one"[..], &[0; 4_096], b""] {
        fs::write(folder.path().join(FILE), damage).unwrap();
        if !damage.is_empty() && damage[0] != 0 {
            assert!(history::read(folder.path(), &name("a"), 1).unwrap_err().is_damage());
        }
        Store::open(folder.path()).unwrap().add(&[entry("a", 1, DONE, &changed("image", "x"))]).unwrap();
        assert!(!read(folder.path(), "a").is_empty());
        fs::remove_file(folder.path().join(FILE)).unwrap();
    }
    let aside = fs::read(folder.path().join(format!("{FILE}.damaged"))).unwrap();
    assert!(!aside.is_empty());
}

#[test]
fn a_page_that_is_damaged_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let many: Vec<_> = (0..200).map(|at| entry("a", at, DONE, &changed("image", &"x".repeat(250)))).collect();
    Store::open(folder.path()).unwrap().add(&many).unwrap();
    let path = folder.path().join(FILE);
    let mut content = fs::read(&path).unwrap();
    assert!(content.len() > 40_000, "closing has written everything back");
    content[8_192..32_768].fill(0xa5);
    fs::write(&path, content).unwrap();
    Store::open(folder.path()).unwrap().add(&[entry("a", 1, DONE, &changed("image", "y"))]).unwrap();
    assert_eq!(read(folder.path(), "a").len(), 1);
    assert!(folder.path().join(format!("{FILE}.damaged")).exists());
}

#[test]
fn what_steps_took_is_kept_of_the_last_few_and_a_median_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let medians = || history::medians(folder.path(), &[name("a"), name("b")]).unwrap();
    assert_eq!(medians().len(), 0, "nothing is kept yet");
    let time = |milliseconds| Some(Duration::from_millis(milliseconds));
    let took = |stop, start| Entry {
        took: Timings { stop, start, ..Timings::default() },
        ..entry("a", 1, DONE, &changed("image", "x"))
    };
    let mut store = Store::open(folder.path()).unwrap();
    store.add(&[took(time(700), None), took(time(100), time(9)), took(time(900), None)]).unwrap();
    let expected = Timings { stop: time(700), start: time(9), ..Timings::default() };
    assert_eq!(medians(), BTreeMap::from([(name("a"), expected)]));
    // Of many, the newest count.
    store.add(&(0..20).map(|_| took(time(50), None)).collect::<Vec<_>>()).unwrap();
    assert_eq!(medians()[&name("a")].stop, time(50));
    let connection = rusqlite::Connection::open(folder.path().join(FILE)).unwrap();
    let kept: i64 = connection.query_row("SELECT count(*) FROM timings", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 10, "nine of the stops, and the start");
    // The oldest of all go, where there are very many.
    connection.execute("UPDATE timings SET id = id + 60000 WHERE part = 'stop'", []).unwrap();
    store.add(&[took(time(50), None)]).unwrap();
    assert_eq!(medians()[&name("a")].start, None);
}

#[test]
fn a_file_of_the_first_version_is_read_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    Store::open(folder.path()).unwrap().add(&[entry("a", 1, DONE, &changed("image", "x"))]).unwrap();
    let connection = rusqlite::Connection::open(folder.path().join(FILE)).unwrap();
    connection.execute_batch("DROP TABLE timings; PRAGMA user_version = 1").unwrap();
    assert_eq!(actions(folder.path(), "a"), ["replace x1"]);
    assert_eq!(history::medians(folder.path(), &[name("a")]).unwrap().len(), 0);
    let took = Timings { stop: Some(Duration::from_secs(1)), ..Timings::default() };
    let new = Entry { took, ..entry("a", 2, DONE, &changed("image", "y")) };
    Store::open(folder.path()).unwrap().add(&[new]).unwrap();
    assert_eq!(actions(folder.path(), "a"), ["replace x1", "replace x1"]);
    assert_eq!(history::medians(folder.path(), &[name("a")]).unwrap()[&name("a")], took);
}

#[test]
fn a_newer_file_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let connection = rusqlite::Connection::open(folder.path().join(FILE)).unwrap();
    connection.execute_batch("PRAGMA user_version = 3; CREATE TABLE other (x)").unwrap();
    drop(connection);
    let before = fs::read(folder.path().join(FILE)).unwrap();
    assert!(matches!(Store::open(folder.path()).unwrap_err(), HistoryError::Newer { version: 3, .. }));
    assert!(matches!(history::read(folder.path(), &name("a"), 1).unwrap_err(), HistoryError::Newer { .. }));
    let tables = rusqlite::Connection::open(folder.path().join(FILE)).unwrap();
    let found: i64 = tables.query_row("SELECT count(*) FROM other", [], |row| row.get(0)).unwrap();
    assert_eq!((found, before.is_empty()), (0, false));
}

#[test]
fn readers_and_a_writer_do_not_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    store.add(&[entry("a", 1, DONE, &changed("image", "x"))]).unwrap();
    let reader = rusqlite::Connection::open(folder.path().join(FILE)).unwrap();
    let transaction = reader.unchecked_transaction().unwrap();
    let count = || transaction.query_row("SELECT count(*) FROM entries", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count(), 1);
    store.add(&[entry("a", 2, DONE, &changed("image", "y"))]).unwrap();
    assert_eq!(count(), 1, "a reader sees one moment");
    assert_eq!(read(folder.path(), "a").len(), 2);
}

#[test]
fn hostile_and_endless_texts_are_cut() {
    let folder = tempfile::tempdir().unwrap();
    let reasons: Vec<_> = (0..1_000).map(|_| changed("env.KEY", &"\u{1b}[2J".repeat(10_000))).collect();
    let entry = Entry::new(&name("a"), 1, DONE, None, &"\u{202e}x".repeat(100_000)).because(&reasons);
    Store::open(folder.path()).unwrap().add(&[entry]).unwrap();
    let entry = read(folder.path(), "a").remove(0);
    let text = serde_json::to_string(&entry).unwrap();
    assert!(text.len() < 400_000 && !text.contains("\\u001b") && !text.contains('\u{202e}'), "{}", text.len());
    assert_eq!(entry.reasons.len(), 40);
}
