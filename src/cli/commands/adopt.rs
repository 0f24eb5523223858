//! `lockstep adopt`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Session;
use crate::{
    cli::{CliError, Exit, output, output::Format, render, wiring},
    engine::{Adopted, Engine as _, EngineError, ForeignManaged, read_adopted, write_adopted},
    model::{PlatformKind, PlatformName},
    plan::{ContainerId, LABELS, NewContainer, Plan, Pruning, Step, Work},
    reconcile::{self, Lock},
    settings::{Manager, PlatformSettings, Settings},
};

/// Take over the containers of the manager in whose place Lockstep stands. Stop that manager first.
///
/// A container whose configuration is the platform's goes on as it runs; the next `apply` makes the others anew. Without
/// `--yes` it is only shown.
#[derive(Debug, clap::Args)]
pub(crate) struct Adopt {
    /// Do it.
    #[arg(long)]
    yes: bool,
    /// Give back what was taken over: no container is touched.
    #[arg(long, conflicts_with = "yes")]
    release: bool,
    /// How it is written.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// What becomes of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Fate {
    /// It goes on as it runs.
    Kept,
    /// The next `apply` makes it anew.
    Replaced,
    /// It is left to itself.
    Left,
}

/// One container of the other manager.
#[derive(Debug, Serialize)]
struct Found {
    container: String,
    connector: String,
    instance: Option<String>,
    fate: Fate,
    why: String,
    #[serde(skip)]
    record: Option<Adopted>,
}

impl Adopt {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let settings = wiring::settings(&session.global)?;
        // Nothing else changes what is taken over while it is decided.
        let _lock = (self.yes || self.release).then(|| lock(&settings)).transpose()?;
        let failed = |error: std::io::Error| unkept(&settings, &error);
        if self.release {
            let given_back = still_there(&settings, read_adopted(&settings.state).map_err(failed)?).await?;
            write_adopted(&settings.state, Vec::new()).map_err(failed)?;
            output::result(&format!("{} given back, untouched.\n", render::count(given_back.len(), "container")))?;
            output::note(&format!(
                "{} before the other manager runs again, remove the containers that Lockstep made in its place\n",
                render::dim("help:")
            ))?;
            return Ok(Exit::Done);
        }
        let found = found(&settings, session).await?;
        if self.yes {
            let mut records = still_there(&settings, read_adopted(&settings.state).map_err(failed)?).await?;
            records.extend(found.iter().filter_map(|found| found.record.clone()));
            write_adopted(&settings.state, records).map_err(failed)?;
        }
        match self.format {
            Format::Json => output::json(&serde_json::json!({ "containers": found, "done": self.yes }))?,
            Format::Text => output::result(&text(&found, self.yes))?,
        }
        Ok(Exit::Done)
    }
}

/// Those of the containers that were taken over which were neither replaced nor removed since.
async fn still_there(settings: &Settings, taken: Vec<Adopted>) -> Result<Vec<Adopted>, CliError> {
    let engine = wiring::engine(settings).await?;
    let mut there = Vec::new();
    for adopted in taken {
        match engine.inspect(&ContainerId(adopted.container.clone())).await {
            Ok(_) => there.push(adopted),
            Err(EngineError::NoSuchContainer(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(there)
}

fn unkept(settings: &Settings, error: &std::io::Error) -> CliError {
    let message = format!("failed to keep what is taken over in `{}`: {error}", settings.state.display());
    CliError::new(Exit::Internal, message).with_help("see `state` in the settings")
}

fn lock(settings: &Settings) -> Result<Lock, CliError> {
    let (state, machine) = (wiring::state_folder(settings), wiring::lock_folder());
    Ok(Lock::take(&settings.owner, wiring::engine_host(settings), &state, &machine)?)
}

/// Every container of the managers in whose place we stand, and what becomes of it.
async fn found(settings: &Settings, session: &Session) -> Result<Vec<Found>, CliError> {
    let engine = wiring::engine(settings).await?;
    let plan = plan(settings, session).await?;
    let creations = creations(&plan);
    let taken = read_adopted(&settings.state).map_err(|error| unkept(settings, &error))?;
    // Several platforms of a kind may have one manager, whose labels don't tell them apart.
    let mut managers: BTreeMap<(&str, PlatformKind), BTreeMap<String, Option<String>>> = BTreeMap::new();
    for (name, platform) in &settings.platforms {
        let Some(manager) = &platform.manager else { continue };
        managers.entry((&manager.id, platform.kind)).or_default().extend(hashes(name, platform, manager).await?);
    }
    let mut all = Vec::new();
    for ((manager, kind), hashes) in &managers {
        let foreign = engine.managed_by(manager, *kind).await?;
        let open = foreign.into_iter().filter(|one| !taken.iter().any(|taken| taken.container == one.container.0));
        all.extend(open.map(|foreign| decide(foreign, hashes, &creations)));
    }
    Ok(all)
}

async fn plan(settings: &Settings, session: &Session) -> Result<Plan, CliError> {
    let pipeline = wiring::pipeline(settings, session, wiring::Identities::Required).await?;
    let desired = pipeline.desired().await?;
    let observed = pipeline.observe().await?;
    let overlaid = pipeline.overlaid(desired, &observed, false).await;
    let pruning = Pruning {
        now: reconcile::epoch_seconds(),
        absent_before: Pruning::absent(&overlaid.desired, &observed),
        acknowledged: None,
        only: None,
    };
    Ok(pipeline.plan_overlaid(overlaid, observed, &pruning, reconcile::Depth::Marks).await?.plan)
}

/// The containers that the plan makes for connectors that have none, by connector, and whether nothing else changes.
fn creations(plan: &Plan) -> BTreeMap<&str, (&NewContainer, bool)> {
    let alone = |step: &Step| plan.steps.iter().filter(|other| other.instance == step.instance).count() == 1;
    plan.steps
        .iter()
        .filter_map(|step| {
            let Work::Create(new) = &step.work else { return None };
            Some((new.labels.get(LABELS.id)?.as_str(), (&**new, alone(step))))
        })
        .collect()
}

/// The platform's hash of each connector's configuration; none where what it says of the connector makes no sense.
async fn hashes(
    name: &PlatformName,
    platform: &PlatformSettings,
    manager: &Manager,
) -> Result<Vec<(String, Option<String>)>, CliError> {
    let identity = wiring::manager_keys(name, manager)?.identity(manager);
    let listed = wiring::managed_client(name, platform)?.managed(&identity).await?;
    let whole = listed.instances.into_iter().map(|instance| (instance.id.to_string(), Some(instance.hash)));
    Ok(whole.chain(listed.unreadable.into_iter().map(|one| (one.id.to_string(), None))).collect())
}

fn decide(
    foreign: ForeignManaged,
    hashes: &BTreeMap<String, Option<String>>,
    creations: &BTreeMap<&str, (&NewContainer, bool)>,
) -> Found {
    let (hash, creation) = (hashes.get(&foreign.id), creations.get(foreign.id.as_str()));
    let (fate, why) = match (hash, creation) {
        (None, _) => (Fate::Left, "the platform has no such connector; remove it by hand"),
        (Some(None), _) => (Fate::Left, "what the platform says of its connector makes no sense"),
        (Some(_), None) => (Fate::Left, "no instance is to be made for its connector"),
        (Some(_), Some((_, false))) => (Fate::Replaced, "its configuration is to change"),
        (Some(now), Some(_)) if foreign.hash != *now => {
            (Fate::Replaced, "its configuration is not the one that the platform has now")
        }
        (Some(_), Some((new, true))) if foreign.running != new.start => {
            (Fate::Kept, "its configuration is unchanged; the next `apply` starts or stops it")
        }
        (Some(_), Some(_)) => (Fate::Kept, "its configuration is unchanged"),
    };
    let record = creation.filter(|_| fate != Fate::Left).map(|(new, _)| {
        let label = |label: &str| new.labels.get(label).cloned();
        let same = fate == Fate::Kept;
        Adopted {
            container: foreign.container.0.clone(),
            connector: foreign.connector.clone(),
            id: foreign.id.clone(),
            instance: new.wanted.name.to_string(),
            platform: label(LABELS.platform),
            // No spec has an empty digest, so that the container counts as one of another.
            digest: if same { new.digest.0.clone() } else { String::new() },
            source: label(LABELS.source).filter(|_| same),
            revision: label(LABELS.revision),
        }
    });
    Found {
        container: foreign.name,
        connector: foreign.id,
        instance: record.as_ref().map(|record| record.instance.clone()),
        fate,
        why: why.to_owned(),
        record,
    }
}

fn text(found: &[Found], done: bool) -> String {
    let line = |one: &Found| {
        let mark = match one.fate {
            Fate::Kept => render::green("keep   "),
            Fate::Replaced => render::yellow("replace"),
            Fate::Left => render::dim("leave  "),
        };
        format!("{mark} {}: {}\n", render::bold(&render::printable(&one.container)), one.why)
    };
    let lines: String = found.iter().map(line).collect();
    let count = |fate: Fate| found.iter().filter(|one| one.fate == fate).count();
    let (kept, replaced, left) = (count(Fate::Kept), count(Fate::Replaced), count(Fate::Left));
    let head = if done { "Taken over" } else { "Adopt" };
    let hint = if done { "" } else { "Nothing was done. Stop the other manager, then run `lockstep adopt --yes`.\n" };
    format!("{lines}{head}: {kept} as they are, {replaced} to be made anew, {left} left.\n{hint}")
}
