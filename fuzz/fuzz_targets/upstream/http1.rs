//! The head of an answer, as it stands: it is no part of the crate's interface.

#[allow(dead_code, unreachable_pub)]
#[path = "../../../src/upstream/http1/head.rs"]
pub(super) mod head;
