//! The corpus of http_desync_guardian (`fixtures/desync`): what it calls severe is refused, what it calls compliant passes, and
//! whatever reaches a backend can be read in one way only.

use std::path::Path;

use serde::Deserialize;

use crate::harness::Pair;

/// What the corpus calls compliant, and this facade refuses all the same. RFC 9112 section 6.1 lets a server refuse codings that it
/// does not know; a body that is coded and forwarded in other chunks would mean something else.
const CODINGS: &str = "it knows no transfer coding but chunked";
const URI: &str = "RFC 3986 has no such target";
const CONTROL: &str = "a backend that decodes it puts a control character into its logs and paths";
const STRICTER: [(&str, &str); 13] = [
    ("Correct TE OK", CODINGS),
    ("Transfer-Encoding: identity and chunked OK", CODINGS),
    ("Multiple transfer encoding headers in a single request OK", CODINGS),
    ("TE with custom parameters OK", CODINGS),
    ("Different Transfer-Encoding headers", CODINGS),
    ("Different Transfer-Encoding headers combined", CODINGS),
    ("Transfer-Encoding with a param: chunked;custom_param", CODINGS),
    ("Compliant URL", "it holds a fragment, which never leaves a client"),
    ("International in URI", URI),
    ("Empty URI", URI),
    ("%09 in URI is OK", CONTROL),
    ("%0D in URI is OK", CONTROL),
    ("%0A in URI is OK", CONTROL),
];

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    uri: String,
    method: String,
    version: String,
    #[serde(default)]
    headers: Vec<Field>,
    expected: Expected,
}

#[derive(Debug, Deserialize)]
struct Field {
    name: String,
    value: serde_yaml::Value,
}

#[derive(Debug, Deserialize)]
struct Expected {
    tier: Tier,
}

#[derive(Debug, Deserialize, PartialEq, Eq, Clone, Copy)]
enum Tier {
    Compliant,
    Acceptable,
    Ambiguous,
    Severe,
}

impl Case {
    /// The request as bytes, and the body that it announces, if it announces one.
    fn bytes(&self) -> (Vec<u8>, Vec<u8>) {
        let mut text = format!("{} {}", self.method, self.uri);
        if !self.version.is_empty() {
            text += &format!(" {}", self.version);
        }
        text += "\r\n";
        let is = |field: &Field, name: &str| field.name.eq_ignore_ascii_case(name);
        if !self.headers.iter().any(|field| is(field, "host")) {
            text += "Host: shop.example\r\n";
        }
        for field in &self.headers {
            text += &format!("{}: {}\r\n", field.name, value(field));
        }
        text += "\r\n";
        // The corpus spells bytes as the characters of the same number.
        let head: Vec<u8> = unescape(&text).chars().map(|character| character as u8).collect();
        let length = self.headers.iter().find(|field| is(field, "content-length"));
        let length = length.and_then(|field| value(field).trim().parse::<usize>().ok());
        let chunked = |field: &Field| is(field, "transfer-encoding") && value(field).trim() == "chunked";
        let chunked = self.headers.iter().any(chunked);
        let body = match length {
            _ if chunked => b"5\r\nhello\r\n0\r\n\r\n".to_vec(),
            Some(length) if length <= 1 << 23 => vec![b'x'; length],
            _ => Vec::new(),
        };
        (head, body)
    }
}

fn value(field: &Field) -> String {
    match &field.value {
        serde_yaml::Value::String(text) => text.clone(),
        other => serde_yaml::to_string(other).unwrap().trim().to_owned(),
    }
}

/// Escapes within what YAML takes as it stands.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escaped = rest[at + 1..].chars().next().unwrap();
        rest = &rest[at + 1 + escaped.len_utf8()..];
        out.push(match escaped {
            'x' => {
                let byte = u8::from_str_radix(&rest[..2], 16).unwrap();
                rest = &rest[2..];
                byte as char
            }
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            other => other,
        });
    }
    out + rest
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/desync");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    let read = |path| serde_yaml::from_str::<Vec<Case>>(&std::fs::read_to_string(path).unwrap()).unwrap();
    paths.into_iter().flat_map(read).collect()
}

fn only_the_next(reached: &[String]) -> bool {
    matches!(reached, [next] if next == "/next")
}

#[test]
fn severe_cases_are_refused_compliant_ones_pass_and_backends_see_only_canonical_requests() {
    let pair = Pair::start("");
    let (mut relayed, mut wrong) = (Vec::new(), Vec::new());
    let cases = cases();
    assert!(cases.len() > 150, "{}", cases.len());
    for case in &cases {
        let (head, body) = case.bytes();
        // Behind a severe case it would be smuggled; behind another it shows that both sides agree where that one ended.
        let next = b"GET /next HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n";
        let before = pair.legacy.requests().len();
        let mut client = pair.site.client();
        client.try_send([&head, &body[..], next].concat());
        let is_head = case.method == "HEAD";
        let answers: Vec<_> = std::iter::successors(Some(is_head), |_| Some(false))
            .map_while(|is_head| if is_head { client.head_answer() } else { client.next() })
            .map(|answer| (answer.status, answer.served_by().to_owned()))
            .collect();
        let Case { name, expected: Expected { tier }, .. } = case;
        let reached: Vec<String> =
            pair.legacy.requests()[before..].iter().map(|request| request.target.clone()).collect();
        let refused = matches!(&answers[..], [(400..=599, by)] if by == "banyan") && reached.is_empty();
        let passed = matches!(&answers[..], [(200, first), (200, second)] if first == "legacy" && second == "legacy")
            && matches!(&reached[..], [_, last] if last == "/next");
        let right = match tier {
            Tier::Severe => refused,
            // Where only the target is refused, both sides still agree where the request ended.
            Tier::Compliant if STRICTER.iter().any(|(stricter, _)| stricter == name) => {
                refused || only_the_next(&reached)
            }
            Tier::Compliant => passed,
            Tier::Acceptable | Tier::Ambiguous => refused || passed,
        };
        if !passed && only_the_next(&reached) {
            relayed.push("the next".to_owned());
        } else if passed {
            relayed.extend([name.clone(), "the next".to_owned()]);
        }
        if !right {
            wrong.push(format!(
                "{tier:?} {name}: {answers:?}, {reached:?} reached legacy; {:?}",
                String::from_utf8_lossy(&head)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let requests = pair.legacy.requests();
    assert_eq!(requests.len(), relayed.len());
    for (request, case) in requests.iter().zip(&relayed) {
        request.assert_canonical(case);
    }
}
