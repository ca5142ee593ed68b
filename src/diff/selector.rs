//! Places in an answer, as rules name them.

use std::fmt;

/// A place in an answer, or many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// Within the body: `$`, `.name`, `['any name']`, `[3]`, `[*]`, `.*` (any member), `..name` (at any depth).
    Body(Vec<Step>),
    /// `header:Name`; lower-case.
    Header(String),
    /// `cookie:name`: a cookie that an answer sets.
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
            if name.is_empty() || (kind != "query" && !name.bytes().all(token)) {
                return fail(at, "a name is expected here");
            }
            return match kind {
                "header" => Ok(Selector::Header(name.to_ascii_lowercase())),
                "cookie" => Ok(Selector::Cookie(name.to_owned())),
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
        let (name, rest) = name(rest)?;
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
    for quote in ["['", "[\""] {
        if let Some(rest) = text.strip_prefix(quote) {
            let end = [&quote[1..], "]"].concat();
            let (name, rest) = rest.split_once(end.as_str()).ok_or("the quoted name does not end")?;
            return Ok((Step::Member(name.to_owned()), rest));
        }
    }
    if let Some((number, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let number = number.parse().map_err(|_| "`[3]`, `[*]` or `['name']` is expected")?;
        return Ok((Step::Element(number), rest));
    }
    Err("`.name`, `[…]` or the end is expected")
}

fn name(text: &str) -> Result<(String, &str), &'static str> {
    let end = text.find(['.', '[', ']', '*', '\'', '"', ' ']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() { Err("a name is expected here") } else { Ok((name.to_owned(), rest)) }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Selector::Header(name) => write!(f, "header:{name}"),
            Selector::Cookie(name) => write!(f, "cookie:{name}"),
            Selector::Query(name) => write!(f, "query:{name}"),
            Selector::Body(steps) => {
                f.write_str("$")?;
                steps.iter().try_for_each(|step| match step {
                    Step::Member(member) if name(member).is_ok_and(|(_, rest)| rest.is_empty()) => {
                        write!(f, ".{member}")
                    }
                    Step::Member(member) if member.contains('\'') => write!(f, "[\"{member}\"]"),
                    Step::Member(member) => write!(f, "['{member}']"),
                    Step::AnyMember => f.write_str(".*"),
                    Step::Element(place) => write!(f, "[{place}]"),
                    Step::AnyElement => f.write_str("[*]"),
                    Step::Descendant(member) => write!(f, "..{member}"),
                })
            }
        }
    }
}
