//! Sockets and memory that the process is given, and what happens when it has no more of them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::harness::{Client, Recorder, Site, until};

/// A facade as a process of its own. It is killed when it is dropped.
struct Process {
    child: Child,
    address: SocketAddr,
    admin: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Process {
    /// Starts it by a shell, after `before`; `socket` is its descriptor 3.
    fn start(before: &str, listen: &str, legacy: &Recorder, socket: Option<TcpListener>) -> Process {
        let folder = tempfile::tempdir().unwrap();
        let yaml = format!(
            "listen: [{{ address: {listen} }}]\naccess_log: off\ndefaults: {{ legacy: legacy }}\n\
             backends: {{ legacy: {{ endpoints: [http://{}] }} }}\n",
            legacy.address
        );
        std::fs::write(folder.path().join("routes.yaml"), Site::whole(&yaml)).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{before} exec \"$0\" serve --workers 2 --config routes.yaml")]);
        command.arg(env!("CARGO_BIN_EXE_banyan")).current_dir(folder.path()).env("NO_COLOR", "1");
        command.stdin(socket.map_or_else(Stdio::null, |socket| Stdio::from(OwnedFd::from(socket))));
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = |what: &str| {
            let line = lines.by_ref().map_while(Result::ok).find(|line| line.contains(what)).expect(what);
            let address = line.split("address=").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
            address.parse().unwrap()
        };
        let (address, admin) = (said(" listening "), said(" admin "));
        // Its messages must go somewhere.
        std::thread::spawn(move || lines.count());
        Process { child, address, admin, _folder: folder }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ready(admin: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(admin) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let asked = stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut answer = Vec::new();
    asked.is_ok() && stream.read_to_end(&mut answer).is_ok() && answer.starts_with(b"HTTP/1.1 200")
}

#[test]
fn a_socket_that_is_passed_is_served() {
    let legacy = Recorder::start("legacy");
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    // Whoever comes before the facade does is answered by it.
    let mut early = Client::connect(address);
    early.send("GET /early HTTP/1.1\r\nHost: a\r\n\r\n");
    let before = "exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_PID=$$";
    let process = Process::start(before, &address.to_string(), &legacy, Some(socket));
    assert_eq!(process.address, address);
    assert_eq!(early.answer().text(), "legacy");
    assert_eq!(Client::connect(address).ask("GET", "/").text(), "legacy");
}

#[test]
fn without_descriptors_nothing_spins_operators_get_in_and_clients_do_again() {
    let legacy = Recorder::start("legacy");
    let process = Process::start("ulimit -n 256;", "127.0.0.1:0", &legacy, None);
    let crowd: Vec<TcpStream> = (0..600).filter_map(|_| TcpStream::connect(process.address).ok()).collect();
    assert!(crowd.len() > 256);
    for stream in &crowd {
        // Some of them have been accepted: what they ask takes a descriptor more.
        let _ = (&*stream).write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    for _ in 0..5 {
        until("an operator gets in", || ready(process.admin).then_some(()));
    }
    let before = processor_ticks(process.child.id());
    std::thread::sleep(Duration::from_millis(500));
    assert!(processor_ticks(process.child.id()) - before < 20, "it spins");
    drop(crowd);
    let began = std::time::Instant::now();
    assert_eq!(Client::connect(process.address).ask("GET", "/").text(), "legacy");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

/// While it grows, a thread waits for all processors, and its clients with it.
#[test]
fn the_table_of_descriptors_does_not_grow_under_load() {
    let legacy = Recorder::start("legacy");
    let process = Process::start("ulimit -n 3000;", "127.0.0.1:0", &legacy, None);
    assert!(status(&process, "FDSize:") >= Some(3000));
}

/// While a huge page is cleared, a worker's clients wait.
#[cfg(target_os = "linux")]
#[test]
fn memory_that_comes_under_load_comes_in_small_pages() {
    let legacy = Recorder::start("legacy");
    let process = Process::start("", "127.0.0.1:0", &legacy, None);
    until("it is up", || (status(&process, "THP_enabled:") == Some(0)).then_some(()));
}

/// What the kernel says of a process.
fn status(process: &Process, what: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.child.id())).unwrap();
    status.lines().find_map(|line| line.strip_prefix(what)?.trim().parse().ok())
}

/// The processor's time that a process has had, in hundredths of a second.
fn processor_ticks(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
