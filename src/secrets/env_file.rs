//! The variables of a file that compose gives a container (the compose specification, "`env_file` format").

use super::{
    OpenError, Subject,
    dotenv::{self, Hash},
};

/// The most variables of one file.
const MAX_VARIABLES: usize = 4096;

/// A variable of such a file.
pub struct EnvVariable {
    /// Its line.
    pub line: u32,
    /// Its name.
    pub key: String,
    /// Its text before interpolation; none where compose takes it from the shell.
    pub text: Option<String>,
    /// Whether the text stands in single quotes, so that nothing in it is a variable.
    pub literal: bool,
}

/// Reads such a file, in the order of its lines: of a variable that is there twice, the last one counts to compose.
///
/// # Errors
/// Where a line is none, or there are too many; no error says what a line holds.
pub fn env_file(name: &str, text: &str) -> Result<Vec<EnvVariable>, OpenError> {
    let mut variables = Vec::new();
    let text = text.trim_start_matches('\u{feff}');
    let read = dotenv::entries(text, Hash::Comment, |entry| {
        if variables.len() == MAX_VARIABLES {
            return Err(super::OpenErrorKind::BadMap { line: entry.line, why: "is one variable too many" });
        }
        let text = entry.value.map(str::to_owned);
        variables.push(EnvVariable { line: entry.line, key: entry.key.to_owned(), text, literal: entry.literal });
        Ok(())
    });
    read.map_err(|kind| OpenError { subject: Subject::File(name.to_owned()), kind })?;
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_compose_reads_them() {
        let text = "# a comment\n\nexport A=1 # behind\nB=x#y\nC='as $IT \"is\"' # c\nD=\"a\\nb $E\"\nE\nF=\n  G = spaced  \nA=2\nH=a=b\n";
        let read = env_file("e", text).unwrap();
        let read: Vec<_> = read.iter().map(|v| (v.line, v.key.as_str(), v.text.as_deref(), v.literal)).collect();
        let expected = [
            (3, "A", Some("1"), false),
            (4, "B", Some("x#y"), false),
            (5, "C", Some("as $IT \"is\""), true),
            (6, "D", Some("a\nb $E"), false),
            (7, "E", None, false),
            (8, "F", Some(""), false),
            (9, "G", Some("spaced"), false),
            (10, "A", Some("2"), false),
            (11, "H", Some("a=b"), false),
        ];
        assert_eq!(read, expected);
        assert!(env_file("e", "").unwrap().is_empty());
        for (text, line) in [("A=1\nnot a line\n", 2), ("A='open\n", 1), ("=x\n", 1), ("$(ls)=x\n", 1)] {
            let error = env_file("e", text).map(drop).unwrap_err();
            assert!(matches!(error.kind, super::super::OpenErrorKind::BadMap { line: at, .. } if at == line), "{text}");
        }
    }
}
