//! The head of a request.

use http::{Method, Uri, Version};

use crate::fields::Fields;

/// The head of a request.
#[derive(Debug)]
pub struct Parts {
    /// The method.
    pub method: Method,
    /// The target.
    pub uri: Uri,
    /// The version that the client speaks.
    pub version: Version,
    /// The fields.
    pub fields: Fields,
}

impl From<http::request::Parts> for Parts {
    fn from(parts: http::request::Parts) -> Parts {
        let fields = Fields::from(&parts.headers);
        Parts { method: parts.method, uri: parts.uri, version: parts.version, fields }
    }
}
