//! Gives an instance of the source what its platform keeps for it, or says what the platform has to do first.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Listed, Listing, Remembered, Site, UiControl,
    edit::{self, reason},
    find::{Found, find},
    memory,
    overlay::{Taken, Work},
    people::unreadable,
    platform_name,
    spec::{finished, replace_awaited, set_reset, set_token, with_id},
    state::state,
};
use crate::{
    desired::{EnvValue, OPENAEV_TENANT, Origin, PlatformContent, PlatformSecret, Wanted},
    model::{Code, ConnectorId, Finding, InstanceName, PlatformKind},
    plan::{Action, AtPlatform, Cause, Entry, PlatformWork, Reason, Step},
};

/// What becomes of an instance of the source.
pub(super) enum Adoption {
    /// It is wanted so.
    Wanted(Box<Wanted>),
    /// It is held, for this reason.
    Held(Box<Finding>),
}

/// Variables that a platform sets in the containers it has managed, and that the settings may set instead.
const GIVEN: [&str; 6] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "HTTPS_CA_CERTIFICATES",
    "HTTPS_PROXY_REJECT_UNAUTHORIZED",
    OPENAEV_TENANT,
];

/// An instance whose platform has never answered.
pub(super) fn unlisted(work: &Work<'_>, site: &Site, wanted: &Wanted) -> Adoption {
    let Some(id) = work.labels.id_of(&site.name, &wanted.name) else {
        let why = site.away.as_ref().map_or("it has not answered yet", |away| &away.why);
        return Adoption::Held(Box::new(away(site, wanted, why)));
    };
    Adoption::Wanted(Box::new(remembered(work, site, wanted, id)))
}

/// An instance as it was last known, while its platform does not list it.
fn remembered(work: &Work<'_>, site: &Site, wanted: &Wanted, id: ConnectorId) -> Wanted {
    let mut instance = with_id(wanted, id);
    let entry = work.given.memory.of(&site.name, &wanted.name);
    let content =
        entry.and_then(|entry| entry.token.clone()).map_or(PlatformContent::Unknown, PlatformContent::Envelope);
    set_token(&mut instance, site, content);
    for (key, value) in entry.iter().flat_map(|entry| &entry.given) {
        // One that is not written down is not known before the platform answers, and nothing is made without it.
        let unknown = || PlatformSecret { platform: site.name.clone(), content: PlatformContent::Unknown };
        let value = value.clone().map_or_else(|| EnvValue::FromPlatform(unknown()), EnvValue::Plain);
        give(&mut instance, key, value);
    }
    if let Some(entry) = entry
        && site.control == UiControl::Honour
        && entry.state == wanted.state
    {
        instance.state = entry.last;
    }
    set_reset(&mut instance, entry.and_then(|entry| entry.reset.clone()));
    finished(instance)
}

fn away(site: &Site, wanted: &Wanted, why: &str) -> Finding {
    let message =
        format!("it is new, and platform `{}`, which gives its id and token, can't be asked: {why}", site.name);
    Finding::error(Code::Platform, wanted.place.clone(), message)
        .with_help("it is registered and started when the platform answers; `lockstep doctor` shows what it says")
}

/// An instance whose platform has answered.
pub(super) fn listed(
    work: &mut Work<'_>,
    site: &Site,
    listing: &Listing,
    wanted: &Arc<Wanted>,
    taken: &mut Taken,
    titles: &mut BTreeSet<String>,
) -> Adoption {
    let held = |message: String, help: &str| {
        Adoption::Held(Box::new(Finding::error(Code::Platform, wanted.place.clone(), message).with_help(help)))
    };
    let Some(management) = &wanted.management else { return Adoption::Wanted(Box::new(Wanted::clone(wanted))) };
    let known = work.labels.id_of(&site.name, &wanted.name);
    let title = platform_name(&wanted.title);
    let found = find(wanted, known, listing);
    if let Some(Found::Unreadable(listed)) = found {
        taken.entry(listed.id).or_insert_with(|| wanted.name.clone());
        titles.insert(title);
        return Adoption::Held(Box::new(unreadable(site, wanted.place.clone(), listed)));
    }
    if let Some(Found::Whole(listed)) = found {
        if let Some(other) = taken.get(&listed.id) {
            let message = format!("`{}` at platform `{}` is that of `{other}` already", listed.title, site.name);
            return held(message, "give each instance a name of its own (`CONNECTOR_NAME`)");
        }
        taken.insert(listed.id, wanted.name.clone());
        titles.insert(title);
        if !is_of(&listed.image, &management.image) {
            let message = format!(
                "platform `{}` has `{}` with the image `{}`, and its contract now has `{}`",
                site.name, listed.title, listed.image, management.image
            );
            return held(message, "a managed instance keeps its contract: give the manifest another name");
        }
        if let Some(other) = work.runs_as(listed.id, wanted) {
            let message = format!("a container of `{other}` still runs under its id at platform `{}`", site.name);
            return held(message, "it is started when that one is stopped; two at once would disturb each other");
        }
        return Adoption::Wanted(Box::new(existing(work, site, wanted, listed)));
    }
    let standalone = [Some(wanted.id), known].into_iter().flatten().find(|id| listing.standalone.contains(id));
    if let Some(away) = &site.away
        && known.is_none()
    {
        return Adoption::Held(Box::new(self::away(site, wanted, &away.why)));
    }
    if let Some(id) = standalone {
        if listing.standalone_stay {
            let message = format!(
                "platform `{}` knows it as a connector that registers itself, and its release can't make that a managed one",
                site.name
            );
            let help = "upgrade the platform, or go on with `registration: self`; under another name and id it is a new \
                        connector, without the state of this one";
            return held(message, help);
        }
        if !wanted.suspend && site.away.is_none() {
            work.begin(site, wanted);
            work.steps.push(migration(site, wanted, id));
        }
        return Adoption::Wanted(Box::new(finished(with_id(wanted, id))));
    }
    if let Some(id) = known
        && (site.away.is_some() || !is_truly_absent(id, listing, work.given.allow_empty))
    {
        return Adoption::Wanted(Box::new(remembered(work, site, wanted, id)));
    }
    if management.id.is_some() && wanted.kind.platform() == PlatformKind::OpenCti {
        let message =
            format!("platform `{}` has no instance with this id, and chooses the ids of new ones itself", site.name);
        let place = management.id.clone().unwrap_or_else(|| wanted.place.clone());
        let finding = Finding::error(Code::BadId, place, message)
            .with_help("leave `spec.id` out; `lockstep status` shows the id that the platform gave");
        return Adoption::Held(Box::new(finding));
    }
    if !titles.insert(title) {
        let message = format!("another instance has the name `{}` at platform `{}` too", wanted.title, site.name);
        return held(message, "give each instance a name of its own (`CONNECTOR_NAME`)");
    }
    // OpenAEV knows a contract by its slug alone.
    if management.catalog.is_none() && wanted.kind.platform() == PlatformKind::OpenCti {
        let message = "its catalog does not say what the platform knows it by (`id`)".to_owned();
        return held(message, "take the catalog from the platform, unchanged");
    }
    if wanted.suspend {
        return Adoption::Wanted(Box::new(Wanted::clone(wanted)));
    }
    work.begin(site, wanted);
    work.steps.push(registration(site, wanted, known));
    Adoption::Wanted(Box::new(Wanted::clone(wanted)))
}

/// Whether an image with a tag is one of a contract's images.
fn is_of(image: &str, contract: &str) -> bool {
    let rest = |image: &str| image.strip_prefix(contract).map(str::to_owned);
    let path = image.split_once('/').filter(|(host, _)| host.contains(['.', ':'])).map(|(_, path)| path);
    let begins = [Some(image), path].into_iter().flatten().filter_map(rest);
    begins.into_iter().any(|rest| rest.is_empty() || rest.starts_with([':', '@']))
}

/// Whether an instance is gone from its platform rather than missing from one listing.
fn is_truly_absent(id: ConnectorId, listing: &Listing, allow_empty: bool) -> bool {
    let lacked_before = listing.before.as_ref().is_some_and(|before| !before.contains(&id));
    lacked_before && (!listing.is_empty() || allow_empty)
}

fn registration(site: &Site, wanted: &Arc<Wanted>, known: Option<ConnectorId>) -> Step {
    let mut first = reason(
        "registration",
        (None, Some(format!("managed at {}", site.name))),
        false,
        if known.is_some() { Cause::Platform } else { Cause::Manifest },
        Some(wanted.place.clone()),
    );
    first.before = known.map(|id| format!("{id}, gone from the platform"));
    let entry = Entry { wanted: Arc::clone(wanted), kept: BTreeSet::new() };
    step(site, wanted, Action::Register, vec![first], PlatformWork::Add(Box::new(entry)))
}

fn migration(site: &Site, wanted: &Arc<Wanted>, id: ConnectorId) -> Step {
    let sides = (Some("self".to_owned()), Some("managed, with the same id and state".to_owned()));
    let reasons = vec![reason("registration", sides, false, Cause::Platform, None)];
    let entry = Box::new(Entry { wanted: Arc::clone(wanted), kept: BTreeSet::new() });
    step(site, wanted, Action::Migrate, reasons, PlatformWork::Migrate { id, entry })
}

fn step(site: &Site, wanted: &Wanted, action: Action, reasons: Vec<Reason>, work: PlatformWork) -> Step {
    let work = crate::plan::Work::AtPlatform(Box::new(AtPlatform { platform: site.name.clone(), work }));
    Step { instance: wanted.name.clone(), action, reasons, work }
}

/// Gives an instance a variable that the platform sets, where the settings do not set it; says whether it did.
fn give(instance: &mut Wanted, key: &str, value: EnvValue) -> bool {
    let free = !instance.env.contains_key(key);
    if free {
        instance.env.insert(key.to_owned(), value);
        instance.origins.insert(format!("env.{key}"), Origin::Platform);
    }
    free
}

/// An instance that is there: with the platform's id and token, and with what has to change there.
fn existing(work: &mut Work<'_>, site: &Site, wanted: &Wanted, listed: &Listed) -> Wanted {
    let mut instance = with_id(wanted, listed.id);
    let prefix = instance.kind.platform();
    let token = match prefix {
        PlatformKind::OpenCti => "OPENCTI_TOKEN",
        PlatformKind::OpenAev => "OPENAEV_TOKEN",
    };
    let content = match listed.configuration.get(token).map(|value| edit::env_value(&site.name, token, value)) {
        Some(EnvValue::FromPlatform(secret)) => Some(secret.content),
        Some(_) | None => None,
    };
    let envelope = content.as_ref().and_then(memory::token_envelope);
    match content {
        Some(content) => set_token(&mut instance, site, content),
        // The oldest platforms give none; the settings' token serves.
        None => replace_awaited(&mut instance, &EnvValue::ConnectorToken(site.name.clone())),
    }
    let mut given = BTreeMap::new();
    for key in GIVEN {
        let Some(value) = listed.configuration.get(key).map(|value| edit::env_value(&site.name, key, value)) else {
            continue;
        };
        let plain = match &value {
            EnvValue::Plain(text) => Some(text.clone()),
            EnvValue::Sealed(_)
            | EnvValue::FromFile { .. }
            | EnvValue::ConnectorToken(_)
            | EnvValue::ConnectorProxy(_)
            | EnvValue::FromPlatform(_) => None,
        };
        if give(&mut instance, key, value) {
            given.insert(key.to_owned(), plain);
        }
    }
    let before = work.given.memory.of(&site.name, &wanted.name);
    let digest = memory::listed_digest(listed);
    let reset = memory::reset(before, listed, &digest);
    set_reset(&mut instance, reset.clone());
    let key = (site.name.clone(), wanted.name.clone());
    let begun = work.given.memory.begun.contains(&key);
    let asked = state(&mut instance, site, listed, (before, begun), work.runs(wanted));
    if asked.is_none() {
        work.memory.begun.remove(&key);
    }
    let instance = finished(instance);
    let shared = Arc::new(instance.clone());
    let compared = edit::compare(&shared, listed, &site.name, before, work.given.openers);
    work.findings.extend(compared.left.iter().map(|key| left(site, wanted, key)));
    let in_step = compared.reasons.is_empty() && asked.is_none();
    let mut reasons = compared.reasons;
    let entry = (!reasons.is_empty()).then(|| Box::new(compared.entry));
    let ask = asked.map(|(state, reason)| {
        reasons.push(reason);
        state
    });
    if !in_step && !wanted.suspend && site.away.is_none() {
        let edit = PlatformWork::Edit { id: listed.id, entry, state: ask };
        work.steps.push(step(site, wanted, Action::Edit, reasons, edit));
    }
    // What the platform listed before our own change of it is what tells that change from somebody else's.
    let former = before.filter(|_| !in_step);
    let entry = Remembered {
        id: listed.id,
        of_source: true,
        state: former.map_or(wanted.state, |former| former.state),
        last: instance.state,
        hash: former.map_or_else(|| listed.hash.clone(), |former| former.hash.clone()),
        listed: former.map_or_else(|| digest.clone(), |former| former.listed.clone()),
        reset,
        agreed: compared.agreed,
        token: envelope,
        given,
    };
    work.memory.instances.insert(key, entry);
    instance
}

/// A secret that only the platform has any more.
fn left(site: &Site, wanted: &Wanted, key: &str) -> Finding {
    let message = format!(
        "platform `{}` keeps a value of the secret `{key}` that the manifest does not have, and has no way to forget it; \
         the container does not get it",
        site.name
    );
    let help = "revoke it where it is from; the platform forgets it with the connector";
    Finding::warning(Code::Platform, wanted.place.clone(), message).with_help(help).of_instance(&wanted.name)
}

impl Work<'_> {
    /// Remembers that an instance is about to be made at its platform.
    fn begin(&mut self, site: &Site, wanted: &Wanted) {
        self.memory.begun.insert((site.name.clone(), wanted.name.clone()));
    }

    /// The other instance that has a running container under an id.
    fn runs_as(&self, id: ConnectorId, wanted: &Wanted) -> Option<InstanceName> {
        let id = id.to_string();
        let other = |container: &&crate::plan::ObservedContainer| {
            container.runs() && container.instance != wanted.name && container.connector_id.as_ref() == Some(&id)
        };
        self.given.observed.containers.iter().find(other).map(|container| container.instance.clone())
    }

    /// Whether a container of an instance runs.
    pub(super) fn runs(&self, wanted: &Wanted) -> bool {
        self.given.observed.of(&wanted.name).any(crate::plan::ObservedContainer::runs)
    }
}
