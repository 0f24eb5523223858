//! Findings as a compiler prints them: what, where, and what to do.

use super::{bold, count, dim, printable, push, red, yellow};
use crate::model::{Finding, Severity};

/// Every finding, and how many there are. The lines of the source are not quoted: they may hold a secret.
pub fn findings(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let head = format!("{}[{}]", finding.severity.as_str(), finding.code);
        let head = match finding.severity {
            Severity::Error => red(&head),
            Severity::Warning => yellow(&head),
        };
        push(&mut text, format_args!("{head}: {}\n", bold(&printable(&finding.message))));
        push(&mut text, format_args!("  {} {}\n", dim("-->"), printable(&finding.place.to_string())));
        if let Some(instance) = &finding.instance {
            push(&mut text, format_args!("   {} instance: {instance}\n", dim("=")));
        }
        if let Some(help) = &finding.help {
            push(&mut text, format_args!("   {} help: {}\n", dim("="), printable(help)));
        }
        text.push('\n');
    }
    let of = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let parts: Vec<_> = [(of(Severity::Error), "error"), (of(Severity::Warning), "warning")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| count(number, noun))
        .collect();
    if !parts.is_empty() {
        push(&mut text, format_args!("{}\n", parts.join(", ")));
    }
    text
}
