//! How a request would be decided, step by step.

use std::borrow::Cow;
use std::io::{self, Write};
use std::net::IpAddr;
use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::printable;
use crate::fields::Fields;
use crate::names::Side;
use crate::proxy::claims::Verifier;
use crate::routing::{Decision, Original, Overrides, RequestView, Subject, TraceStep};
use crate::shadow::safety;
use crate::snapshot::Snapshot;
use crate::telemetry::Mirrored;
use crate::wire::{host, target};

/// A request as somebody asks about it.
#[derive(Debug, Clone)]
pub struct Question {
    method: Method,
    host: String,
    uri: Uri,
    headers: Fields,
    /// The tenant, instead of looking for it in the request.
    pub tenant: Option<String>,
    /// The user, instead of looking for it in the request.
    pub user: Option<String>,
    /// The client's address.
    pub client: IpAddr,
    /// Whether it comes through a trusted proxy.
    pub trusted: bool,
}

/// How it would be decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// The generation that decides; missing where a file was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub generation: Option<u64>,
    /// Each step, in words.
    pub steps: Vec<String>,
    /// `legacy` or `new`.
    pub side: String,
    /// The backend; `null` where the answer is 404.
    pub backend: Option<String>,
    /// The route; `null` where none matches.
    pub route: Option<String>,
    /// Why, as the access log says it.
    pub reason: String,
    /// The bucket, where a percentage was asked.
    pub bucket: Option<u32>,
    /// The path that new is asked for, where the route rewrites it.
    pub path_for_new: Option<String>,
    /// Whether the request is copied to the other side, and if not, why; `null` where its route's stage copies nothing.
    pub shadow: Option<String>,
    /// What may not be as expected.
    pub notes: Vec<String>,
}

impl Question {
    /// A request with this method, to this path or URL, with these header lines (`NAME: VALUE`), of a client nothing is known of.
    ///
    /// # Errors
    /// What of it is no part of a request.
    pub fn new(method: &str, url: &str, lines: &[String], client: IpAddr) -> Result<Question, String> {
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| format!("`{method}` is not a method"))?;
        let uri: Uri = url.parse().map_err(|_| format!("`{url}` is neither a path nor a URL"))?;
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(':').ok_or_else(|| format!("`{line}` is not `NAME: VALUE`"))?;
            let name =
                HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| format!("`{name}` is not a header name"))?;
            let value = HeaderValue::from_str(value.trim()).map_err(|_| format!("`{value}` is not a header value"))?;
            // A map of headers has room for some tens of thousands.
            headers.try_append(name, value).map_err(|_| "too many headers".to_owned())?;
        }
        let sent = headers.get(http::header::HOST).and_then(|value| value.to_str().ok());
        let host = match uri.authority().map(http::uri::Authority::as_str).or(sent) {
            Some(text) => host::canonical(text).map_err(|why| format!("`{text}`: {why}"))?.into_owned(),
            None => String::new(),
        };
        Ok(Question { method, host, uri, headers: headers.into(), tenant: None, user: None, client, trusted: false })
    }
}

/// How these rules decide it while these overrides hold.
///
/// # Errors
/// The facade would refuse such a path.
pub fn explain(snapshot: &Snapshot, overrides: &Overrides, question: &Question) -> Result<Explanation, String> {
    let (uri, headers) = (&question.uri, &question.headers);
    let opaque_slashes = snapshot.listeners.iter().any(|listener| listener.opaque_slashes);
    if uri.path() != "*" {
        target::check_path(uri.path(), opaque_slashes).map_err(|why| format!("{}: {why}", uri.path()))?;
    }
    let verifier = snapshot.jwt.as_ref().map(Verifier::new);
    let claims = verifier.and_then(|verifier| verifier.claims(headers, SystemTime::now()));
    let view = RequestView {
        method: &question.method,
        host: &question.host,
        path: uri.path(),
        query: uri.query(),
        headers,
        client: question.client,
        trusted: question.trusted,
        claims: claims.as_deref(),
    };
    let given = |key: &Option<String>| key.clone().map(Cow::Owned);
    let mut subject = Subject::given(given(&question.tenant), given(&question.user));
    let mut steps: Vec<TraceStep> = Vec::new();
    let rules = &snapshot.rules;
    let decision = rules.decide(&view, overrides, None, &mut subject, &mut steps);
    // What was decided is told beside, with the backend.
    let steps = steps.iter().filter(|step| !matches!(step, TraceStep::Decided { .. })).map(ToString::to_string);
    let guarded = snapshot.trust.headers.iter().filter(|name| !question.trusted && headers.contains(name));
    Ok(Explanation {
        generation: None,
        steps: steps.collect(),
        side: decision.side.to_string(),
        backend: decision.backend.map(|id| snapshot.backend(id).name.to_string()),
        route: decision.route.map(|id| rules.route(id).name.to_string()),
        reason: rules.reason_text(decision.reason),
        bucket: decision.bucket.map(|bucket| bucket.0),
        path_for_new: path_for_new(snapshot, uri, &decision),
        shadow: shadow(snapshot, question, &decision),
        notes: guarded.map(|name| format!("{name} is believed only from a trusted proxy")).collect(),
    })
}

impl Explanation {
    /// Writes the steps and the decision, a line each, without the notes.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for step in &self.steps {
            writeln!(out, "{}", printable(step))?;
        }
        let backend = self.backend.as_deref().unwrap_or("none (404)");
        let route = self.route.as_deref().unwrap_or("none");
        writeln!(out, "=> side={} backend={backend} route={route} reason={}", self.side, printable(&self.reason))?;
        if let Some(path) = &self.path_for_new {
            writeln!(out, "   path for new: {}", printable(path))?;
        }
        match &self.shadow {
            Some(line) => writeln!(out, "   {line}"),
            None => Ok(()),
        }
    }
}

fn path_for_new(snapshot: &Snapshot, uri: &Uri, decision: &Decision) -> Option<String> {
    let rewrite = snapshot.rules.route(decision.route?).rewrite.as_ref()?;
    let original = Original { alternative: decision.alternative, captures: &decision.captures, path: uri.path() };
    (decision.side == Side::New).then(|| rewrite.path(original))
}

/// Whether the request is copied to the other side, and if not, why; `None` where its route's stage copies nothing.
fn shadow(snapshot: &Snapshot, question: &Question, decision: &Decision) -> Option<String> {
    let id = decision.route?;
    let (stage, plan) = (snapshot.rules.route(id).stage, snapshot.shadow(id)?);
    let side = safety::shadow_side(stage, decision)?;
    let upgrade = question.headers.contains(&http::header::UPGRADE);
    let request = (&question.method, &question.uri, &question.headers);
    if let Err(why) = safety::check(request, upgrade, stage, plan) {
        return Some(format!("shadow: no copy ({})", Mirrored::Dropped(why).as_str()));
    }
    let compared = plan
        .comparison
        .as_ref()
        .map_or_else(|| "not compared".to_owned(), |comparison| format!("compared by `{}`", comparison.name));
    Some(format!("shadow: {}% are copied to {side}, {compared}", plan.sample))
}
