//! Where operators connect, and who they are.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use super::{EndpointAddress, ListenerTls};
use crate::routing::HostPattern;

/// Where operators connect, and who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminSettings {
    /// The listener's address. A change takes a restart.
    pub address: SocketAddr,
    /// Names it answers to besides IP addresses and `localhost`.
    pub hosts: Vec<HostPattern>,
    /// Who may talk to it, besides the token of the state directory.
    pub tokens: Vec<TokenEntry>,
    /// The admin listeners of other instances.
    pub peers: Vec<EndpointAddress>,
    /// How operators are spoken to securely; `None`: not at all.
    pub tls: Option<Arc<ListenerTls>>,
}

/// A token, known by its hash alone.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenEntry {
    /// Whose it is: the author of what is done with it.
    pub name: Arc<str>,
    /// What it allows.
    pub role: Role,
    /// SHA-256 of the token's text.
    pub hash: [u8; 32],
}

/// What a token allows; each role may do all that the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Rolls back, kills, resumes and moves ramps, too.
    Operator,
    /// Reloads and accepts differences, too.
    Owner,
}

impl Role {
    /// All of them, the smallest first.
    pub const ALL: [Role; 3] = [Role::Viewer, Role::Operator, Role::Owner];

    /// Its name, as a file of tokens has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Operator => "operator",
            Role::Owner => "owner",
        }
    }

    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Without the hash: even that belongs in no log.
impl fmt::Debug for TokenEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.role)
    }
}
