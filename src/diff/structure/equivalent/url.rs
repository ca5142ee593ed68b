//! URLs in one spelling (RFC 3986 section 6.2.2 and 6.2.3).

use std::borrow::Cow;

/// A URL with scheme and host in lower case, without default port, dot segments and needless escapes.
pub(super) fn normalised(text: &str) -> Cow<'_, str> {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_ascii_lowercase(), rest),
        _ => return Cow::Owned(path_and_rest(text, false)),
    };
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => ([user, "@"].concat(), host),
        None => (String::new(), authority),
    };
    let default = match scheme.as_str() {
        "http" | "ws" => ":80",
        "https" | "wss" => ":443",
        _ => ":",
    };
    let host = host.strip_suffix(default).or_else(|| host.strip_suffix(':')).unwrap_or(host);
    Cow::Owned(format!("{scheme}://{user}{}{}", host.to_ascii_lowercase(), path_and_rest(rest, true)))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn path_and_rest(text: &str, absolute: bool) -> String {
    let (path, rest) = text.split_at(text.find(['?', '#']).unwrap_or(text.len()));
    let path = unescaped(path);
    let path = if path.starts_with('/') { without_dots(&path) } else { path };
    let path = if absolute && path.is_empty() { "/".to_owned() } else { path };
    path + &unescaped(rest)
}

/// Escapes of what needs none resolved, the others in upper case.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        let Some(code) = after.get(..2).filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit())) else {
            plain.push('%');
            rest = after;
            continue;
        };
        match u8::from_str_radix(code, 16).map(char::from) {
            Ok(what) if what.is_ascii_alphanumeric() || "-._~".contains(what) => plain.push(what),
            _ => {
                plain.push('%');
                plain.push_str(&code.to_ascii_uppercase());
            }
        }
        rest = &after[2..];
    }
    plain.push_str(rest);
    plain
}

/// RFC 3986 section 5.2.4, for a path that begins with a slash.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    kept.iter().flat_map(|segment| ["/", segment]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_of_a_url_does_not_matter() {
        for (one, other) in [
            ("HTTP://Shop.Example:80/a", "http://shop.example/a"),
            ("https://shop.example:443", "https://shop.example/"),
            ("http://h/a/./b/../c", "http://h/a/c"),
            ("http://h/a/..", "http://h/"),
            ("/%7euser/%e9?q=%41", "/~user/%E9?q=A"),
            ("http://h?x", "http://h/?x"),
        ] {
            assert_eq!(normalised(one), normalised(other), "{one} {other}");
        }
        for (one, other) in [
            ("http://h/a", "http://h/A"),
            ("http://h/a", "https://h/a"),
            ("http://h:8080/", "http://h/"),
            ("/a%2Fb", "/a/b"),
            ("http://h/?a", "http://h/?A"),
            ("a//b", "a/b"),
        ] {
            assert_ne!(normalised(one), normalised(other), "{one} {other}");
        }
    }
}
