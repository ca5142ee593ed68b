//! The command line against a running facade: history, audit, explain, tokens, and peers that do not obey.

use std::fs;
use std::process::{Command, Output};

use crate::harness::Pair;

const ROUTES: &str = "\
subject: { tenant: [{ header: X-Tenant }] }
routes:
  - { name: carts, match: { path: /carts }, new: new, stage: live }";

fn banyan(pair: &Pair, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_banyan"));
    command.args(words).arg("--config").arg(pair.site.config());
    command.args(["--admin", &pair.site.facade().admin.to_string()]);
    command.env("BANYAN_STATE_DIR", &pair.site.facade().state_dir).output().unwrap()
}

#[track_caller]
fn printed(pair: &Pair, words: &[&str]) -> String {
    let output = banyan(pair, words);
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{words:?}: {out}{err}");
    out
}

#[test]
fn history_and_audit_are_printed_and_exported() {
    let pair = Pair::start(ROUTES);
    pair.rewrite(&ROUTES.replace("stage: live", "stage: canary, canary: { tenants: [acme] }"));
    printed(&pair, &["rollback", "carts", "--reason", "=5xx \u{1b}[2J"]);
    let history = printed(&pair, &["history"]);
    let lines: Vec<&str> = history.lines().collect();
    assert!(lines[1].trim_start().starts_with('3') && lines[1].contains("live"), "{history}");
    assert!(lines[2].contains("carts: stage live → canary"), "{history}");
    assert_eq!(printed(&pair, &["history", "--limit", "1"]).lines().count(), 2);
    let one = printed(&pair, &["history", "2"]);
    assert!(one.contains("\n-  - { name: carts") && one.contains("\n+  - { name: carts"), "{one}");
    let audit = printed(&pair, &["audit", "--on", "carts"]);
    assert!(audit.contains("rollback") && audit.contains("admin"), "{audit}");
    assert!(!audit.contains('\u{1b}'), "{audit}");
    let csv = printed(&pair, &["audit", "--since", "1h", "-o", "csv"]);
    assert_eq!(csv.lines().count(), 4, "{csv}");
    assert!(csv.contains("'=5xx"), "{csv}");
    let json: serde_json::Value =
        serde_json::from_str(&printed(&pair, &["audit", "--limit", "2", "-o", "json"])).unwrap();
    assert_eq!((json.as_array().map(Vec::len), &json[0]["what"]), (Some(2), &"rollback".into()));
    assert_eq!(banyan(&pair, &["history", "99"]).status.code(), Some(1));
}

#[test]
fn a_decision_is_explained_by_the_file_or_by_the_running_facade() {
    let pair = Pair::start(ROUTES);
    printed(&pair, &["rollback", "--tenant", "a&b=c d"]);
    let ask = ["explain", "GET", "/carts", "-H", "X-Tenant: a&b=c d"];
    let decided = |text: String| text.lines().find(|line| line.starts_with("=>")).unwrap().to_owned();
    assert!(decided(printed(&pair, &ask)).contains("side=new"));
    let live = decided(printed(&pair, &[&ask[..], &["--live"]].concat()));
    assert!(live.contains("side=legacy") && live.contains("reason=pin:tenant"), "{live}");
    assert_eq!(banyan(&pair, &["explain", "GET", "/a/../b", "--live"]).status.code(), Some(1));
}

#[test]
fn a_token_of_a_file_is_shown_by_name_of_its_file() {
    let pair = Pair::start(ROUTES);
    let (file, shown) = (pair.site.folder.path().join("etc/tokens.txt"), pair.site.folder.path().join("ada.token"));
    let words = ["token", "ada", "--role", "viewer", "--add", file.to_str().unwrap()];
    let made = Command::new(env!("CARGO_BIN_EXE_banyan")).args(words).output().unwrap();
    fs::write(&shown, made.stdout).unwrap();
    let shown = shown.to_str().unwrap();
    let history = ["history", "--token-file", shown];
    assert_eq!(banyan(&pair, &history).status.code(), Some(4));
    pair.rewrite(&format!("admin: {{ address: \"127.0.0.1:0\", tokens: tokens.txt }}\n{ROUTES}"));
    printed(&pair, &history);
    assert_eq!(banyan(&pair, &["kill", "--token-file", shown]).status.code(), Some(4));
    assert_eq!(pair.site.metric("banyan_killed"), 0);
}

#[test]
fn a_peer_that_does_not_obey_is_named_and_the_exit_code_says_so() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let pair = Pair::start(&format!("admin: {{ address: \"127.0.0.1:0\", peers: [\"http://{gone}\"] }}\n{ROUTES}"));
    let output = banyan(&pair, &["kill"]);
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{out}");
    assert!(out.contains(&format!("http://{gone}: NOT DONE")), "{out}");
    assert_eq!(pair.site.metric("banyan_killed"), 1);
}
