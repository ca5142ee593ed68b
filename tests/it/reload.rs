//! A changed file goes live while requests pass, however it was changed.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use banyan::control::Outcome;

use crate::harness::{Client, Latch, Pair, Recorder, Script, Site, until};

/// A route in this stage.
fn stage(stage: &str) -> String {
    format!("routes: [{{ name: a, match: {{ path: /x }}, new: new, stage: {stage} }}]")
}

#[test]
fn a_file_saved_in_place_is_live() {
    let pair = Pair::start(&stage("legacy"));
    assert_eq!(pair.site.get("/x").served_by(), "legacy");
    pair.save(&stage("live"));
    pair.site.await_generation(2);
    assert_eq!(pair.site.get("/x").served_by(), "new");
    assert_eq!(pair.site.metric("banyan_generation"), 2);
    assert_eq!(pair.site.metric("banyan_reload_total{result=\"accepted\"}"), 1);
}

#[test]
fn a_file_renamed_into_place_is_live() {
    let pair = Pair::start(&stage("legacy"));
    let fresh = pair.site.folder.path().join("etc/.routes.yaml.tmp");
    let text = Site::whole(&Pair::yaml(&pair.legacy, &pair.new, &stage("live")));
    fs::write(&fresh, text).unwrap();
    fs::rename(&fresh, pair.site.config()).unwrap();
    pair.site.await_generation(2);
    assert_eq!(pair.site.get("/x").served_by(), "new");
}

#[test]
fn a_file_deleted_and_made_again_is_live() {
    let pair = Pair::start(&stage("legacy"));
    fs::remove_file(pair.site.config()).unwrap();
    // While it is gone, what is live stays live.
    until("a refusal", || (!pair.site.facade().live.reload().accepted).then_some(()));
    assert_eq!((pair.site.generation(), pair.site.get("/x").served_by()), (1, "legacy"));
    pair.save(&stage("live"));
    pair.site.await_generation(2);
    assert_eq!(pair.site.get("/x").served_by(), "new");
}

#[test]
fn a_config_map_that_is_swapped_is_live() {
    let (legacy, new) = (Recorder::start("legacy"), Recorder::start("new"));
    let folder = tempfile::tempdir().unwrap();
    let etc = folder.path().join("etc");
    let version = |name: &str, text: &str| {
        fs::create_dir_all(etc.join(name)).unwrap();
        fs::write(etc.join(name).join("routes.yaml"), Site::whole(&Pair::yaml(&legacy, &new, text))).unwrap();
        symlink(name, etc.join("..data_tmp")).unwrap();
        fs::rename(etc.join("..data_tmp"), etc.join("..data")).unwrap();
    };
    version("..2024_01", &stage("legacy"));
    symlink("..data/routes.yaml", etc.join("routes.yaml")).unwrap();
    let site = Site::start_in(folder);
    assert_eq!(site.get("/x").served_by(), "legacy");
    version("..2024_02", &stage("live"));
    site.await_generation(2);
    assert_eq!(site.get("/x").served_by(), "new");
    fs::remove_dir_all(etc.join("..2024_01")).unwrap();
    version("..2024_03", &stage("shadow"));
    site.await_generation(3);
    assert_eq!(site.get("/x").served_by(), "legacy");
}

#[test]
fn an_invalid_file_changes_nothing_and_every_error_is_shown() {
    let pair = Pair::start(&stage("live"));
    pair.save("routes:\n  - { name: a, match: { path: /x }, new: nwe, stage: lvie }\n  - { nmae: b }");
    pair.site.await_metric("banyan_reload_total{result=\"rejected\"}", 1);
    assert_eq!((pair.site.generation(), pair.site.get("/x").served_by()), (1, "new"));
    let ready = pair.site.admin("GET /readyz");
    assert_eq!(ready.status, 200);
    let status = ready.json();
    assert_eq!((&status["ready"], &status["generation"]), (&true.into(), &1.into()));
    assert_eq!(status["reload"]["accepted"], false);
    let messages: Vec<&str> =
        status["reload"]["messages"].as_array().unwrap().iter().filter_map(|m| m.as_str()).collect();
    let line = |place: &str| messages.iter().any(|message| message.contains(&format!("routes.yaml:{place}: error[")));
    let text = fs::read_to_string(pair.site.config()).unwrap();
    let (row, bad) = text.lines().enumerate().find(|(_, line)| line.contains("nwe")).unwrap();
    for word in ["nwe", "lvie"] {
        let column = bad.find(word).unwrap() + 1;
        assert!(line(&format!("{}:{column}", row + 1)), "{word} is not among {messages:?}");
    }
    let column = text.lines().nth(row + 1).unwrap().find("nmae").unwrap() + 1;
    assert!(line(&format!("{}:{column}", row + 2)), "{messages:?}");
    // Taken back, it is what is live; repaired, it goes live.
    pair.save(&stage("live"));
    until("a good state", || pair.site.facade().live.reload().accepted.then_some(()));
    assert_eq!(pair.site.generation(), 1);
    pair.save(&stage("legacy"));
    pair.site.await_generation(2);
}

#[test]
fn a_test_that_fails_refuses_the_reload() {
    let tests = "\ntests: [{ request: GET /x, expect: { side: new, route: a } }]";
    let pair = Pair::start(&format!("{}{tests}", stage("live")));
    pair.save(&format!("{}{tests}", stage("legacy")));
    pair.site.await_metric("banyan_reload_total{result=\"rejected\"}", 1);
    assert_eq!(pair.site.get("/x").served_by(), "new");
}

#[test]
fn a_request_in_flight_ends_as_it_was_decided() {
    let pair = Pair::start(&stage("legacy"));
    let latch = Latch::default();
    pair.legacy.on("/x", Script::default().wait(&latch).send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold"));
    let mut client = pair.site.client();
    client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    pair.legacy.request(0);
    pair.save(&stage("live"));
    pair.site.await_generation(2);
    latch.open();
    let answer = client.answer();
    assert_eq!((answer.text().as_str(), answer.served_by()), ("old", "legacy"));
    assert_eq!(client.ask("GET", "/x").served_by(), "new");
    let log = until("both lines", || Some(pair.site.log()).filter(|log| log.len() == 2));
    let facts: Vec<_> = log.iter().map(|line| (line["generation"].as_u64(), line["side"].as_str())).collect();
    assert!(facts.contains(&(Some(1), Some("legacy"))) && facts.contains(&(Some(2), Some("new"))), "{facts:?}");
}

#[test]
fn a_backend_that_did_not_change_keeps_its_connections() {
    let pair = Pair::start(&stage("legacy"));
    let mut client = pair.site.client();
    client.ask("GET", "/x");
    client.ask("GET", "/a");
    pair.save(&stage("live"));
    pair.site.await_generation(2);
    client.ask("GET", "/a");
    assert_eq!(pair.legacy.connections(), 1);
    let slower =
        "backends: { legacy: { endpoints: [LEGACY], timeouts: { first_byte: 9s } }, new: { endpoints: [NEW] } }\n";
    pair.save(&format!("{slower}{}", stage("live")));
    pair.site.await_generation(3);
    client.ask("GET", "/a");
    assert_eq!(pair.legacy.connections(), 2);
    pair.legacy.closed(0);
}

#[test]
fn files_that_the_file_names_are_watched_like_it() {
    let rest = "\
include: [routes.d/*.yaml]
subject: { tenant: [{ header: X-Tenant }] }
cohorts: { large: { tenants_file: large.txt } }
routes: [{ name: a, match: { path: /x }, new: new, stage: canary, canary: { cohorts: [large] } }]";
    let (legacy, new) = (Recorder::start("legacy"), Recorder::start("new"));
    let folder = tempfile::tempdir().unwrap();
    let etc = folder.path().join("etc");
    fs::create_dir_all(etc.join("routes.d")).unwrap();
    fs::write(etc.join("large.txt"), "acme\n").unwrap();
    fs::write(etc.join("routes.yaml"), Site::whole(&Pair::yaml(&legacy, &new, rest))).unwrap();
    let site = Site::start_in(folder);
    assert_eq!(site.get_with("/x", "X-Tenant: globex\r\n").served_by(), "legacy");
    fs::write(etc.join("large.txt"), "acme\nglobex\n").unwrap();
    site.await_generation(2);
    assert_eq!(site.get_with("/x", "X-Tenant: globex\r\n").served_by(), "new");
    let part = "routes: [{ name: b, match: { path: /y }, new: new, stage: live }]\n";
    fs::write(etc.join("routes.d/team.yaml"), part).unwrap();
    site.await_generation(3);
    assert_eq!(site.get("/y").served_by(), "new");
}

#[test]
fn what_is_no_file_changes_nothing_and_a_file_in_its_place_is_live() {
    let pair = Pair::start(&stage("legacy"));
    let config = pair.site.config();
    fs::remove_file(&config).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&config).status().unwrap().success());
    assert!(matches!(pair.site.reload(false), Outcome::Invalid(_)));
    fs::remove_file(&config).unwrap();
    fs::create_dir(&config).unwrap();
    assert!(matches!(pair.site.reload(false), Outcome::Invalid(_)));
    assert_eq!((pair.site.generation(), pair.site.get("/x").served_by()), (1, "legacy"));
    fs::remove_dir(&config).unwrap();
    pair.save(&stage("live"));
    pair.site.await_generation(2);
    assert_eq!(pair.site.get("/x").served_by(), "new");
}

#[test]
fn settings_of_a_listener_take_no_restart() {
    let pair = Pair::listening("encoded_slashes: refuse", "");
    pair.site.get("/a%2Fb").assert_problem(400);
    pair.save("listen: [{ address: 127.0.0.1:0, encoded_slashes: opaque }]");
    pair.site.await_generation(2);
    assert_eq!(pair.site.get("/a%2Fb").status, 200);
}

#[test]
fn the_last_good_of_many_quick_changes_wins() {
    let pair = Pair::start(&stage("legacy"));
    for n in 0..60 {
        pair.save(&if n % 3 == 0 { "routes: [".to_owned() } else { stage("shadow") });
    }
    pair.save(&stage("live"));
    until("the last one", || (pair.site.get("/x").served_by() == "new").then_some(()));
    assert_eq!(pair.site.reload(false), Outcome::Unchanged(pair.site.generation()));
}

/// Stops the traffic of a test, also of one that fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn no_request_fails_while_generations_change() {
    // The log beside the file, as its default is: each line is an event in the watched directory.
    let rest = |name: &str| format!("access_log: access.log\n{}", stage(name));
    let pair = Pair::start(&rest("legacy"));
    let address = pair.site.address();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut client = Client::connect(address);
                while !done.load(Ordering::Relaxed) {
                    let answer = client.ask("GET", "/x");
                    assert_eq!((answer.status, answer.text().as_str()), (200, answer.served_by()));
                }
            });
        }
        let _stop = Stop(&done);
        for round in 1..=10 {
            pair.save(&rest(if round % 2 == 1 { "live" } else { "legacy" }));
            pair.site.await_generation(round + 1);
        }
    });
    assert!(!pair.legacy.requests().is_empty() && !pair.new.requests().is_empty());
}

#[test]
fn what_takes_a_restart_is_said_and_the_rest_applied() {
    let pair = Pair::start(&stage("legacy"));
    pair.save(&format!("listen: [{{ address: 127.0.0.1:1 }}]\n{}", stage("live")));
    // The watch may have been quicker than this.
    let outcome = pair.site.reload(false);
    if let Outcome::Adopted(number, changes) = outcome {
        assert_eq!(number, 2);
        assert!(changes.iter().any(|change| change.contains("takes a restart")), "{changes:?}");
    }
    pair.site.await_generation(2);
    assert_eq!(pair.site.get("/x").served_by(), "new");
}
