//! JSON as RFC 8259 has it, and nothing else: no NaN, no lone surrogates, no control characters in strings, nothing after
//! the value. Only a byte order mark before it is passed over, as section 8.1 allows.
//!
//! Numbers keep their spelling, so nothing is lost to a floating-point type on the way.

mod scan;
mod text;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::tree::{Builder, Scalar, Tree};
use super::{Budget, Unknown};

/// Why a body is not read as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRead {
    /// It is not JSON.
    Malformed {
        /// How many bytes of it could be the beginning of JSON.
        at: usize,
    },
    /// It may be, but to find out is over the budget.
    Unknown(Unknown),
}

impl From<Unknown> for NotRead {
    fn from(unknown: Unknown) -> NotRead {
        NotRead::Unknown(unknown)
    }
}

impl fmt::Display for NotRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotRead::Malformed { at } => write!(f, "no JSON from byte {at} on"),
            NotRead::Unknown(unknown) => f.write_str(unknown.as_str()),
        }
    }
}

impl std::error::Error for NotRead {}

/// Reads a body that is one JSON value.
///
/// # Errors
/// It is not JSON, or is over the budget.
pub fn read<'a>(body: &'a [u8], budget: &mut Budget<'_>) -> Result<Tree<'a>, NotRead> {
    let text = std::str::from_utf8(body).map_err(|error| NotRead::Malformed { at: error.valid_up_to() })?;
    let (text, from) = match text.strip_prefix('\u{feff}') {
        Some(rest) => (rest, body.len() - rest.len()),
        None => (text, 0),
    };
    let mut builder = Builder::new(body, budget);
    append(text, from, &mut builder)?;
    Ok(builder.finish())
}

/// Reads a text that is one JSON value and stands `from` bytes into the builder's source, and puts it in as the next
/// value.
///
/// # Errors
/// It is not JSON (`at` counts from the beginning of the source), or is over the budget; part of it may be in the builder.
pub fn append<'a>(text: &'a str, from: usize, builder: &mut Builder<'a, '_, '_>) -> Result<(), NotRead> {
    Reader { text, bytes: text.as_bytes(), at: 0, from, open: Vec::with_capacity(16), builder }.document()
}

/// Whether a text is a number as JSON spells it.
pub(super) fn is_number(text: &str) -> bool {
    scan::number(text.as_bytes(), 0) == Ok(text.len())
}

struct Reader<'a, 'r, 'b, 't> {
    text: &'a str,
    bytes: &'a [u8],
    /// How much of the text is read.
    at: usize,
    /// Where in the builder's source the text begins.
    from: usize,
    /// What ends each open container, the innermost last.
    open: Vec<u8>,
    builder: &'r mut Builder<'a, 'b, 't>,
}

impl<'a> Reader<'a, '_, '_, '_> {
    fn document(mut self) -> Result<(), NotRead> {
        loop {
            self.space();
            if self.value()? && self.after()? {
                return Ok(());
            }
        }
    }

    /// Reads a scalar, an empty container, or the beginning of a container up to its first value. Whether a value is
    /// complete.
    fn value(&mut self) -> Result<bool, NotRead> {
        let at = self.at;
        match self.byte() {
            Some(b'"') => {
                let text = self.string()?;
                let span = self.since(at);
                self.builder.scalar(Scalar::Text(text), Some(span))?;
            }
            Some(b'{') => {
                self.builder.begin_object(Some(self.from + at))?;
                self.at += 1;
                self.space();
                self.open.push(b'}');
                if self.byte() == Some(b'}') {
                    return self.close().map(|()| true);
                }
                return self.name().map(|()| false);
            }
            Some(b'[') => {
                self.builder.begin_array(Some(self.from + at))?;
                self.at += 1;
                self.space();
                self.open.push(b']');
                if self.byte() == Some(b']') {
                    return self.close().map(|()| true);
                }
                return Ok(false);
            }
            Some(b'-' | b'0'..=b'9') => {
                self.at = scan::number(self.bytes, at).map_err(|at| self.malformed(at))?;
                let number = self.text.get(at..self.at).ok_or(self.malformed(at))?;
                let span = self.since(at);
                self.builder.scalar(Scalar::Number(number), Some(span))?;
            }
            Some(b't') => self.word("true", Scalar::Bool(true))?,
            Some(b'f') => self.word("false", Scalar::Bool(false))?,
            Some(b'n') => self.word("null", Scalar::Null)?,
            _ => return Err(self.malformed(at)),
        }
        Ok(true)
    }

    /// Reads on from the end of a value to the beginning of the next. Whether the document is complete.
    fn after(&mut self) -> Result<bool, NotRead> {
        loop {
            self.space();
            match (self.open.last(), self.byte()) {
                (None, None) => return Ok(true),
                (Some(b']'), Some(b',')) => {
                    self.at += 1;
                    return Ok(false);
                }
                (Some(b'}'), Some(b',')) => {
                    self.at += 1;
                    self.space();
                    return self.name().map(|()| false);
                }
                (Some(end), Some(byte)) if *end == byte => self.close()?,
                _ => return Err(self.malformed(self.at)),
            }
        }
    }

    fn close(&mut self) -> Result<(), NotRead> {
        self.at += 1;
        self.open.pop();
        Ok(self.builder.end(Some(self.from + self.at))?)
    }

    /// Reads a member's name and the colon after it.
    fn name(&mut self) -> Result<(), NotRead> {
        let at = self.at;
        if self.byte() != Some(b'"') {
            return Err(self.malformed(at));
        }
        let name = self.string()?;
        let span = self.since(at);
        self.builder.key(name, Some(span))?;
        self.space();
        if self.byte() != Some(b':') {
            return Err(self.malformed(self.at));
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &str, scalar: Scalar<'a>) -> Result<(), NotRead> {
        let at = self.at;
        if !self.bytes[at..].starts_with(word.as_bytes()) {
            return Err(self.malformed(at));
        }
        self.at += word.len();
        let span = self.since(at);
        Ok(self.builder.scalar(scalar, Some(span))?)
    }

    /// Reads a string, from its first quote to past its last.
    fn string(&mut self) -> Result<Cow<'a, str>, NotRead> {
        let from = self.at + 1;
        let end = scan::plain(self.bytes, from);
        if self.bytes.get(end) == Some(&b'"') {
            self.at = end + 1;
            return self.text.get(from..end).map(Cow::Borrowed).ok_or(self.malformed(from));
        }
        let (text, end) = text::unescape(self.text, from, end).map_err(|at| self.malformed(at))?;
        // Resolving escapes goes byte by byte.
        self.builder.spend(text.len() as u64 / 64)?;
        self.at = end + 1;
        Ok(Cow::Owned(text))
    }

    fn space(&mut self) {
        self.at = scan::space(self.bytes, self.at);
    }

    fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn since(&self, at: usize) -> Range<usize> {
        self.from + at..self.from + self.at
    }

    fn malformed(&self, at: usize) -> NotRead {
        NotRead::Malformed { at: self.from + at }
    }
}

#[cfg(test)]
mod tests;
