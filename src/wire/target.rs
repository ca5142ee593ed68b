//! Which request targets may pass.
//!
//! The bytes that routes are matched against are the bytes that are forwarded. So whatever a backend might read as
//! another path than the one that was matched is refused, never rewritten: dot segments in any encoding (also as
//! `..;x`, which servlet containers cut at the semicolon), backslashes, NUL and controls, and `%2F` unless the listener
//! takes it as an ordinary byte. Sources: RFC 3986 section 6.2.2, CVE-2019-9901, GHSA-6jwx.

/// Whether a path (without the query) can be matched and forwarded as it is.
///
/// # Errors
/// What is wrong with it, as a sentence for the client.
pub fn check_path(path: &str, opaque_slashes: bool) -> Result<(), &'static str> {
    let bytes = path.as_bytes();
    if bytes.first() != Some(&b'/') {
        return Err("The target must begin with a slash.");
    }
    // Almost every path has neither a dot, a percent sign, a backslash nor a control: one pass tells.
    let mut suspicious = false;
    for &byte in bytes {
        if byte < 0x21 || byte == 0x7f || byte == b'\\' {
            return Err("The target holds a control character, a space or a backslash.");
        }
        suspicious |= byte == b'%' || byte == b'.';
    }
    if suspicious { check_suspicious(bytes, opaque_slashes) } else { Ok(()) }
}

fn check_suspicious(bytes: &[u8], opaque_slashes: bool) -> Result<(), &'static str> {
    let once = decode(bytes);
    for &byte in &once {
        if byte < 0x20 || byte == 0x7f || byte == b'\\' {
            return Err("The target holds an encoded control character or backslash.");
        }
    }
    let slashes = |text: &[u8]| text.iter().filter(|&&byte| byte == b'/').count();
    if !opaque_slashes && slashes(&once) != slashes(bytes) {
        return Err("The target holds an encoded slash.");
    }
    // `%252e` is a dot to a backend that decodes twice, and `%25252e` to one that decodes three times.
    let mut text = once;
    loop {
        if has_dot_segment(&text) {
            return Err("The target holds a dot segment.");
        }
        let next = decode(&text);
        if next.len() == text.len() {
            return Ok(());
        }
        text = next;
    }
}

/// Whether a segment, up to a semicolon, is `.` or `..`.
fn has_dot_segment(text: &[u8]) -> bool {
    text.split(|&byte| byte == b'/' || byte == b'\\').any(|segment| {
        let name = segment.split(|&byte| byte == b';').next().unwrap_or_default();
        name == b"." || name == b".."
    })
}

/// One round of percent-decoding; what is not a valid triplet stays.
fn decode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        let triplet = match tail {
            [high, low, ..] if first == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match triplet {
            Some((high, low)) => {
                out.push(high << 4 | low);
                rest = &tail[2..];
            }
            None => {
                out.push(first);
                rest = tail;
            }
        }
    }
    out
}

const fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_paths_pass() {
        for path in [
            "/",
            "/orders/7",
            "/a.b/c..d",
            "/...",
            "/%20x",
            "/a%2eb",
            "//x",
            "/x;v=1",
            "/%C3%A9",
            "/é",
            "/.well-known/x",
        ] {
            assert_eq!(check_path(path, false), Ok(()), "{path}");
        }
    }

    #[test]
    fn what_a_backend_might_read_as_another_path_is_refused() {
        for path in [
            "",
            "x",
            "*",
            "/a/../b",
            "/./",
            "/..",
            "/a/.",
            "/%2e%2e/b",
            "/.%2E/b",
            "/%252e%252e/b",
            "/%25252e./b",
            "/..;/b",
            "/..;x=1/b",
            "/%2e%2e%3b/b",
            "/\\x",
            "/%5cx",
            "/%00",
            "/%0d%0a",
            "/a%7f",
            "/a\u{7f}",
            "/a b",
            "/a%2fb",
            "/a%2F..%2fb",
        ] {
            assert!(check_path(path, false).is_err(), "{path}");
        }
    }

    #[test]
    fn an_opaque_slash_passes_unless_it_makes_a_dot_segment() {
        assert_eq!(check_path("/a%2Fb", true), Ok(()));
        assert!(check_path("/a%2F..%2Fb", true).is_err());
        assert!(check_path("/a%2f%2e%2e", true).is_err());
    }

    proptest! {
        #[test]
        fn no_accepted_path_decodes_to_a_dot_segment(path in "/[a./%25eEfF2;\\\\]{0,24}", opaque: bool) {
            if check_path(&path, opaque).is_ok() {
                let mut text = path.into_bytes();
                for _ in 0..8 {
                    prop_assert!(!has_dot_segment(&text));
                    text = decode(&text);
                }
            }
        }

        #[test]
        fn no_input_panics(path in any::<String>(), opaque: bool) {
            let _ = check_path(&path, opaque);
        }
    }
}
