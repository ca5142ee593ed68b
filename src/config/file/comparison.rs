//! Comparisons: when two answers are the same.

use crate::config::read::{At, Choice, Filled, HeaderKey, Number, Percentage, Text, Time, Toggle, Where, Word, record};
use crate::diff::rules::{BodyRule, StatusRule};

record! {
    /// When an answer of new is the same as legacy's.
    pub struct Comparison("a comparison") {
        /// How statuses are compared: exact (the default) or by class.
        pub status: Option<At<Word<StatusRule>>>,
        /// The headers that are compared; Content-Type and Location by default.
        pub headers: Option<At<Vec<At<HeaderKey>>>>,
        /// How bodies are compared: auto (by Content-Type, the default), json, text, bytes or none.
        pub body: Option<At<Word<BodyRule>>>,
        /// What is not looked at: `$.items[*].etag`, `header:Date`, `cookie:sid`.
        pub ignore: Option<At<Filled<Where>>>,
        /// Arrays whose order does not matter.
        pub unordered: Option<At<Filled<Unordered>>>,
        /// Numbers that may be off.
        pub tolerance: Option<At<Filled<Tolerance>>>,
        /// Values that may be spelled differently.
        pub equivalent: Option<At<Filled<Equivalent>>>,
        /// Known changes of shape.
        pub rename: Option<At<Filled<Rename>>>,
        /// What is never shown or stored, beside what is secret by default: `$.customer.email`, `header:X-Key`, `query:code`.
        pub redact: Option<At<Filled<Where>>>,
        /// How the noise of a system is learned.
        pub noise: Option<At<Noise>>,
        /// Whether both sides are asked again before a mismatch counts (safe methods only); true by default.
        pub confirm: Option<At<Toggle>>,
        /// What is kept of answers that differ: full (the default) or hashes, without any body.
        pub store: Option<At<Word<Keep>>>,
    }
}

impl Choice for StatusRule {
    const WHAT: &'static str = "a way to compare statuses";
    const WORDS: &'static [(&'static str, StatusRule)] = &[("exact", StatusRule::Exact), ("class", StatusRule::Class)];
}

impl Choice for BodyRule {
    const WHAT: &'static str = "a way to compare bodies";
    const WORDS: &'static [(&'static str, BodyRule)] = &[
        ("auto", BodyRule::Auto),
        ("json", BodyRule::Json),
        ("text", BodyRule::Text),
        ("bytes", BodyRule::Bytes),
        ("none", BodyRule::None),
    ];
}

record! {
    /// An array whose order does not matter.
    pub struct Unordered("an unordered array") {
        /// Which: `$.items`.
        pub path: At<Where>,
        /// The member that tells its elements apart; absent: they are compared as a multiset.
        pub key: Option<At<Text>>,
    }
}

record! {
    /// A number that may be off; either absolute or relative.
    pub struct Tolerance("a tolerance") {
        /// Which: `$.total`.
        pub path: At<Where>,
        /// By this much.
        pub absolute: Option<At<Number>>,
        /// By this share of the larger one.
        pub relative: Option<At<Number>>,
    }
}

record! {
    /// A value that may be spelled differently.
    pub struct Equivalent("an equivalence") {
        /// Which: `$.id`.
        pub path: At<Where>,
        /// What it is: uuid, timestamp or url.
        pub r#as: At<Word<Meaning>>,
        /// How far apart two timestamps may be; 0s by default.
        pub within: Option<At<Time>>,
    }
}

/// What a value is, whatever its spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A UUID.
    Uuid,
    /// A moment.
    Timestamp,
    /// A URL.
    Url,
}

impl Choice for Meaning {
    const WHAT: &'static str = "a meaning of a value";
    const WORDS: &'static [(&'static str, Meaning)] =
        &[("uuid", Meaning::Uuid), ("timestamp", Meaning::Timestamp), ("url", Meaning::Url)];
}

record! {
    /// A known change of shape.
    pub struct Rename("a renaming") {
        /// Where legacy has it.
        pub legacy: At<Where>,
        /// Where new has it.
        pub new: At<Where>,
    }
}

record! {
    /// How the noise of a system is learned.
    pub struct Noise("`noise`") {
        /// For which share of the compared requests the answering side is asked twice; 5% by default, which is also the most.
        pub sample: Option<At<Percentage>>,
    }
}

/// What is kept of answers that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Everything but what is redacted.
    Full,
    /// No bodies and no values, only hashes.
    Hashes,
}

impl Choice for Keep {
    const WHAT: &'static str = "a way to keep answers";
    const WORDS: &'static [(&'static str, Keep)] = &[("full", Keep::Full), ("hashes", Keep::Hashes)];
}
