//! `banyan plan`: whom another configuration would move.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Pair, Script, until};

const ROUTES: &str = "\
subject: { tenant: [{ header: X-Tenant }], user: [{ cookie: uid }] }
routes:
- { name: orders, match: { path: /x }, new: new, stage: canary, canary: { percent: 0, by: user } }
- { name: rest, match: { path: /y }, new: new, stage: legacy }";

struct Said(Option<i32>, String, String);

fn plan(site: &crate::harness::Site, candidate: &Path, arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_banyan"));
    command.arg("plan").arg(candidate).args(arguments).arg("--config").arg(site.config());
    command.arg("--admin").arg(site.facade().admin.to_string()).arg("--state-dir").arg(&site.facade().state_dir);
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said(output.status.code(), text(output.stdout), text(output.stderr))
}

/// A facade that 30 users of 3 tenants have asked for /x, one of them with a secret, and nobody in particular for /y.
fn asked() -> Pair {
    let pair = Pair::start(ROUTES);
    for (path, count) in [("/x", 30), ("/y", 10)] {
        for number in 0..count {
            pair.legacy.on(path, Script::ok("ok"));
            let lines = format!("X-Tenant: t{}\r\nCookie: uid=u{number}\r\nAuthorization: S3CRET\r\n", number % 3);
            pair.site.get_with(&format!("{path}?token=S3CRET"), &lines);
        }
    }
    until("40 lines", || (pair.site.log().len() == 40).then_some(()));
    pair
}

fn candidate(pair: &Pair, from: &str, to: &str) -> std::path::PathBuf {
    let text = fs::read_to_string(pair.site.config()).unwrap();
    assert!(text.contains(from));
    let path = pair.site.config().with_file_name("candidate.yaml");
    fs::write(&path, text.replace(from, to)).unwrap();
    path
}

#[test]
fn recent_requests_tell_whom_a_change_moves() {
    let pair = asked();
    let path = candidate(&pair, "percent: 0", "percent: 100");
    let Said(code, out, err) = plan(&pair.site, &path, &[]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("orders: canary 0 % by user → 100 % by user\n"), "{out}");
    assert!(out.contains("tenants of orders: t0 (10 to new), t1 (10 to new), t2 (10 to new)"), "{out}");
    assert!(out.contains("3 to new") && out.contains("30 to new") && out.contains("of 40 requests, 75.0 %"), "{out}");
    assert!(out.contains("warning[no-guard]: orders:") && out.contains("warning[few-requests]"), "{out}");
    assert!(!out.contains("S3CRET"));
    let Said(code, out, err) = plan(&pair.site, &path, &["-o", "json", "--fail-if-moved", "5%"]);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &told["moved"]["users_to_new"], &told["untold"]), (Some(1), &30.into(), &0.into()));
    assert!(err.contains("of all requests would change sides, more than 5 %"), "{err}");
    let Said(code, _, err) = plan(&pair.site, &path, &["--fail-if-moved", "75%"]);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(pair.site.generation(), 1);
}

#[test]
fn an_access_log_tells_it_without_a_facade() {
    let pair = asked();
    let log = pair.site.folder.path().join("access.log");
    let path = candidate(&pair, "stage: legacy", "stage: live");
    let Said(code, out, err) = plan(&pair.site, &path, &["--log", log.to_str().unwrap(), "--fail-if-moved", "30"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("rest: stage legacy → live\n") && out.contains("of 40 requests, 25.0 %"), "{out}");
    let path = candidate(&pair, "by: user", "by: tenant");
    let Said(code, out, err) = plan(&pair.site, &path, &["--log", log.to_str().unwrap(), "-o", "json"]);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &told["requests"], &told["untold"]), (Some(0), &40.into(), &0.into()), "{err}");
    let Said(code, _, err) = plan(&pair.site, &path, &["--log", "/nowhere.log"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("/nowhere.log"), "{err}");
}

#[test]
fn what_is_invalid_is_not_planned() {
    let pair = Pair::start(ROUTES);
    let path = candidate(&pair, "stage: canary", "stage: cannary");
    let Said(code, out, err) = plan(&pair.site, &path, &[]);
    assert_eq!((code, &*out), (Some(1), ""));
    assert!(err.contains("did you mean `canary`?") && err.contains("nothing is planned"), "{err}");
    let path = candidate(&pair, "percent: 0", "percent: 50");
    let Said(code, _, err) = plan(&pair.site, &path, &["--fail-if-moved", "5%"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("no request could be decided"), "{err}");
}
