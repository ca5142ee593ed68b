//! The live generation as one worker holds it, with what is worth preparing once for each worker and generation.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::HeaderName;

use super::claims::Verifier;
use crate::server::Peer;
use crate::shadow::Queue;
use crate::snapshot::ListenerSettings;
use crate::state::Generation;

/// The live generation as one worker holds it. Requests share it without touching a counter that another worker touches.
#[derive(Debug)]
pub(super) struct View {
    pub(super) generation: Arc<Generation>,
    /// Headers that only trusted proxies may set.
    pub(super) guarded: Rc<[HeaderName]>,
    /// Verifies tokens, where the configuration asks for it.
    pub(super) verifier: Option<Verifier>,
    /// Where copies of finished exchanges are offered.
    pub(super) queue: Arc<Queue>,
    /// The settings of the listeners that were bound at start, in that order.
    pub(super) listeners: Vec<ListenerSettings>,
}

impl View {
    /// `bound` are the listeners' configured addresses at start: addresses take a restart, the rest of their settings does
    /// not. A listener that is no longer configured keeps serving with the settings of the first.
    pub(super) fn new(generation: Arc<Generation>, bound: &[SocketAddr], queue: Arc<Queue>) -> View {
        let configured = &generation.snapshot.listeners;
        let settings = |place: usize| ListenerSettings::of(configured, bound, place).or(configured.first()).cloned();
        View {
            guarded: generation.snapshot.trust.headers.as_slice().into(),
            verifier: generation.snapshot.jwt.as_ref().map(Verifier::new),
            listeners: (0..bound.len()).filter_map(settings).collect(),
            queue,
            generation,
        }
    }

    /// Whether this peer is a trusted proxy.
    pub(super) fn trusts(&self, peer: &Peer) -> bool {
        let trust = &self.generation.snapshot.trust;
        !trust.proxies.is_empty() && trust.is_proxy(peer.address.ip().to_canonical())
    }
}
