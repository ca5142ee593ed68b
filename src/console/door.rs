//! Who may see and do what in the console.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::{Router, body::Body};

use super::link::local;
use super::posted::{MOST, Posted};
use super::session;
use super::trouble::Trouble;
use crate::admin::{self, Admin, Who};
use crate::snapshot::Role;

/// The script marks what it asks for behind a page's back: a login page would be no answer to that.
pub(super) const LIVE: &str = "x-banyan-live";
/// Whose page led here, as the browser says it.
const SITE: &str = "sec-fetch-site";

/// These pages, for those whose token has at least this role.
///
/// Their handlers find [`Who`] asks and, when a form was sent, what is [`Posted`] as extensions.
pub(super) fn behind(role: Role, routes: Router<Admin>, admin: &Admin) -> Router<Admin> {
    routes.route_layer(middleware::from_fn_with_state((admin.clone(), role), check))
}

async fn check(
    State((admin, needed)): State<(Admin, Role)>,
    mut request: Request,
    next: Next,
) -> Result<Response, Trouble> {
    let Some(who) = admin.who(request.headers()) else { return Err(unknown(&request)) };
    who.may(needed)?;
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        request = posted(&who, request).await?;
    }
    request.extensions_mut().insert(who);
    Ok(next.run(request).await)
}

/// A page leads to the login and from there back; what a form sends is not kept for later. Whom another site has led here may be
/// logged in all the same (RFC 6265bis, section 5.5: `SameSite=Strict`).
fn unknown(request: &Request) -> Trouble {
    let is_page = *request.method() == Method::GET && !request.headers().contains_key(LIVE);
    if is_page {
        let here = request.uri().path_and_query().map_or("/", |here| here.as_str());
        let is_led = request.headers().get(SITE).is_some_and(|site| site == "cross-site" || site == "same-site");
        if is_led && !request.headers().contains_key(header::COOKIE) {
            return Trouble::Again(local(here).to_owned());
        }
        return Trouble::LogIn(session::login_to(here));
    }
    Trouble::new(StatusCode::UNAUTHORIZED, "nobody is logged in here, or no more: log in and do it again")
}

/// Reads the form, and holds that a page of this session sent it.
async fn posted(who: &Who, request: Request) -> Result<Request, Trouble> {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let (mut parts, body) = request.into_parts();
    let bare = Request::from_parts(parts.clone(), body);
    let posted = Posted(Arc::new(admin::form(bare, MOST).await?));
    let csrf = posted.some("csrf");
    who.meant(&method, &headers, csrf.as_deref())?;
    parts.extensions.insert(posted);
    Ok(Request::from_parts(parts, Body::empty()))
}
