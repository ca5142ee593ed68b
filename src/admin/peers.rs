//! The same command for the other instances, at the same time.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::header::{self, HeaderMap, HeaderName};
use axum::http::{HeaderValue, Method, Request, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::Admin;
use super::fault::Problem;
use crate::control::overview::{PeerStatus, Status};
use crate::snapshot::EndpointAddress;

/// How long a peer may take in all.
const PATIENCE: Duration = Duration::from_secs(3);
/// The most that is read of a peer's answer, in bytes.
const LONGEST: usize = 1024 * 1024;
/// On what came from an instance already: it goes no further.
const BANYAN_PEER: HeaderName = HeaderName::from_static("banyan-peer");

/// What another instance said to the same command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PeerAnswer {
    /// Its address, as `admin.peers` has it.
    pub address: String,
    /// Whether it obeyed.
    pub ok: bool,
    /// Its status; 0 if it did not answer.
    pub status: u16,
    /// Its live generation, if it obeyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub generation: Option<u64>,
    /// Whether it is on its disk.
    #[serde(default)]
    pub durable: bool,
    /// Why it did not obey.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// How a command is passed on: as the one who sent it, if it may go further at all.
#[derive(Debug, Clone)]
pub(super) struct Relay {
    authorization: Option<HeaderValue>,
}

/// What counts of a peer's answer, whichever command it was.
#[derive(Debug, Deserialize)]
struct Heard {
    generation: u64,
    #[serde(default)]
    durable: bool,
    #[serde(default)]
    messages: Vec<String>,
}

impl Relay {
    /// How a request with these headers is passed on.
    pub(super) fn of(headers: &HeaderMap) -> Relay {
        let further = !headers.contains_key(BANYAN_PEER);
        Relay { authorization: headers.get(header::AUTHORIZATION).cloned().filter(|_| further) }
    }

    /// On behalf of a session that began with this token.
    pub(super) fn with(authorization: HeaderValue) -> Relay {
        Relay { authorization: Some(authorization) }
    }

    /// Tells all peers the same, at the same time, and says what each made of it.
    pub(super) async fn pass_on(self, admin: &Admin, path: &'static str, told: &impl Serialize) -> Vec<PeerAnswer> {
        // Plain structures of text: JSON has a form for each of them.
        let json = Bytes::from(serde_json::to_vec(told).unwrap_or_default());
        self.pass_on_bytes(admin, path, json).await
    }

    /// The same with a body that is JSON already, or empty.
    pub(super) async fn pass_on_bytes(self, admin: &Admin, path: &'static str, json: Bytes) -> Vec<PeerAnswer> {
        let Some(authorization) = self.authorization else { return Vec::new() };
        let settings = admin.live.admin();
        let asked = settings.peers.iter().map(|peer| {
            let (address, asked) = (
                peer.authority.to_string(),
                ask(peer.clone(), Method::POST, path, authorization.clone(), json.clone()),
            );
            (address, tokio::spawn(timeout(PATIENCE, asked)))
        });
        let mut answers = Vec::new();
        for (address, answer) in asked.collect::<Vec<_>>() {
            let answer = match answer.await {
                Ok(Ok(Ok((status, body)))) => understood(status, &body),
                Ok(Ok(Err(why))) => unheard(why),
                Ok(Err(_)) => unheard(format!("no answer within {} s", PATIENCE.as_secs())),
                Err(error) => unheard(error.to_string()),
            };
            if !answer.ok {
                tracing::error!(peer = address, path, why = answer.message, "a peer did not obey");
            }
            answers.push(PeerAnswer { address: format!("http://{address}"), ..answer });
        }
        answers
    }

    /// How the other instances stand beside this one; nobody is asked on behalf of another instance.
    pub(super) async fn compare(self, admin: &Admin) -> Vec<PeerStatus> {
        let Some(authorization) = self.authorization else { return Vec::new() };
        let settings = admin.live.admin();
        if settings.peers.is_empty() {
            return Vec::new();
        }
        let own = admin.overview.status(false);
        let asked = settings.peers.iter().map(|peer| {
            let (address, path) = (format!("http://{}", peer.authority), "/api/v1/status?routes=false");
            let asked = ask(peer.clone(), Method::GET, path, authorization.clone(), Bytes::new());
            (address, tokio::spawn(timeout(PATIENCE, asked)))
        });
        let mut peers = Vec::new();
        for (address, answer) in asked.collect::<Vec<_>>() {
            let differences = match answer.await {
                Ok(Ok(Ok((StatusCode::OK, body)))) => match serde_json::from_slice(&body) {
                    Ok(theirs) => differences(&own, &theirs),
                    Err(error) => vec![format!("its answer cannot be read: {error}")],
                },
                Ok(Ok(Ok((status, body)))) => vec![understood(status, &body).message],
                Ok(Ok(Err(why))) => vec![why],
                Ok(Err(_)) => vec![format!("no answer within {} s", PATIENCE.as_secs())],
                Err(error) => vec![error.to_string()],
            };
            peers.push(PeerStatus { address, agrees: differences.is_empty(), differences });
        }
        peers
    }

    /// What cannot be passed on, though there are peers: each of them is named with the reason.
    pub(super) fn kept_back(&self, admin: &Admin, why: &str) -> Vec<PeerAnswer> {
        if self.authorization.is_none() {
            return Vec::new();
        }
        let peer = |peer: &EndpointAddress| PeerAnswer {
            address: format!("http://{}", peer.authority),
            ..unheard(why.to_owned())
        };
        admin.live.admin().peers.iter().map(peer).collect()
    }
}

/// Where another instance is not as this one. Generations count for each instance alone.
fn differences(own: &Status, theirs: &Status) -> Vec<String> {
    let mut found = Vec::new();
    let mut differ = |what: &str, own: &str, theirs: &str| {
        if own != theirs {
            found.push(format!("{what}: {theirs} there, {own} here"));
        }
    };
    differ("configuration", &own.configuration, &theirs.configuration);
    let switch = |status: &Status| if status.killed { "on" } else { "off" };
    differ("kill switch", switch(own), switch(theirs));
    let held = |status: &Status| status.held.map_or("none".to_owned(), |number| number.to_string());
    differ("held generation", &held(own), &held(theirs));
    let scopes = |status: &Status| status.pins.iter().map(|pin| pin.scope.clone()).collect::<BTreeSet<_>>();
    let (ours, others) = (scopes(own), scopes(theirs));
    found.extend(ours.difference(&others).map(|scope| format!("pin {scope}: not there")));
    found.extend(others.difference(&ours).map(|scope| format!("pin {scope}: not here")));
    found
}

fn unheard(message: String) -> PeerAnswer {
    PeerAnswer { message, ..PeerAnswer::default() }
}

fn understood(status: StatusCode, body: &[u8]) -> PeerAnswer {
    let answer = PeerAnswer { status: status.as_u16(), ..PeerAnswer::default() };
    let heard: Option<Heard> = serde_json::from_slice(body).ok();
    match heard {
        Some(heard) if status == StatusCode::OK => {
            PeerAnswer { ok: true, generation: Some(heard.generation), durable: heard.durable, ..answer }
        }
        Some(heard) => PeerAnswer { message: heard.messages.join("; "), ..answer },
        None => {
            let problem = serde_json::from_slice(body).map(|problem: Problem| problem.message);
            PeerAnswer { message: problem.unwrap_or_else(|_| format!("it answered {status}")), ..answer }
        }
    }
}

async fn ask(
    peer: EndpointAddress,
    method: Method,
    path: &str,
    authorization: HeaderValue,
    json: Bytes,
) -> Result<(StatusCode, Bytes), String> {
    let stream = TcpStream::connect((&*peer.host, peer.port)).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let connection = tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, &*peer.authority)
        .header(header::AUTHORIZATION, authorization)
        .header(header::CONTENT_TYPE, "application/json")
        .header(BANYAN_PEER, "1")
        .body(Full::new(json))
        .map_err(|error| error.to_string())?;
    let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, LONGEST).collect().await.map_err(|error| error.to_string())?;
    connection.abort();
    Ok((head.status, body.to_bytes()))
}
