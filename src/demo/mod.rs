//! The demo: two sample systems that differ in known ways, traffic, and a guided tour.
//!
//! These are the pieces; who runs the demo puts them together around a facade:
//!
//! 1. [`shops`] starts both systems, [`config`] is the shipped `routes.yaml` for their addresses;
//! 2. the facade starts with that configuration;
//! 3. [`tour::write`] shows who is answered by whom, and why;
//! 4. [`findings::gather`] lets the facade find out what differs, and writes the report;
//! 5. [`Traffic::start`] asks steadily; [`Traffic::summary`] can be printed every few seconds.

pub mod client;
pub mod decision;
pub mod findings;
pub mod shop;
pub mod tally;
pub mod tour;
pub mod traffic;
pub mod visitors;

use std::io;
use std::net::SocketAddr;

use crate::names::Side;
use shop::Shop;

pub use tally::Summary;
pub use tour::Places;
pub use traffic::{RATE, Traffic};

/// The shipped configuration.
pub const CONFIG: &str = include_str!("../../routes.yaml");

/// Where the shipped configuration says that everything is.
pub mod shipped {
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};

    const fn loopback(port: u16) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
    }

    /// The facade.
    pub const FACADE: SocketAddr = loopback(8080);
    /// What operators see.
    pub const ADMIN: SocketAddr = loopback(9900);
    /// The legacy shop.
    pub const LEGACY: SocketAddr = loopback(9001);
    /// The new shop.
    pub const NEW: SocketAddr = loopback(9002);
}

/// Both shops.
#[derive(Debug)]
pub struct Shops {
    /// The system that has always been there.
    pub legacy: Shop,
    /// The system that replaces it.
    pub new: Shop,
}

/// Starts both shops; port 0 takes any free one. They stop when they are dropped.
///
/// # Errors
/// When an address cannot be bound, it names the address.
pub fn shops(legacy: SocketAddr, new: SocketAddr) -> io::Result<Shops> {
    let start = |side: Side, address: SocketAddr| {
        Shop::start(side, address).map_err(|error| {
            io::Error::new(error.kind(), format!("the {side} shop cannot listen on {address}: {error}"))
        })
    };
    Ok(Shops { legacy: start(Side::Legacy, legacy)?, new: start(Side::New, new)? })
}

/// The shipped configuration with other addresses: of the facade, of its admin listener and of the two shops.
#[must_use]
pub fn config(facade: SocketAddr, admin: SocketAddr, legacy: SocketAddr, new: SocketAddr) -> String {
    let places = [(shipped::FACADE, facade), (shipped::ADMIN, admin), (shipped::LEGACY, legacy), (shipped::NEW, new)];
    // Line by line, so that an address that was put in is not replaced again.
    let line = |line: &str| {
        let found = places.iter().find(|(shipped, _)| line.contains(&shipped.to_string()));
        found.map_or_else(|| line.to_owned(), |(shipped, now)| line.replace(&shipped.to_string(), &now.to_string()))
    };
    CONFIG.lines().map(|text| line(text) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_configuration_names_each_address_once() {
        for address in [shipped::FACADE, shipped::ADMIN, shipped::LEGACY, shipped::NEW] {
            assert_eq!(CONFIG.matches(&address.to_string()).count(), 1, "{address}");
        }
        assert_eq!(config(shipped::FACADE, shipped::ADMIN, shipped::LEGACY, shipped::NEW), CONFIG);
    }

    #[test]
    fn addresses_are_replaced() {
        let swapped = config(shipped::NEW, shipped::ADMIN, shipped::FACADE, shipped::LEGACY);
        assert!(swapped.contains("address: 127.0.0.1:9002"));
        assert!(swapped.contains("endpoints: [http://127.0.0.1:8080]"));
        assert!(swapped.contains("endpoints: [http://127.0.0.1:9001]"));
    }

    #[test]
    fn taken_address_is_named() {
        let first = Shop::start(Side::Legacy, "127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let error = shops(first.address(), first.address()).expect_err("it is taken");
        assert!(error.to_string().contains(&first.address().to_string()), "{error}");
    }
}
