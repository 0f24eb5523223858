//! What something else than Lockstep changed about a container, and how it is put back.

use std::sync::Arc;

use super::{Action, Cause, DEFAULT_PIDS, InPlace, ObservedContainer, Reason, Step, Work, reasons};
use crate::{desired::Wanted, model::HostNamespace};

/// The field of the engine's own leave to restart a container.
pub const RESTART: &str = "container.restart";
/// What stands there where a container may not be restarted: Lockstep sets that itself before it stops one.
pub const NO_RESTARTS: &str = "no";
/// The field of a container's own name.
const NAME: &str = "container.name";
/// What Lockstep sets there for a container that runs.
const RESTARTS: &str = "on-failure:5";

/// Every field in which a container that was looked at for its own sake differs from what was applied.
pub(super) fn of(container: &ObservedContainer, wanted: &Wanted) -> Vec<Reason> {
    if !container.refreshed {
        return Vec::new();
    }
    let drifted = |reason: Reason| {
        let ours = (reason.field == RESTART).then(|| RESTARTS.to_owned());
        // No line of the source says that something is not there.
        let (place, given) = if reason.after.is_some() { (reason.place, reason.given) } else { (None, None) };
        Reason { cause: Cause::Drift, after: reason.after.or(ours), place, given, ..reason }
    };
    let fields = reasons::changed_fields(container, wanted).into_iter().map(drifted);
    let moved = container.moved_image.as_ref().map(|moved| {
        let named = |id: &str| format!("{} ({})", wanted.image, short(id));
        let reason = Reason::of("image", Some(named(&moved.from)), Some(named(&moved.to)), Cause::Drift);
        Reason { since: moved.since, ..reason }
    });
    let own = own_name(container, wanted).filter(|own| *own != container.name);
    let renamed = own.map(|own| Reason::of(NAME, Some(container.name.clone()), Some(own), Cause::Drift));
    fields.chain(moved).chain(renamed).collect()
}

/// The name that a container was created with.
fn own_name(container: &ObservedContainer, wanted: &Wanted) -> Option<String> {
    container.digest.as_ref().map(|digest| format!("{}-{}", wanted.name, digest.name_suffix()))
}

/// The beginning of an image's id, as engines shorten it.
fn short(id: &str) -> String {
    id.chars().take("sha256:".len() + 12).collect()
}

/// Whether a step puts back what something else changed about a container.
pub fn is_drift(step: &Step) -> bool {
    let of_spec = |reason: &Reason| !matches!(reason.field.as_str(), "state" | "replacement" | "instance");
    step.action != Action::Destroy && step.reasons.iter().any(|reason| reason.cause == Cause::Drift && of_spec(reason))
}

/// What puts the fields back while the container runs on; none where that takes a new container.
pub(super) fn in_place(container: &ObservedContainer, wanted: &Arc<Wanted>, drift: &[Reason]) -> Option<Work> {
    let spec = &wanted.container;
    let mut change = InPlace { alias: wanted.name.to_string(), ..InPlace::default() };
    for reason in drift {
        match reason.field.as_str() {
            "container.resources.cpus" => change.milli_cpus = Some(spec.resources.milli_cpus?),
            "container.resources.memory" | "container.memorySwap" => change.memory = Some(spec.resources.memory?),
            "container.resources.pids" => change.pids = Some(spec.resources.pids.unwrap_or(DEFAULT_PIDS)),
            RESTART => change.restarts = true,
            NAME => change.name = reason.after.clone(),
            "container.networks" if !spec.networks.is_empty() && spec.host_namespaces != [HostNamespace::Network] => {
                let names = reason.before.as_deref().unwrap_or_default().split(',').filter(|name| !name.is_empty());
                let live: Vec<&str> = names.collect();
                let missing = |name: &&String| !live.contains(&name.as_str());
                change.join = spec.networks.iter().filter(missing).cloned().collect();
                let unknown = |name: &&&str| !spec.networks.iter().any(|wanted| wanted == **name);
                change.leave = live.iter().filter(unknown).map(|name| (*name).to_owned()).collect();
            }
            _ => return None,
        }
    }
    let wanted = Arc::clone(wanted);
    Some(Work::Update { container: container.id.clone(), change: Box::new(change), wanted })
}
