//! `lockstep catalog`.

use std::path::PathBuf;

use super::{Session, catalog_diff::Diff, catalog_pull::Pull};
use crate::{
    catalog::{self, Catalogs, Contract, ContractView},
    cli::{CliError, Exit, output, output::Format, render, wiring},
    model::Slug,
};

/// Look at the contracts of the catalogs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Catalog {
    List(List),
    Show(Show),
    Pull(Pull),
    Diff(Diff),
}

/// List the contracts that instances can deploy.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Only contracts whose slug or title holds this text.
    filter: Option<String>,
    /// A catalog file instead of those of the settings.
    #[arg(long, value_name = "FILE")]
    catalog: Vec<PathBuf>,
    /// How they are written.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Show one contract, the versions of it that there are, and the keys of its configuration.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The contract's slug.
    slug: String,
    /// The version to show, as `spec.version` names it; without it, the newest.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// A catalog file instead of those of the settings.
    #[arg(long, value_name = "FILE")]
    catalog: Vec<PathBuf>,
    /// How it is written.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl Catalog {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        match self {
            Self::List(command) => command.run(session).await,
            Self::Show(command) => command.run(session).await,
            Self::Pull(command) => command.run(session).await,
            Self::Diff(command) => command.run(session).await,
        }
    }
}

impl List {
    async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let catalogs = catalogs(session, &self.catalog).await?;
        let filter = self.filter.as_deref().unwrap_or("").to_lowercase();
        let matches =
            |slug: &str, title: &str| slug.to_lowercase().contains(&filter) || title.to_lowercase().contains(&filter);
        let chosen = catalogs.contracts().filter(|contract| matches(contract.slug.as_str(), &contract.title));
        let view = catalog::list(chosen);
        if self.format == Format::Json {
            output::json(&view)?;
            return Ok(Exit::Done);
        }
        let mut rows = vec![["CONTRACT", "KIND", "VERSION", "KEYS", "TITLE"].map(render::bold)];
        for row in &view.contracts {
            let slug = if row.deployable { row.slug.clone() } else { render::dim(&row.slug) };
            let version = row.version.clone().unwrap_or_else(|| "-".to_owned());
            let keys = row.keys.map_or_else(|| "-".to_owned(), |keys| keys.to_string());
            rows.push([slug, row.kind.clone(), version, keys, render::printable(&row.title)]);
        }
        output::result(&render::table(&rows))?;
        let runnable = view.contracts.iter().filter(|row| row.deployable).count();
        let all = render::count(view.contracts.len(), "contract");
        output::note(&format!("{all}, {runnable} of them can be deployed\n"))?;
        Ok(Exit::Done)
    }
}

impl Show {
    async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let catalogs = catalogs(session, &self.catalog).await?;
        let slug = Slug::try_from(self.slug.as_str()).ok();
        let versions = slug.as_ref().map(|slug| catalogs.versions(slug)).unwrap_or_default();
        let Some(newest) = versions.first() else {
            let error = CliError::new(Exit::Usage, format!("no catalog has a contract `{}`", self.slug));
            return Err(match catalogs.closest(&self.slug, None) {
                Some(near) => error.with_help(format!("did you mean `{near}`?")),
                None => error.with_help("`lockstep catalog list` shows all contracts"),
            });
        };
        let view = catalog::show(self.one(versions, newest)?, versions);
        match self.format {
            Format::Json => output::json(&view)?,
            Format::Text => output::result(&text(&view))?,
        }
        Ok(Exit::Done)
    }

    /// The version that is asked for.
    fn one<'a>(&self, versions: &'a [Contract], newest: &'a Contract) -> Result<&'a Contract, CliError> {
        let Some(asked) = &self.version else { return Ok(newest) };
        versions.iter().find(|contract| contract.version.as_deref() == Some(asked)).ok_or_else(|| {
            let named: Vec<_> = versions.iter().filter_map(|contract| contract.version.as_deref()).collect();
            let there = if named.is_empty() { "none".to_owned() } else { named.join(", ") };
            CliError::new(Exit::Usage, format!("the catalog has no version `{asked}` of contract `{}`", self.slug))
                .with_help(format!("it has {}", render::printable(&there)))
        })
    }
}

fn text(view: &ContractView) -> String {
    let mut text = format!("{} {}\n", render::bold(&render::printable(&view.title)), render::dim(&view.slug));
    render::push(&mut text, format_args!("{}\n\n", render::printable(&view.description)));
    let image = view.image.clone().unwrap_or_else(|| "-".to_owned());
    let version = view.version.clone().map_or_else(String::new, |version| format!(":{version}"));
    render::push(&mut text, format_args!("kind     {}\nimage    {image}{version}\n", view.kind));
    let managed = if view.manager_supported { "yes" } else { "no" };
    render::push(&mut text, format_args!("managed  {managed}\n"));
    for (index, row) in view.versions.iter().enumerate() {
        let head = if index == 0 { "versions" } else { "" };
        let version = render::printable(row.version.as_deref().unwrap_or("-"));
        let works_with = row.works_with.as_ref().map_or_else(String::new, |range| format!("platform {range}"));
        let line = format!("{head:8} {version:12} {}", render::dim(&render::printable(&works_with)));
        render::push(&mut text, format_args!("{}\n", line.trim_end()));
    }
    if let Some(why) = &view.not_deployable {
        render::push(&mut text, format_args!("{} {}\n", render::red("can't be deployed:"), render::printable(why)));
    }
    let Some(keys) = &view.keys else {
        return text + "\nThe catalog does not say which keys it takes.\n";
    };
    text.push('\n');
    for key in keys {
        let mut marks = vec![key.types.clone()];
        let flags = [(key.required, "required"), (key.secret, "secret"), (key.deprecated, "deprecated")];
        marks.extend(flags.iter().filter(|(set, _)| *set).map(|(_, word)| (*word).to_owned()));
        marks.extend(key.format.iter().filter(|format| *format != "password").cloned());
        render::push(
            &mut text,
            format_args!("{} {}\n", render::bold(&key.key), render::dim(&format!("({})", marks.join(", ")))),
        );
        if !key.choices.is_empty() {
            render::push(&mut text, format_args!("    one of {}\n", render::printable(&key.choices.join(", "))));
        }
        if let Some(default) = &key.default {
            render::push(&mut text, format_args!("    default \"{}\"\n", render::printable(default)));
        }
        if !key.description.is_empty() {
            render::push(&mut text, format_args!("    {}\n", render::printable(&key.description)));
        }
    }
    text
}

async fn catalogs(session: &Session, files: &[PathBuf]) -> Result<Catalogs, CliError> {
    wiring::offline::catalogs(&session.global, files).await
}
