//! A managed platform as reporters see it: its connectors are registered by us as their manager, never as themselves.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt};

use crate::{
    model::{ConnectorId, PlatformName},
    platform::{
        About, CurrentStatus, HealthReport, Listing, ManagedPlatform, Platform, PlatformError, Standing, Takes, WhoAmI,
    },
};

/// A managed platform whose connectors nobody registers in their own name: one that people removed there would come back.
pub struct QuietRegistration(pub Arc<dyn ManagedPlatform>);

impl Platform for QuietRegistration {
    fn name(&self) -> &PlatformName {
        self.0.name()
    }

    fn takes(&self) -> Takes {
        Takes::Standing
    }

    fn about(&self) -> BoxFuture<'_, Result<About, PlatformError>> {
        self.0.about()
    }

    fn who_am_i(&self) -> BoxFuture<'_, Result<WhoAmI, PlatformError>> {
        self.0.who_am_i()
    }

    fn connectors(&self, queues: bool) -> BoxFuture<'_, Result<Listing, PlatformError>> {
        self.0.connectors(queues)
    }

    fn register<'a>(&'a self, _: &'a Standing) -> BoxFuture<'a, Result<(), PlatformError>> {
        async { Ok(()) }.boxed()
    }

    fn send_status(&self, id: ConnectorId, status: CurrentStatus) -> BoxFuture<'_, Result<(), PlatformError>> {
        self.0.send_status(id, status)
    }

    fn send_health(&self, id: ConnectorId, health: HealthReport) -> BoxFuture<'_, Result<(), PlatformError>> {
        self.0.send_health(id, health)
    }

    fn send_logs(&self, id: ConnectorId, lines: Vec<String>) -> BoxFuture<'_, Result<(), PlatformError>> {
        self.0.send_logs(id, lines)
    }
}
