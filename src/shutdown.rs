//! How the facade goes down, as everybody sees it.

use tokio::sync::watch;

/// How far the facade has gone down. It only ever moves on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It serves.
    Running,
    /// It still takes new connections, but no longer says it is ready.
    Leaving,
    /// It takes no new connections; idle ones are closed, requests under way are finished.
    Draining,
    /// Its time is over; what is still under way is cut.
    Ended,
}

/// Moves the facade from phase to phase.
#[derive(Debug)]
pub struct Shutdown(watch::Sender<Phase>);

/// Sees in which phase the facade is.
#[derive(Debug, Clone)]
pub struct ShutdownWatch(watch::Receiver<Phase>);

impl Default for Shutdown {
    fn default() -> Shutdown {
        Shutdown(watch::Sender::new(Phase::Running))
    }
}

impl Shutdown {
    /// Moves on to `phase`; never back.
    pub fn advance(&self, phase: Phase) {
        self.0.send_if_modified(|current| {
            let moves = phase > *current;
            *current = phase.max(*current);
            moves
        });
    }

    /// A view of it.
    #[must_use]
    pub fn watch(&self) -> ShutdownWatch {
        ShutdownWatch(self.0.subscribe())
    }
}

impl ShutdownWatch {
    /// The phase now.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Waits until this phase, or a later one, has begun.
    pub async fn reached(&mut self, phase: Phase) {
        // An error means that nobody is left to move on: the facade is gone.
        let _ = self.0.wait_for(|current| *current >= phase).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn phases_only_move_on() {
        let shutdown = Shutdown::default();
        let mut watch = shutdown.watch();
        shutdown.advance(Phase::Draining);
        shutdown.advance(Phase::Leaving);
        assert_eq!(watch.phase(), Phase::Draining);
        watch.reached(Phase::Leaving).await;
    }
}
