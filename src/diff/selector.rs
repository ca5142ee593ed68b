//! Places in an answer, as rules name them.

use std::fmt;

/// A place in an answer, or many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// Within the body: `$`, `.name`, `['any name']`, `[3]`, `[*]`, `.*` (any member), `..name` (at any depth).
    Body(Vec<Step>),
    /// `header:Name`; lower-case.
    Header(String),
    /// `cookie:name`: a cookie that an answer sets; `cookie:name;attribute`: one of its attributes, in lower case.
    Cookie(String),
    /// `query:name`: a parameter of the request's query.
    Query(String),
}

/// One step of a path into a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The member of this name.
    Member(String),
    /// Any member of an object.
    AnyMember,
    /// The element at this place, from 0.
    Element(usize),
    /// Any element of an array.
    AnyElement,
    /// The member of this name, at this depth or any below.
    Descendant(String),
}

/// Why a text is no selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectorError {
    /// How many bytes of the text were understood.
    pub at: usize,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at character {})", self.what, self.at + 1)
    }
}

impl std::error::Error for SelectorError {}

impl Selector {
    /// Reads `$.items[*].etag`, `header:Date`, `cookie:sid` or `query:token`.
    ///
    /// # Errors
    /// Where it stops being one, and why.
    pub fn parse(text: &str) -> Result<Selector, SelectorError> {
        let fail = |at: usize, what: &str| Err(SelectorError { at, what: what.to_owned() });
        if let Some((kind, name)) = text.split_once(':').filter(|(kind, _)| !kind.starts_with('$')) {
            let at = kind.len() + 1;
            let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            // A cookie has attributes, a header has none.
            let (own, attribute) = match name.split_once(';') {
                Some((own, attribute)) if kind == "cookie" => (own, Some(attribute.to_ascii_lowercase())),
                _ => (name, None),
            };
            let is_token = |text: &str| !text.is_empty() && text.bytes().all(token);
            if name.is_empty() || kind != "query" && !(is_token(own) && attribute.as_deref().is_none_or(is_token)) {
                return fail(at, "a name is expected here");
            }
            return match kind {
                "header" => Ok(Selector::Header(name.to_ascii_lowercase())),
                "cookie" => Ok(Selector::Cookie(attribute.map_or_else(|| own.to_owned(), |of| format!("{own};{of}")))),
                "query" => Ok(Selector::Query(name.to_owned())),
                _ => fail(0, "`$…`, `header:…`, `cookie:…` or `query:…` is expected"),
            };
        }
        let Some(mut rest) = text.strip_prefix('$') else {
            return fail(0, "`$…`, `header:…`, `cookie:…` or `query:…` is expected");
        };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let at = text.len() - rest.len();
            let (step, after) = step(rest).map_err(|what| SelectorError { at, what: what.to_owned() })?;
            steps.push(step);
            rest = after;
        }
        Ok(Selector::Body(steps))
    }

    /// Whether it names a place in the body.
    #[must_use]
    pub fn is_body(&self) -> bool {
        matches!(self, Selector::Body(_))
    }
}

fn step(text: &str) -> Result<(Step, &str), &'static str> {
    if let Some(rest) = text.strip_prefix("..") {
        let (name, rest) = quoted(rest)?.map_or_else(|| name(rest), Ok)?;
        return Ok((Step::Descendant(name), rest));
    }
    if let Some(rest) = text.strip_prefix(".*") {
        return Ok((Step::AnyMember, rest));
    }
    if let Some(rest) = text.strip_prefix('.') {
        let (name, rest) = name(rest)?;
        return Ok((Step::Member(name), rest));
    }
    if let Some(rest) = text.strip_prefix("[*]") {
        return Ok((Step::AnyElement, rest));
    }
    if let Some((name, rest)) = quoted(text)? {
        return Ok((Step::Member(name), rest));
    }
    if let Some((number, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        // `parse` alone would take a sign.
        let digits = number.bytes().all(|byte| byte.is_ascii_digit()).then_some(number);
        let number = digits.and_then(|digits| digits.parse().ok()).ok_or("`[3]`, `[*]` or `['name']` is expected")?;
        return Ok((Step::Element(number), rest));
    }
    Err("`.name`, `[…]` or the end is expected")
}

/// A name as it stands.
fn name(text: &str) -> Result<(String, &str), &'static str> {
    let ends = |what: char| what.is_control() || what.is_whitespace() || ".[]*'\"\\".contains(what);
    let (name, rest) = text.split_at(text.find(ends).unwrap_or(text.len()));
    if name.is_empty() { Err("a name is expected here") } else { Ok((name.to_owned(), rest)) }
}

/// `['any name']` or `["any name"]`, in which a backslash stands before a quote or another backslash; `None`, if it is
/// neither.
fn quoted(text: &str) -> Result<Option<(String, &str)>, &'static str> {
    let Some((quote @ ('\'' | '"'), content)) =
        text.strip_prefix('[').and_then(|rest| rest.chars().next().map(|quote| (quote, &rest[quote.len_utf8()..])))
    else {
        return Ok(None);
    };
    let mut name = String::new();
    let mut characters = content.char_indices();
    while let Some((at, what)) = characters.next() {
        match what {
            '\\' => match characters.next() {
                Some((_, escaped @ ('\\' | '\'' | '"'))) => name.push(escaped),
                _ => return Err("a backslash stands before a quote or another backslash"),
            },
            _ if what == quote => {
                let rest = content[at + 1..].strip_prefix(']').ok_or("`]` is expected after the quoted name")?;
                return Ok(Some((name, rest)));
            }
            _ => name.push(what),
        }
    }
    Err("the quoted name does not end")
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Selector::Header(name) => write!(f, "header:{name}"),
            Selector::Cookie(name) => write!(f, "cookie:{name}"),
            Selector::Query(name) => write!(f, "query:{name}"),
            Selector::Body(steps) => {
                f.write_str("$")?;
                steps.iter().try_for_each(|step| step.fmt(f))
            }
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |member: &str| name(member).is_ok_and(|(_, rest)| rest.is_empty());
        let escaped = |member: &str| member.replace('\\', "\\\\").replace('\'', "\\'");
        match self {
            Step::Member(member) if plain(member) => write!(f, ".{member}"),
            Step::Member(member) => write!(f, "['{}']", escaped(member)),
            Step::Descendant(member) if plain(member) => write!(f, "..{member}"),
            Step::Descendant(member) => write!(f, "..['{}']", escaped(member)),
            Step::AnyMember => f.write_str(".*"),
            Step::Element(place) => write!(f, "[{place}]"),
            Step::AnyElement => f.write_str("[*]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_is_read() {
        let member = |name: &str| Step::Member(name.to_owned());
        for (text, steps) in [
            ("$", vec![]),
            ("$.a.b-c", vec![member("a"), member("b-c")]),
            ("$.items[*].@id", vec![member("items"), Step::AnyElement, member("@id")]),
            ("$[3].*", vec![Step::Element(3), Step::AnyMember]),
            ("$..etag", vec![Step::Descendant("etag".to_owned())]),
            ("$..['a b'].c", vec![Step::Descendant("a b".to_owned()), member("c")]),
            (r#"$['a.b']["it's"]"#, vec![member("a.b"), member("it's")]),
            (r"$['it\'s']['\\']", vec![member("it's"), member("\\")]),
            ("$['']", vec![member("")]),
            ("$.größe:n", vec![member("größe:n")]),
        ] {
            assert_eq!(Selector::parse(text), Ok(Selector::Body(steps)), "{text}");
        }
        assert_eq!(Selector::parse("header:ETag"), Ok(Selector::Header("etag".to_owned())));
        assert_eq!(Selector::parse("cookie:SID"), Ok(Selector::Cookie("SID".to_owned())));
        assert_eq!(Selector::parse("query:a b"), Ok(Selector::Query("a b".to_owned())));
    }

    #[test]
    fn what_is_no_selector_says_where() {
        for (text, at) in [
            ("", 0),
            ("a", 0),
            ("body:a", 0),
            ("header:", 7),
            ("header:a b", 7),
            ("$a", 1),
            ("$.", 1),
            ("$.a.", 3),
            ("$.a[", 3),
            ("$.a[x]", 3),
            ("$.a[+1]", 3),
            ("$[-1]", 1),
            ("$['a", 1),
            ("$['a'", 1),
            (r"$['a\n']", 1),
            ("$.*x", 3),
            ("$.a b", 3),
            ("$[]", 1),
            ("$[99999999999999999999]", 1),
            ("$..", 1),
            ("$...a", 1),
        ] {
            assert_eq!(Selector::parse(text).map_err(|error| error.at), Err(at), "{text}");
        }
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            any::<String>().prop_map(Step::Member),
            "[a-zA-Z_@#-]{1,8}".prop_map(Step::Member),
            any::<String>().prop_map(Step::Descendant),
            any::<usize>().prop_map(Step::Element),
            Just(Step::AnyElement),
            Just(Step::AnyMember),
        ]
    }

    proptest! {
        #[test]
        fn what_is_displayed_is_read_again(steps in proptest::collection::vec(any_step(), 0..6)) {
            let selector = Selector::Body(steps);
            prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[$.\\[\\]*'\"\\\\:a-z0-9 é]{0,12}") {
            if let Ok(selector) = Selector::parse(&text) {
                prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector));
            }
        }
    }
}
