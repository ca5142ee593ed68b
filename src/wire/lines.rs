//! The fields of a backend's answer, as lines.
//!
//! Most answers pass as they are, but for a few fields. So they are not taken apart into a map and put together again: what goes
//! on to the client is written down once, as HTTP/1 sends it, and a map is made of it only for those who need one.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::headers;

/// How much room the fields of an answer get to begin with, in bytes.
const ROOM: usize = 256;

/// The fields of an answer that go on to the client, a line each: what stops at the facade is left out. Content-Length is kept
/// apart, as the number that it is.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Lines {
    /// Name in lower case, colon, space, value and CRLF of each.
    lines: Vec<u8>,
    length: Option<u64>,
    dated: bool,
}

impl Lines {
    /// Adds one; names are written in lower case. The caller has made sure that both are sound (RFC 9110 section 5).
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let mut room = Room::of(name);
        self.line(room.lower(name), value);
    }

    /// Adds one of a backend's, unless it stops at the facade. Whether it does cannot be said of fields that a later Connection
    /// names: see [`Lines::remove`].
    pub fn pass(&mut self, name: &[u8], value: &[u8]) {
        let mut room = Room::of(name);
        let name = room.lower(name);
        if !headers::stops_on_the_way_back(name) {
            self.line(name, value);
        }
    }

    fn line(&mut self, name: &[u8], value: &[u8]) {
        self.dated |= name == b"date";
        if self.lines.capacity() == 0 {
            self.lines.reserve(ROOM);
        }
        self.lines.reserve(name.len() + value.len() + 4);
        self.lines.extend_from_slice(name);
        self.lines.extend_from_slice(b": ");
        self.lines.extend_from_slice(value);
        self.lines.extend_from_slice(b"\r\n");
    }

    /// Takes all fields with one of these names away.
    pub fn remove(&mut self, names: &[HeaderName]) {
        let before = std::mem::take(self);
        self.length = before.length;
        let is_gone = |name: &[u8]| names.iter().any(|gone| gone.as_str().as_bytes() == name);
        for (name, value) in lines_of(&before.lines).filter(|(name, _)| !is_gone(name)) {
            self.line(name, value);
        }
    }

    /// What Content-Length says, in bytes.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Sets what Content-Length says.
    pub fn set_length(&mut self, length: Option<u64>) {
        self.length = length;
    }

    /// Whether the answer has a Date.
    #[must_use]
    pub fn is_dated(&self) -> bool {
        self.dated
    }

    /// All of them but Content-Length, each line ended by CRLF.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.lines
    }

    /// The first value of one of [`Lines::text`]; the name is in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        lines_of(&self.lines).find(|(other, _)| *other == name.as_bytes()).map(|(_, value)| value)
    }

    /// All of them, each line ended by CRLF.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.lines.len() + 40);
        self.write(&mut text);
        text
    }

    /// Writes all of them, each line ended by CRLF.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.lines);
        if let Some(length) = self.length {
            out.extend_from_slice(b"content-length: ");
            out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }

    /// The same as a map.
    #[must_use]
    pub fn to_map(&self) -> HeaderMap {
        let mut headers = map_of(&self.lines);
        if let Some(length) = self.length {
            headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        headers
    }
}

/// The fields of a text that was made of good ones: a line each, each ended by CRLF.
#[must_use]
pub fn map_of(text: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines_of(text) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    headers
}

/// Name and value of each line.
pub fn lines_of(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = text.split(|&byte| byte == b'\n').filter_map(|line| line.strip_suffix(b"\r"));
    lines.filter_map(|line| {
        let colon = line.iter().position(|&byte| byte == b':')?;
        Some((&line[..colon], line[colon + 1..].trim_ascii()))
    })
}

/// Where a name is written in lower case: nearly all fit on the stack.
enum Room {
    Short([u8; Room::SHORT]),
    Long(Vec<u8>),
}

impl Room {
    const SHORT: usize = 40;

    fn of(name: &[u8]) -> Room {
        if name.len() <= Room::SHORT { Room::Short([0; Room::SHORT]) } else { Room::Long(vec![0; name.len()]) }
    }

    fn lower(&mut self, name: &[u8]) -> &[u8] {
        match self {
            Room::Short(room) => {
                room[..name.len()].copy_from_slice(name);
                // Of a length that is known, all is done at once.
                room.make_ascii_lowercase();
                &room[..name.len()]
            }
            Room::Long(room) => {
                room.copy_from_slice(name);
                room.make_ascii_lowercase();
                room
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_stops_at_the_facade_does_not_pass() {
        let mut fields = Lines::default();
        for (name, value) in [
            ("Server", "old"),
            ("Connection", "keep-alive"),
            ("Keep-Alive", "timeout=5"),
            ("Transfer-Encoding", "chunked"),
            ("X-Served-By", "somebody"),
            ("Banyan-Decision", "forged"),
            ("Set-Cookie", "a=1"),
            ("Set-Cookie", "b=2"),
            ("Date", "Sat, 21 Nov 2026 10:00:00 GMT"),
        ] {
            fields.pass(name.as_bytes(), value.as_bytes());
        }
        let lines = b"server: old\r\nset-cookie: a=1\r\nset-cookie: b=2\r\ndate: Sat, 21 Nov 2026 10:00:00 GMT\r\n";
        assert_eq!(fields.text(), lines);
        assert!(fields.is_dated());
        fields.remove(&[http::header::SET_COOKIE, http::header::DATE]);
        assert_eq!(fields.text(), b"server: old\r\n");
        assert!(!fields.is_dated());
    }

    proptest! {
        /// The map says what stripping a map of all fields would have left.
        #[test]
        fn the_map_is_what_stripping_leaves(
            fields in proptest::collection::vec(
                (prop_oneof![
                    "[A-Za-z][A-Za-z0-9_-]{0,12}",
                    "[a-z]{38,44}",
                    proptest::sample::select(vec!["Connection", "TE", "Upgrade", "X-Served-By", "Banyan-X", "Date", "Via"])
                        .prop_map(str::to_owned),
                ], "[!-~]([ -~]{0,10}[!-~])?"),
                0..12,
            ),
            length in proptest::option::of(any::<u64>()),
        ) {
            let (mut passed, mut all) = (Lines::default(), HeaderMap::new());
            for (name, value) in fields.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length")) {
                passed.pass(name.as_bytes(), value.as_bytes());
                // Whom Connection names is not said field by field.
                let named = name.eq_ignore_ascii_case("connection");
                let value = if named { "close" } else { value };
                all.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
            }
            if let Some(length) = length {
                passed.set_length(Some(length));
                all.insert("content-length", HeaderValue::from(length));
            }
            headers::strip_response(&mut all);
            prop_assert_eq!(passed.to_map(), all);
        }
    }
}
