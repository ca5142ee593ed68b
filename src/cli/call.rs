//! Commands that talk to a running facade.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::de::DeserializeOwned;

use super::secure::{AdminUrl, Secure, SecureArgs, Stream};
use super::{ConfigArg, Exit, complain};
use crate::admin::{PeerAnswer, Problem, ReloadAnswer, Token};
use crate::config::{self, Bundle, Disk, Options};
use crate::report::printable;
use crate::snapshot::{ListenerTls, Snapshot};

/// How long the facade may take to answer. Loading a hundred thousand routes takes a while.
const PATIENCE: Duration = Duration::from_secs(60);

/// How the facade is found: by the configuration, unless it is said.
#[derive(Debug, Args)]
pub(super) struct Where {
    #[command(flatten)]
    pub(super) config: ConfigArg,
    /// The facade's admin address, instead of the configuration's: https://banyan.internal:9900 or 127.0.0.1:9900
    #[arg(long, value_name = "URL", value_parser = address)]
    admin: Option<AdminUrl>,
    #[command(flatten)]
    secure: SecureArgs,
    /// The file with the admin token, instead of the state directory's
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The state directory, instead of the configuration's
    #[arg(long, env = "BANYAN_STATE_DIR", value_name = "DIR")]
    pub(super) state_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ReloadArgs {
    #[command(flatten)]
    at: Where,
    /// What the new configuration takes away is meant
    #[arg(long)]
    confirm: bool,
}

#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    #[command(flatten)]
    at: Where,
}

/// Where the facade is, and where its token may be.
struct Found {
    admin: SocketAddr,
    /// How its certificate is known by its configuration; `None`: without TLS.
    tls: Option<Arc<ListenerTls>>,
    state_dir: PathBuf,
}

impl Where {
    /// The configuration's file.
    pub(super) fn config(&self) -> &Path {
        &self.config.config
    }

    /// By the file, or where that is invalid (a good reason to call the facade) by the configuration it keeps.
    fn find(&self) -> Option<Found> {
        // The certificate of the admin listener is how it is known; its key may be somebody else's to read.
        let whole = Options { state_dir: self.state_dir.clone(), ..Options::default() };
        let options = Options { without_tls: true, ..whole.clone() };
        let main = &self.config.config;
        let by = |snapshot: &Snapshot| Found {
            admin: snapshot.admin.address,
            tls: snapshot.admin.tls.clone(),
            state_dir: snapshot.state_dir.clone(),
        };
        let load = |options| config::load(&Disk, main, options).snapshot.as_ref().map(by);
        let from_file =
            load(&options).map(|found| if found.tls.is_some() { load(&whole).unwrap_or(found) } else { found });
        let beside = || main.parent().unwrap_or(Path::new("")).join(".banyan");
        let state_dir = self.state_dir.clone().unwrap_or_else(beside);
        let from_kept = || {
            let kept = Bundle::load(&state_dir).ok().flatten()?;
            config::load(&kept, &kept.main, &options).snapshot.as_ref().map(by)
        };
        let mut found = from_file.or_else(from_kept);
        if let Some(admin) = &self.admin {
            let (state_dir, tls) = found.map_or((state_dir, None), |found| (found.state_dir, found.tls));
            found = Some(Found { admin: admin.address, tls, state_dir });
        }
        found
    }

    /// How the facade is spoken to securely, if it is.
    fn secure(&self, found: &Found) -> io::Result<Option<Secure>> {
        let said = self.admin.as_ref().and_then(|admin| admin.secure);
        if !said.unwrap_or(found.tls.is_some()) {
            return Ok(None);
        }
        let host =
            self.admin.as_ref().map_or_else(|| reachable(found.admin).ip().to_string(), |admin| admin.host.clone());
        Secure::new(&self.secure, found.tls.as_deref(), &host).map(Some)
    }
}

/// Makes the facade load its configuration anew.
pub(super) fn reload(args: &ReloadArgs, out: &mut impl Write) -> io::Result<Exit> {
    let answer =
        args.at.remote().and_then(|remote| remote.post(&format!("/api/v1/reload?confirm={}", args.confirm), ""));
    let Answer { status, body } = match answer {
        Ok(answer) => answer,
        Err(exit) => return Ok(exit),
    };
    match serde_json::from_slice(&body) {
        Ok(answer) => report(status, &answer, out),
        Err(_) => Ok(Answer { status, body }.refused()),
    }
}

/// Says what came of a reload.
pub(super) fn report(status: u16, answer: &ReloadAnswer, out: &mut impl Write) -> io::Result<Exit> {
    for message in &answer.messages {
        writeln!(out, "{}", printable(message))?;
    }
    let (said, exit) = match status {
        200 => ("is live", Exit::Ok),
        409 => ("stays: say `banyan reload --confirm` if this is meant", Exit::Conflict),
        423 => ("stays until the file's writer closes it; it is loaded then", Exit::Conflict),
        422 => ("stays: the configuration is invalid", Exit::No),
        _ => ("stays: the facade could not reload", Exit::No),
    };
    // What is held or has moved says so itself.
    let said = if status == 409 && answer.held { "stays" } else { said };
    complain(&format!("generation {} {said}", answer.generation));
    if status == 200 && !answer.durable {
        complain("it is NOT ON THE DISK yet: it would not survive a restart now");
    }
    peers(&answer.peers, exit, out)
}

/// Says what other instances made of a command; the exit is good if all of them obeyed.
pub(super) fn peers(peers: &[PeerAnswer], mut exit: Exit, out: &mut impl Write) -> io::Result<Exit> {
    for peer in peers {
        let said = match (peer.ok, peer.durable) {
            (true, true) => "done".to_owned(),
            (true, false) => "done, but not on its disk yet".to_owned(),
            (false, _) => {
                exit = Exit::No;
                format!("NOT DONE: {}", printable(&peer.message))
            }
        };
        writeln!(out, "{}: {said}", peer.address)?;
    }
    Ok(exit)
}

/// Exit 0 if the facade is ready.
pub(super) fn healthcheck(args: &HealthArgs, out: &mut impl Write) -> io::Result<Exit> {
    let Some(found) = args.at.find() else { return Ok(unfindable()) };
    let asked = Asked { method: "GET", path: "/readyz", token: None, json: "", if_generation: None };
    match args.at.secure(&found).and_then(|secure| ask(found.admin, secure.as_ref(), &asked)) {
        Ok(Answer { status: 200, .. }) => {
            writeln!(out, "ready")?;
            Ok(Exit::Ok)
        }
        Ok(Answer { body, .. }) => {
            out.write_all(&body)?;
            writeln!(out)?;
            Ok(Exit::No)
        }
        Err(error) => Ok(unreachable_at(found.admin, &error)),
    }
}

/// A running facade, and the token to show it.
pub(super) struct Remote {
    pub(super) admin: SocketAddr,
    secure: Option<Secure>,
    token: Token,
}

/// One request.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    /// Path and query.
    pub(super) path: &'a str,
    pub(super) token: Option<&'a Token>,
    /// The body; empty for none.
    pub(super) json: &'a str,
    /// Only if this generation is live.
    pub(super) if_generation: Option<u64>,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Where {
    /// Whether anything listens where the facade should be; if not, where that is.
    pub(super) fn is_answered(&self) -> Result<(), SocketAddr> {
        let Some(found) = self.find() else { return Ok(()) };
        TcpStream::connect_timeout(&reachable(found.admin), Duration::from_secs(5)).map_or(Err(found.admin), |_| Ok(()))
    }

    /// The facade and the token; says what of them is missing.
    pub(super) fn remote(&self) -> Result<Remote, Exit> {
        let found = self.find().ok_or_else(unfindable)?;
        let file = self.token_file.clone().unwrap_or_else(|| found.state_dir.join("admin.token"));
        let token = Token::read(&file).map_err(|error| {
            let path = std::path::absolute(&file).unwrap_or(file.clone());
            complain(&format!(
                "banyan: token file {}: {error}; say --token-file FILE, or --config FILE",
                path.display()
            ));
            Exit::Denied
        })?;
        let secure = self.secure(&found).map_err(|error| {
            complain(&format!("banyan: {error}"));
            Exit::No
        })?;
        Ok(Remote { admin: found.admin, secure, token })
    }
}

impl Remote {
    /// Asks; says so if nobody answers.
    pub(super) fn get(&self, path: &str) -> Result<Answer, Exit> {
        self.ask("GET", path, "", None)
    }

    /// Asks for JSON with these parameters; says why there is none.
    pub(super) fn read<T: DeserializeOwned>(&self, path: &str, parameters: &[(&str, &str)]) -> Result<T, Exit> {
        let pairs: Vec<String> = parameters.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
        let mark = if pairs.is_empty() { "" } else { "?" };
        let answer = self.get(&format!("{path}{mark}{}", pairs.join("&")))?;
        match serde_json::from_slice(&answer.body) {
            Ok(found) if answer.status == 200 => Ok(found),
            _ => Err(answer.refused()),
        }
    }

    /// Tells; says so if nobody answers.
    pub(super) fn post(&self, path: &str, json: &str) -> Result<Answer, Exit> {
        self.ask("POST", path, json, None)
    }

    /// Tells something that is meant for this generation alone.
    pub(super) fn ask(&self, method: &str, path: &str, json: &str, generation: Option<u64>) -> Result<Answer, Exit> {
        let asked = Asked { method, path, token: Some(&self.token), json, if_generation: generation };
        ask(self.admin, self.secure.as_ref(), &asked).map_err(|error| unreachable_at(self.admin, &error))
    }
}

impl Answer {
    /// Says why it is no success.
    pub(super) fn refused(&self) -> Exit {
        let why = serde_json::from_slice(&self.body);
        let why = why.map_or_else(|_| format!("the facade answered {}", self.status), |why: Problem| why.message);
        complain(&format!("banyan: {}", printable(&why)));
        match self.status {
            401 | 403 => Exit::Denied,
            409 => Exit::Conflict,
            _ => Exit::No,
        }
    }
}

fn unfindable() -> Exit {
    complain(
        "banyan: neither the configuration nor a kept one says where the facade is; say --config FILE, or --state-dir DIR, or --admin URL with --token-file FILE",
    );
    Exit::Unreachable
}

fn unreachable_at(admin: SocketAddr, error: &io::Error) -> Exit {
    complain(&format!("banyan: no facade answers at {admin}: {error}"));
    Exit::Unreachable
}

/// One request on a connection of its own.
pub(super) fn ask(admin: SocketAddr, secure: Option<&Secure>, asked: &Asked<'_>) -> io::Result<Answer> {
    let stream = TcpStream::connect_timeout(&reachable(admin), Duration::from_secs(5))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    match secure {
        Some(secure) => exchange(secure.over(stream)?, admin, asked),
        None => exchange(stream, admin, asked),
    }
}

fn exchange(mut stream: impl Stream, admin: SocketAddr, asked: &Asked<'_>) -> io::Result<Answer> {
    let Asked { method, path, token, json, if_generation } = asked;
    // HTTP/1.0: the answer comes unchunked and ends with the connection.
    let mut head = format!("{method} {path} HTTP/1.0\r\nHost: {admin}\r\nContent-Length: {}\r\n", json.len());
    if let Some(token) = token {
        head += &format!("Authorization: {}\r\n", token.authorization());
    }
    if let Some(generation) = if_generation {
        head += &format!("If-Match: {generation}\r\n");
    }
    if !json.is_empty() {
        head += "Content-Type: application/json\r\n";
    }
    write!(stream, "{head}\r\n{json}")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP");
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    match head.parse(&answer) {
        Ok(httparse::Status::Complete(length)) => {
            Ok(Answer { status: head.code.ok_or_else(invalid)?, body: answer[length..].to_vec() })
        }
        _ => Err(invalid()),
    }
}

/// A value as a query has it (RFC 3986 section 2).
fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

/// `127.0.0.1:9900`, with or without `http://` or `https://`.
fn address(text: &str) -> Result<AdminUrl, String> {
    let (secure, bare) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(bare), _) => (Some(true), bare),
        (None, Some(bare)) => (Some(false), bare),
        (None, None) => (None, text),
    };
    let bare = bare.trim_end_matches('/');
    let found = bare.to_socket_addrs().ok().and_then(|mut found| found.next());
    let address = found.ok_or_else(|| format!("`{text}` is not HOST:PORT, or there is no such host"))?;
    let host = bare.rsplit_once(':').map_or(bare, |(host, _)| host).trim_matches(['[', ']']).to_owned();
    Ok(AdminUrl { address, host, secure })
}

/// An address one can connect to: one that means "every address of this machine" is reached through loopback.
pub(super) fn reachable(admin: SocketAddr) -> SocketAddr {
    let ip = match admin.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, admin.port())
}
