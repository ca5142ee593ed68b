//! Rewrites: the way there, and the way back.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const CLIENT: Authorities<'_> =
    Authorities { client_scheme: "https", client: "shop.example", backend: "10.0.0.5:8443" };

fn entry(path: &str) -> Match {
    let path = (!path.is_empty()).then(|| PathPattern::parse(path).unwrap());
    Match { host: None, path, methods: Vec::new(), headers: Vec::new(), query: Vec::new() }
}

/// A route with one path, rewritten, and a request for it.
struct Case {
    rewrite: Rewrite,
    captures: Captures,
    path: &'static str,
}

impl Case {
    fn new(from: &str, template: &str, path: &'static str) -> Case {
        let matches = [entry(from)];
        let captures = matches[0].path.as_ref().map_or(Captures::NONE, |pattern| pattern.matches(path).unwrap());
        Case { rewrite: Rewrite::new(template, &matches, true, true).unwrap(), captures, path }
    }

    fn original(&self) -> Original<'_> {
        Original { alternative: 0, captures: &self.captures, path: self.path }
    }

    fn there(&self) -> String {
        self.rewrite.path(self.original())
    }

    fn location(&self, location: &str) -> Option<String> {
        self.rewrite.location(self.original(), location, CLIENT)
    }

    fn cookie(&self, cookie: &str) -> Option<String> {
        self.rewrite.cookie(self.original(), cookie, "orders.internal")
    }
}

#[test]
fn captures_are_copied_as_they_are() {
    for (from, template, path, there) in [
        ("/orders/{id}", "/v2/orders/{id}", "/orders/7", "/v2/orders/7"),
        ("/orders/{id}", "/v2/orders/{id}", "/orders/a%2Fb%20c", "/v2/orders/a%2Fb%20c"),
        ("/t/{t}/o/{id}", "/o/{id}/of/{t}", "/t/acme/o/7", "/o/7/of/acme"),
        ("/t/{t}/o/{id}", "/o/{id}", "/t/acme/o/7", "/o/7"),
        ("/orders/{*rest}", "/v2/{*rest}", "/orders", "/v2"),
        ("/orders/{*rest}", "/v2/{*rest}", "/orders/", "/v2/"),
        ("/orders/{*rest}", "/v2/{*rest}", "/orders/7/items", "/v2/7/items"),
        ("/orders/{*rest}", "/{*rest}", "/orders", "/"),
        ("/orders/{*rest}", "/{*rest}", "/orders/x", "/x"),
        ("", "/fixed", "/whatever", "/fixed"),
        ("", "/fixed", "*", "*"),
    ] {
        assert_eq!(Case::new(from, template, path).there(), there, "{from} {template} {path}");
    }
}

#[test]
fn template_may_use_only_what_every_path_captures() {
    let matches = [entry("/orders/{id}"), entry("/orders"), entry("")];
    let error = Rewrite::new("/v2/{id}", &matches, true, true).unwrap_err();
    assert!(matches!(error, RewriteError::Missing { alternative: 1, .. }));
    assert!(error.to_string().contains("`{id}`") && error.to_string().contains("`/orders`"), "{error}");
    let error = Rewrite::new("/v2/{*id}", &matches[..1], true, true).unwrap_err();
    assert!(error.to_string().contains("`{*id}`"), "a capture of another kind is another one: {error}");
    assert!(Rewrite::new("/v2/{id}", &matches[2..], true, true).unwrap_err().to_string().contains("no path"));
    assert!(matches!(Rewrite::new("v2", &matches, true, true), Err(RewriteError::Template(PathError::NoSlash))));
}

#[test]
fn location_comes_back_by_template_or_prefix() {
    let case = Case::new("/orders/{id}", "/v2/orders/{id}", "/orders/7");
    for (location, back) in [
        ("/v2/orders/9", Some("/orders/9")),
        ("/v2/orders/7", Some("/orders/7")),
        ("/v2/orders/9?full=1&x=/v2/#frag", Some("/orders/9?full=1&x=/v2/#frag")),
        ("/v2/orders", Some("/orders")),
        ("/v2/orders/", Some("/orders/")),
        ("/v2/orders/9/items", Some("/orders/9/items")),
        ("/v2/ordersx", None),
        ("/v2", None),
        ("/login", None),
        ("/v2/orders/../../admin", None),
        ("/v2/orders/%2E%2e/admin", None),
        ("9", None),
        ("", None),
        ("?page=2", None),
    ] {
        assert_eq!(case.location(location).as_deref(), back, "{location}");
    }
}

#[test]
fn location_with_an_authority_is_mapped_if_it_is_ours() {
    let case = Case::new("/orders/{id}", "/v2/orders/{id}", "/orders/7");
    for (location, back) in [
        ("https://shop.example/v2/orders/9", Some("https://shop.example/orders/9")),
        ("https://SHOP.example:443/v2/orders/9#x", Some("https://SHOP.example:443/orders/9#x")),
        ("http://shop.example/v2/orders/9", Some("http://shop.example/orders/9")),
        ("http://10.0.0.5:8443/v2/orders/9?a", Some("https://shop.example/orders/9?a")),
        ("//10.0.0.5:8443/v2/orders", Some("//shop.example/orders")),
        ("//shop.example/v2/orders", Some("//shop.example/orders")),
        ("https://evil.example/v2/orders/9", None),
        ("https://shop.example@evil.example/v2/orders/9", None),
        ("https://shop.example:8443/v2/orders/9", None),
        ("ftp://shop.example/v2/orders/9", None),
        ("https://shop.example", None),
        ("mailto:a@shop.example", None),
    ] {
        assert_eq!(case.location(location).as_deref(), back, "{location}");
    }
}

#[test]
fn client_without_a_host_is_led_back_by_a_path() {
    let case = Case::new("/orders/{id}", "/v2/orders/{id}", "/orders/7");
    let nobody = Authorities { client: "", ..CLIENT };
    let back = case.rewrite.location(case.original(), "http://10.0.0.5:8443/v2/orders/9", nobody);
    assert_eq!(back.as_deref(), Some("/orders/9"));
}

#[test]
fn mapped_location_never_names_another_authority() {
    let case = Case::new("/{*rest}", "/v2/{*rest}", "/x");
    assert_eq!(case.location("/v2//evil.example/x"), None);
    assert_eq!(case.location("/v2/x/y").as_deref(), Some("/x/y"));
}

#[test]
fn what_the_template_leaves_out_is_as_in_the_request() {
    let case = Case::new("/t/{tenant}/orders/{id}", "/v2/orders/{id}", "/t/acme/orders/7");
    assert_eq!(case.location("/v2/orders/9").as_deref(), Some("/t/acme/orders/9"));
    assert_eq!(case.location("/v2/orders/9/items").as_deref(), Some("/t/acme/orders/9/items"));
    // Where the two do not go on alike, a mere begin says nothing.
    let case = Case::new("/orders/{id}/lines/{n}", "/v2/lines/{n}/{id}", "/orders/7/lines/1");
    assert_eq!(case.location("/v2/lines/3/8").as_deref(), Some("/orders/8/lines/3"));
    assert_eq!(case.location("/v2/lines"), None);
    assert_eq!(case.cookie_path_of("/v2/lines"), None);
}

impl Case {
    fn cookie_path_of(&self, path: &str) -> Option<String> {
        self.rewrite.cookie_path(self.original(), path)
    }
}

#[test]
fn cookies_come_back() {
    let case = Case::new("/orders/{id}", "/v2/orders/{id}", "/orders/7");
    for (cookie, back) in [
        ("sid=1; Path=/v2/orders; HttpOnly", Some("sid=1; Path=/orders; HttpOnly")),
        ("sid=1; path=/v2/orders/7;Secure", Some("sid=1; Path=/orders/7;Secure")),
        ("sid=1; Path=/v2", Some("sid=1; Path=/")),
        ("sid=1; Path=/v2/", Some("sid=1; Path=/")),
        ("sid=1; Domain=orders.internal; Path=/", Some("sid=1; Path=/")),
        ("sid=1; Domain=.ORDERS.internal", Some("sid=1")),
        ("sid=/v2/orders; Path=/", None),
        ("sid=1; Path=/v2x", None),
        ("sid=1; Domain=shop.example; Path=/other", None),
        ("Path=/v2/orders", None),
        ("sid=1; Path", None),
        ("", None),
    ] {
        assert_eq!(case.cookie(cookie).as_deref(), back, "{cookie}");
    }
}

proptest! {
    #[test]
    fn mapping_back_what_was_sent_gives_the_original(
        (from, template) in select(vec![
            ("/orders/{id}", "/v2/orders/{id}"), ("/a/{x}/{y}", "/{y}/b/{x}/"), ("/a/{x}/{y}", "/b/{y}"),
            ("/a/{x}/{*r}", "/{*r}"), ("/{*r}", "/v2/{*r}"), ("/a/{*r}", "/{*r}"), ("/a/{x}/", "/b"), ("/a/{x}", "/{x}"),
        ]),
        path in "/a?(/[a-c%2F.;]{1,6}){0,3}/?",
    ) {
        let matches = [entry(from)];
        let Some(captures) = matches[0].path.as_ref().unwrap().matches(&path) else { return Ok(()) };
        let rewrite = Rewrite::new(template, &matches, true, true).unwrap();
        let original = Original { alternative: 0, captures: &captures, path: &path };
        let there = rewrite.path(original);
        prop_assert!(there.starts_with('/'));
        prop_assert_eq!(rewrite.path_back(original, &there), Some(path.clone()));
    }

    #[test]
    fn any_answer_is_mapped_without_a_panic(text in ".*", path in "/v2[/a.%]{0,6}", tail in "[;= /a-zA-Z]{0,20}") {
        let case = Case::new("/{t}/orders/{*r}", "/v2/{*r}", "/acme/orders/7");
        for text in [&text, &path, &format!("https://shop.example{path}"), &format!("a=b; Path={path};{tail}")] {
            let _ = (case.location(text), case.cookie(text), case.cookie_path_of(text));
        }
    }
}
