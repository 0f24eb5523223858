//! `lockstep schema`.

use std::path::PathBuf;

use super::Session;
use crate::{
    catalog,
    cli::{CliError, Exit, output, render, wiring::offline},
    history, manifest, plan, report, settings,
};

/// Print the JSON Schema of a file or of an output, for editors and checks.
#[derive(Debug, clap::Args)]
pub(crate) struct Schema {
    /// Of what.
    #[arg(value_enum)]
    of: Subject,
    /// With the keys of each contract, for editors: of these catalog files, or without a value of those of the settings.
    #[arg(long, value_name = "FILE", num_args = 0..)]
    catalog: Option<Vec<PathBuf>>,
}

/// What has a schema.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Subject {
    /// Instance manifests and their defaults.
    Manifest,
    /// The settings file.
    Settings,
    /// The output of `plan --format json`.
    Plan,
    /// The files of `plan --out`.
    SavedPlan,
    /// The files of `observe` and of `snapshot.publish`.
    Observed,
    /// The output of `validate --format json`.
    Validate,
    /// The output of `status --format json`.
    Status,
    /// The output of `catalog diff --format json`.
    CatalogDiff,
    /// The output of `why --format json`.
    Why,
}

impl Schema {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let schema = match (self.of, &self.catalog) {
            (Subject::Manifest, Some(files)) => {
                let catalogs = offline::catalogs(&session.global, files).await?;
                catalog::manifest_schema(catalogs.contracts())
            }
            (_, Some(_)) => {
                return Err(CliError::new(Exit::Usage, "only manifests have keys of a catalog")
                    .with_help("write `lockstep schema manifest --catalog`"));
            }
            (Subject::Manifest, None) => manifest::schema(),
            (Subject::Settings, None) => settings::schema(),
            (Subject::Plan, None) => plan::wire::schema(),
            (Subject::SavedPlan, None) => plan::saved::schema(),
            (Subject::Observed, None) => plan::wire::observed_schema(),
            (Subject::Validate, None) => plan::wire::validate_schema(),
            (Subject::Status, None) => report::wire::schema(),
            (Subject::CatalogDiff, None) => render::catalog_diff_schema(),
            (Subject::Why, None) => history::wire::schema(),
        };
        output::json(&schema)?;
        Ok(Exit::Done)
    }
}
