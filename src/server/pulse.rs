//! What a connection is doing, and whether it has been at it for too long.
//!
//! It is noted in plain cells, at which the [watchdog](super::watchdog) looks.

use std::cell::{Cell, RefCell};
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::patience::Patience;
use crate::runtime::lane::Lane;
use crate::snapshot::ClientTimeouts;
use crate::wire::framing::Place;

/// What a connection is doing, as far as timeouts care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// Waiting for a head, or in the midst of one. The count tells one from the next.
    Head(u64),
    /// Between two requests.
    Idle(u64),
    /// Waiting for the client to send or take the next bytes of a body.
    Stalled,
    /// Agreeing on keys.
    Handshake,
    /// Working for the client; the backend's timeouts rule, and those of single streams.
    Busy,
}

/// How a connection is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With an answer that says so: a part of a head is there.
    SlowHead,
    /// With an answer that says so, if there is none yet: a body comes too slowly.
    SlowBody,
    /// In order: nothing is under way.
    Idle,
    /// At once.
    Close,
}

/// What a connection notes about itself.
#[derive(Debug)]
pub(super) struct Pulse {
    pub(super) timeouts: ClientTimeouts,
    place: Cell<Place>,
    /// Heads that have passed, and answers that are complete.
    requests: Cell<u64>,
    answers: Cell<u64>,
    /// Bytes moved since the last walk.
    moved: Cell<u64>,
    /// What is left of the patience with the request under way.
    patience: Cell<Patience>,
    min_rate: u64,
    reading_stalled: Cell<bool>,
    writing_stalled: Cell<bool>,
    end: Cell<Option<End>>,
    leaving: Cell<bool>,
    handshaking: Cell<bool>,
    /// Whether it can be told to end in order.
    multiplexed: Cell<bool>,
    waker: RefCell<Waker>,
    seen: Cell<(Doing, Instant)>,
    /// Walks so far, and how many they were when the latest request began, or the connection.
    walks: Cell<u32>,
    began_at: Cell<u32>,
}

impl Pulse {
    pub(super) fn new(timeouts: ClientTimeouts, min_rate: u64) -> Pulse {
        Pulse {
            timeouts,
            place: Cell::new(Place::Between),
            requests: Cell::new(0),
            answers: Cell::new(0),
            moved: Cell::new(0),
            patience: Cell::new(Patience::new(timeouts.body, min_rate)),
            min_rate,
            reading_stalled: Cell::new(false),
            writing_stalled: Cell::new(false),
            end: Cell::new(None),
            leaving: Cell::new(false),
            handshaking: Cell::new(false),
            multiplexed: Cell::new(false),
            waker: RefCell::new(Waker::noop().clone()),
            seen: Cell::new((Doing::Head(0), Instant::now())),
            walks: Cell::new(0),
            began_at: Cell::new(0),
        }
    }

    /// Bytes came in; the connection is at `place` now, and `heads` more heads have passed.
    pub(super) fn read(&self, place: Place, heads: u64) {
        self.place.set(place);
        if heads > 0 {
            self.requests.set(self.requests.get() + heads);
            self.began_at.set(self.walks.get());
            self.patience.set(Patience::new(self.timeouts.body, self.min_rate));
        }
        self.reading_stalled.set(false);
    }

    /// Somebody waits for bytes that are not there.
    pub(super) fn reading_stalled(&self) {
        self.reading_stalled.set(self.place.get() == Place::Body);
    }

    /// Bytes of a body came in.
    pub(super) fn moved(&self, bytes: usize) {
        self.moved.set(self.moved.get() + bytes as u64);
    }

    /// So many bytes went out; `None`: the client does not take them.
    pub(super) fn wrote(&self, bytes: Option<usize>) {
        self.writing_stalled.set(bytes.is_none());
        self.moved(bytes.unwrap_or(0));
    }

    /// Whether keys are being agreed on.
    pub(super) fn handshaking(&self, now: bool) {
        self.handshaking.set(now);
    }

    /// It carries many requests at once, from now on.
    pub(super) fn multiplexed(&self) {
        self.multiplexed.set(true);
    }

    /// A request began beside others.
    pub(super) fn began(&self) {
        self.requests.set(self.requests.get() + 1);
    }

    /// An answer is complete.
    pub(super) fn answered(&self) {
        self.answers.set(self.answers.get() + 1);
    }

    /// Whether a request is under way.
    pub(super) fn is_working(&self) -> bool {
        self.requests.get() > self.answers.get()
    }

    /// The lane by which what is next goes on, if by any, on a connection with one request at a time.
    pub(super) fn lane(&self) -> Option<Lane> {
        if self.is_working() || self.is_new() { self.lane_since(self.began_at.get()) } else { None }
    }

    /// The lane by which something goes on that began when so many walks had come by: what was under way at a walk may wait, and so
    /// may a client that has not been answered yet.
    pub(super) fn lane_since(&self, began_at: u32) -> Option<Lane> {
        if self.walks.get() != began_at { Some(Lane::Lasting) } else { self.is_new().then_some(Lane::Newcomers) }
    }

    fn is_new(&self) -> bool {
        self.answers.get() == 0
    }

    /// How many walks have come by.
    pub(super) fn walks(&self) -> u32 {
        self.walks.get()
    }

    /// How it is to end, if it is.
    pub(super) fn end(&self) -> Option<End> {
        self.end.get()
    }

    /// Notes that the facade is going down; true the first time.
    pub(super) fn leaving(&self, now: bool) -> bool {
        now && !self.leaving.replace(true)
    }

    /// Remembers whom to wake when it is to end.
    pub(super) fn watch(&self, waker: &Waker) {
        let mut current = self.waker.borrow_mut();
        if !current.will_wake(waker) {
            current.clone_from(waker);
        }
    }

    /// Ends the connection if it has been at the same thing for too long. Whether it did.
    pub(super) fn check(&self, now: Instant) -> bool {
        self.walks.set(self.walks.get().wrapping_add(1));
        let doing = self.doing();
        let (before, since) = self.seen.get();
        let moved = self.moved.take();
        if before != doing {
            self.seen.set((doing, now));
            return false;
        }
        if doing == Doing::Stalled {
            return self.check_patience(now, now.duration_since(since), moved);
        }
        let (patience, end) = match doing {
            Doing::Busy | Doing::Stalled => return false,
            Doing::Head(_) if self.place.get() == Place::Head => (self.timeouts.header, End::SlowHead),
            Doing::Handshake => (self.timeouts.handshake, End::Close),
            // It has been told to end, and does not.
            _ if self.end.get() == Some(End::Idle) => (self.timeouts.header, End::Close),
            Doing::Head(_) => (self.timeouts.header, End::Close),
            Doing::Idle(_) if self.multiplexed.get() => (self.timeouts.idle, End::Idle),
            Doing::Idle(_) => (self.timeouts.idle, End::Close),
        };
        if now.duration_since(since) < patience {
            return false;
        }
        // An answer that says the head was too slow gets one more patience to be taken.
        self.end.set(Some(if self.end.get().is_some() { End::Close } else { end }));
        self.seen.set((doing, now));
        self.wake();
        true
    }

    /// The client was waited for since the last walk. Whether that was too long.
    fn check_patience(&self, now: Instant, waited: Duration, moved: u64) -> bool {
        self.seen.set((Doing::Stalled, now));
        let mut patience = self.patience.get();
        let left = patience.waited(waited, moved);
        self.patience.set(patience);
        if left {
            return false;
        }
        let answered = self.writing_stalled.get() || !self.is_working() || self.end.get().is_some();
        self.end.set(Some(if answered { End::Close } else { End::SlowBody }));
        // An answer that says so gets some time to be taken.
        self.patience.set(Patience::new(self.timeouts.header, self.min_rate));
        self.wake();
        true
    }

    /// Ends the connection at once.
    pub(super) fn cut(&self) {
        self.end.set(Some(End::Close));
        self.wake();
    }

    /// Makes the connection look at its state.
    pub(super) fn wake(&self) {
        self.waker.borrow().wake_by_ref();
    }

    fn doing(&self) -> Doing {
        let served = self.answers.get();
        if self.handshaking.get() {
            Doing::Handshake
        } else if self.is_working() || self.place.get() == Place::Ended {
            let stalled = self.writing_stalled.get() || self.reading_stalled.get() || !self.is_working();
            if stalled { Doing::Stalled } else { Doing::Busy }
        } else if self.writing_stalled.get() {
            Doing::Stalled
        } else if served == 0 || self.place.get() == Place::Head {
            Doing::Head(served)
        } else {
            Doing::Idle(served)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulse() -> Pulse {
        let seconds = Duration::from_secs;
        let (header, idle, body) = (seconds(10), seconds(70), seconds(30));
        Pulse::new(ClientTimeouts { header, idle, body, handshake: seconds(10), tunnel: seconds(90) }, 240)
    }

    /// Walks once a second for so long.
    fn pass(pulse: &Pulse, from: &mut Instant, seconds: u64) {
        for _ in 0..seconds {
            *from += Duration::from_secs(1);
            pulse.check(*from);
        }
    }

    #[test]
    fn who_is_not_known_and_what_lasts_goes_by_a_lane_and_a_known_clients_request_does_not() {
        let (pulse, mut now) = (pulse(), Instant::now());
        assert_eq!(pulse.lane(), Some(Lane::Newcomers));
        pulse.read(Place::Between, 1);
        assert_eq!(pulse.lane(), Some(Lane::Newcomers));
        pulse.answered();
        assert_eq!(pulse.lane(), None);
        pulse.read(Place::Body, 1);
        assert_eq!(pulse.lane(), None);
        pass(&pulse, &mut now, 1);
        assert_eq!(pulse.lane(), Some(Lane::Lasting));
        pulse.answered();
        assert_eq!(pulse.lane(), None);
        pulse.read(Place::Between, 1);
        assert_eq!(pulse.lane(), None);
    }

    #[test]
    fn who_connects_and_does_not_ask_is_past_at_the_next_walk() {
        let (pulse, mut now) = (pulse(), Instant::now());
        pass(&pulse, &mut now, 1);
        assert_eq!(pulse.lane(), Some(Lane::Lasting));
        // A request that comes then is as new as that of any other who is not known.
        pulse.read(Place::Between, 1);
        assert_eq!(pulse.lane(), Some(Lane::Newcomers));
    }

    #[test]
    fn a_silent_client_is_closed_after_the_header_timeout() {
        let (pulse, mut now) = (pulse(), Instant::now());
        pass(&pulse, &mut now, 9);
        assert_eq!(pulse.end(), None);
        pass(&pulse, &mut now, 2);
        assert_eq!(pulse.end(), Some(End::Close));
    }

    #[test]
    fn trickling_a_head_buys_no_time() {
        let (pulse, mut now) = (pulse(), Instant::now());
        for _ in 0..12 {
            pulse.read(Place::Head, 0);
            pass(&pulse, &mut now, 1);
        }
        assert_eq!(pulse.end(), Some(End::SlowHead));
    }

    #[test]
    fn an_idle_connection_lives_longer_than_a_slow_head() {
        let (pulse, mut now) = (pulse(), Instant::now());
        pulse.read(Place::Between, 1);
        pulse.answered();
        pass(&pulse, &mut now, 69);
        assert_eq!(pulse.end(), None);
        pass(&pulse, &mut now, 3);
        assert_eq!(pulse.end(), Some(End::Close));
    }

    #[test]
    fn a_request_that_waits_for_its_backend_is_left_alone() {
        let (pulse, mut now) = (pulse(), Instant::now());
        pulse.read(Place::Between, 1);
        pass(&pulse, &mut now, 10_000);
        assert_eq!(pulse.end(), None);
    }

    #[test]
    fn a_body_that_stands_still_is_cut_and_one_that_moves_is_not() {
        let (pulse, mut now) = (pulse(), Instant::now());
        pulse.read(Place::Body, 1);
        for _ in 0..100 {
            pulse.reading_stalled();
            pulse.moved(300);
            pass(&pulse, &mut now, 1);
            pulse.read(Place::Body, 0);
        }
        assert_eq!(pulse.end(), None);
        pulse.reading_stalled();
        pass(&pulse, &mut now, 32);
        assert_eq!(pulse.end(), Some(End::SlowBody));
        // Whoever does not take the answer that says so is cut.
        pass(&pulse, &mut now, 12);
        assert_eq!(pulse.end(), Some(End::Close));
    }

    #[test]
    fn dripping_buys_less_time_than_it_takes() {
        let (pulse, mut now) = (pulse(), Instant::now());
        pulse.read(Place::Between, 1);
        for _ in 0..40 {
            pulse.wrote(Some(1));
            pulse.wrote(None);
            pass(&pulse, &mut now, 1);
        }
        assert_eq!(pulse.end(), Some(End::Close));
    }

    #[test]
    fn a_handshake_has_a_time_of_its_own() {
        let (pulse, mut now) = (pulse(), Instant::now());
        pulse.handshaking(true);
        pass(&pulse, &mut now, 9);
        pulse.handshaking(false);
        pass(&pulse, &mut now, 9);
        assert_eq!(pulse.end(), None);
        pulse.handshaking(true);
        pass(&pulse, &mut now, 12);
        assert_eq!(pulse.end(), Some(End::Close));
    }

    #[test]
    fn a_multiplexed_connection_is_told_before_it_is_closed() {
        let (pulse, mut now) = (pulse(), Instant::now());
        pulse.multiplexed();
        pulse.began();
        pass(&pulse, &mut now, 200);
        assert_eq!(pulse.end(), None);
        pulse.answered();
        pass(&pulse, &mut now, 72);
        assert_eq!(pulse.end(), Some(End::Idle));
        pass(&pulse, &mut now, 12);
        assert_eq!(pulse.end(), Some(End::Close));
    }

    #[test]
    fn a_client_that_does_not_take_its_answer_is_cut() {
        let (pulse, mut now) = (pulse(), Instant::now());
        pulse.read(Place::Between, 1);
        pulse.wrote(None);
        pass(&pulse, &mut now, 32);
        assert_eq!(pulse.end(), Some(End::Close));
    }
}
