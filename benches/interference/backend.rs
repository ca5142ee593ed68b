//! The backend that answers, and shadows that behave in every way.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How a shadow behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Healthy,
    Slow,
    Hung,
    Down,
    Flood,
    Garbage,
}

/// Where they are.
#[derive(Debug)]
pub(crate) struct Backends {
    pub(crate) primary: SocketAddr,
    shadows: [(Behaviour, SocketAddr); 6],
}

impl Backends {
    /// Starts them on this thread, but for the one that floods: that has a thread of its own and the lowest priority, so that the
    /// load is not what it holds up.
    pub(crate) async fn start() -> Backends {
        let primary = serve(Behaviour::Healthy).await;
        // Bound and dropped: nobody listens there.
        let down = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Backends {
            primary,
            shadows: [
                (Behaviour::Healthy, serve(Behaviour::Healthy).await),
                (Behaviour::Slow, serve(Behaviour::Slow).await),
                (Behaviour::Hung, serve(Behaviour::Hung).await),
                (Behaviour::Down, down),
                (Behaviour::Flood, flood()),
                (Behaviour::Garbage, serve(Behaviour::Garbage).await),
            ],
        }
    }

    pub(crate) fn shadow(&self, behaviour: Behaviour) -> SocketAddr {
        self.shadows.iter().find(|(one, _)| *one == behaviour).unwrap().1
    }
}

/// One kilobyte of JSON.
fn answer() -> Vec<u8> {
    let items: Vec<String> =
        (0..12).map(|n| format!(r#"{{"sku":"sku-{n}","name":"kettle","quantity":{n},"price":19.5}}"#)).collect();
    let body = format!(r#"{{"id":7,"status":"open","total":234.0,"items":[{}]}}"#, items.join(","));
    let body = format!("{body}{}", " ".repeat(1024_usize.saturating_sub(body.len())));
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Thing: 1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

async fn serve(behaviour: Behaviour) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer: &'static [u8] = match behaviour {
        Behaviour::Garbage => b"\x16\x03\x01 this is no HTTP \r\n\r\n",
        _ => answer().leak(),
    };
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::task::spawn_local(speak(stream, behaviour, answer));
        }
    });
    address
}

/// However a connection ends, it ends.
async fn speak(mut stream: TcpStream, behaviour: Behaviour, answer: &'static [u8]) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut head = Vec::with_capacity(4096);
    loop {
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut head).await.ok()? == 0 {
                return None;
            }
        }
        head.clear();
        match behaviour {
            Behaviour::Hung => {
                // Until the other end closes.
                while stream.read_buf(&mut head).await.ok()? > 0 {}
                return None;
            }
            Behaviour::Slow => tokio::time::sleep(Duration::from_secs(5)).await,
            _ => {}
        }
        stream.write_all(answer).await.ok()?;
    }
}

fn flood() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        #[cfg(target_os = "linux")]
        rustix::process::setpriority_process(None, 19).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pour(stream));
            }
        });
    });
    address
}

async fn pour(mut stream: TcpStream) -> Option<()> {
    let block = [b'x'; 64 * 1024];
    // What it asks for does not matter.
    stream.read_u8().await.ok()?;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n").await.ok()?;
    for _ in 0..10_000_000_000_u64 / block.len() as u64 {
        stream.write_all(&block).await.ok()?;
    }
    None
}
