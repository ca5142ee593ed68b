//! What differs, where, and the signature that analysts work on.

use std::fmt;

use xxhash_rust::xxh3::xxh3_64;

/// What kind of difference it is. `other` is the new system's answer, or the second one of a system asked twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The statuses differ.
    Status,
    /// Only the first answer has it.
    Missing,
    /// Only the other answer has it.
    Extra,
    /// One answer has null where the other has nothing.
    Null,
    /// The values are of different types.
    Type,
    /// The values differ.
    Value,
    /// The same elements in another order.
    Order,
    /// An object has a key more than once, and not in the same way.
    Duplicate,
    /// The bodies are of different formats, or only one of them is what it says it is.
    Format,
    /// Lines of text differ.
    Text,
    /// Bytes differ.
    Bytes,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 11] = [
        Kind::Status,
        Kind::Missing,
        Kind::Extra,
        Kind::Null,
        Kind::Type,
        Kind::Value,
        Kind::Order,
        Kind::Duplicate,
        Kind::Format,
        Kind::Text,
        Kind::Bytes,
    ];

    /// The kind as the store spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Status => "status",
            Kind::Missing => "missing",
            Kind::Extra => "extra",
            Kind::Null => "null",
            Kind::Type => "type",
            Kind::Value => "value",
            Kind::Order => "order",
            Kind::Duplicate => "duplicate",
            Kind::Format => "format",
            Kind::Text => "text",
            Kind::Bytes => "bytes",
        }
    }

    /// Reads a kind as the store spells it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One difference between two answers; all that have the same path and kind are one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What kind it is.
    pub kind: Kind,
    /// Where, normalised so that it is the same for every answer of a route: `status:200/404`, `header:location`,
    /// `cookie:sid`, `$.items[*].price`.
    pub path: String,
    /// Where exactly the first one is in this pair: `$.items[3].price`.
    pub place: String,
    /// How many places of this pair it stands for.
    pub count: u32,
    /// What the first answer has at `place`: redacted, and cut to [`SHOWN`] bytes; `None` if it has nothing there.
    pub one: Option<String>,
    /// What the other answer has there.
    pub other: Option<String>,
}

/// The most bytes of a value that a difference shows.
pub const SHOWN: usize = 256;

impl Difference {
    /// The signature of this difference on a route.
    #[must_use]
    pub fn signature(&self, route: &str) -> SignatureId {
        SignatureId::new(route, &self.path, self.kind)
    }
}

/// Names a difference signature: a route, a normalised path and a kind. The same in every process and version: the XXH3-64
/// of `route NUL path NUL kind`, as 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SignatureId(pub u64);

impl SignatureId {
    /// The signature with these parts.
    #[must_use]
    pub fn new(route: &str, path: &str, kind: Kind) -> SignatureId {
        SignatureId(xxh3_64(format!("{route}\0{path}\0{}", kind.as_str()).as_bytes()))
    }

    /// Reads 16 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<SignatureId> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        u64::from_str_radix(text, 16).ok().filter(|_| digits).map(SignatureId)
    }
}

impl fmt::Display for SignatureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
