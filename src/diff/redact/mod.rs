//! Takes secrets out of what is stored, logged or shown.
//!
//! Nothing of a request or an answer leaves the comparison but through here. What is secret by its name ([`names`]), by
//! its looks ([`mod@mask`]) or by a `redact` selector is replaced with [`REDACTED`]; what cannot be taken apart
//! although a selector may name something in it is not kept at all.

pub mod mask;
pub mod names;
pub mod url;

mod body;
mod headers;
mod markup;

pub use body::body;
pub(super) use body::secrets_of_page;
pub(super) use headers::header_value;
pub use headers::headers;
pub use mask::{mask, mask_text};
pub use names::{is_secret_header, is_secret_name};

use super::Rules;

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Path and query of a request, as they may be kept: values of secret parameters are replaced, by name and by the
/// `query:` selectors of the rules; the rest is spelled as it was sent.
#[must_use]
pub fn target(target: &str, rules: &Rules) -> String {
    url::target(target, &rules.redact)
}
