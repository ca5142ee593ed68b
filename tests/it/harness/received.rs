//! What a backend was sent.

use super::message::{Body, Fields, parse, values};

/// A request as a backend received it.
#[derive(Debug, Clone)]
pub struct Received {
    /// Over which of the backend's connections, counted from 0.
    pub connection: usize,
    /// The head as it came in.
    pub head: Vec<u8>,
    pub method: String,
    pub target: String,
    pub fields: Fields,
    /// The body, as far as it has come.
    pub body: Body,
    /// Whether no more will come of it, although it is not complete.
    pub broken_off: bool,
}

impl Received {
    pub(super) fn new(connection: usize, head: Vec<u8>) -> Received {
        let (first, fields) = parse(&head).unwrap();
        let mut words = first.split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        assert_eq!(words.next().as_deref(), Some("HTTP/1.1"), "{first}");
        assert_eq!(words.next(), None, "{first}");
        Received { connection, head, method, target, fields, body: Body::default(), broken_off: false }
    }

    /// The only value of a field; a field that came twice is a failure.
    #[track_caller]
    pub fn field(&self, name: &str) -> Option<&str> {
        let values = self.values(name);
        assert!(values.len() < 2, "{name} came more than once: {values:?}");
        values.first().copied()
    }

    /// All values of a field, in order.
    pub fn values(&self, name: &str) -> Vec<&str> {
        values(&self.fields, name)
    }

    /// Method and target.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body.content).into_owned()
    }

    /// Holds the head against the grammar, without any of the lenience that RFC 9112 allows.
    #[track_caller]
    pub fn assert_canonical(&self, what: &str) {
        let text = self.head.strip_suffix(b"\r\n\r\n").unwrap();
        let ends = |end: &[u8]| text.windows(end.len()).filter(|window| *window == end).count();
        assert!(ends(b"\r") == ends(b"\r\n") && ends(b"\n") == ends(b"\r\n"), "{what}: {text:?}");
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        assert!(self.method.bytes().all(token) && !self.method.is_empty(), "{what}: {}", self.method);
        assert!(self.target.bytes().all(|byte| byte > b' ' && byte != 0x7f) && !self.target.contains('#'), "{what}");
        assert!(self.target.starts_with('/') || self.target == "*", "{what}: {}", self.target);
        for (name, value) in &self.fields {
            assert!(name.bytes().all(token) && !name.is_empty(), "{what}: {name:?}");
            // A character here stands for the byte of its number.
            assert!(value.chars().all(|one| one == '\t' || (one >= ' ' && one != '\x7f')), "{what}: {name}: {value:?}");
        }
        assert_eq!(self.values("host").len(), 1, "{what}");
        let framings = [self.values("content-length"), self.values("transfer-encoding")].concat();
        let sound = |text: &str| text == "chunked" || text.parse().is_ok_and(|length: u64| length.to_string() == text);
        assert!(framings.len() <= 1 && framings.iter().all(|text| sound(text)), "{what}: {framings:?}");
    }
}
