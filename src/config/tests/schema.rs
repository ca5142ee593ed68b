//! The printed schema takes what the loader takes.

use serde_json::{Value, json};

use super::*;

fn as_json(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap()
}

fn accepts(value: &Value) -> Vec<String> {
    let validator = jsonschema::draft7::new(&schema()).unwrap();
    validator.iter_errors(value).map(|error| format!("{} {error}", error.instance_path())).collect()
}

#[test]
fn it_is_a_draft_07_schema_with_descriptions() {
    let schema = schema();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    assert!(jsonschema::draft7::meta::is_valid(&schema));
    assert_eq!(schema["properties"]["version"]["description"], "The version of this format: 1.");
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn it_takes_the_fixtures() {
    for name in ["valid/minimal.yaml", "valid/everything.yaml"] {
        let text = std::fs::read_to_string(fixture(name)).unwrap();
        assert_eq!(accepts(&as_json(&text)), [""; 0], "{name}");
    }
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("routes.yaml");
    if let Ok(text) = std::fs::read_to_string(shipped) {
        assert_eq!(accepts(&as_json(&text)), [""; 0]);
    }
}

#[test]
fn it_refuses_unknown_keys_wherever_they_stand() {
    let text = std::fs::read_to_string(fixture("valid/everything.yaml")).unwrap();
    let whole = as_json(&text);
    let mut places = Vec::new();
    objects(&whole, String::new(), &mut places);
    for place in places {
        let mut value = whole.clone();
        // The names of these are the file's own.
        let free = ["/backends", "/cohorts", "/flags", "/comparisons"].contains(&place.as_str())
            || ["/tenants", "/users", "/headers", "/query", "/set"].iter().any(|end| place.ends_with(end));
        value.pointer_mut(&place).unwrap()["zzz"] = json!("x");
        assert_eq!(
            accepts(&value).is_empty(),
            free && !place.ends_with("/flags")
                && place != "/backends"
                && place != "/cohorts"
                && place != "/comparisons"
                && !place.ends_with("/tenants")
                && !place.ends_with("/users"),
            "{place}"
        );
        let text = serde_yaml::to_string(&value).unwrap();
        let loaded = main_beside_fixtures(&text);
        let unknown = loaded.diagnostics.errors().any(|found| found.code == "unknown-key");
        assert_eq!(unknown, !free, "{place}");
    }
}

#[test]
fn it_agrees_with_the_loader_on_values() {
    let with = |pointer: &str, value: Value| {
        let mut whole = as_json(&format!(
            "{HEAD}routes: [{{ name: a, match: {{}} }}]\ncohorts: {{ a: {{ percent: 1, by: client }} }}\ndrain: {{ delay: 0s }}\nreload: {{ confirm_removals: true }}\nflags: {{ f: {{ default: off }} }}\n"
        ));
        *whole.pointer_mut(pointer).unwrap() = value;
        let text = serde_yaml::to_string(&whole).unwrap();
        let loaded = main(text).load();
        (accepts(&whole).is_empty(), !loaded.diagnostics.has_errors())
    };
    for (pointer, value, good) in [
        ("/version", json!(1), true),
        ("/version", json!(2), false),
        ("/version", Value::Null, false),
        ("/listen", json!([]), false),
        ("/listen/0/address", json!("127.0.0.1"), false),
        ("/listen/0/address", json!(8080), false),
        ("/cohorts/a/percent", json!("5%"), true),
        ("/cohorts/a/percent", json!(99.5), true),
        ("/cohorts/a/percent", json!(101), false),
        ("/cohorts/a/percent", json!("5 percent"), false),
        ("/cohorts/a/by", json!("tenants"), false),
        ("/drain/delay", json!(5), false),
        ("/drain/delay", json!("soon"), false),
        ("/drain/delay", json!("250ms"), true),
        ("/reload/confirm_removals", json!("true"), false),
        ("/flags/f/default", json!("off"), true),
        ("/flags/f/default", json!(true), true),
        ("/flags/f/default", json!("maybe"), false),
        ("/routes/0/name", json!(7), false),
        ("/routes/0/name", json!(""), false),
        ("/routes/0/match", json!([]), false),
        ("/routes/0/match", json!([{ "path": "/a" }]), true),
        ("/routes/0/match", json!({ "headers": { "a": { "prefix": "x", "regex": "y" } } }), false),
        ("/routes/0/match", json!({ "query": { "a": { "present": false } } }), false),
        ("/routes/0/match", json!({ "methods": ["get"] }), false),
        ("/backends/old/endpoints", json!(["ftp://a"]), false),
        ("/backends/old/endpoints", json!([]), false),
        ("/backends/old/endpoints", json!("http://a"), false),
    ] {
        let shown = format!("{pointer} {value}");
        assert_eq!(with(pointer, value), (good, good), "{shown}");
    }
}

/// Loads a text as if it stood beside the valid fixtures.
fn main_beside_fixtures(text: &str) -> Loaded {
    let dir = fixture("valid");
    let read = |name: &str| std::fs::read(dir.join(name)).unwrap();
    let mut memory = main(text);
    for name in ["keys/jwks.json", "cohorts/large.txt", "tls/ca.pem", "tls/facade.pem", "tls/facade.key"] {
        memory = memory.with(name, read(name));
    }
    memory.load()
}

fn objects(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                objects(value, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), places);
            }
            places.push(at);
        }
        Value::Array(list) => {
            for (key, value) in list.iter().enumerate() {
                objects(value, format!("{at}/{key}"), places);
            }
        }
        _ => {}
    }
}
