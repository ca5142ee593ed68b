//! TLS before a backend that speaks in the clear.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// TLS before a backend that speaks in the clear.
#[derive(Debug)]
pub struct Terminator {
    pub address: SocketAddr,
    handshakes: Arc<Mutex<Vec<Handshake>>>,
}

/// What was agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The name that was asked for; none where it is an address.
    pub name: Option<String>,
    pub protocol: Option<String>,
    /// Whether the client showed a certificate.
    pub certified: bool,
    pub resumed: bool,
}

impl Terminator {
    pub fn start(config: ServerConfig, backend: SocketAddr) -> Terminator {
        let handshakes = Arc::<Mutex<Vec<Handshake>>>::default();
        let seen = Arc::clone(&handshakes);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let (listener, acceptor) =
                    (TcpListener::from_std(listener).unwrap(), TlsAcceptor::from(Arc::new(config)));
                while let Ok((socket, _)) = listener.accept().await {
                    let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
                    tokio::spawn(async move {
                        let Ok(mut stream) = acceptor.accept(socket).await else { return };
                        let session = stream.get_ref().1;
                        seen.lock().unwrap().push(Handshake {
                            name: session.server_name().map(str::to_owned),
                            protocol: session
                                .alpn_protocol()
                                .map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
                            certified: session.peer_certificates().is_some(),
                            resumed: session.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
                        });
                        let Ok(mut inner) = TcpStream::connect(backend).await else { return };
                        let _ = copy_bidirectional(&mut stream, &mut inner).await;
                    });
                }
            });
        });
        Terminator { address, handshakes }
    }

    pub fn handshakes(&self) -> Vec<Handshake> {
        self.handshakes.lock().unwrap().clone()
    }
}
