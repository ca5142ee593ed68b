//! Which requests may be copied: a copy must not act twice.

use http::{HeaderName, Method, Uri};

use crate::diff::redact::url::decoded_bytes;
use crate::fields::Fields;
use crate::names::{Side, Stage};
use crate::routing::{Decision, Reason};
use crate::snapshot::ShadowPlan;
use crate::telemetry::Dropped;

/// Headers by which a safe method asks for another one (Rails, ASP.NET, Spring and others honour them).
const OVERRIDES: [HeaderName; 3] = [
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-method-override"),
];
/// A query parameter of the same meaning.
const OVERRIDE_PARAMETER: &str = "_method";

/// The side that a request answered like this is copied to; `None` if its stage shows nobody copies, if somebody forced
/// the side (that says nothing of what clients get), or under the kill switch: whoever throws it wants new left in peace.
#[must_use]
pub fn shadow_side(stage: Stage, decision: &Decision) -> Option<Side> {
    if matches!(decision.reason, Reason::Force | Reason::Kill) {
        return None;
    }
    match (stage, decision.side) {
        (Stage::Shadow | Stage::Canary, Side::Legacy) => Some(Side::New),
        (Stage::Live, Side::New) => Some(Side::Legacy),
        _ => None,
    }
}

/// Whether this request may be copied.
///
/// # Errors
/// Why not.
pub fn check(
    (method, uri, headers): (&Method, &Uri, &Fields),
    upgrade: bool,
    stage: Stage,
    plan: &ShadowPlan,
) -> Result<(), Dropped> {
    if upgrade {
        return Err(Dropped::Upgrade);
    }
    if !plan.methods.contains(method) {
        return Err(Dropped::Method);
    }
    if !method.is_safe() {
        // Legacy has lost its say in stage live, and must not act on what new has done already.
        return if stage == Stage::Live { Err(Dropped::Method) } else { Ok(()) };
    }
    if overrides(headers) || uri.query().is_some_and(asks_for_change) {
        return Err(Dropped::Override);
    }
    Ok(())
}

/// Whether an answer of this type (a Content-Type) has no end.
#[must_use]
pub fn is_endless(kind: &[u8]) -> bool {
    let begins =
        |prefix: &str| kind.len() >= prefix.len() && kind[..prefix.len()].eq_ignore_ascii_case(prefix.as_bytes());
    begins("text/event-stream") || begins("multipart/x-mixed-replace") || begins("application/grpc")
}

fn overrides(headers: &Fields) -> bool {
    OVERRIDES.iter().any(|name| headers.contains(name))
}

/// Whether a query asks for more than reading: another method, or a GraphQL mutation sent with GET.
fn asks_for_change(query: &str) -> bool {
    query.split('&').any(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match decoded_bytes(name.as_bytes()).as_slice() {
            name if name == OVERRIDE_PARAMETER.as_bytes() => true,
            // Anywhere in the document: a mutation may stand behind comments, fragments and queries.
            b"query" => {
                decoded_bytes(value.as_bytes()).windows(8).any(|window| window.eq_ignore_ascii_case(b"mutation"))
            }
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Request;
    use http::request::Parts;

    use super::*;
    use crate::routing::Percent;

    fn plan(methods: &[Method]) -> ShadowPlan {
        ShadowPlan {
            sample: Percent::ALL,
            salt: "shadow:r".into(),
            noise_salt: "noise:r".into(),
            methods: methods.to_vec(),
            max_body: 1024,
            timeout: Duration::from_secs(1),
            set: Vec::new(),
            remove: Vec::new(),
            comparison: None,
        }
    }

    fn parts(method: Method, target: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn safe(method: Method, target: &str, headers: &[(&str, &str)]) -> Result<(), Dropped> {
        let plan = plan(&[Method::GET, Method::HEAD, Method::OPTIONS]);
        checked(&parts(method, target, headers), false, Stage::Shadow, &plan)
    }

    fn checked(parts: &Parts, upgrade: bool, stage: Stage, plan: &ShadowPlan) -> Result<(), Dropped> {
        check((&parts.method, &parts.uri, &Fields::from(&parts.headers)), upgrade, stage, plan)
    }

    #[test]
    fn only_what_reads_is_copied() {
        assert_eq!(safe(Method::GET, "/orders/7?page=2", &[]), Ok(()));
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert_eq!(safe(method, "/orders/7", &[]), Err(Dropped::Method));
        }
    }

    #[test]
    fn a_safe_method_in_disguise_is_not_copied() {
        for name in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
            assert_eq!(safe(Method::GET, "/orders/7", &[(name, "DELETE")]), Err(Dropped::Override));
        }
        for target in [
            "/orders/7?_method=delete",
            "/orders/7?a=1&%5Fmethod=delete",
            "/graphql?query=mutation%7Bpay%7D",
            "/graphql?a=1&query=%23x%0Aquery+A%7Ba%7D+m%55TATION+B%7Bb%7D",
        ] {
            assert_eq!(safe(Method::GET, target, &[]), Err(Dropped::Override), "{target}");
        }
        assert_eq!(safe(Method::GET, "/graphql?query=%7Bme%7Bname%7D%7D", &[]), Ok(()));
    }

    #[test]
    fn other_methods_are_copied_where_the_route_says_so_and_never_to_legacy_in_live() {
        let plan = plan(&[Method::POST]);
        let post = parts(Method::POST, "/search", &[]);
        assert_eq!(checked(&post, false, Stage::Shadow, &plan), Ok(()));
        assert_eq!(checked(&post, false, Stage::Live, &plan), Err(Dropped::Method));
        assert_eq!(checked(&post, true, Stage::Shadow, &plan), Err(Dropped::Upgrade));
        assert_eq!(checked(&parts(Method::GET, "/", &[]), false, Stage::Shadow, &plan), Err(Dropped::Method));
    }

    #[test]
    fn streams_have_no_end() {
        assert!(is_endless(b"text/event-stream; charset=utf-8"));
        assert!(is_endless(b"Multipart/X-Mixed-Replace; boundary=x"));
        assert!(!is_endless(b"text/html") && !is_endless(b""));
    }

    #[test]
    fn what_is_forced_or_killed_is_not_copied_and_what_is_pinned_is() {
        let decided = |reason| Decision {
            route: Some(crate::routing::RouteId(0)),
            alternative: 0,
            captures: crate::routing::Captures::NONE,
            side: Side::Legacy,
            backend: None,
            reason,
            bucket: None,
        };
        assert_eq!(shadow_side(Stage::Canary, &decided(Reason::Force)), None);
        assert_eq!(shadow_side(Stage::Canary, &decided(Reason::Kill)), None);
        let pinned = decided(Reason::Pin(crate::routing::PinOn::Route));
        assert_eq!(shadow_side(Stage::Canary, &pinned), Some(Side::New));
    }
}
