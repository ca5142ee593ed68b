//! `${NAME}` and `${NAME:-default}` in scalar values. It happens after YAML was read, so that what the environment
//! holds can never become YAML structure.

use std::borrow::Cow;

/// Why a value could not be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::config) enum Unfilled {
    /// The variable is not set, and there is no default.
    Unset(String),
    /// What stands after `${` is no name, or there is no `}`.
    Malformed,
}

/// Looks up a variable.
pub(in crate::config) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Fills in the variables; borrowed where there was nothing to do. `$${` stands for `${` itself.
pub(in crate::config) fn substitute<'t>(text: &'t str, lookup: Lookup<'_>) -> Result<Cow<'t, str>, Unfilled> {
    if !text.contains("${") {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        let (inside, after) = after.split_once('}').ok_or(Unfilled::Malformed)?;
        out.push_str(&value(inside, lookup)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(Cow::Owned(out))
}

/// A text that [`substitute`] turns into this one.
pub(in crate::config) fn escape(text: &str) -> Cow<'_, str> {
    if text.contains("${") { Cow::Owned(text.replace("${", "$${")) } else { Cow::Borrowed(text) }
}

fn value(inside: &str, lookup: Lookup<'_>) -> Result<String, Unfilled> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let start = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if !start || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(Unfilled::Malformed);
    }
    match (lookup(name), default) {
        // As in a shell, the default also stands in for an empty value.
        (Some(value), Some(default)) if value.is_empty() => Ok(default.to_owned()),
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(Unfilled::Unset(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fill(text: &str) -> Result<String, Unfilled> {
        let lookup = |name: &str| match name {
            "A" => Some("${B}: x".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        substitute(text, &lookup).map(Cow::into_owned)
    }

    #[test]
    fn variables_are_filled_once_and_defaults_stand_in() {
        assert_eq!(fill("a ${A} b").unwrap(), "a ${B}: x b");
        assert_eq!(fill("${NO:-x}${EMPTY:-y}${EMPTY}${NO:-}").unwrap(), "xy");
        assert_eq!(fill("$A {A} $").unwrap(), "$A {A} $");
        assert_eq!(fill("$${A} $$${A}").unwrap(), "${A} $${A}");
        assert_eq!(fill("${NO}"), Err(Unfilled::Unset("NO".to_owned())));
        assert_eq!(fill("${A"), Err(Unfilled::Malformed));
        assert_eq!(fill("${2}"), Err(Unfilled::Malformed));
    }

    proptest! {
        #[test]
        fn an_escaped_text_comes_back(text in "[$\\{\\}a:-]{0,20}") {
            prop_assert_eq!(fill(&escape(&text)).unwrap(), text);
        }
    }
}
