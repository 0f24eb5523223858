//! Findings as SARIF 2.1.0, the format of code scanning.

use serde_json::{Value, json};

use super::{count, fingerprint::fingerprints, printable, push};
use crate::model::{Code, Finding, Severity};

/// How many results are written; code scanning shows no more, and refuses files with far more.
const MOST_RESULTS: usize = 5_000;

/// A SARIF log; the files of the findings are relative to the root of the repository. `version` is our own.
pub fn sarif(findings: &[Finding], version: &str) -> Value {
    let mut all: Vec<_> = findings.iter().zip(fingerprints(findings)).collect();
    all.sort_by_key(|(finding, _)| finding.severity);
    let left_out = all.len().saturating_sub(MOST_RESULTS);
    let results: Vec<_> = all.iter().take(MOST_RESULTS).map(|(finding, print)| result(finding, print)).collect();
    let notices: Vec<_> = (left_out > 0)
        .then(|| json!({ "level": "note", "message": { "text": format!("{} left out", count(left_out, "more result")) } }))
        .into_iter()
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Lockstep",
                "semanticVersion": version,
                "rules": Code::ALL.iter().map(|code| rule(*code)).collect::<Vec<_>>(),
            }},
            "automationDetails": { "id": "lockstep/validate/" },
            "columnKind": "unicodeCodePoints",
            "invocations": [{ "executionSuccessful": true, "toolExecutionNotifications": notices }],
            "results": results,
        }],
    })
}

fn rule(code: Code) -> Value {
    let text = json!({ "text": code.meaning() });
    json!({
        "id": code.as_str(),
        "shortDescription": text,
        "fullDescription": text,
        "help": text,
        "defaultConfiguration": { "level": "error" },
    })
}

fn result(finding: &Finding, fingerprint: &str) -> Value {
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let help = finding.help.as_ref().map(|help| format!("\nhelp: {}", printable(help))).unwrap_or_default();
    let index = Code::ALL.iter().position(|code| *code == finding.code);
    json!({
        "ruleId": finding.code.as_str(),
        "ruleIndex": index,
        "level": level,
        "message": { "text": format!("{}{help}", printable(&finding.message)) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": relative_uri(&finding.place.file), "uriBaseId": "%SRCROOT%" },
            "region": { "startLine": finding.place.line, "startColumn": finding.place.column },
        }}],
        "partialFingerprints": { "lockstepFinding/v1": fingerprint, "primaryLocationLineHash": fingerprint },
    })
}

/// A path as a relative reference (RFC 3986): only unreserved characters stand for themselves.
fn relative_uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            uri.push(char::from(byte));
        } else {
            push(&mut uri, format_args!("%{byte:02X}"));
        }
    }
    uri
}
