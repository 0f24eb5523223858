//! `lockstep init`.

use std::{
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use secrecy::{ExposeSecret, SecretString};

use super::Session;
use crate::{
    catalog::{self, Catalog, Catalogs},
    cli::{CliError, Exit, output, render},
    model::InstanceName,
    secrets::{self, Binding, Recipients},
    telemetry,
};

const SETTINGS: &str = include_str!("init/lockstep.yaml");
const MANIFEST: &str = include_str!("init/example-import.yaml");
const DEFAULTS: &str = include_str!("init/defaults.yaml");
const CATALOG: &str = include_str!("init/catalog.json");
const IGNORE: &str = include_str!("init/gitignore");
const WORKFLOW: &str = include_str!("init/workflow.yaml");
const PIPELINE: &str = include_str!("init/gitlab.yaml");
const PRE_COMMIT: &str = include_str!("init/pre-commit.yaml");
const EDITOR: &str = include_str!("init/vscode.json");
const README: &str = include_str!("init/README.md");
const IGNORE_FILE: &str = ".gitignore";
const README_FILE: &str = "README.md";
/// What keeps secrets out of commits where the directory has a `.gitignore` of its own.
const IGNORE_KEYS: &str = "*.key\n*.token\n";
/// The same for what Lockstep remembers.
const IGNORE_ALL: &str = "*\n";
/// The value that the example's sealed secret holds; it opens no door anywhere.
const EXAMPLE_SECRET: &str = "replace-me-with-a-real-key";

/// Write a repository to start from: settings, an instance with a sealed secret, a catalog, editor settings, and CI.
#[derive(Debug, clap::Args)]
pub(crate) struct Init {
    /// The directory; made where it is missing. A file that exists is never changed: `README.md` and `.gitignore` may be
    /// there, and nothing is written where another one is.
    directory: PathBuf,
}

impl Init {
    pub(super) fn run(self, _: &Session) -> Result<Exit, CliError> {
        let (identity, recipient) = secrets::keygen();
        let recipients =
            Recipients::parse(&recipient).map_err(|error| CliError::new(Exit::Internal, telemetry::chain(&error)))?;
        let instance = InstanceName::try_from("example-import")
            .map_err(|error| CliError::new(Exit::Internal, error.to_string()))?;
        let binding = Binding { instance, key: "EXAMPLE_API_KEY".to_owned() };
        let sealed = secrets::seal(&SecretString::from(EXAMPLE_SECRET), &recipients, Some(&binding))
            .map_err(|error| CliError::new(Exit::Internal, telemetry::chain(&error)))?;
        let sealed: String = sealed.lines().map(|line| format!("      {line}\n")).collect();
        let manifest = MANIFEST.replace("      SEALED\n", &sealed);
        let (schema, recipients_file) = (editor_schema()?, format!("{recipient}\n"));
        let mut files = vec![
            ("lockstep.yaml", SETTINGS, 0o644),
            ("connectors/defaults.yaml", DEFAULTS, 0o644),
            ("connectors/example-import.yaml", manifest.as_str(), 0o644),
            ("connectors/catalog/example.json", CATALOG, 0o644),
            (IGNORE_FILE, IGNORE, 0o644),
            ("connectors/.schema.json", schema.as_str(), 0o644),
            (".vscode/settings.json", EDITOR, 0o644),
            (".github/workflows/lockstep.yml", WORKFLOW, 0o644),
            (".gitlab-ci.yml", PIPELINE, 0o644),
            (".pre-commit-config.yaml", PRE_COMMIT, 0o644),
            (README_FILE, README, 0o644),
            ("keys/age.key", identity.expose_secret(), 0o600),
            ("keys/recipients.txt", recipients_file.as_str(), 0o644),
            ("keys/opencti.token", "replace-me-with-the-platform-token\n", 0o600),
        ];
        let is_there = |path: &str| self.directory.join(path).symlink_metadata().is_ok();
        let kept: Vec<_> = [IGNORE_FILE, README_FILE].into_iter().filter(|path| is_there(path)).collect();
        files.retain(|(path, ..)| !kept.contains(path));
        if kept.contains(&IGNORE_FILE) {
            files.extend([("keys/.gitignore", IGNORE_KEYS, 0o644), (".lockstep/.gitignore", IGNORE_ALL, 0o644)]);
        }
        let taken: Vec<_> = files.iter().map(|(path, ..)| *path).filter(|path| is_there(path)).collect();
        if !taken.is_empty() {
            let message = format!("`{}` has {} already", self.directory.display(), taken.join(", "));
            return Err(CliError::new(Exit::Usage, message)
                .with_help("nothing was written; name a directory that has none of these files yet"));
        }
        for (path, content, mode) in files {
            write_new(&self.directory.join(path), content, mode)?;
        }
        let folder = self.directory.display();
        output::result(&format!("Wrote a repository to start from to {folder}.\n"))?;
        if !kept.is_empty() {
            output::note(&format!("{} left as it was: {}\n", render::dim("note:"), kept.join(", ")))?;
        }
        let next = format!(
            "  cd {folder}\n  lockstep validate          # offline\n  lockstep plan              # needs an engine\n\
             {} git leaves what is in `keys/` out: keep `keys/age.key` safe, whoever holds it can open every secret\n",
            render::dim("note:")
        );
        output::note(&next)?;
        Ok(Exit::Done)
    }
}

/// The schema by which editors complete and check the manifests, with the keys of the catalog's contracts.
fn editor_schema() -> Result<String, CliError> {
    let failed = |error: String| CliError::new(Exit::Internal, error);
    let catalog =
        Catalog::read("catalog/example.json", CATALOG.as_bytes()).map_err(|error| failed(telemetry::chain(&error)))?;
    let catalogs = Catalogs::new(vec![Arc::new(catalog)]);
    let schema = catalog::manifest_schema(catalogs.contracts());
    let text = serde_json::to_string_pretty(&schema).map_err(|error| failed(error.to_string()))?;
    Ok(text + "\n")
}

fn write_new(path: &Path, content: &str, mode: u32) -> Result<(), CliError> {
    let failed = |error: std::io::Error| {
        let error_text = format!("failed to write `{}`: {error}", path.display());
        CliError::new(Exit::Usage, error_text).with_help("name a directory in which files can be made")
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(content.as_bytes()).map_err(failed)
}
