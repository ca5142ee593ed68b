//! Headers as they may be kept.

use http::header::{CONTENT_LOCATION, LINK, LOCATION, REFERER, REFRESH};
use http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};

use super::{REDACTED, is_secret_header, mask, url};
use crate::diff::{Rules, Selector};

/// All headers, in order, as they may be kept. Of cookies the names stay, and of those that are set the attributes; of
/// secret headers nothing does; URLs lose passwords and the values of secret parameters. Bytes that are no UTF-8 are
/// replaced.
#[must_use]
pub fn headers(headers: &HeaderMap, rules: &Rules) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), header_value(name, value, rules))).collect()
}

/// One value, as it may be kept or shown.
pub(in crate::diff) fn header_value(name: &HeaderName, value: &HeaderValue, rules: &Rules) -> String {
    if rules.redact.iter().any(|selector| matches!(selector, Selector::Header(known) if known == name.as_str())) {
        return REDACTED.to_owned();
    }
    let text = String::from_utf8_lossy(value.as_bytes());
    if *name == COOKIE {
        return text.split(';').map(cookie).collect::<Vec<_>>().join("; ");
    }
    if *name == SET_COOKIE {
        let (first, attributes) = text.split_at(text.find(';').unwrap_or(text.len()));
        return cookie(first) + &mask::mask(attributes);
    }
    if is_secret_header(name.as_str()) {
        return REDACTED.to_owned();
    }
    if [LOCATION, CONTENT_LOCATION, REFERER, REFRESH].contains(name) {
        return url::target(&text, &rules.redact);
    }
    if *name == LINK {
        // Each target stands in angle brackets (RFC 8288 §3).
        let parts = text.split_inclusive('>').map(|part| match part.split_once('<') {
            Some((before, link)) => {
                let (link, end) = link.strip_suffix('>').map_or((link, ""), |link| (link, ">"));
                format!("{}<{}{end}", mask::mask(before), url::target(link, &rules.redact))
            }
            None => mask::mask(part).into_owned(),
        });
        return parts.collect();
    }
    mask::mask(&text).into_owned()
}

/// The name of a cookie; without one, all of it is the value (RFC 6265bis §5.6).
fn cookie(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, _)) => format!("{}={REDACTED}", name.trim()),
        None => REDACTED.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kept(name: &str, value: &str) -> String {
        let redact = vec![Selector::parse("header:X-Customer").unwrap(), Selector::parse("query:email").unwrap()];
        let rules = Rules { redact, ..Rules::default() };
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        header_value(&name, &HeaderValue::from_bytes(value.as_bytes()).unwrap(), &rules)
    }

    #[test]
    fn cookies_keep_their_names() {
        assert_eq!(kept("Cookie", "a=1; sid=\"x=y\";b"), "a=[redacted]; sid=[redacted]; [redacted]");
        assert_eq!(kept("Set-Cookie", "sid=abc; Path=/; HttpOnly"), "sid=[redacted]; Path=/; HttpOnly");
        assert_eq!(kept("Set-Cookie", "alone"), REDACTED);
    }

    #[test]
    fn secret_and_selected_headers_keep_nothing() {
        for name in ["Authorization", "X-Api-Key", "X-Customer", "Banyan-Secret"] {
            assert_eq!(kept(name, "Bearer abc"), REDACTED);
        }
    }

    #[test]
    fn urls_in_headers_keep_no_secrets() {
        assert_eq!(kept("Location", "https://u:p@x/cb?email=a b&q=1"), "https://-@x/cb?email=[redacted]&q=1");
        assert_eq!(kept("Link", "</a?token=x>; rel=next"), "</a?token=[redacted]>; rel=next");
        assert_eq!(
            kept("Link", "</a?x=1&email=j>; rel=next, </b>; rel=\"prev\""),
            "</a?x=1&email=[redacted]>; rel=next, </b>; rel=\"prev\""
        );
        assert_eq!(kept("Refresh", "5; url=/a?email=j"), "5; url=/a?email=[redacted]");
        assert_eq!(kept("X-Original-Url", "/reset?password=x"), "/reset?password=[redacted]");
        assert_eq!(kept("Content-Type", "text/html; charset=utf-8"), "text/html; charset=utf-8");
    }

    proptest! {
        #[test]
        fn planted_secret_is_gone(secret in "[A-Z]{12}[!-:<-~]{0,9}") {
            for (name, value) in [
                ("cookie", format!("a=1; sid={secret}")),
                ("set-cookie", format!("sid={secret}; Path=/")),
                ("authorization", secret.clone()),
                ("location", format!("/a?email={secret}")),
            ] {
                prop_assert!(!kept(name, &value).contains(&secret[..12]), "{}", name);
            }
        }
    }
}
