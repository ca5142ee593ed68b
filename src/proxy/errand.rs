//! A request on its way to an answer: sent, perhaps sent again, perhaps answered by legacy in new's place.
//!
//! ```text
//! pick an endpoint → connect → send → judge ─┬→ an answer
//!         ↑                                  ├→ again: allowed, safe, and paid for
//!         └──────────────────────────────────┤
//!                                            └→ new has failed: legacy, if new cannot have acted
//! ```
//!
//! What waits here and in [`forward`](super::forward) are functions that return a future rather than async functions: those keep each
//! of their arguments twice, and all of it lies within the memory of every request that is under way.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::{Method, StatusCode};
use hyper::body::Body;
use tokio::time::{Instant, sleep};

use super::desk::Desk;
use super::forward::{Forward, Miss, Origin};
use super::replay::Replay;
use super::ticket::Ticket;
use super::view::View;
use crate::errors::{Blame, Failure};
use crate::names::Side;
use crate::routing::{BackendId, Decision, Reason};
use crate::snapshot::{FallbackOn, FallbackSettings, RetryOn, RetrySettings};
use crate::upstream::{Answer, Backend, Connection};
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
    pub(super) desk: &'a Desk,
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

/// What an attempt has brought.
type Tried = Result<(Answer, Box<Connection>), Miss>;

/// What comes of an attempt.
enum Verdict {
    Stands(Tried),
    /// There is another one, after a while.
    Again {
        /// The answer that nobody will see.
        unseen: Option<(Answer, Box<Connection>)>,
        /// Whether the backend may have acted upon the request.
        may_have_acted: bool,
        wait: Duration,
    },
}

/// Why a backend did not answer.
struct Lost {
    failure: Failure,
    /// Whether it may have acted upon the request.
    sent: bool,
}

impl<'a> Errand<'a> {
    /// Sends the request to the backend that was decided on, or to legacy in its place.
    pub(super) fn run(
        &self,
        id: BackendId,
        body: &mut Replay,
        ticket: &mut Ticket,
    ) -> impl Future<Output = Result<Found<'a>, Failure>> {
        let generation = &self.view.generation;
        let (backend, substitute) = (generation.backend(id), substitute(self.view, self.decision));
        async move {
            let began = ticket.began();
            let Some((legacy, settings)) = substitute else {
                let found = self.ask(backend, self.decision.side, body, began, ticket).await;
                return found.map_err(|lost| lost.failure);
            };
            // In a box: few routes have somebody to step in, and the others need not carry it.
            Box::pin(self.ask_either(backend, (generation.backend(legacy), settings), body, began, ticket)).await
        }
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
    fn ask(
        &self,
        backend: &'a Arc<Backend>,
        side: Side,
        body: &mut Replay,
        began: Instant,
        ticket: &mut Ticket,
    ) -> impl Future<Output = Result<Found<'a>, Lost>> {
        let (mut avoid, mut sent, mut attempts) = (None, false, 1);
        let until = began + self.timeout();
        async move {
            match backend.enter() {
                Ok(permit) => ticket.permit = Some(permit),
                Err(failure) => {
                    backend.meter.failed(self.desk.worker, failure);
                    return Err(Lost { failure, sent: false });
                }
            }
            backend.earn_retry();
            loop {
                let endpoint = ticket.sent_to(backend, avoid);
                let (pools, decision, view) = (&*self.desk.pools, self.decision, self.view);
                let forward = Forward { pools, backend, endpoint, side, decision, view };
                // A connection that was used before has been there since the request came.
                let first = (attempts == 1).then_some(began);
                let tried = forward.attempt(self.parts, body, &self.from, (first, until), ticket).await;
                match self.weigh(tried, &forward, body, (attempts, until)) {
                    Verdict::Stands(Ok((answer, connection))) => {
                        return Ok(Found { answer, connection, forward, began });
                    }
                    Verdict::Stands(Err(miss)) => {
                        return Err(Lost { failure: miss.failure, sent: sent || miss.sent });
                    }
                    Verdict::Again { unseen, may_have_acted, wait } => {
                        sent |= may_have_acted;
                        ticket.attempts += 1;
                        attempts += 1;
                        avoid = Some(forward.endpoint.id);
                        Box::pin(self.pause(unseen, wait)).await;
                    }
                }
            }
        }
    }

    /// What comes of an attempt: it stands, or there is another one after a while. By value: an attempt's outcome that is looked at
    /// where it was waited for would be kept, in the memory of every request, until all is over.
    fn weigh(&self, tried: Tried, forward: &Forward<'_>, body: &Replay, moments: (u32, Instant)) -> Verdict {
        self.judge(forward, &tried);
        match self.another(forward, &tried, body, moments) {
            None => Verdict::Stands(tried),
            Some(wait) => {
                forward.backend.meter.retried(self.desk.worker);
                let may_have_acted = tried.as_ref().map_or_else(|miss| miss.sent, |_| true);
                Verdict::Again { unseen: tried.ok(), may_have_acted, wait }
            }
        }
    }

    /// Counts how an attempt went, and tells the endpoint's record.
    fn judge(&self, forward: &Forward<'_>, tried: &Tried) {
        match tried {
            Ok((answer, _)) => forward.backend.answered(&forward.endpoint, !answer.status().is_server_error()),
            Err(miss) => {
                forward.backend.meter.failed(self.desk.worker, miss.failure);
                // A limit of ours, or a name without an address, says nothing of how it answers.
                let innocent = matches!(miss.failure, Failure::Limit | Failure::Unresolved);
                if miss.failure.blame() == Blame::Upstream && !innocent {
                    forward.backend.answered(&forward.endpoint, false);
                }
            }
        }
    }

    /// Whether the request is sent again, and after how long: it may be, that is safe, there is time, and the budget has paid for it.
    fn another(
        &self,
        forward: &Forward<'_>,
        tried: &Tried,
        body: &Replay,
        (attempts, until): (u32, Instant),
    ) -> Option<Duration> {
        let retries = forward.backend.settings.retries.as_ref()?;
        if attempts >= retries.attempts || !is_retried(retries, tried, &self.parts.method) || !body.is_there() {
            return None;
        }
        let wait = backoff(attempts);
        (Instant::now() + wait < until && forward.backend.spend_retry()).then_some(wait)
    }

    /// Waits before the next attempt, and drops what the last one has brought.
    async fn pause(&self, unseen: Option<(Answer, Box<Connection>)>, wait: Duration) {
        if let Some((answer, connection)) = unseen {
            self.drop_answer(answer, connection).await;
        }
        sleep(wait).await;
    }

    /// How long the answer's head may take.
    fn timeout(&self) -> Duration {
        let snapshot = &self.view.generation.snapshot;
        self.decision.route.map_or(snapshot.default_timeout, |id| snapshot.rules.route(id).timeout)
    }

    /// Drops an answer that the client will not see. What of it is there already is read: then its connection can be used again.
    async fn drop_answer(&self, answer: Answer, connection: Box<Connection>) {
        let (_, _, mut body) = answer.into_parts(connection, Rc::clone(&self.desk.pools), Duration::ZERO);
        poll_fn(|cx| {
            for _ in 0..DRAINED {
                let Poll::Ready(Some(Ok(_))) = Pin::new(&mut body).poll_frame(cx) else { break };
            }
            Poll::Ready(())
        })
        .await;
    }
}

/// The body of a request as it is sent, and kept where it may have to be sent again.
pub(super) fn replayed(body: RequestBody, method: &Method, id: BackendId, view: &View, decision: &Decision) -> Replay {
    let again = substitute(view, decision).is_some() || view.generation.backend(id).settings.retries.is_some();
    let keep = is_idempotent(method) && again && !body.is_end_stream();
    Replay::new(body, keep)
}

/// Who answers in new's place, and when, if anybody does.
fn substitute<'a>(view: &'a View, decision: &Decision) -> Option<(BackendId, &'a FallbackSettings)> {
    let (Side::New, Some(id)) = (decision.side, decision.route) else { return None };
    // Whoever forces a side wants to know how that side answers.
    if decision.reason == Reason::Force {
        return None;
    }
    let snapshot = &view.generation.snapshot;
    Some((snapshot.rules.route(id).legacy?, snapshot.fallback(id)?))
}

/// Whether nothing is changed by it (RFC 9110 section 9.2.1).
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether doing it twice is doing it once (RFC 9110 section 9.2.2).
fn is_idempotent(method: &Method) -> bool {
    is_safe(method) || matches!(*method, Method::PUT | Method::DELETE)
}

fn is_retried(retries: &RetrySettings, tried: &Tried, method: &Method) -> bool {
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

    fn missed(failure: Failure, sent: bool) -> Tried {
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
