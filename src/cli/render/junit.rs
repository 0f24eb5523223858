//! Findings as JUnit XML: a test case for each instance, failed where it has an error.

use std::time::Duration;

use super::{count, push};
use crate::model::{Finding, InstanceName, Severity, is_hidden, rfc3339};

/// An instance that was checked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Case {
    /// The file that declares it, relative to the root of the repository.
    pub file: String,
    /// The instance.
    pub instance: InstanceName,
}

/// The check that a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run<'a> {
    /// When it began, in seconds since the Unix epoch.
    pub began: i64,
    /// How long it took.
    pub took: Duration,
    /// Our own version.
    pub version: &'a str,
}

/// One `testcase`: the file, the name, and what was found.
struct Test<'a> {
    file: &'a str,
    name: &'a str,
    findings: Vec<&'a Finding>,
}

/// A JUnit report; findings that belong to no instance are a case of their file.
///
/// There are several schemas of such reports, and this is what all of them take: that of Apache Ant wants a time and a host
/// everywhere, and has no place for what a single case says besides its failure, which is why warnings stand at the end.
pub fn junit(run: &Run<'_>, cases: &[Case], findings: &[Finding]) -> String {
    let tests = tests(cases, findings);
    let failures = tests.iter().filter(|test| test.errors().next().is_some()).count();
    let began = rfc3339(run.began).unwrap_or_default();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"lockstep validate\" \
         package=\"lockstep\" id=\"0\" timestamp=\"{}\" hostname=\"localhost\" time=\"{:.3}\" tests=\"{}\" \
         failures=\"{failures}\" errors=\"0\">\n    <properties>\n      <property name=\"version\" \
         value=\"{}\"/>\n    </properties>\n",
        began.trim_end_matches('Z'),
        run.took.as_secs_f64(),
        tests.len(),
        xml(run.version),
    );
    text.extend(tests.iter().map(Test::element));
    let warnings = findings.iter().filter(|finding| finding.severity == Severity::Warning);
    let warnings: String = warnings.map(line).collect();
    push(&mut text, format_args!("    <system-out>{}</system-out>\n    <system-err/>\n", xml(&warnings)));
    text + "  </testsuite>\n</testsuites>\n"
}

/// Each case with what was found of it.
fn tests<'a>(cases: &'a [Case], findings: &'a [Finding]) -> Vec<Test<'a>> {
    let mut tests: Vec<_> = cases
        .iter()
        .map(|case| Test { file: &case.file, name: case.instance.as_str(), findings: Vec::new() })
        .collect();
    for finding in findings {
        let file = &*finding.place.file;
        let name = finding.instance.as_ref().map_or(file, |name| name.as_str());
        let same = |test: &&mut Test<'_>| test.name == name;
        let best = tests.iter().position(|test| test.name == name && test.file == file);
        let found = match best {
            Some(index) => tests.get_mut(index),
            None => tests.iter_mut().find(same),
        };
        match found {
            Some(test) => test.findings.push(finding),
            None => tests.push(Test { file, name, findings: vec![finding] }),
        }
    }
    tests
}

impl<'a> Test<'a> {
    fn errors(&self) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().copied().filter(|finding| finding.severity == Severity::Error)
    }

    /// No case is timed by itself: a whole check takes fractions of a second.
    fn element(&self) -> String {
        let mut text = String::new();
        let (class, name) = (xml(self.file), xml(self.name));
        push(&mut text, format_args!("    <testcase classname=\"{class}\" name=\"{name}\" time=\"0\""));
        let errors: Vec<_> = self.errors().collect();
        let Some(first) = errors.first() else { return text + "/>\n" };
        let more = match errors.len() - 1 {
            0 => String::new(),
            more => format!(" (and {})", count(more, "more error")),
        };
        let message = xml(&format!("{}{more}", first.message));
        let of = errors.iter().map(|finding| line(finding)).collect::<String>();
        push(
            &mut text,
            format_args!(">\n      <failure type=\"{}\" message=\"{message}\">{}</failure>\n", first.code, xml(&of)),
        );
        text + "    </testcase>\n"
    }
}

fn line(finding: &Finding) -> String {
    let help = finding.help.as_ref().map(|help| format!("; help: {help}")).unwrap_or_default();
    format!("{}: {}[{}]: {}{help}\n", finding.place, finding.severity.as_str(), finding.code, finding.message)
}

/// A text as XML 1.0; line breaks stay, and characters that XML can't hold or nobody sees are written out.
fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&apos;",
            '\n' => escaped += "&#10;",
            '\u{fffe}' | '\u{ffff}' => escaped.extend(c.escape_default()),
            c if is_hidden(c) => escaped.extend(c.escape_default()),
            c => escaped.push(c),
        }
    }
    escaped
}
