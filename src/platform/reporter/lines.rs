//! The log lines that a person reads in the platform.

use crate::platform::{Standing, words};

/// How many lines the platform is given for one connector, ours among them.
pub const LOG_LINES: usize = 100;
/// How many of them are Lockstep's own, at most.
const OWN_LINES: usize = 20;
/// The longest line, in characters.
const LINE: usize = 2_000;

/// The newest lines of the container, then what Lockstep says about it, escaped and bounded.
pub(super) fn lines(standing: &Standing) -> Vec<String> {
    let own = &standing.messages[standing.messages.len().saturating_sub(OWN_LINES)..];
    let room = LOG_LINES - own.len();
    let theirs = &standing.logs[standing.logs.len().saturating_sub(room)..];
    let theirs = theirs.iter().map(|line| words(&line.replace('\t', "    "), LINE));
    theirs.chain(own.iter().map(|line| format!("[lockstep] {}", words(line, LINE)))).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{ConnectorId, ConnectorKind};

    pub(in crate::platform::reporter) fn standing(started_at: i64) -> Standing {
        Standing {
            id: ConnectorId::try_from("5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11").unwrap(),
            name: "misp".to_owned(),
            kind: ConnectorKind::ExternalImport,
            scope: Vec::new(),
            running: true,
            restarts: 0,
            started_at: Some(started_at),
            crash_loop: false,
            messages: Vec::new(),
            logs: Vec::new(),
        }
    }

    #[test]
    fn the_newest_lines_are_kept_and_ours_are_marked() {
        let mut standing = standing(0);
        standing.logs = (0..150).map(|line| format!("line {line}")).collect();
        standing.messages = vec!["pulling".to_owned(), "a\u{1b}[31m".to_owned()];
        let lines = lines(&standing);
        assert_eq!(lines.len(), LOG_LINES);
        assert_eq!(lines[0], "line 52");
        assert_eq!(lines[97], "line 149");
        assert_eq!(&lines[98..], ["[lockstep] pulling", "[lockstep] a\\u{1b}[31m"]);
    }

    #[test]
    fn our_own_lines_leave_room() {
        let mut standing = standing(0);
        standing.logs = (0..150).map(|line| line.to_string()).collect();
        standing.messages = (0..150).map(|line| line.to_string()).collect();
        let lines = lines(&standing);
        assert_eq!(lines.len(), LOG_LINES);
        assert_eq!(lines[80], "[lockstep] 130");
    }
}
