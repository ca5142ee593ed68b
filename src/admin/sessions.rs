//! Sessions of the console: who has shown a token in a browser, and goes on without showing it each time.
//!
//! A session is a random 256-bit id in a cookie. Only its hash is kept, in memory: a restart ends them all. It is bound to the token
//! that it began with, and is worth nothing once that leaves the configuration; its role is the one that the token has now.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::header::{self, HeaderMap, HeaderValue};
use tokio::time::Instant;

use super::tokens::{Token, hash};
use crate::snapshot::TokenEntry;

/// How long a session lasts, however busy it is.
const LASTS: Duration = Duration::from_secs(12 * 60 * 60);
/// How many there are of one token. Beyond, the oldest of that token ends: nobody can end those of others.
const OF_A_TOKEN: usize = 32;
/// How many there are in all. Beyond, the oldest ends.
const IN_ALL: usize = 1024;

/// A session, as it is known here.
#[derive(Debug)]
pub struct Session {
    /// Of its id.
    hash: [u8; 32],
    /// Of the token that it began with.
    token: [u8; 32],
    /// What a form of its pages carries; no page of another site can know it.
    csrf: Token,
    /// The header that shows the token, for other instances that are told the same.
    pub(super) authorization: HeaderValue,
    ends: Instant,
    /// What the next page says.
    flash: Mutex<Option<Flash>>,
}

/// What came of an action, said once on the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flash {
    /// Whether it went as it was meant to.
    pub is_good: bool,
    /// In words.
    pub text: String,
}

/// Those that there are, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<VecDeque<Arc<Session>>>);

impl Session {
    /// What forms have to bring with them.
    #[must_use]
    pub fn csrf(&self) -> &str {
        self.csrf.text()
    }

    /// Whether this is what its forms bring with them.
    #[must_use]
    pub fn is_meant(&self, csrf: &str) -> bool {
        verify_slices_are_equal(self.csrf.text().as_bytes(), csrf.as_bytes()).is_ok()
    }

    /// Has the next page say this.
    pub fn say(&self, flash: Flash) {
        *self.flash.lock().unwrap_or_else(PoisonError::into_inner) = Some(flash);
    }

    /// What is to be said, once.
    #[must_use]
    pub fn said(&self) -> Option<Flash> {
        self.flash.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Sessions {
    /// Begins one for the holder of this token; its id.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub(super) fn begin(&self, entry: &TokenEntry, authorization: HeaderValue, now: Instant) -> io::Result<Token> {
        let (id, csrf) = (Token::fresh()?, Token::fresh()?);
        let (token, ends) = (entry.hash, now + LASTS);
        let session = Session { hash: hash(id.text()), token, csrf, authorization, ends, flash: Mutex::default() };
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|session| session.ends > now);
        let mut of_it = sessions.iter().enumerate().filter(|(_, session)| session.token == token);
        let first = of_it.next().map(|(place, _)| place);
        if of_it.count() + 1 >= OF_A_TOKEN {
            first.and_then(|place| sessions.remove(place));
        }
        if sessions.len() >= IN_ALL {
            sessions.pop_front();
        }
        sessions.push_back(Arc::new(session));
        Ok(id)
    }

    /// The session of this id, and whose it is now.
    pub(super) fn find<'e>(
        &self,
        id: &str,
        entries: impl IntoIterator<Item = &'e TokenEntry>,
        now: Instant,
    ) -> Option<(Arc<Session>, &'e TokenEntry)> {
        let shown = hash(id);
        let session = {
            let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let found = sessions.iter().find(|session| verify_slices_are_equal(&session.hash, &shown).is_ok());
            Arc::clone(found.filter(|session| session.ends > now)?)
        };
        let entry = entries.into_iter().find(|entry| entry.hash == session.token)?;
        Some((session, entry))
    }

    /// Ends one.
    pub(super) fn end(&self, session: &Session) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|other| other.hash != session.hash);
    }
}

/// The cookie that begins a session with this id. With TLS it is one that no other host and no plain page can set (RFC 6265bis,
/// section 4.1.3.2).
pub(super) fn cookie(id: &str, is_secure: bool) -> String {
    let (name, seconds) = (name(is_secure), LASTS.as_secs());
    let secure = if is_secure { "; Secure" } else { "" };
    format!("{name}={id}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}")
}

/// The cookie that ends it in the browser.
pub(super) fn no_cookie(is_secure: bool) -> String {
    let secure = if is_secure { "; Secure" } else { "" };
    format!("{}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0{secure}", name(is_secure))
}

/// The id that these headers show; `None` if none or several.
pub(super) fn shown(headers: &HeaderMap, is_secure: bool) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim_ascii().split_once('='));
    let mut ids = pairs.filter(|(name, _)| *name == self::name(is_secure)).map(|(_, id)| id);
    ids.next().filter(|id| id.len() == 64 && ids.next().is_none())
}

const fn name(is_secure: bool) -> &'static str {
    if is_secure { "__Host-banyan_session" } else { "banyan_session" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Role;

    fn entry(number: u8) -> TokenEntry {
        TokenEntry { name: number.to_string().into(), role: Role::Viewer, hash: [number; 32] }
    }

    fn begun(sessions: &Sessions, entry: &TokenEntry, now: Instant) -> Token {
        sessions.begin(entry, HeaderValue::from_static("Bearer x"), now).unwrap()
    }

    #[test]
    fn a_session_is_known_for_twelve_hours_and_while_its_token_is() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let entries = [entry(1), entry(2)];
        let id = begun(&sessions, &entries[1], now);
        let late = now + LASTS - Duration::from_secs(1);
        let (session, whose) = sessions.find(id.text(), &entries, late).unwrap();
        assert_eq!(*whose, entries[1]);
        assert!(session.is_meant(session.csrf()) && !session.is_meant("") && !session.is_meant(id.text()));
        assert!(sessions.find(id.text(), &entries, now + LASTS).is_none());
        assert!(sessions.find(id.text(), &entries[..1], now).is_none());
        assert!(sessions.find(&id.text()[1..], &entries, now).is_none());
        sessions.end(&session);
        assert!(sessions.find(id.text(), &entries, now).is_none());
    }

    #[test]
    fn the_oldest_of_the_same_token_gives_way() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let other = begun(&sessions, &entry(1), now);
        let ids: Vec<_> = (0..=OF_A_TOKEN).map(|_| begun(&sessions, &entry(2), now)).collect();
        let known = |id: &Token| sessions.find(id.text(), &[entry(1), entry(2)], now).is_some();
        assert!(known(&other) && !known(&ids[0]) && ids[1..].iter().all(known));
        for number in 0..255 {
            (0..OF_A_TOKEN).for_each(|_| drop(begun(&sessions, &entry(number), now)));
        }
        assert_eq!(sessions.0.lock().unwrap().len(), IN_ALL);
    }

    #[test]
    fn what_is_said_is_said_once() {
        let sessions = Sessions::default();
        let (entries, now) = ([entry(1)], Instant::now());
        let id = begun(&sessions, &entries[0], now);
        let (session, _) = sessions.find(id.text(), &entries, now).unwrap();
        let flash = Flash { is_good: true, text: "done".to_owned() };
        session.say(flash.clone());
        assert_eq!((session.said(), session.said()), (Some(flash), None));
    }

    #[test]
    fn the_cookie_is_found_among_others_and_never_guessed() {
        let headers = |lines: &[&str]| -> HeaderMap {
            lines.iter().map(|line| (header::COOKIE, line.parse().unwrap())).collect()
        };
        let id = "a".repeat(64);
        let own = format!("banyan_session={id}");
        for lines in [&[&*own][..], &[&format!("x=1;{own} ; y=2")], &["x=1", &own]] {
            assert_eq!(shown(&headers(lines), false), Some(&*id), "{lines:?}");
            assert_eq!(shown(&headers(lines), true), None);
        }
        assert_eq!(shown(&headers(&[&format!("__Host-{own}")]), true), Some(&*id));
        for lines in [&[][..], &["banyan_session="], &["banyan_session"], &[&own, &own], &[&format!("x{own}")]] {
            assert_eq!(shown(&headers(lines), false), None, "{lines:?}");
        }
        assert!(cookie(&id, true).contains("__Host-") && cookie(&id, true).ends_with("; Secure"));
        assert!(!cookie(&id, false).contains("Secure") && no_cookie(false).contains("Max-Age=0"));
    }
}
