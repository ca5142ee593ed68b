//! Links within the console.

/// An address: this path, with the pairs whose value is not empty as its query.
#[must_use]
pub(super) fn link(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
    match query.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// The address of a route's page.
#[must_use]
pub(super) fn route(name: &str) -> String {
    format!("/routes/{}", segment(name))
}

/// The address of a generation's page.
#[must_use]
pub(super) fn generation(number: u64) -> String {
    format!("/changes/{number}")
}

/// A text as one segment of a path (RFC 3986, section 3.3): what is neither letter nor digit is written out.
#[must_use]
pub(super) fn segment(text: &str) -> String {
    // A plus is a plus in a path.
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// The address if it leads to a page here, else the board's.
#[must_use]
pub(super) fn local(next: &str) -> &str {
    let is_local = next.starts_with('/')
        && !next.starts_with("//")
        && next.len() <= LONGEST
        && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        && !next.starts_with("/log");
    if is_local { next } else { "/" }
}

/// The longest address that anything leads back to, in bytes.
const LONGEST: usize = 2000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn empty_pairs_are_left_out_and_others_are_escaped() {
        assert_eq!(link("/", &[("a", ""), ("b", "")]), "/");
        assert_eq!(link("/x", &[("a", "1&2"), ("b", ""), ("c", "é \"")]), "/x?a=1%262&c=%C3%A9+%22");
        assert_eq!(route("a b/c?d+e"), "/routes/a%20b%2Fc%3Fd%2Be");
    }

    #[test]
    fn one_is_led_back_only_to_pages_here() {
        for next in ["/", "/routes/a%20b?x=1&y=2", "/differences#top"] {
            assert_eq!(local(next), next);
        }
        for next in [
            "",
            "x",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\nb",
            "/a b",
            "/login",
            "/logout",
            "/é",
        ] {
            assert_eq!(local(next), "/", "{next:?}");
        }
        assert_eq!(local(&"/".repeat(LONGEST + 1)), "/");
    }

    proptest! {
        #[test]
        fn no_address_leads_elsewhere(next in "[/\\\\:a-z.\\n\\t ]{0,20}") {
            let local = local(&next);
            prop_assert!(local.starts_with('/') && !local[1..].starts_with(['/', '\\']));
        }

        #[test]
        fn a_link_is_plain_ascii(text in ".*") {
            let (link, route) = (link("/x", &[("q", &text)]), route(&text));
            prop_assert!(link.bytes().chain(route.bytes()).all(|byte| byte.is_ascii_graphic() && !b"\"'<>\\".contains(&byte)));
        }
    }
}
