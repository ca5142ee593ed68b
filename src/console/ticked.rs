//! Text with code in it, as it stands in messages: between backticks.

use std::fmt;

use askama::filters::HtmlSafe;

use super::chart::Text;

/// A text, escaped, with what stands between two backticks as code.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticked<T>(pub(super) T);

impl<T: AsRef<str>> HtmlSafe for Ticked<T> {}

impl<T: AsRef<str>> fmt::Display for Ticked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_ref();
        while let Some((before, code, after)) = cut(rest) {
            write!(f, "{}<code>{}</code>", Text(before), Text(code))?;
            rest = after;
        }
        Text(rest).fmt(f)
    }
}

/// What stands before two backticks, between, and behind.
fn cut(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('`')?;
    let (code, after) = rest.split_once('`')?;
    Some((before, code, after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn code_is_code_and_the_rest_is_text() {
        let text = "did you mean `a<b`? say `x` not ` alone";
        assert_eq!(Ticked(text).to_string(), "did you mean <code>a&lt;b</code>? say <code>x</code> not ` alone");
    }

    proptest! {
        #[test]
        fn nothing_but_code_is_markup(text in any::<String>()) {
            let made = Ticked(&text).to_string().replace("<code>", "").replace("</code>", "");
            prop_assert!(!made.contains(['<', '>', '"', '\'']));
        }
    }
}
