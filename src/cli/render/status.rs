//! The status as a table.

use super::{bold, dim, green, printable, red, table, yellow};
use crate::report::{Backlog, InstanceStatus, Phase, PlatformStatus, StatusReport};

/// The table, and the revisions above it. `now` is in seconds since the Unix epoch.
pub fn status(report: &StatusReport, now: i64) -> String {
    let short = |revision: &Option<String>| {
        revision.as_ref().map_or_else(|| "none".to_owned(), |text| text.chars().take(16).collect())
    };
    let mut text =
        format!("{} {}   {} {}\n\n", dim("revision"), short(&report.attempted), dim("applied"), short(&report.applied));
    if report.instances.is_empty() {
        return text + "There are no instances.\n" + &platforms(&report.platforms, now);
    }
    let head = ["NAME", "PHASE", "SINCE", "RESTARTS", "PLATFORM", "QUEUE", "LAST RUN", "IMAGE", "MESSAGE"].map(bold);
    let rows: Vec<_> =
        std::iter::once(head).chain(report.instances.iter().map(|instance| row(instance, now))).collect();
    text += &table(&rows);
    text + &platforms(&report.platforms, now)
}

/// How the platforms are, a line each, and a line for each thing that is wrong with one.
fn platforms(platforms: &[PlatformStatus], now: i64) -> String {
    let lines = platforms.iter().flat_map(|platform| {
        let since = platform.since.map(|since| format!(" since {}", age(now - since))).unwrap_or_default();
        let word = if platform.connected { green("connected") } else { red("away") };
        let version = platform.version.as_ref().map(|version| format!(", version {}", printable(version)));
        let head = format!("\n{} {}: {word}{since}{}\n", dim("platform"), platform.name, version.unwrap_or_default());
        let conditions = platform.conditions.iter();
        let wrong = conditions
            .map(|(condition, message)| format!("  {}: {}\n", yellow(condition.as_str()), printable(message)));
        std::iter::once(head).chain(wrong)
    });
    lines.collect()
}

fn row(instance: &InstanceStatus, now: i64) -> [String; 9] {
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
        instance.at_platform.backlog.map_or_else(|| "-".to_owned(), queue),
        instance.at_platform.last_run.map_or_else(|| "-".to_owned(), |at| format!("{} ago", age(now - at))),
        instance.image.clone().unwrap_or_else(|| "-".to_owned()),
        printable(&instance.message),
    ]
}

/// Messages that wait, and their size in its largest unit.
fn queue(backlog: Backlog) -> String {
    let size = match backlog.bytes {
        bytes @ 0..1_024 => format!("{bytes} B"),
        bytes @ 1_024..1_048_576 => format!("{} KiB", bytes >> 10),
        bytes @ 1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        bytes => format!("{} GiB", bytes >> 30),
    };
    if backlog.messages == 0 { "0".to_owned() } else { format!("{} ({size})", backlog.messages) }
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
