//! Who may do what.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{HeaderMap, IF_MATCH};
use axum::middleware::{self, Next};
use axum::response::Response;

use super::Admin;
use super::fault::Fault;
use crate::control::Caller;
use crate::directives::{Author, Source};
use crate::wire::ids;

/// What a token allows; each role may do all that the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Reads.
    Viewer,
    /// Rolls back, kills and resumes, too.
    Operator,
    /// Reloads and accepts differences, too.
    Owner,
}

/// These routes, for those whose token has at least this role.
pub(super) fn behind(role: Role, routes: Router<Admin>, admin: &Admin) -> Router<Admin> {
    routes.route_layer(middleware::from_fn_with_state((admin.clone(), role), check))
}

async fn check(
    State((admin, _role)): State<(Admin, Role)>,
    mut request: Request,
    next: Next,
) -> Result<Response, Fault> {
    if !admin.token.admits(request.headers()) {
        return Err(Fault::new(StatusCode::UNAUTHORIZED, "a bearer token is needed"));
    }
    let caller = Caller {
        by: Author { source: Source::Api, name: "admin".to_owned() },
        request_id: ids::new_request_id().to_str().unwrap_or_default().to_owned(),
        if_match: if_match(request.headers())?,
    };
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// The generation that a changing request is meant for: `If-Match: 17` or `"17"` (RFC 9110 section 13.1.1).
fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Fault> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let number = text.trim_matches('"').parse().map(Some);
    number.map_err(|_| Fault::new(StatusCode::BAD_REQUEST, "If-Match is no number of a generation"))
}
