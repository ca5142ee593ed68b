//! `banyan set`: the command line edits the file, and the facade loads it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::Site;

const ROUTES: &str = "\
backends: { old: { endpoints: [http://10.0.0.1:81] }, new: { endpoints: [http://10.0.0.2:82] } }
defaults: { legacy: old, canary: { percent: 1, by: client } }
subject: { tenant: [{ header: X-Tenant }] }
include: [routes.d/*.yaml]
routes:
  # what everybody asks for
  - name: orders-read
    group: orders
    match: { path: /orders }
    new: new
    stage: canary   # soon live
    canary:
      percent: 5 # careful
      by: tenant
  - { name: invoices, match: { path: /invoices }, new: new, stage: canary }
";

const INCLUDED: &str = "routes:\n- { name: orders-write, group: orders, match: { path: /w }, new: new, canary: { percent: 5, by: tenant } }\n";

/// What the command came to: exit code, stdout, stderr.
struct Said(Option<i32>, String, String);

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("etc/routes.d")).unwrap();
    fs::write(folder.path().join("etc/routes.yaml"), Site::whole(ROUTES)).unwrap();
    fs::write(folder.path().join("etc/routes.d/more.yaml"), INCLUDED).unwrap();
    folder
}

fn set(folder: &Path, arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_banyan"));
    command.arg("set").args(arguments).arg("--config").arg(folder.join("etc/routes.yaml"));
    let output = command.arg("--state-dir").arg(folder.join("state")).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said(output.status.code(), text(output.stdout), text(output.stderr))
}

fn main_file(folder: &Path) -> String {
    fs::read_to_string(folder.join("etc/routes.yaml")).unwrap()
}

#[test]
fn a_value_that_is_set_is_live_at_once() {
    let site = Site::start_in(folder());
    let before = main_file(site.folder.path());
    let admin = site.facade().admin.to_string();
    let Said(code, out, err) = set(site.folder.path(), &["orders-read", "stage", "live", "--admin", &admin]);
    assert_eq!((code, &*out), (Some(0), "orders-read: stage canary → live\n"), "{err}");
    assert!(err.contains("written\ngeneration 2 is live"), "{err}");
    assert!(err.contains("warning[never-exercised]: orders-read: requests without a tenant"), "{err}");
    assert_eq!(main_file(site.folder.path()), before.replace("canary   # soon", "live   # soon"));
    assert_eq!(site.generation(), 2);
    let Said(code, out, err) = set(site.folder.path(), &["orders-read", "stage", "live", "--admin", &admin]);
    assert_eq!((code, &*out), (Some(0), ""), "{err}");
    assert!(err.contains("nothing changes"), "{err}");
}

#[test]
fn a_group_is_set_in_all_files_and_a_dry_run_writes_nothing() {
    let folder = folder();
    let before = main_file(folder.path());
    let arguments = ["group:orders", "canary.percent", "25"];
    let Said(code, out, _) = set(folder.path(), &[&arguments[..], &["--dry-run"]].concat());
    assert_eq!(code, Some(0));
    assert!(out.contains("orders-read: canary 5 % by tenant → 25 % by tenant\n"), "{out}");
    assert!(out.contains("-      percent: 5 # careful\n+      percent: 25 # careful\n"), "{out}");
    assert!(out.contains("+- { name: orders-write, "), "{out}");
    assert_eq!(main_file(folder.path()), before);
    let Said(code, out, err) = set(folder.path(), &[&arguments[..], &["-o", "json"]].concat());
    let outcome: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &outcome["written"]), (Some(0), &true.into()), "{err}");
    assert_eq!(outcome["routes"], serde_json::json!(["orders-read", "orders-write"]));
    assert_eq!(outcome["files"].as_array().unwrap().len(), 2);
    assert!(err.contains("written; no facade answers at"), "{err}");
    assert_eq!(main_file(folder.path()), before.replace("percent: 5 # careful", "percent: 25 # careful"));
    let more = fs::read_to_string(folder.path().join("etc/routes.d/more.yaml")).unwrap();
    assert_eq!(more, INCLUDED.replace("percent: 5", "percent: 25"));
}

#[test]
fn what_would_be_invalid_is_not_written() {
    let folder = folder();
    let before = main_file(folder.path());
    for (arguments, says) in [
        (["orders-read", "stage", "lve"], "did you mean `live`?"),
        (["orders-read", "canary.percent", "101"], "the configuration would be invalid"),
        (["orders-raed", "stage", "live"], "there is no route `orders-raed`; did you mean `orders-read`?"),
        (["group:none", "stage", "live"], "there is no group `none`"),
        (["orders-read", "canary", "{ percent: 6, by: tenant }"], "this comment would be lost"),
        (["invoices", "canary.percent", "6"], "set `canary` whole"),
        (["orders-read", "stage", "{ live"], "the value is no YAML"),
    ] {
        let Said(code, _, err) = set(folder.path(), &arguments);
        assert_eq!(code, Some(1), "{err}");
        assert!(err.contains(says), "{says}: {err}");
    }
    assert_eq!(main_file(folder.path()), before);
}

#[test]
fn a_group_is_set_where_it_has_the_key() {
    let folder = folder();
    let Said(code, out, err) = set(folder.path(), &["group:orders", "stage", "live", "--dry-run"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("orders-read: stage canary → live") && !out.contains("orders-write: stage"), "{out}");
    assert!(err.contains("orders-write has no `stage` of its own and stays as it is"), "{err}");
}

#[test]
fn what_the_facade_will_ask_back_about_is_said() {
    let folder = folder();
    let Said(code, _, err) = set(folder.path(), &["orders-read", "name", "orders-get", "--dry-run"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("banyan reload --confirm"), "{err}");
}
