//! Strings with escapes in them.

use super::scan;

/// Resolves the escapes of a string whose content begins at `from` and is plain up to `plain_to`: the text, and where its
/// closing quote is.
///
/// # Errors
/// Where it stops being a string.
pub(super) fn unescape(text: &str, from: usize, plain_to: usize) -> Result<(String, usize), usize> {
    let bytes = text.as_bytes();
    let mut resolved = String::new();
    let (mut from, mut to) = (from, plain_to);
    loop {
        resolved.push_str(text.get(from..to).ok_or(from)?);
        match bytes.get(to) {
            Some(b'"') => return Ok((resolved, to)),
            Some(b'\\') => {
                let (what, after) = escape(bytes, to)?;
                resolved.push(what);
                from = after;
            }
            _ => return Err(to),
        }
        to = scan::plain(bytes, from);
    }
}

/// The character that the escape at `at` stands for, and where it ends.
fn escape(bytes: &[u8], at: usize) -> Result<(char, usize), usize> {
    let what = match bytes.get(at + 1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(bytes, at),
        _ => return Err(at),
    };
    Ok((what, at + 2))
}

/// `\u0041`, or two of them where the first is half of a pair (RFC 8259 section 7).
fn unicode(bytes: &[u8], at: usize) -> Result<(char, usize), usize> {
    let first = hex4(bytes, at + 2).ok_or(at)?;
    if !(0xD800..0xE000).contains(&first) {
        return char::from_u32(first).map(|what| (what, at + 6)).ok_or(at);
    }
    let second = match bytes.get(at + 6..at + 8) {
        Some(b"\\u") => hex4(bytes, at + 8).ok_or(at)?,
        _ => return Err(at),
    };
    if !(0xD800..0xDC00).contains(&first) || !(0xDC00..0xE000).contains(&second) {
        return Err(at);
    }
    let what = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
    char::from_u32(what).map(|what| (what, at + 12)).ok_or(at)
}

fn hex4(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.iter().try_fold(0, |sum, byte| Some(sum * 16 + char::from(*byte).to_digit(16)?))
}
