//! The demo: the facade finds out by itself how its two shops differ.

use std::fs;

use banyan::demo::{self, findings};

use super::harness::Site;

#[test]
fn demo_finds_out_how_its_shops_differ() {
    let anywhere = "127.0.0.1:0".parse().unwrap();
    let shops = demo::shops(anywhere, anywhere).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("etc")).unwrap();
    let config = demo::config(anywhere, anywhere, shops.legacy.address(), shops.new.address());
    fs::write(folder.path().join("etc/routes.yaml"), config).unwrap();
    let site = Site::start_in(folder);
    let state_dir = &site.facade().state_dir;
    let found = findings::gather(site.address(), state_dir, || site.facade().store.lost().1).unwrap();
    let mut out = Vec::new();
    found.write(&site.config(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let is_told = |words: &[&str]| {
        text.lines().any(|line| line.split_whitespace().skip(1).take(words.len()).eq(words.iter().copied()))
    };
    assert!(is_told(&["real", "customers", "header:cache-control", "missing"]), "{text}");
    assert!(is_told(&["real", "orders-read", "$.items[*].price", "type"]), "{text}");
    assert!(is_told(&["noise", "reports", "$.generated", "value"]), "{text}");
    assert!(!text.contains("$.channel") && !text.contains("cust_name"), "rules say that these may differ:\n{text}");
    let page = fs::read_to_string(state_dir.join("banyan-report.html")).unwrap();
    assert!(page.contains("$.items[*].price") && page.contains("only legacy has it") && !page.contains("Wilmslow"));
}
