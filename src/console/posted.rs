//! What a form brought.

use std::sync::Arc;

/// The most bytes of a form: a pasted configuration, each byte of it written as three.
pub(super) const MOST: usize = 8 * 1024 * 1024;

/// The fields of a form, in their order. A handler takes it as an `Extension`.
#[derive(Debug, Clone, Default)]
pub(super) struct Posted(pub(super) Arc<Vec<(String, String)>>);

impl Posted {
    /// The first field of this name, without the space around it; empty if there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The same as it was sent.
    pub(super) fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// The same, if there is anything in it.
    pub(super) fn some(&self, name: &str) -> Option<String> {
        Some(self.get(name)).filter(|value| !value.is_empty()).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_field_counts_and_an_empty_one_is_none() {
        let fields = [("a", " 1 "), ("a", "2"), ("b", "  ")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let posted = Posted(Arc::new(fields.to_vec()));
        assert_eq!((posted.get("a"), posted.raw("a"), posted.get("c")), ("1", " 1 ", ""));
        assert_eq!((posted.some("a"), posted.some("b")), (Some("1".to_owned()), None));
    }
}
