//! Who is asking, and whose word counts.

use std::path::Path;
use std::sync::Arc;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey};

use super::{At, Build, Cx, Place, Text, keys, values};
use crate::config::diagnostic::Finding;
use crate::config::file::{self, SubjectSource as Source};
use crate::config::gather::beside;
use crate::names::Key;
use crate::routing::{HostPattern, PathPattern, SubjectSource};
use crate::snapshot::{ForceSettings, JwtSettings};

/// How large a key set may be.
const MAX_KEYS: u64 = 1024 * 1024;

/// Fills in the sources and the trusted proxies; gives how tokens are verified.
pub(super) fn compile(subject: Option<&file::Subject>, build: &mut Build<'_>, cx: &mut Cx<'_>) -> Option<JwtSettings> {
    let subject = subject?;
    for (network, place) in values(subject.trusted_proxies.as_ref()) {
        if network.0.prefix_len() == 0 {
            cx.report.warning(
                place,
                "trust-everybody",
                "everybody is a trusted proxy: any client may claim any address",
            );
        }
        build.trust.proxies.push(network.0);
    }
    let has_jwt = subject.jwt.is_some();
    let sources = |list, key, build: &mut Build<'_>, cx: &mut Cx<'_>| -> Vec<SubjectSource> {
        values(list).filter_map(|(one, place)| source(one, place, key, has_jwt, build, cx)).collect()
    };
    build.subjects.tenant = sources(subject.tenant.as_ref(), Key::Tenant, build, cx);
    build.subjects.user = sources(subject.user.as_ref(), Key::User, build, cx);
    subject.jwt.as_ref().and_then(At::get).and_then(|jwt| verification(jwt, cx))
}

fn source(
    source: &Source,
    place: Place,
    key: Key,
    has_jwt: bool,
    build: &mut Build<'_>,
    cx: &mut Cx<'_>,
) -> Option<SubjectSource> {
    let Source { jwt, host, path, header, from, query, cookie } = source;
    let present = [jwt.is_some(), host.is_some(), path.is_some(), header.is_some(), query.is_some(), cookie.is_some()];
    if present.into_iter().filter(|present| *present).count() != 1 {
        cx.report.error(place, "bad-source", "a source has exactly one of jwt, host, path, header, query, cookie");
        return None;
    }
    if let (Some(from), None) = (from, header) {
        cx.report.error(from.place, "bad-source", "`from` goes with `header` only");
    }
    if let Some(claim) = jwt {
        return jwt_source(claim, has_jwt, cx);
    }
    if let Some(host) = host {
        return host_source(host, key, cx);
    }
    if let Some(path) = path {
        return path_source(path, key, cx);
    }
    if let Some(header) = header {
        let name = &header.get()?.0;
        keys::check_subject_header(name, header.place, cx);
        if from.is_some() {
            keys::trust_header(name, header.place, build, cx);
        }
        return Some(SubjectSource::Header { name: name.clone(), trusted: from.is_some() });
    }
    if let Some(query) = query {
        return Some(SubjectSource::Query { name: Arc::from(&*query.get()?.0) });
    }
    let cookie = cookie.as_ref()?;
    let name = &*cookie.get()?.0;
    if !name.bytes().all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&b)) {
        cx.report.error(cookie.place, "bad-value", format!("`{name}` cannot name a cookie"));
    }
    Some(SubjectSource::Cookie { name: Arc::from(name) })
}

fn jwt_source(claim: &At<Text>, has_jwt: bool, cx: &mut Cx<'_>) -> Option<SubjectSource> {
    let text = &claim.get()?.0;
    if !has_jwt {
        let finding = Finding::error(claim.place, "missing-jwt", "`subject.jwt` does not say how tokens are verified");
        cx.report.add(finding.help("add `jwt: { keys: FILE, algorithms: [RS256] }` to `subject:`"));
    }
    if text.split('.').any(str::is_empty) {
        cx.report.error(claim.place, "bad-value", format!("`{text}` names no claim: a part between dots is empty"));
    }
    Some(SubjectSource::Jwt { claim: text.split('.').map(Arc::from).collect() })
}

fn host_source(host: &At<Text>, key: Key, cx: &mut Cx<'_>) -> Option<SubjectSource> {
    let text = host.get()?.0.to_ascii_lowercase();
    let capture = format!("{{{key}}}");
    let parts = text.split_once(&capture).filter(|(_, suffix)| !suffix.contains(['{', '}']));
    let Some((prefix, suffix)) = parts.filter(|(prefix, _)| !prefix.contains(['{', '}'])) else {
        let message = format!("`{text}` needs `{capture}` once, and no other capture");
        cx.report.error(host.place, "bad-host", message);
        return None;
    };
    // With one letter in place of the capture it must be a host name.
    if let Err(error) = HostPattern::parse(&format!("{prefix}x{suffix}")) {
        cx.report.error(host.place, "bad-host", error.to_string());
        return None;
    }
    Some(SubjectSource::Host { prefix: Arc::from(prefix), suffix: Arc::from(suffix) })
}

fn path_source(path: &At<Text>, key: Key, cx: &mut Cx<'_>) -> Option<SubjectSource> {
    let text = &path.get()?.0;
    match PathPattern::parse(text) {
        Ok(pattern) => {
            let Some(capture) = pattern.position(key.as_str()) else {
                cx.report.error(path.place, "bad-path", format!("`{text}` needs the capture `{{{key}}}`"));
                return None;
            };
            Some(SubjectSource::Path { pattern, capture })
        }
        Err(error) => {
            cx.report.error(path.place, "bad-path", error.to_string());
            None
        }
    }
}

fn verification(jwt: &file::Jwt, cx: &mut Cx<'_>) -> Option<JwtSettings> {
    let named: Vec<(Algorithm, Place)> = values(Some(&jwt.algorithms))
        .filter_map(|(name, place)| Some((algorithm(&name.0, place, cx)?, place)))
        .collect();
    let at = &jwt.keys;
    let path = beside(cx.report.files.path(at.place.file), &at.get()?.0);
    let keys = read_keys(&path, at.place, cx)?;
    for (algorithm, place) in &named {
        if !keys.keys.iter().any(|key| fits(key, *algorithm)) {
            let message = format!("no key in `{}` is for {algorithm:?}", path.display());
            cx.report.error(*place, "jwt-no-key", message);
        }
    }
    let text = |at: &Option<At<Text>>| at.as_ref().and_then(At::get).map(|text| text.0.to_string());
    Some(JwtSettings {
        algorithms: named.into_iter().map(|(algorithm, _)| algorithm).collect(),
        keys: Arc::new(keys),
        issuer: text(&jwt.issuer),
        audience: text(&jwt.audience),
    })
}

fn algorithm(name: &str, place: Place, cx: &mut Cx<'_>) -> Option<Algorithm> {
    const KNOWN: [&str; 12] =
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "HS256", "HS384", "HS512"];
    let found = if KNOWN.contains(&name) { name.parse().ok() } else { None };
    if found.is_none() {
        let finding = Finding::error(place, "jwt-algorithm", format!("`{name}` is no algorithm that is taken"));
        let near = KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(name));
        cx.report.add(match near {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help(format!("one of {}", KNOWN.join(", "))),
        });
    }
    found
}

fn read_keys(path: &Path, place: Place, cx: &mut Cx<'_>) -> Option<JwkSet> {
    let bytes = match cx.source.read(path, MAX_KEYS) {
        Ok(bytes) => bytes,
        Err(error) => {
            cx.report.error(place, "unreadable", format!("cannot read `{}`: {error}", path.display()));
            return None;
        }
    };
    let mut bad = |why: String| {
        let message = format!("`{}` is no usable JSON Web Key Set: {why}", path.display());
        cx.report.error(place, "jwt-keys", message);
    };
    let keys: JwkSet = serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string())).ok()?;
    for (at, key) in keys.keys.iter().enumerate() {
        // A kind of key that is not known yet belongs to somebody else; a broken one of a known kind is a mistake.
        let known = !matches!(key.algorithm, AlgorithmParameters::Other(_));
        if let (true, Err(error)) = (known, DecodingKey::from_jwk(key)) {
            bad(format!("key {} in it: {error}", at + 1));
            return None;
        }
    }
    Some(keys)
}

/// Whether a token signed with this algorithm can be verified with this key.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), _) => {
            use Algorithm::{PS256, PS384, PS512, RS256, RS384, RS512};
            matches!(algorithm, RS256 | RS384 | RS512 | PS256 | PS384 | PS512)
        }
        (AlgorithmParameters::EllipticCurve(ec), Algorithm::ES256) => ec.curve == EllipticCurve::P256,
        (AlgorithmParameters::EllipticCurve(ec), Algorithm::ES384) => ec.curve == EllipticCurve::P384,
        (AlgorithmParameters::OctetKeyPair(_), algorithm) => algorithm == Algorithm::EdDSA,
        (AlgorithmParameters::OctetKey(_), Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512) => true,
        _ => false,
    }
}

/// Who may force a side. Each condition that is set must hold, so one that is set and empty would let everybody in.
pub(super) fn force(force: Option<&At<file::Force>>, cx: &mut Cx<'_>) -> Option<ForceSettings> {
    let at = force?;
    let force = at.get()?;
    if force.networks.is_none() && force.secret.is_none() {
        let finding = Finding::error(at.place, "empty-force", "`force` needs `networks`, `secret` or both");
        cx.report.add(finding.help("leave `force` out where nobody may force a side"));
    }
    let networks = values(force.networks.as_ref()).map(|(network, _)| network.0).collect();
    let secret = force.secret.as_ref().and_then(At::get).map(|secret| Arc::from(&*secret.0));
    if let Some(at) = &force.secret
        && let Some(secret) = at.get()
        && http::HeaderValue::from_str(&secret.0).is_err()
    {
        cx.report.error(at.place, "bad-value", "this secret cannot be sent in a header");
    }
    Some(ForceSettings { networks, secret })
}
