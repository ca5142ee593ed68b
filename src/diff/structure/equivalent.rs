//! Values that say the same in another spelling.

mod moment;
mod url;

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::diff::rules::Equivalence;
use crate::diff::tree::Value;

/// Whether two values are the same thing of this sort. What is none of that sort is not.
pub(super) fn same(one: Value<'_>, other: Value<'_>, as_: Equivalence) -> bool {
    match as_ {
        Equivalence::Uuid => uuid_hash(one).is_some() && uuid(one) == uuid(other),
        Equivalence::Url => match (one, other) {
            (Value::Text(one), Value::Text(other)) => url::normalised(one) == url::normalised(other),
            _ => false,
        },
        Equivalence::Timestamp { within } => match (moment(one), moment(other)) {
            (Some(one), Some(other)) => one.abs_diff(other) <= within.as_nanos(),
            _ => false,
        },
    }
}

/// A moment in nanoseconds since 1970.
pub(super) fn moment(value: Value<'_>) -> Option<i128> {
    match value {
        Value::Number(text) | Value::Text(text) => moment::read(text),
        _ => None,
    }
}

/// The same for all spellings of a UUID.
pub(super) fn uuid_hash(value: Value<'_>) -> Option<u64> {
    uuid(value).map(|digits| xxh3_64_with_seed(&digits, 3))
}

/// The same for all spellings of a URL.
pub(super) fn url_hash(value: Value<'_>) -> Option<u64> {
    let Value::Text(text) = value else { return None };
    let url: Cow<'_, str> = url::normalised(text);
    Some(xxh3_64_with_seed(url.as_bytes(), 4))
}

/// Its 32 digits in lower case (RFC 9562 section 4).
fn uuid(value: Value<'_>) -> Option<[u8; 32]> {
    let Value::Text(text) = value else { return None };
    let text = match text.get(..9) {
        Some(prefix) if prefix.eq_ignore_ascii_case("urn:uuid:") => &text[9..],
        _ => text,
    };
    let text = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    let mut digits = [0; 32];
    let mut found = text.bytes().filter(|byte| *byte != b'-');
    for digit in &mut digits {
        *digit = found.next().filter(u8::is_ascii_hexdigit)?.to_ascii_lowercase();
    }
    found.next().is_none().then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuid_is_its_digits() {
        let plain = Value::Text("f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
        for other in [
            "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6",
            "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}",
            "f81d4fae7dec11d0a76500a0c91e6bf6",
            "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        ] {
            assert!(same(plain, Value::Text(other), Equivalence::Uuid), "{other}");
            assert_eq!(uuid_hash(plain), uuid_hash(Value::Text(other)));
        }
        assert!(!same(plain, Value::Text("f81d4fae-7dec-11d0-a765-00a0c91e6bf7"), Equivalence::Uuid));
        assert!(!same(Value::Text("a"), Value::Text("A"), Equivalence::Uuid));
        assert!(!same(Value::Text("é"), Value::Null, Equivalence::Uuid));
    }
}
