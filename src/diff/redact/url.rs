//! Secrets in request targets and URLs.

use std::borrow::Cow;
use std::ops::Range;

use super::{REDACTED, is_secret_name, mask};
use crate::diff::Selector;

/// How often a value may be encoded within a value and still be looked into.
const NESTED: usize = 3;

/// Path and query with the values of secret parameters replaced; the rest is spelled as it was sent. A parameter is
/// secret by [`is_secret_name`], by a `query:` selector, or because something secret is encoded in its value.
#[must_use]
pub fn target(target: &str, redact: &[Selector]) -> String {
    let mut spans = Vec::new();
    let query = target.find(['?', '#']).map_or(target.len(), |at| at + 1);
    let mut at = query;
    while at < target.len() {
        let end = target[at..].find(['&', '#']).map_or(target.len(), |length| at + length);
        if let Some(value) = secret_value(target, at..end, redact) {
            spans.push(value);
        }
        at = end + 1;
    }
    mask::mask(&mask::replaced(target, &spans)).into_owned()
}

/// The value of the parameter that stands there, if it is secret.
fn secret_value(target: &str, parameter: Range<usize>, redact: &[Selector]) -> Option<Range<usize>> {
    let text = &target[parameter.clone()];
    let (name, value) = match text.split_once('=') {
        Some(parts) => parts,
        // Something without a name is judged by its looks.
        None => ("", text),
    };
    let selected = || {
        let name = decoded(name.as_bytes());
        is_secret_name(&name)
            || redact.iter().any(|selector| matches!(selector, Selector::Query(known) if *known == name))
    };
    let secret = !value.is_empty() && value != REDACTED && (selected() || hides_secret(value));
    secret.then(|| parameter.end - value.len()..parameter.end)
}

/// Whether something that looks like a secret shows once the value is decoded: `next=%2Fr%3Ftoken%3Dabc`.
fn hides_secret(value: &str) -> bool {
    let mut text = value.to_owned();
    for _ in 0..NESTED {
        let plain = decoded(text.as_bytes()).into_owned();
        if plain == text {
            return false;
        }
        if !mask::spans(plain.as_bytes()).is_empty() {
            return true;
        }
        text = plain;
    }
    false
}

/// Text with its percent-encoding and its plus signs resolved (the URL Standard's `application/x-www-form-urlencoded`);
/// what is no UTF-8 is replaced.
#[must_use]
pub fn decoded(text: &[u8]) -> Cow<'_, str> {
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return String::from_utf8_lossy(text);
    }
    Cow::Owned(String::from_utf8_lossy(&decoded_bytes(text)).into_owned())
}

/// The same as bytes.
#[must_use]
pub fn decoded_bytes(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut plain = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        match (text[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                // Two hexadecimal digits make one byte.
                plain.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                plain.push(if byte == b'+' { b' ' } else { byte });
                at += 1;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn redacted(text: &str) -> String {
        target(text, &[Selector::Query("email".to_owned())])
    }

    #[test]
    fn secret_parameters_lose_their_values() {
        assert_eq!(redacted("/a?x=1&token=abc&y=2"), "/a?x=1&token=[redacted]&y=2");
        assert_eq!(redacted("/a?EMAIL=1&email=joe%40x"), "/a?EMAIL=1&email=[redacted]");
        assert_eq!(redacted("/a?pass%77ord=x y;z"), "/a?pass%77ord=[redacted]");
        assert_eq!(redacted("/a?user[password]=x"), "/a?user[password]=[redacted]");
    }

    #[test]
    fn secrets_within_values_are_found() {
        assert_eq!(redacted("/login?next=%2Fr%3Ftoken%3Dabc&a=1"), "/login?next=[redacted]&a=1");
        assert_eq!(redacted("/login?next=%252Fr%253Ftoken%253Dabc"), "/login?next=[redacted]");
        assert_eq!(redacted("/a?next=/b?token=abc"), "/a?next=/b?token=[redacted]");
    }

    #[test]
    fn everything_else_is_spelled_as_sent() {
        for text in ["/a%2Fb?q=%41+b&c", "/", "/a?", "/a?&&=&a=", "/orders/7?page=2#top"] {
            assert_eq!(redacted(text), text);
        }
    }

    proptest! {
        #[test]
        fn planted_secret_is_gone(path in "/[a-z/]{0,9}", before in "[a-z]{1,4}=[a-z0-9%+]{0,6}", secret in "[A-Z]{12}[A-Za-z0-9 ;,/?=%+-]{0,12}") {
            let text = redacted(&format!("{path}?{before}&api_key={secret}&z=1"));
            prop_assert!(!text.contains(&secret[..12]), "{}", text);
            prop_assert!(text.ends_with("&z=1"));
        }

        #[test]
        fn target_never_panics(text in ".{0,80}") {
            let _ = redacted(&text);
        }
    }
}
