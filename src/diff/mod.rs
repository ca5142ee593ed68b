//! Whether two answers say the same, and where they do not.
//!
//! Pure: no clock, no randomness, no I/O; time comes in as an argument ([`Budget`]). What cannot be compared within the
//! budget is unknown, never equal.
//!
//! - [`rules`]: what a comparison looks at
//! - [`selector`]: places in an answer, as rules name them: `$.items[*].etag`, `header:Date`
//! - [`compare`]: two answers held against each other, the whole comparison
//! - [`head`]: status, headers and cookies
//! - [`decode`], [`charset`], [`media_type`], [`format`](mod@format): from bytes with codings to what a body is
//! - [`tree`]: a structured body as a flat tape, which every format with a structure is read into
//! - [`json`], [`ndjson`], [`form`], [`xml`], [`html`]: bodies with a structure, read into trees
//! - [`text`], [`mod@bytes`]: bodies without one
//! - [`structure`]: two structured bodies held against each other
//! - [`difference`]: what differs, where, and the signature that analysts work on
//! - [`differences`]: those of one pair of answers, as they are found
//! - [`budget`]: what a comparison may cost
//! - [`redact`]: secrets out of what is stored, logged or shown
//! - [`noise`]: whether a signature is a real difference, judged by evidence
//! - [`stats`]: shares with their intervals

mod body;
pub mod budget;
pub mod bytes;
pub mod charset;
mod compare;
#[cfg(test)]
mod corpus;
pub mod decode;
pub mod difference;
pub mod differences;
mod excerpt;
pub mod form;
pub mod format;
pub mod head;
pub mod html;
pub mod json;
mod markup;
pub mod media_type;
pub mod ndjson;
pub mod noise;
#[cfg(test)]
mod plain;
pub mod redact;
pub mod rules;
pub mod selector;
pub mod stats;
pub mod structure;
pub mod text;
pub mod tree;
pub mod xml;

use http::{HeaderMap, StatusCode};

pub use budget::{Budget, Limits, Unknown};
pub use compare::{Compiled, compare};
pub use difference::{Difference, Kind, SignatureId};
pub use differences::Differences;
pub use noise::{Evidence, Judgement};
pub use rules::Rules;
pub use selector::Selector;
pub use stats::Share;
pub use structure::Matcher;
pub use tree::{Builder, Tree};

use crate::names::Side;

/// One answer, as the client is or would be sent it: paths mapped back, hop-by-hop headers gone.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// Whose it is; decides which of the two names of a renamed field it uses.
    pub side: Side,
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its whole body, with its content coding still on; empty for HEAD.
    pub body: &'a [u8],
}

/// What came of holding two answers against each other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// What differs, each signature once, in the order of discovery.
    pub differences: Vec<Difference>,
    /// Why some of the two answers could not be compared; what was found nevertheless stands in `differences`.
    pub unknown: Option<Unknown>,
}

/// What is held of one pair of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// The new system answers like the old one.
    Match,
    /// It does not.
    Mismatch,
    /// It differs only where a system differs from itself, where the difference did not come again, or where it is accepted.
    Noise,
    /// Not comparable.
    Unknown,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Verdict; 4] = [Verdict::Match, Verdict::Mismatch, Verdict::Noise, Verdict::Unknown];

    /// The verdict as metrics and the store spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::Match => "match",
            Verdict::Mismatch => "mismatch",
            Verdict::Noise => "noise",
            Verdict::Unknown => "unknown",
        }
    }
}
