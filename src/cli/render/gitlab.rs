//! What GitLab shows beside a merge request: code quality, and the counts of a plan.

use serde_json::{Value, json};

use super::{fingerprint::fingerprints, printable};
use crate::{
    model::{Finding, Severity},
    plan::{Plan, wire::SummaryJson},
};

/// A code quality report; the files of the findings are relative to the root of the repository.
pub fn code_quality(findings: &[Finding]) -> Value {
    let one = |(finding, fingerprint): (&Finding, String)| {
        let severity = match finding.severity {
            Severity::Error => "major",
            Severity::Warning => "minor",
        };
        let help = finding.help.as_ref().map(|help| format!("; help: {}", printable(help))).unwrap_or_default();
        json!({
            "description": format!("{}{help}", printable(&finding.message)),
            "check_name": finding.code.as_str(),
            "fingerprint": fingerprint,
            "severity": severity,
            "location": { "path": &*finding.place.file, "lines": { "begin": finding.place.line } },
        })
    };
    findings.iter().zip(fingerprints(findings)).map(one).collect()
}

/// The counts that the plan widget shows.
pub fn plan_counts(plan: &Plan) -> Value {
    let SummaryJson { add, change, destroy } = SummaryJson::of(plan);
    json!({ "create": add, "update": change, "delete": destroy })
}
