//! One line of the access log, decided by the candidate as far as the line tells.
//!
//! A line has method, host, path, client, tenant and what was decided: route, side, reason. Of the user it has at most the
//! bucket. It has no headers and no query. So a decision that asks for any of those is untold,
//! unless the line shows what came of the same question before: a route whose conditions are still the same took the request
//! then and takes it now, and a bucket under the same salt is still the same.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, Read};
use std::net::IpAddr;
use std::sync::Arc;

use http::Method;
use serde::Deserialize;

use super::Ruling;
use super::judge::place;
use super::tally::{Judged, Place, Tally, Verdict};
use crate::fields::Fields;
use crate::names::{Key, Side};
use crate::routing::{Bucket, Gaps, Outcome, RequestView, Route, Rules, Subject, SubjectSource, Trace, TraceStep};
use crate::snapshot::Snapshot;
use crate::wire::host;

/// A longer line is no record of ours, in bytes.
const LONGEST: u64 = 1 << 20;

/// What is read of a line.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Line<'l> {
    #[serde(borrow)]
    method: Cow<'l, str>,
    #[serde(borrow)]
    host: Cow<'l, str>,
    #[serde(borrow)]
    path: Cow<'l, str>,
    client: IpAddr,
    #[serde(borrow)]
    side: Option<Cow<'l, str>>,
    #[serde(borrow)]
    route: Option<Cow<'l, str>>,
    #[serde(borrow)]
    reason: Option<Cow<'l, str>>,
    bucket: Option<u32>,
    #[serde(borrow)]
    tenant: Option<Cow<'l, str>>,
}

impl<'l> Line<'l> {
    pub(super) fn parse(bytes: &'l [u8]) -> Option<Line<'l>> {
        serde_json::from_slice(bytes).ok()
    }
}

/// Reads the next line that is not empty, or as much of it as there may be; whether there was one.
pub(super) fn next(log: &mut dyn BufRead, buffer: &mut Vec<u8>) -> io::Result<bool> {
    loop {
        buffer.clear();
        if (&mut *log).take(LONGEST).read_until(b'\n', buffer)? == 0 {
            return Ok(false);
        }
        if buffer.len() as u64 == LONGEST && !buffer.ends_with(b"\n") {
            skip_line(log)?;
        }
        if !buffer.trim_ascii().is_empty() {
            return Ok(true);
        }
    }
}

/// Passes over what is left of a line, without holding it.
fn skip_line(log: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let available = log.fill_buf()?;
        let (length, is_end) = match available.iter().position(|&byte| byte == b'\n') {
            Some(end) => (end + 1, true),
            None => (available.len(), available.is_empty()),
        };
        log.consume(length);
        if is_end {
            return Ok(());
        }
    }
}

/// Decides lines by the candidate.
pub(super) struct LineJudge<'r> {
    live: &'r Rules,
    candidate: Ruling<'r>,
    /// The live routes.
    routes: HashMap<&'r str, &'r Route>,
    /// The routes that match the same in both.
    alike: HashSet<&'r str>,
}

impl<'r> LineJudge<'r> {
    pub(super) fn new(live: &'r Snapshot, candidate: Ruling<'r>) -> LineJudge<'r> {
        let routes: HashMap<&str, &Route> = live.rules.routes.iter().map(|route| (&*route.name, route)).collect();
        let is_alike = |route: &&Route| {
            // Patterns have no equality of their own; their debug form tells them apart.
            let matches = |route: &Route| format!("{:?}", route.matches);
            routes.get(&*route.name).is_some_and(|was| matches(was) == matches(route))
        };
        let alike = candidate.snapshot.rules.routes.iter().filter(is_alike).map(|route| &*route.name).collect();
        LineJudge { live: &live.rules, candidate, routes, alike }
    }

    /// Counts what becomes of the request of this line.
    pub(super) fn count(&self, line: &Line<'_>, tally: &mut Tally) {
        let Some(side) = line.side.as_deref().and_then(Side::parse) else { return tally.count(Judged::LeftOut) };
        let reason = line.reason.as_deref().unwrap_or("");
        if reason == "force" || reason == "kill" || reason.starts_with("pin:") {
            return tally.count(Judged::LeftOut);
        }
        let before = Place { route: line.route.as_deref().map(Arc::from), side };
        tally.count(self.judge(line, before, reason).unwrap_or(Judged::Untold));
    }

    fn judge<'l>(&self, line: &'l Line<'_>, before: Place, reason: &str) -> Option<Judged<'l>> {
        let method = Method::from_bytes(line.method.as_bytes()).ok()?;
        let host = if line.host.is_empty() { Cow::Borrowed("") } else { host::canonical(&line.host).ok()? };
        let headers = Fields::default();
        let view = RequestView {
            method: &method,
            host: &host,
            path: &line.path,
            query: None,
            headers: &headers,
            client: line.client,
            // Headers are unknown, also those of trusted proxies.
            trusted: true,
            claims: None,
        };
        let mut subject = self.subject(line, &view, reason);
        let recorded = before.route.as_deref();
        let mut watch = Watch { assumed: recorded.filter(|name| self.alike.contains(name)), failed: Vec::new() };
        let rules = &self.candidate.snapshot.rules;
        let decision = rules.decide(&view, self.candidate.overrides, None, &mut subject, &mut watch);
        let after = place(self.candidate, &decision);
        // A route in front was passed over because nothing is known of its conditions. If they are the same as before, the line
        // shows that they did not hold.
        let is_passed_by = |name: &Arc<str>| self.alike.contains(&**name) && after.route == before.route;
        if subject.is_untold() || !watch.failed.iter().all(is_passed_by) {
            return None;
        }
        let is_keyless = reason.starts_with("missing-key:");
        // The text is the log's; what of it is kept lives as long as the line.
        Some(Judged::Told(Verdict {
            before,
            after,
            is_keyless,
            tenant: line.tenant.as_deref(),
            user: None,
            weight: 1.0,
        }))
    }

    /// Who asks, as far as the line tells.
    fn subject<'v>(&self, line: &'v Line<'_>, view: &RequestView<'v>, reason: &str) -> Subject<'v> {
        let (mut gaps, mut user) = (Gaps::default(), None);
        gaps.headers = true;
        let tenant = line.tenant.as_deref().map(Cow::Borrowed);
        match reason {
            "missing-key:user" => {}
            _ if self.live.subjects.user.iter().all(is_told) => user = self.live.subjects.user(view),
            _ => gaps.user = true,
        }
        let route = line.route.as_deref().and_then(|name| self.routes.get(name));
        let share = route.and_then(|route| Some((&route.salt, route.canary.as_ref()?.share?.by)));
        gaps.bucket = share
            .zip(line.bucket)
            .map(|((salt, by), bucket): ((&Arc<str>, Key), u32)| (Box::from(&**salt), by, Bucket(bucket)));
        Subject::with_gaps(tenant, user, gaps)
    }
}

/// Whether a line has all that this source looks at.
fn is_told(source: &SubjectSource) -> bool {
    matches!(source, SubjectSource::Host { .. } | SubjectSource::Path { .. })
}

/// Watches which routes give way because of what a line does not tell.
struct Watch<'l> {
    /// The route that took the request then, if its conditions are the same now: they hold.
    assumed: Option<&'l str>,
    failed: Vec<Arc<str>>,
}

impl Trace for Watch<'_> {
    fn record(&mut self, step: impl FnOnce() -> TraceStep) {
        if let TraceStep::Tried { route, outcome: Outcome::Header(_) | Outcome::Query(_), .. } = step() {
            self.failed.push(route);
        }
    }

    fn assumes(&self, route: &str) -> bool {
        self.assumed == Some(route)
    }
}
