//! The admin listener: where it is, what it answers to, whose tokens it takes.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use super::backends::leads_to;
use super::{At, Cx, tls, values};
use crate::config::diagnostic::{Finding, nearest};
use crate::config::file::File;
use crate::config::gather::beside;
use crate::config::place::Place;
use crate::config::read::Text;
use crate::routing::HostPattern;
use crate::snapshot::{AdminSettings, EndpointAddress, Role, TokenEntry};

/// How large a file of tokens may be.
const MAX_TOKENS_FILE: u64 = 1024 * 1024;
/// The longest name of a token, in bytes.
const MAX_NAME: usize = 64;
/// The most instances that commands are sent to.
const MAX_PEERS: usize = 64;
/// The name of the token of the state directory.
const RESERVED: &str = "admin";

/// All of `admin:`; the address was read with those of the listeners.
pub(super) fn compile(file: &File, address: SocketAddr, without_tls: bool, cx: &mut Cx<'_>) -> AdminSettings {
    let Some(admin) = file.admin.as_ref().and_then(At::get) else {
        return AdminSettings { address, hosts: Vec::new(), tokens: Vec::new(), peers: Vec::new(), tls: None };
    };
    let mut hosts = Vec::new();
    for (host, place) in values(admin.hosts.as_ref()) {
        match HostPattern::parse(&host.0) {
            Ok(pattern) => hosts.push(pattern),
            Err(error) => cx.report.error(place, "bad-host", format!("`{}`: {error}", host.0)),
        }
    }
    let mut peers: Vec<EndpointAddress> = Vec::new();
    for (peer, place) in values(admin.peers.as_ref()) {
        let (text, peer) = (&peer.0.text, &peer.0.address);
        if peers.contains(peer) {
            cx.report.warning(place, "duplicate-peer", format!("`{text}` is there twice"));
            continue;
        }
        if leads_to(peer, address) {
            cx.report.warning(place, "own-peer", format!("`{text}` is this facade itself"));
        }
        if peers.len() == MAX_PEERS {
            cx.report.error(place, "too-many-peers", format!("more than {MAX_PEERS} peers"));
            break;
        }
        peers.push(peer.clone());
    }
    let tokens = admin.tokens.as_ref().map_or_else(Vec::new, |file| tokens(file, cx));
    let tls = tls::compile(admin.tls.as_ref(), tls::Speaks::Http1, without_tls, cx);
    AdminSettings { address, hosts, tokens, peers, tls }
}

/// The tokens of a file: `NAME ROLE sha256:HEX` on each line; empty lines and lines that start with `#` are skipped.
fn tokens(named: &At<Text>, cx: &mut Cx<'_>) -> Vec<TokenEntry> {
    let Some(name) = named.get() else { return Vec::new() };
    let path = beside(cx.report.files.path(named.place.file), &name.0);
    let text = match cx.source.read(&path, MAX_TOKENS_FILE).map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(_)) => {
            cx.report.error(named.place, "not-utf8", format!("`{}` is no UTF-8", path.display()));
            return Vec::new();
        }
        Err(error) => {
            cx.report.error(named.place, "unreadable", format!("cannot read `{}`: {error}", path.display()));
            return Vec::new();
        }
    };
    let entries = entries(&path, text.strip_prefix('\u{feff}').unwrap_or(&text), cx);
    if entries.is_empty() && !cx.report.has_errors() {
        cx.report.warning(named.place, "empty-file", format!("no token stands in `{}`", path.display()));
    }
    entries
}

fn entries(path: &Path, text: &str, cx: &mut Cx<'_>) -> Vec<TokenEntry> {
    // The lines are not quoted in messages: a token that was put in by mistake must not get into a log.
    let file = cx.report.files.add(path, Arc::from(""));
    let mut found: Vec<TokenEntry> = Vec::new();
    for (line, number) in text.lines().map(str::trim).zip(1_u32..) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let place = Place { file, line: number, col: 1 };
        match entry(line) {
            Ok(entry) if found.iter().any(|other| other.name == entry.name) => {
                cx.report.error(place, "duplicate-name", format!("there are two tokens named `{}`", entry.name));
            }
            Ok(entry) => found.push(entry),
            Err((code, message, help)) => {
                let finding = Finding::error(place, code, message);
                cx.report.add(match help {
                    Some(help) => finding.help(help),
                    None => finding,
                });
            }
        }
    }
    found
}

/// Reads one line of a file of tokens.
///
/// # Errors
/// What is wrong with it.
pub fn token_entry(line: &str) -> Result<TokenEntry, String> {
    let told = |(_, message, help): Wrong| help.map_or(message.clone(), |help| format!("{message} ({help})"));
    if line.starts_with('#') {
        Err("a line that starts with `#` is a comment".to_owned())
    } else {
        entry(line).map_err(told)
    }
}

type Wrong = (&'static str, String, Option<String>);

fn entry(line: &str) -> Result<TokenEntry, Wrong> {
    let mut words = line.split_whitespace();
    let (Some(name), Some(role), Some(hash), None) = (words.next(), words.next(), words.next(), words.next()) else {
        let help = "`banyan token NAME --role viewer` makes such a line".to_owned();
        return Err(("bad-token", "a line is `NAME ROLE sha256:HEX`".to_owned(), Some(help)));
    };
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.@".contains(&b);
    if name.len() > MAX_NAME || !name.bytes().all(fits) {
        let message = format!("a name has at most {MAX_NAME} letters, digits, `-`, `_`, `.` and `@`");
        return Err(("bad-name", message, None));
    }
    if name == RESERVED {
        let message = format!("`{RESERVED}` is the token of the state directory");
        return Err(("duplicate-name", message, Some("choose another name".to_owned())));
    }
    let Some(role) = Role::parse(role) else {
        let near = nearest(role, Role::ALL.map(Role::as_str)).map(|near| format!("did you mean `{near}`?"));
        let help = near.unwrap_or_else(|| format!("one of {}", Role::ALL.map(Role::as_str).join(", ")));
        return Err(("unknown-role", "there is no such role".to_owned(), Some(help)));
    };
    let Some(hash) = hash.strip_prefix("sha256:").and_then(bytes) else {
        let message = "the hash is not `sha256:` and 64 hexadecimal digits".to_owned();
        let help = "it is the hash that belongs here, not the token: printf %s TOKEN | sha256sum".to_owned();
        return Err(("bad-hash", message, Some(help)));
    };
    Ok(TokenEntry { name: Arc::from(name), role, hash })
}

/// 32 bytes from 64 hexadecimal digits.
fn bytes(hex: &str) -> Option<[u8; 32]> {
    let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::try_from(pair[0] << 4 | pair[1]).ok()?;
    }
    Some(bytes)
}
