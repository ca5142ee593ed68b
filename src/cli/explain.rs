//! `explain`: how a request would be decided, step by step.

use std::borrow::Cow;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::time::SystemTime;

use clap::Args;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::{ConfigArg, Exit, complain};
use crate::config::{self, Disk, Format, Options};
use crate::proxy::claims::Verifier;
use crate::routing::{Decision, Overrides, RequestView, Subject, TraceStep};
use crate::shadow::safety;
use crate::snapshot::Snapshot;
use crate::telemetry::Mirrored;
use crate::wire::{host, target};

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The method
    method: String,
    /// The path, with a query if you like, or a whole URL
    url: String,
    #[command(flatten)]
    config: ConfigArg,
    /// A header of the request
    #[arg(long, short = 'H', value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// The tenant, instead of looking for it in the request
    #[arg(long)]
    tenant: Option<String>,
    /// The user, instead of looking for it in the request
    #[arg(long)]
    user: Option<String>,
    /// The client's address
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    client: IpAddr,
    /// The request comes through a trusted proxy, so headers marked `from: trusted` count
    #[arg(long)]
    trusted: bool,
}

/// A request as the command line gives it.
struct Asked {
    method: Method,
    host: String,
    uri: Uri,
    headers: HeaderMap,
}

/// Prints each step and the decision.
pub(super) fn explain(args: &ExplainArgs, out: &mut impl Write) -> io::Result<Exit> {
    let loaded = config::load(&Disk, &args.config.config, &Options::default());
    let Some(snapshot) = loaded.snapshot else {
        out.write_all(config::render(&loaded.diagnostics, Format::Text).as_bytes())?;
        complain("the configuration is invalid; nothing can be explained");
        return Ok(Exit::No);
    };
    let opaque_slashes = snapshot.listeners.iter().any(|listener| listener.opaque_slashes);
    let asked = match asked(args, opaque_slashes) {
        Ok(asked) => asked,
        Err(why) => {
            complain(&format!("banyan explain: {why}"));
            return Ok(Exit::No);
        }
    };
    let guarded = snapshot.trust.headers.iter().filter(|name| !args.trusted && asked.headers.contains_key(*name));
    for name in guarded {
        complain(&format!("note: {name} is believed only from a trusted proxy; --trusted asks as one"));
    }
    write_decision(&snapshot, &asked, args, out)?;
    Ok(Exit::Ok)
}

fn write_decision(snapshot: &Snapshot, asked: &Asked, args: &ExplainArgs, out: &mut impl Write) -> io::Result<()> {
    let verifier = snapshot.jwt.as_ref().map(Verifier::new);
    let claims = verifier.and_then(|verifier| verifier.claims(&asked.headers, SystemTime::now()));
    let view = RequestView {
        method: &asked.method,
        host: &asked.host,
        path: asked.uri.path(),
        query: asked.uri.query(),
        headers: &asked.headers,
        client: args.client,
        trusted: args.trusted,
        claims: claims.as_deref(),
    };
    let mut subject =
        Subject::given(args.tenant.as_deref().map(Cow::Borrowed), args.user.as_deref().map(Cow::Borrowed));
    let mut steps: Vec<TraceStep> = Vec::new();
    let rules = &snapshot.rules;
    let decision = rules.decide(&view, &Overrides::default(), None, &mut subject, &mut steps);
    // What was decided is told below, with the backend.
    for step in steps.iter().filter(|step| !matches!(step, TraceStep::Decided { .. })) {
        writeln!(out, "{step}")?;
    }
    let backend = decision.backend.map_or("none (404)", |id| &snapshot.backend(id).name);
    let route = decision.route.map_or("none", |id| &rules.route(id).name);
    let reason = rules.reason_text(decision.reason);
    writeln!(out, "=> side={} backend={backend} route={route} reason={reason}", decision.side)?;
    if let (Some(id), crate::names::Side::New) = (decision.route, decision.side)
        && let Some(rewrite) = &rules.route(id).rewrite
    {
        let original = crate::routing::Original {
            alternative: decision.alternative,
            captures: &decision.captures,
            path: asked.uri.path(),
        };
        writeln!(out, "   path for new: {}", rewrite.path(original))?;
    }
    match shadow(snapshot, asked, &decision) {
        Some(line) => writeln!(out, "   {line}"),
        None => Ok(()),
    }
}

/// Whether the request is copied to the other side, and if not, why; `None` where its route's stage copies nothing.
fn shadow(snapshot: &Snapshot, asked: &Asked, decision: &Decision) -> Option<String> {
    let id = decision.route?;
    let (stage, plan) = (snapshot.rules.route(id).stage, snapshot.shadow(id)?);
    let side = safety::shadow_side(stage, decision)?;
    let upgrade = asked.headers.contains_key(http::header::UPGRADE);
    let request = (&asked.method, &asked.uri, &asked.headers);
    if let Err(why) = safety::check(request, upgrade, stage, plan) {
        return Some(format!("shadow: no copy ({})", Mirrored::Dropped(why).as_str()));
    }
    let compared = plan
        .comparison
        .as_ref()
        .map_or_else(|| "not compared".to_owned(), |comparison| format!("compared by `{}`", comparison.name));
    Some(format!("shadow: {}% are copied to {side}, {compared}", plan.sample))
}

fn asked(args: &ExplainArgs, opaque_slashes: bool) -> Result<Asked, String> {
    let method =
        Method::from_bytes(args.method.as_bytes()).map_err(|_| format!("`{}` is not a method", args.method))?;
    let uri: Uri = args.url.parse().map_err(|_| format!("`{}` is neither a path nor a URL", args.url))?;
    if uri.path() != "*" {
        target::check_path(uri.path(), opaque_slashes).map_err(|why| format!("{}: {why}", args.url))?;
    }
    let mut headers = HeaderMap::new();
    for line in &args.header {
        let (name, value) = line.split_once(':').ok_or_else(|| format!("`{line}` is not `NAME: VALUE`"))?;
        let name =
            HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| format!("`{name}` is not a header name"))?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_| format!("`{value}` is not a header value"))?;
        headers.append(name, value);
    }
    let sent = headers.get(http::header::HOST).and_then(|value| value.to_str().ok());
    let host = match uri.authority().map(http::uri::Authority::as_str).or(sent) {
        Some(text) => host::canonical(text).map_err(|why| format!("`{text}`: {why}"))?.into_owned(),
        None => String::new(),
    };
    Ok(Asked { method, host, uri, headers })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        explain: ExplainArgs,
    }

    fn explained(arguments: &[&str]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("routes.yaml");
        let text = "version: 1\nlisten: [{ address: 127.0.0.1:8080 }]\ndefaults: { legacy: old }\n\
            backends: { old: { endpoints: [http://10.0.0.1:80] }, new: { endpoints: [http://10.0.0.2:80] } }\n\
            comparisons: { orders: {} }\nroutes:\n\
            - { name: a, match: { path: /a }, new: new, stage: shadow, shadow: { sample: 12.5%, compare: orders } }\n\
            - { name: b, match: { path: /b }, new: new, stage: live }\n";
        std::fs::write(&file, text).unwrap();
        let config = file.to_str().unwrap();
        let line = ["explain", "--config", config].into_iter().chain(arguments.iter().copied());
        let mut out = Vec::new();
        explain(&Line::parse_from(line).explain, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_copy_is_explained_and_so_is_its_absence() {
        let last = |arguments: &[&str]| explained(arguments).lines().last().unwrap().trim().to_owned();
        assert_eq!(last(&["GET", "/a"]), "shadow: 12.5% are copied to new, compared by `orders`");
        assert_eq!(last(&["POST", "/a"]), "shadow: no copy (dropped_method)");
        assert_eq!(last(&["GET", "/a", "-H", "X-HTTP-Method-Override: PUT"]), "shadow: no copy (dropped_override)");
        assert!(last(&["GET", "/b"]).starts_with("=> side=new"));
    }
}
