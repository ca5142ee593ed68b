//! Edits of texts.

use proptest::prelude::*;

use super::*;

fn nothing(_: &str) -> Option<String> {
    None
}

fn edit(text: &str, target: &str, path: &str, value: &str) -> Result<Option<String>, EditError> {
    let (path, value) = (KeyPath::parse(path)?, Value::parse(value)?);
    let sheet = Sheet::parse(text)?;
    let routes = sheet.routes(&Target::parse(target), &path, &nothing);
    assert!(!routes.is_empty(), "no route {target}");
    sheet.set(&routes, &path, &value)
}

#[track_caller]
fn becomes(text: &str, path: &str, value: &str, after: &str) {
    let edited = edit(text, "a", path, value).unwrap().unwrap();
    assert_eq!(edited, after);
    assert_eq!(edit(&edited, "a", path, value), Ok(None));
}

#[test]
fn a_value_is_replaced_and_all_else_stays() {
    let text = "# head\nroutes:\n  - name: b\n    stage: canary\n  - name: a # it\n    stage:   'canary'   # soon # live\n\n    # tail\n";
    becomes(text, "stage", "live", &text.replace("'canary'", "'live'"));
    let text = "routes: [{ name: b, canary: { percent: 5 } }, {name: a,canary: {percent: 5 , by: user}, }] # x";
    becomes(text, "canary.percent", "12.5", &text.replace("5 ,", "12.5 ,"));
    becomes(
        text,
        "canary",
        "{ percent: 7, by: user }",
        &text.replace("{percent: 5 , by: user}", "{ percent: 7, by: user }"),
    );
    let text = "routes:\n- name: a\n  match: { path: \"/orders/{id}\" }\n  timeout: 5s\n";
    becomes(text, "match.path", "/o/{id}", &text.replace("/orders/", "/o/"));
    becomes(text, "timeout", "250ms", &text.replace("5s", "250ms"));
    becomes(
        text,
        "match",
        "[{path: /x}, {path: '/y/{z}'}]",
        &text.replace("{ path: \"/orders/{id}\" }", "[{path: /x}, {path: '/y/{z}'}]"),
    );
}

#[test]
fn quotes_are_set_where_yaml_needs_them() {
    let text = "routes:\n- { name: a, owner: b }\n";
    becomes(text, "owner", "x,y", &text.replace("b }", "\"x,y\" }"));
    becomes(text, "owner", "\"7\"", &text.replace("b }", "\"7\" }"));
    becomes(text, "owner", "'it''s'", &text.replace("b }", "\"it's\" }"));
    becomes(text, "owner", "${X}", &text.replace("b }", "\"${X}\" }"));
    let text = "routes:\n- name: a\n  owner: b\n";
    becomes(text, "owner", "${X}", &text.replace("owner: b", "owner: ${X}"));
    becomes(text, "owner", "x # no comment", &text.replace("owner: b", "owner: x"));
    becomes(text, "match", "path: /x\nmethods: [GET]", &format!("{text}  match: {{ path: /x, methods: [GET] }}\n"));
}

#[test]
fn a_missing_key_comes_in_the_style_of_its_mapping() {
    let text = "routes:\n  - name: a\n    new: n # to here\n\n    # about b\n  - name: b\n";
    becomes(text, "stage", "live", &text.replace("# to here\n", "# to here\n    stage: live\n"));
    becomes(text, "canary.percent", "5", &text.replace("# to here\n", "# to here\n    canary: { percent: 5 }\n"));
    let text = "routes:\r\n  - name: a\r\n    canary:\r\n      by: user";
    becomes(text, "canary.percent", "5", "routes:\r\n  - name: a\r\n    canary:\r\n      by: user\r\n      percent: 5");
    becomes(text, "owner", "x", "routes:\r\n  - name: a\r\n    canary:\r\n      by: user\r\n    owner: x");
    let text = "routes: [\n  { name: a,\n    new: n, # to\n  }\n]\n";
    becomes(text, "stage", "live", &text.replace("new: n,", "new: n, stage: live,"));
    let text = "\u{feff}routes: [{ name: a, canary: {} }]\n";
    becomes(text, "canary.percent", "5", &text.replace("{}", "{ percent: 5 }"));
    for null in ["", " ", " ~", " null", " # none"] {
        let text = format!("routes:\n- canary:{null}\n  name: a\n");
        let edited = edit(&text, "a", "canary.percent", "5").unwrap().unwrap();
        assert!(edited.contains("\n- canary: { percent: 5 }"), "{edited}");
    }
}

#[test]
fn lines_are_replaced_by_one() {
    let text =
        "routes:\n- name: a\n  canary:   # who\n    # first\n    percent: 5\n    by:\n      user\n  stage: live # x\n";
    becomes(
        text,
        "canary",
        "{ percent: 6 }",
        "routes:\n- name: a\n  canary: { percent: 6 }   # who\n    # first\n  stage: live # x\n",
    );
    let text = "routes:\n- name: a\n  canary:\n    cohorts:\n    - x\n    - y";
    becomes(text, "canary.cohorts", "[z]", "routes:\n- name: a\n  canary:\n    cohorts: [z]");
    let text = "routes:\n- name: a\n  owner: |\n    folks # no comment\n\n# end\n";
    becomes(text, "owner", "b", "routes:\n- name: a\n  owner: b\n\n# end\n");
    becomes(text, "stage", "live", "routes:\n- name: a\n  owner: |\n    folks # no comment\n\n  stage: live\n# end\n");
    let text = "routes:\n- name: a\n  owner: >-   # why\n    folks\n  stage: live\n";
    assert_eq!(edit(text, "a", "owner", "b").unwrap_err().place, Some((3, 15)));
}

#[test]
fn a_comment_within_what_is_replaced_is_not_lost() {
    let text = "routes:\n- name: a\n  canary:\n    percent: 5 # five\n    by: 'user#'\n";
    let error = edit(text, "a", "canary", "{ percent: 6 }").unwrap_err();
    assert_eq!(error.place, Some((4, 16)));
    let text = "routes:\n- name: a\n  canary: { percent: 5, # five\n    by: user }\n";
    assert_eq!(edit(text, "a", "canary", "{ percent: 6 }").unwrap_err().place, Some((3, 25)));
    let text = "routes:\n- name: a\n  canary: { percent: 5, by: 'u#', of: x#y }\n";
    becomes(text, "canary", "{ percent: 6 }", "routes:\n- name: a\n  canary: { percent: 6 }\n");
}

const SHARED: &str = "routes:
- name: a
  group: g
  canary: &c # both
    percent: 5
- { name: b, group: g, canary: *c }
- { name: c, canary: { percent: 5 } }
";

#[test]
fn what_is_shared_by_an_anchor_changes_for_all_or_not_at_all() {
    let error = edit(SHARED, "a", "canary.percent", "6").unwrap_err();
    assert_eq!(error.place, Some((4, 11)));
    assert!(error.message.contains("share"), "{error}");
    assert!(edit(SHARED, "b", "canary.percent", "6").is_err());
    let both = edit(SHARED, "group:g", "canary.percent", "6").unwrap().unwrap();
    assert_eq!(both, SHARED.replacen("percent: 5", "percent: 6", 1));
    let whole = edit(SHARED, "group:g", "canary", "{ percent: 7 }").unwrap().unwrap();
    assert_eq!(whole, SHARED.replace("&c # both\n    percent: 5", "&c { percent: 7 } # both"));
    becomes(
        &SHARED.replace("name: a", "name: z").replace("name: b", "name: a"),
        "canary",
        "{ percent: 8 }",
        &SHARED.replace("name: a", "name: z").replace("name: b", "name: a").replace("*c", "{ percent: 8 }"),
    );
}

#[test]
fn the_shipped_file_is_edited_like_any_other() {
    let text = include_str!("../../../routes.yaml");
    let raised = edit(text, "group:orders", "canary.percent", "30").unwrap().unwrap();
    assert_eq!(raised, text.replace("percent: 25 # raise", "percent: 30 # raise"));
    let live = edit(text, "group:orders", "stage", "live").unwrap().unwrap();
    assert_eq!(live.lines().zip(text.lines()).filter(|(one, other)| one != other).count(), 3);
    assert_eq!(edit(text, "orders-read", "canary.percent", "30").unwrap_err().place, Some((105, 13)));
    let own = edit(text, "orders-read", "canary", "{ percent: 30, by: tenant }").unwrap().unwrap();
    assert_eq!(own, text.replacen("canary: *orders", "canary: { percent: 30, by: tenant }", 1));
    let owner = edit(text, "catalog", "timeout", "5s").unwrap().unwrap();
    assert!(owner.contains("    stage: complete\n    timeout: 5s\n\n# ---"), "{owner}");
}

#[test]
fn what_cannot_be_taken_apart_is_refused() {
    let code = |text: &str, path: &str| edit(text, "a", path, "5").unwrap_err().to_string();
    assert!(code("routes: [{ name: a, owner: !!str x }]", "owner").contains("tag"));
    assert!(code("routes: [{ name: a, canary: 5 }]", "canary.percent").contains("`canary` is no mapping"));
    assert!(code("routes: [{ name: a, canary: [] }]", "canary.percent").contains("no mapping"));
    assert!(code("routes:\n- ? name\n  : a\n  ? owner\n  : x\n", "owner").contains("by hand"));
    assert!(Sheet::parse("a: [").is_err());
    assert!(Value::parse("").is_err() && Value::parse("{ a").is_err() && Value::parse("# x").is_err());
    assert!(KeyPath::parse("a..b").is_err() && KeyPath::parse("").is_err());
}

#[test]
fn a_group_is_set_where_it_has_the_key() {
    let text = "routes: [{ name: a, group: g, stage: canary }, { name: b, group: g }, { name: c }]";
    let sheet = Sheet::parse(text).unwrap();
    let found = sheet.routes(&Target::parse("group:g"), &KeyPath::parse("stage").unwrap(), &nothing);
    assert_eq!(
        found.iter().map(|route| (&*route.name, route.has_key)).collect::<Vec<_>>(),
        [("a", true), ("b", false)]
    );
    assert_eq!(sheet.names().collect::<Vec<_>>(), ["a", "b", "c"]);
}

/// One route as it may be written: its mapping as lines, or in brackets.
#[derive(Debug, Clone)]
struct Written {
    keys: Vec<(&'static str, String)>,
    is_flow: bool,
    comments: Vec<bool>,
}

impl Written {
    fn text(&self, number: usize, line_break: &str) -> String {
        let keys = [("name", format!(" r{number}"))].into_iter().chain(self.keys.iter().cloned());
        if self.is_flow {
            let keys: Vec<String> = keys.map(|(key, value)| format!("{key}: {}", in_brackets(&value))).collect();
            return format!("  - {{ {} }}{line_break}", keys.join(", "));
        }
        let mut out = String::new();
        for (place, (key, value)) in keys.enumerate() {
            let dash = if place == 0 { "- " } else { "  " };
            let comment = if self.comments[place] { format!(" # of {key} {number}") } else { String::new() };
            let value = value.replace('\n', line_break);
            // Behind a value of many lines, a comment would be in another place.
            let (value, comment) = match value.split_once(line_break) {
                // A plain scalar may not be interrupted.
                Some((" two", _)) => (value, String::new()),
                Some((first, rest)) => (format!("{first}{comment}{line_break}{rest}"), String::new()),
                None => (value, comment),
            };
            out += &format!("  {dash}{key}:{value}{comment}{line_break}");
            if self.comments[place + 1] {
                out += &format!("{line_break}  # line {place} of {number}{line_break}");
            }
        }
        out
    }
}

fn in_brackets(value: &str) -> String {
    let written = Value::parse(&format!("x:{value}")).unwrap().write(true, None);
    written.strip_prefix("{ x: ").and_then(|rest| rest.strip_suffix(" }")).unwrap().to_owned()
}

fn written() -> impl Strategy<Value = Written> {
    let stage = prop_oneof![Just(" live"), Just(" 'canary'"), Just(" \"legacy\""), Just("  shadow"), Just("")];
    let owner = prop_oneof![
        Just(" a b"),
        Just(" é # no"),
        Just(" \"x # y\""),
        Just(" |\n      text # in\n      more"),
        Just(" >-\n      folded"),
        Just(" 'it''s'"),
        Just(" two\n      lines")
    ];
    let canary = prop_oneof![
        Just(" { percent: 5, by: user }"),
        Just(" {percent: 5 ,by: \"user\",}"),
        Just("\n      percent: 5\n      by: user"),
        Just(" ~"),
        Just(" {}"),
        Just("\n      cohorts:\n      - a\n      - b"),
        Just(" [a, {b: c}]")
    ];
    let keys = (prop::option::of(stage), prop::option::of(owner), prop::option::of(canary)).prop_map(|(s, o, c)| {
        let keys = [("stage", s), ("owner", o), ("canary", c)];
        keys.into_iter().filter_map(|(key, value)| Some((key, value?.to_owned()))).collect::<Vec<_>>()
    });
    (keys.prop_shuffle(), any::<bool>(), prop::collection::vec(any::<bool>(), 6))
        .prop_map(|(keys, is_flow, comments)| Written { keys, is_flow, comments })
}

fn comment_lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.trim_start().starts_with('#')).collect()
}

fn comments_behind(text: &str) -> usize {
    text.matches("# of ").count()
}

proptest! {
    #[test]
    fn an_edit_changes_one_key_and_is_done_once(
        routes in prop::collection::vec(written(), 1..5),
        at in 0..5_usize,
        (path, value) in prop_oneof![
            Just(("stage", "live")), Just(("stage", "'x'")), Just(("canary.percent", "12.5")), Just(("canary", "{ percent: 7 }")),
            Just(("owner", "team x")), Just(("owner", "\"a # b\"")), Just(("canary.except.tenants", "[a, b]")), Just(("owner", "a: [1]\nb: 2"))
        ],
        line_break in prop_oneof![Just("\n"), Just("\r\n")],
        is_cut in any::<bool>(),
        mark in prop_oneof![Just(""), Just("\u{feff}")],
    ) {
        let body: String = routes.iter().enumerate().map(|(number, route)| route.text(number, line_break)).collect();
        let mut text = format!("{mark}# head{line_break}version: 1{line_break}routes:{line_break}{body}");
        if is_cut {
            text.truncate(text.trim_end().len());
        }
        let (path, value) = (KeyPath::parse(path).unwrap(), Value::parse(value).unwrap());
        let target = Target::Route(format!("r{}", at % routes.len()));
        let sheet = Sheet::parse(&text).unwrap();
        let found = sheet.routes(&target, &path, &nothing);
        prop_assert_eq!(found.len(), 1);
        match sheet.set(&found, &path, &value) {
            Err(error) => {
                let is_fair = error.message.contains("no mapping") || error.message.contains("comment would be lost");
                prop_assert!(is_fair, "{error}: {text}");
            }
            Ok(None) => {}
            Ok(Some(after)) => {
                // That nothing else says anything else is what every edit proves of itself; here is what it cannot see.
                prop_assert_eq!(comment_lines(&text), comment_lines(&after));
                prop_assert_eq!(comments_behind(&text), comments_behind(&after));
                prop_assert_eq!(after.contains("\r\n"), line_break == "\r\n" && text.contains("\r\n"));
                prop_assert!(line_break == "\n" || !after.replace("\r\n", "").contains('\n'), "{after:?}");
                prop_assert_eq!(after.starts_with('\u{feff}'), !mark.is_empty());
                let untouched = |text: &str| {
                    let parts: Vec<String> = text.split("\n  - ").map(str::to_owned).collect();
                    parts.into_iter().enumerate().filter(|(part, _)| *part != at % routes.len() + 1).map(|(_, text)| text).collect::<String>()
                };
                prop_assert_eq!(untouched(&text), untouched(&after));
                let again = Sheet::parse(&after).unwrap();
                prop_assert_eq!(again.set(&again.routes(&target, &path, &nothing), &path, &value), Ok(None));
            }
        }
    }

    #[test]
    fn no_text_breaks_an_edit(text in "[ \\-a:{}\\[\\]&*#'\"\n|>!?~,]{0,60}") {
        for text in [text.clone(), format!("routes:\n- name: a\n  owner: {text}"), format!("routes: [{{ name: a, owner: {text} }}]")] {
            let Ok(sheet) = Sheet::parse(&text) else { continue };
            let path = KeyPath::parse("owner").unwrap();
            let found = sheet.routes(&Target::parse("a"), &path, &nothing);
            let _ = sheet.set(&found, &path, &Value::parse("x").unwrap());
        }
    }
}
