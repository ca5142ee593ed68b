//! Sockets that clients connect to: one for each worker and address.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// The length of the accept queue.
const BACKLOG: i32 = 4096;

/// The sockets of all workers.
#[derive(Debug)]
pub struct Listeners {
    /// For each worker, one socket for each address.
    pub sockets: Vec<Vec<TcpListener>>,
    /// The addresses as bound: port 0 has become a real one.
    pub addresses: Vec<SocketAddr>,
}

/// Binds every address once for each worker.
///
/// # Errors
/// The first address that cannot be bound, and why; also when another process listens there already, which
/// `SO_REUSEPORT` alone would let pass silently and share the traffic with it.
pub fn bind(addresses: &[SocketAddr], workers: usize) -> Result<Listeners, (SocketAddr, io::Error)> {
    let mut listeners = Listeners { sockets: (0..workers).map(|_| Vec::new()).collect(), addresses: Vec::new() };
    for &wanted in addresses {
        let at = |error| (wanted, error);
        let taken = if wanted.port() == 0 { wanted } else { probe(wanted).map_err(at)? };
        let mut bound = taken;
        for sockets in &mut listeners.sockets {
            let socket = listen(bound).map_err(at)?;
            bound = socket.local_addr().map_err(at)?;
            sockets.push(socket);
        }
        listeners.addresses.push(bound);
    }
    Ok(listeners)
}

/// Fails if somebody else listens at this address.
fn probe(address: SocketAddr) -> io::Result<SocketAddr> {
    TcpListener::bind(address)?;
    Ok(address)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_workers_share_one_port() {
        let listeners = bind(&["127.0.0.1:0".parse().unwrap()], 3).unwrap();
        assert_eq!(listeners.sockets.len(), 3);
        for sockets in &listeners.sockets {
            assert_eq!(sockets[0].local_addr().unwrap(), listeners.addresses[0]);
        }
    }

    #[test]
    fn a_port_that_somebody_has_is_refused() {
        let first = bind(&["127.0.0.1:0".parse().unwrap()], 1).unwrap();
        let (address, error) = bind(&[first.addresses[0]], 1).unwrap_err();
        assert_eq!((address, error.kind()), (first.addresses[0], io::ErrorKind::AddrInUse));
    }
}
