//! A kept request, to be asked again with curl.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::printable;
use crate::diff::redact::REDACTED;
use crate::store::Body;
use crate::store::read::Kept;

/// What curl sets itself, and what belongs to a connection.
const NOT_SENT: [&str; 9] = [
    "content-length",
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
];

/// A command line, and what there is to know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Curl {
    /// For a POSIX shell or, where a control character has to be quoted, one that knows `$'…'` (POSIX 2024, bash, zsh).
    pub command: String,
    /// What it lacks.
    pub notes: Vec<String>,
}

/// The command that sends a kept request to `base`, such as `http://10.0.0.5:8080`.
#[must_use]
pub fn curl(kept: &Kept, base: &str) -> Curl {
    let mut notes = Vec::new();
    let target = if kept.target.starts_with('/') { kept.target.clone() } else { format!("/{}", kept.target) };
    if target.contains(REDACTED) || target.contains("%5Bredacted%5D") {
        notes.push("parts of the query were redacted: fill them in".to_owned());
    }
    // As they were sent: no globbing, no dot segments taken out, and no configuration of whoever runs it.
    let mut words: Vec<String> =
        ["curl", "--disable", "--globoff", "--path-as-is", "--include"].map(str::to_owned).into();
    match kept.method.as_str() {
        "GET" => {}
        "HEAD" => words.push("--head".to_owned()),
        method => words.extend(["--request".to_owned(), quoted(method)]),
    }
    for (name, value) in &kept.detail.headers {
        let is_name = !name.is_empty() && http::HeaderName::from_bytes(name.as_bytes()).is_ok();
        if !is_name || NOT_SENT.contains(&name.to_ascii_lowercase().as_str()) {
            continue;
        }
        let line = if value.contains(REDACTED) {
            notes.push(format!("{name} was redacted: fill it in"));
            format!("{name}: {}", value.replace(REDACTED, "…"))
        } else if value.is_empty() {
            // curl's way to send a header without a value.
            format!("{name};")
        } else {
            format!("{name}: {value}")
        };
        words.extend(["--header".to_owned(), quoted(&line)]);
    }
    let piped = body(kept, &mut words, &mut notes);
    words.push(quoted(&format!("{}{target}", base.trim_end_matches('/'))));
    let command = words.join(" ");
    Curl { command: piped.map_or(command.clone(), |piped| format!("{piped} | {command}")), notes }
}

/// Adds the body; what cannot be an argument is piped in by the command that is returned.
fn body(kept: &Kept, words: &mut Vec<String>, notes: &mut Vec<String>) -> Option<String> {
    let sent = kept.detail.headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("transfer-encoding") || name.eq_ignore_ascii_case("content-length") && value != "0"
    });
    match &kept.detail.body {
        None => {
            if sent {
                notes.push("the body was not kept".to_owned());
            }
            None
        }
        Some(Body::Text(text)) if !text.contains('\0') => {
            if text.contains(REDACTED) {
                notes.push("parts of the body were redacted: fill them in".to_owned());
            }
            // Not --data: what starts with an `@` would be a file.
            words.extend(["--data-raw".to_owned(), quoted(text)]);
            None
        }
        Some(body) => {
            words.extend(["--data-binary", "@-"].map(str::to_owned));
            Some(format!("printf %s {} | base64 -d", STANDARD.encode(body.bytes())))
        }
    }
}

/// One word for a shell, whatever is in it; nothing in it steers a terminal.
#[must_use]
pub fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    if printable(text) == text {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let mut word = String::from("$'");
    for character in text.chars() {
        match character {
            '\'' | '\\' => word.extend(['\\', character]),
            c if printable(c.encode_utf8(&mut [0; 4])).len() == c.len_utf8() => word.push(c),
            // Octal takes at most three digits, so nothing behind it can be taken for a part of it.
            c => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| word.push_str(&format!("\\{byte:03o}"))),
        }
    }
    word.push('\'');
    word
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;
    use crate::diff::Verdict;
    use crate::names::Side;
    use crate::store::{Answered, Detail};

    fn kept(method: &str, target: &str, headers: &[(&str, &str)], body: Option<Body>) -> Kept {
        let answered = || Answered {
            status: 200,
            headers: Vec::new(),
            body: None,
            hash: String::new(),
            bytes: 0,
            took_us: 0,
            backend: String::new(),
        };
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let detail = Detail { headers, body, legacy: answered(), new: answered(), differences: Vec::new() };
        Kept {
            id: 1,
            at_ms: 0,
            route: "orders".to_owned(),
            tenant: String::new(),
            request_id: String::new(),
            verdict: Verdict::Mismatch,
            answered: Side::Legacy,
            method: method.to_owned(),
            target: target.to_owned(),
            detail,
        }
    }

    #[test]
    fn a_request_is_asked_as_it_was() {
        let headers = [("accept", "*/*"), ("authorization", "[redacted]"), ("x-empty", ""), ("content-length", "3")];
        let curl = curl(&kept("POST", "/a/../b?x='1'", &headers, Some(Body::Text("@f".to_owned()))), "http://h:1/");
        let expected = "curl --disable --globoff --path-as-is --include --request POST --header 'accept: */*' \
            --header 'authorization: …' --header 'x-empty;' --data-raw @f 'http://h:1/a/../b?x='\\''1'\\'''";
        assert_eq!(curl.command, expected);
        assert_eq!(curl.notes, ["authorization was redacted: fill it in"]);
    }

    #[test]
    fn bytes_are_piped_in() {
        let command = curl(&kept("PUT", "/", &[], Some(Body::of(&[0, 255]))), "http://h").command;
        assert!(command.starts_with("printf %s AP8= | base64 -d | curl ") && command.contains("--data-binary @- "));
        assert!(curl(&kept("HEAD", "x", &[], None), "http://h").command.ends_with("--head http://h/x"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_shell_reads_what_was_quoted(text in "[^\0]*") {
            let word = quoted(&text);
            prop_assert_eq!(printable(&word), word.as_str());
            let said = Command::new("bash").args(["-c", &format!("printf %s {word}")]).output().unwrap().stdout;
            prop_assert_eq!(String::from_utf8(said).unwrap(), text);
        }
    }
}
