//! Tells an instance that got another name from one that is gone and one that is new.

use super::{Action, Observed, ObservedContainer, Plan, SourceMark, Work};
use crate::{
    desired::{EnvValue, Origin, Wanted},
    model::{ConnectorId, InstanceName},
};

/// How many pairs of specs are compared at most, since every comparison costs a digest.
const MOST_COMPARISONS: usize = 10_000;

/// An instance that goes while the same one comes under another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// The name that goes.
    pub from: InstanceName,
    /// The name that comes.
    pub to: InstanceName,
}

/// The creations of a plan that are removals under another name: their id is equal, or their whole spec apart from what
/// follows from the name. Only for showing; the steps stay what they are. Sorted by the new name.
pub fn renames(plan: &Plan, observed: &Observed) -> Vec<Rename> {
    let mut going: Vec<Vec<&ObservedContainer>> = plan
        .steps
        .iter()
        .filter(|step| step.action == Action::Destroy)
        .map(|step| observed.of(&step.instance).collect::<Vec<_>>())
        .filter(|containers| !containers.is_empty())
        .collect();
    let mut coming: Vec<&Wanted> = plan.steps.iter().filter_map(|step| created(&step.work)).collect();
    let mut renames = Vec::new();
    let same_id = |container: &ObservedContainer, wanted: &Wanted| {
        container.connector_id.as_deref() == Some(wanted.id.to_string().as_str())
    };
    pair(&mut going, &mut coming, &mut renames, same_id);
    let mut left = MOST_COMPARISONS;
    pair(&mut going, &mut coming, &mut renames, |container, wanted| {
        let alike = container.image == wanted.image && left > 0;
        alike && {
            left -= 1;
            same_spec(container, wanted)
        }
    });
    renames.sort_by(|a, b| a.to.cmp(&b.to));
    renames
}

/// The spec of a creation, where a step is one.
fn created(work: &Work) -> Option<&Wanted> {
    match work {
        Work::Create(new) => Some(&new.wanted),
        Work::Replace(_)
        | Work::Recreate { .. }
        | Work::Update { .. }
        | Work::Start { .. }
        | Work::Stop { .. }
        | Work::Remove { .. }
        | Work::AtPlatform(_) => None,
    }
}

/// Takes out every pair that is the same, each side at most once, in the order of the plan.
fn pair(
    going: &mut Vec<Vec<&ObservedContainer>>,
    coming: &mut Vec<&Wanted>,
    renames: &mut Vec<Rename>,
    mut same: impl FnMut(&ObservedContainer, &Wanted) -> bool,
) {
    coming.retain(|wanted| {
        let found = going.iter().position(|containers| containers.iter().any(|container| same(container, wanted)));
        if let Some(container) = found.and_then(|index| going.remove(index).first().copied()) {
            renames.push(Rename { from: container.instance.clone(), to: wanted.name.clone() });
        }
        found.is_none()
    });
}

/// Whether a spec under the container's name and id would carry the container's mark.
fn same_spec(container: &ObservedContainer, wanted: &Wanted) -> bool {
    let id = container.connector_id.as_deref().and_then(|id| ConnectorId::try_from(id).ok());
    let (Some(mark), Some(id)) = (&container.source, id) else { return false };
    let mut former = wanted.clone();
    let (new_id, new_name) = (wanted.id.to_string(), wanted.name.as_str());
    for (key, value) in &mut former.env {
        let ours = wanted.origins.get(&format!("env.{key}")) == Some(&Origin::Lockstep);
        if let EnvValue::Plain(text) = value
            && ours
        {
            if *text == new_id {
                *text = id.to_string();
            } else if text == new_name {
                *text = container.instance.to_string();
            }
        }
    }
    former.name = container.instance.clone();
    former.id = id;
    former.digest_of_source().0 == SourceMark::parse(mark).digest
}
