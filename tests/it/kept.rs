//! What is served after a start when the file is not fit to be.

use std::fs;

use banyan::app::AppError;
use banyan::control::{Outcome, StartError};
use tempfile::TempDir;

use crate::harness::{Pair, Recorder, Site};

const LIVE: &str = "routes: [{ name: a, match: { path: /x }, new: new, stage: live }]";

/// A facade has run with [`LIVE`]; then its file became this.
fn after(legacy: &Recorder, new: &Recorder, text: &str) -> TempDir {
    let site = Site::start(&Pair::yaml(legacy, new, LIVE));
    assert_eq!(site.get("/x").served_by(), "new");
    let (in_order, folder) = site.stop();
    assert!(in_order);
    fs::write(folder.path().join("etc/routes.yaml"), text).unwrap();
    folder
}

fn backends() -> (Recorder, Recorder) {
    (Recorder::start("legacy"), Recorder::start("new"))
}

#[test]
fn a_broken_file_at_start_serves_the_kept_configuration() {
    let (legacy, new) = backends();
    let site = Site::start_in(after(&legacy, &new, "version: 1\nroutes: ["));
    assert_eq!(site.get("/x").served_by(), "new");
    let ready = site.admin("GET /readyz");
    assert_eq!((ready.status, &ready.json()["reload"]["serving_kept"]), (200, &true.into()));
    // Repaired, it goes live by itself.
    site.save(&Pair::yaml(&legacy, &new, &LIVE.replace("live", "shadow")));
    site.await_generation(3);
    assert_eq!(site.get("/x").served_by(), "legacy");
    assert_eq!(site.admin("GET /readyz").json()["reload"]["serving_kept"], false);
}

#[test]
fn strict_refuses_a_broken_file() {
    let (legacy, new) = backends();
    let folder = after(&legacy, &new, "version: 1\nroutes: [");
    let (folder, error) = Site::try_start(folder, true).unwrap_err();
    assert!(matches!(error, AppError::Start(StartError::Invalid(_))), "{error}");
    // It left nothing behind that would hinder the next one.
    assert_eq!(Site::start_in(folder).get("/x").served_by(), "new");
}

#[test]
fn without_a_kept_configuration_a_broken_file_is_the_end() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("etc")).unwrap();
    fs::write(folder.path().join("etc/routes.yaml"), "version: 2\n").unwrap();
    let (_, error) = Site::try_start(folder, false).unwrap_err();
    assert!(error.to_string().contains("routes.yaml:1:10: error["), "{error}");
}

#[test]
fn a_cut_file_at_start_serves_the_kept_configuration_until_confirmed() {
    let (legacy, new) = backends();
    let cut = Site::whole(&Pair::yaml(&legacy, &new, ""));
    let folder = after(&legacy, &new, &cut);
    let (folder, error) = Site::try_start(folder, true).unwrap_err();
    assert!(matches!(error, AppError::Start(StartError::Unconfirmed(_))), "{error}");
    let site = Site::start_in(folder);
    assert_eq!(site.get("/x").served_by(), "new");
    assert!(matches!(site.reload(false), Outcome::Unconfirmed(_)));
    assert!(matches!(site.reload(true), Outcome::Adopted(3, _)));
    assert_eq!(site.get("/x").served_by(), "legacy");
    // Confirmed once, it is what the next start expects.
    let (_, folder) = site.stop();
    assert_eq!(Site::start_in(folder).get("/x").served_by(), "legacy");
}

#[test]
fn a_damaged_kept_configuration_is_not_served() {
    let (legacy, new) = backends();
    let folder = after(&legacy, &new, "version: 1\nroutes: [");
    let kept = folder.path().join("state/accepted.json");
    let text = fs::read_to_string(&kept).unwrap();
    fs::write(&kept, text.replace("stage: live", "stage: shadow")).unwrap();
    let (_, error) = Site::try_start(folder, false).unwrap_err();
    assert!(matches!(error, AppError::Start(StartError::Invalid(_))), "{error}");
}

#[test]
fn two_facades_cannot_share_a_state_directory() {
    let (legacy, new) = backends();
    let site = Site::start(&Pair::yaml(&legacy, &new, LIVE));
    let options = banyan::control::StartOptions {
        config: site.config(),
        state_dir: Some(site.folder.path().join("state")),
        strict: false,
        workers: 1,
    };
    let error = banyan::app::Facade::start(options).unwrap_err();
    assert!(matches!(error, AppError::Start(StartError::StateDir(..))), "{error}");
    assert_eq!(site.get("/x").served_by(), "new");
}
