//! From bytes to text.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};

use super::media_type::MediaType;

/// How far into an HTML page its `<meta charset>` is looked for, in bytes (HTML §13.2.3.2).
const PRESCAN: usize = 1024;

/// The body as text: by its byte order mark, the charset of its Content-Type, for markup what it
/// says itself (`<?xml encoding>`, `<meta charset>`), else as UTF-8.
/// A charset that nobody knows counts as none. `None` if the bytes are no text in that charset.
#[must_use]
pub fn text<'a>(bytes: &'a [u8], content_type: Option<&MediaType>, markup: bool) -> Option<Cow<'a, str>> {
    let (encoding, marked) = match Encoding::for_bom(bytes) {
        Some((encoding, mark)) => (encoding, mark),
        None => (declared(bytes, content_type, markup).unwrap_or(UTF_8), 0),
    };
    encoding.decode_without_bom_handling_and_without_replacement(&bytes[marked..])
}

fn declared(bytes: &[u8], content_type: Option<&MediaType>, markup: bool) -> Option<&'static Encoding> {
    let header = content_type.and_then(|media| media.parameter("charset"));
    if let Some(encoding) = header.and_then(|label| Encoding::for_label(label.as_bytes())) {
        return Some(encoding);
    }
    let encoding = Encoding::for_label(markup.then(|| xml(bytes).or_else(|| meta(bytes)))??.as_bytes())?;
    // A page that says UTF-16 where this could be read does not use it.
    Some(if encoding.is_ascii_compatible() { encoding } else { UTF_8 })
}

/// The label in `<?xml version="1.0" encoding="…"?>`.
fn xml(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(PRESCAN)]).into_owned();
    let (_, after) = head.strip_prefix("<?xml")?.split("?>").next()?.split_once("encoding")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start().strip_prefix(['"', '\''])?;
    value.split(['"', '\'']).next().map(str::to_owned)
}

/// The label in `<meta charset="…">` or `<meta http-equiv=… content="…; charset=…">`.
fn meta(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(PRESCAN)]).to_ascii_lowercase();
    head.match_indices("<meta").find_map(|(at, _)| {
        let tag = head[at..].split('>').next()?;
        let (_, after) = tag.split_once("charset")?;
        let value = after.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
        value.split(['"', '\'', ' ', ';', '/']).next().map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], content_type: &str, markup: bool) -> Option<String> {
        text(bytes, MediaType::parse(content_type).as_ref(), markup).map(Cow::into_owned)
    }

    #[test]
    fn charset_of_the_header_counts() {
        assert_eq!(read(b"caf\xe9", "text/plain; charset=ISO-8859-1", false).unwrap(), "café");
        assert_eq!(read(b"c\0a\0", "text/plain; charset=utf-16le", false).unwrap(), "ca");
    }

    #[test]
    fn byte_order_mark_beats_the_header() {
        assert_eq!(read("\u{feff}é".as_bytes(), "text/plain; charset=latin1", false).unwrap(), "é");
        assert_eq!(read(b"\xfe\xff\0c", "text/plain", false).unwrap(), "c");
    }

    #[test]
    fn html_may_say_it_itself() {
        for page in [
            &b"<?xml version='1.0' encoding=\"latin1\"?>\xe9"[..],
            b"<meta charset='latin1'>\xe9",
            b"<META content=\"text/html; Charset=latin1\" http-equiv=x>\xe9",
        ] {
            assert!(read(page, "text/html", true).unwrap().ends_with('é'));
            assert_eq!(read(page, "text/html; charset=utf-8", true), None);
        }
    }

    #[test]
    fn what_is_no_text_in_its_charset_is_none() {
        assert_eq!(read(b"\xff\xc0", "text/plain", false), None);
        assert_eq!(read(b"caf\xe9", "text/plain; charset=nobody-knows", false), None);
    }
}
