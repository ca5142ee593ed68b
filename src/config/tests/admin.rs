//! Facts about `admin:`.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::snapshot::{AdminSettings, Role};

const HEAD: &str = "version: 1\nlisten: [{ address: 127.0.0.1:8080 }]\n";
const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn with_tokens(tokens: &str) -> Loaded {
    let main = format!("{HEAD}admin: {{ tokens: tokens.txt }}\n");
    Memory::default().with("routes.yaml", main).with("tokens.txt", tokens).load()
}

fn admin(loaded: &Loaded) -> Arc<AdminSettings> {
    Arc::clone(&loaded.snapshot.as_ref().unwrap().admin)
}

#[test]
fn a_file_of_tokens_is_part_of_the_configuration() {
    let loaded =
        with_tokens(&format!("# who\n\n  ada\toperator sha256:{HASH}\r\nci@x owner sha256:{}\n", "Ab".repeat(32)));
    let settings = admin(&loaded);
    let entries: Vec<_> = settings.tokens.iter().map(|entry| (&*entry.name, entry.role, entry.hash[0])).collect();
    assert_eq!(entries, [("ada", Role::Operator, 0x9f), ("ci@x", Role::Owner, 0xab)]);
    assert!(loaded.bundle.paths().iter().any(|path| path.ends_with("tokens.txt")), "it is watched");
}

#[test]
fn what_is_wrong_in_a_file_of_tokens_is_named_with_its_line_and_never_quoted() {
    let token = "5".repeat(64);
    for (line, code) in [
        (format!("ada sha256:{HASH}"), "bad-token"),
        (format!("ada operator sha256:{HASH} x"), "bad-token"),
        (format!("ada operater sha256:{HASH}"), "unknown-role"),
        (format!("a:da operator sha256:{HASH}"), "bad-name"),
        (format!("{} operator sha256:{HASH}", "a".repeat(65)), "bad-name"),
        (format!("admin operator sha256:{HASH}"), "duplicate-name"),
        (format!("bob owner sha256:{HASH}"), "duplicate-name"),
        (format!("ada operator sha256:{}", &token[1..]), "bad-hash"),
        (format!("ada operator sha256:{}", "é".repeat(32)), "bad-hash"),
        (format!("ada operator {token}"), "bad-hash"),
        (token.clone(), "bad-token"),
    ] {
        let loaded = with_tokens(&format!("bob viewer sha256:{HASH}\n{line}\n"));
        let found: Vec<_> = loaded.diagnostics.errors().collect();
        let at = found.first().map(|error| (error.code, error.file.to_str(), error.line));
        assert_eq!(at, Some((code, Some("tokens.txt"), 2)), "{line}");
        assert!(!format!("{found:?}").contains(&token[1..]), "{found:?}");
        assert!(loaded.snapshot.is_none());
    }
    let unreadable = Memory::default().with("routes.yaml", format!("{HEAD}admin: {{ tokens: none.txt }}\n")).load();
    assert_eq!(unreadable.diagnostics.errors().next().map(|error| (error.code, error.line)), Some(("unreadable", 3)));
}

#[test]
fn peers_and_hosts_are_checked() {
    let load = |admin: &str| Memory::default().with("routes.yaml", format!("{HEAD}admin: {{ {admin} }}\n")).load();
    let first = |loaded: &Loaded| {
        loaded.diagnostics.list.iter().map(|found| found.code).find(|code| *code != "no-default-legacy")
    };
    for (said, code) in [
        ("peers: [\"https://10.0.0.2:9900\"]", "bad-peer"),
        ("peers: [\"10.0.0.2:9900\"]", "bad-peer"),
        ("peers: [\"http://10.0.0.2:9900/api\"]", "bad-peer"),
        ("peers: [\"http://a@10.0.0.2:9900\"]", "bad-peer"),
        ("hosts: [\"a*.svc\"]", "bad-host"),
        ("hosts: [\"banyan.internal:9900\"]", "bad-host"),
    ] {
        let loaded = load(said);
        assert_eq!(first(&loaded), Some(code), "{said}");
        assert!(loaded.snapshot.is_none(), "{said}");
    }
    let own = load("address: \"127.0.0.1:9900\", peers: [\"http://localhost:9900\", \"http://10.0.0.2:9900\"]");
    assert_eq!(first(&own), Some("own-peer"));
    assert_eq!(admin(&own).peers.len(), 2);
}

#[test]
fn another_token_is_told_by_its_name_alone() {
    let old = with_tokens(&format!("ada operator sha256:{HASH}\nbob viewer sha256:{HASH}\n"));
    let new = with_tokens(&format!("ada owner sha256:{HASH}\ncy viewer sha256:{HASH}\n"));
    let words = changes(old.snapshot.as_ref().unwrap(), new.snapshot.as_ref().unwrap());
    assert_eq!(words, ["token ada: changed", "token cy: added", "token bob: removed"]);
}

proptest! {
    #[test]
    fn any_line_is_a_token_or_refused(name in "[a-zA-Z0-9._@-]{1,64}", role in 0..3_usize, hash in any::<[u8; 32]>(), other in "\\PC*") {
        let role = Role::ALL[role];
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let entry = token_entry(&format!("{name} {role} sha256:{hex}"));
        prop_assert_eq!(entry.is_err(), name == "admin");
        if let Ok(entry) = entry {
            prop_assert_eq!((&*entry.name, entry.role, entry.hash), (&*name, role, hash));
        }
        prop_assert!(token_entry(&other).is_err());
    }
}
