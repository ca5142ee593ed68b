//! How long anything may take before a test has failed. Nothing waits this long when all is well.

use std::time::{Duration, Instant};

/// The bound of every wait.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Waits until `look` finds something; `what` names it in the failure.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
