//! Carries out the steps that need one image: looked over together, then each by itself.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::{StepError, StepReport, Watcher, execute::execute_one};
use crate::{
    desired::Openers,
    engine::{Engine, EngineError, Problem},
    model::{InstanceName, OwnerName, Revision},
    plan::{Plan, Step},
};

/// Groups steps by the image they need, so that a slow pull keeps no other instance waiting.
pub(super) fn by_image(steps: Vec<Step>) -> Vec<Vec<Step>> {
    let mut groups: BTreeMap<Option<String>, Vec<Step>> = BTreeMap::new();
    for step in steps {
        let image = step.work.creates().map(|new| new.wanted.image.clone());
        groups.entry(image).or_default().push(step);
    }
    groups.into_values().collect()
}

/// What a group of steps is carried out with.
pub(super) struct Job<E> {
    pub(super) owner: OwnerName,
    pub(super) engine: Arc<E>,
    pub(super) openers: Arc<Openers>,
    pub(super) watcher: Arc<dyn Watcher>,
    pub(super) slots: Arc<Semaphore>,
    pub(super) reports: mpsc::UnboundedSender<StepReport>,
    pub(super) cancel: CancellationToken,
}

impl<E: Engine> Job<E> {
    /// Carries out the steps and reports each.
    pub(super) async fn carry_out(self, steps: Vec<Step>) {
        let mut problems = BTreeMap::new();
        if steps.iter().any(|step| step.work.begins_a_run()) {
            match self.engine.preflight(&self.owner, &plan_of(&steps)).await {
                Ok(found) => problems.extend(found.into_iter().map(|problem| (problem.instance().clone(), problem))),
                Err(error) => {
                    let why = crate::telemetry::chain(&error);
                    for step in steps {
                        let error = EngineError::Refused {
                            what: "look over the plan".to_owned(),
                            status: 0,
                            message: why.clone(),
                        };
                        self.report(&step, Err(error.into()));
                    }
                    return;
                }
            }
        }
        let works = steps.into_iter().map(|step| self.one(step, &problems));
        futures_util::future::join_all(works).await;
    }

    async fn one(&self, step: Step, problems: &BTreeMap<InstanceName, Problem>) {
        if let Some(problem) = problems.get(&step.instance) {
            self.report(&step, Err(problem.to_error().into()));
            return;
        }
        let Ok(_slot) = self.slots.acquire().await else { return };
        let report = execute_one(self.engine.as_ref(), &self.openers, &step, self.watcher.as_ref(), &self.cancel).await;
        self.send(report);
    }

    fn report(&self, step: &Step, result: Result<crate::engine::Outcome, StepError>) {
        if let Err(error) = &result {
            let error = error as &dyn std::error::Error;
            tracing::error!(instance = %step.instance, action = step.action.as_str(), error, "a step was not begun");
        }
        self.send(StepReport::of(step, result));
    }

    fn send(&self, report: StepReport) {
        if self.reports.send(report).is_err() {
            tracing::debug!("the loop has ended before a step did");
        }
    }
}

fn plan_of(steps: &[Step]) -> Plan {
    Plan { steps: steps.to_vec(), ..Plan::empty(Revision::Directory(String::new())) }
}
