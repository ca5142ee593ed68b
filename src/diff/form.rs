//! Forms (the URL Standard's `application/x-www-form-urlencoded`) as a tree: an object of texts, a repeated name an
//! array.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use super::Budget;
use super::json::NotRead;
use super::redact::url::decoded_bytes;
use super::tree::{Builder, Scalar, Tree};

/// Bytes that are one step of work.
const BYTES_PER_STEP: usize = 64;

/// A name with where its values stand, their equals signs included: so even an empty one has its place.
type Field = (String, Vec<Range<usize>>);

/// Reads a body that is a form. The places of its values include the equals sign before them.
///
/// # Errors
/// What it encodes is no UTF-8, or it is over the budget.
pub fn read<'a>(body: &'a [u8], budget: &mut Budget<'_>) -> Result<Tree<'a>, NotRead> {
    budget.spend((body.len() / BYTES_PER_STEP) as u64)?;
    let fields = fields(body, budget)?;
    let mut builder = Builder::new(body, budget);
    builder.begin_object(None)?;
    for (name, values) in fields {
        builder.key(Cow::Owned(name), None)?;
        if values.len() > 1 {
            builder.begin_array(None)?;
        }
        let repeated = values.len() > 1;
        for span in values {
            let value = (span.start + 1).min(span.end)..span.end;
            builder.scalar(Scalar::Text(Cow::Owned(decoded(body, &value)?)), Some(span))?;
        }
        if repeated {
            builder.end(None)?;
        }
    }
    builder.end(None)?;
    Ok(builder.finish())
}

/// The names in the order of their first value.
fn fields(body: &[u8], budget: &mut Budget<'_>) -> Result<Vec<Field>, NotRead> {
    let mut fields: Vec<Field> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut from = 0;
    for pair in body.split(|byte| *byte == b'&') {
        let (start, end) = (from, from + pair.len());
        from = end + 1;
        if pair.is_empty() {
            continue;
        }
        budget.spend(1)?;
        let sign = pair.iter().position(|byte| *byte == b'=').map_or(end, |at| start + at);
        let name = decoded(body, &(start..sign))?;
        let place = *places.entry(name.clone()).or_insert(fields.len());
        if place == fields.len() {
            fields.push((name, Vec::new()));
        }
        fields[place].1.push(sign..end);
    }
    Ok(fields)
}

fn decoded(body: &[u8], span: &Range<usize>) -> Result<String, NotRead> {
    String::from_utf8(decoded_bytes(&body[span.clone()])).map_err(|_| NotRead::Malformed { at: span.start })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::Limits;
    use proptest::prelude::*;

    fn shape(body: &[u8]) -> Result<String, NotRead> {
        let mut in_time = || false;
        read(body, &mut Budget::new(Limits::default(), &mut in_time)).map(|tree| crate::diff::plain::plain(&tree))
    }

    #[test]
    fn repeated_name_is_an_array() {
        assert_eq!(shape(b"a=1&b=x+y%21&a=2&&c").unwrap(), r#"{"a":["1","2"],"b":"x y!","c":""}"#);
        assert_eq!(shape(b"").unwrap(), "{}");
    }

    #[test]
    fn what_is_no_text_is_no_form() {
        assert!(shape(b"a=%ff").is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = shape(&body);
        }
    }
}
