//! The compiled rules of one configuration: plain, immutable data plus the index that finds a request's route.

use std::sync::Arc;
use std::time::Duration;

use http::Method;

use super::index::Index;
use super::{Canary, Cohort, Flag, HeaderCondition, HostPattern, PathPattern, QueryCondition, Rewrite, SubjectRules};
use crate::names::Stage;

/// A route's place in [`Rules::routes`]: file order, includes by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteId(pub u32);

/// A backend's place in the snapshot's list of backends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackendId(pub u32);

/// A cohort's place in [`Rules::cohorts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CohortId(pub u32);

/// A flag's place in [`Rules::flags`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlagId(pub u32);

/// One alternative of a route's `match:`. All of its conditions must hold.
#[derive(Debug, Clone)]
pub struct Match {
    /// The host it is for; `None` takes any host.
    pub host: Option<HostPattern>,
    /// The path; `None` takes any path (as `/{*rest}` does).
    pub path: Option<PathPattern>,
    /// The methods; empty takes any method. Compared as exact bytes.
    pub methods: Vec<Method>,
    /// Header conditions; all must hold.
    pub headers: Vec<HeaderCondition>,
    /// Query conditions; all must hold.
    pub query: Vec<QueryCondition>,
}

/// A named rule: what it matches, the two backends, its stage.
#[derive(Debug, Clone)]
pub struct Route {
    /// Unique among the routes.
    pub name: Arc<str>,
    /// Who to ask about it.
    pub owner: Option<Arc<str>>,
    /// The group whose salt it shares.
    pub group: Option<Arc<str>>,
    /// What its percentage is salted with: its own `salt:`, else its group, else its name.
    pub salt: Arc<str>,
    /// How far it has migrated.
    pub stage: Stage,
    /// Any of these matches. Never empty.
    pub matches: Vec<Match>,
    /// The legacy backend: the route's own or `defaults.legacy`; `None` where neither is set, and in stage
    /// `complete` unless the route names one itself.
    pub legacy: Option<BackendId>,
    /// The new backend; always set in stages `shadow`, `canary`, `live` and `complete`.
    pub new: Option<BackendId>,
    /// Who goes to new in stage `canary`.
    pub canary: Option<Canary>,
    /// How requests to new are rewritten, and its answers mapped back.
    pub rewrite: Option<Rewrite>,
    /// How long the response head may take, from the end of the request head.
    pub timeout: Duration,
}

/// What [`Rules`] is built from.
#[derive(Debug, Clone, Default)]
pub struct RulesParts {
    /// The routes in file order.
    pub routes: Vec<Route>,
    /// The cohorts; one refers only to cohorts that stand before it.
    pub cohorts: Vec<Cohort>,
    /// The flags.
    pub flags: Vec<Flag>,
    /// Where routing keys come from.
    pub subjects: SubjectRules,
    /// Where a request goes that no route matches; `None` answers it 404.
    pub fallthrough: Option<BackendId>,
}

/// The compiled rules of one configuration.
#[derive(Debug)]
pub struct Rules {
    /// The routes in file order; [`RouteId`] counts here.
    pub routes: Vec<Route>,
    /// The cohorts; [`CohortId`] counts here.
    pub cohorts: Vec<Cohort>,
    /// The flags; [`FlagId`] counts here.
    pub flags: Vec<Flag>,
    /// Where routing keys come from.
    pub subjects: SubjectRules,
    /// Where a request goes that no route matches; `None` answers it 404.
    pub fallthrough: Option<BackendId>,
    pub(super) index: Index,
}

impl Rules {
    /// Builds the index over the routes.
    #[must_use]
    pub fn build(parts: RulesParts) -> Rules {
        let index = Index::build(&parts.routes);
        let RulesParts { routes, cohorts, flags, subjects, fallthrough } = parts;
        Rules { routes, cohorts, flags, subjects, fallthrough, index }
    }

    /// The route with this id.
    #[must_use]
    pub fn route(&self, id: RouteId) -> &Route {
        &self.routes[id.0 as usize]
    }

    /// A cohort's name; empty where there is no such cohort.
    #[must_use]
    pub fn cohort_name(&self, id: CohortId) -> &str {
        self.cohorts.get(id.0 as usize).map_or("", |cohort| &cohort.name)
    }

    /// A flag's name; empty where there is no such flag.
    #[must_use]
    pub fn flag_name(&self, id: FlagId) -> &str {
        self.flags.get(id.0 as usize).map_or("", |flag| &flag.name)
    }
}
