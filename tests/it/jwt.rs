//! A tenant from a token: only one that this key signed, in this way, for this audience, and that has not expired.

use crate::harness::{Pair, until};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/jwt");

fn token(name: &str) -> String {
    std::fs::read_to_string(format!("{FOLDER}/{name}.jwt")).unwrap()
}

fn yaml(percent: u32) -> String {
    format!(
        "subject:\n  tenant: [{{ jwt: tid }}, {{ header: X-Tenant-Id, from: trusted }}]\n  user: [{{ jwt: sub }}]\n  \
         jwt: {{ keys: \"{FOLDER}/jwks.json\", algorithms: [RS256], issuer: https://id.shop.example, audience: shop }}\n  \
         trusted_proxies: [10.0.0.0/8]\n\
         routes: [{{ name: a, match: {{ path: \"/{{*rest}}\" }}, new: new, stage: canary, \
         canary: {{ tenants: [acme, globex], percent: {percent}, by: user }} }}]"
    )
}

#[test]
fn only_a_verified_token_names_a_tenant() {
    let pair = Pair::start(&yaml(0));
    let valid = token("valid");
    let rows = [
        ("valid", format!("Bearer {valid}"), "new"),
        ("scheme-case", format!("bearer {valid}"), "new"),
        ("expired", format!("Bearer {}", token("expired")), "legacy"),
        ("wrong-key", format!("Bearer {}", token("wrong-key")), "legacy"),
        ("wrong-audience", format!("Bearer {}", token("wrong-audience")), "legacy"),
        ("none", format!("Bearer {}", token("none")), "legacy"),
        ("hs256", format!("Bearer {}", token("hs256")), "legacy"),
        ("changed", format!("Bearer {}", token("changed")), "legacy"),
        ("cut", format!("Bearer {}", &valid[..valid.len() - 10]), "legacy"),
        ("no-signature", format!("Bearer {}", valid.rsplit_once('.').unwrap().0), "legacy"),
        ("basic", format!("Basic {valid}"), "legacy"),
        ("bare", valid.clone(), "legacy"),
        ("garbage", "Bearer ...".to_owned(), "legacy"),
        ("empty", "Bearer ".to_owned(), "legacy"),
    ];
    // Twice each: a remembered verdict is the same verdict.
    for (name, value, side) in rows.iter().chain(rows.iter()) {
        let answer = pair.site.get_with(&format!("/{name}"), &format!("Authorization: {value}\r\n"));
        assert_eq!((answer.status, answer.served_by()), (200, *side), "{name}");
    }
    let twice = format!("Authorization: Bearer {valid}\r\n").repeat(2);
    assert_eq!(pair.site.get_with("/twice", &twice).served_by(), "legacy");
    // The token itself is the backend's business.
    let sent = format!("Bearer {valid}");
    assert_eq!(pair.new.request(0).field("authorization"), Some(sent.as_str()));
    assert_eq!(pair.site.logged("/valid")["tenant"], "acme");
    assert_eq!(pair.site.logged("/expired")["tenant"], serde_json::Value::Null);
}

#[test]
fn a_header_cannot_stand_in_for_the_token() {
    let pair = Pair::start(&yaml(0));
    for lines in
        ["X-Tenant-Id: acme\r\n", "X_Tenant_Id: acme\r\n", "Connection: Authorization\r\nX-Tenant-Id: acme\r\n"]
    {
        assert_eq!(pair.site.get_with("/x", lines).served_by(), "legacy", "{lines:?}");
    }
    for request in pair.legacy.requests() {
        assert!(request.fields.iter().all(|(name, _)| !name.replace('_', "-").ends_with("tenant-id")));
    }
}

#[test]
fn a_user_from_a_token_is_in_his_percentage() {
    let pair = Pair::start(&yaml(100).replace("tenants: [acme, globex], ", ""));
    let answer = pair.site.get_with("/u", &format!("Authorization: Bearer {}\r\n", token("valid")));
    assert_eq!(answer.served_by(), "new");
    let line = until("the line", || pair.site.log().pop());
    assert_eq!(line["bucket"], banyan::routing::bucket_of("a", "u-1").0);
    assert_eq!(pair.site.get("/nobody").served_by(), "legacy");
    assert_eq!(pair.site.logged("/nobody")["reason"], "missing-key:user");
}
