//! Observed containers as JSON, so that a plan can be made where no engine is.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ContainerId, ContainerState, Observed, ObservedContainer, Seen, SourceMark, SpecDigest};
use crate::model::{InstanceName, OwnerName};

/// What keeps a signature from being one of something else.
const DOMAIN: &[u8] = b"lockstep/observed/v1\n";

/// One container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContainerJson {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The instance it belongs to.
    pub instance: String,
    /// The platform label.
    pub platform: Option<String>,
    /// The connector id label.
    pub connector_id: Option<String>,
    /// The digest label.
    pub digest: Option<String>,
    /// The source digest label.
    pub source: Option<String>,
    /// The revision label.
    pub revision: Option<String>,
    /// `created`, `running`, `paused`, `restarting`, `exited`, `dead`, `removing`, or the engine's own word.
    pub state: String,
    /// The exit code of one that exited.
    pub exit_code: Option<i64>,
    /// Seconds since the Unix epoch at which it was created.
    pub created: i64,
    /// The image reference it was created from.
    pub image: String,
    /// What a close look has shown of it; only where it was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<SeenJson>,
}

/// What a close look has shown of one container, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeenJson {
    /// Its fields by the names that plans show.
    pub fields: BTreeMap<String, String>,
    /// Those that its image brought.
    pub brought: BTreeMap<String, String>,
    /// The variables that hold secrets, with the digest of each as it was sealed, where it was.
    pub sealed: BTreeMap<String, Option<String>>,
    /// When it last ended, in seconds since the Unix epoch.
    pub finished: Option<i64>,
    /// Whether it ended since it was stopped for good.
    pub was_stopped: bool,
}

/// Every container of ours at one moment.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObservedJson {
    /// Who they belong to; only in a published snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When they were observed, in seconds since the Unix epoch; only in a published snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<i64>,
    /// The containers.
    pub containers: Vec<ContainerJson>,
    /// Who says so; only in a signed snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<SignatureJson>,
}

/// A signature over everything else in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignatureJson {
    /// The public key: `ed25519:` and its base64.
    pub key: String,
    /// The signature in base64.
    pub value: String,
}

impl ObservedJson {
    /// A snapshot as it is published: redacted, with its owner and the time in seconds since the Unix epoch.
    #[must_use]
    pub fn published(observed: &Observed, owner: &OwnerName, made: i64) -> Self {
        Self { owner: Some(owner.to_string()), made: Some(made), ..Self::from(observed).redacted() }
    }

    /// What is signed: everything but the signature.
    pub fn signed_text(&self) -> Vec<u8> {
        let unsigned = Self { signature: None, ..self.clone() };
        let mut text = DOMAIN.to_vec();
        text.extend(serde_json::to_vec(&unsigned).expect("all its keys are text"));
        text
    }

    /// The same for whoever has no keys: digests that secrets went into are left out, apart from what the name of the
    /// container shows of them.
    #[must_use]
    pub fn redacted(mut self) -> Self {
        for container in &mut self.containers {
            let suffix = container.digest.take().map(|digest| SpecDigest(digest).name_suffix().to_owned());
            container.digest = suffix.map(|suffix| format!("redacted:{suffix}"));
            let source = container.source.take().map(|label| SourceMark::parse(&label).digest);
            container.source = source;
        }
        self
    }
}

impl From<&Observed> for ObservedJson {
    fn from(observed: &Observed) -> Self {
        let containers = observed.containers.iter().map(|container| {
            let (state, exit_code) = match &container.state {
                ContainerState::Created => ("created", None),
                ContainerState::Running => ("running", None),
                ContainerState::Paused => ("paused", None),
                ContainerState::Restarting => ("restarting", None),
                ContainerState::Exited(code) => ("exited", Some(*code)),
                ContainerState::Dead => ("dead", None),
                ContainerState::Removing => ("removing", None),
                ContainerState::Unknown(word) => (word.as_str(), None),
            };
            ContainerJson {
                id: container.id.0.clone(),
                name: container.name.clone(),
                instance: container.instance.to_string(),
                platform: container.platform.clone(),
                connector_id: container.connector_id.clone(),
                digest: container.digest.as_ref().map(|digest| digest.0.clone()),
                source: container.source.clone(),
                revision: container.revision.clone(),
                state: state.to_owned(),
                exit_code,
                created: container.created,
                image: container.image.clone(),
                seen: observed.seen.get(&container.id).map(SeenJson::from),
            }
        });
        Self { owner: None, made: None, containers: containers.collect(), signature: None }
    }
}

impl TryFrom<ObservedJson> for Observed {
    /// What is wrong with the first container that makes no sense.
    type Error = String;

    fn try_from(file: ObservedJson) -> Result<Self, String> {
        let seen_of = |json: &ContainerJson| Some((ContainerId(json.id.clone()), Seen::from(json.seen.clone()?)));
        let seen = file.containers.iter().filter_map(seen_of).collect();
        let mut containers = file.containers.into_iter().map(container).collect::<Result<Vec<_>, _>>()?;
        containers.sort_by(|a, b| (&a.instance, a.created, &a.id).cmp(&(&b.instance, b.created, &b.id)));
        Ok(Self { containers, seen, company: None })
    }
}

impl From<&Seen> for SeenJson {
    fn from(seen: &Seen) -> Self {
        let Seen { fields, brought, sealed, finished, was_stopped } = seen.clone();
        Self { fields, brought, sealed, finished, was_stopped }
    }
}

impl From<SeenJson> for Seen {
    fn from(json: SeenJson) -> Self {
        let SeenJson { fields, brought, sealed, finished, was_stopped } = json;
        Self { fields, brought, sealed, finished, was_stopped }
    }
}

fn container(json: ContainerJson) -> Result<ObservedContainer, String> {
    let instance = InstanceName::try_from(json.instance.as_str())
        .map_err(|error| format!("the instance name of container `{}` {error}", json.id.escape_debug()))?;
    let state = match (json.state.as_str(), json.exit_code) {
        ("created", _) => ContainerState::Created,
        ("running", _) => ContainerState::Running,
        ("paused", _) => ContainerState::Paused,
        ("restarting", _) => ContainerState::Restarting,
        ("exited", Some(code)) => ContainerState::Exited(code),
        ("exited", None) => return Err(format!("container `{}` exited without an exit code", json.id.escape_debug())),
        ("dead", _) => ContainerState::Dead,
        ("removing", _) => ContainerState::Removing,
        (word, _) => ContainerState::Unknown(word.to_owned()),
    };
    Ok(ObservedContainer {
        id: ContainerId(json.id),
        name: json.name,
        instance,
        platform: json.platform,
        connector_id: json.connector_id,
        digest: json.digest.map(SpecDigest),
        source: json.source,
        revision: json.revision,
        state,
        created: json.created,
        finished: None,
        was_stopped: false,
        image: json.image,
        fields: None,
        sensitive_equal: BTreeMap::new(),
        moved_image: None,
        refreshed: false,
    })
}
