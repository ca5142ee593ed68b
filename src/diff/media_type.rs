//! Media types, as Content-Type spells them (RFC 9110 §8.3.1).

use std::borrow::Cow;

/// A media type with its parameters, in one spelling: case, spacing, quotes and the order of parameters do not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType {
    /// `type/subtype`, lower-case.
    pub essence: String,
    /// Names, lower-case, and values; sorted. Of a repeated parameter the first one counts.
    pub parameters: Vec<(String, String)>,
}

impl MediaType {
    /// Reads the value of a Content-Type header; `None` if there is no `type/subtype` in it.
    #[must_use]
    pub fn parse(text: &str) -> Option<MediaType> {
        let mut parts = split_unquoted(text, ';').into_iter();
        let essence = parts.next()?.trim().to_ascii_lowercase();
        let (kind, subtype) = essence.split_once('/')?;
        if kind.is_empty() || subtype.is_empty() || essence.contains([' ', '\t', ',']) {
            return None;
        }
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let name = name.trim().to_ascii_lowercase();
            if parameters.iter().all(|(known, _)| *known != name) {
                let value = unquote(value.trim()).into_owned();
                // Names of charsets are case-insensitive (RFC 9110 §8.3.2).
                let value = if name == "charset" { value.to_ascii_lowercase() } else { value };
                parameters.push((name, value));
            }
        }
        parameters.sort();
        Some(MediaType { essence, parameters })
    }

    /// The value of a parameter; its name in lower case.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether it is `application/json` or says `+json`.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.essence == "application/json" || self.essence == "text/json" || self.essence.ends_with("+json")
    }

    /// The same without what says nothing about the content: the charset of JSON, which is always UTF-8 (RFC 8259 §8.1,
    /// §11), and the boundary of multipart bodies, which is made anew for each.
    #[must_use]
    pub fn meaningful(mut self) -> MediaType {
        let (json, multipart) = (self.is_json(), self.essence.starts_with("multipart/"));
        self.parameters.retain(|(name, _)| !(json && name == "charset" || multipart && name == "boundary"));
        self
    }
}

/// Splits at a separator that stands outside of quoted strings (RFC 9110 §5.6.4).
#[must_use]
pub fn split_unquoted(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, character) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if quoted && character == '\\' {
            escaped = true;
        } else if character == '"' {
            quoted = !quoted;
        } else if character == separator && !quoted {
            parts.push(&text[start..at]);
            start = at + separator.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

/// A quoted string without quotes and escapes; anything else as it is.
#[must_use]
pub fn unquote(text: &str) -> Cow<'_, str> {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Cow::Borrowed(text);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        plain.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spelling_does_not_matter() {
        let plain = MediaType::parse("text/html; charset=utf-8; level=1").unwrap();
        for other in ["TEXT/html;charset=UTF-8;level=1", "text/html ; LEVEL=\"1\" ;; charset=\"utf-8\""] {
            assert_eq!(MediaType::parse(other).unwrap(), plain, "{other}");
        }
        assert_ne!(MediaType::parse("text/html; charset=latin1; level=1").unwrap(), plain);
    }

    #[test]
    fn separators_in_quotes_do_not_separate() {
        let media = MediaType::parse(r#"a/b; x="1;\"2"; y=3"#).unwrap();
        assert_eq!(media.parameter("x"), Some(r#"1;"2"#));
        assert_eq!(media.parameter("y"), Some("3"));
    }

    #[test]
    fn what_is_none_is_none() {
        for text in ["", "json", "/json", "application/", "a/b, c/d", ";charset=utf-8"] {
            assert_eq!(MediaType::parse(text), None, "{text}");
        }
    }

    #[test]
    fn charset_of_json_says_nothing() {
        let json = |text| MediaType::parse(text).unwrap().meaningful();
        assert_eq!(json("application/problem+json; charset=utf-8"), json("application/problem+json"));
        assert_ne!(json("text/plain; charset=utf-8"), json("text/plain"));
    }

    proptest! {
        #[test]
        fn parse_never_panics(text in ".{0,60}") {
            let _ = MediaType::parse(&text).map(MediaType::meaningful);
        }
    }
}
