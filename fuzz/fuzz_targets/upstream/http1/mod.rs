//! The facade's own codec of answers, as it stands: it is no part of the crate's interface.

#[allow(dead_code, unreachable_pub)]
#[path = "../../../../src/upstream/http1/decode.rs"]
pub(super) mod decode;
#[allow(dead_code, unreachable_pub)]
#[path = "../../../../src/upstream/http1/head.rs"]
pub(super) mod head;
