//! What browsers are told with every page.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

/// Only what comes from here, nothing within the page itself, and nobody puts it into a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const TOLD: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not `no-referrer`: with that a browser sends `Origin: null` with forms (Fetch, section 3.1), as pages of other sites may.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The answer with all of it.
pub(super) async fn told(mut answer: Response) -> Response {
    for (name, value) in TOLD {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}
