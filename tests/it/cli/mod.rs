//! The real binary on the real Docker Engine, end to end.

mod adopt;
mod against;
mod apply;
mod canary;
mod catalogs;
mod connection;
mod cost;
mod crashes;
mod drift;
mod drift_fields;
mod environment;
mod exits;
mod guards;
mod healthy;
mod held;
mod managed;
mod manager;
mod openaev;
mod openaev_catalog;
mod openaev_faults;
mod openaev_managed;
mod openaev_people;
mod options;
mod pipes;
mod platform;
mod run;
mod running;
mod saved;
mod snapshot;
mod sparse;
mod takeover;
mod tokens;
mod trouble;
mod why;

use std::collections::BTreeMap;

/// The environment of a container; empty where it is gone.
fn variables_of(container: &str) -> BTreeMap<String, String> {
    let words = ["inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}", container];
    let listed = crate::engine::support::docker_quietly(&words);
    let pair = |line: &str| line.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    listed.lines().filter_map(pair).collect()
}
