//! What a kept comparison tells beside its row: JSON, compressed with zstd.

use std::io::{self, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::batch::{Sample, Told};
use crate::names::Side;

/// With more JSON than this, bodies are left out.
const LARGEST: usize = 8 * 1024 * 1024;
/// What is larger once unpacked was not written here.
const UNPACKED: u64 = 64 * 1024 * 1024;
/// The level of compression: samples are few, but the writer has to keep up.
const LEVEL: i32 = 3;

/// What a kept comparison tells beside its row. All of it is redacted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// The client's headers.
    pub headers: Vec<(String, String)>,
    /// The client's body; `None` if there is none or it was not kept.
    pub body: Option<Body>,
    /// The answer of legacy.
    pub legacy: Answered,
    /// The answer of new.
    pub new: Answered,
    /// What differs.
    pub differences: Vec<Differs>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body with content codings off; `None` if it was not kept.
    pub body: Option<Body>,
    /// XXH3-128 of the body as it came, as 32 hexadecimal digits.
    pub hash: String,
    /// How many bytes came.
    pub bytes: u64,
    /// How long it took to its end, in microseconds.
    pub took_us: u64,
    /// Which backend and which endpoint.
    pub backend: String,
}

/// A body: `{"text": …}` if it is UTF-8, else `{"base64": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// As it is.
    Text(String),
    /// As base64 (RFC 4648, section 4).
    Base64(String),
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Differs {
    /// Its signature.
    pub signature: String,
    /// The kind.
    pub kind: String,
    /// The normalised path.
    pub path: String,
    /// Where exactly the first one is.
    pub place: String,
    /// At how many places.
    pub places: u32,
    /// What legacy has there.
    pub legacy: Option<String>,
    /// What new has there.
    pub new: Option<String>,
}

impl Body {
    /// Bytes as JSON can hold them.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Body {
        match std::str::from_utf8(bytes) {
            Ok(text) => Body::Text(text.to_owned()),
            Err(_) => Body::Base64(STANDARD.encode(bytes)),
        }
    }

    /// The bytes; what is no base64 is nothing.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Body::Text(text) => text.as_bytes().to_vec(),
            Body::Base64(text) => STANDARD.decode(text).unwrap_or_default(),
        }
    }
}

impl Detail {
    /// The answer of a side.
    #[must_use]
    pub fn answer(&self, side: Side) -> &Answered {
        match side {
            Side::Legacy => &self.legacy,
            Side::New => &self.new,
        }
    }

    pub(super) fn of(sample: &Sample) -> Detail {
        let [legacy, new] = &sample.answers;
        let differences = sample.differences.iter().map(|(id, difference)| Differs {
            signature: id.to_string(),
            kind: difference.kind.as_str().to_owned(),
            path: difference.path.clone(),
            place: difference.place.clone(),
            places: difference.count,
            legacy: difference.one.clone(),
            new: difference.other.clone(),
        });
        Detail {
            headers: sample.headers.clone(),
            body: sample.body.as_deref().map(Body::of),
            legacy: Answered::of(legacy),
            new: Answered::of(new),
            differences: differences.collect(),
        }
    }

    pub(super) fn pack(mut self) -> io::Result<Vec<u8>> {
        let mut json = serde_json::to_vec(&self)?;
        if json.len() > LARGEST {
            (self.body, self.legacy.body, self.new.body) = (None, None, None);
            json = serde_json::to_vec(&self)?;
        }
        zstd::encode_all(&*json, LEVEL)
    }

    pub(super) fn unpack(packed: &[u8]) -> io::Result<Detail> {
        let mut json = Vec::new();
        zstd::Decoder::with_buffer(packed)?.take(UNPACKED).read_to_end(&mut json)?;
        Ok(serde_json::from_slice(&json)?)
    }
}

impl Answered {
    fn of(told: &Told) -> Answered {
        Answered {
            status: told.status,
            headers: told.headers.clone(),
            body: told.body.as_deref().map(Body::of),
            hash: told.hash.clone(),
            bytes: told.bytes,
            took_us: u64::try_from(told.took.as_micros()).unwrap_or(u64::MAX),
            backend: told.backend.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bodies_survive_packing(body in proptest::collection::vec(any::<u8>(), 0..300), text in ".{0,40}") {
            let answered = Answered {
                status: 200,
                headers: vec![("x".to_owned(), text)],
                body: Some(Body::of(&body)),
                hash: String::new(),
                bytes: 1,
                took_us: u64::MAX,
                backend: String::new(),
            };
            let (legacy, new) = (answered.clone(), answered);
            let detail = Detail { headers: Vec::new(), body: Some(Body::of(&body)), legacy, new, differences: Vec::new() };
            let unpacked = Detail::unpack(&detail.clone().pack().unwrap()).unwrap();
            prop_assert_eq!(unpacked.body.as_ref().map(Body::bytes), Some(body));
            prop_assert_eq!(unpacked, detail);
        }

        #[test]
        fn garbage_does_not_unpack(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Detail::unpack(&bytes).is_err());
        }
    }
}
