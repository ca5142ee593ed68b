//! A request and its answer are copied as they pass, and offered for shadowing when they are complete.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tokio::time::Instant;

use super::view::View;
use crate::names::Side;
use crate::routing::{Decision, RouteId, bucket_of};
use crate::shadow::{Exchange, Recorded, safety};
use crate::telemetry::{Dropped, Mirrored, WorkerId};
use crate::upstream::Endpoint;
use crate::wire::body::RequestBody;
use crate::wire::copy::BodyCopy;
use crate::wire::lines::Lines;
use crate::wire::request::Parts;

/// A copy in the making. What it lacks at the end decides what becomes of it.
#[derive(Debug)]
pub(super) struct Copying {
    route: RouteId,
    shadow: Side,
    method: Method,
    target: Box<str>,
    host: Option<Box<str>>,
    head: Vec<u8>,
    /// `None` without a body.
    body: Option<Rc<RefCell<BodyCopy>>>,
    answer: Option<AnswerCopy>,
    max_body: usize,
    /// Why there will be no copy.
    dropped: Option<Dropped>,
}

#[derive(Debug)]
struct AnswerCopy {
    status: StatusCode,
    fields: Vec<u8>,
    body: BodyCopy,
    took: Option<Duration>,
}

/// What a copy needs beside what it gathered itself.
pub(super) struct Finished<'a> {
    pub(super) view: &'a View,
    pub(super) worker: WorkerId,
    pub(super) decision: Decision,
    pub(super) tenant: Option<&'a str>,
    pub(super) request_id: &'a str,
    pub(super) endpoint: Option<&'a Arc<Endpoint>>,
    pub(super) began: Instant,
    /// Whether the answer is complete.
    pub(super) complete: bool,
    /// Whether it was the backend that broke off.
    pub(super) failed: bool,
}

/// Begins a copy, if the route's stage and plan want one of this request.
pub(super) fn begin(
    view: &View,
    worker: WorkerId,
    decision: &Decision,
    request: (&Parts, &str),
    upgrade: bool,
    host: Option<&HeaderValue>,
    body: &mut RequestBody,
) -> Option<Box<Copying>> {
    let (parts, request_id) = request;
    let generation = &view.generation;
    let id = decision.route?;
    let plan = generation.snapshot.shadow(id)?;
    let stage = generation.snapshot.rules.route(id).stage;
    let shadow = safety::shadow_side(stage, decision)?;
    if !plan.sample.contains(bucket_of(&plan.salt, request_id)) {
        return None;
    }
    let route = generation.snapshot.rules.route(id);
    let backend = if shadow == Side::New { route.new } else { route.legacy };
    backend?;
    if let Err(why) = safety::check((&parts.method, &parts.uri, &parts.fields), upgrade, stage, plan) {
        if let Some(meter) = generation.shadow_meter(id) {
            meter.mirrored(worker, Mirrored::Dropped(why));
        }
        return None;
    }
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    Some(Box::new(Copying {
        route: id,
        shadow,
        method: parts.method.clone(),
        target: target.into(),
        host: host.and_then(|host| host.to_str().ok()).map(Box::from),
        head: Vec::new(),
        body: body.copy(plan.max_body),
        answer: None,
        max_body: plan.max_body,
        dropped: None,
    }))
}

impl Copying {
    /// Notes the head as the backend is sent it.
    pub(super) fn sent(&mut self, head: &[u8]) {
        self.head.clear();
        self.head.extend_from_slice(head);
    }

    /// Notes the head of the answer as the client is sent it: fields that are lines, and the others.
    pub(super) fn answered(
        &mut self,
        status: StatusCode,
        lines: Option<&Lines>,
        headers: &HeaderMap,
        expected: Option<u64>,
    ) {
        if self.dropped.is_some() {
            return;
        }
        let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        if kind.or_else(|| lines?.get(CONTENT_TYPE.as_str())).is_some_and(safety::is_endless) {
            self.dropped = Some(Dropped::Stream);
        } else if expected.is_some_and(|bytes| bytes > self.max_body as u64) {
            self.dropped = Some(Dropped::AnswerTooLarge);
        } else {
            let body = BodyCopy::new(self.max_body);
            let mut fields = lines.map_or_else(Vec::new, Lines::to_bytes);
            fields.append(&mut Recorded::flatten(headers));
            self.answer = Some(AnswerCopy { status, fields, body, took: None });
        }
    }

    /// Gives the copy up.
    pub(super) fn give_up(&mut self, why: Dropped) {
        self.dropped = Some(why);
        self.answer = None;
    }

    /// Takes the next piece of the answer's body.
    pub(super) fn piece(&mut self, data: &Bytes) {
        if let Some(answer) = &mut self.answer {
            answer.body.push(data);
            if answer.body.is_abandoned() {
                self.dropped = Some(Dropped::AnswerTooLarge);
                self.answer = None;
            }
        }
    }

    /// Notes that the answer is complete.
    pub(super) fn ended(&mut self, took: Duration) {
        if let Some(answer) = &mut self.answer {
            answer.body.finish();
            answer.took.get_or_insert(took);
        }
    }

    /// Offers the copy, or counts why there is none.
    pub(super) fn finish(self, finished: &Finished<'_>) {
        let generation = &finished.view.generation;
        let Some(meter) = generation.shadow_meter(self.route) else { return };
        let offered = self
            .exchange(finished)
            .and_then(|exchange| finished.view.queue.offer(Box::new(exchange)).map_err(|(_, why)| why));
        if let Err(why) = offered {
            meter.mirrored(finished.worker, Mirrored::Dropped(why));
        }
    }

    fn exchange(self, finished: &Finished<'_>) -> Result<Exchange, Dropped> {
        if let Some(why) = self.dropped {
            return Err(why);
        }
        if finished.failed {
            return Err(Dropped::PrimaryFailed);
        }
        let (Some(answer), Some(endpoint), true) = (self.answer, finished.endpoint, finished.complete) else {
            return Err(Dropped::ClientGone);
        };
        // A backend may answer before it has the whole body.
        let body = match self.body.map(|body| std::mem::replace(&mut *body.borrow_mut(), BodyCopy::empty())) {
            Some(body) if body.is_whole() => body.into_bytes(),
            Some(body) if body.is_abandoned() => return Err(Dropped::RequestTooLarge),
            Some(_) => return Err(Dropped::Unfinished),
            None => Bytes::new(),
        };
        Ok(Exchange {
            generation: Arc::clone(&finished.view.generation),
            decision: finished.decision,
            route: self.route,
            shadow: self.shadow,
            method: self.method,
            target: self.target,
            host: self.host,
            tenant: finished.tenant.map(Box::from),
            request_id: finished.request_id.into(),
            head: self.head,
            body,
            answer: Recorded {
                status: answer.status,
                fields: answer.fields,
                took: answer.took.unwrap_or_default(),
                body: answer.body.into_bytes(),
            },
            endpoint: Arc::clone(endpoint),
            began: finished.began,
        })
    }
}
