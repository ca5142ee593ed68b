//! routes.yaml as it is written: the types hold exactly what the file may say, and nothing is looked up yet.
//!
//! - [`listen`]: listeners, admin, logs, draining
//! - [`shadow`], [`comparison`]: copies to the other side, and when two answers are the same
//! - [`guard`]: what new must keep to, and how its share grows
//! - [`resilience`], [`rate_limit`]: what is done about faults, and about subjects that ask too often
//! - [`backend`], [`endpoint`], [`subject`], [`cohort`], [`flag`], [`route`], [`retention`], [`mod@test`]: one noun each

pub mod backend;
pub mod backend_tls;
pub mod cohort;
pub mod comparison;
pub mod endpoint;
pub mod flag;
pub mod guard;
pub mod listen;
pub mod rate_limit;
pub mod resilience;
pub mod retention;
pub mod route;
pub mod shadow;
pub mod subject;
pub mod test;

use schemars::generate::SchemaSettings;

pub use backend::{Backend, BackendLimits, BackendTimeouts, Balance, Protocol};
pub use backend_tls::BackendTls;
pub use cohort::{Cohort, HeaderMatch};
pub use comparison::Comparison;
pub use endpoint::Endpoint;
pub use flag::Flag;
pub use guard::{Guard, Ramp};
pub use listen::{
    Admin, Certificate, ClientLimits, ClientTimeouts, Drain, Listen, ListenerTls, PeerUrl, Reload, Slashes,
};
pub use rate_limit::RateLimit;
pub use resilience::{After, Fallback, Health, Outlier, Retries};
pub use retention::Retention;
pub use route::{Canary, Defaults, Except, Match, Rewrite, Route, ValueMatch};
pub use shadow::{Shadow, Shadowing};
pub use subject::{Force, From, Jwt, Subject, SubjectSource};
pub use test::{Expect, Test};

use super::read::{At, Boxed, Filled, Names, Text, Time, Version, record};

/// A list whose items were read one by one.
pub type List<T> = Vec<At<T>>;

record! {
    /// routes.yaml: what a Banyan facade relays, where to, and how far each route has migrated.
    pub struct File("routes.yaml") {
        /// The version of this format: 1.
        pub version: At<Version>,
        /// Where clients connect. A change takes a restart.
        pub listen: At<Filled<Listen>>,
        /// Where operators connect, and who they are; never reachable through a listener.
        pub admin: Option<At<Admin>>,
        /// Where the token and the last good configuration live, relative to this file; `.banyan` by default.
        pub state_dir: Option<At<Text>>,
        /// `stdout`, `off`, or a file, relative to this one; `stdout` by default.
        pub access_log: Option<At<Text>>,
        /// How the facade goes down after SIGTERM.
        pub drain: Option<At<Drain>>,
        /// How long streams and upgrades on a side that has lost their route may go on; 30s by default.
        pub stream_grace: Option<At<Time>>,
        /// Route keys for all routes; a route's own value replaces one whole.
        pub defaults: Option<At<Boxed<Defaults>>>,
        /// The upstream systems by name.
        pub backends: Option<At<Names<Backend>>>,
        /// Where routing keys come from.
        pub subject: Option<At<Subject>>,
        /// Who may force a side with Banyan-Force and see the decision; absent: nobody.
        pub force: Option<At<Force>>,
        /// Named sets of subjects.
        pub cohorts: Option<At<Names<Cohort>>>,
        /// Feature flags of the migration.
        pub flags: Option<At<Names<Flag>>>,
        /// When an answer of new is the same as legacy's, by name.
        pub comparisons: Option<At<Names<Comparison>>>,
        /// The routes; the best match wins.
        pub routes: Option<At<List<Route>>>,
        /// How much is kept of comparisons.
        pub retention: Option<At<Retention>>,
        /// Patterns of further files, relative to this one; they may hold backends, cohorts, flags, comparisons, routes and tests.
        pub include: Option<At<List<Text>>>,
        /// What shadow traffic may cost this process. A change takes a restart.
        pub shadowing: Option<At<Shadowing>>,
        /// What a reload asks back about.
        pub reload: Option<At<Reload>>,
        /// Requests and the decision each must get.
        pub tests: Option<At<List<Test>>>,
    }
}

record! {
    /// An included file.
    pub struct Part("an included file") {
        /// The upstream systems by name.
        pub backends: Option<At<Names<Backend>>>,
        /// Named sets of subjects.
        pub cohorts: Option<At<Names<Cohort>>>,
        /// Feature flags of the migration.
        pub flags: Option<At<Names<Flag>>>,
        /// When an answer of new is the same as legacy's, by name.
        pub comparisons: Option<At<Names<Comparison>>>,
        /// The routes; the best match wins.
        pub routes: Option<At<List<Route>>>,
        /// Requests and the decision each must get.
        pub tests: Option<At<List<Test>>>,
    }
}

impl Part {
    /// How messages call an included file.
    pub(in crate::config) const WHAT: &'static str = "an included file";
}

/// The JSON Schema (draft-07) of routes.yaml.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<File>();
    schema.insert("title".to_owned(), "Banyan routes.yaml".into());
    schema.to_value()
}
