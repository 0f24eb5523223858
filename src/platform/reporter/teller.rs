//! Tells a platform about single instances.

use super::{
    handle::{Shared, WriteMark},
    ledger::Telling,
};
use crate::platform::{Platform, PlatformError, Standing};

/// What came of telling about one instance.
pub(super) struct Outcome<'a> {
    pub(super) standing: &'a Standing,
    pub(super) told: Vec<Telling>,
    pub(super) error: Option<PlatformError>,
}

/// Sends what is due for single instances.
#[derive(Clone, Copy)]
pub(super) struct Teller<'a> {
    pub(super) platform: &'a dyn Platform,
    pub(super) shared: &'a Shared,
    /// Whether telling a status looks like a sign of life.
    pub(super) marks_status: bool,
    /// Whether it is known which connectors the platform knows.
    pub(super) known: bool,
}

impl<'a> Teller<'a> {
    /// Tells what is due for one instance, in order; the first error ends it.
    pub(super) async fn tell<'s>(self, standing: &'s Standing, tellings: Vec<Telling>) -> Outcome<'s>
    where
        'a: 's,
    {
        let mut told = Vec::new();
        for telling in tellings {
            let mut sent = self.send(standing, &telling).await;
            self.shared.answered();
            let unknown = sent.as_ref().is_err_and(|error| !self.known && error.failure.is_of_request(false));
            if unknown && matches!(telling, Telling::Status(_)) {
                sent = match self.send(standing, &Telling::Register).await {
                    Ok(()) => self.send(standing, &telling).await,
                    Err(error) => Err(error),
                };
            }
            match sent {
                Ok(()) => told.push(telling),
                Err(error) => return Outcome { standing, told, error: Some(error) },
            }
        }
        Outcome { standing, told, error: None }
    }

    async fn send(self, standing: &Standing, telling: &Telling) -> Result<(), PlatformError> {
        match telling {
            Telling::Register => {
                let _mark = WriteMark::new(self.shared, standing.id);
                self.platform.register(standing).await
            }
            Telling::Status(status) => {
                let _mark = self.marks_status.then(|| WriteMark::new(self.shared, standing.id));
                self.platform.send_status(standing.id, *status).await
            }
            Telling::Health(health) => self.platform.send_health(standing.id, *health).await,
            Telling::Logs(lines) => self.platform.send_logs(standing.id, lines.clone()).await,
        }
    }
}
