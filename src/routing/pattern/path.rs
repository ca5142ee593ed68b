//! The path template of a route.

use std::fmt;
use std::sync::Arc;

use super::program::{self, Captures, MAX_CAPTURES};

/// The longest template; it bounds the depth of the index.
const MAX_TEMPLATE: usize = 2048;

/// A path template such as `/orders/{id}` or `/orders/{*rest}`, compared byte by byte with the path as it is forwarded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PathPattern {
    text: Arc<str>,
    pub(in crate::routing) segments: Vec<Segment>,
    pub(in crate::routing) names: Vec<Arc<str>>,
    /// What runs against a request; made from `segments`.
    pub(in crate::routing) program: Box<[u8]>,
}

/// One segment of a path template.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::routing) enum Segment {
    /// Exactly these bytes. An empty one stands for a trailing slash.
    Literal(Arc<str>),
    /// One segment that is not empty.
    Capture,
    /// All that is left, also nothing. Only in last place.
    Rest,
}

/// Why a text is not a [`PathPattern`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathError {
    /// It does not start with a slash.
    NoSlash,
    /// Longer than a template may be.
    TooLong,
    /// Two slashes in a row.
    DoubleSlash,
    /// A segment `.` or `..`, in any encoding.
    DotSegment,
    /// A byte that cannot stand in a path as it is forwarded.
    Character(char),
    /// A `%` without two hexadecimal digits.
    Percent,
    /// Braces that do not take a whole segment.
    PartOfSegment(String),
    /// A capture's name that is no identifier.
    Name(String),
    /// Two captures of one name.
    Twice(String),
    /// `{*name}` elsewhere than at the end.
    RestNotLast(String),
    /// More captures than [`MAX_CAPTURES`].
    TooMany,
}

impl PathPattern {
    /// Reads a template: literal segments, `{name}` for one segment, `{*name}` at the end for all that is left.
    ///
    /// # Errors
    /// When the text is no such template; the error tells what to write instead.
    pub fn parse(text: &str) -> Result<PathPattern, PathError> {
        let path = text.strip_prefix('/').ok_or(PathError::NoSlash)?;
        if text.len() > MAX_TEMPLATE {
            return Err(PathError::TooLong);
        }
        let mut segments = Vec::new();
        let mut names: Vec<Arc<str>> = Vec::new();
        let last = path.split('/').count() - 1;
        for (place, part) in path.split('/').enumerate() {
            if part.is_empty() && place != last {
                return Err(PathError::DoubleSlash);
            }
            let (segment, name) = parse_segment(part)?;
            if segment == Segment::Rest && place != last {
                return Err(PathError::RestNotLast(part.to_owned()));
            }
            if let Some(name) = name {
                if names.iter().any(|known| **known == *name) {
                    return Err(PathError::Twice(name.to_owned()));
                }
                names.push(name.into());
            }
            segments.push(segment);
        }
        if names.len() > MAX_CAPTURES {
            return Err(PathError::TooMany);
        }
        let program = program::compile(&segments);
        Ok(PathPattern { text: text.into(), segments, names, program })
    }

    /// What the captures take of this path, if the template takes it. The whole path must match, byte by byte.
    #[must_use]
    pub fn matches(&self, path: &str) -> Option<Captures> {
        program::run(&self.program, path)
    }

    /// The names of the captures, by their position.
    #[must_use]
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// The position of the capture with this name.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| **known == *name)
    }

    /// The template as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// A segment, and its name if it captures.
fn parse_segment(part: &str) -> Result<(Segment, Option<&str>), PathError> {
    if let Some(inner) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        let (segment, name) = match inner.strip_prefix('*') {
            Some(name) => (Segment::Rest, name),
            None => (Segment::Capture, inner),
        };
        if name.contains(['{', '}']) {
            return Err(PathError::PartOfSegment(part.to_owned()));
        }
        if !is_identifier(name) {
            return Err(PathError::Name(name.to_owned()));
        }
        return Ok((segment, Some(name)));
    }
    if part.contains(['{', '}']) {
        return Err(PathError::PartOfSegment(part.to_owned()));
    }
    check_literal(part)?;
    Ok((Segment::Literal(part.into()), None))
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn check_literal(part: &str) -> Result<(), PathError> {
    for character in part.chars() {
        if !character.is_ascii_graphic() || matches!(character, '?' | '#' | '\\') {
            return Err(PathError::Character(character));
        }
    }
    for (place, _) in part.match_indices('%') {
        let digits = part.as_bytes().get(place + 1..place + 3);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            return Err(PathError::Percent);
        }
    }
    // `..;x` is a dot segment to Java servers, which cut path parameters off first.
    let bare = part.split(';').next().unwrap_or(part).to_ascii_lowercase().replace("%2e", ".");
    if bare == "." || bare == ".." {
        return Err(PathError::DotSegment);
    }
    Ok(())
}

/// The template as it was written.
impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathError::NoSlash => f.write_str("a path starts with `/`"),
            PathError::TooLong => write!(f, "a path template has at most {MAX_TEMPLATE} bytes"),
            PathError::DoubleSlash => f.write_str("a path template has no empty segment: write one `/`, not two"),
            PathError::DotSegment => {
                f.write_str("requests with `.` or `..` segments are refused, so this never matches: leave them out")
            }
            PathError::Character('?') => f.write_str("the query is not part of the path: put it under `query:`"),
            PathError::Character('#') => {
                f.write_str("a fragment never reaches a server: leave out `#` and what follows")
            }
            PathError::Character(character) if character.is_ascii() => {
                write!(f, "{character:?} cannot stand in a path: write it as %{:02X}", u32::from(*character))
            }
            PathError::Character(character) => {
                write!(f, "{character:?} reaches a server percent-encoded: write ")?;
                character.to_string().bytes().try_for_each(|byte| write!(f, "%{byte:02X}"))
            }
            PathError::Percent => f.write_str("`%` needs two hexadecimal digits; the character itself is `%25`"),
            PathError::PartOfSegment(part) => {
                write!(f, "`{part}`: a capture takes a whole segment: `/{{name}}/`, or `{{*rest}}` at the end")
            }
            PathError::Name(name) => {
                write!(f, "`{name}` cannot name a capture: use letters, digits and `_`, starting with no digit")
            }
            PathError::Twice(name) => write!(f, "two captures are named `{name}`: give each its own name"),
            PathError::RestNotLast(part) => {
                write!(f, "`{part}` takes all that is left, so it must come last; one segment is `{{name}}`")
            }
            PathError::TooMany => {
                write!(f, "a path template has at most {MAX_CAPTURES} captures: take the tail with `{{*rest}}`")
            }
        }
    }
}

impl std::error::Error for PathError {}
