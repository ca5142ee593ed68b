//! Who may do what.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap};
use axum::middleware::{self, Next};
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;

use super::Admin;
use super::fault::Fault;
use super::openapi;
use crate::control::Caller;
use crate::snapshot::Role;

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
    let headers = request.headers();
    let Some(who) = admin.who(headers) else {
        let message = match headers.contains_key(header::AUTHORIZATION) {
            true => "this token is not known here",
            false => "a bearer token is needed",
        };
        return Err(admin.failed(request.extensions(), message));
    };
    who.meant(request.method(), headers, None)?;
    who.may(needed)?;
    let caller = Caller { if_match: if_match(headers)?, ..who.caller() };
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(who.relay);
    Ok(next.run(request).await)
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
