//! Files that are not what somebody meant to write: still being written, or cut.

use std::fs::{self, File};
use std::io::Write;
use std::time::Duration;

use banyan::control::Outcome;

use crate::harness::{Pair, Recorder, Site};

const ROUTES: &str = "\
routes:
  - { name: a, match: { path: /a }, new: new, stage: live }
  - { name: b, match: { path: /b }, new: new, stage: live }
";

#[test]
fn a_file_is_not_taken_before_its_writer_closes_it() {
    let pair = Pair::start("routes: [{ name: a, match: { path: /a }, new: new, stage: shadow }]");
    let text = Site::whole(&Pair::yaml(&pair.legacy, &pair.new, ROUTES));
    let mut file = File::create(pair.site.config()).unwrap();
    for (at, byte) in text.bytes().enumerate() {
        file.write_all(&[byte]).unwrap();
        file.flush().unwrap();
        // The end of a line is where a prefix may be valid: long enough for whoever would take it.
        let pause = if byte == b'\n' { Duration::from_millis(150) } else { Duration::from_millis(1) };
        std::thread::sleep(pause);
        assert_eq!(pair.site.generation(), 1, "adopted after {at} bytes");
    }
    assert!(matches!(pair.site.reload(false), Outcome::BeingWritten(_)));
    assert_eq!(pair.site.metric("banyan_reload_total{result=\"rejected\"}"), 0);
    assert_eq!(pair.site.get("/a").served_by(), "legacy");
    drop(file);
    pair.site.await_generation(2);
    assert_eq!((pair.site.get("/a").served_by(), pair.site.get("/b").served_by()), ("new", "new"));
}

#[test]
fn a_cut_file_that_loses_a_live_route_waits_for_somebody_to_confirm() {
    for stage in ["canary, canary: { percent: 5, by: client }", "live", "complete"] {
        let both = ROUTES.replace("stage: live", &format!("stage: {stage}"));
        let cut: String = both.lines().take(2).map(|line| format!("{line}\n")).collect();
        let pair = Pair::start(&both);
        let before = pair.site.get("/b").served_by().to_owned();
        pair.save(&cut);
        pair.site.await_metric("banyan_reload_total{result=\"rejected\"}", 1);
        assert_eq!((pair.site.generation(), pair.site.get("/b").served_by()), (1, before.as_str()));
        let messages = pair.site.admin("GET /readyz").json()["reload"]["messages"].to_string();
        assert!(messages.contains("`b`"), "{messages}");
        assert!(matches!(pair.site.reload(false), Outcome::Unconfirmed(why) if why.len() == 1));
        assert!(matches!(pair.site.reload(true), Outcome::Adopted(2, _)));
        assert_eq!(pair.site.get("/b").served_by(), "legacy");
    }
}

#[test]
fn a_route_that_never_left_legacy_may_go() {
    let pair = Pair::start(&ROUTES.replace("stage: live", "stage: shadow"));
    pair.save("routes: []");
    pair.site.await_generation(2);
}

#[test]
fn whoever_says_so_need_not_confirm() {
    let pair = Pair::start(ROUTES);
    pair.save("reload: { confirm_removals: false }");
    pair.site.await_generation(2);
    assert_eq!(pair.site.get("/b").served_by(), "legacy");
}

#[test]
fn a_tenants_file_that_lost_a_tenth_waits_for_somebody_to_confirm() {
    let rest = "\
subject: { tenant: [{ header: X-Tenant }] }
cohorts: { large: { tenants_file: large.txt } }
routes: [{ name: a, match: { path: /x }, new: new, stage: canary, canary: { cohorts: [large] } }]";
    let tenants = |count: usize| (0..count).map(|n| format!("t{n}\n")).collect::<String>();
    let (legacy, new) = (Recorder::start("legacy"), Recorder::start("new"));
    let folder = tempfile::tempdir().unwrap();
    let etc = folder.path().join("etc");
    fs::create_dir(&etc).unwrap();
    fs::write(etc.join("large.txt"), tenants(20)).unwrap();
    fs::write(etc.join("routes.yaml"), Site::whole(&Pair::yaml(&legacy, &new, rest))).unwrap();
    let site = Site::start_in(folder);
    // A tenth may go.
    fs::write(etc.join("large.txt"), tenants(18)).unwrap();
    site.await_generation(2);
    // One that is being written is not judged at all.
    let mut file = File::create(etc.join("large.txt")).unwrap();
    for tenant in tenants(20).lines() {
        writeln!(file, "{tenant}").unwrap();
        std::thread::sleep(Duration::from_millis(60));
    }
    assert_eq!((site.generation(), site.metric("banyan_reload_total{result=\"rejected\"}")), (2, 0));
    drop(file);
    site.await_generation(3);
    fs::write(etc.join("large.txt"), tenants(9)).unwrap();
    site.await_metric("banyan_reload_total{result=\"rejected\"}", 1);
    assert_eq!(site.get_with("/x", "X-Tenant: t15\r\n").served_by(), "new");
    assert!(matches!(site.reload(true), Outcome::Adopted(4, _)));
    assert_eq!(site.get_with("/x", "X-Tenant: t15\r\n").served_by(), "legacy");
}
