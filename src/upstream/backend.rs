//! A backend and its endpoints, shared by all workers.

use std::sync::Arc;

use super::balance::Balancer;
use super::budget::Budget;
use super::outlier::Referee;
use super::{Bulkhead, Endpoint, Permit, Purpose};
use crate::errors::Failure;
use crate::snapshot::BackendSettings;
use crate::telemetry::BackendMeter;

/// A named upstream system that lives: its endpoints with their state.
#[derive(Debug)]
pub struct Backend {
    /// What it was made from. As long as they stay equal, it is kept across reloads.
    pub settings: BackendSettings,
    /// Its endpoints; never empty.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// Where it is measured.
    pub meter: Arc<BackendMeter>,
    /// How much of it is in use.
    pub bulkhead: Arc<Bulkhead>,
    balancer: Balancer,
    referee: Referee,
    budget: Budget,
}

impl Backend {
    /// Brings a backend to life. Endpoints that are names have no address until [`Endpoint::resolved_to`] is called.
    #[must_use]
    pub fn new(settings: BackendSettings, meter: Arc<BackendMeter>) -> Backend {
        let endpoints = settings.endpoints.iter().map(|address| Arc::new(Endpoint::new(address.clone()))).collect();
        let bulkhead = Arc::new(Bulkhead::new(settings.limits));
        let (balancer, referee, budget) = (Balancer::default(), Referee::default(), Budget::default());
        Backend { settings, endpoints, meter, bulkhead, balancer, referee, budget }
    }

    /// Lets a request in, until its permit is dropped: when its answer's body has ended.
    ///
    /// # Errors
    /// [`Failure::Limit`] if as many as its limits allow are in flight.
    pub fn enter(&self) -> Result<Permit, Failure> {
        self.bulkhead.enter(Purpose::Answer)
    }

    /// The same for a copy: as long as fewer than half of them are in flight.
    ///
    /// # Errors
    /// [`Failure::Limit`].
    pub fn enter_copy(&self) -> Result<Permit, Failure> {
        self.bulkhead.enter(Purpose::Copy)
    }

    /// The same with other settings. What is known of an endpoint that stays is kept: a reload makes nothing healthy.
    #[must_use]
    pub fn changed(&self, settings: BackendSettings) -> Backend {
        let mut next = Backend::new(settings, Arc::clone(&self.meter));
        if next.settings.limits == self.settings.limits {
            next.bulkhead = Arc::clone(&self.bulkhead);
        }
        for endpoint in &next.endpoints {
            if let Some(before) = self.endpoints.iter().find(|before| before.address == endpoint.address) {
                endpoint.inherit(before);
                if next.settings.health.is_none() {
                    endpoint.set_healthy(true);
                }
            }
        }
        next
    }

    /// The endpoint for the next request: one that is up if there is any, and another than `avoid` if there is one.
    #[must_use]
    pub fn pick(&self, avoid: Option<u64>) -> &Arc<Endpoint> {
        self.balancer.pick(&self.endpoints, self.settings.balance, self.settings.slow_start, avoid)
    }

    /// Whether any endpoint is up and has an address.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.is_up() && endpoint.is_known())
    }

    /// Notes how an endpoint has answered a request: `ok` unless with 5xx, or not at all. After too many failures in a row it is
    /// left out for a while.
    pub fn answered(&self, endpoint: &Endpoint, ok: bool) {
        if let Some(settings) = &self.settings.outlier {
            self.referee.answered(endpoint, ok, &self.endpoints, settings);
        }
    }

    /// Notes that a request is sent for the first time: it earns its share of one that is sent again.
    pub fn earn_retry(&self) {
        if let Some(retries) = &self.settings.retries {
            self.budget.earn(retries.budget);
        }
    }

    /// Whether the budget lets a request be sent again; it is charged then.
    #[must_use]
    pub fn spend_retry(&self) -> bool {
        self.settings.retries.is_some() && self.budget.spend()
    }
}

#[cfg(test)]
mod tests;
