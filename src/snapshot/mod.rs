//! One compiled configuration: immutable, plain data, no handle to anything that lives.

mod admin;
mod backend;
mod backend_tls;
mod guard;
mod listener;
mod resilience;
mod shadow;
mod tls;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use ipnet::IpNet;

use crate::names::Side;
use crate::routing::{BackendId, RouteId, Rules};
pub use admin::{AdminSettings, Role, TokenEntry};
pub use backend::{
    BackendLimits, BackendSettings, BackendTimeouts, Balance, EndpointAddress, HealthSettings, HostRule,
    OutlierSettings, Protocol, RetryOn, RetrySettings,
};
pub use backend_tls::BackendTls;
pub use guard::{GuardSettings, RampSettings, Threshold};
pub use listener::{ClientLimits, ClientTimeouts, ListenerSettings};
pub use resilience::{FallbackOn, FallbackSettings, RateLimit};
pub use shadow::{Comparison, MAX_SHADOW_THREADS, ShadowPlan, Shadowing};
pub use tls::ListenerTls;

/// One compiled configuration.
#[derive(Debug)]
pub struct Snapshot {
    /// How requests are decided.
    pub rules: Rules,
    /// The backends; [`BackendId`] counts here.
    pub backends: Vec<BackendSettings>,
    /// What is copied to the other side, for each route; [`RouteId`] counts here.
    pub shadows: Vec<Option<Arc<ShadowPlan>>>,
    /// What new must keep to, for each route; [`RouteId`] counts here.
    pub guards: Vec<Option<Arc<GuardSettings>>>,
    /// How new's share grows, for each route; [`RouteId`] counts here. A route with a ramp has a guard.
    pub ramps: Vec<Option<Arc<RampSettings>>>,
    /// When legacy answers because new failed, for each route; [`RouteId`] counts here.
    pub fallbacks: Vec<Option<Arc<FallbackSettings>>>,
    /// How often one subject may ask, for each route; [`RouteId`] counts here.
    pub rate_limits: Vec<Option<Arc<RateLimit>>>,
    /// What shadow traffic may cost. A change takes a restart.
    pub shadowing: Shadowing,
    /// How long the response head may take where no route matches.
    pub default_timeout: Duration,
    /// Where clients connect. A change takes a restart.
    pub listeners: Vec<ListenerSettings>,
    /// Where operators connect, and who they are. Shared, since it outlives what a held generation puts back.
    pub admin: Arc<AdminSettings>,
    /// Where pins, audit and the kept configuration live; absolute. A change takes a restart.
    pub state_dir: PathBuf,
    /// Whose word counts.
    pub trust: Trust,
    /// How tokens are verified, where `subject.jwt` is set.
    pub jwt: Option<JwtSettings>,
    /// How the facade goes down.
    pub drain: DrainSettings,
    /// How long streams and upgrades on a side that has lost their route may go on.
    pub stream_grace: Duration,
    /// Where the access log goes.
    pub access_log: AccessLog,
    /// How much is kept of comparisons.
    pub retention: Retention,
    /// Whether a reload that looks like a cut file is taken without being asked twice.
    pub confirm_removals: bool,
    /// The number of lines of each `tenants_file:`, by the file's path: how a reload sees that one was cut short.
    pub tenant_files: Vec<(PathBuf, usize)>,
}

impl Snapshot {
    /// The backend with this id.
    #[must_use]
    pub fn backend(&self, id: BackendId) -> &BackendSettings {
        &self.backends[id.0 as usize]
    }

    /// What of this route is copied to the other side.
    #[must_use]
    pub fn shadow(&self, id: RouteId) -> Option<&Arc<ShadowPlan>> {
        self.shadows.get(id.0 as usize)?.as_ref()
    }

    /// What new must keep to on this route.
    #[must_use]
    pub fn guard(&self, id: RouteId) -> Option<&Arc<GuardSettings>> {
        self.guards.get(id.0 as usize)?.as_ref()
    }

    /// How new's share of this route grows.
    #[must_use]
    pub fn ramp(&self, id: RouteId) -> Option<&Arc<RampSettings>> {
        self.ramps.get(id.0 as usize)?.as_ref()
    }

    /// When legacy answers on this route because new failed.
    #[must_use]
    pub fn fallback(&self, id: RouteId) -> Option<&Arc<FallbackSettings>> {
        self.fallbacks.get(id.0 as usize)?.as_ref()
    }

    /// How often one subject may ask this route.
    #[must_use]
    pub fn rate_limit(&self, id: RouteId) -> Option<&Arc<RateLimit>> {
        self.rate_limits.get(id.0 as usize)?.as_ref()
    }

    /// Whether any route has a limit.
    #[must_use]
    pub fn has_rate_limits(&self) -> bool {
        self.rate_limits.iter().any(Option::is_some)
    }
}

/// Whose word counts.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Peers that may set `X-Forwarded-*`, `Forwarded` and the headers below.
    pub proxies: Vec<IpNet>,
    /// Headers that only those peers may set (`from: trusted`).
    pub headers: Vec<HeaderName>,
    /// Who may force a side and see the decision; `None`: nobody.
    pub force: Option<ForceSettings>,
}

/// Who may send `Banyan-Force` and see `Banyan-Decision`. Each condition that is set must hold; at least one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForceSettings {
    /// The client's computed address is in one of these; empty: no condition.
    pub networks: Vec<IpNet>,
    /// The request carries this in `Banyan-Secret`; `None`: no condition.
    pub secret: Option<Arc<str>>,
}

impl Trust {
    /// Whether this peer is a trusted proxy.
    #[must_use]
    pub fn is_proxy(&self, peer: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(&peer))
    }
}

/// How tokens are verified.
#[derive(Debug, Clone)]
pub struct JwtSettings {
    /// The allowed algorithms, as in RFC 7518 (`RS256`).
    pub algorithms: Vec<jsonwebtoken::Algorithm>,
    /// The keys, with their ids where the key set names them.
    pub keys: Arc<jsonwebtoken::jwk::JwkSet>,
    /// The required `iss`.
    pub issuer: Option<String>,
    /// The required `aud`.
    pub audience: Option<String>,
}

/// How the facade goes down after SIGTERM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainSettings {
    /// How long new connections are still taken after readiness went off.
    pub delay: Duration,
    /// How long requests in flight may take after that.
    pub grace: Duration,
}

/// How much is kept of comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The most bytes on disk; the oldest goes first.
    pub size: u64,
    /// How long anything is kept.
    pub age: Duration,
    /// How many comparisons of a difference signature are kept in full.
    pub samples: u32,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention { size: 1 << 30, age: Duration::from_secs(14 * 24 * 3600), samples: 10 }
    }
}

/// Where the access log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessLog {
    /// Nowhere.
    Off,
    /// To standard output.
    Stdout,
    /// To this file; SIGUSR1 opens it anew.
    File(PathBuf),
}

/// What a `tests:` entry expects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expectation {
    /// The side that must answer.
    pub side: Option<Side>,
    /// The route that must match; `Some(None)` expects that none does.
    pub route: Option<Option<String>>,
}
