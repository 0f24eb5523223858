//! The steps of a plan as a file holds them: everything that carrying one out reads, and no secret.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Plan, PlatformWork, Step, Work};
use crate::manifest::WantedState;

/// One step as it will be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkJson {
    /// The instance.
    pub instance: String,
    /// What happens, in the word that the plan shows.
    pub action: String,
    /// What is done: `create`, `replace`, `recreate`, `update`, `start`, `stop` or `remove`, or at a platform `add`, `edit`,
    /// `migrate` or `delete`.
    pub work: String,
    /// The containers it is done to, by their ids.
    pub containers: Vec<String>,
    /// The name of the container that is made.
    pub makes: Option<String>,
    /// The digest of what it is made from, with its secrets sealed.
    pub source: Option<String>,
    /// Everything else that the step says.
    pub details: BTreeMap<String, String>,
}

/// The steps of a plan as they are written.
pub fn work(plan: &Plan) -> Vec<WorkJson> {
    plan.steps.iter().map(of_step).collect()
}

fn of_step(step: &Step) -> WorkJson {
    let mut details = BTreeMap::new();
    let mut set = |name: &str, value: String| drop(details.insert(name.to_owned(), value));
    let (word, containers, new) = match &step.work {
        Work::Create(new) => ("create", Vec::new(), Some(&**new)),
        Work::Replace(replacement) => {
            if let Some(existing) = &replacement.existing {
                set("existing", existing.to_string());
            }
            ("replace", replacement.old.clone(), Some(&replacement.new))
        }
        Work::Recreate { broken, new } => ("recreate", vec![broken.clone()], Some(&**new)),
        Work::Update { container, change, .. } => {
            let texts = [
                ("milliCpus", change.milli_cpus.map(|number| number.to_string())),
                ("memory", change.memory.map(|number| number.to_string())),
                ("pids", change.pids.map(|number| number.to_string())),
                ("restarts", change.restarts.then(|| "true".to_owned())),
                ("name", change.name.clone()),
                ("join", (!change.join.is_empty()).then(|| change.join.join(","))),
                ("leave", (!change.leave.is_empty()).then(|| change.leave.join(","))),
            ];
            texts.into_iter().filter_map(|(name, text)| Some((name, text?))).for_each(|(name, text)| set(name, text));
            ("update", vec![container.clone()], None)
        }
        Work::Start { container, unpause, restarts } => {
            set("unpause", unpause.to_string());
            if !restarts {
                set("restarts", restarts.to_string());
            }
            ("start", vec![container.clone()], None)
        }
        Work::Stop { container, grace } => {
            grace.iter().for_each(|grace| set("graceMilliseconds", grace.as_millis().to_string()));
            ("stop", vec![container.clone()], None)
        }
        Work::Remove { containers } => ("remove", containers.clone(), None),
        Work::AtPlatform(at) => {
            set("platform", at.platform.to_string());
            let (word, id, entry, state) = match &at.work {
                PlatformWork::Add(entry) => ("add", None, Some(entry), None),
                PlatformWork::Edit { id, entry, state } => ("edit", Some(id), entry.as_ref(), state.as_ref()),
                PlatformWork::Migrate { id, entry } => ("migrate", Some(id), Some(entry), None),
                PlatformWork::Delete { id } => ("delete", Some(id), None, None),
            };
            id.iter().for_each(|id| set("id", id.to_string()));
            if let Some(state) = state {
                let word = match state {
                    WantedState::Started => "started",
                    WantedState::Stopped => "stopped",
                };
                set("state", word.to_owned());
            }
            if let Some(entry) = entry {
                set("entry", entry.wanted.source_digest.0.clone());
                set("kept", entry.kept.iter().map(String::as_str).collect::<Vec<_>>().join(","));
            }
            (word, Vec::new(), None)
        }
    };
    if let Some(new) = new {
        set("start", new.start.to_string());
        set("image", new.wanted.image.clone());
    }
    WorkJson {
        instance: step.instance.to_string(),
        action: step.action.as_str().to_owned(),
        work: word.to_owned(),
        containers: containers.into_iter().map(|id| id.0).collect(),
        makes: new.map(|new| new.name.clone()),
        source: new.map(|new| new.wanted.source_digest.0.clone()),
        details,
    }
}
