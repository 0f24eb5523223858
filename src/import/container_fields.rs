//! Fields of a container that compose files write in several shapes.

use super::{carrier::Carrier, scalar, units};
use crate::{
    model::{Code, Place},
    yaml::{Key, Kind, Node},
};

/// Named volumes, bind mounts and file systems in memory.
pub(super) fn volumes(carrier: &mut Carrier<'_>, node: &Node, place: &Place) {
    let mut lines = Vec::new();
    for item in node.items().unwrap_or_default() {
        let line = if item.entries().is_some() { long_volume(carrier, item) } else { short_volume(carrier, item) };
        lines.extend(line);
    }
    if lines.is_empty() {
        return;
    }
    let none_counts = lines.iter().all(|line| line.trim_start().starts_with('#'));
    let lines = std::iter::once("volumes:".to_owned()).chain(lines).collect();
    if none_counts { carrier.put_off("volumes", lines, place) } else { carrier.put("volumes", lines, place) }
}

fn short_volume(carrier: &mut Carrier<'_>, item: &Node) -> Option<String> {
    let text = carrier.text(item)?;
    let mut parts = text.split(':');
    let (source, target) = (parts.next().unwrap_or_default(), parts.next());
    let Some(target) = target else {
        carrier.lost(&item.place, "is a volume without a name");
        return None;
    };
    let mut read_only = false;
    for option in parts.flat_map(|options| options.split(',')) {
        match option {
            "ro" => read_only = true,
            "rw" => {}
            _ => {
                carrier.lost(&item.place, "has an option for which a manifest has no word");
                return None;
            }
        }
    }
    mount(carrier, source, target, read_only, &item.place)
}

fn long_volume(carrier: &mut Carrier<'_>, item: &Node) -> Option<String> {
    let mut text = |key: &str| item.get(key).map(|node| carrier.text(node));
    let kind = text("type").flatten().unwrap_or_else(|| "volume".to_owned());
    let source = text("source").or_else(|| text("src")).flatten();
    let target = text("target").or_else(|| text("dst")).or_else(|| text("destination")).flatten();
    let read_only = text("read_only").flatten().is_some_and(|word| word == "true");
    for (key, _) in item.entries().unwrap_or_default() {
        let known = ["type", "source", "src", "target", "dst", "destination", "read_only", "tmpfs"];
        if !known.contains(&key.text.as_str()) {
            carrier.left(key, "volumes");
        }
    }
    match (kind.as_str(), source, target) {
        ("volume" | "bind", Some(source), Some(target)) => mount(carrier, &source, &target, read_only, &item.place),
        ("tmpfs", None, Some(target)) => {
            let size = item.get("tmpfs").and_then(|options| options.get("size"));
            let size = size.and_then(|size| carrier.text(size)).and_then(|size| units::size(&size));
            let entry = memory(&target, size.as_deref());
            carrier.put("tmpfs", vec![format!("tmpfs: [{entry}]")], &item.place);
            None
        }
        _ => {
            carrier.lost(&item.place, "is a mount that a manifest can't name");
            None
        }
    }
}

fn mount(carrier: &mut Carrier<'_>, source: &str, target: &str, read_only: bool, place: &Place) -> Option<String> {
    let suffix = if read_only { ":ro" } else { "" };
    if source.starts_with('/') {
        carrier.policy(place, "a path of the host", "policy.bindRoots");
        return Some(format!("  - {}", scalar::string(&format!("{source}:{target}{suffix}"))));
    }
    if source.starts_with(['.', '~']) || source.contains('/') {
        carrier.log.need(
            Code::Policy,
            place,
            "a path beside the compose file is mounted; it is a comment now",
            "fill in an absolute path, and ask the operator for `policy.bindRoots` in the settings",
        );
        let text: String = format!("{source}:{target}{suffix}").chars().filter(|c| !c.is_control()).collect();
        return Some(format!("  # - {text} (fill in an absolute path)"));
    }
    let used = carrier.compose.volume(source);
    let name = carrier.engine_name(used, "volume", place);
    Some(format!("  - {}", scalar::string(&format!("{name}:{target}{suffix}"))))
}

/// `tmpfs`: a path with options behind a `:`, or several.
pub(super) fn tmpfs(carrier: &mut Carrier<'_>, node: &Node, place: &Place) {
    let mut entries = Vec::new();
    for (text, place) in carrier.texts(node) {
        let (path, options) = text.split_once(':').unwrap_or((&text, ""));
        let mut size = None;
        let mut others = Vec::new();
        for option in options.split(',').filter(|option| !option.is_empty()) {
            match option.strip_prefix("size=").and_then(units::size) {
                Some(bytes) => size = Some(bytes),
                None => others.push(option),
            }
        }
        if !others.is_empty() {
            let key = Key { text: others.join(","), place: place.clone() };
            carrier.left(&key, "tmpfs");
        }
        entries.push(memory(path, size.as_deref()));
    }
    if !entries.is_empty() {
        carrier.put("tmpfs", vec![format!("tmpfs: {}", scalar::flow(&entries))], place);
    }
}

fn memory(path: &str, size: Option<&str>) -> String {
    let path = scalar::flow_item(path);
    size.map_or_else(|| path.clone(), |size| format!("{{path: {path}, size: {size}}}"))
}

/// `extra_hosts`: a map, or a list of `NAME:ADDRESS` or `NAME=ADDRESS`.
pub(super) fn extra_hosts(carrier: &mut Carrier<'_>, node: &Node, place: &Place) {
    let mut found: Vec<(String, String, Place)> = Vec::new();
    for (key, value) in node.entries().unwrap_or_default() {
        found.extend(carrier.text(value).map(|address| (key.text.clone(), address, value.place.clone())));
    }
    if node.items().is_some() {
        for (text, place) in carrier.texts(node) {
            match text.split_once('=').or_else(|| text.split_once(':')) {
                Some((name, address)) => found.push((name.trim().to_owned(), address.trim().to_owned(), place)),
                None => carrier.lost(&place, "is no name with an address"),
            }
        }
    }
    let mut lines = vec!["extraHosts:".to_owned()];
    for (name, address, place) in found {
        let bare = address.trim_start_matches('[').trim_end_matches(']');
        if bare.parse::<std::net::IpAddr>().is_err() {
            carrier.lost(&place, "is no fixed address");
            continue;
        }
        lines.push(format!("  {}: {}", scalar::string(&name), scalar::string(bare)));
    }
    if lines.len() > 1 {
        carrier.put("extraHosts", lines, place);
    }
}

/// `ulimits`: a number, or a soft and a hard one.
pub(super) fn ulimits(carrier: &mut Carrier<'_>, node: &Node, place: &Place) {
    let mut lines = vec!["ulimits:".to_owned()];
    for (key, value) in node.entries().unwrap_or_default() {
        let name = scalar::string(&key.text);
        if value.entries().is_none() {
            lines.extend(carrier.text(value).map(|number| format!("  {name}: {}", scalar::bare(&number))));
            continue;
        }
        let mut bound = |word: &str| value.get(word).and_then(|node| carrier.text(node));
        match (bound("soft"), bound("hard")) {
            (Some(soft), Some(hard)) => {
                lines.push(format!("  {name}: {{soft: {}, hard: {}}}", scalar::bare(&soft), scalar::bare(&hard)));
            }
            _ => carrier.lost(&key.place, "is half a limit"),
        }
    }
    if lines.len() > 1 {
        carrier.put("ulimits", lines, place);
    }
}

/// `healthcheck`.
pub(super) fn healthcheck(carrier: &mut Carrier<'_>, node: &Node, place: &Place) {
    let mut lines = vec!["healthcheck:".to_owned()];
    for (key, value) in node.entries().unwrap_or_default() {
        match key.text.as_str() {
            "test" => match &value.kind {
                Kind::List(_) => {
                    let words: Vec<String> =
                        carrier.texts(value).iter().map(|(word, _)| scalar::flow_item(word)).collect();
                    lines.push(format!("  test: {}", scalar::flow(&words)));
                }
                Kind::Null | Kind::Scalar(_) | Kind::Map(_) => {
                    lines.extend(carrier.text(value).map(|line| format!("  test: {}", scalar::string(&line))));
                }
            },
            "disable" => {
                lines.extend(carrier.text(value).filter(|word| word == "true").map(|_| "  disable: true".to_owned()))
            }
            "retries" => {
                lines.extend(carrier.text(value).map(|number| format!("  retries: {}", scalar::bare(&number))))
            }
            "interval" | "timeout" | "start_period" => {
                let field = if key.text == "start_period" { "startPeriod" } else { &key.text };
                if let Some(text) = carrier.text(value) {
                    match units::duration(&text) {
                        Some(time) => lines.push(format!("  {field}: {time}")),
                        None => carrier.lost(&value.place, "is no length of time"),
                    }
                }
            }
            _ => carrier.left(key, "healthcheck"),
        }
    }
    if lines.len() > 1 {
        carrier.put("healthcheck", lines, place);
    }
}

/// `logging`: the bounds on what is kept.
pub(super) fn logging(carrier: &mut Carrier<'_>, node: &Node, place: &Place) {
    let mut lines = vec!["logs:".to_owned()];
    for (key, value) in node.entries().unwrap_or_default() {
        match key.text.as_str() {
            "driver" if value.scalar().is_some_and(|word| matches!(word.text.as_str(), "json-file" | "local")) => {}
            "options" => {
                for (key, value) in value.entries().unwrap_or_default() {
                    match key.text.as_str() {
                        "max-size" => {
                            let size = carrier.text(value).and_then(|text| units::size(&text));
                            match size {
                                Some(size) => lines.push(format!("  maxSize: {size}")),
                                None => carrier.lost(&value.place, "is no size"),
                            }
                        }
                        "max-file" => lines
                            .extend(carrier.text(value).map(|number| format!("  maxFile: {}", scalar::bare(&number)))),
                        _ => carrier.left(key, "logging.options"),
                    }
                }
            }
            _ => carrier.left(key, "logging"),
        }
    }
    if lines.len() > 1 {
        carrier.put("logs", lines, place);
    }
}
