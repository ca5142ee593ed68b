//! What must hold of every page, whatever strangers put into it.

use html5gum::{Token, Tokenizer};
use proptest::prelude::*;

use crate::report::printable;

/// What strangers may send.
const HOSTILE: [&str; 14] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "</textarea><script>alert(1)</script>",
    "</title></code></details><iframe src=//evil.example>",
    "&lt;script&gt;&#60;script&#62;",
    "\u{1b}[31mred\u{9b}2J",
    "\u{202e}cod.exe\u{2066}",
    "=cmd|'/c calc'!A1",
    "\0\u{7f}\u{feff}",
    "a\nb\r\nc\td",
    "{{ 7*7 }}{% endblock %}",
    "[redacted]",
];

/// Text of strangers: what breaks pages, and anything else.
pub(super) fn hostile() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        3 => (0..HOSTILE.len()).prop_map(|place| HOSTILE[place].to_owned()),
        1 => any::<String>(),
        1 => "[<>\"'&=/ a-z]{0,12}",
    ];
    proptest::collection::vec(part, 1..4).prop_map(|parts| parts.concat())
}

/// All of them at once.
pub(super) fn everything_hostile() -> String {
    HOSTILE.concat()
}

/// Holds that a page has no element, attribute or address that a template does not have, and nothing that a screen obeys.
pub(super) fn hold(page: &str) {
    let tags = [
        "!doctype",
        "html",
        "head",
        "meta",
        "title",
        "link",
        "script",
        "body",
        "a",
        "header",
        "nav",
        "img",
        "div",
        "span",
        "b",
        "details",
        "summary",
        "p",
        "form",
        "input",
        "button",
        "main",
        "h1",
        "h2",
        "section",
        "dl",
        "dt",
        "dd",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "code",
        "label",
        "textarea",
        "ul",
        "li",
        "ol",
        "select",
        "option",
        "time",
        "mark",
        "footer",
        "hr",
        "datalist",
        "article",
        "svg",
        "rect",
        "path",
        "g",
        "line",
        "text",
        "figure",
        "figcaption",
        "desc",
        "circle",
        "polyline",
    ];
    for token in Tokenizer::new(page) {
        let Ok(Token::StartTag(tag)) = token else { continue };
        let name = String::from_utf8_lossy(&tag.name).into_owned();
        assert!(tags.contains(&&*name), "<{name}>");
        for (attribute, value) in &tag.attributes {
            let attribute = String::from_utf8_lossy(attribute);
            let value = String::from_utf8_lossy(value);
            assert!(!attribute.starts_with("on") && attribute != "style", "{attribute}={value:?} of <{name}>");
            if matches!(&*attribute, "href" | "src" | "action" | "formaction") {
                assert!(value.starts_with(['/', '#']) && !value.starts_with("//"), "{attribute}={value:?} of <{name}>");
            }
        }
        let is_ours = || {
            tag.attributes.iter().any(|(attribute, value)| &***attribute == b"src" && value.starts_with(b"/assets/"))
        };
        assert!(name != "script" || is_ours(), "a script of strangers");
    }
    for line in page.lines() {
        assert_eq!(printable(line), line, "something is left to obey");
    }
}
