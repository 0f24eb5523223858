//! Turns a reading into a desired state: contract, policy and environment of every instance.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    DesiredState, EnvValue, Management, Origin, SourceDigest, Wanted, assembled::Assembled, env::EnvBuilder, policy,
};
use crate::{
    catalog::{Catalogs, Checked, CheckedOrigin, Chosen, Content, Contract, For, check},
    manifest::{ImageChoice, Manifest, Reading},
    model::{
        Code, ConnectorId, ConnectorKind, Finding, MountSource, Place, Placed, PlatformKind, PlatformName, Policy,
        PullPolicy, Registration, Snapshot, Volume,
    },
};

/// Where connectors find the certificates that the settings give them.
pub(super) const CONNECTOR_CA: &str = "/etc/ssl/certs/lockstep-connector-ca.crt";

/// What the settings say about a platform, as far as containers are concerned.
#[derive(Debug, Clone)]
pub struct PlatformFacts {
    /// Which platform it is.
    pub kind: PlatformKind,
    /// How instances stand there.
    pub registration: Registration,
    /// Its URL as containers see it.
    pub connector_url: String,
    /// Whether the settings name a token for connectors that have none of their own.
    pub has_connector_token: bool,
    /// Proxy and certificate variables of connectors.
    pub env: BTreeMap<String, String>,
    /// Those of them that hold a password, and whose values only the settings have.
    pub secret_env: BTreeSet<String>,
    /// A file of certificates on the engine's host that connectors trust, if there is one.
    pub ca: Option<String>,
    /// The tenant (OpenAEV).
    pub tenant: Option<String>,
}

/// Everything besides the source that the desired state depends on.
#[derive(Debug, Clone)]
pub struct Context {
    /// The platforms by name.
    pub platforms: BTreeMap<PlatformName, PlatformFacts>,
    /// Whether manifests may name any platform, since there are no settings to know them.
    pub any_platform: bool,
    /// What manifests may ask of the host.
    pub policy: Policy,
    /// The network of containers that name none.
    pub network: Option<String>,
    /// When images are pulled for containers that do not say.
    pub pull: PullPolicy,
}

/// Puts a reading together with the contracts and the settings. Whatever is wrong holds its own instance.
pub fn assemble(reading: Reading, snapshot: &Snapshot, catalogs: &Catalogs, context: &Context) -> DesiredState {
    Assembled::of(reading, snapshot, catalogs, context).into_desired()
}

/// What one manifest asks for, as far as that can be told, and everything wrong or doubtful about it.
pub(super) fn assemble_one(
    manifest: &Manifest,
    snapshot: &Snapshot,
    catalogs: &Catalogs,
    context: &Context,
) -> (Option<Wanted>, Vec<Finding>) {
    let (platform, Chosen { contract, doubt }) =
        match (platform_of(manifest, context), contract_of(manifest, catalogs, context)) {
            (Ok(platform), Ok(chosen)) => (platform, chosen),
            (platform, contract) => {
                let errors = [platform.err(), contract.err()];
                return (
                    None,
                    errors.into_iter().flatten().map(|error| error.of_instance(&manifest.name.value)).collect(),
                );
            }
        };
    let catalog: Arc<str> = catalogs.name_of(contract).unwrap_or_default().into();
    let facts = platform.as_ref().and_then(|name| context.platforms.get(name));
    let kind_of_platform =
        facts.map(|facts| facts.kind).or(contract.kind.map(ConnectorKind::platform)).unwrap_or(PlatformKind::OpenCti);
    let registration = facts.map_or(Registration::Itself, |facts| facts.registration);
    let Checked { values, mut findings } = check(contract, manifest, kind_of_platform, registration);
    if let Some(doubt) = doubt {
        let version = manifest.image.as_ref().map(|image| &image.place);
        let finding = doubt.finding(contract.slug.as_str(), &manifest.contract.place, version);
        findings.push(finding.of_instance(&manifest.name.value));
    }
    let (Some(kind), Some(image)) = (contract.kind, image_of(manifest, contract)) else {
        return (None, findings);
    };
    let image_place = manifest.image.as_ref().map_or(&manifest.contract.place, |image| &image.place);
    findings.extend(policy::check(manifest, &image, image_place, &context.policy));

    let id_platform = platform.clone().map_or_else(|| PlatformName::try_from("none"), Ok);
    let id = match (&manifest.id, id_platform) {
        (Some(id), _) => id.value,
        (None, Ok(name)) => ConnectorId::derived(&name, &manifest.name.value),
        (None, Err(_)) => return (None, findings),
    };
    let management = (registration == Registration::Managed)
        .then(|| Arc::new(Management::of(manifest, contract, contract.catalog.as_deref(), &image, &values)));
    let mut builder = EnvBuilder { manifest, snapshot, env: BTreeMap::new(), origins: BTreeMap::new(), findings };
    for (key, value) in values {
        let origin = match value.origin {
            CheckedOrigin::Manifest(place) => from(manifest, &place),
            CheckedOrigin::Default => Origin::Catalog(Arc::clone(&catalog)),
        };
        match value.value {
            Content::Plain(text) => builder.plain(&key, text, origin),
            Content::Secret(secret) => builder.secret(&key, &secret, origin),
        }
    }
    for (key, value) in &manifest.container.env {
        let place = manifest.fields.get(&format!("container.env.{key}")).unwrap_or(&manifest.name.place);
        builder.plain(key, value.clone(), from(manifest, place));
    }
    builder.own_variables(kind, kind_of_platform, id, platform.as_ref().zip(facts));
    if management.is_some() {
        builder.own_name(kind);
    }
    let EnvBuilder { env, mut origins, findings, .. } = builder;

    let image_origin = manifest.image.as_ref().map(|image| from(manifest, &image.place));
    origins.insert("image".to_owned(), image_origin.unwrap_or(Origin::Catalog(catalog)));
    if let Some(id) = &manifest.id {
        origins.insert("id".to_owned(), from(manifest, &id.place));
    }
    origins.extend(manifest.fields.iter().map(|(field, place)| (field.clone(), from(manifest, place))));
    let mut container = manifest.container.clone();
    container.env.clear();
    if container.networks.is_empty() && container.host_namespaces.is_empty() {
        container.networks.extend(context.network.clone());
    }
    if let Some(ca) = facts.and_then(|facts| facts.ca.as_ref()) {
        let source = MountSource::Bind(ca.clone());
        container.volumes.push(Volume { source, target: CONNECTOR_CA.to_owned(), read_only: true });
        origins.insert(format!("container.volumes.{CONNECTOR_CA}"), Origin::Platform);
    }
    let plain = |key: &str| match env.get(key) {
        Some(EnvValue::Plain(text)) => Some(text.clone()),
        Some(_) | None => None,
    };
    let scope = plain(&format!("{}_SCOPE", kind.env_prefix())).unwrap_or_default();
    let mut wanted = Wanted {
        name: manifest.name.value.clone(),
        platform,
        kind,
        contract: manifest.contract.value.clone(),
        title: plain(&format!("{}_NAME", kind.env_prefix())).unwrap_or_else(|| manifest.name.value.to_string()),
        scope: scope.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect(),
        id,
        state: manifest.state,
        suspend: manifest.suspend,
        image,
        pull: manifest.container.pull.unwrap_or(context.pull),
        env,
        container,
        labels: manifest.labels.clone(),
        health: manifest.health.clone(),
        rollback: manifest.rollback,
        depends_on: manifest.depends_on.iter().map(|name| name.value.clone()).collect(),
        origins,
        place: manifest.name.place.clone(),
        management,
        source_digest: SourceDigest(String::new()),
    };
    wanted.source_digest = wanted.digest_of_source();
    (Some(wanted), findings)
}

fn from(manifest: &Manifest, place: &Place) -> Origin {
    let own = place.file == manifest.name.place.file && manifest.lines.contains(&place.line);
    if own { Origin::Manifest(place.clone()) } else { Origin::Defaults(place.clone()) }
}

fn platform_of(manifest: &Manifest, context: &Context) -> Result<Option<PlatformName>, Finding> {
    let known = || {
        let names: Vec<_> = context.platforms.keys().map(|name| format!("`{name}`")).collect();
        if names.is_empty() {
            "the settings have no platforms".to_owned()
        } else {
            format!("use {}", names.join(" or "))
        }
    };
    match &manifest.platform {
        Some(Placed { value, place }) if !context.any_platform && !context.platforms.contains_key(value) => {
            let message = format!("the settings have no platform `{value}`");
            Err(Finding::error(Code::UnknownPlatform, place.clone(), message).with_help(known()))
        }
        Some(Placed { value, .. }) => Ok(Some(value.clone())),
        None if context.platforms.len() > 1 => {
            let message = "`spec.platform` is missing and the settings have more than one platform";
            Err(Finding::error(Code::MissingField, manifest.name.place.clone(), message).with_help(known()))
        }
        None => Ok(context.platforms.keys().next().cloned()),
    }
}

fn contract_of<'a>(manifest: &Manifest, catalogs: &'a Catalogs, context: &Context) -> Result<Chosen<'a>, Finding> {
    let Placed { value: slug, place } = &manifest.contract;
    let platform = platform_of(manifest, context).ok().flatten();
    let kind = platform.as_ref().and_then(|name| context.platforms.get(name)).map(|facts| facts.kind);
    let (version, own_image) = match manifest.image.as_ref().map(|image| &image.value) {
        Some(ImageChoice::Version(version)) => (version.split('@').next().filter(|tag| !tag.is_empty()), false),
        Some(ImageChoice::Image(_)) => (None, true),
        None => (None, false),
    };
    catalogs.choose(slug, For { kind, platform: platform.as_ref(), version, own_image }).ok_or_else(|| {
        let help = match catalogs.closest(slug.as_str(), kind) {
            Some(near) => format!("did you mean `{near}`? `lockstep catalog list` shows all of them"),
            None => "`lockstep catalog list` shows all contracts".to_owned(),
        };
        Finding::error(Code::UnknownContract, place.clone(), format!("no catalog has a contract `{slug}`"))
            .with_help(help)
    })
}

/// The image reference: the contract's own unless the manifest says otherwise; none where neither has one.
fn image_of(manifest: &Manifest, contract: &Contract) -> Option<String> {
    match manifest.image.as_ref().map(|image| &image.value) {
        Some(ImageChoice::Image(reference)) => Some(reference.clone()),
        Some(ImageChoice::Version(version)) => {
            let image = contract.image.as_ref()?;
            let separator = if version.starts_with('@') { "" } else { ":" };
            Some(format!("{image}{separator}{version}"))
        }
        None => {
            let image = contract.image.as_ref()?;
            Some(contract.version.as_ref().map_or_else(|| image.clone(), |version| format!("{image}:{version}")))
        }
    }
}
