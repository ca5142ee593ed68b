//! Commands that talk to a running facade.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::{ConfigArg, Exit, complain};
use crate::admin::{ReloadAnswer, Token};
use crate::config::{self, Bundle, Disk, Options};
use crate::snapshot::Snapshot;

/// How long the facade may take to answer. Loading a hundred thousand routes takes a while.
const PATIENCE: Duration = Duration::from_secs(60);

/// How the facade is found: by the configuration, unless it is said.
#[derive(Debug, Args)]
pub(super) struct Where {
    #[command(flatten)]
    pub(super) config: ConfigArg,
    /// The facade's admin address, instead of the configuration's
    #[arg(long, value_name = "HOST:PORT")]
    admin: Option<SocketAddr>,
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
pub(super) struct Found {
    pub(super) admin: SocketAddr,
    state_dir: PathBuf,
}

impl Where {
    /// By a configuration that is loaded already.
    pub(super) fn by(&self, snapshot: &Snapshot) -> Found {
        Found { admin: self.admin.unwrap_or(snapshot.admin), state_dir: snapshot.state_dir.clone() }
    }

    /// By the file, or where that is invalid (a good reason to call the facade) by the configuration it keeps.
    pub(super) fn find(&self) -> Option<Found> {
        let options = Options { state_dir: self.state_dir.clone() };
        let main = &self.config.config;
        let by = |snapshot: &Snapshot| Found { admin: snapshot.admin, state_dir: snapshot.state_dir.clone() };
        let from_file = config::load(&Disk, main, &options).snapshot.as_ref().map(by);
        let beside = || main.parent().unwrap_or(Path::new("")).join(".banyan");
        let state_dir = self.state_dir.clone().unwrap_or_else(beside);
        let from_kept = || {
            let kept = Bundle::load(&state_dir).ok().flatten()?;
            config::load(&kept, main, &options).snapshot.as_ref().map(by)
        };
        let mut found = from_file.or_else(from_kept);
        if let Some(admin) = self.admin {
            let state_dir = found.map_or(state_dir, |found| found.state_dir);
            found = Some(Found { admin, state_dir });
        }
        found
    }
}

/// Makes the facade load its configuration anew.
pub(super) fn reload(args: &ReloadArgs, out: &mut impl Write) -> io::Result<Exit> {
    let Some(found) = args.at.find() else { return Ok(unfindable()) };
    let token = match token(&args.at, &found) {
        Ok(token) => token,
        Err(exit) => return Ok(exit),
    };
    match ask_reload(&found, &token, args.confirm) {
        Ok(reloaded) => {
            for message in &reloaded.messages {
                writeln!(out, "{message}")?;
            }
            complain(&reloaded.said);
            Ok(reloaded.exit)
        }
        Err(error) => Ok(unreachable_at(found.admin, &error)),
    }
}

/// What came of a reload.
pub(super) struct Reloaded {
    /// What changed, or why not.
    pub(super) messages: Vec<String>,
    /// The generation that is live now, where the facade named it.
    pub(super) generation: Option<u64>,
    /// It in a sentence.
    pub(super) said: String,
    pub(super) exit: Exit,
}

/// Makes the facade load its configuration anew.
pub(super) fn ask_reload(found: &Found, token: &Token, confirm: bool) -> io::Result<Reloaded> {
    let path = format!("/api/v1/reload?confirm={confirm}");
    let (status, body) = ask(found.admin, "POST", &path, Some(token), None)?;
    let answer: Option<ReloadAnswer> = serde_json::from_slice(&body).ok();
    let generation = answer.as_ref().map(|answer| answer.generation);
    let live = generation.map_or_else(|| "what is live".to_owned(), |number| format!("generation {number}"));
    let (what, exit) = match status {
        200 => ("is live", Exit::Ok),
        401 | 403 => ("stays: the token was refused", Exit::Denied),
        409 => ("stays: say `banyan reload --confirm` if this is meant", Exit::Conflict),
        423 => ("stays until the file's writer closes it; it is loaded then", Exit::Conflict),
        422 => ("stays: the configuration is invalid", Exit::No),
        _ => ("stays: the facade could not reload", Exit::No),
    };
    let messages = answer.map(|answer| answer.messages).unwrap_or_default();
    Ok(Reloaded { messages, generation, said: format!("{live} {what}"), exit })
}

/// Exit 0 if the facade is ready.
pub(super) fn healthcheck(args: &HealthArgs, out: &mut impl Write) -> io::Result<Exit> {
    let Some(found) = args.at.find() else { return Ok(unfindable()) };
    match ask(found.admin, "GET", "/readyz", None, None) {
        Ok((200, _)) => {
            writeln!(out, "ready")?;
            Ok(Exit::Ok)
        }
        Ok((_, body)) => {
            out.write_all(&body)?;
            writeln!(out)?;
            Ok(Exit::No)
        }
        Err(error) => Ok(unreachable_at(found.admin, &error)),
    }
}

/// The token to show; says why there is none.
pub(super) fn token(at: &Where, found: &Found) -> Result<Token, Exit> {
    let file = at.token_file.clone().unwrap_or_else(|| found.state_dir.join("admin.token"));
    Token::read(&file).map_err(|error| {
        complain(&format!("banyan: token file {}: {error}", file.display()));
        Exit::Denied
    })
}

pub(super) fn refused_token() -> Exit {
    complain("banyan: the token was refused");
    Exit::Denied
}

pub(super) fn unfindable() -> Exit {
    complain(
        "banyan: neither the configuration nor a kept one says where the facade is; say --admin HOST:PORT, or --state-dir DIR if that is elsewhere",
    );
    Exit::Unreachable
}

pub(super) fn unreachable_at(admin: SocketAddr, error: &io::Error) -> Exit {
    complain(&format!("banyan: no facade answers at {admin}: {error}"));
    Exit::Unreachable
}

/// Whether anything listens there at all.
pub(super) fn answers(found: &Found) -> bool {
    TcpStream::connect_timeout(&reachable(found.admin), Duration::from_secs(5)).is_ok()
}

/// One request on a connection of its own, with a JSON body if there is one: status and body.
pub(super) fn ask(
    admin: SocketAddr,
    method: &str,
    path: &str,
    token: Option<&Token>,
    json: Option<&str>,
) -> io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect_timeout(&reachable(admin), Duration::from_secs(5))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let authorization = token.map(|token| format!("Authorization: {}\r\n", token.authorization())).unwrap_or_default();
    // HTTP/1.0: the answer comes unchunked and ends with the connection.
    let kind = json.map(|_| "Content-Type: application/json\r\n").unwrap_or_default();
    let json = json.unwrap_or_default();
    let length = json.len();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {admin}\r\n{authorization}{kind}Content-Length: {length}\r\n\r\n{json}"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP");
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    match head.parse(&answer) {
        Ok(httparse::Status::Complete(length)) => Ok((head.code.ok_or_else(invalid)?, answer[length..].to_vec())),
        _ => Err(invalid()),
    }
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
