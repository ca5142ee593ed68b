//! Sockets that clients connect to: one for each worker and address.

use std::io;
use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// The length of the accept queue.
const BACKLOG: i32 = 4096;

/// How many bytes the kernel keeps for a client beyond those that are on their way to it (`TCP_NOTSENT_LOWAT` of `tcp(7)`).
/// Without it, it takes megabytes of an answer that nobody reads, and getting the memory for them is most of what thousands of
/// such clients cost. One read from a backend; to a client that does read, the kernel takes more at once than that all the same, a
/// piece of up to 64 KB.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 16 * 1024;

/// The sockets of all workers.
#[derive(Debug)]
pub struct Listeners {
    /// For each worker, one socket for each address.
    pub sockets: Vec<Vec<TcpListener>>,
    /// The addresses as bound: port 0 has become a real one.
    pub addresses: Vec<SocketAddr>,
}

/// Sockets that this process was started with (`LISTEN_FDS`, as systemd passes them): clients that come while it restarts wait
/// in them.
#[derive(Debug, Default)]
pub struct Inherited(Vec<(SocketAddr, TcpListener)>);

impl Inherited {
    /// Takes them over. To be called once.
    #[must_use]
    pub fn from_environment() -> Inherited {
        let mut passed = ListenFd::from_env();
        let mut found = Vec::new();
        for place in 0..passed.len() {
            let taken = passed.take_tcp_listener(place).and_then(|socket| {
                let socket = socket.ok_or(io::ErrorKind::NotFound)?;
                socket.set_nonblocking(true)?;
                prepare(&socket);
                Ok((socket.local_addr()?, socket))
            });
            match taken {
                Ok(socket) => found.push(socket),
                Err(error) => tracing::warn!(place, %error, "an inherited descriptor is no listener for TCP"),
            }
        }
        Inherited(found)
    }

    /// Those that listen at this address.
    pub fn take(&mut self, address: SocketAddr) -> Vec<TcpListener> {
        let (taken, left) = std::mem::take(&mut self.0).into_iter().partition(|(at, _)| is_meant(*at, address));
        self.0 = left;
        let taken: Vec<(SocketAddr, TcpListener)> = taken;
        taken.into_iter().map(|(_, socket)| socket).collect()
    }

    /// Where those listen that nobody has taken.
    pub fn left(&self) -> impl Iterator<Item = SocketAddr> {
        self.0.iter().map(|(address, _)| *address)
    }
}

/// Whether the socket at `inherited` is the one that is configured as `wanted`. A unit that names a port alone listens at
/// `[::]`, which takes IPv4 too.
fn is_meant(inherited: SocketAddr, wanted: SocketAddr) -> bool {
    let everywhere = |address: SocketAddr| address.ip().is_unspecified();
    inherited == wanted
        || (inherited.port() == wanted.port()
            && inherited.is_ipv6()
            && everywhere(inherited)
            && wanted.is_ipv4()
            && everywhere(wanted))
}

/// Binds every address once for each worker, unless sockets for it were inherited.
///
/// # Errors
/// The first address that cannot be bound, and why; also when another process listens there already, which
/// `SO_REUSEPORT` alone would let pass silently and share the traffic with it.
pub fn bind(
    addresses: &[SocketAddr],
    workers: usize,
    inherited: &mut Inherited,
) -> Result<Listeners, (SocketAddr, io::Error)> {
    let mut listeners = Listeners { sockets: (0..workers).map(|_| Vec::new()).collect(), addresses: Vec::new() };
    for &wanted in addresses {
        let at = |error| (wanted, error);
        let given = inherited.take(wanted);
        if let Some(first) = given.first() {
            listeners.addresses.push(first.local_addr().map_err(at)?);
            // All workers share what is fewer than they are.
            for (sockets, socket) in listeners.sockets.iter_mut().zip(given.iter().cycle()) {
                sockets.push(socket.try_clone().map_err(at)?);
            }
            continue;
        }
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

/// Sets what the connections that a socket accepts have from it. One without it is only slower, or holds more memory.
fn prepare<'s>(socket: impl Into<SockRef<'s>>) {
    let socket = socket.into();
    // Small answers must not wait for a full segment.
    let _ = socket.set_tcp_nodelay(true);
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_notsent_lowat(UNSENT);
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    prepare(&socket);
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
        let listeners = bind(&["127.0.0.1:0".parse().unwrap()], 3, &mut Inherited::default()).unwrap();
        assert_eq!(listeners.sockets.len(), 3);
        for sockets in &listeners.sockets {
            assert_eq!(sockets[0].local_addr().unwrap(), listeners.addresses[0]);
        }
    }

    /// Without the option it takes megabytes.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_keeps_little_for_a_client_that_does_not_read() {
        use std::io::Write;

        let mut inherited = Inherited::default();
        let own = bind(&["127.0.0.1:0".parse().unwrap()], 1, &mut inherited).unwrap();
        let listener = &own.sockets[0][0];
        let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        client.set_recv_buffer_size(4096).unwrap();
        client.connect(&own.addresses[0].into()).unwrap();
        listener.set_nonblocking(false).unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        assert!(accepted.nodelay().unwrap());
        accepted.set_nonblocking(true).unwrap();
        let (piece, mut kept) = ([0; 16 * 1024], 0);
        let full = loop {
            match accepted.write(&piece) {
                Ok(count) => kept += count,
                Err(error) => break error,
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
        // The kernel counts by its own pieces, of 64 KB at most.
        let most = usize::try_from(UNSENT).unwrap() + 4096 + 64 * 1024;
        assert!((1..=most).contains(&kept), "{kept}");
    }

    #[test]
    fn a_port_that_somebody_has_is_refused() {
        let first = bind(&["127.0.0.1:0".parse().unwrap()], 1, &mut Inherited::default()).unwrap();
        let (address, error) = bind(&[first.addresses[0]], 1, &mut Inherited::default()).unwrap_err();
        assert_eq!((address, error.kind()), (first.addresses[0], io::ErrorKind::AddrInUse));
    }

    #[test]
    fn an_inherited_socket_is_shared_by_all_workers_and_never_bound_again() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let elsewhere = other.local_addr().unwrap();
        let mut inherited = Inherited(vec![(address, socket), (elsewhere, other)]);
        let listeners = bind(&[address], 2, &mut inherited).unwrap();
        assert_eq!(listeners.addresses, [address]);
        assert!(listeners.sockets.iter().all(|sockets| sockets[0].local_addr().unwrap() == address));
        assert_eq!(inherited.left().collect::<Vec<_>>(), [elsewhere]);
    }

    #[test]
    fn a_port_at_every_address_may_be_said_either_way() {
        let at = |text: &str| text.parse().unwrap();
        assert!(is_meant(at("[::]:80"), at("0.0.0.0:80")) && is_meant(at("127.0.0.1:80"), at("127.0.0.1:80")));
        for (inherited, wanted) in [
            ("0.0.0.0:80", "[::]:80"),
            ("[::]:80", "0.0.0.0:81"),
            ("[::]:80", "127.0.0.1:80"),
            ("[::1]:80", "0.0.0.0:80"),
        ] {
            assert!(!is_meant(at(inherited), at(wanted)), "{inherited} {wanted}");
        }
    }
}
