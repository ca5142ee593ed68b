//! What operators see and do over HTTP: metrics, health, commands and differences. On its own listener, never through a client's.
//!
//! - [`listener`]: connections, how many and how long
//! - [`doors`]: what every request passes first, and every answer last · [`access`]: who may do what
//! - [`who`]: whose token or session it is · [`tokens`]: what callers show · [`sessions`]: who has shown one in a browser · [`codes`]:
//!   who may show none, once · [`failures`]: who failed of late · [`refusal`]: what is refused, counted · [`keeper`]: all that is
//!   remembered of callers
//! - [`fault`], [`input`]: what is refused, and how requests are read · [`mod@aside`]: what must not hold up a rollback
//! - [`commands`], [`reload`], [`orders`]: rollback, kill, resume, ramps, reload · [`peers`]: the same for other instances
//! - [`status`], [`routes`], [`explain`], [`check`], [`plan`], [`history`], [`audit`], [`events`]: what is, was and happens
//! - [`acting`]: the same commands for the pages of the console
//! - [`diffs`]: differences, and what is decided on them
//! - [`health`], [`metrics`]: for probes and scrapers · [`openapi`]: the document that says all this to programs

mod access;
mod acting;
mod aside;
pub(crate) mod audit;
mod check;
mod codes;
mod commands;
mod diffs;
mod doors;
mod events;
mod explain;
mod failures;
mod fault;
mod health;
mod history;
mod input;
mod keeper;
mod listener;
mod metrics;
mod openapi;
mod orders;
mod peers;
mod plan;
mod refusal;
mod reload;
mod routes;
mod sessions;
mod status;
mod tokens;
mod who;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Extension;
use axum::http::StatusCode;
use axum::middleware;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::Instant;
use utoipa_axum::router::OpenApiRouter;

use crate::control::{Command, Helm, Overview};
use crate::shadow::Queue;
use crate::shutdown::ShutdownWatch;
use crate::snapshot::Role;
use crate::state::Live;
use crate::store::Store;
use crate::telemetry::AccessQueue;
pub use aside::aside;
pub use audit::{Audit, Record};
pub use check::{Checked, FindingView, SentConfiguration};
pub use diffs::{Decided, Decision};
pub use fault::{Fault, Problem};
pub use history::{History, PastDiff, PastView};
pub use input::form;
pub use keeper::Keeper;
pub use listener::bind;
pub use orders::{Acted, KillOrder, RampAction, RampTold, ReloadAnswer, ResumeTold, RollbackOrder};
pub use peers::PeerAnswer;
use refusal::Refusal;
pub use routes::Routes;
pub use sessions::{Flash, Session};
pub use status::Tenants;
pub use tokens::Token;
pub use who::Who;

/// What the handlers need.
#[derive(Debug, Clone)]
pub struct Admin {
    /// What is live.
    pub live: Arc<Live>,
    /// Where directives take effect.
    pub helm: Arc<Helm>,
    /// How everything stands.
    pub overview: Arc<Overview>,
    /// The store of comparisons.
    pub store: Store,
    /// The copies that wait.
    pub copies: Arc<Queue>,
    /// The access log, for its losses.
    pub access: Arc<AccessQueue>,
    /// Where commands go that load.
    pub commands: mpsc::Sender<Command>,
    /// What is remembered of callers.
    pub keeper: Arc<Keeper>,
    /// When the facade goes down.
    pub shutdown: ShutdownWatch,
}

impl Admin {
    /// Serves the API, and these pages beside it, until the task is dropped. What neither has is for the fallback of the pages.
    pub async fn serve(self, listener: TcpListener, pages: Router<Admin>) {
        let keeper = Arc::clone(&self.keeper);
        let turned_away = |client: IpAddr| {
            if let Some(times) = keeper.refusals.count(Refusal::Crowded, Instant::now()) {
                tracing::warn!(times, %client, "the admin listener has no room for another connection");
            }
        };
        let live = Arc::clone(&self.live);
        listener::serve(listener, self.router(pages), move || live.admin().tls.clone(), turned_away).await;
    }

    fn router(self, pages: Router<Admin>) -> Router {
        let guarded = rooms().into_iter().map(|(role, routes)| match role {
            Some(role) => access::behind(role, routes, &self),
            None => routes,
        });
        let (routes, document) = guarded.fold(OpenApiRouter::new(), OpenApiRouter::merge).split_for_parts();
        routes
            .merge(pages)
            .method_not_allowed_fallback(async || {
                let message = "this path takes other methods; Allow names them";
                Fault::new(StatusCode::METHOD_NOT_ALLOWED, message).because(Refusal::Method)
            })
            .layer(Extension(openapi::finished(document)))
            .layer(middleware::from_fn_with_state(self.clone(), doors::pass))
            .with_state(self)
    }
}

/// Everything there is, by the role it takes; `None`: no token.
fn rooms() -> [(Option<Role>, OpenApiRouter<Admin>); 4] {
    let viewers = diffs::for_viewers()
        .merge(status::for_viewers())
        .merge(routes::for_viewers())
        .merge(history::for_viewers())
        .merge(audit::for_viewers())
        .merge(explain::for_viewers())
        .merge(check::for_viewers())
        .merge(plan::for_viewers())
        .merge(events::for_viewers())
        .merge(openapi::for_viewers());
    [
        (None, health::for_everybody().merge(metrics::for_everybody())),
        (Some(Role::Viewer), viewers),
        (Some(Role::Operator), commands::for_operators()),
        (Some(Role::Owner), reload::for_owners().merge(diffs::for_owners())),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_in_the_document_and_the_other_way_round() {
        for (role, routes) in rooms() {
            let (router, document) = routes.split_for_parts();
            // The router shows its paths nowhere else: in quotes, each beginning with a slash.
            let shown = format!("{router:?}");
            let routed: BTreeSet<&str> = shown
                .split('"')
                .skip(1)
                .step_by(2)
                .filter(|text| text.starts_with('/') && !text.contains("private"))
                .collect();
            let told: BTreeSet<&str> = document.paths.paths.keys().map(String::as_str).collect();
            // Where nothing else is, axum keeps its fallback at the root.
            assert_eq!(routed.into_iter().filter(|path| *path != "/").collect::<BTreeSet<_>>(), told, "{role:?}");
            assert!(told.iter().all(|path| path.starts_with("/api/v1/") == role.is_some()), "{told:?}");
        }
    }
}
