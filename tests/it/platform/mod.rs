//! Platforms: the real clients against scripted servers and against the stand-ins.

mod client;
mod documents;
mod envelope;
mod managed;
pub(crate) mod openaev;
mod pycti;
mod reporter;
mod scripted;
pub(crate) mod stand_in;
mod tls;

use std::{path::PathBuf, time::Duration};

use lockstep::{
    model::{ConnectorId, ConnectorKind, PlatformName},
    platform::{OpenCtiClient, OpenCtiConfig, PlatformError, Standing},
};

pub(crate) const TOKEN: &str = "lockstep-test-token-3f9a";

/// A folder that the environment names.
#[expect(clippy::disallowed_methods, reason = "the tests are told by the environment where their data are")]
pub(crate) fn folder(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from)
}

fn config(url: &str) -> OpenCtiConfig {
    OpenCtiConfig {
        name: PlatformName::try_from("opencti").unwrap(),
        url: url.parse().unwrap(),
        token: TOKEN.into(),
        ca: None,
        proxy: None,
        timeout: Duration::from_secs(10),
        connect_timeout: Duration::from_secs(5),
    }
}

fn client(url: &str) -> OpenCtiClient {
    OpenCtiClient::new(config(url)).unwrap()
}

/// What has the form of an envelope, of version 1; no key opens it.
fn form_of_an_envelope() -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    STANDARD.encode([1; 1 + 512 + 16])
}

fn id(number: u8) -> ConnectorId {
    ConnectorId::try_from(format!("5c1e0b0e-2f0e-4c53-9d0f-0000000000{number:02x}").as_str()).unwrap()
}

fn standing(number: u8) -> Standing {
    Standing {
        id: id(number),
        name: format!("instance-{number}"),
        kind: ConnectorKind::ExternalImport,
        scope: vec!["report".to_owned()],
        running: true,
        restarts: 0,
        started_at: Some(jiff::Timestamp::now().as_second()),
        crash_loop: false,
        messages: vec!["started".to_owned()],
        logs: vec!["hello".to_owned()],
    }
}

/// Checks that an error says nothing that it must not say.
fn assert_discreet(error: &PlatformError) {
    for text in [error.line(), error.to_string(), format!("{error:?}")] {
        assert!(!text.contains(TOKEN), "{text}");
        assert!(!text.contains("http://") && !text.contains("https://"), "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains("<html"), "{text}");
    }
}
