//! What a plan costs, in words.

use std::{collections::BTreeMap, time::Duration};

use super::{count, printable};
use crate::plan::{Plan, Step, Total};

/// What one step costs, as comments.
pub(super) fn comments(plan: &Plan, step: &Step) -> Vec<String> {
    let pull = plan.pull(step).map(|pull| match pull.bytes {
        Some(bytes) => format!("# (pulls {})", size(bytes)),
        None => "# (pulls its image, size not known)".to_owned(),
    });
    let downtime = plan.downtime(step).map(|down| {
        let healthy = down.healthy.map(|time| format!(" and is healthy {} later", span(time))).unwrap_or_default();
        match (down.is_stop_measured, down.start) {
            (true, Some(_)) => format!("# (does not run for about {}{healthy}, measured)", span(down.known())),
            (false, Some(start)) => {
                let (stop, start) = (span(down.stop), span(start));
                format!("# (does not run for up to {stop}, its stop grace, and a start of about {start}, measured)")
            }
            (true, None) => {
                format!("# (does not run for a stop of about {}, measured, and its start)", span(down.stop))
            }
            (false, None) => format!("# (does not run for up to {}, its stop grace, and its start)", span(down.stop)),
        }
    });
    pull.into_iter().chain(downtime).collect()
}

/// Each image that is pulled, and what everything costs together; nothing where nothing costs anything.
pub(super) fn lines(plan: &Plan) -> Vec<String> {
    let mut images: BTreeMap<&str, (usize, Option<u64>)> = BTreeMap::new();
    for pull in plan.steps.iter().filter_map(|step| plan.pull(step)) {
        images.entry(pull.image).or_insert((0, pull.bytes)).0 += 1;
    }
    let line = |(image, (number, bytes)): (&str, (usize, Option<u64>))| {
        let size = bytes.map_or_else(|| "size not known".to_owned(), size);
        format!("{} will be pulled, for {} ({size})", printable(image), count(number, "instance"))
    };
    images.into_iter().map(line).chain(total(plan)).collect()
}

/// What everything costs together: `In all: 45.2 MB to pull; 2 instances do not run for about 3.1 s (measured).`
pub(super) fn total(plan: &Plan) -> Option<String> {
    let Total { images, bytes, interrupted, downtime, is_measured, are_starts_measured } = plan.total();
    let pulled = images.filter(|images| *images > 0).map(|images| match bytes {
        Some(bytes) => format!("{} to pull", size(bytes)),
        None => format!("{} to pull, size not known", count(images, "image")),
    });
    let stopped = (interrupted > 0).then(|| {
        let who = if interrupted == 1 { "1 instance does" } else { &format!("{interrupted} instances do") };
        let time = span(downtime);
        let starts = match interrupted {
            _ if are_starts_measured => "",
            1 => " and its start",
            _ => " and their starts",
        };
        if is_measured {
            format!("{who} not run for about {time} (measured)")
        } else {
            format!("{who} not run for up to {time} (stop grace){starts}")
        }
    });
    let parts: Vec<_> = pulled.into_iter().chain(stopped).collect();
    (!parts.is_empty()).then(|| format!("In all: {}.", parts.join("; ")))
}

/// Bytes as registries and Docker count them: `512 B`, `45.2 MB`.
fn size(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} B"),
    }
}

/// A time as precisely as it matters: `0.4 s`, `30 s`, `2 min 5 s`.
fn span(time: Duration) -> String {
    match time.as_secs() {
        0..10 if time.subsec_millis() > 0 => format!("{:.1} s", time.as_secs_f64().max(0.1)),
        seconds @ 0..120 => format!("{seconds} s"),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_short() {
        for (bytes, text) in
            [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (45_290_000, "45.2 MB"), (2_000_000_000, "2.0 GB")]
        {
            assert_eq!(size(bytes), text);
        }
        for (milliseconds, text) in [
            (40, "0.1 s"),
            (400, "0.4 s"),
            (2_140, "2.1 s"),
            (1_000, "1 s"),
            (30_400, "30 s"),
            (120_000, "2 min"),
            (125_000, "2 min 5 s"),
        ] {
            assert_eq!(span(Duration::from_millis(milliseconds)), text);
        }
    }
}
