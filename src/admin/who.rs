//! Who asks: whose token a request shows, or whose session it belongs to.

use std::sync::Arc;

use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Extensions, Method, StatusCode};
use tokio::time::Instant;

use super::Admin;
use super::doors::Client;
use super::fault::Fault;
use super::peers::Relay;
use super::refusal::Refusal;
use super::sessions::{self, Session};
use super::tokens;
use crate::control::Caller;
use crate::directives::{Author, Source};
use crate::snapshot::{Role, TokenEntry};
use crate::wire::ids::RequestId;

/// What a changing request of a session's page shows besides the cookie, where it is no form.
const X_CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");
/// With this the console's script marks what it asks for by itself.
const X_BANYAN_LIVE: HeaderName = HeaderName::from_static("x-banyan-live");

/// Who asks.
#[derive(Debug, Clone)]
pub struct Who {
    /// The name of the token.
    pub name: Arc<str>,
    /// What it allows.
    pub role: Role,
    /// The session, where it was no token that was shown.
    pub session: Option<Arc<Session>>,
    /// Whether a script asks, behind the back of a page that is open.
    pub is_behind: bool,
    pub(super) relay: Relay,
}

impl Who {
    /// As the author of what is done now.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller {
            by: Author { source: Source::Api, name: self.name.to_string() },
            request_id: RequestId::new().as_str().to_owned(),
            if_match: None,
        }
    }

    /// Holds that this role is enough.
    ///
    /// # Errors
    /// It takes another.
    pub fn may(&self, needed: Role) -> Result<(), Fault> {
        if self.role >= needed {
            return Ok(());
        }
        let message = format!("this needs the role {needed}; the token `{}` has {}", self.name, self.role);
        Err(Fault::new(StatusCode::FORBIDDEN, message).because(Refusal::Role))
    }

    /// Holds that no page of another site sends this: a browser adds a cookie to whatever it sends, so what changes something
    /// brings what only pages of the session know. `form` is what a form brought, else a header has it.
    ///
    /// # Errors
    /// It brings nothing, or something else.
    pub fn meant(&self, method: &Method, headers: &HeaderMap, form: Option<&str>) -> Result<(), Fault> {
        let Some(session) = &self.session else { return Ok(()) };
        if matches!(*method, Method::GET | Method::HEAD) {
            return Ok(());
        }
        let header = headers.get(X_CSRF_TOKEN).and_then(|value| value.to_str().ok());
        if form.or(header).is_some_and(|csrf| session.is_meant(csrf)) {
            return Ok(());
        }
        let message = "this was not sent by a page of this session; load the page again";
        Err(Fault::new(StatusCode::FORBIDDEN, message).because(Refusal::Forged))
    }
}

impl Admin {
    /// Who sends these headers: a token comes before a session. `None`: nobody who is known.
    #[must_use]
    pub fn who(&self, headers: &HeaderMap) -> Option<Who> {
        let settings = self.live.admin();
        let entries = || settings.tokens.iter().chain([&self.keeper.owner]);
        if headers.contains_key(header::AUTHORIZATION) {
            let entry = tokens::shown(headers, entries())?;
            let relay = Relay::of(headers);
            let name = Arc::clone(&entry.name);
            return Some(Who { name, role: entry.role, session: None, is_behind: false, relay });
        }
        let id = sessions::shown(headers, settings.tls.is_some())?;
        let (session, entry) = self.keeper.sessions.find(id, entries(), Instant::now())?;
        let relay = Relay::with(session.authorization.clone());
        let (name, is_behind) = (Arc::clone(&entry.name), headers.contains_key(X_BANYAN_LIVE));
        Some(Who { name, role: entry.role, session: Some(session), is_behind, relay })
    }

    /// Begins a session for who has this token; the value of the `Set-Cookie` that carries it.
    ///
    /// # Errors
    /// Nobody has this token; that counts as a request without a valid one.
    pub fn log_in(&self, token: &str, extensions: &Extensions) -> Result<String, Fault> {
        let settings = self.live.admin();
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::try_from(format!("Bearer {}", token.trim())) {
            headers.insert(header::AUTHORIZATION, value);
        }
        let entry = tokens::shown(&headers, settings.tokens.iter().chain([&self.keeper.owner]));
        let Some((entry, authorization)) = entry.zip(headers.remove(header::AUTHORIZATION)) else {
            return Err(self.failed(extensions, "this token is not known here"));
        };
        self.begin(entry, authorization)
    }

    /// Begins a session of the state directory's token for who has a code that was made for that; the value of the `Set-Cookie`
    /// that carries it.
    ///
    /// # Errors
    /// It is no such code, or has been used; that counts as a request without a valid token.
    pub fn log_in_once(&self, code: &str, extensions: &Extensions) -> Result<String, Fault> {
        if !self.keeper.codes.redeem(code, Instant::now()) {
            let message = "this link was used already, or is older than a quarter of an hour";
            return Err(self.failed(extensions, message));
        }
        self.begin(&self.keeper.owner, self.keeper.authorization.clone())
    }

    /// Ends the session; the value of the `Set-Cookie` that has the browser forget it.
    #[must_use]
    pub fn log_out(&self, who: &Who) -> String {
        if let Some(session) = &who.session {
            self.keeper.sessions.end(session);
        }
        sessions::no_cookie(self.live.admin().tls.is_some())
    }

    /// The answer to a request without a token that is known. Only here failures are counted: who shows a valid one always passes.
    pub(super) fn failed(&self, extensions: &Extensions, message: &str) -> Fault {
        if let Some(wait) = self.keeper.failures.failed(Client::of(extensions), Instant::now()) {
            let message = "too many requests without a valid token";
            let fault = Fault::new(StatusCode::TOO_MANY_REQUESTS, message).because(Refusal::Rate);
            return fault.after(wait.as_secs() + 1);
        }
        Fault::new(StatusCode::UNAUTHORIZED, message).because(Refusal::Token)
    }

    fn begin(&self, entry: &TokenEntry, mut authorization: HeaderValue) -> Result<String, Fault> {
        authorization.set_sensitive(true);
        let begun = self.keeper.sessions.begin(entry, authorization, Instant::now());
        let id = begun.map_err(|_| Fault::broken())?;
        tracing::info!(name = %entry.name, role = %entry.role, "logged in to the console");
        Ok(sessions::cookie(id.text(), self.live.admin().tls.is_some()))
    }
}
