//! One worker's connections.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::bulkhead::{Purpose, Slot};
use super::connection::Opened;
use super::place::Place;
use super::{Backend, Connection, Endpoint};
use crate::errors::Failure;

/// How often one that waits looks whether another worker has given a connection up.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What a connection is wanted for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// When to give up.
    pub until: Instant,
    /// A new one rather than one that was used before: those turned out to be closed.
    pub fresh: bool,
    /// One that can switch to another protocol: HTTP/1.1, whatever ALPN would give.
    pub upgrade: bool,
}

/// A connection to send one request over.
#[derive(Debug)]
pub struct Checkout {
    /// The connection.
    pub connection: Box<Connection>,
    /// Whether it was used before: the other end may have closed it meanwhile.
    pub reused: bool,
}

/// One worker's connections, by endpoint.
#[derive(Debug)]
pub struct Pools {
    places: RefCell<HashMap<u64, Rc<Place>, foldhash::fast::RandomState>>,
    /// The time of the last tick: a clock that is coarse enough to cost nothing.
    now: Cell<Instant>,
    purpose: Purpose,
    /// How many others keep unused connections, this one included.
    share: usize,
}

impl Pools {
    /// The connections of one of so many workers, who share what a backend's limits allow.
    #[must_use]
    pub fn new(workers: usize) -> Pools {
        Pools::of(Purpose::Answer, workers)
    }

    /// Connections for copies: one of so many threads. Together they open at most half of what a backend's limits allow.
    #[must_use]
    pub fn for_copies(threads: usize) -> Pools {
        Pools::of(Purpose::Copy, threads * 2)
    }

    fn of(purpose: Purpose, share: usize) -> Pools {
        Pools { places: RefCell::default(), now: Cell::new(Instant::now()), purpose, share }
    }

    /// A connection to this endpoint that can take a request now: one that is there, else a new one. Where as many as the
    /// backend's limits allow are open, it waits for one within `timeouts.connect`.
    ///
    /// # Errors
    /// [`Failure::Unresolved`], [`Failure::Connect`], [`Failure::Tls`], [`Failure::ConnectTimeout`], [`Failure::Limit`], or
    /// [`Failure::Timeout`] when `until` came before the backend's own patience ran out.
    pub fn checkout<'p>(&'p self, backend: &'p Backend, endpoint: &'p Endpoint, wanted: Wanted) -> CheckingOut<'p> {
        let place = self.place(backend, endpoint);
        if let Some(connection) = place.take(wanted.fresh, wanted.upgrade) {
            return CheckingOut(Found::AtHand(Some(ready(connection, wanted))));
        }
        // In a box of its own: most requests find a connection, and need not carry what making one takes.
        CheckingOut(Found::Sought(Box::pin(self.seek(backend, endpoint, place, wanted))))
    }

    async fn seek(
        &self,
        backend: &Backend,
        endpoint: &Endpoint,
        place: Rc<Place>,
        wanted: Wanted,
    ) -> Result<Checkout, Failure> {
        let patience = backend.settings.timeouts.connect;
        let left = wanted.until.saturating_duration_since(Instant::now());
        let search = Search { pools: self, backend, endpoint, place, wanted, full: Cell::new(false) };
        match timeout(patience.min(left), search.run()).await {
            Ok(found) => found,
            Err(_) if left < patience => Err(Failure::Timeout),
            Err(_) if search.full.get() => Err(Failure::Limit),
            Err(_) => Err(Failure::ConnectTimeout),
        }
    }

    /// Puts a connection back after an exchange. Whether it can take another one is seen when it is taken.
    pub(super) fn put(&self, mut connection: Box<Connection>) {
        connection.idle_since = self.now.get();
        let place = Rc::clone(&connection.place);
        place.put(connection);
    }

    /// Moves the clock on, and makes room for other workers. Called a few times a second.
    pub fn tick(&self) {
        self.now.set(Instant::now());
        self.places.borrow().values().for_each(|place| place.give_way());
    }

    /// Closes connections that were unused for too long, that the other end has closed, or whose backend is gone.
    pub fn sweep<'a>(&self, backends: impl Iterator<Item = &'a Backend>) {
        let mut patience: HashMap<u64, Duration> = HashMap::new();
        for backend in backends {
            patience.extend(backend.endpoints.iter().map(|endpoint| (endpoint.id, backend.settings.timeouts.idle)));
        }
        let now = self.now.get();
        self.places.borrow_mut().retain(|endpoint, place| {
            match patience.get(endpoint) {
                Some(patience) => place.sweep(now, *patience),
                None => place.leave(),
            }
            !place.gone.get()
        });
    }

    fn place(&self, backend: &Backend, endpoint: &Endpoint) -> Rc<Place> {
        let mut places = self.places.borrow_mut();
        let place = places.entry(endpoint.id).or_insert_with(|| Rc::new(Place::new(backend, endpoint, self.share)));
        Rc::clone(place)
    }

    /// Closes an unused connection to any endpoint of this backend. Whether there was one.
    fn evict(&self, backend: &Backend) -> bool {
        let places = self.places.borrow();
        backend.endpoints.iter().filter_map(|endpoint| places.get(&endpoint.id)).any(|place| place.evict())
    }
}

/// The future of [`Pools::checkout`].
#[must_use = "futures do nothing unless they are polled"]
pub struct CheckingOut<'p>(Found<'p>);

enum Found<'p> {
    /// `None` once it was handed out.
    AtHand(Option<Checkout>),
    Sought(Pin<Box<dyn Future<Output = Result<Checkout, Failure>> + 'p>>),
}

impl Future for CheckingOut<'_> {
    type Output = Result<Checkout, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Found::AtHand(checkout) => Poll::Ready(Ok(checkout.take().expect("a connection is handed out once"))),
            Found::Sought(search) => search.as_mut().poll(cx),
        }
    }
}

fn ready(mut connection: Box<Connection>, wanted: Wanted) -> Checkout {
    connection.upgrade = wanted.upgrade;
    // Who wants a fresh one has been let down before, and tries no further after this one.
    Checkout { connection, reused: !wanted.fresh }
}

/// The search for a connection where none is at hand.
struct Search<'a> {
    pools: &'a Pools,
    backend: &'a Backend,
    endpoint: &'a Endpoint,
    place: Rc<Place>,
    wanted: Wanted,
    /// Whether all connections that may be open are.
    full: Cell<bool>,
}

impl Search<'_> {
    async fn run(&self) -> Result<Checkout, Failure> {
        let (place, bulkhead) = (&self.place, &self.backend.bulkhead);
        let mut pending = None;
        loop {
            let shares = !self.wanted.upgrade && place.may_share();
            if shares && place.opening.get() {
                place.freed.notified().await;
            } else if let Some(slot) = bulkhead.connect(self.pools.purpose) {
                self.full.set(false);
                return self.open(slot, shares).await;
            } else if !self.pools.evict(self.backend) {
                self.full.set(true);
                if pending.is_none() {
                    let waiting = bulkhead.wait(self.pools.purpose).ok_or(Failure::Limit)?;
                    pending = Some((waiting, Waiter::new(place)));
                }
                let _ = timeout_at(Instant::now() + LOOK_AGAIN, place.freed.notified()).await;
            }
            if let Some(connection) = place.take(self.wanted.fresh, self.wanted.upgrade) {
                return Ok(ready(connection, self.wanted));
            }
        }
    }

    async fn open(&self, slot: Slot, shares: bool) -> Result<Checkout, Failure> {
        let place = &self.place;
        let _opening = shares.then(|| Opening::begin(place));
        let opened = Connection::open(place, self.endpoint, slot, self.wanted.upgrade).await?;
        let connection = match opened {
            Opened::Http1(connection) => {
                if !self.wanted.upgrade {
                    place.spoke_http2.set(Some(false));
                }
                connection
            }
            Opened::Http2(session) => {
                place.spoke_http2.set(Some(true));
                let connection = Connection::over(place, &session);
                if !place.gone.get() {
                    place.sessions.borrow_mut().push(session);
                }
                connection
            }
        };
        Ok(Checkout { connection, reused: false })
    }
}

/// Says that a connection is being made which others can share; they are told when it is there, or is not to be.
struct Opening(Rc<Place>);

impl Opening {
    fn begin(place: &Rc<Place>) -> Opening {
        place.opening.set(true);
        Opening(Rc::clone(place))
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.opening.set(false);
        self.0.freed.notify_waiters();
    }
}

/// One more who waits here.
struct Waiter(Rc<Place>);

impl Waiter {
    fn new(place: &Rc<Place>) -> Waiter {
        place.waiting.set(place.waiting.get() + 1);
        Waiter(Rc::clone(place))
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.waiting.set(self.0.waiting.get() - 1);
    }
}
