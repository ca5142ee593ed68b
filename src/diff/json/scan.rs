//! Finding where things end.

const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = 0x8080_8080_8080_8080;
/// Bytes looked at in one go.
const WORD: usize = 8;

/// Where the first quote, backslash or control character is; the end, if there is none.
///
/// Eight bytes in one go: a byte's top bit is set in the mask where it is one of these. Borrows between bytes can set bits
/// too much, but only above the lowest right one, which is the one that counts ("Bit Twiddling Hacks", haszero).
#[inline]
pub(super) fn plain(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<WORD>()) {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * b'"' as u64);
        let slash = word ^ (ONES * b'\\' as u64);
        let hits = (quote.wrapping_sub(ONES) & !quote)
            | (slash.wrapping_sub(ONES) & !slash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        if hits & TOPS != 0 {
            return at + (hits & TOPS).trailing_zeros() as usize / 8;
        }
        at += WORD;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).unwrap_or(rest.len())
}

/// Where the first byte is that is no white space.
#[inline]
pub(super) fn space(bytes: &[u8], from: usize) -> usize {
    // In a compact body there never is any.
    match bytes.get(from) {
        Some(byte) if *byte > b' ' => from,
        _ => run_of_space(bytes, from),
    }
}

fn run_of_space(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        match bytes.get(at) {
            Some(b' ') => {
                // Indentation comes in runs.
                while bytes.get(at..at + WORD) == Some(&[b' '; WORD]) {
                    at += WORD;
                }
                at += usize::from(bytes.get(at) == Some(&b' '));
            }
            Some(b'\n' | b'\t' | b'\r') => at += 1,
            _ => return at,
        }
    }
}

/// Where the number that begins here ends (RFC 8259 section 6).
///
/// # Errors
/// Where it stops being one.
pub(super) fn number(bytes: &[u8], from: usize) -> Result<usize, usize> {
    let mut at = from + usize::from(bytes.get(from) == Some(&b'-'));
    at = match bytes.get(at) {
        Some(b'0') => at + 1,
        _ => some_digits(bytes, at)?,
    };
    if bytes.get(at) == Some(&b'.') {
        at = some_digits(bytes, at + 1)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        at = some_digits(bytes, at)?;
    }
    Ok(at)
}

fn some_digits(bytes: &[u8], from: usize) -> Result<usize, usize> {
    let mut at = from;
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    if at > from { Ok(at) } else { Err(at) }
}
