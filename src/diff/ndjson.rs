//! Bodies of many JSON values as one array: a value on each line, or after each record separator (RFC 7464).

use super::Budget;
use super::json::{self, NotRead};
use super::tree::{Builder, Tree};

/// What stands before each value of a JSON text sequence.
const RECORD_SEPARATOR: char = '\u{1e}';

/// Reads a body that has a JSON value on every line that is not blank.
///
/// # Errors
/// A line is not JSON, or it is over the budget.
pub fn read<'a>(body: &'a [u8], budget: &mut Budget<'_>) -> Result<Tree<'a>, NotRead> {
    let text = std::str::from_utf8(body).map_err(|error| NotRead::Malformed { at: error.valid_up_to() })?;
    // In a sequence, values may go over several lines.
    let separator = if text.starts_with(RECORD_SEPARATOR) { RECORD_SEPARATOR } else { '\n' };
    let mut builder = Builder::new(body, budget);
    builder.begin_array(Some(0))?;
    let mut from = 0;
    for record in text.split(separator) {
        builder.spend(1)?;
        if !record.trim_ascii().is_empty() {
            json::append(record, from, &mut builder)?;
        }
        from += record.len() + separator.len_utf8();
    }
    builder.end(Some(body.len()))?;
    Ok(builder.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::Limits;

    fn shape(body: &str) -> Result<String, NotRead> {
        let mut in_time = || false;
        read(body.as_bytes(), &mut Budget::new(Limits::default(), &mut in_time))
            .map(|tree| crate::diff::plain::plain(&tree))
    }

    #[test]
    fn each_line_is_an_element() {
        assert_eq!(shape("{\"a\":\"x\"}\r\n\n\"y\"\n").unwrap(), r#"[{"a":"x"},"y"]"#);
        assert_eq!(shape("").unwrap(), "[]");
    }

    #[test]
    fn record_separators_separate_too() {
        assert_eq!(shape("\u{1e}{\"a\":\n\"x\"}\n\u{1e}\"y\"\n").unwrap(), r#"[{"a":"x"},"y"]"#);
    }

    #[test]
    fn one_bad_line_spoils_it() {
        assert_eq!(shape("{}\n{\n"), Err(NotRead::Malformed { at: 4 }));
        assert!(shape("{} {}").is_err());
    }
}
