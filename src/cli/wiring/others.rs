//! The containers of another connector manager that a plan would make a second time.

use std::collections::BTreeMap;

use super::state_folder;
use crate::{
    cli::CliError,
    engine::{DockerEngine, read_adopted},
    plan::{LABELS, Plan, Refusal},
    settings::Settings,
};

/// Takes the creations out of a plan that carrying it out would refuse, since another manager still runs the connector, and
/// says so.
///
/// # Errors
/// Where the engine can't be asked.
pub(crate) async fn refuse_what_others_run(
    settings: &Settings,
    engine: &DockerEngine,
    plan: &mut Plan,
) -> Result<(), CliError> {
    if !plan.steps.iter().any(|step| step.work.creates().is_some()) {
        return Ok(());
    }
    let taken = read_adopted(&state_folder(settings)).unwrap_or_default();
    let mut others = BTreeMap::new();
    for platform in settings.platforms.values() {
        let Some(manager) = &platform.manager else { continue };
        let foreign = engine.managed_by(&manager.id, platform.kind).await?;
        let open = foreign.into_iter().filter(|one| !taken.iter().any(|taken| taken.container == one.container.0));
        others.extend(open.filter(|foreign| foreign.running).map(|foreign| (foreign.id, foreign.name)));
    }
    let mut refused = Vec::new();
    for step in &plan.steps {
        let connector = step.work.creates().and_then(|new| new.labels.get(LABELS.id));
        let Some(container) = connector.and_then(|connector| others.get(connector)) else { continue };
        refused.push(Refusal {
            instances: vec![step.instance.clone()],
            guard: "another manager",
            message: format!(
                "the container `{container}` of another manager runs the connector of `{}`",
                step.instance
            ),
            help: "stop the other manager; `lockstep adopt` shows what becomes of its containers, and takes them over"
                .to_owned(),
        });
    }
    plan.steps.retain(|step| !refused.iter().any(|refusal| refusal.instances.contains(&step.instance)));
    plan.refused.extend(refused);
    Ok(())
}
