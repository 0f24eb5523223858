//! Writes an effective spec as bytes that are the same for the same spec, to be hashed.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;
use serde::Serialize;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{EnvValue, OpenedEnv, SourceDigest, Wanted};
use crate::model::container_fields;

/// The version of this form. A change of it makes every container look changed, so it comes with a migration.
const FORM: u32 = 1;

impl Wanted {
    /// The SHA-256 of the effective spec with its secrets still sealed.
    pub fn digest_of_source(&self) -> SourceDigest {
        let env = self.env.iter().map(|(key, value)| (key.as_str(), InSource::of(value))).collect();
        SourceDigest(hex::encode(Sha256::digest(self.canonical(env))))
    }

    /// The effective spec with its secrets opened, as bytes that are wiped when dropped.
    pub fn canonical_opened(&self, opened: &OpenedEnv) -> Zeroizing<Vec<u8>> {
        // Secrets are written after the rest, straight into a buffer that is large enough never to be copied.
        let rest = self.canonical(BTreeMap::new());
        let length = opened.iter().map(|(key, value)| key.len() + value.expose_secret().len() + 32).sum::<usize>();
        let mut bytes = Zeroizing::new(Vec::with_capacity(rest.len() + length));
        bytes.extend_from_slice(&rest);
        for (key, value) in opened {
            for part in [key.as_str(), value.expose_secret()] {
                bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
                bytes.extend_from_slice(part.as_bytes());
            }
        }
        bytes
    }

    fn canonical(&self, env: BTreeMap<&str, InSource<'_>>) -> Vec<u8> {
        let spec = Spec {
            container: container_fields(&self.container),
            env,
            form: FORM,
            id: self.id.to_string(),
            image: &self.image,
            instance: self.name.as_str(),
            labels: &self.labels,
            platform: self.platform.as_ref().map(|name| name.as_str()),
            reset: self.reset(),
        };
        written(&spec)
    }

    /// Every field of the effective spec that may be shown, by the names that the plan shows.
    pub fn visible_fields(&self) -> BTreeMap<String, String> {
        let mut fields = container_fields(&self.container);
        fields.insert("image".to_owned(), self.image.clone());
        fields.extend(self.labels.iter().map(|(key, value)| (format!("labels.{key}"), value.clone())));
        for (key, value) in &self.env {
            if let EnvValue::Plain(text) = value {
                fields.insert(format!("env.{key}"), text.clone());
            }
        }
        fields
    }
}

impl EnvValue {
    /// What tells one sealing of a secret from another, as twelve hexadecimal digits; nothing of the secret goes into it.
    /// None where the source does not seal it.
    pub fn sealed_digest(&self) -> Option<String> {
        match self {
            Self::Sealed(_) | Self::FromFile { .. } => {
                Some(hex::encode(Sha256::digest(written(&InSource::of(self)))).chars().take(12).collect())
            }
            Self::Plain(_) | Self::ConnectorToken(_) | Self::ConnectorProxy(_) | Self::FromPlatform(_) => None,
        }
    }
}

fn written(form: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(form).expect("texts under texts can be written")
}

/// The form itself: one JSON object without spaces, its keys sorted.
#[derive(Serialize)]
struct Spec<'a> {
    container: BTreeMap<String, String>,
    env: BTreeMap<&'a str, InSource<'a>>,
    form: u32,
    id: String,
    image: &'a str,
    instance: &'a str,
    labels: &'a BTreeMap<String, String>,
    platform: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reset: Option<&'a str>,
}

/// A value as it stands in the source, under the one key that says what it is: what a sealed one holds is told apart by
/// its ciphertext alone.
#[derive(Default, Serialize)]
struct InSource<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<&'a str>,
    /// Beside a file only.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plain: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

impl<'a> InSource<'a> {
    fn of(value: &'a EnvValue) -> Self {
        let nothing = Self::default();
        match value {
            EnvValue::Plain(text) => Self { plain: Some(text), ..nothing },
            EnvValue::Sealed(sealed) => Self { sealed: Some(sealed.armored()), ..nothing },
            EnvValue::FromFile { file, key } => {
                Self { file: Some(hex::encode(Sha256::digest(&file.content))), key: Some(key), ..nothing }
            }
            EnvValue::ConnectorToken(platform) => Self { token: Some(platform.as_str()), ..nothing },
            EnvValue::ConnectorProxy(platform) => Self { proxy: Some(platform.as_str()), ..nothing },
            // What the platform gives is told apart by the mark beside the digest, where it is known.
            EnvValue::FromPlatform(secret) => Self { kept: Some(secret.platform.as_str()), ..nothing },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        desired::{PlatformSecret, SealedFile},
        manifest::{Health, Rollback, WantedState},
        model::{
            ConnectorId, ConnectorKind, ContainerSpec, InstanceName, Place, PlatformName, PullPolicy, Sealed, Slug,
        },
    };

    fn wanted() -> Wanted {
        let platform = PlatformName::try_from("opencti").unwrap();
        let name = InstanceName::try_from("misp").unwrap();
        let file = SealedFile { path: "secrets/a.age".into(), content: (*b"age").into() };
        let sealed = "-----BEGIN AGE ENCRYPTED FILE-----\nYQ==\n-----END AGE ENCRYPTED FILE-----";
        let env = [
            ("PLAIN", EnvValue::Plain("\"a\"\n\u{1}é/".to_owned())),
            ("FILE", EnvValue::FromFile { file, key: "api".to_owned() }),
            ("SEALED", EnvValue::Sealed(Sealed::recognise(sealed).unwrap())),
            ("TOKEN", EnvValue::ConnectorToken(platform.clone())),
            ("KEPT", EnvValue::FromPlatform(PlatformSecret::awaited(&platform))),
        ];
        Wanted {
            id: ConnectorId::try_from("5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11").unwrap(),
            name,
            platform: Some(platform),
            kind: ConnectorKind::ExternalImport,
            contract: Slug::try_from("misp").unwrap(),
            title: String::new(),
            scope: Vec::new(),
            state: WantedState::Started,
            suspend: false,
            image: "opencti/connector-misp:1".to_owned(),
            pull: PullPolicy::IfNotPresent,
            env: env.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            container: ContainerSpec { user: Some("1".to_owned()), ..ContainerSpec::default() },
            labels: BTreeMap::from([("team".to_owned(), "cti".to_owned())]),
            health: Health::default(),
            rollback: Rollback::Auto,
            depends_on: Vec::new(),
            origins: BTreeMap::new(),
            place: Place::start_of("a.yaml"),
            management: None,
            source_digest: SourceDigest(String::new()),
        }
    }

    /// As it was in the first release: containers carry digests of it.
    const FORM: &str = concat!(
        r#"{"container":{"container.capDrop":"ALL","container.logs.maxFile":"3","container.logs.maxSize":"10Mi","#,
        r#""container.resources.pids":"1024","container.shmSize":"64Mi","container.stopGrace":"10s","#,
        r#""container.user":"1"},"env":{ENV},"form":1,"id":"5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11","#,
        r#""image":"opencti/connector-misp:1","instance":"misp","labels":{"team":"cti"},"platform":"opencti"}"#,
    );
    const ENV: &str = concat!(
        r#""FILE":{"file":"013f54400c82da08037759ada907a8b864e97de81c088a182062c4b5622fd2ab","key":"api"},"#,
        r#""KEPT":{"kept":"opencti"},"#,
        r#""PLAIN":{"plain":"\"a\"\n\u0001é/"},"#,
        r#""SEALED":{"sealed":"-----BEGIN AGE ENCRYPTED FILE-----\nYQ==\n-----END AGE ENCRYPTED FILE-----"},"#,
        r#""TOKEN":{"token":"opencti"}"#,
    );

    #[test]
    fn the_form_never_changes() {
        let written = FORM.replace("ENV", ENV);
        assert_eq!(wanted().digest_of_source().0, hex::encode(Sha256::digest(written)));
        let opened = OpenedEnv::from([("KEY".to_owned(), "value".into())]);
        let mut written = FORM.replace("ENV", "").into_bytes();
        written.extend_from_slice(b"\0\0\0\0\0\0\0\x03KEY\0\0\0\0\0\0\0\x05value");
        assert_eq!(*wanted().canonical_opened(&opened), written);
    }
}
