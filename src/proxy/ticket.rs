//! What is counted and logged of a request: once, when the last byte is out or the client is gone.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, Uri};
use tokio::time::Instant;

use super::allowance::Allowance;
use super::copying::{Copying, Finished};
use super::desk::Desk;
use super::identify;
use super::leash::Leash;
use super::view::View;
use crate::errors::{Blame, Failure};
use crate::names::Side;
use crate::routing::{Decision, Reason};
use crate::snapshot::{AccessLog, FallbackOn};
use crate::telemetry::{AccessRecord, Answered, Dropped, Measured};
use crate::upstream::{Backend, Endpoint, InFlight, Permit, Pools};
use crate::wire::body::Tally;
use crate::wire::ids::RequestId;
use crate::wire::request::Parts;

/// What is known of a request. It goes with the request from its first moment to the last byte of its answer; when it is
/// dropped, the request is counted and logged.
#[derive(Debug)]
pub struct Ticket {
    desk: Rc<Desk>,
    view: Rc<View>,
    began: Instant,
    request_id: RequestId,
    client: IpAddr,
    asked: Option<(Method, Uri, Option<HeaderValue>)>,
    decision: Option<Decision>,
    tenant: Option<String>,
    explain: bool,
    /// Its place among the requests in flight at the backend.
    pub(super) permit: Option<Permit>,
    sent_to: Option<(Arc<Backend>, Arc<Endpoint>, InFlight)>,
    served_by: Measured,
    status: Option<StatusCode>,
    error: Option<&'static str>,
    /// Whose doing the error is.
    blame: Option<Blame>,
    /// From the request's head until it was known that there is no answer.
    failed_after: Option<Duration>,
    /// From the request's head to the answer's.
    pub(super) upstream: Option<Duration>,
    /// How much of the request's body has passed.
    pub(super) tally: Option<Rc<Tally>>,
    /// Bytes that came in after the protocol was switched.
    passed_up: u64,
    /// Body bytes sent to the client.
    pub(super) bytes_out: u64,
    /// Whether the answer is whole.
    pub(super) complete: bool,
    /// The copy for the other side, where there is one.
    pub(super) copy: Option<Box<Copying>>,
    /// How often a backend was sent the request, or would have been.
    pub(super) attempts: u32,
    /// What was found of how often the subject asks, where the route limits that.
    pub(super) allowance: Option<Box<Allowance>>,
    /// What legacy has stepped in for.
    fallback: Option<FallbackOn>,
}

impl Ticket {
    pub(super) fn new(
        desk: Rc<Desk>,
        view: Rc<View>,
        client: IpAddr,
        began: Instant,
        request_id: RequestId,
    ) -> Box<Ticket> {
        Box::new(Ticket {
            desk,
            view,
            began,
            request_id,
            client,
            asked: None,
            decision: None,
            tenant: None,
            explain: false,
            permit: None,
            sent_to: None,
            served_by: Measured::Facade,
            status: None,
            error: None,
            blame: None,
            failed_after: None,
            upstream: None,
            tally: None,
            passed_up: 0,
            bytes_out: 0,
            complete: false,
            copy: None,
            attempts: 1,
            allowance: None,
            fallback: None,
        })
    }

    pub(super) fn pools(&self) -> Rc<Pools> {
        Rc::clone(&self.desk.pools)
    }

    pub(super) fn began(&self) -> Instant {
        self.began
    }

    pub(super) fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    /// Notes what was asked.
    pub(super) fn asked(&mut self, parts: &Parts, host: Option<&HeaderValue>) {
        self.asked = Some((parts.method.clone(), parts.uri.clone(), host.cloned()));
    }

    /// Notes what was decided, and for whom.
    pub(super) fn decided(&mut self, decision: Decision, tenant: Option<String>, client: IpAddr, explain: bool) {
        self.decision = Some(decision);
        self.tenant = tenant;
        self.client = client;
        self.explain = explain;
    }

    /// Picks an endpoint, another than `avoid` if there is one, and notes it.
    pub(super) fn sent_to(&mut self, backend: &Arc<Backend>, avoid: Option<u64>) -> Arc<Endpoint> {
        let endpoint = Arc::clone(backend.pick(avoid));
        let in_flight = InFlight::begin(&endpoint);
        self.sent_to = Some((Arc::clone(backend), Arc::clone(&endpoint), in_flight));
        endpoint
    }

    /// Notes that the facade answers itself.
    pub(super) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// Notes that a backend answers.
    pub(super) fn relayed(&mut self, status: StatusCode) {
        self.status = Some(status);
        self.served_by = self.asked_side().map_or(Measured::Facade, Measured::Side);
    }

    /// The side that was asked last.
    fn asked_side(&self) -> Option<Side> {
        if self.fallback.is_some() { Some(Side::Legacy) } else { self.decision.map(|decision| decision.side) }
    }

    /// Notes that new has failed and legacy is asked in its place: an error of new, whatever legacy answers. There is no copy: what
    /// would be compared with legacy's answer is that new had none.
    pub(super) fn falls_back(&mut self, why: FallbackOn) {
        self.fallback = Some(why);
        let Some(route) = self.decision.and_then(|decision| decision.route) else { return };
        let (generation, worker) = (&self.view.generation, self.desk.worker);
        let meter = generation.meter(Some(route));
        meter.failed(worker, Side::New);
        meter.fell_back(worker);
        if let Some(meter) = generation.guard_meter(route) {
            meter.count(worker, Side::New, Answered::Error, self.began.elapsed());
        }
        if let Some(copy) = &mut self.copy {
            copy.give_up(Dropped::Fallback);
        }
    }

    /// Notes what went wrong.
    pub(super) fn failed(&mut self, failure: Failure) {
        (self.error, self.blame) = (Some(failure.reason()), Some(failure.blame()));
        self.failed_after = Some(self.began.elapsed());
    }

    /// Notes that the backend broke its answer off.
    pub(super) fn broken(&mut self) {
        (self.error, self.blame) = (Some("answer_broken"), Some(Blame::Upstream));
    }

    /// Notes what has passed over a connection that speaks another protocol.
    pub(super) fn passed(&mut self, up: u64, down: u64) {
        (self.passed_up, self.bytes_out) = (up, down);
    }

    /// Notes why the facade itself ended a stream.
    pub(super) fn cut(&mut self, why: &'static str) {
        (self.error, self.blame) = (Some(why), Some(Blame::Facade));
    }

    /// What holds the stream that answers this request.
    pub(super) fn leash(&self) -> Option<Rc<Leash>> {
        let leash = Leash::of(&self.view, self.decision?, self.asked_side()?, self.tenant.as_deref())?;
        self.desk.leashes.add(&leash);
        Some(leash)
    }

    /// Notes that the answer is complete, if it is copied.
    pub(super) fn copied(&mut self) {
        let took = self.copy.is_some().then(|| self.began.elapsed());
        if let Some((copy, took)) = self.copy.as_mut().zip(took) {
            copy.ended(took);
        }
    }

    /// The route's name, if one matched.
    pub(super) fn route_name(&self) -> Option<&str> {
        let id = self.decision?.route?;
        Some(&self.view.generation.snapshot.rules.route(id).name)
    }

    /// The decision for those who may see it and want to.
    pub(super) fn explanation(&self) -> Option<HeaderValue> {
        self.decision.filter(|_| self.explain).and_then(|decision| identify::explanation(&self.view, &decision))
    }

    /// Counts what the route's guard judges by: how the side has answered that was asked. What somebody forced is no evidence,
    /// nor is what did not come to pass because of the client or the facade.
    fn testify(&self, took: Duration) {
        let Some(decision) = &self.decision else { return };
        let Some(meter) = decision.route.and_then(|route| self.view.generation.guard_meter(route)) else { return };
        // A fallback has been counted when it happened.
        if decision.reason == Reason::Force || self.sent_to.is_none() || self.fallback.is_some() {
            return;
        }
        let how = match (self.blame, self.status) {
            (Some(Blame::Upstream), _) => Answered::Error,
            (Some(Blame::Client | Blame::Facade), _) => return,
            (None, Some(status)) if status.is_server_error() => Answered::Error,
            (None, Some(status)) if status.is_client_error() => Answered::ClientError,
            (None, _) => Answered::Well,
        };
        meter.count(self.desk.worker, decision.side, how, self.upstream.or(self.failed_after).unwrap_or(took));
    }

    /// Counts it for its tenant, whose name is given away: nobody asks for it after that.
    fn tell_of_tenant(&mut self) {
        if let (Some(tenant), Some(decision), Some(status)) = (self.tenant.take(), &self.decision, self.status) {
            let failed = self.fallback.is_some() || self.blame == Some(Blame::Upstream);
            let error = status.is_server_error() || failed;
            self.desk.tenants.borrow_mut().answered(tenant, decision.side, error);
        }
    }

    fn log(&self, took: Duration) {
        let generation = &self.view.generation;
        let reason = self.decision.map(|decision| generation.snapshot.rules.reason_parts(decision.reason));
        let (method, path, host) = match &self.asked {
            Some((method, uri, host)) => (method.as_str(), uri.path(), host.as_ref()),
            None => ("", "", None),
        };
        let gone = self.error.is_none() && !self.complete;
        let sent_to = self.sent_to.as_ref();
        self.desk.log.borrow_mut().write(&AccessRecord {
            began: self.began.into_std(),
            request_id: self.request_id.as_str(),
            client: self.client,
            method,
            host: host.and_then(|value| value.to_str().ok()).unwrap_or_default(),
            path,
            status: self.status.map_or(0, |status| status.as_u16()),
            served_by: self.served_by.as_str(),
            side: self.decision.map(|decision| decision.side.as_str()),
            route: self.route_name(),
            reason,
            bucket: self.decision.and_then(|decision| decision.bucket).map(|bucket| bucket.0),
            tenant: self.tenant.as_deref(),
            generation: generation.number,
            backend: sent_to.map(|(backend, ..)| &*backend.settings.name),
            endpoint: sent_to.map(|(_, endpoint, _)| &*endpoint.address.authority),
            duration_us: micros(took),
            upstream_us: self.upstream.map(micros),
            bytes_in: self.tally.as_ref().map_or(self.passed_up, |tally| tally.bytes()),
            bytes_out: self.bytes_out,
            error: if gone { Some("client_gone") } else { self.error },
            attempts: self.attempts,
            fallback: self.fallback.map(FallbackOn::as_str),
        });
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        let generation = &self.view.generation;
        if let Some(status) = self.status {
            let route = self.decision.and_then(|decision| decision.route);
            generation.meter(route).count(self.desk.worker, self.served_by, status, took);
        }
        if let (Some(Blame::Upstream), Some(decision), Some(side)) = (self.blame, self.decision, self.asked_side()) {
            let meter = generation.meter(decision.route);
            match self.served_by {
                Measured::Facade => meter.failed(self.desk.worker, side),
                Measured::Side(side) => meter.broken(self.desk.worker, side),
            }
        }
        self.testify(took);
        if generation.snapshot.access_log != AccessLog::Off {
            self.log(took);
        }
        if let (Some(copy), Some(decision)) = (self.copy.take(), self.decision) {
            copy.finish(&Finished {
                view: &self.view,
                worker: self.desk.worker,
                decision,
                tenant: self.tenant.as_deref(),
                request_id: self.request_id.as_str(),
                endpoint: self.sent_to.as_ref().map(|(_, endpoint, _)| endpoint),
                began: self.began,
                complete: self.complete,
                failed: self.error.is_some(),
            });
        }
        self.tell_of_tenant();
    }
}
