//! Findings as JUnit XML: a test case for each instance, failed where it has an error.

use super::{count, push};
use crate::model::{Finding, InstanceName, Severity, is_hidden};

/// An instance that was checked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Case {
    /// The file that declares it, relative to the root of the repository.
    pub file: String,
    /// The instance.
    pub instance: InstanceName,
}

/// One `testcase`: the file, the name, and what was found.
struct Test<'a> {
    file: &'a str,
    name: &'a str,
    findings: Vec<&'a Finding>,
}

/// A JUnit report; findings that belong to no instance are a case of their file.
pub fn junit(cases: &[Case], findings: &[Finding]) -> String {
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
    let failures = tests.iter().filter(|test| test.errors().next().is_some()).count();
    let counts = format!("tests=\"{}\" failures=\"{failures}\" errors=\"0\"", tests.len());
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite name=\"lockstep validate\" {counts} skipped=\"0\">\n"
    );
    for test in &tests {
        text += &test.element();
    }
    text + "  </testsuite>\n</testsuites>\n"
}

impl<'a> Test<'a> {
    fn errors(&self) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().copied().filter(|finding| finding.severity == Severity::Error)
    }

    fn element(&self) -> String {
        let mut text = String::new();
        push(&mut text, format_args!("    <testcase classname=\"{}\" name=\"{}\"", xml(self.file), xml(self.name)));
        if self.findings.is_empty() {
            return text + "/>\n";
        }
        text += ">\n";
        let errors: Vec<_> = self.errors().collect();
        if let Some(first) = errors.first() {
            let more = match errors.len() - 1 {
                0 => String::new(),
                more => format!(" (and {})", count(more, "more error")),
            };
            let message = xml(&format!("{}{more}", first.message));
            let of = errors.iter().map(|finding| line(finding)).collect::<String>();
            push(
                &mut text,
                format_args!("      <failure type=\"{}\" message=\"{message}\">{}</failure>\n", first.code, xml(&of)),
            );
        }
        let warnings = self.findings.iter().filter(|finding| finding.severity == Severity::Warning);
        let warnings: String = warnings.map(|finding| line(finding)).collect();
        if !warnings.is_empty() {
            push(&mut text, format_args!("      <system-out>{}</system-out>\n", xml(&warnings)));
        }
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
