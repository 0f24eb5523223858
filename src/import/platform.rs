//! Turns an instance that people made in a platform's pages into a manifest.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::{
    choose::{Choice, Image, choose},
    draft::{Draft, Part},
    log::Log,
    scalar,
    types::{Imported, ImportedService, Outcome},
    verify::{self, Places},
    written,
};
use crate::{
    catalog::{Catalogs, Contract},
    model::{Code, ConnectorId, ConnectorKind, InstanceName, Place, PlatformName},
    secrets::{self, Binding, Recipients},
};

/// One value of an instance's configuration.
pub enum PlatformValue {
    /// One that may be shown.
    Clear(String),
    /// A secret.
    Secret(SecretString),
    /// A secret that can't be opened, and why.
    Shut(String),
}

/// An instance as its platform keeps it.
pub struct PlatformInstance {
    /// Its name here.
    pub name: InstanceName,
    /// The name people gave it.
    pub title: String,
    /// Its id.
    pub id: ConnectorId,
    /// What it does.
    pub kind: ConnectorKind,
    /// Its image with the tag.
    pub image: String,
    /// Whether it is to be stopped.
    pub stopped: bool,
    /// Its configuration.
    pub values: BTreeMap<String, PlatformValue>,
}

/// Makes a manifest of every instance; never fails, it finds. `recipients` are whom secrets are sealed for; without any they
/// stay blanks that name their key.
pub fn of_platform(
    platform: &PlatformName,
    instances: &[PlatformInstance],
    catalogs: &Catalogs,
    recipients: Option<&Recipients>,
) -> Imported {
    let mut imported = Imported::default();
    for instance in instances {
        let place = Place::start_of(format!("platform {platform}"));
        let mut log = Log::of(&instance.name);
        let outcome = match choose(
            catalogs,
            Some(&Image::parse(&instance.image)),
            instance.name.as_str(),
            Some(instance.kind.as_str()),
        ) {
            Choice::Contract(contract) => {
                let writer = Writer { platform, instance, contract, recipients, place: &place };
                let text = writer.manifest(&mut log);
                Outcome::Manifest { instance: instance.name.clone(), contract: contract.slug.clone(), text }
            }
            Choice::OtherKind(_) | Choice::None(_) => {
                let message = format!("no catalog has a contract with the image `{}`", instance.image);
                let help = "name the catalog that the platform has with `catalogs` in the settings";
                log.need(Code::UnknownContract, &place, message, help);
                Outcome::Refused
            }
        };
        let Log { notes, findings, .. } = log;
        imported.findings.extend(findings);
        imported.services.push(ImportedService { name: instance.title.clone(), place, outcome, notes });
    }
    crate::model::Finding::sort(&mut imported.findings);
    imported
}

struct Writer<'a> {
    platform: &'a PlatformName,
    instance: &'a PlatformInstance,
    contract: &'a Contract,
    recipients: Option<&'a Recipients>,
    place: &'a Place,
}

impl Writer<'_> {
    fn manifest(&self, log: &mut Log) -> String {
        let instance = self.instance;
        let mut head = vec![Part::active("id", vec![format!("id: {}", instance.id)], self.place)];
        let image = Image::parse(&instance.image);
        if self.contract.image.as_deref() != Some(image.name) {
            head.push(self.field("image", &instance.image));
        } else if image.tag != self.contract.version.as_deref() {
            head.extend(image.tag.map(|tag| self.field("version", tag)));
        }
        if instance.stopped {
            head.push(Part::active("state", vec!["state: stopped".to_owned()], self.place));
        }
        let mut config = Vec::new();
        let name = format!("{}_NAME", instance.kind.env_prefix());
        if instance.title != instance.name.as_str() {
            config.push(self.field(&name, &instance.title));
        }
        for property in self.contract.properties() {
            let key = &property.key;
            let Some(value) = instance.values.get(key).filter(|_| *key != name) else { continue };
            if self.contract.instead_of(key).is_some() || crate::model::is_owned_env(key) {
                continue;
            }
            match value {
                PlatformValue::Clear(text) if property.secret => self.secret(key, text, &mut config, log),
                // Defaults are left out, and a mask is no value.
                PlatformValue::Clear(text) if property.default.as_deref() == Some(text) => {}
                PlatformValue::Clear(text) if !text.is_empty() && text.chars().all(|c| c == '*') => {}
                PlatformValue::Clear(text) => {
                    let lines = written::lines(key, Some(property), text, None);
                    let mut part = Part::active(key, lines, self.place);
                    part.empty = text.trim().is_empty();
                    part.fallback = format!("{key}: fill in, was {}", scalar::string(text));
                    config.push(part);
                }
                PlatformValue::Secret(secret) => self.secret(key, secret.expose_secret(), &mut config, log),
                PlatformValue::Shut(why) => self.blank(key, &format!("can't be opened: {why}"), &mut config, log),
            }
        }
        let mut draft = Draft {
            origin: format!("Imported from platform {}.", self.platform),
            name: instance.name.clone(),
            labels: Vec::new(),
            platform: Some(self.platform.clone()),
            contract: self.contract.slug.clone(),
            head,
            config,
            container: Vec::new(),
            depends_on: Vec::new(),
        };
        let places = Places { service: self.place.clone(), environment: self.place.clone() };
        verify::verify(&mut draft, self.contract, &places, log)
    }

    fn field(&self, key: &str, text: &str) -> Part {
        Part::active(key, vec![format!("{key}: {}", scalar::string(text))], self.place)
    }

    fn secret(&self, key: &str, text: &str, config: &mut Vec<Part>, log: &mut Log) {
        if text.is_empty() {
            return;
        }
        let Some(recipients) = self.recipients else {
            self.blank(key, "is a secret and was not sealed", config, log);
            return;
        };
        let binding = Binding { instance: self.instance.name.clone(), key: key.to_owned() };
        match secrets::seal(&SecretString::from(text), recipients, Some(&binding)) {
            Ok(armored) => {
                let lines = armored.lines().map(|line| format!("  {line}"));
                let lines = std::iter::once(format!("{key}: |")).chain(lines).collect();
                let mut part = Part::active(key, lines, self.place);
                part.fallback = format!("{key}: fill in (a sealed value)");
                config.push(part);
            }
            Err(error) => self.blank(key, &format!("could not be sealed: {error}"), config, log),
        }
    }

    fn blank(&self, key: &str, why: &str, config: &mut Vec<Part>, log: &mut Log) {
        config.push(Part::comment(key, format!("{key}: fill in (a sealed value)"), self.place));
        let help = format!(
            "seal it with `lockstep secret seal --instance {} --key {key}` and put it below `spec.config`",
            self.instance.name
        );
        log.need(Code::MissingKey, self.place, format!("`{key}` {why}"), help);
    }
}
