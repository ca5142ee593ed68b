//! The life of a request: identify, decide, forward, stamp, log.
//!
//! - [`view`]: the live generation as one worker holds it
//! - [`identify`]: who asks for what, after everything that this sender may not say was taken away
//! - [`claims`]: verified tokens
//! - [`errand`]: a request on its way to an answer: sent, perhaps again, perhaps to legacy in new's place
//! - [`forward`]: one attempt: one request to one endpoint
//! - [`replay`]: bodies that may have to be sent again
//! - [`allowance`]: how often a subject may ask
//! - [`relay`]: the answer on its way back
//! - [`copying`]: copies for the other side
//! - [`desk`]: what one worker has at hand for all its requests
//! - [`tunnel`]: connections that have switched to another protocol
//! - [`leash`]: streams that outlive the rule by which they began
//! - [`ticket`]: what is counted and logged, once, however the request ends

mod allowance;
pub mod claims;
mod copying;
mod desk;
mod errand;
mod forward;
mod identify;
mod leash;
mod relay;
mod replay;
mod ticket;
mod tunnel;
mod view;

use std::cell::RefCell;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Response, StatusCode};
use hyper::body::Body as _;
use tokio::time::Instant;

use crate::errors::Failure;
use crate::routing::{BackendId, Decision, NoTrace};
use crate::server::{Event, Handler, Peer, Reply};
use crate::shadow::Queue;
use crate::snapshot::{ClientLimits, ClientTimeouts, ListenerTls};
use crate::state::{Follower, Live};
use crate::telemetry::sample::By;
use crate::telemetry::{AccessQueue, WorkerId};
use crate::wire::body::{ClientBody, RequestBody};
use crate::wire::ids::RequestId;
use crate::wire::request::Parts;
use crate::wire::{headers, problem};

use allowance::Allowance;
use desk::Desk;
use errand::{Errand, Found};
use forward::Origin;
use identify::Identified;
pub use relay::ProxyBody;
use replay::Replay;
use ticket::Ticket;
use view::View;

/// How often unused connections to backends are looked through.
const SWEEP_EVERY: Duration = Duration::from_secs(2);

/// One worker's proxy.
#[derive(Debug)]
pub struct Proxy {
    live: Arc<Live>,
    following: RefCell<Follower>,
    desk: Rc<Desk>,
    /// The addresses of the listeners as configured at start, by the place the server knows them by.
    listeners: Vec<std::net::SocketAddr>,
    view: RefCell<Rc<View>>,
    swept: RefCell<Instant>,
    copies: Arc<Queue>,
}

impl Proxy {
    /// The proxy of this worker. Made on the worker's own thread.
    #[must_use]
    pub fn new(live: Arc<Live>, worker: WorkerId, queue: Arc<AccessQueue>, copies: Arc<Queue>) -> Proxy {
        let mut following = live.follow();
        let listeners = live.addresses().to_vec();
        let view = View::new(Arc::clone(following.current()), &listeners, Arc::clone(&copies));
        let desk = Rc::new(Desk::new(worker, live.meter.workers(), queue, Arc::clone(&live.tenants)));
        Proxy {
            live,
            following: RefCell::new(following),
            desk,
            view: RefCell::new(Rc::new(view)),
            listeners,
            swept: RefCell::new(Instant::now()),
            copies,
        }
    }

    /// The live generation. Each request asks once and keeps what it gets to its last log line.
    fn view(&self) -> Rc<View> {
        let mut following = self.following.borrow_mut();
        let current = following.current();
        let mut view = self.view.borrow_mut();
        if !Arc::ptr_eq(current, &view.generation) {
            *view = Rc::new(View::new(Arc::clone(current), &self.listeners, Arc::clone(&self.copies)));
        }
        Rc::clone(&view)
    }

    fn ticket(&self, view: &Rc<View>, peer: &Peer, began: Instant, request_id: RequestId) -> Box<Ticket> {
        Ticket::new(Rc::clone(&self.desk), Rc::clone(view), peer.address.ip(), began, request_id)
    }

    /// The facade's own answer.
    fn own(&self, mut ticket: Box<Ticket>, failure: Failure) -> Response<ProxyBody> {
        ticket.failed(failure);
        // No backend works for it any more.
        ticket.permit = None;
        self.live.meter.rejected(self.desk.worker, failure);
        let mut answer = problem::response(failure, ticket.request_id().as_str(), ticket.route_name());
        ticket.answered(answer.status());
        let explained = ticket.explanation();
        if let Some(allowance) = &ticket.allowance {
            allowance.stamp(answer.headers_mut());
        }
        let mut answer = answer.map(|body| ProxyBody::own(body, ticket));
        if let Some(explained) = explained {
            answer.headers_mut().insert(headers::BANYAN_DECISION, explained);
        }
        answer
    }

    /// Everything up to the decision: nothing of it waits.
    fn begin(
        &self,
        mut parts: Parts,
        body: Option<ClientBody>,
        peer: &Peer,
    ) -> Result<Begun, Box<Response<ProxyBody>>> {
        // Before the generation is looked at: the log must never seem to say that an old rule decided a newer request.
        let began = Instant::now();
        let view = self.view();
        let trusted = view.trusts(peer);
        let asked = headers::strip_request(&mut parts.fields, trusted, &view.guarded);
        let request_id = headers::request_id(&parts.fields);
        let mut ticket = self.ticket(&view, peer, began, request_id);
        let identified = asked.and_then(|asked| identify::identify(&parts, asked, &view, peer));
        let Identified { host_header, client, force, explain, upgrade, switch, claims } = match identified {
            Ok(identified) => identified,
            Err(failure) => {
                ticket.asked(&parts, None);
                return Err(Box::new(self.own(ticket, failure)));
            }
        };
        let host = match identify::host(host_header.as_ref()) {
            Ok(host) => host,
            Err(failure) => {
                ticket.asked(&parts, None);
                return Err(Box::new(self.own(ticket, failure)));
            }
        };
        let decision = {
            let seen = identify::view_of(&parts, &host, client, trusted, claims.as_deref());
            let mut subject = crate::routing::Subject::default();
            let generation = &view.generation;
            let rules = &generation.snapshot.rules;
            let decision = rules.decide(&seen, &generation.overrides, force, &mut subject, &mut NoTrace);
            if force.is_none() {
                let by = By { rules, shadows: &generation.snapshot.shadows, generation: generation.number };
                self.desk.sampler.borrow_mut().offer(&self.live.sample, (&seen, &subject), by, &decision);
            }
            // Each tenant's requests are counted, whether the decision asked for the tenant or not.
            let _ = subject.tenant(&rules.subjects, &seen);
            ticket.allowance = Allowance::of(&self.live.limiter, generation, &decision, &mut subject, &seen);
            ticket.decided(decision, subject.tenant.take().map(std::borrow::Cow::into_owned), client, explain);
            decision
        };
        ticket.asked(&parts, host_header.as_ref());
        if ticket.allowance.as_ref().is_some_and(|allowance| !allowance.is_granted()) {
            return Err(Box::new(self.own(ticket, Failure::RateLimited)));
        }
        let Some(backend) = decision.backend else {
            let failure = if decision.route.is_some() { Failure::NoBackend } else { Failure::NoRoute };
            return Err(Box::new(self.own(ticket, failure)));
        };
        let (mut body, tally) = RequestBody::new(body, &view.guarded);
        ticket.tally = tally;
        let asked = (&parts, ticket.request_id().as_str());
        ticket.copy =
            copying::begin(&view, self.desk.worker, &decision, asked, upgrade, host_header.as_ref(), &mut body);
        let switch = switch.filter(|_| body.is_end_stream());
        let body = errand::replayed(body, &parts.method, backend, &view, &decision);
        let ticket = Some(ticket);
        Ok(Begun { view, parts, body, host: host_header, switch, trusted, decision, backend, ticket })
    }

    /// What a request has come to.
    fn conclude(
        &self,
        found: Result<Found<'_>, Failure>,
        begun: &Begun,
        mut ticket: Box<Ticket>,
        peer: &Peer,
    ) -> Reply<ProxyBody> {
        let Found { answer, connection, forward, began } = match found {
            Ok(found) => found,
            Err(failure) => return self.own(ticket, failure).into(),
        };
        let (now, worker) = (Instant::now(), self.desk.worker);
        forward.backend.meter.answered(worker, now - began);
        ticket.upstream = Some(now - ticket.began());
        let Begun { view, parts, host, switch, trusted, .. } = begun;
        if let Some(asked) = switch.as_ref().filter(|_| answer.status() == StatusCode::SWITCHING_PROTOCOLS) {
            let patience = view.listeners[peer.listener].timeouts.tunnel;
            let switched = relay::switch(answer, connection, ticket, asked, patience, forward.side);
            return switched.unwrap_or_else(|(ticket, failure)| {
                forward.backend.meter.failed(worker, failure);
                self.own(ticket, failure).into()
            });
        }
        let scheme = if *trusted { headers::told_scheme(&parts.fields) } else { None };
        let scheme = scheme.unwrap_or(peer.scheme());
        relay::relay(answer, connection, ticket, &forward, parts.uri.path(), host.as_ref(), scheme)
    }
}

/// A request that was decided on, before it is forwarded.
struct Begun {
    view: Rc<View>,
    parts: Parts,
    body: Replay,
    host: Option<HeaderValue>,
    /// The protocol that the client wants to switch to.
    switch: Option<HeaderValue>,
    trusted: bool,
    decision: Decision,
    backend: BackendId,
    /// `None` once the request is on its way.
    ticket: Option<Box<Ticket>>,
}

impl Handler for Proxy {
    type Body = ProxyBody;

    /// What can be done without waiting is done at once: the future holds only what waits, and that once. It is the largest piece
    /// of memory that a request takes.
    fn handle(
        &self,
        parts: Parts,
        body: Option<ClientBody>,
        peer: &Rc<Peer>,
    ) -> Pin<Box<impl Future<Output = Reply<ProxyBody>>>> {
        // The room is there before what goes into it: then it is made where it stays, and not moved there.
        let room = Box::new_uninit();
        let mut begun = self.begin(parts, body, peer);
        Box::into_pin(Box::write(room, async move {
            let begun = match &mut begun {
                Ok(begun) => begun,
                Err(answer) => return std::mem::replace(&mut **answer, Response::new(ProxyBody::Switched)).into(),
            };
            let mut ticket = begun.ticket.take().expect("a request is forwarded once");
            let (host, switch) = (begun.host.as_ref(), begun.switch.as_ref());
            let from = Origin { hop: &peer.hop, trusted: begun.trusted, host, switch };
            let (parts, decision, view) = (&begun.parts, &begun.decision, &*begun.view);
            let errand = Errand { parts, from, decision, view, desk: &self.desk };
            let found = errand.run(begun.backend, &mut begun.body, &mut ticket).await;
            self.conclude(found, begun, ticket, peer)
        }))
    }

    fn refuse(&self, failure: Failure, peer: &Rc<Peer>) -> Response<ProxyBody> {
        let began = Instant::now();
        let ticket = self.ticket(&self.view(), peer, began, RequestId::new());
        self.own(ticket, failure)
    }

    fn timeouts(&self, listener: usize) -> ClientTimeouts {
        self.view().listeners[listener].timeouts
    }

    fn limits(&self, listener: usize) -> ClientLimits {
        self.view().listeners[listener].limits
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.view().generation.snapshot.trust.is_proxy(address)
    }

    fn tls(&self, listener: usize) -> Option<Arc<ListenerTls>> {
        self.live.tls(listener)
    }

    fn event(&self, event: Event) {
        let meter = &self.live.meter;
        match event {
            Event::TurnedAway(why) => meter.turned_away(self.desk.worker, why),
            Event::Panicked => meter.panicked(self.desk.worker),
            Event::Connected => meter.connected(self.desk.worker),
            Event::Disconnected => meter.disconnected(self.desk.worker),
            Event::AcceptFailed => meter.accept_failed(self.desk.worker),
        }
    }

    fn tick(&self) {
        self.desk.log.borrow_mut().flush();
        self.desk.tenants.borrow_mut().hand_over();
        self.desk.sampler.borrow_mut().tick(&self.live.sample);
        // Taking the view here lets an old generation go even on a worker without traffic.
        let view = self.view();
        self.desk.leashes.walk(&view.generation, self.desk.worker);
        self.desk.pools.tick();
        let mut swept = self.swept.borrow_mut();
        if swept.elapsed() >= SWEEP_EVERY {
            *swept = Instant::now();
            self.desk.pools.sweep(view.generation.backends.iter().map(|backend| &**backend));
        }
    }
}
