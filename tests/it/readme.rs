//! What `README.md` tells its readers is so: its tutorial runs, its examples validate, its tables are complete.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use lockstep::{
    cli::{Cli, Exit},
    manifest,
    model::Code,
    settings,
    yaml::{self, Limits},
};

const README: &str = include_str!("../../README.md");
const BINARY: &str = env!("CARGO_BIN_EXE_lockstep");

/// The fenced blocks of a language.
fn blocks(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    README.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// The texts in backquotes that begin the rows of the table below a heading.
fn table(heading: &str) -> Vec<String> {
    let below = README.lines().skip_while(|line| *line != heading).skip(1);
    let section = below.take_while(|line| !line.starts_with("# ") && !line.starts_with("## "));
    let cell = |line: &str| Some(line.strip_prefix("| ")?.split(" |").next()?.trim_matches('`').to_owned());
    section
        .filter_map(cell)
        .filter(|cell| !["field", "code", "command", "crate", "exit code"].contains(&&**cell))
        .collect()
}

fn shell(line: &str, folder: &Path) -> Output {
    let bin = Path::new(BINARY).parent().unwrap().display();
    #[expect(clippy::disallowed_methods, reason = "the tutorial's programs are found as a person's are")]
    let path = format!("{bin}:{}", std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.args(["-c", line]).current_dir(folder).env("PATH", path).stdin(Stdio::null());
    command.env_remove("LOCKSTEP_SETTINGS").env_remove("LOCKSTEP_LOG").output().unwrap()
}

/// Takes away what the tutorial makes, however it ends.
struct Cleared<'a>(&'a Path);

impl Drop for Cleared<'_> {
    fn drop(&mut self) {
        let images = "docker images --quiet example/connector-import:1.0.0";
        let ids = "docker ps --all --quiet --filter label=dev.lockstep.owner=example --filter \
                   label=dev.lockstep.instance=example-import";
        let line = format!("{ids} | xargs --no-run-if-empty docker rm --force; {images} | xargs -r docker rmi --force");
        drop(shell(&line, self.0));
    }
}

#[test]
fn the_tutorial_runs_as_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let _cleared = Cleared(folder.path());
    let mut inside = folder.path().to_owned();
    let mut lines = 0;
    for block in blocks("console") {
        for part in format!("\n{block}").split("\n$ ").skip(1) {
            let (line, expected) = part.split_once('\n').unwrap_or((part, ""));
            lines += 1;
            if let Some(name) = line.strip_prefix("cd ") {
                inside = inside.join(name);
                continue;
            }
            let output = shell(line, &inside);
            let (said, noted) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "`{line}`: {:?}\n{said}{noted}", output.status.code());
            for words in expected.lines() {
                assert!(said.contains(words), "`{line}` does not say `{words}`:\n{said}{noted}");
            }
        }
    }
    assert!(lines > 15, "the tutorial could not be read");
    let left = shell("docker ps --all --quiet --filter label=dev.lockstep.owner=example", folder.path());
    assert_eq!(String::from_utf8_lossy(&left.stdout), "", "the tutorial takes away what it made");
}

#[test]
fn its_yaml_is_valid() {
    let validators = [("Settings", settings::schema()), ("ConnectorInstance", manifest::schema())];
    let mut seen = BTreeSet::new();
    for block in blocks("yaml") {
        let parsed = yaml::parse(&"README.md".into(), block.as_bytes(), &Limits::default());
        assert_eq!(parsed.findings, []);
        for document in parsed.documents {
            let value = document.root.unwrap().to_json();
            let (kind, schema) = validators.iter().find(|(kind, _)| value["kind"] == *kind).unwrap();
            let validator = jsonschema::validator_for(schema).unwrap();
            let wrong: Vec<_> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert_eq!(wrong, Vec::<String>::new(), "{block}");
            if *kind == "Settings" {
                assert!(settings::read("README.md", block.as_bytes()).is_ok(), "{block}");
            }
            seen.insert(*kind);
        }
    }
    assert_eq!(seen.len(), validators.len());
}

#[test]
fn its_reference_is_complete() {
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    assert_eq!(table("## Findings"), codes);
    let exits: Vec<_> = Exit::ALL.iter().map(|exit| exit.code().to_string()).collect();
    let all = table("# Commands");
    let (commands, numbers): (Vec<_>, Vec<_>) = all.into_iter().partition(|cell| cell.starts_with("lockstep"));
    assert_eq!(numbers, exits);
    for exit in Exit::ALL {
        assert!(README.contains(&format!("| {} | {} |", exit.code(), exit.meaning())), "{}", exit.meaning());
    }
    let clap = <Cli as clap::CommandFactory>::command();
    let said: BTreeSet<_> = commands.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    let there: BTreeSet<_> =
        clap.get_subcommands().filter(|command| !command.is_hide_set()).map(clap::Command::get_name).collect();
    assert_eq!(said, there, "the table of commands");
    let fields: BTreeSet<_> = table("# Manifests").into_iter().chain(table("# Settings")).collect();
    for (schema, roots) in [(manifest::schema(), vec!["Spec", "Metadata", "Container"]), (settings::schema(), vec![])] {
        let below = roots.iter().map(|name| &schema["$defs"][name]["properties"]);
        for properties in below.chain(schema.get("properties")) {
            for field in properties.as_object().unwrap().keys().filter(|key| !["apiVersion", "kind"].contains(&&***key))
            {
                let named = |known: &&String| *known == field || known.ends_with(&format!(".{field}"));
                assert!(fields.iter().any(|known| named(&known)), "`{field}` is in no table");
            }
        }
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let cargo = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    let mut inside = false;
    let mut names = Vec::new();
    for line in cargo.lines() {
        if line.starts_with('[') {
            inside = ["[dependencies]", "[dev-dependencies]"].contains(&line);
        } else if let Some((name, _)) = line.split_once(" = ")
            && inside
        {
            names.push(name.to_owned());
        }
    }
    assert_eq!(table("# Dependencies"), names);
}
