//! The token a caller must show to change anything.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use axum::http::{HeaderMap, header};

/// The name of the token's file in the state directory.
const FILE: &str = "admin.token";

/// The token a caller must show to change anything.
pub struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// Reads the token of this state directory; makes one (256 random bits, mode 0600) if there is none.
    ///
    /// # Errors
    /// The file can be neither read nor made, or is empty.
    pub fn of(state_dir: &Path) -> io::Result<Token> {
        let path = state_dir.join(FILE);
        match Token::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut random = [0; 32];
                fs::File::open("/dev/urandom").and_then(|mut file| io::Read::read_exact(&mut file, &mut random))?;
                let text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
                let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
                writeln!(file, "{text}")?;
                file.sync_all()?;
                Ok(Token(text))
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

    /// The value of an Authorization header that shows it.
    #[must_use]
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// Whether the headers show it. The comparison's time does not tell how much of a wrong one was right.
    #[must_use]
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
        let wanted = self.authorization();
        let wanted = wanted.as_bytes();
        shown.len() == wanted.len() && shown.iter().zip(wanted).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let made = Token::of(folder.path()).unwrap();
        let again = Token::of(folder.path()).unwrap();
        assert_eq!(made.0, again.0);
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let mut headers = HeaderMap::new();
        assert!(!made.admits(&headers));
        headers.insert(header::AUTHORIZATION, made.authorization().parse().unwrap());
        assert!(made.admits(&headers));
        headers.insert(header::AUTHORIZATION, "Bearer x".parse().unwrap());
        assert!(!made.admits(&headers));
    }
}
