//! A plan as a file: what was shown, what it is bound to, and exactly which steps will be carried out. Holds no secret.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::saved_work::{WorkJson, work};
use super::{
    Observed, Plan,
    wire::{ContainerJson, ObservedJson, PlanJson},
};
use crate::model::InstanceName;

/// The version of this form.
const FORM: u32 = 1;
/// What keeps a seal from being one of something else.
const DOMAIN: &[u8] = b"lockstep/saved-plan/v1\n";

/// A catalog that a plan was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CatalogJson {
    /// Its file or URL.
    pub name: String,
    /// The SHA-256 of its content.
    pub sha256: String,
}

/// What was asked for when a plan was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OptionsJson {
    /// The instances it is limited to; null means all.
    pub only: Option<BTreeSet<String>>,
    /// The number of removals that were accepted.
    pub allow_removals: Option<usize>,
    /// Whether every container was looked at field by field.
    pub refresh: bool,
}

/// What was shown to whoever reviewed the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ShownJson {
    /// For people.
    pub text: String,
    /// A comment on a change.
    pub markdown: String,
    /// Annotations of a GitHub workflow.
    pub github: String,
}

/// A saved plan.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SavedJson {
    /// The version of this form.
    pub form: u32,
    /// The version of Lockstep that made it.
    pub version: String,
    /// Who we are on the engine.
    pub owner: String,
    /// When it was made, in seconds since the Unix epoch.
    pub made: i64,
    /// The revision that is brought about.
    pub revision: String,
    /// The SHA-256 of the settings file.
    pub settings: String,
    /// The catalogs, in the order of the settings.
    pub catalogs: Vec<CatalogJson>,
    /// What was asked for.
    pub options: OptionsJson,
    /// The containers of the instances that get a step, as they were.
    pub observed: Vec<ContainerJson>,
    /// The steps as they will be carried out, sorted by instance.
    pub work: Vec<WorkJson>,
    /// The plan as `plan --format json` writes it.
    pub plan: PlanJson,
    /// The plan as the other formats show it.
    pub shown: ShownJson,
    /// The keyed digest of everything above: the key's id, a colon, and 64 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
}

/// Everything that a plan is bound to, at one moment.
#[derive(Debug, Clone)]
pub struct Bound {
    /// The version of Lockstep.
    pub version: String,
    /// Who we are on the engine.
    pub owner: String,
    /// The revision of the source.
    pub revision: String,
    /// The SHA-256 of the settings file.
    pub settings: String,
    /// The catalogs.
    pub catalogs: Vec<CatalogJson>,
}

/// Why a saved plan can't be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It carries no seal.
    #[error("it has no seal")]
    Missing,
    /// It was sealed with a key that is not here.
    #[error("it was sealed with another identity (key {theirs}, ours is {ours})")]
    OtherKey {
        /// The id of the key it was sealed with.
        theirs: String,
        /// The id of ours.
        ours: String,
    },
    /// It is not what was sealed.
    #[error("it was changed after it was made")]
    Changed,
}

impl SavedJson {
    /// A plan with what it is bound to, sealed; `made` is in seconds since the Unix epoch, and `digest` gives the keyed
    /// digest of a text, which begins with the key's id and a colon.
    pub fn new(
        bound: Bound,
        made: i64,
        options: OptionsJson,
        (plan, observed): (&Plan, &Observed),
        (json, shown): (PlanJson, ShownJson),
        digest: &dyn Fn(&[u8]) -> String,
    ) -> Self {
        let mut saved = Self {
            form: FORM,
            version: bound.version,
            owner: bound.owner,
            made,
            revision: bound.revision,
            settings: bound.settings,
            catalogs: bound.catalogs,
            options,
            observed: concerned(observed, &instances(plan)),
            work: work(plan),
            plan: json,
            shown,
            seal: None,
        };
        saved.seal = Some(saved.seal_with(digest));
        saved
    }

    fn seal_with(&self, digest: &dyn Fn(&[u8]) -> String) -> String {
        let unsealed = Self { seal: None, ..self.clone() };
        let mut bytes = DOMAIN.to_vec();
        bytes.extend(serde_json::to_vec(&unsealed).expect("maps of it have texts as keys"));
        digest(&bytes)
    }

    /// Checks that it is what was sealed with a key of this id, whose keyed digest of a text `digest` gives.
    ///
    /// # Errors
    /// [`SealError`] says why it can't be trusted.
    pub fn check_seal(&self, ours: &str, digest: &dyn Fn(&[u8]) -> String) -> Result<(), SealError> {
        let seal = self.seal.as_deref().ok_or(SealError::Missing)?;
        let (theirs, _) = seal.split_once(':').ok_or(SealError::Missing)?;
        if theirs != ours {
            return Err(SealError::OtherKey { theirs: theirs.to_owned(), ours: ours.to_owned() });
        }
        if seal == self.seal_with(digest) { Ok(()) } else { Err(SealError::Changed) }
    }

    /// The instances that get a step.
    pub fn instances(&self) -> BTreeSet<InstanceName> {
        self.work.iter().filter_map(|work| InstanceName::try_from(work.instance.as_str()).ok()).collect()
    }

    /// What moved since it was made, apart from containers: one phrase for each.
    pub fn moved(&self, now: &Bound) -> Vec<String> {
        let mut moved = Vec::new();
        let mut compare = |what: &str, before: &str, after: &str| {
            if before != after {
                moved.push(format!("{what} (it was {before}, it is {after})"));
            }
        };
        let short = |text: &str| text.chars().take(16).collect::<String>();
        compare("the version of Lockstep", &self.version, &now.version);
        compare("the owner", &self.owner, &now.owner);
        compare("the revision", &self.revision, &now.revision);
        compare("the settings", &short(&self.settings), &short(&now.settings));
        let names: BTreeSet<&str> =
            self.catalogs.iter().chain(&now.catalogs).map(|catalog| catalog.name.as_str()).collect();
        for name in names {
            let of = |catalogs: &[CatalogJson]| {
                let found = catalogs.iter().find(|catalog| catalog.name == name);
                found.map_or_else(|| "not there".to_owned(), |catalog| short(&catalog.sha256))
            };
            compare(&format!("the catalog `{name}`"), &of(&self.catalogs), &of(&now.catalogs));
        }
        moved
    }

    /// What moved among the containers that it concerns: one phrase for each.
    pub fn moved_containers(&self, observed: &Observed) -> Vec<String> {
        let now = concerned(observed, &self.instances());
        let mut moved = Vec::new();
        for before in &self.observed {
            let state = |container: &ContainerJson| match container.exit_code {
                Some(code) => format!("{} ({code})", container.state),
                None => container.state.clone(),
            };
            match now.iter().find(|container| container.id == before.id) {
                None => moved.push(format!("the container `{}`, which is gone", before.name)),
                Some(now) if state(now) != state(before) => moved.push(format!(
                    "the container `{}` (it was {}, it is {})",
                    before.name,
                    state(before),
                    state(now)
                )),
                Some(now) if now != before => moved.push(format!("the container `{}`", before.name)),
                Some(_) => {}
            }
        }
        let known = |container: &&ContainerJson| self.observed.iter().any(|before| before.id == container.id);
        let new = now.iter().filter(|container| !known(container));
        moved.extend(new.map(|container| format!("the container `{}`, which is new", container.name)));
        moved
    }

    /// The instances whose steps are not those that were saved.
    pub fn moved_steps(&self, plan: &Plan) -> Vec<String> {
        let now = work(plan);
        let differs = |work: &&WorkJson| !now.contains(work);
        let lost = self.work.iter().filter(differs).map(|work| work.instance.clone());
        let gained = now.iter().filter(|work| !self.work.contains(work)).map(|work| work.instance.clone());
        let instances: BTreeSet<String> = lost.chain(gained).collect();
        let phrase = |instance: String| {
            if same_but_for_secrets(&self.work, &now, &instance) {
                format!("a secret of `{instance}`")
            } else {
                format!("what has to be done for `{instance}`")
            }
        };
        instances.into_iter().map(phrase).collect()
    }
}

/// Whether the steps of an instance are the same, but for the name of what is made: it ends with a digest that secrets go
/// into, and everything else that does so is in the step by itself.
fn same_but_for_secrets(before: &[WorkJson], now: &[WorkJson], instance: &str) -> bool {
    let of = |all: &[WorkJson]| {
        let own = all.iter().filter(|work| work.instance == instance);
        own.map(|work| WorkJson { makes: None, ..work.clone() }).collect::<Vec<_>>()
    };
    of(before) == of(now)
}

fn instances(plan: &Plan) -> BTreeSet<InstanceName> {
    plan.steps.iter().map(|step| step.instance.clone()).collect()
}

fn concerned(observed: &Observed, instances: &BTreeSet<InstanceName>) -> Vec<ContainerJson> {
    let mut all = ObservedJson::from(observed).redacted().containers;
    all.retain(|container| instances.iter().any(|name| name.as_str() == container.instance));
    all
}

/// The JSON Schema of [`SavedJson`].
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(SavedJson).into()
}
