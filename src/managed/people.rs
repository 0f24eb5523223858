//! Turns the instances that people make in a platform's pages into wanted ones, and finds those whose manifest is gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Gone, Listed, ListedValue, Listing, Remembered, Requested, Site, UiInstances, Unreadable, edit,
    find::Found,
    memory,
    overlay::{Taken, Work, hold},
    platform_name, spec,
};
use crate::{
    desired::{DesiredState, EnvValue, Keeper, Management, Origin, PlatformFacts, SourceDigest, Wanted},
    manifest::{Health, Rollback, WantedState},
    model::{Code, ConnectorKind, ContainerSpec, Finding, InstanceName, Place, PlatformKind, Slug, is_owned_env},
};

/// The longest name of an instance, in characters, that leaves room for a hyphen and eight digits.
const ROOM: usize = 63 - 9;

/// Adds every instance that is nobody's of the source to what is wanted.
pub(super) fn instances(
    work: &mut Work<'_>,
    site: &Site,
    listing: &Listing,
    desired: &mut DesiredState,
    taken: &mut Taken,
) {
    let known = work.labels.at(&site.name);
    let of_source = |name: &InstanceName| desired.wanted.contains_key(name) || desired.held.contains_key(name);
    let there = listing.ids();
    work.memory.instances.retain(|(at, _), entry| *at != site.name || there.contains(&entry.id) || entry.of_source);
    let mut people = Vec::new();
    for found in listing.each().filter(|found| !taken.contains_key(&found.id())) {
        let id = found.id();
        match known.get(&id) {
            Some((name, true)) if !of_source(name) => {
                work.gone.push(Gone { instance: name.clone(), platform: site.name.clone(), id });
            }
            // A broken file may be what declares it.
            Some((_, true)) => {}
            Some((name, false)) if !of_source(name) => people.push((found, Some(name.clone()))),
            Some((_, false)) | None => people.push((found, None)),
        }
    }
    let gone: BTreeSet<_> = work.gone.iter().map(|gone| gone.instance.clone()).collect();
    // What is of the source and neither listed nor in it any more needs no memory.
    work.memory.instances.retain(|(at, name), entry| {
        *at != site.name || there.contains(&entry.id) || of_source(name) || gone.contains(name)
    });
    if site.instances == UiInstances::Ignore {
        return;
    }
    for (found, known) in people {
        let Some(name) = known.or_else(|| name_of(found, desired, work)) else { continue };
        taken.insert(found.id(), name.clone());
        let place = Place::start_of(format!("platform {}", site.name));
        let instance = match found {
            Found::Whole(listed) => instance(work, site, listed, &name),
            Found::Unreadable(listed) => Err(Box::new(unreadable(site, place, listed))),
        };
        match instance {
            Ok(wanted) => {
                desired.wanted.insert(name, Arc::new(wanted));
            }
            Err(finding) => hold(desired, &name, *finding),
        }
    }
}

/// A name that no other instance has: the platform's, or that with the first digits of the id.
fn name_of(found: Found<'_>, desired: &DesiredState, work: &Work<'_>) -> Option<InstanceName> {
    let base =
        Some(platform_name(found.name())).filter(|name| !name.is_empty()).unwrap_or_else(|| "connector".to_owned());
    let id = found.id().to_string();
    let digits: String = id.chars().take(8).collect();
    let long = format!("{}-{digits}", base.chars().take(ROOM).collect::<String>().trim_end_matches('-'));
    let is_free = |name: &InstanceName| {
        let others = work.given.observed.of(name).any(|container| container.connector_id.as_deref() != Some(&id));
        !others && !desired.wanted.contains_key(name) && !desired.held.contains_key(name)
    };
    [base, long].iter().filter_map(|name| InstanceName::try_from(name.as_str()).ok()).find(is_free)
}

/// Why an instance is held that its platform lists in a way that makes no sense.
pub(super) fn unreadable(site: &Site, place: Place, listed: &Unreadable) -> Finding {
    let message = format!("platform `{}` lists it in a way that makes no sense: {}", site.name, listed.why);
    Finding::error(Code::Platform, place, message)
        .with_help("its container is left as it is, and all goes on once the platform lists it whole")
}

fn instance(work: &mut Work<'_>, site: &Site, listed: &Listed, name: &InstanceName) -> Result<Wanted, Box<Finding>> {
    let place = Place::start_of(format!("platform {}", site.name));
    let refuse =
        |code, message: String, help: &str| Box::new(Finding::error(code, place.clone(), message).with_help(help));
    let policy = &work.given.context.policy;
    if listed.image.trim().is_empty() {
        let message = format!("platform `{}` does not say which image it runs", site.name);
        return Err(refuse(Code::Platform, message, "look at it in the platform; Lockstep leaves it alone"));
    }
    if !policy.allows_image(&listed.image) {
        let message = format!("the image `{}` is outside the operator's policy", listed.image);
        return Err(refuse(Code::Policy, message, "the operator can add a pattern to `policy.images` in the settings"));
    }
    let Some(facts) = work.given.context.platforms.get(&site.name) else {
        let message = format!("the settings have no platform `{}`", site.name);
        return Err(refuse(Code::UnknownPlatform, message, "see `platforms` in the settings"));
    };
    let Some(kind) = kind_of(listed, facts.kind) else {
        let message = "the platform does not say what kind of connector it is".to_owned();
        return Err(refuse(Code::Platform, message, "look at it in the platform; Lockstep leaves it alone"));
    };
    let Env { env, origins } = env_of(site, listed, kind, facts)
        .map_err(|message| refuse(Code::Policy, message, "take it out of its configuration at the platform"))?;
    let before = work.given.memory.of(&site.name, name);
    let digest = memory::listed_digest(listed);
    let reset = memory::reset(before, listed, &digest);
    let runs = work.given.observed.of(name).any(crate::plan::ObservedContainer::runs);
    let state = match listed.requested {
        Requested::Started => WantedState::Started,
        Requested::Stopped => WantedState::Stopped,
        // Nobody asked for a stop.
        Requested::Nothing | Requested::Unknown(_) if runs => WantedState::Started,
        Requested::Nothing | Requested::Unknown(_) => WantedState::Stopped,
    };
    let scope = match env.get(&format!("{}_SCOPE", kind.env_prefix())) {
        Some(EnvValue::Plain(scope)) => scope.clone(),
        Some(_) | None => String::new(),
    };
    let wanted = Wanted {
        name: name.clone(),
        platform: Some(site.name.clone()),
        kind,
        contract: slug_of(&listed.image)
            .map_err(|message| refuse(Code::Platform, message, "look at it in the platform"))?,
        title: listed.title.clone(),
        scope: scope.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect(),
        id: listed.id,
        state,
        suspend: false,
        image: listed.image.clone(),
        pull: work.given.context.pull,
        env,
        container: ContainerSpec {
            networks: work.given.context.network.iter().cloned().collect(),
            ..ContainerSpec::default()
        },
        labels: BTreeMap::new(),
        health: Health::default(),
        rollback: Rollback::Auto,
        depends_on: Vec::new(),
        origins,
        place,
        management: Some(Arc::new(Management {
            keeper: Keeper::Platform,
            catalog: None,
            image: listed.image.clone(),
            keys: BTreeSet::new(),
            lists: BTreeSet::new(),
            emptied: BTreeMap::new(),
            unset: BTreeSet::new(),
            account: None,
            id: None,
            reset: reset.clone(),
        })),
        source_digest: SourceDigest(String::new()),
    };
    let entry = Remembered {
        id: listed.id,
        of_source: false,
        state,
        last: state,
        hash: listed.hash.clone(),
        listed: digest,
        reset,
        agreed: None,
        token: None,
        given: BTreeMap::new(),
    };
    work.memory.instances.insert((site.name.clone(), name.clone()), entry);
    Ok(spec::finished(wanted))
}

/// What a connector does: in the platform's words, by the type in its environment, or by the id that it is given there.
fn kind_of(listed: &Listed, platform: PlatformKind) -> Option<ConnectorKind> {
    let word = || ConnectorKind::from_word(listed.clear("CONNECTOR_TYPE")?);
    let by_id = || {
        let kinds = [ConnectorKind::Collector, ConnectorKind::Injector, ConnectorKind::Executor];
        let named = |kind: &ConnectorKind| listed.configuration.contains_key(&format!("{}_ID", kind.env_prefix()));
        kinds.into_iter().find(named)
    };
    listed.kind.or_else(word).or_else(by_id).filter(|kind| kind.platform() == platform)
}

/// A slug from the last part of an image's path.
fn slug_of(image: &str) -> Result<Slug, String> {
    let path = image.split('@').next().unwrap_or(image);
    let last = path.rsplit('/').next().unwrap_or(path);
    let name = last.split(':').next().unwrap_or(last);
    Slug::try_from(name).map_err(|error| format!("the image `{image}` has a name that {error}"))
}

struct Env {
    env: BTreeMap<String, EnvValue>,
    origins: BTreeMap<String, Origin>,
}

/// The environment that the platform asks for, and what the settings say on top.
fn env_of(site: &Site, listed: &Listed, kind: ConnectorKind, facts: &PlatformFacts) -> Result<Env, String> {
    let mut env: BTreeMap<String, EnvValue> = BTreeMap::new();
    for (key, value) in &listed.configuration {
        let clean = !key.is_empty() && !key.contains(['=', '\0']);
        let foul = matches!(value, ListedValue::Clear(text) if text.contains('\0'));
        if !clean || foul || (is_owned_env(key) && !is_given(key)) {
            let key = crate::model::printable(key, 64);
            return Err(format!("it asks for the variable `{key}`, which only Lockstep may set"));
        }
        // A default that is a mask is nobody's value.
        if !matches!(value, ListedValue::Clear(text) if edit::is_mask(text)) {
            env.insert(key.clone(), edit::env_value(&site.name, key, value));
        }
    }
    let (url, token, tenant) = match facts.kind {
        PlatformKind::OpenCti => ("OPENCTI_URL", "OPENCTI_TOKEN", None),
        PlatformKind::OpenAev => ("OPENAEV_URL", "OPENAEV_TOKEN", facts.tenant.as_ref()),
    };
    let plain = |text: &str| EnvValue::Plain(text.to_owned());
    env.insert(url.to_owned(), plain(&facts.connector_url));
    let id_key = format!("{}_ID", kind.env_prefix());
    // An id of another form than ours stays what the connector is known by.
    if facts.kind == PlatformKind::OpenCti || !has_own_id(listed, &id_key) {
        env.insert(id_key, plain(&listed.id.to_string()));
    }
    if facts.kind == PlatformKind::OpenCti {
        env.insert("CONNECTOR_TYPE".to_owned(), plain(kind.as_str()));
    }
    env.extend(facts.env.iter().map(|(key, value)| (key.clone(), plain(value))));
    env.extend(facts.secret_env.iter().map(|key| (key.clone(), EnvValue::ConnectorProxy(site.name.clone()))));
    env.extend(tenant.map(|tenant| ("OPENAEV_TENANT_ID".to_owned(), plain(tenant))));
    env.entry(token.to_owned()).or_insert_with(|| EnvValue::ConnectorToken(site.name.clone()));
    let mut origins: BTreeMap<_, _> = env.keys().map(|key| (format!("env.{key}"), Origin::Platform)).collect();
    origins.extend(["image", "id", "state"].map(|field| (field.to_owned(), Origin::Platform)));
    Ok(Env { env, origins })
}

/// Whether its connector has an id there that is not the one it has here.
fn has_own_id(listed: &Listed, id_key: &str) -> bool {
    listed.clear(id_key).is_some_and(|id| !id.is_empty() && crate::model::ConnectorId::try_from(id).is_err())
}

/// Whether a platform gives a variable that manifests may not set.
fn is_given(key: &str) -> bool {
    const GIVEN: [&str; 15] = [
        "OPENCTI_URL",
        "OPENCTI_TOKEN",
        "OPENAEV_URL",
        "OPENAEV_TOKEN",
        "OPENAEV_TENANT_ID",
        "CONNECTOR_ID",
        "CONNECTOR_TYPE",
        "COLLECTOR_ID",
        "INJECTOR_ID",
        "EXECUTOR_ID",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "HTTPS_CA_CERTIFICATES",
        "HTTPS_PROXY_REJECT_UNAUTHORIZED",
    ];
    GIVEN.contains(&key)
}
