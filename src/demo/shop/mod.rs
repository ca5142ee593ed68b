//! Two small shops, legacy and new, that differ in known ways.
//!
//! Each is an HTTP/1.1 server on a thread of its own. Neither says which one it is: who served an answer shows only in
//! what the facade adds. The data is the same at every start; a report also says when it was made, so that no two are
//! alike. `banyan demo` runs them, and tests use them as backends.
//!
//! | request | answer |
//! |---|---|
//! | `GET /` | 302 to `/orders` |
//! | `GET /orders`, `GET /orders?status=open` | the orders |
//! | `GET /orders/{id}` | one order; sets the cookie `viewed` for `/orders` |
//! | `GET /orders/latest` | 302, absolute, to the newest order |
//! | `POST /orders` | 201 with `Location`; or 400, 413, 415, 422 |
//! | `GET /invoices`, `GET /invoices/{id}` | net, VAT and gross of each order |
//! | `GET /customers`, `GET /customers/{id}` | the customers |
//! | `GET /catalog`, `GET /catalog/{sku}` | what is sold (new only) |
//! | `POST /login?user=NAME` | 303 to `/orders`; sets the cookie `sid` |
//! | `GET /reports/daily` | orders and turnover, when this was made and the how many-th time it is; takes [`SLOW`] |
//! | `GET /healthz` | 200 |
//!
//! `HEAD` works where `GET` does, `OPTIONS` names the methods, everything else is a problem (RFC 9457).
//!
//! The two differ in exactly these ways ([`DIFFERENCES`] is the same table as data):
//!
//! | where | legacy | new |
//! |---|---|---|
//! | path of orders | `/orders` | `/v2/orders`, also in `Location` and in the cookie's `Path` |
//! | `$.items[*].price` of teas | a string, `"4.50"` | a number, `4.5` |
//! | `$.items` of an order | as they were entered | sorted by `sku` |
//! | `$.channel` of an order | absent | `"web"` |
//! | a customer's name | `$.cust_name` | `$.name` |
//! | VAT that ends in half a cent | rounded up | rounded to even: invoice 22 is a cent less |
//! | `Cache-Control` of customers | `private, max-age=60` | absent |
//! | `/catalog` | 404, it has moved away | the products |

mod answer;
mod data;
mod differences;
mod pages;
mod record;
mod views;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

pub use differences::{DIFFERENCES, Difference};
pub use pages::SLOW;
pub use record::{Record, Seen};

use crate::names::Side;
use pages::Pages;

/// A shop that runs. It stops when it is dropped.
#[derive(Debug)]
pub struct Shop {
    side: Side,
    address: SocketAddr,
    record: Arc<Record>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Shop {
    /// Starts the shop of this side; port 0 takes any free one. It accepts connections when this returns.
    ///
    /// # Errors
    /// When the address cannot be bound or no thread can be started.
    pub fn start(side: Side, address: SocketAddr) -> io::Result<Shop> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(address))?;
        let address = listener.local_addr()?;
        let record = Arc::new(Record::default());
        let pages = Arc::new(Pages::new(side, Arc::clone(&record)));
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name(format!("shop-{side}"))
            .spawn(move || run(&runtime, listener, &pages, stopped))?;
        Ok(Shop { side, address, record, stop: Some(stop), thread: Some(thread) })
    }

    /// The side it plays.
    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was asked so far.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Stops it: no more connections, open ones are cut. Returns when its thread has ended.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // Dropping the sender is the signal; the thread may have ended already.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there was printed by its own thread; there is nothing left to clean up.
            let _ = thread.join();
        }
    }
}

/// The life of the shop's thread.
fn run(runtime: &Runtime, listener: TcpListener, pages: &Arc<Pages>, stopped: oneshot::Receiver<()>) {
    runtime.block_on(async {
        tokio::select! {
            _ = stopped => {}
            () = accept(listener, pages) => {}
        }
    });
}

async fn accept(listener: TcpListener, pages: &Arc<Pages>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Without it an answer on a reused connection may wait for the peer's delayed acknowledgement.
                let _ = stream.set_nodelay(true);
                tokio::spawn(serve(stream, Arc::clone(pages)));
            }
            // Out of file descriptors, most likely: trying again at once would only spin.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve(stream: TcpStream, pages: Arc<Pages>) {
    let service = service_fn(move |request| {
        let pages = Arc::clone(&pages);
        async move { Ok::<_, Infallible>(pages.answer(request).await) }
    });
    // A connection that breaks is the peer's affair.
    let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}
