//! What one-shot commands ask and tell besides the pipeline.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{Parts, state_folder};
use crate::{
    cli::{CliError, commands::Session, output, render},
    desired::{DesiredState, Wanted},
    engine::{Engine, Outcome},
    plan::Pruning,
    platform::{Connection, Standing, Takes},
    reconcile::{self, Applied, Planned, PlatformLink, State},
    report::{self, Facts, Note, StatusReport},
    settings::Settings,
    telemetry,
};

/// How long a platform is waited for before connectors are started.
const REGISTER: Duration = Duration::from_secs(2);
/// How long a platform is waited for at the end.
const FAREWELL: Duration = Duration::from_secs(5);

/// Makes the connectors known to their platforms before their first start, where the platforms answer in time.
pub(crate) async fn register(platforms: &[PlatformLink], desired: &DesiredState) {
    for link in platforms {
        let standings: Vec<_> = desired
            .wanted
            .values()
            .filter(|wanted| wanted.platform.as_ref() == Some(&link.name) && wanted.management.is_none())
            .map(|wanted| Standing {
                id: wanted.id,
                name: wanted.title.clone(),
                kind: wanted.kind,
                scope: wanted.scope.clone(),
                running: false,
                restarts: 0,
                started_at: None,
                crash_loop: false,
                messages: Vec::new(),
                logs: Vec::new(),
            })
            .collect();
        if standings.is_empty() {
            continue;
        }
        let of_platform = |wanted: &&Arc<Wanted>| wanted.platform.as_ref() == Some(&link.name);
        if desired.wanted.values().filter(of_platform).any(|wanted| wanted.health.require_platform) {
            link.reporter.listen_closely();
        }
        if let Err(error) = link.reporter.register_now(&standings, REGISTER).await {
            tracing::warn!(platform = %link.name, error = error.line(), "connectors are not made known before their start");
        }
    }
}

/// Where every instance stands, asked once from everything that knows.
///
/// # Errors
/// Where the source or the engine can't be asked; a platform that does not answer is left out.
pub(crate) async fn status_once(
    settings: &Settings,
    pipeline: &Parts,
    platforms: &[PlatformLink],
) -> Result<StatusReport, CliError> {
    let desired = pipeline.desired().await?;
    let observed = pipeline.observe().await?;
    // The plan knows which secrets can't be opened; nothing of it is carried out.
    let overlaid = pipeline.overlaid(desired, &observed, false).await;
    let mut conditions = overlaid.conditions.clone();
    reconcile::note_unreadable(&mut conditions, &pipeline.openers.settings);
    let Planned { desired, observed, plan } =
        pipeline.plan_overlaid(overlaid, observed, &Pruning::default(), reconcile::Depth::Marks).await?;
    let live = reconcile::look(pipeline.engine.as_ref(), &desired, reconcile::ids(&observed)).await?.live;
    for link in platforms {
        wait_until_heard(link).await;
    }
    let heard = reconcile::heard(platforms, &desired, &observed, &live);
    let applied = State::read(&state_folder(settings)).applied;
    let at_platform = reconcile::work_at_platforms(platforms, &desired);
    reconcile::note_empty(&mut conditions, platforms, &desired, &observed);
    reconcile::note_words(&mut conditions, platforms, &desired);
    let platforms = reconcile::platforms(platforms, &conditions);
    let facts =
        Facts { now: reconcile::epoch_seconds(), applied, live, notes: BTreeMap::new(), heard, at_platform, platforms };
    Ok(report::of(&desired, &observed, Some(&plan), &facts))
}

async fn wait_until_heard(link: &PlatformLink) {
    let mut heard = link.reporter.heard();
    let asked = tokio::time::timeout(REGISTER, heard.wait_for(|heard| heard.read)).await;
    if !matches!(asked, Ok(Ok(_))) {
        tracing::warn!(platform = %link.name, "the platform did not say what it has heard");
    }
}

/// Tells every platform once how an application ended; one that can't be told is a warning.
///
/// # Errors
/// Where the engine can't be asked any more, or the warning not be written.
pub(crate) async fn tell_once(
    pipeline: &Parts,
    platforms: &[PlatformLink],
    applied: &Applied,
    session: &Session,
) -> Result<(), CliError> {
    if platforms.is_empty() {
        return Ok(());
    }
    let desired = &applied.planned.desired;
    let observed = pipeline.engine.observe(&pipeline.owner).await?;
    let live = reconcile::look(pipeline.engine.as_ref(), desired, reconcile::ids(&observed)).await?.live;
    let failed = applied.steps.iter().filter_map(|step| {
        let why = match &step.result {
            Ok(Outcome::Done | Outcome::Unfinished) => return None,
            Ok(Outcome::Unhealthy { why }) => why.clone(),
            Err(error) => telemetry::chain(error),
        };
        Some((step.instance.clone(), Note::Failed(session.scrubber.scrub(&why).into_owned())))
    });
    let facts =
        Facts { now: reconcile::epoch_seconds(), applied: None, live, notes: failed.collect(), ..Facts::default() };
    let report = report::of(desired, &observed, Some(&applied.planned.plan), &facts);
    for link in platforms.iter().filter(|link| link.reporter.takes() != Takes::Nothing) {
        let of_platform = report.instances.iter().filter(|status| status.platform.as_ref() == Some(&link.name));
        let standings = of_platform.filter_map(|status| {
            let wanted = desired.wanted.get(&status.name).filter(|wanted| !wanted.awaits_platform())?;
            Some(reconcile::standing(wanted, status, Vec::new()))
        });
        link.reporter.update(standings.collect());
        let told = link.reporter.flush(FAREWELL).await;
        if let Connection::Up { version, .. } = &*link.reporter.connection().borrow() {
            pipeline.catalogs.note_version(&link.name, version);
        }
        if !told {
            let why = render::printable(&why_not(&link.reporter.connection().borrow()));
            output::note(&format!(
                "{} platform `{}` was not told where its instances stand: {why}\n",
                render::yellow("warning:"),
                link.name
            ))?;
        }
    }
    Ok(())
}

fn why_not(connection: &Connection) -> String {
    match connection {
        Connection::Connecting => "it did not answer in time".to_owned(),
        Connection::Up { limited: Some(limited), .. } => limited.clone(),
        Connection::Up { refused, .. } if !refused.is_empty() => {
            refused.iter().map(|(id, why)| format!("{id}: {why}")).collect::<Vec<_>>().join("; ")
        }
        Connection::Up { .. } => "not everything was sent in time".to_owned(),
        Connection::Down { error, .. } | Connection::Unauthorized { error, .. } => error.clone(),
    }
}
