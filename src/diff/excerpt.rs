//! What a difference shows of a value.

use super::difference::SHOWN;

/// The text cut to [`SHOWN`] bytes at the most, with `…` where something was cut off.
#[must_use]
pub(super) fn shown(text: &str) -> String {
    if text.len() <= SHOWN {
        return text.to_owned();
    }
    let mut end = SHOWN - '…'.len_utf8();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn excerpt_keeps_to_its_length(text in ".{0,300}") {
            let excerpt = shown(&text);
            prop_assert!(excerpt.len() <= SHOWN);
            prop_assert!(excerpt == text || excerpt.ends_with('…') && text.starts_with(excerpt.trim_end_matches('…')));
        }
    }
}
