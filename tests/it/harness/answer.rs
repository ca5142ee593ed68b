//! What a client was answered.

use super::message::{Body, Fields, values};

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It has no body.
    Bodyless,
    /// After as many bytes as Content-Length says.
    Length,
    /// With the last chunk.
    Chunked,
    /// With the connection, as an answer without framing does.
    Closed,
    /// The connection ended before the answer did.
    Cut,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The head as it came in.
    pub head: Vec<u8>,
    pub status: u16,
    pub fields: Fields,
    pub body: Body,
    pub end: End,
}

impl Answer {
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

    /// Who says to have served it.
    #[track_caller]
    pub fn served_by(&self) -> &str {
        self.field("x-served-by").unwrap_or("nobody")
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body.content).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body.content).unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }

    /// Holds the answer against what the facade's own errors must look like.
    #[track_caller]
    pub fn assert_problem(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.served_by(), "banyan");
        assert_eq!(self.field("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["status"], status);
        for key in ["title", "detail", "request_id"] {
            assert!(problem[key].as_str().is_some_and(|text| !text.is_empty()), "{key} in {problem}");
        }
    }
}
