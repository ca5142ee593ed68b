//! Requests at fixed times, each timed from when it was due.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const REQUEST: &[u8] = b"GET /orders/7 HTTP/1.1\r\nHost: shop.example\r\nAccept: */*\r\nCookie: sid=u-17\r\n\r\n";
/// An answer that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connections that were idle for longer are not used again.
const FRESH: Duration = Duration::from_secs(30);

/// Clients of one facade.
pub(crate) struct Load {
    address: SocketAddr,
    idle: Rc<RefCell<Vec<(Instant, TcpStream)>>>,
    /// The answer that all must be.
    expected: Rc<[u8]>,
}

/// What a run showed.
#[derive(Default)]
pub(crate) struct Measured {
    /// In µs, sorted.
    times: Vec<u32>,
    /// Answers that are not what they must be, and those that never came.
    pub(crate) wrong: usize,
}

impl Measured {
    pub(crate) fn count(&self) -> usize {
        self.times.len()
    }

    pub(crate) fn quantile(&self, part: f64) -> u32 {
        let place = (self.times.len() as f64 * part) as usize;
        self.times[place.min(self.times.len() - 1)]
    }

    /// Whether the facade does not keep up.
    pub(crate) fn late(&self) -> bool {
        self.quantile(0.9) > 50_000
    }
}

impl Load {
    pub(crate) async fn new(address: SocketAddr) -> Load {
        let mut stream = connect(address).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        let mut answer = vec![0; 64 * 1024];
        let mut got = 0;
        // The body is known to be complete when nothing more comes for a moment; this happens once.
        while let Ok(Ok(count)) =
            tokio::time::timeout(Duration::from_millis(300), stream.read(&mut answer[got..])).await
        {
            got += count;
        }
        answer.truncate(got);
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        undated(&mut answer);
        Load { address, idle: Rc::default(), expected: answer.into() }
    }

    /// Asks so many times a second.
    pub(crate) async fn run(&self, rate: f64, period: Duration) -> Measured {
        let measured = Rc::new(RefCell::new(Measured::default()));
        let total = (rate * period.as_secs_f64()) as u64;
        let began = Instant::now();
        let mut tasks = Vec::with_capacity(total as usize);
        for number in 0..total {
            let due = began + Duration::from_secs_f64(number as f64 / rate);
            // Turning round and round is the only way to be on time to the microsecond.
            while Instant::now() < due {
                tokio::task::yield_now().await;
            }
            let (idle, measured, expected) = (Rc::clone(&self.idle), Rc::clone(&measured), Rc::clone(&self.expected));
            let address = self.address;
            tasks.push(tokio::task::spawn_local(async move {
                let right = tokio::time::timeout(PATIENCE, ask(address, &idle, &expected)).await == Ok(Some(true));
                let mut measured = measured.borrow_mut();
                measured.times.push(u32::try_from(due.elapsed().as_micros()).unwrap_or(u32::MAX));
                measured.wrong += usize::from(!right);
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let mut measured = std::mem::take(&mut *measured.borrow_mut());
        measured.times.sort_unstable();
        measured
    }
}

async fn connect(address: SocketAddr) -> Option<TcpStream> {
    let stream = TcpStream::connect(address).await.ok()?;
    stream.set_nodelay(true).ok()?;
    Some(stream)
}

/// Whether the answer is the expected one.
async fn ask(address: SocketAddr, idle: &RefCell<Vec<(Instant, TcpStream)>>, expected: &[u8]) -> Option<bool> {
    let pooled = idle.borrow_mut().pop();
    let mut stream = match pooled {
        // The facade closes what has been idle for long.
        Some((since, stream)) if since.elapsed() < FRESH => stream,
        _ => connect(address).await?,
    };
    stream.write_all(REQUEST).await.ok()?;
    let mut answer = vec![0; expected.len()];
    stream.read_exact(&mut answer).await.ok()?;
    undated(&mut answer);
    let right = answer == expected;
    idle.borrow_mut().push((Instant::now(), stream));
    Some(right)
}

/// Takes the time out of the Date.
fn undated(answer: &mut [u8]) {
    let place = answer.windows(6).position(|window| window == b"date: ");
    if let Some(place) = place {
        answer[place + 6..place + 35].fill(b'-');
    }
}
