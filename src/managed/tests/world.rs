//! A source, what a platform lists, what runs and what is remembered, put together by hand.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use secrecy::{ExposeSecret, SecretString};

use crate::{
    catalog::{Catalog, Catalogs},
    desired::{Context, DesiredState, Openers, OpensEnvelopes, PlatformFacts, assemble},
    managed::{Given, Listed, Listing, Memory, Overlaid, Site, UiControl, UiInstances, overlay},
    manifest,
    model::{
        ConnectorId, InstanceName, PlatformKind, PlatformName, Policy, PullPolicy, Registration, Revision, Snapshot,
        SourceFile,
    },
    plan::{ContainerId, ContainerState, Observed, ObservedContainer},
    secrets::{Keyring, keygen, seal},
};

const CATALOG: &str = r#"{"id": "cat", "contracts": [{"slug": "misp", "title": "MISP", "manager_supported": true,
    "container_image": "opencti/connector-misp", "container_version": "1", "container_type": "EXTERNAL_IMPORT",
    "config_schema": {"type": "object", "properties": {
        "CONNECTOR_NAME": {"type": "string", "default": "MISP"},
        "MISP_URL": {"type": "string"},
        "MISP_TAGS": {"type": "array", "items": {"type": "string"}, "default": []},
        "MISP_KINDS": {"type": "array", "items": {"type": "string"}, "default": ["a", "b"]},
        "MISP_NOTE": {"type": "string"},
        "MISP_COUNT": {"type": "integer", "default": 10},
        "MISP_KEY": {"type": "string", "format": "password"}}, "required": ["MISP_URL"]}}]}"#;

pub(super) const ID: &str = "5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11";

pub(super) const OTHER: &str = "5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b12";

/// Opens what is written as `sealed:VALUE`.
struct Opener;

impl OpensEnvelopes for Opener {
    fn open(&self, envelope: &str) -> Result<SecretString, (String, String)> {
        let value = envelope.strip_prefix("sealed:").ok_or(("shut".to_owned(), "help".to_owned()))?;
        Ok(SecretString::from(value.split('#').next().unwrap()))
    }

    fn is_of_former(&self, envelope: &str) -> bool {
        envelope.ends_with("#former")
    }

    fn key(&self) -> &str {
        "ours"
    }
}

pub(super) struct World {
    pub(super) files: BTreeMap<String, String>,
    pub(super) site: Site,
    pub(super) observed: Observed,
    pub(super) memory: Memory,
    pub(super) openers: Openers,
    pub(super) allow_empty: bool,
    pub(super) registration: Registration,
    pub(super) recipient: crate::secrets::Recipients,
}

pub(super) fn at() -> PlatformName {
    PlatformName::try_from("opencti").unwrap()
}

pub(super) fn id(text: &str) -> ConnectorId {
    ConnectorId::try_from(text).unwrap()
}

pub(super) fn name(text: &str) -> InstanceName {
    InstanceName::try_from(text).unwrap()
}

impl World {
    pub(super) fn new() -> Self {
        let (identity, _) = keygen();
        let mut keyring = Keyring::default();
        keyring.add("key", identity.expose_secret().as_bytes()).unwrap();
        let mut openers = Openers::default();
        let recipient = keyring.recipients();
        openers.keyring = keyring;
        openers.managers.insert(at(), Arc::new(Opener));
        let site = Site {
            name: at(),
            control: UiControl::Honour,
            instances: UiInstances::Run,
            listing: Some(Listing { before: Some(BTreeSet::new()), ..Listing::default() }),
            away: None,
        };
        Self {
            files: BTreeMap::new(),
            site,
            observed: Observed::default(),
            memory: Memory::default(),
            openers,
            allow_empty: false,
            registration: Registration::Managed,
            recipient,
        }
    }

    pub(super) fn declare(mut self, text: &str, spec: &str, config: &str) -> Self {
        let manifest = format!(
            "apiVersion: lockstep/v1\nkind: ConnectorInstance\nmetadata: {{name: {text}}}\nspec:\n  contract: misp\n{spec}  config:\n    MISP_URL: https://a.example.org\n{config}"
        );
        self.files.insert(format!("{text}.yaml"), manifest);
        self
    }

    pub(super) fn sealed(&self, value: &str) -> String {
        let sealed = seal(&SecretString::from(value), &self.recipient, None).unwrap();
        let lines: String = sealed.lines().map(|line| format!("      {line}\n")).collect();
        format!("    MISP_KEY: |\n{lines}")
    }

    pub(super) fn list(mut self, listed: Vec<Listed>) -> Self {
        self.site.listing.as_mut().unwrap().instances = listed;
        self
    }

    pub(super) fn context(&self) -> Context {
        let facts = PlatformFacts {
            kind: PlatformKind::OpenCti,
            registration: self.registration,
            connector_url: "http://opencti".to_owned(),
            has_connector_token: true,
            env: BTreeMap::new(),
            secret_env: BTreeSet::new(),
            ca: None,
            tenant: None,
        };
        Context {
            platforms: BTreeMap::from([(at(), facts)]),
            any_platform: false,
            policy: Policy::default(),
            network: Some("net".to_owned()),
            pull: PullPolicy::IfNotPresent,
        }
    }

    pub(super) fn desired(&self) -> DesiredState {
        let file = |(path, text): (&String, &String)| SourceFile {
            path: path.as_str().into(),
            content: text.as_bytes().into(),
        };
        let snapshot =
            Snapshot { revision: Revision::Directory("r".to_owned()), files: self.files.iter().map(file).collect() };
        let catalogs = Catalogs::new(vec![Arc::new(Catalog::read("c", CATALOG.as_bytes()).unwrap())]);
        assemble(manifest::read(&snapshot), &snapshot, &catalogs, &self.context())
    }

    pub(super) fn overlay(&self) -> Overlaid {
        let desired = self.desired();
        let errors: Vec<_> = desired.findings.iter().map(|finding| &finding.message).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let given = Given {
            observed: &self.observed,
            memory: &self.memory,
            context: &self.context(),
            openers: &self.openers,
            allow_empty: self.allow_empty,
        };
        overlay(desired, std::slice::from_ref(&self.site), &given)
    }

    /// Goes on with what an overlay remembers.
    pub(super) fn then(mut self) -> Self {
        self.memory = self.overlay().memory;
        self
    }

    pub(super) fn container(mut self, instance: &str, connector: &str, revision: &str) -> Self {
        self.observed.containers.push(ObservedContainer {
            id: ContainerId(format!("container-{instance}")),
            name: instance.to_owned(),
            instance: name(instance),
            platform: Some("opencti".to_owned()),
            connector_id: Some(connector.to_owned()),
            digest: None,
            source: None,
            revision: Some(revision.to_owned()),
            state: ContainerState::Running,
            created: 1,
            finished: None,
            was_stopped: false,
            image: "opencti/connector-misp:1".to_owned(),
            fields: None,
            sensitive_equal: BTreeMap::new(),
            moved_image: None,
            refreshed: false,
        });
        self.observed.containers.sort_by(|a, b| a.instance.cmp(&b.instance));
        self
    }
}
