//! Patterns: what they read, what they refuse, what they take.

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

fn path(text: &str) -> PathPattern {
    PathPattern::parse(text).unwrap()
}

/// What the captures take, if the template takes the path.
fn taken<'p>(template: &str, subject: &'p str) -> Option<Vec<&'p str>> {
    let captures = path(template).matches(subject)?;
    Some((0..captures.len()).map(|position| captures.get(position, subject).unwrap()).collect())
}

#[test]
fn templates_take_whole_segments() {
    assert_eq!(taken("/", "/"), Some(vec![]));
    assert_eq!(taken("/orders", "/orders"), Some(vec![]));
    assert_eq!(taken("/orders/{id}", "/orders/7"), Some(vec!["7"]));
    assert_eq!(taken("/{a}/x/{b}", "/1/x/2"), Some(vec!["1", "2"]));
    assert_eq!(taken("/orders/{id}", "/orders/a%2Fb"), Some(vec!["a%2Fb"]));
    for (template, other) in [
        ("/orders", "/orders/"),
        ("/orders/", "/orders"),
        ("/orders", "/Orders"),
        ("/orders", "/ordersx"),
        ("/orders", "//orders"),
        ("/orders/{id}", "/orders/"),
        ("/orders/{id}", "/orders"),
        ("/orders/{id}", "/orders/7/"),
        ("/orders/{id}/", "/orders/7"),
        ("/a%2fb", "/a%2Fb"),
        ("/", "*"),
        ("/", ""),
    ] {
        assert_eq!(taken(template, other), None, "{template} {other}");
    }
}

#[test]
fn rest_takes_all_that_is_left_also_nothing() {
    for (subject, rest) in
        [("/orders", ""), ("/orders/", ""), ("/orders/7", "7"), ("/orders/7/items/", "7/items/"), ("/orders//x", "/x")]
    {
        assert_eq!(taken("/orders/{*rest}", subject), Some(vec![rest]), "{subject}");
    }
    assert_eq!(taken("/orders/{*rest}", "/ordersx"), None);
    assert_eq!(taken("/{*rest}", "/"), Some(vec![""]));
    assert_eq!(taken("/{*rest}", "/a/b"), Some(vec!["a/b"]));
    assert_eq!(taken("/{*rest}", "*"), None);
    assert_eq!(taken("/{t}/{*rest}", "/acme"), Some(vec!["acme", ""]));
    assert_eq!(taken("/{t}/{*rest}", "/"), None);
}

#[test]
fn long_literals_and_all_captures_fit() {
    let long = format!("/{}/{{id}}", "x".repeat(700));
    assert_eq!(taken(&long, &format!("/{}/7", "x".repeat(700))), Some(vec!["7"]));
    assert_eq!(taken(&long, &format!("/{}y/7", "x".repeat(699))), None);
    let template: String = (0..MAX_CAPTURES).map(|n| format!("/{{c{n}}}")).collect();
    assert_eq!(taken(&template, "/0/1/2/3/4/5/6/7").unwrap().concat(), "01234567");
    assert_eq!(PathPattern::parse(&format!("{template}/{{more}}")), Err(PathError::TooMany));
}

#[test]
fn what_never_matches_is_refused_with_a_way_out() {
    use PathError as E;
    for (text, error) in [
        ("", E::NoSlash),
        ("orders", E::NoSlash),
        ("/a//b", E::DoubleSlash),
        ("//", E::DoubleSlash),
        ("/a/../b", E::DotSegment),
        ("/.", E::DotSegment),
        ("/a/%2e%2E/b", E::DotSegment),
        ("/a/.%2e", E::DotSegment),
        ("/a/..;x/b", E::DotSegment),
        ("/a?b=1", E::Character('?')),
        ("/a#b", E::Character('#')),
        ("/a b", E::Character(' ')),
        ("/a\tb", E::Character('\t')),
        ("/a\\b", E::Character('\\')),
        ("/größe", E::Character('ö')),
        ("/a%2", E::Percent),
        ("/100%", E::Percent),
        ("/a{id}", E::PartOfSegment("a{id}".into())),
        ("/{id}.json", E::PartOfSegment("{id}.json".into())),
        ("/{id", E::PartOfSegment("{id".into())),
        ("/{a}{b}", E::PartOfSegment("{a}{b}".into())),
        ("/{}", E::Name(String::new())),
        ("/{*}", E::Name(String::new())),
        ("/{1a}", E::Name("1a".into())),
        ("/{a-b}", E::Name("a-b".into())),
        ("/{id}/{id}", E::Twice("id".into())),
        ("/{*rest}/x", E::RestNotLast("{*rest}".into())),
        ("/{*rest}/", E::RestNotLast("{*rest}".into())),
    ] {
        assert_eq!(PathPattern::parse(text).unwrap_err(), error, "{text}");
        assert!(error.to_string().len() > 15, "{error}");
    }
    assert!(PathPattern::parse(&format!("/{}", "x".repeat(3000))).is_err());
    assert!(PathError::Character('ö').to_string().contains("%C3%B6"));
    assert!(PathError::Character(' ').to_string().contains("%20"));
}

#[test]
fn hosts_read_in_lower_case() {
    for (text, printed) in [
        ("Shop.Example", "shop.example"),
        ("shop.example.", "shop.example"),
        ("*.Shop.example", "*.shop.example"),
        ("localhost", "localhost"),
        ("10.0.0.1", "10.0.0.1"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
    ] {
        assert_eq!(HostPattern::parse(text).unwrap().to_string(), printed);
    }
    use HostError as E;
    for (text, error) in [
        ("", E::Empty),
        ("*.", E::Empty),
        ("*", E::Star),
        ("a.*.example", E::Star),
        ("*shop.example", E::Star),
        ("shop.example:80", E::NotAHost),
        ("http://shop.example", E::NotAHost),
        ("[::1]:80", E::NotAHost),
        ("shop..example", E::Label),
        (".example", E::Label),
        ("shop example", E::Character(' ')),
        ("müller.example", E::Character('ü')),
    ] {
        assert_eq!(HostPattern::parse(text).unwrap_err(), error, "{text}");
    }
    assert_eq!(HostPattern::parse(&"a.".repeat(150)), Err(E::TooLong));
}

#[test]
fn wildcard_needs_a_label_in_front() {
    let wildcard = HostPattern::parse("*.shop.example").unwrap();
    assert!(wildcard.matches("a.shop.example"));
    assert!(wildcard.matches("a.b.shop.example"));
    for host in ["shop.example", ".shop.example", "xshop.example", "a.shop.example.org", ""] {
        assert!(!wildcard.matches(host), "{host}");
    }
}

#[test]
fn header_sent_twice_satisfies_only_presence() {
    let name = HeaderName::from_static("x-api");
    let mut headers = HeaderMap::new();
    let holds =
        |value: ValueMatch, headers: &HeaderMap| HeaderCondition { name: name.clone(), value }.holds(&headers.into());
    assert!(!holds(ValueMatch::Present, &headers));
    headers.append(&name, HeaderValue::from_static("v2"));
    assert!(holds(ValueMatch::Present, &headers));
    assert!(holds(ValueMatch::Exact("v2".into()), &headers));
    assert!(!holds(ValueMatch::Exact("v".into()), &headers));
    assert!(holds(ValueMatch::Prefix("v".into()), &headers));
    assert!(holds(ValueMatch::regex("^v[0-9]$").unwrap(), &headers));
    headers.append(&name, HeaderValue::from_static("v2"));
    assert!(holds(ValueMatch::Present, &headers));
    for value in [ValueMatch::Exact("v2".into()), ValueMatch::Prefix("v".into()), ValueMatch::regex("v").unwrap()] {
        assert!(!holds(value, &headers));
    }
}

#[test]
fn query_is_compared_as_sent() {
    let holds = |query, name: &str, value| QueryCondition { name: name.into(), value }.holds(query);
    let exact = |text: &str| ValueMatch::Exact(text.into());
    assert!(holds(Some("full=1&x=2"), "full", exact("1")));
    assert!(holds(Some("x=2&full=1"), "full", exact("1")));
    assert!(holds(Some("full"), "full", exact("")));
    assert!(holds(Some("full="), "full", exact("")));
    assert!(holds(Some("full=a=b"), "full", exact("a=b")));
    assert!(holds(Some("full=%31"), "full", exact("%31")));
    assert!(!holds(Some("full=%31"), "full", exact("1")));
    assert!(!holds(Some("fuller=1"), "full", ValueMatch::Present));
    assert!(!holds(Some("full=1&full=1"), "full", exact("1")));
    assert!(holds(Some("full=1&full"), "full", ValueMatch::Present));
    assert!(!holds(None, "full", ValueMatch::Present));
    assert!(!holds(Some(""), "", ValueMatch::Present));
}

#[test]
fn expressions_that_take_too_much_are_refused() {
    for text in ["(a{1000}){1000}", "("] {
        assert!(ValueMatch::regex(text).is_err(), "{text}");
    }
    assert!(ValueMatch::regex(r"^\w{1,32}$").is_ok());
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in ".*", short in "[/a{}*.%2e]{0,12}") {
        let _ = (HostPattern::parse(&text), PathPattern::parse(&text), PathPattern::parse(&format!("/{short}")));
    }

    #[test]
    fn template_prints_what_was_written_and_takes_its_own_literals(text in "(/[a-z0-9:@-][a-z0-9;:@.-]{0,5}){1,4}/?") {
        let pattern = path(&text);
        prop_assert_eq!(pattern.to_string(), text.clone());
        prop_assert!(pattern.matches(&text).is_some());
        let longer = text + "/";
        prop_assert!(pattern.matches(&longer).is_none());
    }

    #[test]
    fn any_path_is_matched_without_a_panic(subject in ".*", slashed in "[/a]{0,8}") {
        for template in ["/", "/a", "/{x}", "/a/{x}/", "/{x}/{*y}", "/a/{*y}", "/{*y}"] {
            for subject in [&subject, &slashed] {
                if let Some(captures) = path(template).matches(subject) {
                    for position in 0..captures.len() {
                        prop_assert!(captures.get(position, subject).is_some());
                    }
                }
            }
        }
    }
}
