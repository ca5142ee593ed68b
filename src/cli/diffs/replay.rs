//! `diffs show --as curl`: a kept request, to be asked again.

use std::io::{self, Write};
use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use crate::cli::call::reachable;
use crate::cli::{Exit, complain};
use crate::names::Side;
use crate::report::curl::curl;
use crate::report::printable;
use crate::routing::{NoTrace, Original, Overrides, RequestView, Subject};
use crate::snapshot::Snapshot;
use crate::store::read::Kept;

#[derive(Debug, Args)]
pub(super) struct Replay {
    /// Print a command that sends the sample's request again
    #[arg(long = "as", value_enum, value_name = "HOW")]
    how: Option<How>,
    /// Where that command sends it
    #[arg(long, value_enum, default_value = "new", requires = "how")]
    side: To,
    /// Where that is, instead of the configuration's first endpoint
    #[arg(long, value_name = "URL", requires = "how")]
    base: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum How {
    /// For a shell
    Curl,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum To {
    /// The system that is being replaced
    Legacy,
    /// The system that replaces it
    New,
    /// The facade
    Facade,
}

impl Replay {
    /// Whether it was asked for.
    pub(super) fn is_wanted(&self) -> bool {
        self.how.is_some()
    }

    /// Prints the command; what it lacks goes to stderr.
    pub(super) fn print(&self, kept: &Kept, snapshot: Option<&Snapshot>, out: &mut impl Write) -> io::Result<Exit> {
        let base = self.base.clone().or_else(|| base(kept, self.side, snapshot?));
        let Some(base) = base else {
            complain("banyan: the configuration does not say where that is: say --base URL");
            return Ok(Exit::No);
        };
        let mut kept = kept.clone();
        if self.side == To::New
            && let Some(target) = snapshot.and_then(|snapshot| rewritten(&kept, snapshot))
        {
            complain(&format!("note: the route rewrites the path for new: {}", printable(&kept.target)));
            kept.target = target;
        }
        let curl = curl(&kept, &base);
        for note in &curl.notes {
            complain(&format!("note: {}", printable(note)));
        }
        writeln!(out, "{}", curl.command)?;
        Ok(Exit::Ok)
    }
}

/// Where the configuration has that side of the sample's route.
fn base(kept: &Kept, to: To, snapshot: &Snapshot) -> Option<String> {
    let backend = |side: Side| {
        let route = snapshot.rules.routes.iter().find(|route| *route.name == *kept.route)?;
        let id = if side == Side::Legacy { route.legacy } else { route.new };
        Some(snapshot.backend(id?).endpoints.first()?.authority.to_string())
    };
    let authority = match to {
        To::Legacy => backend(Side::Legacy)?,
        To::New => backend(Side::New)?,
        To::Facade => reachable(snapshot.listeners.first()?.address).to_string(),
    };
    Some(format!("http://{authority}"))
}

/// The target as the route rewrites it for new; `None` where it does not, or where the configuration no longer takes the
/// request for this route.
fn rewritten(kept: &Kept, snapshot: &Snapshot) -> Option<String> {
    let uri: Uri = kept.target.parse().ok()?;
    let method = Method::from_bytes(kept.method.as_bytes()).ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in &kept.detail.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    let host = headers.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host = crate::wire::host::canonical(host).map(|host| host.into_owned()).unwrap_or_default();
    let view = RequestView {
        method: &method,
        host: &host,
        path: uri.path(),
        query: uri.query(),
        headers: &headers,
        client: SocketAddr::from(([127, 0, 0, 1], 0)).ip(),
        trusted: true,
        claims: None,
    };
    let decision =
        snapshot.rules.decide(&view, &Overrides::default(), None, &mut Subject::given(None, None), &mut NoTrace);
    let route = snapshot.rules.route(decision.route?);
    let rewrite = route.rewrite.as_ref().filter(|_| *route.name == *kept.route)?;
    let original = Original { alternative: decision.alternative, captures: &decision.captures, path: uri.path() };
    let path = rewrite.path(original);
    Some(uri.query().map_or(path.to_string(), |query| format!("{path}?{query}")))
}
