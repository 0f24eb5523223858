//! Values in the formats that people and their tools read; writing them is done elsewhere.

mod apply;
mod catalog_diff;
mod changes;
mod cost;
mod difference;
mod fence;
mod findings;
mod fingerprint;
mod github;
mod gitlab;
mod junit;
mod markdown;
mod markdown_plan;
mod plan;
mod sarif;
mod status;
mod style;
mod table;
mod why;

pub use apply::{problem, summary};
pub use catalog_diff::{
    CatalogDiff, CatalogDiffJson, ChangeJson, ContractDiff, ContractDiffJson, InstanceDiff, InstanceDiffJson,
    catalog_diff, catalog_diff_schema,
};
pub use findings::findings;
pub use github::{annotations, outputs, plan_annotations};
pub use gitlab::{code_quality, plan_counts};
pub use junit::{Case, Run, junit};
pub use markdown::{BadMarker, Marker, markdown_findings};
pub use markdown_plan::{COMMENT_LIMIT, LEAST_LIMIT, SUMMARY_LIMIT, markdown_plan};
pub use plan::{plan, suspended};
pub use sarif::sarif;
pub use status::status;
pub use style::{bold, dim, green, red, yellow};
pub use table::table;
pub use why::why;

use crate::model;

/// A count with its noun: `1 instance`, `2 instances`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Adds to a text.
pub fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    std::fmt::Write::write_fmt(text, more).expect("a String takes whatever is written to it");
}

/// A text that is safe to print: control characters are escaped, and those that are not seen but change what is.
pub fn printable(text: &str) -> String {
    model::printable(text, usize::MAX)
}

/// A value in quotation marks, safe to print.
fn quoted(text: &str) -> String {
    format!("\"{}\"", printable(text).replace('"', "\\\""))
}
