//! How an application ended.

use super::{bold, green, printable, red};
use crate::{
    engine::{Outcome, Problem},
    plan::Action,
    reconcile::{Applied, StepReport},
    telemetry,
};

/// What would have failed, in one line.
pub fn problem(problem: &Problem) -> String {
    let (instance, what) = match problem {
        Problem::ForeignContainer { instance, container } => (
            instance,
            format!("the container `{container}` is not ours and has a name that is needed; it was not touched"),
        ),
        Problem::AnotherManager { instance, container } => (
            instance,
            format!(
                "the container `{container}` of another manager runs this connector, which must not run twice; it was not \
                 touched: `lockstep adopt` takes it over"
            ),
        ),
        Problem::MissingNetwork { instance, network } => (instance, format!("there is no network `{network}`")),
        Problem::MissingImage { instance, image, why } => (instance, format!("failed to get image `{image}`: {why}")),
    };
    format!("{} {}: {}\n", red("error:"), bold(instance.as_str()), printable(&what))
}

/// The steps that did not end well, and the counts of those that did.
pub fn summary(applied: &Applied) -> String {
    let mut text = String::new();
    for step in &applied.steps {
        if let Some(line) = failure(step) {
            text += &line;
        }
    }
    let added = applied.done(&[Action::Create]);
    let changed = [Action::Replace, Action::Update, Action::Start, Action::Stop];
    let at_platforms = [Action::Register, Action::Edit, Action::Migrate];
    let changed = applied.done(&[&changed[..], &at_platforms[..]].concat());
    let destroyed = applied.done(&[Action::Destroy, Action::Unregister]);
    let head = if applied.is_whole() { bold(&green("Apply complete!")) } else { bold(&red("Apply incomplete.")) };
    text + &format!("{head} Instances: {added} added, {changed} changed, {destroyed} destroyed.\n")
}

fn failure(step: &StepReport) -> Option<String> {
    let why = match &step.result {
        Ok(Outcome::Done) => return None,
        Ok(Outcome::Unfinished) => "waiting for its health was ended; the next run goes on".to_owned(),
        Ok(Outcome::Unhealthy { why }) => step.unhealthy(why),
        Err(error) => telemetry::chain(error),
    };
    let name = bold(step.instance.as_str());
    Some(format!("{} {name}: failed to {}: {}\n", red("error:"), step.action.as_str(), printable(&why)))
}
