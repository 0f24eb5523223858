//! Reads the operator's credentials again while the loop goes on, so that changed ones count without a restart.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    desired::SettingsSecrets,
    model::{Credential, PlatformName},
};

/// Between two readings.
const LOOK: Duration = Duration::from_secs(2);

/// Where the operator keeps what connectors get, and what else is worth another try when it changes.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// The connector token of each platform.
    pub tokens: BTreeMap<PlatformName, Credential>,
    /// The proxies with a password that connectors of each platform get, by variable.
    pub proxies: BTreeMap<PlatformName, BTreeMap<String, Credential>>,
    /// Others, which are read where they are used: those of registries and of the source.
    pub others: Vec<Credential>,
}

/// What was read.
#[derive(Default)]
pub(super) struct Read {
    pub(super) settings: SettingsSecrets,
    others: Vec<Option<SecretString>>,
}

impl Credentials {
    /// Reads what connectors get; what can't be read is left out, and said so.
    pub fn read(&self) -> SettingsSecrets {
        let mut secrets = SettingsSecrets::default();
        for (platform, token) in &self.tokens {
            match token.read() {
                Ok(token) => {
                    secrets.tokens.insert(platform.clone(), token);
                }
                Err(why) => {
                    secrets.unreadable.insert(platform.clone(), why);
                }
            }
        }
        for (platform, proxies) in &self.proxies {
            let of_platform = secrets.proxies.entry(platform.clone()).or_default();
            for (variable, proxy) in proxies {
                match proxy.read() {
                    Ok(proxy) => {
                        of_platform.insert(variable.clone(), proxy);
                    }
                    Err(why) => {
                        secrets.unreadable.insert(platform.clone(), why);
                    }
                }
            }
        }
        secrets
    }

    fn read_all(&self) -> Read {
        Read { settings: self.read(), others: self.others.iter().map(|other| other.read().ok()).collect() }
    }

    /// Reads them again and again; what comes out has changed since it was read last.
    pub(super) fn watch(
        self,
        first: SettingsSecrets,
        tasks: &TaskTracker,
        cancel: CancellationToken,
    ) -> watch::Receiver<Arc<SettingsSecrets>> {
        let (sender, receiver) = watch::channel(Arc::new(first));
        tasks.spawn(async move {
            let mut last: Option<Read> = None;
            // Dropping a reading at any point is safe: it only reads.
            while cancel.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
                let credentials = self.clone();
                let Ok(read) = tokio::task::spawn_blocking(move || credentials.read_all()).await else { return };
                let changed = match &last {
                    Some(last) => !same(&last.settings, &read.settings) || !same_all(&last.others, &read.others),
                    None => !same(&sender.borrow(), &read.settings),
                };
                if changed {
                    sender.send_replace(Arc::new(read.settings.clone()));
                }
                last = Some(read);
            }
        });
        receiver
    }
}

fn same(one: &SettingsSecrets, other: &SettingsSecrets) -> bool {
    let texts = |secrets: &SettingsSecrets| -> Vec<Option<SecretString>> { secrets.all().cloned().map(Some).collect() };
    let names = one.tokens.keys().eq(other.tokens.keys()) && one.unreadable == other.unreadable;
    names && same_all(&texts(one), &texts(other))
}

fn same_all(one: &[Option<SecretString>], other: &[Option<SecretString>]) -> bool {
    let text = |secret: &Option<SecretString>| secret.as_ref().map(|secret| secret.expose_secret().to_owned());
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| text(one) == text(other))
}
