//! Verified tokens: a signature is checked once, then remembered until it expires.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use http::header;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};

use crate::fields::{Fields, text};
use crate::routing::Claims;
use crate::snapshot::JwtSettings;

/// How many tokens one worker remembers.
const REMEMBERED: usize = 4096;
/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 8 * 1024;
/// How far clocks may differ, in seconds.
const LEEWAY: u64 = 60;

/// Verifies tokens by the keys of one generation, and remembers the outcome.
pub struct Verifier {
    keys: Vec<Key>,
    algorithms: Vec<Algorithm>,
    issuer: Option<String>,
    audience: Option<String>,
    remembered: RefCell<HashMap<Box<str>, Remembered>>,
}

struct Key {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    key: DecodingKey,
}

/// `claims` is `None` for a token that did not verify: a flood of one bad token costs one check.
struct Remembered {
    claims: Option<Rc<Claims>>,
    until: u64,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither keys nor tokens belong in a log.
        f.debug_struct("Verifier").field("algorithms", &self.algorithms).finish_non_exhaustive()
    }
}

impl Verifier {
    /// A verifier by these keys and rules; a key that cannot be used is left out.
    #[must_use]
    pub fn new(settings: &JwtSettings) -> Verifier {
        let key = |jwk: &jsonwebtoken::jwk::Jwk| {
            Some(Key {
                id: jwk.common.key_id.clone(),
                algorithm: jwk.common.key_algorithm.and_then(|name| name.to_string().parse().ok()),
                key: DecodingKey::from_jwk(jwk).ok()?,
            })
        };
        Verifier {
            keys: settings.keys.keys.iter().filter_map(key).collect(),
            algorithms: settings.algorithms.clone(),
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            remembered: RefCell::default(),
        }
    }

    /// The claims of the request's bearer token (RFC 6750 section 2.1), if there is exactly one and it verifies at `now`.
    pub fn claims(&self, headers: &Fields, now: SystemTime) -> Option<Rc<Claims>> {
        let value = text(headers.only(&header::AUTHORIZATION)?)?;
        let (scheme, token) = value.split_once(' ')?;
        let token = token.trim_ascii();
        if !scheme.eq_ignore_ascii_case("bearer") || token.len() > MAX_TOKEN {
            return None;
        }
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if let Some(known) = self.remembered.borrow().get(token)
            && now < known.until
        {
            return known.claims.clone();
        }
        let claims = self.verify(token).map(Rc::new);
        self.remember(token, claims.clone(), now);
        claims
    }

    fn verify(&self, token: &str) -> Option<Claims> {
        let header = decode_header(token).ok()?;
        if !self.algorithms.contains(&header.alg) {
            return None;
        }
        let mut validation = Validation::new(header.alg);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.validate_aud = self.audience.is_some();
        if let Some(audience) = &self.audience {
            validation.set_audience(&[audience]);
        }
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
        }
        let mut required = vec!["exp"];
        required.extend(self.issuer.as_ref().map(|_| "iss"));
        required.extend(self.audience.as_ref().map(|_| "aud"));
        validation.set_required_spec_claims(&required);
        let fits = |key: &&Key| {
            (key.id.is_none() || header.kid.is_none() || key.id == header.kid)
                && key.algorithm.is_none_or(|algorithm| algorithm == header.alg)
        };
        self.keys
            .iter()
            .filter(fits)
            .find_map(|key| decode::<Claims>(token, &key.key, &validation).ok().map(|data| data.claims))
    }

    fn remember(&self, token: &str, claims: Option<Rc<Claims>>, now: u64) {
        let expires = claims.as_ref().and_then(|claims| claims.get("exp")?.as_u64());
        // A token that fails now may be valid in a minute (`nbf`).
        let until = expires.map_or(now + LEEWAY, |expires| expires.saturating_add(LEEWAY).min(now + 3600));
        let mut remembered = self.remembered.borrow_mut();
        if remembered.len() >= REMEMBERED {
            remembered.retain(|_, known| now < known.until);
        }
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(token.into(), Remembered { claims, until });
    }
}
