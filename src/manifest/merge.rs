//! How `Defaults` documents and a manifest become one tree, in which every value keeps the place where it was written.

use std::collections::BTreeMap;

use crate::{
    model::Place,
    yaml::{Key, Kind, Node},
};

/// Lays a map over another: maps merge key by key, everything else replaces.
///
/// A value of `config` is one value even where it is a map, and of `version` and `image` the nearer one counts.
pub(super) fn merge_specs(base: &Node, over: &Node) -> Node {
    let mut merged = merge(base, over, 0);
    if let (Kind::Map(entries), Some(nearer)) = (&mut merged.kind, over.entries()) {
        let has = |name: &str| nearer.iter().any(|(key, _)| key.text == name);
        for (given, other) in [("image", "version"), ("version", "image")] {
            if has(given) && !has(other) {
                entries.retain(|(key, _)| key.text != other);
            }
        }
    }
    merged
}

/// Where a spec nests values that must not be merged: `config.KEY`.
const CONFIG_DEPTH: usize = 1;

fn merge(base: &Node, over: &Node, depth: usize) -> Node {
    let (Kind::Map(under), Kind::Map(upper)) = (&base.kind, &over.kind) else { return over.clone() };
    let mut left: BTreeMap<&str, &(Key, Node)> = by_key(upper);
    let mut entries: Vec<(Key, Node)> = Vec::with_capacity(under.len() + upper.len());
    for (key, value) in under {
        match left.remove(key.text.as_str()) {
            None => entries.push((key.clone(), value.clone())),
            Some((nearer, over)) if depth < CONFIG_DEPTH && key.text == "config" => {
                entries.push((nearer.clone(), replace_keys(value, over)));
            }
            Some((nearer, over)) => entries.push((nearer.clone(), merge(value, over, depth + 1))),
        }
    }
    entries.extend(upper.iter().filter(|(key, _)| left.contains_key(key.text.as_str())).cloned());
    Node { place: over.place.clone(), kind: Kind::Map(entries) }
}

fn by_key(entries: &[(Key, Node)]) -> BTreeMap<&str, &(Key, Node)> {
    entries.iter().map(|entry| (entry.0.text.as_str(), entry)).collect()
}

fn replace_keys(base: &Node, over: &Node) -> Node {
    let (Kind::Map(under), Kind::Map(upper)) = (&base.kind, &over.kind) else { return over.clone() };
    let replaced = by_key(upper);
    let kept = under.iter().filter(|(key, _)| !replaced.contains_key(key.text.as_str()));
    Node { place: over.place.clone(), kind: Kind::Map(kept.chain(upper).cloned().collect()) }
}

/// Where each field of a spec was written, by dotted path.
pub(super) fn fields(spec: &Node) -> BTreeMap<String, Place> {
    let mut fields = BTreeMap::new();
    collect(spec, "", &mut fields);
    fields
}

fn collect(node: &Node, path: &str, fields: &mut BTreeMap<String, Place>) {
    for (key, value) in node.entries().into_iter().flatten() {
        let path = if path.is_empty() { key.text.clone() } else { format!("{path}.{}", key.text) };
        let one_value = value.entries().is_none_or(<[_]>::is_empty) || path.starts_with("config.");
        if !one_value {
            collect(value, &path, fields);
        }
        fields.insert(path, key.place.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Limits, parse};

    fn tree(file: &str, text: &str) -> Node {
        let file = file.into();
        parse(&file, text.as_bytes(), &Limits::default()).into_single(&file).unwrap()
    }

    fn check(base: &str, over: &str, expected: serde_json::Value) {
        let merged = merge_specs(&tree("base", base), &tree("over", over));
        assert_eq!(merged.to_json(), expected, "{base} under {over}");
    }

    #[test]
    fn maps_merge_and_everything_else_replaces() {
        check("{a: 1, b: 2}", "{b: 3, c: 4}", serde_json::json!({"a": 1, "b": 3, "c": 4}));
        check("{a: [1, 2]}", "{a: [3]}", serde_json::json!({"a": [3]}));
        check("{a: {b: 1, c: {d: 2}}}", "{a: {c: {e: 3}}}", serde_json::json!({"a": {"b": 1, "c": {"d": 2, "e": 3}}}));
        check("{a: {b: 1}}", "{a: x}", serde_json::json!({"a": "x"}));
        check(
            "{config: {K: {fromSecret: a, key: b}, L: 1}}",
            "{config: {K: {fromSecret: c}}}",
            serde_json::json!({"config": {"L": 1, "K": {"fromSecret": "c"}}}),
        );
    }

    #[test]
    fn the_nearer_of_version_and_image_counts() {
        check("{version: '1'}", "{image: a/b}", serde_json::json!({"image": "a/b"}));
        check("{image: a/b}", "{version: '1'}", serde_json::json!({"version": "1"}));
        check("{image: a/b}", "{version: '1', image: c}", serde_json::json!({"image": "c", "version": "1"}));
        check("{image: a/b, version: '1'}", "{}", serde_json::json!({"image": "a/b", "version": "1"}));
    }

    #[test]
    fn fields_stand_where_they_were_written() {
        let base = tree("base", "container:\n  resources:\n    memory: 1Gi\n    pids: 5\n");
        let over = tree("over", "config:\n  A: {fromSecret: x, key: y}\ncontainer:\n  resources:\n    pids: 6\n");
        let fields = fields(&merge_specs(&base, &over));
        let places: Vec<_> =
            fields.iter().map(|(path, place)| format!("{path} {}:{}", place.file, place.line)).collect();
        assert_eq!(
            places,
            [
                "config over:1",
                "config.A over:2",
                "container over:3",
                "container.resources over:4",
                "container.resources.memory base:3",
                "container.resources.pids over:5",
            ]
        );
    }
}
