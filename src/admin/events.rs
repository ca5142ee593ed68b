//! What happens, as it happens: server-sent events (WHATWG HTML, section 9.2).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{MissedTickBehavior, interval};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Admin;
use super::fault::Fault;
use super::refusal::Refusal;
use crate::control::Event;
use crate::shutdown::{Phase, ShutdownWatch};

/// How many may listen at a time.
const LISTENERS: usize = 64;
/// How often a listener hears that the connection lives.
const ALIVE: Duration = Duration::from_secs(15);
/// How many events may wait for one listener, besides those that all share.
const WAITING: usize = 16;

/// What viewers may hear.
pub(super) fn for_viewers() -> OpenApiRouter<Admin> {
    OpenApiRouter::new().routes(routes!(events))
}

/// How many may listen.
pub(super) fn seats() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(LISTENERS))
}

/// Events
///
/// Server-sent events, from now on: `event` is what happened, as in the audit, or `refused`, `warning`, `signature`; `data` is a JSON
/// object. Who fell behind is sent `missed` with how many. It ends when the facade goes down.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "history",
    responses((status = 200, description = "A stream of events.", body = String, content_type = "text/event-stream"))
)]
async fn events(State(admin): State<Admin>) -> Result<Response, Fault> {
    let Ok(seat) = Arc::clone(&admin.keeper.seats).try_acquire_owned() else {
        let fault = Fault::new(StatusCode::SERVICE_UNAVAILABLE, format!("{LISTENERS} listen already"));
        return Err(fault.because(Refusal::Crowded).after(30));
    };
    let (sender, body) = Channel::<Bytes, Infallible>::new(WAITING);
    tokio::spawn(tell(admin.helm.events().listen(), sender, admin.shutdown.clone(), seat));
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], Body::new(body)).into_response())
}

/// Tells one listener until it goes or the facade does.
async fn tell(
    mut events: Receiver<Arc<Event>>,
    mut sender: Sender<Bytes>,
    mut shutdown: ShutdownWatch,
    _seat: OwnedSemaphorePermit,
) {
    let mut alive = interval(ALIVE);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // The first tick comes at once: a listener sees that it is heard.
        let text = tokio::select! {
            () = shutdown.reached(Phase::Draining) => return,
            _ = alive.tick() => ": alive\n\n".to_owned(),
            event = events.recv() => match event {
                Ok(event) => written(&event),
                Err(RecvError::Lagged(missed)) => format!("event: missed\ndata: {{\"missed\":{missed}}}\n\n"),
                Err(RecvError::Closed) => return,
            },
        };
        let sent = tokio::select! {
            () = shutdown.reached(Phase::Draining) => return,
            sent = sender.send_data(Bytes::from(text)) => sent,
        };
        if sent.is_err() {
            return;
        }
    }
}

/// JSON has no line breaks in it, and names of events are words.
fn written(event: &Event) -> String {
    let json = serde_json::to_string(event).unwrap_or_default();
    format!("event: {}\nid: {}\ndata: {json}\n\n", event.what, event.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_block_whatever_is_in_it() {
        let event = Event {
            id: 7,
            at: "2026-11-21T10:00:00Z".to_owned(),
            what: "rollback".to_owned(),
            on: "a\n\nevent: kill".to_owned(),
            by: "api ada".to_owned(),
            text: "\r\n".to_owned(),
            generation: 3,
        };
        let text = written(&event);
        assert_eq!(text.lines().count(), 4);
        assert!(text.starts_with("event: rollback\nid: 7\ndata: {") && text.ends_with("}\n\n"), "{text}");
        assert!(!text.contains('\r'));
    }
}
