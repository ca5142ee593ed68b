//! Tokens: what a caller shows, and whose it is.
//!
//! Only hashes are compared, all of them and each in constant time: how long an answer takes tells nothing of any token. A plain
//! SHA-256 is enough, since a token is 256 random bits and no password.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use axum::http::{HeaderMap, header};

use crate::snapshot::{Role, TokenEntry};

/// The name of the token's file in the state directory.
const FILE: &str = "admin.token";
/// Whose the token of the state directory is.
const OWNER: &str = "admin";
/// The longest token that is looked at, in bytes.
const LONGEST: usize = 512;

/// A token, as its holder has it.
pub struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// A fresh one: 256 random bits as 64 hexadecimal digits.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn fresh() -> io::Result<Token> {
        let mut random = [0; 32];
        SystemRandom::new().fill(&mut random).map_err(|_| io::Error::other("the system gives no randomness"))?;
        Ok(Token(hex(&random)))
    }

    /// Reads the token of this state directory; makes one (mode 0600) if there is none.
    ///
    /// # Errors
    /// The file can be neither read nor made, or is empty.
    pub fn of(state_dir: &Path) -> io::Result<Token> {
        let path = state_dir.join(FILE);
        match Token::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let token = Token::fresh()?;
                let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
                writeln!(file, "{}", token.0)?;
                file.sync_all()?;
                Ok(token)
            }
            result => result,
        }
    }

    /// Reads a token from this file.
    ///
    /// # Errors
    /// The file cannot be read, or is empty.
    pub fn read(path: &Path) -> io::Result<Token> {
        let text = fs::read_to_string(path)?.trim().to_owned();
        if text.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the token file is empty"));
        }
        Ok(Token(text))
    }

    /// The token itself.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The value of an Authorization header that shows it.
    #[must_use]
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// How a file of tokens has it: `sha256:HEX`.
    #[must_use]
    pub fn hashed(&self) -> String {
        format!("sha256:{}", hex(&hash(&self.0)))
    }

    /// Its entry, as the one of the state directory.
    pub(super) fn owner(&self) -> TokenEntry {
        TokenEntry { name: OWNER.into(), role: Role::Owner, hash: hash(&self.0) }
    }
}

/// Whose token these headers show (RFC 6750 section 2.1); `None` if none, several, or nobody's.
pub(super) fn shown<'e>(
    headers: &HeaderMap,
    entries: impl IntoIterator<Item = &'e TokenEntry>,
) -> Option<&'e TokenEntry> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim_ascii();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || token.len() > LONGEST {
        return None;
    }
    let shown = hash(token);
    let mut found = None;
    // To the end, whichever it is.
    for entry in entries {
        if verify_slices_are_equal(&entry.hash, &shown).is_ok() {
            found = Some(entry);
        }
    }
    found
}

pub(super) fn hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    hash
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (header::AUTHORIZATION, value.parse().unwrap())).collect()
    }

    #[test]
    fn a_token_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let made = Token::of(folder.path()).unwrap();
        let again = Token::of(folder.path()).unwrap();
        assert_eq!((made.text(), made.text().len()), (again.text(), 64));
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_ne!(Token::fresh().unwrap().text(), Token::fresh().unwrap().text());
    }

    #[test]
    fn the_hash_is_what_sha256sum_says() {
        let hashed = Token("test".to_owned()).hashed();
        assert_eq!(hashed, "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    }

    #[test]
    fn a_token_is_known_among_many_and_nothing_else_is() {
        let tokens = ["a", "b", "c"].map(|text| Token(text.repeat(64)));
        let entries = tokens.each_ref().map(|token| TokenEntry { name: token.text()[..1].into(), ..token.owner() });
        for token in &tokens {
            let found = shown(&headers(&[&token.authorization()]), &entries).unwrap();
            assert_eq!(*found.name, token.text()[..1]);
            assert!(shown(&headers(&[&format!("bearer  {} ", token.text())]), &entries).is_some());
        }
        let (good, half) = (tokens[0].authorization(), format!("Bearer {}", "a".repeat(63)));
        for values in [&[][..], &[""], &["Bearer"], &["Bearer "], &[&half], &["Basic YTpi"], &[&good, &good]] {
            assert_eq!(shown(&headers(values), &entries), None, "{values:?}");
        }
        assert_eq!(shown(&headers(&[&format!("Bearer {}", "a".repeat(513))]), &entries), None);
    }
}
