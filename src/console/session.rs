//! Logging in and out.

use askama::Template;
use axum::Router;
use axum::extract::{Extension, Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::link::{link, local};
use super::page::page;
use super::trouble::Trouble;
use crate::admin::{self, Admin, Fault, Who};

/// The most bytes of a login's form.
const MOST: usize = 8 * 1024;

#[derive(Template)]
#[template(path = "console/login.html")]
struct Page {
    next: String,
    /// Why it was not let in.
    refused: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    next: String,
}

/// What everybody may see.
pub(super) fn for_everybody() -> Router<Admin> {
    Router::new().route("/login", get(login).post(log_in)).route("/login/once/{code}", get(log_in_once))
}

/// What those may do who are logged in.
pub(super) fn for_viewers() -> Router<Admin> {
    Router::new().route("/logout", post(log_out))
}

/// The address of a login that leads here.
pub(super) fn login_to(here: &str) -> String {
    match local(here) {
        "/" => "/login".to_owned(),
        next => link("/login", &[("next", next)]),
    }
}

async fn login(State(admin): State<Admin>, Query(asked): Query<Asked>, request: Request) -> Result<Response, Trouble> {
    let next = local(&asked.next).to_owned();
    if admin.who(request.headers()).is_some() {
        return Ok(Redirect::to(&next).into_response());
    }
    page(&Page { next, refused: None })
}

async fn log_in(State(admin): State<Admin>, request: Request) -> Result<Response, Trouble> {
    let extensions = request.extensions().clone();
    let fields = admin::form(request, MOST).await?;
    let field = |name: &str| fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value);
    let next = local(field("next")).to_owned();
    match admin.log_in(field("token"), &extensions) {
        Ok(cookie) => welcome(&cookie, &next),
        Err(fault) => refused(fault, next),
    }
}

async fn log_in_once(
    State(admin): State<Admin>,
    Path(code): Path<String>,
    request: Request,
) -> Result<Response, Trouble> {
    match admin.log_in_once(&code, request.extensions()) {
        Ok(cookie) => welcome(&cookie, "/"),
        // Who has used the link is let in by what it gave them.
        Err(_) if admin.who(request.headers()).is_some() => Ok(Redirect::to("/").into_response()),
        Err(fault) => refused(fault, "/".to_owned()),
    }
}

async fn log_out(State(admin): State<Admin>, Extension(who): Extension<Who>) -> Result<Response, Trouble> {
    welcome(&admin.log_out(&who), "/login")
}

/// Leads there with this cookie.
fn welcome(cookie: &str, next: &str) -> Result<Response, Trouble> {
    let cookie = HeaderValue::try_from(cookie).map_err(|_| Trouble::broken())?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(next)).into_response())
}

/// The login once more, with why; counted and slowed down as the API does.
fn refused(fault: Fault, next: String) -> Result<Response, Trouble> {
    let shown = page(&Page { next, refused: Some(fault.message.clone()) })?;
    let (mut answer, shown) = (fault.into_response(), shown.into_parts());
    answer.headers_mut().remove(header::WWW_AUTHENTICATE);
    answer.headers_mut().remove(header::CONTENT_LENGTH);
    answer.headers_mut().extend(shown.0.headers);
    *answer.body_mut() = shown.1;
    if answer.status() == StatusCode::UNAUTHORIZED {
        // A browser keeps its own window for passwords closed.
        *answer.status_mut() = StatusCode::FORBIDDEN;
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_back() {
        assert_eq!(login_to("/plan?a=1&b=2"), "/login?next=%2Fplan%3Fa%3D1%26b%3D2");
        assert_eq!(login_to("//evil.example"), "/login");
        assert_eq!(login_to("/"), "/login");
    }
}
