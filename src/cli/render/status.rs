//! The status as a table.

use super::{bold, dim, green, printable, red, table, yellow};
use crate::report::{InstanceStatus, Phase, StatusReport};

/// The table, and the revisions above it. `now` is in seconds since the Unix epoch.
pub fn status(report: &StatusReport, now: i64) -> String {
    let short = |revision: &Option<String>| {
        revision.as_ref().map_or_else(|| "none".to_owned(), |text| text.chars().take(16).collect())
    };
    let mut text =
        format!("{} {}   {} {}\n\n", dim("revision"), short(&report.attempted), dim("applied"), short(&report.applied));
    if report.instances.is_empty() {
        return text + "There are no instances.\n";
    }
    let head = ["NAME", "PHASE", "SINCE", "RESTARTS", "PLATFORM", "IMAGE", "MESSAGE"].map(bold);
    let rows: Vec<_> =
        std::iter::once(head).chain(report.instances.iter().map(|instance| row(instance, now))).collect();
    text += &table(&rows);
    text
}

fn row(instance: &InstanceStatus, now: i64) -> [String; 7] {
    let word = instance.phase.as_str();
    let phase = match instance.phase {
        Phase::Healthy => green(word),
        Phase::Held | Phase::CrashLoop | Phase::Failed | Phase::Unhealthy => red(word),
        Phase::Pending | Phase::Changing | Phase::Starting => yellow(word),
        Phase::Stopped | Phase::Suspended | Phase::Retained => dim(word),
    };
    let platform = match (&instance.platform, instance.platform_heard) {
        (Some(name), Some(true)) => format!("{name} {}", green("heard")),
        (Some(name), Some(false)) => format!("{name} {}", yellow("silent")),
        (Some(name), None) => name.to_string(),
        (None, _) => "-".to_owned(),
    };
    [
        instance.name.to_string(),
        phase,
        instance.since.map_or_else(|| "-".to_owned(), |since| age(now - since)),
        instance.restarts.to_string(),
        platform,
        instance.image.clone().unwrap_or_else(|| "-".to_owned()),
        printable(&instance.message),
    ]
}

/// A time span in its largest unit.
fn age(seconds: i64) -> String {
    match seconds.max(0) {
        s @ 0..60 => format!("{s}s"),
        s @ 60..3_600 => format!("{}m", s / 60),
        s @ 3_600..172_800 => format!("{}h", s / 3_600),
        s => format!("{}d", s / 86_400),
    }
}
