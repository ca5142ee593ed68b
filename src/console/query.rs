//! Queries of links within the console.

use std::fmt::Write as _;

/// A query of these names and values, with its `?`; those without a value are left out, and nothing is left of none.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.push_str(&encoded(value));
    }
    text
}

/// Text as one part of a path or a value of a query (RFC 3986, section 2.3).
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_empty_is_left_out() {
        assert_eq!(query(&[("a", ""), ("b", "x y"), ("c", "1")]), "?b=x%20y&c=1");
        assert_eq!(query(&[("a", "")]), "");
    }

    proptest! {
        #[test]
        fn nothing_in_a_value_ends_it(value in any::<String>()) {
            let encoded = encoded(&value);
            prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
        }
    }
}
