//! One alternative as a request meets it: two cache lines side by side, the match and the plan.

use http::Method;

use super::table::NONE;
use crate::names::Side;
use crate::names::Stage;
use crate::routing::canary::Rule;
use crate::routing::pattern::{is_below, run};
use crate::routing::{BackendId, Captures, HostPattern, Match, Percent, RequestView, Route, RouteId};

/// Host and path program up to this length, in bytes, live in the leaf.
const TEXT: usize = 48;
/// Canary rules up to this number live in the leaf.
const RULES: usize = 3;
/// A salt up to this length, in bytes, lives in the leaf.
const SALT: usize = 20;
/// The length of a salt that lives in the route.
const SALT_ELSEWHERE: u8 = u8::MAX;

/// It is the last of its run.
const LAST: u8 = 1;
/// It has header or query conditions.
const CONDITIONS: u8 = 2;
/// It has no path, so it takes `*` too.
const ANY_PATH: u8 = 4;
/// It is for one host.
const EXACT_HOST: u8 = 8;
/// It is for the hosts below a domain.
const WILDCARD: u8 = 16;

/// In a set of methods: some that have no bit of their own.
const OTHER_METHODS: u16 = 1 << 15;

/// One alternative of a route's match, with all that a usual decision asks.
#[derive(Debug)]
#[repr(C, align(128))]
pub(super) struct Leaf {
    /// Host, then path program, if both fit.
    text: [u8; TEXT],
    /// Where in the index's texts they are otherwise.
    text_offset: u32,
    program_length: u16,
    host_length: u8,
    flags: u8,
    route: u32,
    alternative: u16,
    /// A set of bits; empty: any method.
    methods: u16,
    plan: Plan,
}

/// What a decision needs to know of a route.
#[derive(Debug)]
#[repr(C)]
pub(in crate::routing) struct Plan {
    rules: [Rule; RULES],
    rules_offset: u32,
    rules_count: u16,
    salt_length: u8,
    /// How far the route has migrated.
    pub(in crate::routing) stage: Stage,
    /// The canary's percentage.
    pub(in crate::routing) percent: Percent,
    legacy: u32,
    new: u32,
    salt: [u8; SALT],
}

const _: () = assert!(size_of::<Leaf>() == 128, "a leaf is two cache lines");

/// A match, and the plan of its route.
#[derive(Debug)]
pub(in crate::routing) struct Found<'i> {
    pub(in crate::routing) route: RouteId,
    pub(in crate::routing) alternative: u16,
    pub(in crate::routing) captures: Captures,
    pub(in crate::routing) plan: &'i Plan,
}

/// How an alternative took a request whose host and path it may fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MethodFit {
    Yes,
    No,
    /// The method has no bit: the alternative's list says it.
    Look,
}

impl Leaf {
    pub(super) fn new(
        (route_id, alternative): (u32, u16),
        route: &Route,
        texts: &mut Vec<u8>,
        rules: &mut Vec<Rule>,
    ) -> Leaf {
        let entry = &route.matches[usize::from(alternative)];
        let mut flags = 0;
        let host = match &entry.host {
            None => "",
            Some(HostPattern::Exact(name)) => {
                flags |= EXACT_HOST;
                name
            }
            Some(HostPattern::Wildcard(domain)) => {
                flags |= WILDCARD;
                domain
            }
        };
        let program = entry.path.as_ref().map_or(&[][..], |path| &path.program);
        flags |= if entry.path.is_none() { ANY_PATH } else { 0 };
        flags |= if entry.headers.is_empty() && entry.query.is_empty() { 0 } else { CONDITIONS };
        let mut text = [0; TEXT];
        let text_offset = texts.len() as u32;
        if let Some(place) = text.get_mut(..host.len() + program.len()) {
            place[..host.len()].copy_from_slice(host.as_bytes());
            place[host.len()..].copy_from_slice(program);
        } else {
            texts.extend_from_slice(host.as_bytes());
            texts.extend_from_slice(program);
        }
        Leaf {
            text,
            text_offset,
            // Both patterns bound their lengths when they are parsed.
            program_length: program.len() as u16,
            host_length: host.len() as u8,
            flags,
            route: route_id,
            alternative,
            methods: method_set(entry),
            plan: Plan::new(route, rules),
        }
    }

    pub(super) fn set_last(&mut self) {
        self.flags |= LAST;
    }

    pub(super) fn is_last(&self) -> bool {
        self.flags & LAST != 0
    }

    pub(super) fn has_conditions(&self) -> bool {
        self.flags & CONDITIONS != 0
    }

    /// Its route, and which alternative of it.
    pub(super) fn id(&self) -> (RouteId, u16) {
        (RouteId(self.route), self.alternative)
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether the method, given as its bit, is taken.
    pub(super) fn fits_method(&self, bit: u16) -> MethodFit {
        if self.methods == 0 {
            MethodFit::Yes
        } else if self.methods & bit == 0 {
            MethodFit::No
        } else if bit == OTHER_METHODS {
            MethodFit::Look
        } else {
            MethodFit::Yes
        }
    }

    /// What the path's captures take, if host and path are taken.
    pub(super) fn captures(&self, view: &RequestView<'_>, texts: &[u8]) -> Option<Captures> {
        let host_length = usize::from(self.host_length);
        let length = host_length + usize::from(self.program_length);
        let text = match self.text.get(..length) {
            Some(text) => text,
            None => texts.get(self.text_offset as usize..)?.get(..length)?,
        };
        let (host, program) = text.split_at(host_length);
        let takes_host = match self.flags & (EXACT_HOST | WILDCARD) {
            0 => true,
            EXACT_HOST => view.host.as_bytes() == host,
            _ => is_below(view.host, std::str::from_utf8(host).ok()?),
        };
        match takes_host {
            false => None,
            true if self.flags & ANY_PATH != 0 => Some(Captures::NONE),
            true => run(program, view.path),
        }
    }
}

impl Plan {
    fn new(route: &Route, arena: &mut Vec<Rule>) -> Plan {
        let all = route.canary.as_ref().map(super::super::Canary::rules).unwrap_or_default();
        let mut rules = [Rule::Tenants; RULES];
        let rules_offset = arena.len() as u32;
        match rules.get_mut(..all.len()) {
            Some(place) => place.copy_from_slice(&all),
            None => arena.extend_from_slice(&all),
        }
        let mut salt = [0; SALT];
        let salt_length = match salt.get_mut(..route.salt.len()) {
            Some(place) => {
                place.copy_from_slice(route.salt.as_bytes());
                route.salt.len() as u8
            }
            None => SALT_ELSEWHERE,
        };
        let backend = |id: Option<BackendId>| id.map_or(NONE, |id| id.0);
        Plan {
            rules,
            rules_offset,
            rules_count: all.len() as u16,
            salt_length,
            stage: route.stage,
            percent: route.canary.as_ref().and_then(|canary| canary.share).map_or(Percent::ZERO, |share| share.percent),
            legacy: backend(route.legacy),
            new: backend(route.new),
            salt,
        }
    }

    /// The backend of a side.
    pub(in crate::routing) fn backend(&self, side: Side) -> Option<BackendId> {
        let id = match side {
            Side::Legacy => self.legacy,
            Side::New => self.new,
        };
        (id != NONE).then_some(BackendId(id))
    }

    /// The route's salt, unless it is too long to be here.
    pub(in crate::routing) fn salt(&self) -> Option<&str> {
        std::str::from_utf8(self.salt.get(..usize::from(self.salt_length))?).ok()
    }

    pub(super) fn rules<'i>(&'i self, arena: &'i [Rule]) -> &'i [Rule] {
        let count = usize::from(self.rules_count);
        match self.rules.get(..count) {
            Some(rules) => rules,
            None => arena.get(self.rules_offset as usize..).and_then(|rules| rules.get(..count)).unwrap_or_default(),
        }
    }
}

/// The bit of a method; all those that RFC 9110 and 5789 do not name share one.
pub(super) fn method_bit(method: &Method) -> u16 {
    match method.as_str() {
        "GET" => 1,
        "HEAD" => 1 << 1,
        "POST" => 1 << 2,
        "PUT" => 1 << 3,
        "DELETE" => 1 << 4,
        "PATCH" => 1 << 5,
        "OPTIONS" => 1 << 6,
        "CONNECT" => 1 << 7,
        "TRACE" => 1 << 8,
        _ => OTHER_METHODS,
    }
}

fn method_set(entry: &Match) -> u16 {
    entry.methods.iter().map(method_bit).fold(0, |set, bit| set | bit)
}
