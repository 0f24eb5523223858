//! What was opened leaves no copy in memory once it is dropped.
//!
//! A child opens it, since the parent knows the plaintext; the parent looks through the child's memory.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek, SeekFrom, Write},
    process::{Command, Stdio},
};

use age::secrecy::{ExposeSecret, SecretString};
use lockstep::{
    model::Sealed,
    secrets::{Binding, BindingPolicy, Keyring, keygen, seal},
};

use super::{encrypt, new_keyring, whom};

/// Between parent and child, on standard output.
const OPEN: &str = "it is open";
const DROPPED: &str = "it is dropped";

fn place() -> Binding {
    whom("misp", "K")
}

#[test]
#[ignore = "runs as a child of the test below"]
fn child_opens_and_drops() {
    let mut keyring = Keyring::default();
    keyring.add("identity", &std::fs::read("identity").unwrap()).unwrap();
    let sealed = Sealed::recognise(&std::fs::read_to_string("sealed").unwrap()).unwrap();
    let value = keyring.open(&sealed, &place(), BindingPolicy::Required).unwrap();
    let map = keyring.open_file(&std::fs::read("file").unwrap(), "file").unwrap();
    assert!(value.expose_secret().len() > 100_000 && map.get("A").is_some());
    let mut line = String::new();
    println!("\n{OPEN}");
    std::io::stdin().read_line(&mut line).unwrap();
    drop((value, map, keyring));
    println!("\n{DROPPED}");
    std::io::stdin().read_line(&mut line).unwrap();
}

/// How many of the marks stand in the memory that a process can write to.
fn found(pid: u32, marks: &[String]) -> usize {
    let search = aho_corasick::AhoCorasick::new(marks).expect("a few short marks");
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("our own child");
    let mut memory = File::open(format!("/proc/{pid}/mem")).expect("our own child");
    let mut hits = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (range, _) = line.split_once(' ').expect("a range, then more");
        let (from, to) = range.split_once('-').expect("two addresses");
        let address = |text| u64::from_str_radix(text, 16).expect("an address");
        let mut bytes = Vec::new();
        memory.seek(SeekFrom::Start(address(from))).expect("an address that is mapped");
        let read = (&mut memory).take(address(to) - address(from)).read_to_end(&mut bytes);
        assert!(read.is_ok() || line.contains('['), "{line}");
        hits += search.find_iter(&bytes).count();
    }
    hits
}

#[test]
fn nothing_is_left_of_what_was_dropped() {
    let (file, recipient) = keygen();
    let (mut keyring, _) = new_keyring();
    keyring.add("identity", file.expose_secret().as_bytes()).unwrap();
    let recipients = lockstep::secrets::Recipients::parse(&recipient).unwrap();
    // Over the 64 KiB that age encrypts at once, and other text everywhere.
    let marks: Vec<String> = (0..4000).map(|_| uuid::Uuid::new_v4().simple().to_string()).collect();
    let (value, others) = marks.split_at(3800);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
    let sealed = seal(&SecretString::from(value.concat()), &recipients, Some(&place())).unwrap();
    write("sealed", sealed.as_bytes());
    write("file", &encrypt(&recipients, format!("A={}\nB=\"{}\"\n", others[0], others[1..].join("\\n")).as_bytes()));
    write("identity", file.expose_secret().as_bytes());

    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "secrets::memory::child_opens_and_drops", "--ignored", "--nocapture", "--test-threads=1"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(output.any(|line| line == OPEN));
    assert!(found(child.id(), &marks) >= marks.len(), "the search finds what is there");
    writeln!(input).unwrap();
    assert!(output.any(|line| line == DROPPED));
    let left = found(child.id(), &marks);
    writeln!(input).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(left, 0, "marks left in memory");
}
