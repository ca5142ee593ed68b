//! A running facade with its files.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use banyan::app::{AppError, Facade};
use banyan::control::{Outcome, StartOptions};
use serde_json::Value;
use tempfile::TempDir;

use super::answer::Answer;
use super::client::Client;
use super::wait::until;

/// What a file says unless it says something else under the same key.
const PRELUDE: [(&str, &str); 4] = [
    ("listen", "listen: [{ address: 127.0.0.1:0 }]"),
    ("admin", "admin: { address: 127.0.0.1:0 }"),
    ("access_log", "access_log: ../access.log"),
    ("drain", "drain: { grace: 100ms }"),
];

/// A running facade with its files. It is stopped when it is dropped.
#[derive(Debug)]
pub struct Site {
    pub folder: TempDir,
    config: PathBuf,
    facade: Option<Facade>,
}

impl Site {
    /// Starts a facade with this file, which is completed by what every test wants.
    #[track_caller]
    pub fn start(yaml: &str) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("etc");
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("routes.yaml"), Site::whole(yaml)).unwrap();
        Site::start_in(folder)
    }

    /// Starts a facade in a folder that has its file already.
    #[track_caller]
    pub fn start_in(folder: TempDir) -> Site {
        Site::try_start(folder, false).unwrap_or_else(|(_, error)| panic!("{error}"))
    }

    /// The same, where it may fail; the folder is handed back then.
    pub fn try_start(folder: TempDir, strict: bool) -> Result<Site, (TempDir, AppError)> {
        let config = folder.path().join("etc/routes.yaml");
        let state_dir = Some(folder.path().join("state"));
        match Facade::start(StartOptions { config: config.clone(), state_dir, strict, workers: 2 }) {
            Ok(facade) => Ok(Site { folder, config, facade: Some(facade) }),
            Err(error) => Err((folder, error)),
        }
    }

    /// The file with what every test wants.
    pub fn whole(yaml: &str) -> String {
        let says = |key: &str| yaml.lines().any(|line| line.starts_with(&format!("{key}:")));
        let added = PRELUDE.iter().filter(|(key, _)| !says(key)).map(|(_, line)| *line);
        let lines: Vec<&str> = ["version: 1"].into_iter().chain(added).chain([yaml]).collect();
        lines.join("\n") + "\n"
    }

    pub fn facade(&self) -> &Facade {
        self.facade.as_ref().unwrap()
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.facade().addresses[0]
    }

    /// The file.
    pub fn config(&self) -> PathBuf {
        self.config.clone()
    }

    #[track_caller]
    pub fn client(&self) -> Client {
        Client::connect(self.address())
    }

    /// Asks over a connection of its own.
    #[track_caller]
    pub fn get(&self, target: &str) -> Answer {
        self.client().ask("GET", target)
    }

    /// Asks with further header lines, each with its line end.
    #[track_caller]
    pub fn get_with(&self, target: &str, lines: &str) -> Answer {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: shop.example\r\n{lines}\r\n"))
    }

    /// Sends over a connection of its own and reads one answer.
    #[track_caller]
    pub fn send(&self, bytes: impl AsRef<[u8]>) -> Answer {
        let mut client = self.client();
        client.send(bytes);
        client.answer()
    }

    /// Asks the admin listener.
    #[track_caller]
    pub fn admin(&self, request: &str) -> Answer {
        let mut client = Client::connect(self.facade().admin);
        client.send(format!("{request} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        client.answer()
    }

    /// Tells the admin API something, with the token of the state directory; `Null` is no body.
    #[track_caller]
    pub fn command(&self, path: &str, told: &Value) -> Answer {
        self.tell(path, told, "")
    }

    /// The same, and what it changes is on the disk when this returns. The answer says so, unless it has waited two seconds for the
    /// disk: how slow that may be is not for a test to say.
    #[track_caller]
    pub fn change(&self, path: &str, told: &Value) -> Answer {
        let began = Instant::now();
        let answer = self.command(path, told);
        if answer.status == 200 && answer.json()["durable"] != true {
            assert!(began.elapsed() >= Duration::from_secs(2), "{}", answer.text());
            self.await_written();
        }
        answer
    }

    /// Waits until all changes are on the disk.
    #[track_caller]
    pub fn await_written(&self) {
        self.await_metric("banyan_ledger_waiting", 0);
    }

    /// The same as [`Site::command`], meant for this generation alone.
    #[track_caller]
    pub fn command_if(&self, path: &str, told: &Value, generation: u64) -> Answer {
        self.tell(path, told, &format!("If-Match: {generation}\r\n"))
    }

    /// Asks the admin API something, with the token of the state directory.
    #[track_caller]
    pub fn read(&self, path: &str) -> Answer {
        let token = fs::read_to_string(self.facade().state_dir.join("admin.token")).unwrap();
        let mut client = Client::connect(self.facade().admin);
        let token = token.trim();
        client.send(format!("GET /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"));
        client.answer()
    }

    #[track_caller]
    fn tell(&self, path: &str, told: &Value, lines: &str) -> Answer {
        let token = fs::read_to_string(self.facade().state_dir.join("admin.token")).unwrap();
        let body = if told.is_null() { String::new() } else { told.to_string() };
        let (token, length) = (token.trim(), body.len());
        let mut client = Client::connect(self.facade().admin);
        client.send(format!(
            "POST /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{lines}\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ));
        client.answer()
    }

    /// The value of a series; 0 where there is none.
    #[track_caller]
    pub fn metric(&self, series: &str) -> u64 {
        let text = self.admin("GET /metrics").text();
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().unwrap())
    }

    /// Waits until a series has this value.
    #[track_caller]
    pub fn await_metric(&self, series: &str, value: u64) {
        until(&format!("{series} {value}"), || (self.metric(series) == value).then_some(()));
    }

    /// Every whole line of the access log so far.
    pub fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits for the line about this path.
    #[track_caller]
    pub fn logged(&self, path: &str) -> Value {
        until(&format!("a log line about {path}"), || self.log().into_iter().find(|line| line["path"] == path))
    }

    /// Writes the file anew, in place.
    pub fn save(&self, yaml: &str) {
        fs::write(&self.config, Site::whole(yaml)).unwrap();
    }

    pub fn generation(&self) -> u64 {
        self.facade().live.current().number
    }

    /// Waits until this generation is live.
    #[track_caller]
    pub fn await_generation(&self, number: u64) {
        until(&format!("generation {number}"), || (self.generation() == number).then_some(()));
    }

    /// Loads the file as an operator's command does.
    pub fn reload(&self, confirm: bool) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.facade().reload(confirm)).unwrap()
    }

    /// Stops it; whether nothing had to be cut, and the folder for the next one.
    pub fn stop(mut self) -> (bool, TempDir) {
        let in_order = self.facade.take().is_none_or(Facade::stop);
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        (in_order, folder)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(facade) = self.facade.take() {
            facade.stop();
        }
    }
}
