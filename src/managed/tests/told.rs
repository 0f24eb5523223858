//! What an overlay came to.

use super::world::name;
use crate::{
    desired::{EnvValue, PlatformContent, PlatformSecret, Wanted},
    managed::Overlaid,
    plan::{PlatformWork, Step, Work},
};

pub(super) fn actions(overlaid: &Overlaid) -> Vec<String> {
    let word = |step: &Step| format!("{} {}", step.instance, step.action.as_str());
    overlaid.steps.iter().map(word).collect()
}

pub(super) fn fields(step: &Step) -> Vec<&str> {
    step.reasons.iter().map(|reason| reason.field.as_str()).collect()
}

pub(super) fn work(step: &Step) -> &PlatformWork {
    let Work::AtPlatform(work) = &step.work else { panic!("{:?}", step.work) };
    &work.work
}

pub(super) fn wanted<'a>(overlaid: &'a Overlaid, text: &str) -> &'a Wanted {
    &overlaid.desired.wanted[&name(text)]
}

pub(super) fn token(wanted: &Wanted) -> &PlatformContent {
    let value = &wanted.env["OPENCTI_TOKEN"];
    let EnvValue::FromPlatform(PlatformSecret { content, .. }) = value else { panic!("{value:?}") };
    content
}
