//! OpenAEV: the real client against scripted servers and against the stand-in.

mod client;
mod listing;
mod managed;
mod pyoaev;
mod reporter;
pub(crate) mod stand_in;

use lockstep::platform::{OpenAevClient, OpenAevConfig};

use super::{TOKEN, assert_discreet, config, id, scripted, standing};

const MANAGER: &str = "a3f1f1a0-6f6e-4b0a-9b8a-0f5d8a0e9b11";

fn openaev_config(url: &str) -> OpenAevConfig {
    OpenAevConfig { http: config(url), tenant: None, manager: None }
}

fn client(url: &str) -> OpenAevClient {
    OpenAevClient::new(openaev_config(url)).unwrap()
}

/// A client that is the platform's connector manager.
fn manager(url: &str) -> OpenAevClient {
    OpenAevClient::new(OpenAevConfig { manager: Some(MANAGER.to_owned()), ..openaev_config(url) }).unwrap()
}
