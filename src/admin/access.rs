//! Who may do what.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap};
use axum::middleware::{self, Next};
use axum::response::Response;
use tokio::time::Instant;
use utoipa_axum::router::OpenApiRouter;

use super::Admin;
use super::doors::client;
use super::fault::Fault;
use super::openapi;
use super::peers::Relay;
use super::refusal::Refusal;
use super::tokens;
use crate::control::Caller;
use crate::directives::{Author, Source};
use crate::snapshot::Role;
use crate::wire::ids;

/// These routes, for those whose token has at least this role.
pub(super) fn behind(role: Role, mut routes: OpenApiRouter<Admin>, admin: &Admin) -> OpenApiRouter<Admin> {
    openapi::guarded(routes.get_openapi_mut(), role);
    routes.route_layer(middleware::from_fn_with_state((admin.clone(), role), check))
}

async fn check(
    State((admin, needed)): State<(Admin, Role)>,
    mut request: Request,
    next: Next,
) -> Result<Response, Fault> {
    let settings = admin.live.admin();
    let headers = request.headers();
    let Some(entry) = tokens::shown(headers, settings.tokens.iter().chain([&admin.keeper.owner])) else {
        return Err(unknown(&admin, &request));
    };
    if entry.role < needed {
        let message = format!("this needs the role {needed}; the token `{}` has {}", entry.name, entry.role);
        return Err(Fault::new(StatusCode::FORBIDDEN, message).because(Refusal::Role));
    }
    let caller = Caller {
        by: Author { source: Source::Api, name: entry.name.to_string() },
        request_id: ids::new_request_id().to_str().unwrap_or_default().to_owned(),
        if_match: if_match(headers)?,
    };
    let relay = Relay::of(headers);
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(relay);
    Ok(next.run(request).await)
}

/// The answer to a request without a token that is known. Only here failures are counted: who shows a valid one always passes.
fn unknown(admin: &Admin, request: &Request) -> Fault {
    if let Some(wait) = admin.keeper.failures.failed(client(request), Instant::now()) {
        let message = "too many requests without a valid token";
        let fault = Fault::new(StatusCode::TOO_MANY_REQUESTS, message).because(Refusal::Rate);
        return fault.after(wait.as_secs() + 1);
    }
    let message = match request.headers().contains_key(header::AUTHORIZATION) {
        true => "this token is not known here",
        false => "a bearer token is needed",
    };
    Fault::new(StatusCode::UNAUTHORIZED, message).because(Refusal::Token)
}

/// The generation that a changing request is meant for: `If-Match: 17` or `"17"` (RFC 9110 section 13.1.1).
fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Fault> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let number = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).parse().map(Some);
    number.map_err(|_| Fault::new(StatusCode::BAD_REQUEST, "If-Match is no number of a generation"))
}
