//! What a body is.

use super::media_type::MediaType;

/// What a body is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON value.
    Json,
    /// A JSON value on each line.
    Ndjson,
    /// A form.
    Form,
    /// An XML document.
    Xml,
    /// An HTML page.
    Html,
    /// Lines of text.
    Text,
    /// Anything else.
    Bytes,
}

/// Types of text that do not begin with `text/`.
const TEXTS: [&str; 12] = [
    "application/javascript",
    "application/ecmascript",
    "application/x-javascript",
    "application/typescript",
    "application/graphql",
    "application/sql",
    "application/yaml",
    "application/x-yaml",
    "application/toml",
    "application/jwt",
    "application/jose",
    "application/x-sh",
];

impl Format {
    /// What a body is: by its Content-Type, without one by how it begins.
    #[must_use]
    pub fn of(content_type: Option<&MediaType>, body: &[u8]) -> Format {
        content_type.map_or_else(|| Format::sniffed(body), Format::declared)
    }

    /// What a body of this type is.
    #[must_use]
    pub fn declared(content_type: &MediaType) -> Format {
        if content_type.is_json() {
            return Format::Json;
        }
        match content_type.essence.as_str() {
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-jsonlines"
            | "application/json-seq" => Format::Ndjson,
            "application/x-www-form-urlencoded" => Format::Form,
            "text/html" => Format::Html,
            "application/xml" | "text/xml" => Format::Xml,
            essence if essence.ends_with("+xml") => Format::Xml,
            essence if essence.starts_with("text/") || essence.ends_with("+yaml") || TEXTS.contains(&essence) => {
                Format::Text
            }
            _ => Format::Bytes,
        }
    }

    /// What a body of no type is, by how it begins.
    #[must_use]
    pub fn sniffed(body: &[u8]) -> Format {
        let start = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body).trim_ascii_start();
        let begins = |with: &[u8]| start.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
        if begins(b"{") || begins(b"[") {
            Format::Json
        } else if begins(b"<!doctype html") || begins(b"<html") {
            Format::Html
        } else if begins(b"<?xml") {
            Format::Xml
        } else if std::str::from_utf8(body).is_ok() {
            Format::Text
        } else {
            Format::Bytes
        }
    }

    /// Its name, as differences show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Form => "form",
            Format::Xml => "xml",
            Format::Html => "html",
            Format::Text => "text",
            Format::Bytes => "bytes",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_type_says_what_a_body_is() {
        for (content_type, format) in [
            ("application/json", Format::Json),
            ("Application/Problem+JSON; charset=utf-8", Format::Json),
            ("application/x-ndjson", Format::Ndjson),
            ("application/x-www-form-urlencoded", Format::Form),
            ("text/html", Format::Html),
            ("application/xhtml+xml", Format::Xml),
            ("image/svg+xml", Format::Xml),
            ("text/csv", Format::Text),
            ("application/javascript", Format::Text),
            ("image/png", Format::Bytes),
            ("multipart/form-data; boundary=x", Format::Bytes),
        ] {
            let media = MediaType::parse(content_type);
            assert_eq!(Format::of(media.as_ref(), b"{}"), format, "{content_type}");
        }
    }

    #[test]
    fn body_without_content_type_is_what_it_looks_like() {
        for (body, format) in [
            (&b" \n{}"[..], Format::Json),
            (b"\xef\xbb\xbf[1]", Format::Json),
            (b"<!DOCTYPE html><p>", Format::Html),
            (b"<HTML>", Format::Html),
            (b"<?xml version='1.0'?><a/>", Format::Xml),
            (b"hello", Format::Text),
            (b"\xff\x00", Format::Bytes),
        ] {
            assert_eq!(Format::of(None, body), format);
        }
    }
}
