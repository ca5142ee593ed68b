//! Steady traffic against a facade: so many requests a second, whoever answers and however slowly.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use http::HeaderName;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::MissedTickBehavior;

use super::client::Client;
use super::decision::{EXPLAIN, Served};
use super::tally::Summary;
use super::visitors::{Visit, Visitors};

/// Requests a second, unless told otherwise.
pub const RATE: f64 = 30.0;

/// The most requests that wait for an answer; a facade that hangs must not pile up memory here.
const IN_FLIGHT: usize = 64;

/// Traffic that runs. It stops when it is dropped.
#[derive(Debug)]
pub struct Traffic {
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    began: Instant,
    summary: Mutex<Summary>,
}

impl Traffic {
    /// Starts to ask this facade, so many times a second (at least once in a hundred seconds, at most ten thousand
    /// times a second).
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(facade: SocketAddr, rate: f64) -> io::Result<Traffic> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::new(Shared {
            client: Client::new(facade),
            began: Instant::now(),
            summary: Mutex::new(Summary::default()),
        });
        let (stop, stopped) = oneshot::channel();
        let every = Duration::from_secs_f64(1.0 / rate.clamp(0.01, 10_000.0));
        let visits = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("demo-traffic".to_owned())
            .spawn(move || run(&runtime, &visits, every, stopped))?;
        Ok(Traffic { shared, stop: Some(stop), thread: Some(thread) })
    }

    /// What came back so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = self.shared.summary().clone();
        summary.elapsed = self.shared.began.elapsed();
        summary
    }

    /// Stops it; what is in flight is given up. The last word on what came back.
    pub fn stop(mut self) -> Summary {
        self.end();
        self.summary()
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there was printed by its own thread.
            let _ = thread.join();
        }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn summary(&self) -> MutexGuard<'_, Summary> {
        // Counters stay true whatever another thread died of.
        self.summary.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pay(&self, visit: Visit) {
        let began = Instant::now();
        let ask = visit.ask.header(HeaderName::from_static(EXPLAIN), "1");
        let answer = self.client.ask(ask).await;
        let outcome = answer.as_ref().ok().map(|answer| (Served::of(answer), answer.status.is_server_error()));
        let outcome = outcome.as_ref().map(|(served, failed)| (served, *failed));
        self.summary().add(visit.label, outcome, began.elapsed());
    }
}

/// The life of the traffic's thread.
fn run(runtime: &Runtime, shared: &Arc<Shared>, every: Duration, stopped: oneshot::Receiver<()>) {
    runtime.block_on(async {
        tokio::select! {
            _ = stopped => {}
            () = visit(shared, every) => {}
        }
    });
}

/// Open-loop: the pace does not wait for answers.
async fn visit(shared: &Arc<Shared>, every: Duration) {
    let seats = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut ticks = tokio::time::interval(every);
    // After a suspended machine wakes there must be no burst to catch up.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for visit in Visitors::default() {
        ticks.tick().await;
        let Ok(seat) = Arc::clone(&seats).try_acquire_owned() else {
            shared.summary().skipped += 1;
            continue;
        };
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            shared.pay(visit).await;
            drop(seat);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::demo::shop::Shop;
    use crate::names::Side;

    const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    /// Waits for something to become true; fails when it does not within ten seconds.
    fn until(mut done: impl FnMut() -> bool) {
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed() < Duration::from_secs(10), "it never came true");
            thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn visits_are_counted() {
        let shop = Shop::start(Side::Legacy, ANYWHERE).expect("a free port");
        let traffic = Traffic::start(shop.address(), 1000.0).expect("a thread");
        until(|| traffic.summary().total() >= 200);
        let summary = traffic.stop();
        assert_eq!(summary.errors(), 0);
        assert!(summary.rows["GET /orders/{id}"].other > 0, "a shop does not say who it is");
        assert!(shop.record().total() >= 200);
    }

    #[test]
    fn nobody_at_home_is_an_error_and_not_the_end() {
        let shop = Shop::start(Side::Legacy, ANYWHERE).expect("a free port");
        let address = shop.address();
        let traffic = Traffic::start(address, 1000.0).expect("a thread");
        until(|| traffic.summary().total() >= 20);
        shop.stop();
        until(|| traffic.summary().errors() >= 20);
        let before = traffic.summary().total();
        let shop = Shop::start(Side::New, address).expect("the port is free again");
        until(|| shop.record().total() >= 20);
        assert!(traffic.stop().total() > before);
    }
}
