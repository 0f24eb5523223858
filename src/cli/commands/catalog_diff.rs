//! `lockstep catalog diff`.

use std::path::PathBuf;

use super::Session;
use crate::{
    catalog::{self, Catalogs, Contract, For},
    cli::{
        CliError, Exit, output,
        output::Format,
        render::{self, CatalogDiff, ContractDiff, InstanceDiff},
        wiring::offline,
    },
    manifest::{ImageChoice, Manifest},
    model::{ConnectorKind, PlatformKind, Registration, Slug},
    settings::Settings,
};

/// Show what another catalog changes for the instances of the source, as an upgrade of the platform brings one.
///
/// A catalog is a file, a platform of the settings (what is kept of it), or one that `catalogs` names by its path or URL.
#[derive(Debug, clap::Args)]
pub(crate) struct Diff {
    /// The catalog that is in force.
    old: String,
    /// The catalog that would take its place.
    new: String,
    /// A directory of manifests instead of the source of the settings.
    #[arg(long, value_name = "DIR")]
    source: Option<PathBuf>,
    /// Show the changes of every contract besides, whether an instance deploys it or not.
    #[arg(long)]
    all: bool,
    /// The version of the platform that NEW is for; without it, the platform's last known one.
    #[arg(long, value_name = "VERSION")]
    platform_version: Option<String>,
    /// Exit with 2 where an instance is concerned, with 0 only where none is.
    #[arg(long)]
    detailed_exitcode: bool,
    /// How it is written.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl Diff {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let settings = offline::settings_if_any(&session.global)?;
        let settings = settings.as_ref();
        let (reading, snapshot) = match offline::reading(&session.global, settings, self.source.as_deref()).await? {
            Some((reading, snapshot)) => (Some(reading), Some(snapshot)),
            None if self.all => (None, None),
            None => {
                return Err(CliError::new(Exit::Usage, "there are no instances to compare for: no settings")
                    .with_help(
                        "name a directory of manifests with `--source`, or compare every contract with `--all`",
                    ));
            }
        };
        let old = offline::named_catalog(settings, &self.old, snapshot.as_ref()).await?;
        let new = offline::named_catalog(settings, &self.new, snapshot.as_ref()).await?;
        let manifests = reading.iter().flat_map(|reading| &reading.manifests);
        let instances: Vec<_> =
            manifests.filter_map(|manifest| self.of_instance(manifest, settings, &old, &new)).collect();
        let contracts = if self.all { of_all(&old, &new) } else { Vec::new() };
        let diff = CatalogDiff { old: self.old.clone(), new: self.new.clone(), instances, contracts };
        match self.format {
            Format::Json => output::json(&render::CatalogDiffJson::from(&diff))?,
            Format::Text => output::result(&render::catalog_diff(&diff))?,
        }
        if let Some(held) = reading.map(|reading| reading.held.len()).filter(|held| *held > 0) {
            let held = render::count(held, "instance");
            let note =
                format!("{held} could not be compared: `lockstep validate` says what is wrong with the manifests");
            output::note(&format!("{} {note}\n", render::yellow("warning:")))?;
        }
        let concerned = !diff.instances.is_empty();
        Ok(if self.detailed_exitcode && concerned { Exit::Changes } else { Exit::Done })
    }

    /// What changes for one instance; none where nothing does.
    fn of_instance(
        &self,
        manifest: &Manifest,
        settings: Option<&Settings>,
        old: &Catalogs,
        new: &Catalogs,
    ) -> Option<InstanceDiff> {
        let named = manifest.platform.as_ref().map(|platform| &platform.value);
        let only = || settings.and_then(|settings| settings.platforms.keys().next());
        let name = named.or_else(only);
        let platform = name.and_then(|name| settings?.platforms.get(name));
        let (version, own_image) = match manifest.image.as_ref().map(|image| &image.value) {
            Some(ImageChoice::Version(version)) => (version.split('@').next().filter(|tag| !tag.is_empty()), false),
            Some(ImageChoice::Image(_)) => (None, true),
            None => (None, false),
        };
        let asker = For { kind: platform.map(|platform| platform.kind), platform: name, version, own_image };
        let slug = &manifest.contract.value;
        let before = old.choose(slug, asker);
        let after = new.choose_at(slug, asker, self.platform_version.as_deref());
        let kind = |contract: &Contract| contract.kind.map(ConnectorKind::platform);
        let either = before.as_ref().or(after.as_ref())?;
        let kind = platform.map(|platform| platform.kind).or_else(|| kind(either.contract));
        let registration = platform.map_or(Registration::Itself, |platform| platform.registration);
        let contracts = (before.as_ref().map(|chosen| chosen.contract), after.as_ref().map(|chosen| chosen.contract));
        let kind = kind.unwrap_or(PlatformKind::OpenCti);
        let mut concern = catalog::concern(manifest, contracts.0, contracts.1, kind, registration);
        let doubt = after.and_then(|chosen| chosen.doubt);
        if let Some(doubt) = doubt.filter(|doubt| before.and_then(|chosen| chosen.doubt).as_ref() != Some(doubt)) {
            let place = manifest.image.as_ref().map(|image| &image.place);
            let finding = doubt.finding(slug.as_str(), &manifest.contract.place, place);
            concern.findings.push(finding.of_instance(&manifest.name.value));
        }
        if contracts.1.is_none()
            && let Some(near) = new.closest(slug.as_str(), Some(kind))
        {
            for finding in &mut concern.findings {
                finding.help = Some(format!("did it become `{near}`?"));
            }
        }
        (!concern.is_empty()).then(|| InstanceDiff { name: manifest.name.clone(), contract: slug.clone(), concern })
    }
}

/// The changes of every contract that either catalog has, by slug.
fn of_all(old: &Catalogs, new: &Catalogs) -> Vec<ContractDiff> {
    let mut slugs: Vec<&Slug> = old.contracts().chain(new.contracts()).map(|contract| &contract.slug).collect();
    slugs.sort();
    slugs.dedup();
    let diff = |slug: &Slug| {
        let changes = catalog::differences(old.find(slug, None), new.find(slug, None));
        (!changes.is_empty()).then(|| ContractDiff { slug: slug.clone(), changes })
    };
    slugs.into_iter().filter_map(diff).collect()
}
