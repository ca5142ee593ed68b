//! A request on its way to an answer: sent, perhaps sent again, perhaps answered by legacy in new's place.
//!
//! ```text
//! pick an endpoint → connect → send → judge ─┬→ an answer
//!         ↑                                  ├→ again: allowed, safe, and paid for
//!         └──────────────────────────────────┤
//!                                            └→ new has failed: legacy, if new cannot have acted
//! ```

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::{Method, StatusCode};
use hyper::body::Body;
use tokio::time::{Instant, sleep};

use super::forward::{Forward, Miss, Origin};
use super::replay::Replay;
use super::ticket::Ticket;
use super::view::View;
use crate::errors::{Blame, Failure};
use crate::names::Side;
use crate::routing::{BackendId, Decision, Reason};
use crate::snapshot::{FallbackOn, FallbackSettings, RetryOn, RetrySettings};
use crate::telemetry::WorkerId;
use crate::upstream::{Answer, Backend, Connection, Pools};
use crate::wire::body::RequestBody;
use crate::wire::request::Parts;

/// The wait before a request is sent again, at most; the double each time. Chance makes it shorter, so that what failed together
/// does not come back together.
const BACKOFF: Duration = Duration::from_millis(25);
/// The most frames of an answer that is dropped which are read so that its connection can be used again.
const DRAINED: usize = 16;

/// A request on its way to an answer.
pub(super) struct Errand<'a> {
    pub(super) parts: &'a Parts,
    pub(super) from: Origin<'a>,
    pub(super) decision: &'a Decision,
    pub(super) view: &'a View,
    pub(super) pools: &'a std::rc::Rc<Pools>,
    pub(super) worker: WorkerId,
}

/// An answer's head, and how it came about.
pub(super) struct Found<'a> {
    pub(super) answer: Answer,
    pub(super) connection: Box<Connection>,
    /// The attempt that it answers.
    pub(super) forward: Forward<'a>,
    /// When the backend that answers was asked for the first time.
    pub(super) began: Instant,
}

/// Why a backend did not answer.
struct Lost {
    failure: Failure,
    /// Whether it may have acted upon the request.
    sent: bool,
}

impl<'a> Errand<'a> {
    /// Sends the request to the backend that was decided on, or to legacy in its place.
    pub(super) async fn run(
        &self,
        id: BackendId,
        body: RequestBody,
        ticket: &mut Ticket,
    ) -> Result<Found<'a>, Failure> {
        let generation = &self.view.generation;
        let (backend, substitute) = (generation.backend(id), self.substitute());
        let keep = is_idempotent(&self.parts.method)
            && (substitute.is_some() || backend.settings.retries.is_some())
            && !body.is_end_stream();
        let mut body = Replay::new(body, keep);
        let began = ticket.began();
        let Some((legacy, settings)) = substitute else {
            return self.ask(backend, self.decision.side, &mut body, began, ticket).await.map_err(|lost| lost.failure);
        };
        // In a box: few routes have somebody to step in, and the others need not carry it.
        Box::pin(self.ask_either(backend, (generation.backend(legacy), settings), &mut body, began, ticket)).await
    }

    /// Asks new, and legacy where new has failed and cannot have acted.
    async fn ask_either(
        &self,
        new: &'a Arc<Backend>,
        (legacy, settings): (&'a Arc<Backend>, &FallbackSettings),
        body: &mut Replay,
        began: Instant,
        ticket: &mut Ticket,
    ) -> Result<Found<'a>, Failure> {
        let why = if !new.is_up() && settings.when.contains(&FallbackOn::NoEndpoint) {
            // Nobody is asked who is known not to answer.
            FallbackOn::NoEndpoint
        } else {
            let (found, sent) = match self.ask(new, self.decision.side, body, began, ticket).await {
                Ok(found) => (Ok(found), true),
                Err(lost) => (Err(lost.failure), lost.sent),
            };
            match self.gives_way(&found, sent, body, settings) {
                Some(why) => {
                    if let Ok(found) = found {
                        self.drop_answer(found.answer, found.connection).await;
                    }
                    why
                }
                None => return found,
            }
        };
        ticket.falls_back(why);
        self.ask(legacy, Side::Legacy, body, Instant::now(), ticket).await.map_err(|lost| lost.failure)
    }

    /// Who answers in new's place, and when, if anybody does.
    fn substitute(&self) -> Option<(BackendId, &'a FallbackSettings)> {
        let (Side::New, Some(id)) = (self.decision.side, self.decision.route) else { return None };
        // Whoever forces a side wants to know how that side answers.
        if self.decision.reason == Reason::Force {
            return None;
        }
        let snapshot = &self.view.generation.snapshot;
        Some((snapshot.rules.route(id).legacy?, snapshot.fallback(id)?))
    }

    /// Why legacy answers instead, if it may: new has failed in a way that is named, and cannot have acted.
    fn gives_way(
        &self,
        found: &Result<Found<'a>, Failure>,
        sent: bool,
        body: &Replay,
        settings: &FallbackSettings,
    ) -> Option<FallbackOn> {
        let why = match found {
            Ok(found) => found.answer.status().is_server_error().then_some(FallbackOn::ServerError)?,
            Err(Failure::Reset) if !sent => FallbackOn::Connect,
            Err(failure) => kind_of(*failure)?,
        };
        let harmless = !sent || is_safe(&self.parts.method);
        (settings.when.contains(&why) && harmless && body.is_there()).then_some(why)
    }

    /// Sends the request to a backend, and again as its settings say.
    async fn ask(
        &self,
        backend: &'a Arc<Backend>,
        side: Side,
        body: &mut Replay,
        began: Instant,
        ticket: &mut Ticket,
    ) -> Result<Found<'a>, Lost> {
        let (view, decision) = (self.view, self.decision);
        let (mut avoid, mut sent, mut attempts) = (None, false, 1);
        let until = began + self.timeout();
        match backend.enter() {
            Ok(permit) => ticket.permit = Some(permit),
            Err(failure) => {
                backend.meter.failed(self.worker, failure);
                return Err(Lost { failure, sent: false });
            }
        }
        backend.earn_retry();
        loop {
            let endpoint = ticket.sent_to(backend, avoid);
            let forward = Forward { pools: self.pools, backend, endpoint, side, decision, view };
            // A connection that was used before has been there since the request came.
            let first = (attempts == 1).then_some(began);
            let tried = forward.attempt(self.parts, body, &self.from, (first, until), ticket.copy.as_deref_mut()).await;
            self.judge(&forward, &tried);
            sent |= tried.as_ref().map_or_else(|miss| miss.sent, |_| true);
            let wait = backoff(attempts);
            if !self.is_worth_another(&forward, &tried, body, (attempts, wait, until)) {
                return match tried {
                    Ok((answer, connection)) => Ok(Found { answer, connection, forward, began }),
                    Err(miss) => Err(Lost { failure: miss.failure, sent }),
                };
            }
            if let Ok((answer, connection)) = tried {
                Box::pin(self.drop_answer(answer, connection)).await;
            }
            backend.meter.retried(self.worker);
            ticket.attempts += 1;
            attempts += 1;
            avoid = Some(forward.endpoint.id);
            Box::pin(sleep(wait)).await;
        }
    }

    /// Counts how an attempt went, and tells the endpoint's record.
    fn judge(&self, forward: &Forward<'_>, tried: &Result<(Answer, Box<Connection>), Miss>) {
        match tried {
            Ok((answer, _)) => forward.backend.answered(&forward.endpoint, !answer.status().is_server_error()),
            Err(miss) => {
                forward.backend.meter.failed(self.worker, miss.failure);
                // A limit of ours, or a name without an address, says nothing of how it answers.
                let innocent = matches!(miss.failure, Failure::Limit | Failure::Unresolved);
                if miss.failure.blame() == Blame::Upstream && !innocent {
                    forward.backend.answered(&forward.endpoint, false);
                }
            }
        }
    }

    /// Whether the request is sent again: it may be, that is safe, there is time, and the budget has paid for it.
    fn is_worth_another(
        &self,
        forward: &Forward<'_>,
        tried: &Result<(Answer, Box<Connection>), Miss>,
        body: &Replay,
        (attempts, wait, until): (u32, Duration, Instant),
    ) -> bool {
        let Some(retries) = &forward.backend.settings.retries else { return false };
        attempts < retries.attempts
            && is_retried(retries, tried, &self.parts.method)
            && body.is_there()
            && Instant::now() + wait < until
            && forward.backend.spend_retry()
    }

    /// How long the answer's head may take.
    fn timeout(&self) -> Duration {
        let snapshot = &self.view.generation.snapshot;
        self.decision.route.map_or(snapshot.default_timeout, |id| snapshot.rules.route(id).timeout)
    }

    /// Drops an answer that the client will not see. What of it is there already is read: then its connection can be used again.
    async fn drop_answer(&self, answer: Answer, connection: Box<Connection>) {
        let (_, _, mut body) = answer.into_parts(connection, std::rc::Rc::clone(self.pools), Duration::ZERO);
        poll_fn(|cx| {
            for _ in 0..DRAINED {
                let Poll::Ready(Some(Ok(_))) = Pin::new(&mut body).poll_frame(cx) else { break };
            }
            Poll::Ready(())
        })
        .await;
    }
}

/// Whether nothing is changed by it (RFC 9110 section 9.2.1).
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether doing it twice is doing it once (RFC 9110 section 9.2.2).
fn is_idempotent(method: &Method) -> bool {
    is_safe(method) || matches!(*method, Method::PUT | Method::DELETE)
}

fn is_retried(retries: &RetrySettings, tried: &Result<(Answer, Box<Connection>), Miss>, method: &Method) -> bool {
    match tried {
        Ok((answer, _)) => is_retried_status(retries, answer.status()) && is_idempotent(method),
        Err(miss) if miss.sent => {
            miss.failure == Failure::Reset && retries.when.contains(&RetryOn::Reset) && is_idempotent(method)
        }
        Err(miss) => match miss.failure {
            Failure::Reset => retries.when.iter().any(|on| matches!(on, RetryOn::Connect | RetryOn::Reset)),
            Failure::Unresolved | Failure::Connect | Failure::ConnectTimeout | Failure::Tls | Failure::Refused => {
                retries.when.contains(&RetryOn::Connect)
            }
            _ => false,
        },
    }
}

fn is_retried_status(retries: &RetrySettings, status: StatusCode) -> bool {
    retries.when.contains(&RetryOn::Status(status.as_u16()))
}

/// What legacy would step in for.
fn kind_of(failure: Failure) -> Option<FallbackOn> {
    match failure {
        Failure::Connect | Failure::Tls | Failure::Refused => Some(FallbackOn::Connect),
        Failure::ConnectTimeout | Failure::FirstByteTimeout | Failure::Timeout => Some(FallbackOn::Timeout),
        // The client would get 502.
        Failure::Reset | Failure::BadAnswer => Some(FallbackOn::ServerError),
        Failure::Limit => Some(FallbackOn::Limit),
        Failure::Unresolved => Some(FallbackOn::NoEndpoint),
        _ => None,
    }
}

/// How long to wait after so many attempts.
fn backoff(attempts: u32) -> Duration {
    let most = BACKOFF * 2_u32.saturating_pow(attempts.saturating_sub(1).min(5));
    most.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retries(when: &[RetryOn]) -> RetrySettings {
        RetrySettings { attempts: 2, budget: 20_000, when: when.to_vec() }
    }

    fn missed(failure: Failure, sent: bool) -> Result<(Answer, Box<Connection>), Miss> {
        Err(Miss { failure, sent })
    }

    #[test]
    fn what_was_never_sent_is_sent_again_whatever_the_method() {
        let retries = retries(&[RetryOn::Connect]);
        for failure in [
            Failure::Connect,
            Failure::ConnectTimeout,
            Failure::Tls,
            Failure::Unresolved,
            Failure::Refused,
            Failure::Reset,
        ] {
            assert!(is_retried(&retries, &missed(failure, false), &Method::POST), "{failure:?}");
        }
        for failure in [Failure::Limit, Failure::Timeout, Failure::ClientBody] {
            assert!(!is_retried(&retries, &missed(failure, false), &Method::GET), "{failure:?}");
        }
    }

    #[test]
    fn what_may_have_been_acted_upon_is_sent_again_only_if_that_does_no_harm() {
        let retries = retries(&[RetryOn::Connect, RetryOn::Reset]);
        for (method, again) in [
            (Method::GET, true),
            (Method::HEAD, true),
            (Method::OPTIONS, true),
            (Method::PUT, true),
            (Method::DELETE, true),
            (Method::POST, false),
            (Method::PATCH, false),
        ] {
            assert_eq!(is_retried(&retries, &missed(Failure::Reset, true), &method), again, "{method}");
        }
        for failure in [Failure::FirstByteTimeout, Failure::Timeout, Failure::BadAnswer, Failure::Connect] {
            assert!(!is_retried(&retries, &missed(failure, true), &Method::GET), "{failure:?}");
        }
    }

    #[test]
    fn only_what_is_named_is_retried() {
        assert!(!is_retried(&retries(&[RetryOn::Reset]), &missed(Failure::Connect, false), &Method::GET));
        assert!(!is_retried(&retries(&[RetryOn::Connect]), &missed(Failure::Reset, true), &Method::GET));
        let on_503 = retries(&[RetryOn::Status(503)]);
        assert!(is_retried_status(&on_503, StatusCode::SERVICE_UNAVAILABLE));
        assert!(!is_retried_status(&on_503, StatusCode::BAD_GATEWAY));
    }

    #[test]
    fn waits_are_short_and_grow() {
        for (attempts, most) in [(1, 25), (2, 50), (3, 100), (6, 800), (10, 800)] {
            let wait = backoff(attempts);
            let most = Duration::from_millis(most);
            assert!(wait >= most / 2 && wait <= most, "{attempts}: {wait:?}");
        }
    }
}
