//! One thing that happened to an instance, cut to a size that can be kept.

use crate::{
    model::{Finding, InstanceName, printable},
    plan::{
        Action, Reason, Rename, Timings,
        wire::{FindingJson, ReasonJson},
    },
};

/// The longest value or finding that is kept, in characters.
const MAX_VALUE: usize = 300;
/// The longest message that is kept, in characters.
const MAX_MESSAGE: usize = 1_000;
/// How many reasons and how many findings of one entry are kept.
const MAX_PARTS: usize = 40;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// As it was meant to.
    Done,
    /// It failed; what ran before still runs, or was started again.
    Failed,
    /// The new container did not become healthy, and the former one is kept.
    Unhealthy,
    /// Waiting for its health was ended.
    Unfinished,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A step was carried out.
    Step(Action, Ending),
    /// It is left as it is, since something about it is broken.
    Held,
    /// It is not held any more.
    Released,
    /// Its container ended by itself.
    Crashed,
}

impl Event {
    /// The word for what was done.
    pub fn action(self) -> &'static str {
        match self {
            Self::Step(action, _) => action.as_str(),
            Self::Held => "held",
            Self::Released => "released",
            Self::Crashed => "crashed",
        }
    }

    /// The word for how it ended.
    pub fn outcome(self) -> &'static str {
        match self {
            Self::Step(_, Ending::Done) | Self::Held | Self::Released => "done",
            Self::Step(_, Ending::Failed) => "failed",
            Self::Step(_, Ending::Unhealthy) => "unhealthy",
            Self::Step(_, Ending::Unfinished) => "unfinished",
            Self::Crashed => "waiting",
        }
    }
}

/// One thing that happened to an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The instance.
    pub instance: InstanceName,
    /// Seconds since the Unix epoch.
    pub at: i64,
    /// What happened.
    pub event: Event,
    /// The revision that was in force.
    pub revision: Option<String>,
    /// What a person should know; without any secret.
    pub message: String,
    /// Why, field by field.
    pub reasons: Vec<ReasonJson>,
    /// What is wrong with an instance that is held.
    pub findings: Vec<FindingJson>,
    /// How long the parts of a step took that was carried out.
    pub took: Timings,
}

impl Entry {
    /// An entry without causes, its message cut to what is kept.
    pub fn new(instance: &InstanceName, at: i64, event: Event, revision: Option<String>, message: &str) -> Self {
        let (instance, message) = (instance.clone(), printable(message, MAX_MESSAGE));
        let (reasons, findings, took) = (Vec::new(), Vec::new(), Timings::default());
        Self { instance, at, event, revision, message, reasons, findings, took }
    }

    /// The same with the reasons of a step.
    #[must_use]
    pub fn because(self, reasons: &[Reason]) -> Self {
        let short = |text: Option<String>| text.map(|text| printable(&text, MAX_VALUE));
        let reasons = reasons.iter().take(MAX_PARTS).map(|reason| {
            let json = ReasonJson::from(reason);
            ReasonJson { before: short(json.before), after: short(json.after), ..json }
        });
        Self { reasons: reasons.collect(), ..self }
    }

    /// The same with what is known of the instance's other name, where the step gave or took one.
    #[must_use]
    pub fn renamed(mut self, renames: &[Rename]) -> Self {
        let words = match self.event {
            Event::Step(Action::Create, _) => {
                let rename = renames.iter().find(|rename| rename.to == self.instance);
                rename
                    .map(|rename| format!("renamed from `{0}`: `lockstep why {0}` tells what was before", rename.from))
            }
            Event::Step(Action::Destroy, _) => {
                let rename = renames.iter().find(|rename| rename.from == self.instance);
                rename.map(|rename| format!("renamed to `{0}`: `lockstep why {0}` tells what comes after", rename.to))
            }
            Event::Step(..) | Event::Held | Event::Released | Event::Crashed => None,
        };
        if let Some(words) = words {
            let both = if self.message.is_empty() { words } else { format!("{words}; {}", self.message) };
            self.message = printable(&both, MAX_MESSAGE);
        }
        self
    }

    /// The same with what is wrong.
    #[must_use]
    pub fn found(self, findings: &[Finding]) -> Self {
        let findings = findings.iter().take(MAX_PARTS).map(|finding| {
            let json = FindingJson::from(finding);
            let help = json.help.map(|help| printable(&help, MAX_VALUE));
            FindingJson { message: printable(&json.message, MAX_VALUE), help, ..json }
        });
        Self { findings: findings.collect(), ..self }
    }
}
