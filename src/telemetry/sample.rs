//! A sample of recent decisions: what was asked, without its secrets, so that other rules can be tried on it.
//!
//! Each data worker has a [`Sampler`]. It takes requests at random, each with the same chance as any other at that moment, and
//! notes with each how many it stands for: the chance falls as the rate rises, so a busy worker pays no more than a quiet
//! one. What it takes has left the request's buffers and lost its secrets before it is queued; where the queue is full, it is
//! dropped and counted. The control side drains the queue and keeps the newest.

use std::collections::VecDeque;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::diff::{self, redact};
use crate::names::Side;
use crate::routing::{Decision, RequestView, RouteId, Rules, Subject};
use crate::snapshot::ShadowPlan;

/// How many inputs are kept.
const MOST: usize = 20_000;
/// How many bytes they may take.
const MOST_BYTES: usize = 32 << 20;
/// How much time the inputs are meant to cover, in seconds. A process takes so many a second that they just do.
const SPAN: f64 = 300.0;
/// What a worker takes at most, in inputs per second.
const FASTEST: f64 = 200.0;
/// How many may wait between two drains.
const WAITING: usize = 2048;
/// An input larger than this is not kept, in bytes.
const LARGEST: usize = 16 * 1024;
/// How often a worker adapts to its rate.
const ADAPT_EVERY: Duration = Duration::from_secs(1);

/// What a decision looked at, as it may be kept. `Debug` shows no user and no headers.
#[derive(Clone, PartialEq)]
pub struct Input {
    /// The method.
    pub method: Method,
    /// The host, as routes were matched against.
    pub host: Box<str>,
    /// The path, still percent-encoded.
    pub path: Box<str>,
    /// The query; values that are secret are replaced.
    pub query: Option<Box<str>>,
    /// A line for each header, `name:value`; values that are secret are replaced.
    headers: Box<str>,
    /// The client's computed address.
    pub client: IpAddr,
    /// Whether the peer was a trusted proxy.
    pub trusted: bool,
    /// The tenant, by the rules of that moment.
    pub tenant: Option<Box<str>>,
    /// The user, by the rules of that moment. Never shown.
    user: Option<Box<str>>,
    /// How many requests it stands for.
    pub weight: f64,
    /// The generation that decided.
    pub generation: u64,
    /// The route that was decided, in that generation.
    pub route: Option<RouteId>,
    /// The side that was decided.
    pub side: Side,
}

impl Input {
    /// What there is to keep of a request; `None` if that is too much.
    ///
    /// The tenant and the user are looked up in any case: with other percentages, a decision may ask for them.
    #[must_use]
    pub fn of<'a>(view: &RequestView<'a>, mut subject: Subject<'a>, by: By<'_>, decision: &Decision) -> Option<Input> {
        let headers: usize = view.headers.iter().map(|(_, value)| value.len()).sum();
        if view.path.len() + view.query.map_or(0, str::len) + headers > LARGEST {
            return None;
        }
        let comparison = decision.route.and_then(|id| by.shadows.get(id.0 as usize)?.as_ref()?.comparison.as_ref());
        let plain = diff::Rules::default();
        let rules = comparison.map_or(&plain, |comparison| comparison.rules.rules());
        let (path, query) = match view.query {
            None => (redact::target(view.path, rules), None),
            Some(query) => match redact::target(&format!("{}?{query}", view.path), rules).split_once('?') {
                Some((path, query)) => (path.to_owned(), Some(query.into())),
                None => (redact::target(view.path, rules), None),
            },
        };
        let subjects = &by.rules.subjects;
        let input = Input {
            method: view.method.clone(),
            host: view.host.into(),
            path: path.into(),
            query,
            headers: lines(&view.headers.to_map(), rules),
            client: view.client,
            trusted: view.trusted,
            tenant: subject.tenant(subjects, view).map(Box::from),
            user: subject.user(subjects, view).map(Box::from),
            weight: 1.0,
            generation: by.generation,
            route: decision.route,
            side: decision.side,
        };
        (input.size() <= LARGEST).then_some(input)
    }

    /// The user, for hashing and comparing only.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Those of the headers that are wanted, as they were kept.
    #[must_use]
    pub fn headers(&self, is_wanted: impl Fn(&HeaderName) -> bool) -> HeaderMap {
        let lines = self.headers.lines().filter_map(|line| line.split_once(':'));
        let parsed = lines.filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok().filter(&is_wanted)?;
            Some((name, HeaderValue::from_str(value).ok()?))
        });
        let mut headers = HeaderMap::new();
        for (name, value) in parsed {
            // Several values of one name stay several.
            headers.append(name, value);
        }
        headers
    }

    fn size(&self) -> usize {
        let texts = [Some(&self.host), Some(&self.path), self.query.as_ref(), Some(&self.headers)];
        let keys = [self.tenant.as_ref(), self.user.as_ref()];
        size_of::<Input>() + texts.into_iter().chain(keys).flatten().map(|text| text.len()).sum::<usize>()
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("method", &self.method)
            .field("host", &self.host)
            .field("path", &self.path)
            .field("query", &self.query)
            .field("client", &self.client)
            .field("tenant", &self.tenant)
            .field("weight", &self.weight)
            .finish_non_exhaustive()
    }
}

fn lines(headers: &HeaderMap, rules: &diff::Rules) -> Box<str> {
    let kept = redact::headers(headers, rules);
    // A value has no line breaks (RFC 9110 section 5.5). Set-Cookie has no meaning in a request, so its attributes may be anything.
    let kept = kept.iter().filter(|(name, _)| name != SET_COOKIE.as_str());
    kept.map(|(name, value)| format!("{name}:{value}\n")).collect::<String>().into()
}

/// By what a request was decided.
#[derive(Debug, Clone, Copy)]
pub struct By<'g> {
    /// The rules.
    pub rules: &'g Rules,
    /// What is copied of each route's requests, and so what must not be kept of them.
    pub shadows: &'g [Option<Arc<ShadowPlan>>],
    /// The generation.
    pub generation: u64,
}

/// The inputs of all workers.
#[derive(Debug)]
pub struct Sample {
    waiting: ArrayQueue<Input>,
    lost: AtomicU64,
    /// Of the control side alone.
    kept: Mutex<Kept>,
    /// What one worker may take, in inputs per second.
    pace: f64,
}

#[derive(Debug, Default)]
struct Kept {
    inputs: VecDeque<Arc<Input>>,
    bytes: usize,
}

impl Sample {
    /// An empty sample for this many workers.
    #[must_use]
    pub fn new(workers: usize) -> Sample {
        let pace = (MOST as f64 / SPAN / workers.max(1) as f64).min(FASTEST);
        Sample { waiting: ArrayQueue::new(WAITING), lost: AtomicU64::new(0), kept: Mutex::default(), pace }
    }

    /// Takes what the workers have offered; the oldest make room. To be called about once a second.
    pub fn drain(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // No more than were waiting when it began: the workers go on.
        for input in std::iter::from_fn(|| self.waiting.pop()).take(WAITING) {
            kept.bytes += input.size();
            kept.inputs.push_back(Arc::new(input));
            while kept.inputs.len() > MOST || kept.bytes > MOST_BYTES {
                let oldest = kept.inputs.pop_front().map_or(0, |oldest| oldest.size());
                kept.bytes -= oldest;
            }
        }
    }

    /// The newest inputs, oldest first.
    #[must_use]
    pub fn inputs(&self) -> Vec<Arc<Input>> {
        self.drain();
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).inputs.iter().cloned().collect()
    }

    /// How many inputs were dropped since the start, because too many waited or one was too large.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn offer(&self, input: Option<Input>) {
        if input.is_none_or(|input| self.waiting.push(input).is_err()) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// One worker's hand in the sample.
#[derive(Debug)]
pub struct Sampler {
    random: fastrand::Rng,
    /// The chance of each request.
    chance: f64,
    /// How many requests come before the next that is taken.
    left: u64,
    seen: u64,
    taken: u64,
    since: Instant,
}

impl Default for Sampler {
    fn default() -> Sampler {
        Sampler { random: fastrand::Rng::new(), chance: 1.0, left: 0, seen: 0, taken: 0, since: Instant::now() }
    }
}

impl Sampler {
    /// Offers a decided request, which nobody forced. Nearly always, this counts down and no more.
    pub fn offer<'a>(
        &mut self,
        sample: &Sample,
        (view, subject): (&RequestView<'a>, &Subject<'a>),
        by: By<'_>,
        decision: &Decision,
    ) {
        self.seen += 1;
        if self.left > 0 {
            self.left -= 1;
            return;
        }
        let input = Input::of(view, subject.clone(), by, decision);
        sample.offer(input.map(|input| Input { weight: 1.0 / self.chance, ..input }));
        self.taken += 1;
        if self.taken as f64 > 2.0 * sample.pace + 8.0 {
            // A sudden crowd: not until the next adaption, but now.
            (self.chance, self.taken) = (self.chance / 2.0, 0);
        }
        self.left = self.gap();
    }

    /// Adapts to the rate, if it is time. What was taken keeps the chance it had.
    pub fn tick(&mut self, sample: &Sample) {
        let elapsed = self.since.elapsed();
        if elapsed < ADAPT_EVERY {
            return;
        }
        let rate = self.seen as f64 / elapsed.as_secs_f64();
        (self.seen, self.taken, self.since) = (0, 0, Instant::now());
        self.adapt(rate, sample.pace);
    }

    fn adapt(&mut self, rate: f64, pace: f64) {
        self.chance = if rate > pace { pace / rate } else { 1.0 };
        // How long one has waited already does not matter to a geometric gap.
        self.left = self.gap();
    }

    /// How many are passed over: geometric, so that each request has the same chance whatever came before it.
    fn gap(&mut self) -> u64 {
        if self.chance >= 1.0 {
            return 0;
        }
        // In (0, 1], so the logarithm is finite.
        let uniform = 1.0 - self.random.f64();
        (uniform.ln() / (-self.chance).ln_1p()) as u64
    }
}

#[cfg(test)]
mod tests;
