//! A text in the field that it was typed into.

use std::fmt::{self, Write};

use askama::filters::HtmlSafe;

/// A text for the inside of a `textarea`: escaped, with its tabs as they are, which anywhere else on a page are written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Typed(pub(super) String);

impl HtmlSafe for Typed {}

impl fmt::Display for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\t' => f.write_str("&#9;")?,
                '\r' => {}
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_stays_what_it_was_and_ends_nothing() {
        assert_eq!(Typed("a\t</textarea>&\r\n".to_owned()).to_string(), "a&#9;&lt;/textarea&gt;&amp;\n");
    }

    proptest! {
        #[test]
        fn no_text_ends_the_field(text in any::<String>()) {
            prop_assert!(!Typed(text).to_string().contains(['<', '>', '"', '\'']));
        }
    }
}
