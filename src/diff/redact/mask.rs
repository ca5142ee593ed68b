//! Secrets that show by their looks, wherever they stand: credentials after `Bearer` or `Basic`, JSON Web Tokens, names
//! and passwords in URLs, and secret parameters in URLs.

use std::borrow::Cow;
use std::ops::Range;

use super::{REDACTED, is_secret_name};

/// The fewest characters after `Bearer` or `Basic` that are taken for a credential.
const MIN_CREDENTIAL: usize = 6;
/// What a challenge begins with, where an answer has a credential (RFC 6750 §3, RFC 7617 §2, RFC 9470 §3, RFC 9728 §5.1).
const CHALLENGES: [&[u8]; 9] = [
    b"realm",
    b"charset",
    b"scope",
    b"error",
    b"error_description",
    b"error_uri",
    b"acr_values",
    b"max_age",
    b"resource_metadata",
];
/// The longest parameter name that is looked at, in bytes.
const MAX_NAME: usize = 128;

/// The text without what looks like a secret. The rest stays byte for byte.
#[must_use]
pub fn mask(text: &str) -> Cow<'_, str> {
    let spans = spans(text.as_bytes());
    if spans.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(replaced(text, &spans)) }
}

/// The same for text without a structure that could be read, where secrets may stand after their names as well:
/// `password: x`, `API_KEY=x`, `"token": "x"`.
#[must_use]
pub fn mask_text(text: &str) -> Cow<'_, str> {
    let mut spans = spans(text.as_bytes());
    spans.extend(assigned(text.as_bytes()));
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    spans.sort_by_key(|span| span.start);
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(spans.len());
    for span in spans {
        match apart.last_mut().filter(|last| span.start < last.end) {
            Some(last) => last.end = last.end.max(span.end),
            None => apart.push(span),
        }
    }
    Cow::Owned(replaced(text, &apart))
}

/// The text with these spans, sorted and apart, replaced; the spans lie at character boundaries.
pub(super) fn replaced(text: &str, spans: &[Range<usize>]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for span in spans {
        out.push_str(&text[from..span.start]);
        // A name and password before a host are taken out: a URL with brackets there would be none.
        if text[span.end..].starts_with('@') {
            out.push('-')
        } else {
            out.push_str(REDACTED)
        }
        from = span.end;
    }
    out.push_str(&text[from..]);
    out
}

/// Where such secrets stand: sorted, apart, and bounded by ASCII characters.
pub(super) fn spans(text: &[u8]) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let found = match text[at] {
            b'e' if text[at..].starts_with(b"eyJ") && !after_word(text, at) => {
                let run = token_run(text, at);
                if !is_token(text, &run) {
                    // Nothing in it is looked at again: else many of these would take for ever.
                    at = run.end;
                    continue;
                }
                Some(run)
            }
            b'B' | b'b' if !after_word(text, at) => credential(text, at),
            b':' if text[at..].starts_with(b"://") => userinfo(text, at + 3),
            b'?' | b'&' | b'#' | b';' => parameter(text, at),
            _ => None,
        };
        match found {
            Some(span) => {
                at = span.end.max(at + 1);
                spans.push(span);
            }
            None => at += 1,
        }
    }
    spans
}

fn after_word(text: &[u8], at: usize) -> bool {
    at > 0 && text[at - 1].is_ascii_alphanumeric()
}

fn run(text: &[u8], from: usize, part: impl Fn(u8) -> bool) -> usize {
    text[from..].iter().position(|byte| !part(*byte)).map_or(text.len(), |length| from + length)
}

/// Characters that a JSON Web Token may be made of.
fn token_run(text: &[u8], at: usize) -> Range<usize> {
    at..run(text, at, |byte| byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte))
}

/// Whether it is a JSON Web Token (RFC 7519): base64url parts with dots between them, the first an encoded `{"`.
fn is_token(text: &[u8], run: &Range<usize>) -> bool {
    let dots = text[run.clone()].iter().filter(|byte| **byte == b'.').count();
    // An excerpt may be cut within one.
    dots >= 2 || text[run.end..].starts_with("…".as_bytes())
}

/// What follows `Bearer` or `Basic` (RFC 6750, RFC 7617).
fn credential(text: &[u8], at: usize) -> Option<Range<usize>> {
    let scheme = run(text, at, |byte| byte.is_ascii_alphabetic());
    if ![&b"bearer"[..], b"basic"].iter().any(|known| text[at..scheme].eq_ignore_ascii_case(known)) {
        return None;
    }
    let start = run(text, scheme, |byte| byte == b' ' || byte == b'\t');
    if start == scheme {
        return None;
    }
    let end = run(text, start, |byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte));
    // A challenge has a quoted value here: `Bearer realm="shop"`.
    let named = text[start..end].strip_suffix(b"=").is_some_and(|name| CHALLENGES.contains(&name));
    let challenge = text.get(end) == Some(&b'"') && named;
    (end - start >= MIN_CREDENTIAL && !challenge).then_some(start..end)
}

/// `name:password` of a URL (RFC 3986 §3.2.1).
fn userinfo(text: &[u8], at: usize) -> Option<Range<usize>> {
    let end = run(text, at, |byte| !b"/?# \t\r\n\"'<>\\".contains(&byte));
    let sign = text[at..end].iter().rposition(|byte| *byte == b'@')?;
    (sign > 0).then_some(at..at + sign)
}

/// The value of a parameter with a secret name: after `?`, `&` and `#` in a query or a fragment, after `;` in a path.
fn parameter(text: &[u8], at: usize) -> Option<Range<usize>> {
    // In HTML and XML an ampersand is spelled out.
    let name = if text[at..].starts_with(b"&amp;") { at + 5 } else { at + 1 };
    let limit = text.len().min(name + MAX_NAME);
    let sign = run(&text[..limit], name, |byte| !b"=&?#;/ \t\r\n\"'<>\\".contains(&byte));
    if text.get(sign) != Some(&b'=') || !is_secret_name(&super::url::decoded(&text[name..sign])) {
        return None;
    }
    let stops: &[u8] = if text[at] == b';' { b"&#;/? \t\r\n\"'<>\\" } else { b"&# \t\r\n\"'<>\\" };
    let end = run(text, sign + 1, |byte| !stops.contains(&byte));
    (end > sign + 1).then_some(sign + 1..end)
}

/// Where values stand after secret names.
fn assigned(text: &[u8]) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    let mut from = 0;
    while let Some(sign) = text[from..].iter().position(|byte| matches!(byte, b'=' | b':')).map(|length| from + length)
    {
        from = sign + 1;
        let name = text[sign.saturating_sub(MAX_NAME)..sign].trim_ascii_end();
        let name = name.strip_suffix(b"\"").or_else(|| name.strip_suffix(b"'")).unwrap_or(name);
        let part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
        let name = &name[name.iter().rposition(|byte| !part(byte)).map_or(0, |at| at + 1)..];
        if !std::str::from_utf8(name).is_ok_and(is_secret_name) {
            continue;
        }
        let start = run(text, from, |byte| byte == b' ' || byte == b'\t');
        let span = match text.get(start) {
            Some(quote @ (b'"' | b'\'')) => start + 1..run(text, start + 1, |byte| byte != *quote && byte != b'\n'),
            Some(b'{' | b'[') => start..closing(text, start),
            _ => start..run(text, start, |byte| !b" \t\r\n,;&<>\"'".contains(&byte)),
        };
        from = span.end;
        if !span.is_empty() {
            spans.push(span);
        }
    }
    spans
}

/// Where what a bracket opens ends; the end of the text, if it does not.
fn closing(text: &[u8], start: usize) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.iter().enumerate().skip(start) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln-_x";

    #[test]
    fn tokens_are_masked_wherever_they_stand() {
        assert_eq!(mask(&format!("a {JWT}, b")), "a [redacted], b");
        assert_eq!(mask(&format!("{{\"x\":\"{JWT}\"}}")), "{\"x\":\"[redacted]\"}");
        assert_eq!(mask("heyJude.a.b"), "heyJude.a.b");
    }

    #[test]
    fn credentials_are_masked_and_challenges_are_not() {
        assert_eq!(mask("Authorization: Bearer abc.def-123"), "Authorization: Bearer [redacted]");
        assert_eq!(mask("bearer  dG9rZW4="), "bearer  [redacted]");
        assert_eq!(mask("Basic dXNlcjpwdw=="), "Basic [redacted]");
        // Quoted, base64 that ends in an equals sign looks like the name in a challenge.
        assert_eq!(mask(r#"{"x":"Basic dXNlcjpwdw=="}"#), r#"{"x":"Basic [redacted]"}"#);
        assert_eq!(mask(r#""Basic dXNlcjpwdzE=""#), r#""Basic [redacted]""#);
        assert_eq!(mask("Bearer realm=\"shop\""), "Bearer realm=\"shop\"");
    }

    #[test]
    fn values_after_secret_names_are_masked_in_text() {
        assert_eq!(mask_text("DB_PASSWORD=x y"), "DB_PASSWORD=[redacted] y");
        assert_eq!(mask_text("{'token' : \"a b\", 'id': 7,}"), "{'token' : \"[redacted]\", 'id': 7,}");
        assert_eq!(
            mask_text(&format!("Authorization: Bearer {JWT}\nA: b")),
            "Authorization: [redacted] [redacted]\nA: b"
        );
        assert_eq!(mask_text("time: 10:30, a=b"), "time: 10:30, a=b");
        assert_eq!(mask_text(r#""token": {"v": ["}", "a"]}, "b": 1"#), r#""token": [redacted], "b": 1"#);
        assert_eq!(mask_text("secrets: [a, b"), "secrets: [redacted]");
        assert_eq!(mask_text("token: [redacted] b"), "token: [redacted] b");
    }

    #[test]
    fn urls_lose_passwords_and_secret_parameters() {
        assert_eq!(mask("https://joe:pw@shop.example/x"), "https://-@shop.example/x");
        assert_eq!(mask("see https://shop.example/a@b"), "see https://shop.example/a@b");
        assert_eq!(mask("</r?a=1&token=abc&b=2>; rel=next"), "</r?a=1&token=[redacted]&b=2>; rel=next");
        assert_eq!(mask("/cb#access_token=abc&state=1"), "/cb#access_token=[redacted]&state=1");
        assert_eq!(mask("/cart;jsessionid=AB12?x=1"), "/cart;jsessionid=[redacted]?x=1");
        assert_eq!(mask("href=\"/r?a=1&amp;token=abc\""), "href=\"/r?a=1&amp;token=[redacted]\"");
        assert_eq!(mask("/r?to%6ben=abc"), "/r?to%6ben=[redacted]");
    }

    #[test]
    fn time_grows_with_the_text_and_no_faster() {
        for text in ["eyJ-", "bearer-", "bearer ", "://", "?token", "&token=", "token=\"", "a:", "; "] {
            let long = text.repeat(1_000_000);
            assert!(!mask_text(&long).is_empty());
        }
    }

    proptest! {
        #[test]
        fn masking_twice_is_masking_once(text in "[a-zA-Z0-9?&=#;:/@ .é]{0,80}") {
            let once = mask(&text).into_owned();
            prop_assert_eq!(mask(&once).into_owned(), once.clone());
        }

        #[test]
        fn planted_token_is_gone(before in ".{0,20}", after in "[ ,;\"].{0,20}") {
            let text = format!("{before} {JWT}{after}");
            let masked = mask(&text).into_owned();
            prop_assert!(!mask_text(&text).contains("eyJzdWIiOiIxIn0"));
            prop_assert!(!masked.contains("eyJzdWIiOiIxIn0"));
        }
    }
}
