//! One alternative as a request meets it: match and plan in one record of as few cache lines as its texts allow.

use http::Method;
use xxhash_rust::xxh3::xxh3_64;

use super::table::NONE;
use crate::names::{Side, Stage};
use crate::routing::pattern::run;
use crate::routing::{BackendId, Captures, Match, RequestView, Route, RouteId};

/// A record starts at a multiple of this, in bytes.
const LINE: usize = 64;
/// The fixed part of a record, in bytes; path program and salt follow.
const HEAD: usize = 28;
/// A longer salt stays with the route.
const LONGEST_SALT: usize = 255;

// Where the fields of the head are; the numbers are little endian.
const ROUTE: usize = 0;
const NEW: usize = 4;
const LEGACY: usize = 8;
const CANARY: usize = 12;
const ALTERNATIVE: usize = 16;
const METHODS: usize = 18;
const PROGRAM: usize = 20;
const SALT: usize = 22;
const FLAGS: usize = 24;
const STAGE: usize = 25;
const TENANTS: usize = 26;

/// It is the last of its run.
const LAST: u8 = 1;
/// It has header or query conditions.
const CONDITIONS: u8 = 2;
/// It has no path, so it takes `*` too.
const ANY_PATH: u8 = 4;
/// Its salt is too long to be here.
const SALT_ELSEWHERE: u8 = 8;

/// In a set of methods: some that have no bit of their own.
const OTHER_METHODS: u16 = 1 << 15;

/// All records, one after the other.
#[derive(Debug, Default)]
pub(super) struct Leaves {
    bytes: Vec<u8>,
    /// Where the first record starts, so that each starts with a cache line.
    start: usize,
}

/// One alternative of a route's match, with what a decision needs to know of the route.
#[derive(Debug, Clone, Copy)]
pub(in crate::routing) struct Leaf<'i> {
    head: &'i [u8; HEAD],
    /// The path's program, then the salt.
    text: &'i [u8],
}

/// A match.
#[derive(Debug)]
pub(in crate::routing) struct Found<'i> {
    pub(in crate::routing) captures: Captures,
    pub(in crate::routing) leaf: Leaf<'i>,
}

/// Whether an alternative takes a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MethodFit {
    Yes,
    No,
    /// The method has no bit: the alternative's list says it.
    Look,
}

impl Leaves {
    /// Adds a record and returns its number.
    pub(super) fn push(&mut self, (route_id, alternative): (u32, u16), route: &Route, canary: u32) -> u32 {
        let number = self.bytes.len() / LINE;
        let entry = &route.matches[usize::from(alternative)];
        let program = entry.path.as_ref().map_or(&[][..], |path| &path.program);
        // Only a percentage needs a salt.
        let needs_salt = route.canary.as_ref().is_some_and(|canary| canary.share.is_some());
        let salt = if needs_salt { route.salt.as_bytes() } else { &[] };
        let mut flags = if entry.path.is_none() { ANY_PATH } else { 0 };
        flags |= if entry.headers.is_empty() && entry.query.is_empty() { 0 } else { CONDITIONS };
        flags |= if salt.len() > LONGEST_SALT { SALT_ELSEWHERE } else { 0 };
        let salt = if salt.len() > LONGEST_SALT { &[] } else { salt };
        let backend = |id: Option<BackendId>| id.map_or(NONE, |id| id.0);
        let mut head = [0; HEAD];
        head[ROUTE..][..4].copy_from_slice(&route_id.to_le_bytes());
        head[NEW..][..4].copy_from_slice(&backend(route.new).to_le_bytes());
        head[LEGACY..][..4].copy_from_slice(&backend(route.legacy).to_le_bytes());
        head[CANARY..][..4].copy_from_slice(&canary.to_le_bytes());
        head[ALTERNATIVE..][..2].copy_from_slice(&alternative.to_le_bytes());
        head[METHODS..][..2].copy_from_slice(&method_set(entry).to_le_bytes());
        // A template's length is bounded when it is parsed, the salt's just above.
        head[PROGRAM..][..2].copy_from_slice(&(program.len() as u16).to_le_bytes());
        head[SALT..][..2].copy_from_slice(&(salt.len() as u16).to_le_bytes());
        head[FLAGS] = flags;
        head[STAGE] = Stage::ALL.iter().position(|&stage| stage == route.stage).unwrap_or_default() as u8;
        let listed = route.canary.iter().flat_map(|canary| &canary.tenants);
        let tenants = listed.fold(0, |set, tenant| set | tenant_bit(tenant));
        head[TENANTS..][..2].copy_from_slice(&tenants.to_le_bytes());
        for part in [&head[..], program, salt] {
            self.bytes.extend_from_slice(part);
        }
        self.bytes.resize(self.bytes.len().next_multiple_of(LINE), 0);
        number as u32
    }

    /// Marks the record with this number as the last of its run.
    pub(super) fn set_last(&mut self, number: u32) {
        self.bytes[self.start + number as usize * LINE + FLAGS] |= LAST;
    }

    /// The same records, each at the start of a cache line.
    pub(super) fn aligned(self) -> Leaves {
        let mut bytes: Vec<u8> = Vec::with_capacity(self.bytes.len() + LINE);
        // Where no offset can be found, the records are merely slower.
        let start = Some(bytes.as_ptr().align_offset(LINE)).filter(|&offset| offset < LINE).unwrap_or_default();
        bytes.resize(start, 0);
        bytes.extend_from_slice(&self.bytes[self.start..]);
        Leaves { bytes, start }
    }

    /// The records of a run from its first; without one for `NONE`.
    pub(super) fn run(&self, number: u32) -> impl Iterator<Item = Leaf<'_>> {
        let mut next = (number != NONE).then_some(number);
        std::iter::from_fn(move || {
            let number = next?;
            let leaf = self.get(number)?;
            next = (!leaf.is_last()).then(|| number + leaf.lines());
            Some(leaf)
        })
    }

    /// The runs, one after the other.
    pub(super) fn runs(&self) -> impl Iterator<Item = Vec<Leaf<'_>>> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let run: Vec<Leaf<'_>> = self.run(next).collect();
            next += run.iter().map(Leaf::lines).sum::<u32>();
            (!run.is_empty()).then_some(run)
        })
    }

    fn get(&self, number: u32) -> Option<Leaf<'_>> {
        let (head, rest) = self.bytes.get(self.start + number as usize * LINE..)?.split_first_chunk()?;
        let leaf = Leaf { head, text: &[] };
        Some(Leaf { text: rest.get(..leaf.text_length())?, ..leaf })
    }
}

impl<'i> Leaf<'i> {
    /// Its route.
    pub(in crate::routing) fn route(&self) -> RouteId {
        RouteId(self.long(ROUTE))
    }

    /// Which alternative of the route.
    pub(in crate::routing) fn alternative(&self) -> u16 {
        self.short(ALTERNATIVE)
    }

    /// How far the route has migrated.
    pub(in crate::routing) fn stage(&self) -> Stage {
        Stage::ALL.get(usize::from(self.head[STAGE])).copied().unwrap_or(Stage::Legacy)
    }

    /// The backend of a side.
    pub(in crate::routing) fn backend(&self, side: Side) -> Option<BackendId> {
        let id = match side {
            Side::Legacy => self.long(LEGACY),
            Side::New => self.long(NEW),
        };
        (id != NONE).then_some(BackendId(id))
    }

    /// The route's salt, unless it is too long to be here.
    pub(in crate::routing) fn salt(&self) -> Option<&'i str> {
        let salt = self.text.get(usize::from(self.short(PROGRAM))..)?;
        if self.head[FLAGS] & SALT_ELSEWHERE != 0 { None } else { std::str::from_utf8(salt).ok() }
    }

    /// Whether the route's canary may list this tenant: one that it lists is never denied, and of the others a short list lets
    /// few pass. It spares most requests a look at the list itself, which lies with the route.
    pub(in crate::routing) fn may_list(&self, tenant: &str) -> bool {
        self.short(TENANTS) & tenant_bit(tenant) != 0
    }

    /// The number of the route's canary.
    pub(super) fn canary(&self) -> u32 {
        self.long(CANARY)
    }

    pub(super) fn has_conditions(&self) -> bool {
        self.head[FLAGS] & CONDITIONS != 0
    }

    /// Whether the method, given as its bit, is taken.
    pub(super) fn fits_method(&self, bit: u16) -> MethodFit {
        match self.short(METHODS) {
            0 => MethodFit::Yes,
            set if set & bit == 0 => MethodFit::No,
            _ if bit == OTHER_METHODS => MethodFit::Look,
            _ => MethodFit::Yes,
        }
    }

    /// What the path's captures take, if the path is taken.
    pub(super) fn captures(&self, view: &RequestView<'_>) -> Option<Captures> {
        if self.head[FLAGS] & ANY_PATH != 0 {
            return Some(Captures::NONE);
        }
        run(self.text.get(..usize::from(self.short(PROGRAM)))?, view.path)
    }

    fn is_last(&self) -> bool {
        self.head[FLAGS] & LAST != 0
    }

    fn lines(&self) -> u32 {
        (HEAD + self.text_length()).div_ceil(LINE) as u32
    }

    fn text_length(&self) -> usize {
        usize::from(self.short(PROGRAM)) + usize::from(self.short(SALT))
    }

    fn short(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.head[at], self.head[at + 1]])
    }

    fn long(&self, at: usize) -> u32 {
        u32::from_le_bytes([self.head[at], self.head[at + 1], self.head[at + 2], self.head[at + 3]])
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

/// A bit for a tenant: a Bloom filter of one hash (Bloom 1970).
fn tenant_bit(tenant: &str) -> u16 {
    1 << (xxh3_64(tenant.as_bytes()) % 16)
}

fn method_set(entry: &Match) -> u16 {
    entry.methods.iter().map(method_bit).fold(0, |set, bit| set | bit)
}
