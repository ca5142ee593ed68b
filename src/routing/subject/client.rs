//! The client's address as a routing key.

use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv6Addr};

/// `ffff:ffff:ffff:ffff::/64` has 24 bytes.
const LONGEST: usize = 24;

/// A client's address as it is hashed: `192.0.2.7`, or the network `2001:db8:1:2::/64` of an IPv6 client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientKey {
    text: [u8; LONGEST],
    length: u8,
}

/// The key of a client. An IPv4 address mapped into IPv6 counts as IPv4; an IPv6 client counts as its /64, since one
/// household or machine usually has all of it.
#[must_use]
pub fn client_key(address: IpAddr) -> ClientKey {
    let mut key = ClientKey { text: [0; LONGEST], length: 0 };
    // Writing fails only when the text is longer than LONGEST, which none of the two forms can be.
    let _ = match address.to_canonical() {
        IpAddr::V4(address) => write!(key, "{address}"),
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            write!(key, "{}/64", Ipv6Addr::from(network))
        }
    };
    key
}

impl ClientKey {
    /// The text that is hashed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl Write for ClientKey {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let start = usize::from(self.length);
        let place = self.text.get_mut(start..start + part.len()).ok_or(fmt::Error)?;
        place.copy_from_slice(part.as_bytes());
        self.length += part.len() as u8;
        Ok(())
    }
}

impl fmt::Display for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
