//! The compose files that connectors ship, where they are at hand: nothing of them is lost.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use lockstep::{
    catalog::{Catalog, Catalogs, check},
    import::{self, ComposeFile, Imported, Outcome, Request},
    manifest,
    model::{PlatformKind, Registration, Revision, Severity, Slug, Snapshot, SourceFile},
};

fn shared() -> Option<(Vec<ComposeFile>, Catalogs)> {
    #[expect(clippy::disallowed_methods, reason = "tests find shared data by the environment")]
    let root = std::env::var_os("LOCKSTEP_SHARED").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let Ok(folder) = std::fs::read_dir(root.join("compose")) else {
        eprintln!("skipped: no shared data");
        return None;
    };
    let mut files: Vec<ComposeFile> = folder
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "yml"))
        .map(|entry| ComposeFile {
            name: entry.file_name().to_string_lossy().into(),
            content: std::fs::read(entry.path()).unwrap(),
            env_files: BTreeMap::new(),
        })
        .collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let catalog =
        |name: &str| Arc::new(Catalog::read(name, &std::fs::read(root.join("catalogs").join(name)).unwrap()).unwrap());
    Some((files, Catalogs::new(vec![catalog("opencti-manifest.json"), catalog("openaev-manifest.json")])))
}

fn run(files: &[ComposeFile], catalogs: &Catalogs) -> Imported {
    import::run(&Request { files, catalogs, variables: None, recipients: None, platform: None })
}

#[test]
fn every_connector_becomes_a_manifest_that_is_valid_or_whose_blanks_are_named() {
    let Some((files, catalogs)) = shared() else { return };
    let mut made = 0;
    let imported = run(&files, &catalogs);
    for service in &imported.services {
        let Outcome::Manifest { instance, contract, text } = &service.outcome else { continue };
        made += 1;
        let file = SourceFile { path: "m.yaml".into(), content: Arc::from(text.as_bytes()) };
        let reading = manifest::read(&Snapshot { revision: Revision::Directory(String::new()), files: vec![file] });
        assert_eq!(reading.manifests.len(), 1, "{instance}: {:?}", reading.findings);
        let contract = catalogs.find(&Slug::try_from(contract.as_str()).unwrap(), None).unwrap();
        let platform = contract.platform().unwrap_or(PlatformKind::OpenCti);
        let checked = check(contract, &reading.manifests[0], platform, Registration::Itself);
        let told = |key: &str| {
            imported.findings.iter().any(|finding| {
                finding.severity == Severity::Error
                    && finding.instance.as_ref() == Some(instance)
                    && finding.message.contains(&format!("`{key}`"))
            })
        };
        for finding in checked.findings.iter().filter(|finding| finding.severity == Severity::Error) {
            let key = finding.message.rsplit('`').nth(1).unwrap_or_default();
            assert!(told(key), "{instance}: {} is not told", finding.message);
        }
    }
    assert!(made > 50, "{made}");
}

/// The variables of each service, active and commented out, found without the importer's own reading.
fn variables(content: &str) -> BTreeMap<String, Vec<String>> {
    let mut services: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut inside, mut service, mut block) = (false, String::new(), false);
    for line in content.lines() {
        let indent = line.len() - line.trim_start().len();
        let text = line.trim();
        if text.is_empty() {
            continue;
        }
        let comment = text.starts_with('#');
        if !comment && indent == 0 {
            inside = text.starts_with("services:");
        } else if !comment && inside && indent == 2 && text.ends_with(':') {
            service = text.trim_end_matches(':').to_owned();
        } else if !comment && indent == 4 && !text.starts_with('-') {
            block = text.starts_with("environment:");
        }
        if !inside || indent <= 2 || !(block || comment) || service.is_empty() {
            continue;
        }
        let text = text.trim_start_matches(['#', ' ']).trim_start_matches("- ").trim_start_matches(['"', '\'']);
        let end =
            text.find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')).unwrap_or(text.len());
        let (key, rest) = text.split_at(end);
        let assigned = rest.starts_with('=') || ((rest.starts_with(": ") || rest == ":") && key.contains('_'));
        if key.len() > 1 && assigned {
            services.entry(service.clone()).or_default().push(key.to_owned());
        }
    }
    services
}

#[test]
fn no_variable_is_lost() {
    let Some((files, catalogs)) = shared() else { return };
    let mut seen = 0;
    for file in &files {
        let imported = run(std::slice::from_ref(file), &catalogs);
        let variables = variables(std::str::from_utf8(&file.content).unwrap());
        for service in &imported.services {
            let mut told: Vec<&str> = service.notes.iter().map(|note| note.text.as_str()).collect();
            match &service.outcome {
                Outcome::LeftAlone => continue,
                Outcome::Refused => {}
                Outcome::Manifest { instance, text, .. } => {
                    let own = imported.findings.iter().filter(|finding| finding.instance.as_ref() == Some(instance));
                    told.extend(own.map(|finding| finding.message.as_str()));
                    told.push(text);
                }
            }
            for key in variables.get(&service.name).into_iter().flatten() {
                seen += 1;
                let word =
                    |text: &str| text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|word| word == key);
                assert!(told.iter().any(|text| word(text)), "{}: {} of {} is lost", file.name, key, service.name);
            }
        }
    }
    assert!(seen > 500, "{seen}");
}

#[test]
fn services_that_are_no_connectors_are_named() {
    let Some((files, catalogs)) = shared() else { return };
    let imported = run(&files, &catalogs);
    let alone = imported.services.iter().filter(|service| matches!(service.outcome, Outcome::LeftAlone));
    let mut alone: Vec<&str> = alone.map(|service| service.name.as_str()).collect();
    alone.sort_unstable();
    alone.dedup();
    assert!(alone.contains(&"worker") && alone.contains(&"opencti") && alone.contains(&"rabbitmq"), "{alone:?}");
    assert!(alone.iter().all(|name| !name.contains("connector")), "{alone:?}");
}

#[test]
fn an_import_is_the_same_every_time() {
    let Some((files, catalogs)) = shared() else { return };
    assert_eq!(format!("{:?}", run(&files, &catalogs)), format!("{:?}", run(&files, &catalogs)));
}
