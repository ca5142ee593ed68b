//! One client's connection, from accept to close: which protocol it speaks.

use std::rc::Rc;

use bytes::Bytes;
use tokio::net::TcpStream;

use super::stream::ClientStream;
use super::watchdog::Pulse;
use super::{Handler, Peer, http1};
use crate::shutdown::ShutdownWatch;

/// Serves a client until either side is done with the connection.
pub(super) async fn serve<H: Handler>(
    stream: TcpStream,
    peer: Rc<Peer>,
    handler: Rc<H>,
    pulse: Rc<Pulse>,
    shutdown: ShutdownWatch,
) {
    http1::serve(ClientStream::Plain(stream), Bytes::new(), peer, handler, pulse, shutdown).await;
}
