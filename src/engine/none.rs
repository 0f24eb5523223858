//! No engine, for work that must not touch one.

use futures_util::{StreamExt, stream, stream::BoxStream};
use tokio_util::sync::CancellationToken;

use std::{collections::BTreeMap, time::Duration};

use super::{
    Engine, EngineError, EngineEvent, Inspected, LocalImage, LogLine, OpenedEnv, Outcome, Problem, Progress, Touch,
};
use crate::{
    model::OwnerName,
    plan::{ContainerId, Layer, Observed, Plan, Step},
};

/// Refuses every call: a command that works offline is built over this, so that a mistake shows.
#[derive(Debug, Clone, Copy)]
pub struct NoEngine;

fn refused<T>(what: &str) -> Result<T, EngineError> {
    let message = "this command works without an engine".to_owned();
    Err(EngineError::Refused { what: what.to_owned(), status: 0, message })
}

impl Engine for NoEngine {
    async fn observe(&self, _: &OwnerName) -> Result<Observed, EngineError> {
        refused("list containers")
    }

    async fn inspect(&self, _: &ContainerId) -> Result<Inspected, EngineError> {
        refused("inspect a container")
    }

    async fn preflight(&self, _: &OwnerName, _: &Plan) -> Result<Vec<Problem>, EngineError> {
        refused("look over a plan")
    }

    async fn apply(
        &self,
        _: &Step,
        _: Option<&OpenedEnv>,
        _: &(dyn Fn(Progress) + Send + Sync),
        _: &CancellationToken,
    ) -> Result<Outcome, EngineError> {
        refused("carry out a step")
    }

    fn logs(&self, _: &ContainerId, _: u32, _: bool) -> BoxStream<'static, Result<LogLine, EngineError>> {
        stream::once(async { refused("give a container's output") }).boxed()
    }

    fn events(&self, _: &OwnerName) -> BoxStream<'static, Result<EngineEvent, EngineError>> {
        stream::once(async { refused("tell events") }).boxed()
    }

    async fn set_restarts(&self, _: &ContainerId, _: bool) -> Result<(), EngineError> {
        refused("change a container")
    }

    async fn image(&self, _: &str) -> Result<Option<LocalImage>, EngineError> {
        refused("look at an image")
    }

    async fn touches(&self, _: i64) -> Result<Vec<Touch>, EngineError> {
        refused("tell past events")
    }

    async fn missing_layers(&self, _: &[String]) -> BTreeMap<String, Vec<Layer>> {
        BTreeMap::new()
    }

    async fn about(&self) -> Result<(String, Duration), EngineError> {
        refused("tell about itself")
    }
}
