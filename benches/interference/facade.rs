//! The facade under test: a process of its own, on core 0.

use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::backend::{Backends, Behaviour};

/// Clock ticks a second, as Linux counts the CPU time of processes.
const TICKS: f64 = 100.0;

pub(crate) struct Facade {
    pub(crate) address: SocketAddr,
    admin: SocketAddr,
    child: Child,
    folder: tempfile::TempDir,
    primary: SocketAddr,
    shadows: Vec<(Behaviour, SocketAddr)>,
}

impl Drop for Facade {
    fn drop(&mut self) {
        // It is gone one way or the other.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Facade {
    pub(crate) async fn start(backends: &Backends) -> Facade {
        let folder = tempfile::tempdir().unwrap();
        let (address, admin) = (free(), free());
        let all = [
            Behaviour::Healthy,
            Behaviour::Slow,
            Behaviour::Hung,
            Behaviour::Down,
            Behaviour::Flood,
            Behaviour::Garbage,
        ];
        let shadows = all.into_iter().map(|behaviour| (behaviour, backends.shadow(behaviour))).collect();
        let file = folder.path().join("routes.yaml");
        fs::write(&file, yaml(address, admin, backends.primary, None)).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_banyan"))
            .args(["serve", "--workers", "1", "--config"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        crate::pin(child.id(), 0);
        let primary = backends.primary;
        let facade = Facade { address, admin, child, folder, primary, shadows };
        facade.await_metric("banyan_generation", |value| value > 0).await;
        crate::pin(facade.child.id(), 0);
        facade
    }

    /// Gives it this shadow, or none, and waits until nothing of the one before is left.
    pub(crate) async fn shadow(&self, behaviour: Option<Behaviour>) {
        let shadow = behaviour.map(|wanted| self.shadows.iter().find(|(one, _)| *one == wanted).unwrap().1);
        let text = yaml(self.address, self.admin, self.primary, shadow);
        let file = self.folder.path().join("routes.yaml");
        if fs::read_to_string(&file).unwrap() != text {
            let generation = self.metric("banyan_generation").await;
            fs::write(&file, text).unwrap();
            self.await_metric("banyan_generation", |value| value > generation).await;
        }
        self.await_metric("banyan_shadow_queue_bytes", |value| value == 0).await;
    }

    async fn await_metric(&self, name: &str, wanted: impl Fn(u64) -> bool) {
        for _ in 0..3000 {
            if self.try_metric(name).await.is_some_and(&wanted) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{name} never came: {}", fs::read_to_string(self.folder.path().join("log")).unwrap_or_default());
    }

    pub(crate) async fn metric(&self, name: &str) -> u64 {
        self.try_metric(name).await.unwrap()
    }

    async fn try_metric(&self, name: &str) -> Option<u64> {
        let mut stream = TcpStream::connect(self.admin).await.ok()?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: x\r\n\r\n").await.ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await.ok()?;
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    /// CPU seconds so far: of the data workers, and of all threads.
    pub(crate) fn cpu(&self) -> (f64, f64) {
        let (mut workers, mut all) = (0.0, 0.0);
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().filter_map(Result::ok) {
            let Ok(stat) = fs::read_to_string(task.path().join("stat")) else { continue };
            let (head, fields) = stat.rsplit_once(')').unwrap();
            let fields: Vec<&str> = fields.split_whitespace().collect();
            let used = (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / TICKS;
            all += used;
            if head.contains("(worker-") {
                workers += used;
            }
        }
        (workers, all)
    }

    /// Resident memory in bytes.
    pub(crate) fn rss(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().split(' ').next().unwrap().parse::<u64>().unwrap() * 1024
    }
}

fn free() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn yaml(address: SocketAddr, admin: SocketAddr, primary: SocketAddr, shadow: Option<SocketAddr>) -> String {
    let stage = if shadow.is_some() { "shadow" } else { "legacy" };
    let shadow = shadow.unwrap_or(primary);
    format!(
        "version: 1\nlisten: [{{ address: \"{address}\" }}]\nadmin: {{ address: \"{admin}\" }}\naccess_log: access.log\n\
         defaults: {{ legacy: legacy }}\n\
         backends: {{ legacy: {{ endpoints: [\"http://{primary}\"] }}, new: {{ endpoints: [\"http://{shadow}\"] }} }}\n\
         routes: [{{ name: orders, match: {{ path: \"/orders/{{id}}\" }}, new: new, stage: {stage} }}]\n"
    )
}
