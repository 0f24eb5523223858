//! What is said to a platform and what it answers, in our own words.

use crate::model::{ConnectorId, ConnectorKind};

/// Where one instance stands, as far as its platform is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its id at the platform.
    pub id: ConnectorId,
    /// The name the platform shows.
    pub name: String,
    /// What it does.
    pub kind: ConnectorKind,
    /// What it works on.
    pub scope: Vec<String>,
    /// Whether its container runs.
    pub running: bool,
    /// How often its container was started again.
    pub restarts: u64,
    /// Seconds since the Unix epoch at which its container was last started; none if it never was.
    pub started_at: Option<i64>,
    /// Whether it keeps ending by itself.
    pub crash_loop: bool,
    /// What Lockstep says about it, oldest first.
    pub messages: Vec<String>,
    /// What its container wrote, oldest first, with every secret already taken out.
    pub logs: Vec<String>,
}

/// Whether a connector's container runs, in the platform's two words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CurrentStatus {
    /// It runs.
    Started,
    /// It does not.
    Stopped,
}

impl CurrentStatus {
    /// The platform's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Stopped => "stopped",
        }
    }

    /// The status of a container that runs, or does not.
    pub fn of(running: bool) -> Self {
        if running { Self::Started } else { Self::Stopped }
    }
}

/// What a platform can be told about an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// That it is there, and where it stands.
    Everything,
    /// Where it stands; that it is there, it learns in another way.
    Standing,
    /// Nothing: it hears from the connector alone.
    Nothing,
}

/// How a connector's container is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthReport {
    /// How often it was started again.
    pub restarts: u64,
    /// Seconds since the Unix epoch at which it was last started.
    pub started_at: i64,
    /// Whether it keeps ending by itself.
    pub crash_loop: bool,
}

/// A platform about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its version.
    pub version: String,
}

/// Whom a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhoAmI {
    /// The user's name.
    pub name: String,
    /// What the user may do, in the platform's words.
    pub capabilities: Vec<String>,
}

impl WhoAmI {
    /// Those of the capabilities asked for that the user lacks; `BYPASS` stands for all of them, and a capability includes
    /// those that its name begins with (`MODULES_MODMANAGE` includes `MODULES`).
    pub fn lacks(&self, wanted: &[&'static str]) -> Vec<&'static str> {
        let includes = |held: &str, wanted: &str| {
            held == "BYPASS" || held == wanted || held.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('_'))
        };
        wanted.iter().copied().filter(|wanted| !self.capabilities.iter().any(|held| includes(held, wanted))).collect()
    }
}

/// The platform's word for a kind of connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KindWord {
    /// One we know.
    Known(ConnectorKind),
    /// One we do not, bounded and escaped.
    Unknown(String),
}

/// The platform's word for whether a container runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusWord {
    /// One we know.
    Known(CurrentStatus),
    /// One we do not, bounded and escaped.
    Unknown(String),
}

/// How much work waits for a connector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Queue {
    /// Messages that wait.
    pub messages: f64,
    /// Their size, in bytes.
    pub bytes: f64,
}

/// One connector as the platform lists it.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedConnector {
    /// The name it shows.
    pub name: String,
    /// Whether the platform has heard from it lately, in the platform's own judgement.
    pub active: Option<bool>,
    /// Milliseconds since the Unix epoch, on the platform's clock, of its last sign of life.
    pub heartbeat: Option<i64>,
    /// Whether a manager runs it for the platform, rather than that it came by itself; `false` where it does not say.
    pub managed: bool,
    /// What it does; none where the platform does not say.
    pub kind: Option<KindWord>,
    /// What the platform was last told about its container.
    pub status: Option<StatusWord>,
    /// The work that waits for it, where it was asked for.
    pub queue: Option<Queue>,
    /// Milliseconds since the Unix epoch, on the platform's clock, at which it last began to work, where it says so.
    pub last_run: Option<i64>,
}

/// The connectors of a platform at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listing {
    /// Those whose id is one that an instance can have.
    pub connectors: std::collections::BTreeMap<ConnectorId, ListedConnector>,
    /// What makes no sense of those of which not everything could be read, in words that show no value.
    pub unreadable: std::collections::BTreeMap<ConnectorId, String>,
    /// Whether telling a status moves [`ListedConnector::heartbeat`] too, as it does on platforms that keep only the time
    /// of the last change.
    pub status_is_heartbeat: bool,
    /// Milliseconds that the platform's clock is ahead of ours, where it said so and it matters.
    pub clock_ahead: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_includes_those_its_name_begins_with() {
        let lacks = |held: &[&str]| {
            let capabilities = held.iter().map(|&held| held.to_owned()).collect();
            WhoAmI { name: "x".to_owned(), capabilities }.lacks(&["CONNECTORAPI", "MODULES"])
        };
        assert_eq!(lacks(&[]), ["CONNECTORAPI", "MODULES"]);
        assert_eq!(lacks(&["MODULES_MODMANAGE"]), ["CONNECTORAPI"]);
        assert_eq!(lacks(&["MODULESX", "CONNECTORAPI"]), ["MODULES"]);
        assert!(lacks(&["BYPASS"]).is_empty());
    }
}
