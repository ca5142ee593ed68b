//! HTTP/1 messages as bytes: just enough to read what the facade sends, and strict about it.

use std::io::{self, Read};

/// The fields of a head or a trailer section, in the order and spelling they came in.
pub type Fields = Vec<(String, String)>;

/// A stream that is read message by message.
#[derive(Debug)]
pub struct Reader<S> {
    pub stream: S,
    held: Vec<u8>,
    /// How many bytes came in so far.
    pub bytes: usize,
}

/// How a body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    None,
    Length(usize),
    Chunked,
}

/// A body as it came in.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Body {
    /// The bytes on the wire, framing and all.
    pub wire: Vec<u8>,
    /// The bytes it means.
    pub content: Vec<u8>,
    pub trailers: Fields,
    /// Whether its end was seen.
    pub complete: bool,
}

impl<S: Read> Reader<S> {
    pub fn new(stream: S) -> Reader<S> {
        Reader { stream, held: Vec::new(), bytes: 0 }
    }

    /// Reads more; whether there was any.
    pub fn more(&mut self) -> io::Result<bool> {
        let mut space = [0; 16 * 1024];
        let count = self.stream.read(&mut space)?;
        self.held.extend_from_slice(&space[..count]);
        self.bytes += count;
        Ok(count > 0)
    }

    /// What came in and was not taken yet.
    pub fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    /// The next head with its empty line; `None` where the stream ended before one was whole.
    pub fn head(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = find(&self.held, b"\r\n\r\n") {
                return Ok(Some(self.take(end + 4)));
            }
            if !self.more()? {
                return Ok(None);
            }
        }
    }

    /// The next line without its end.
    fn line(&mut self, body: &mut Body) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = find(&self.held, b"\r\n") {
                let line = self.take(end + 2);
                body.wire.extend_from_slice(&line);
                return Ok(Some(String::from_utf8_lossy(&line[..end]).into_owned()));
            }
            if !self.more()? {
                body.wire.extend(self.rest());
                return Ok(None);
            }
        }
    }

    /// Up to `count` bytes of content; fewer where the stream ends.
    fn content(&mut self, mut count: usize, body: &mut Body, seen: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        while count > 0 {
            if self.held.is_empty() && !self.more()? {
                return Ok(false);
            }
            let part = self.take(count.min(self.held.len()));
            count -= part.len();
            body.wire.extend_from_slice(&part);
            body.content.extend_from_slice(&part);
            seen(&part);
        }
        Ok(true)
    }

    /// The body that follows a head. `seen` is shown each part of its content as it comes.
    pub fn body(&mut self, framing: Framing, seen: &mut dyn FnMut(&[u8])) -> io::Result<Body> {
        let mut body = Body::default();
        match framing {
            Framing::None => body.complete = true,
            Framing::Length(length) => body.complete = self.content(length, &mut body, seen)?,
            Framing::Chunked => self.chunks(&mut body, seen)?,
        }
        Ok(body)
    }

    fn chunks(&mut self, body: &mut Body, seen: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        loop {
            let Some(line) = self.line(body)? else { return Ok(()) };
            let size = line.split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size, 16).map_err(|_| bad(format!("chunk size {line:?}")))?;
            if size == 0 {
                break;
            }
            if !self.content(size, body, seen)? {
                return Ok(());
            }
            match self.line(body)? {
                None => return Ok(()),
                Some(line) if line.is_empty() => {}
                Some(line) => return Err(bad(format!("after a chunk: {line:?}"))),
            }
        }
        while let Some(line) = self.line(body)? {
            if line.is_empty() {
                body.complete = true;
                return Ok(());
            }
            body.trailers.push(field(&line)?);
        }
        Ok(())
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.held.split_off(count);
        std::mem::replace(&mut self.held, rest)
    }
}

/// The first line and the fields of a head.
pub fn parse(head: &[u8]) -> io::Result<(String, Fields)> {
    let text: String = head.iter().map(|&byte| byte as char).collect();
    let mut lines = text.strip_suffix("\r\n\r\n").unwrap_or(&text).split("\r\n");
    let first = lines.next().unwrap_or_default().to_owned();
    Ok((first, lines.map(field).collect::<io::Result<_>>()?))
}

/// All values of a field.
pub fn values<'f>(fields: &'f Fields, name: &str) -> Vec<&'f str> {
    fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect()
}

/// How the fields frame a body. Two framing fields in one head are never right.
pub fn framing(fields: &Fields) -> io::Result<Option<Framing>> {
    match (values(fields, "content-length")[..].as_ref(), values(fields, "transfer-encoding")[..].as_ref()) {
        ([], []) => Ok(None),
        ([length], []) => length.parse().map(Framing::Length).map(Some).map_err(|_| bad(format!("length {length:?}"))),
        ([], ["chunked"]) => Ok(Some(Framing::Chunked)),
        (lengths, codings) => Err(bad(format!("lengths {lengths:?} with codings {codings:?}"))),
    }
}

fn field(line: &str) -> io::Result<(String, String)> {
    let (name, value) = line.split_once(':').ok_or_else(|| bad(format!("field {line:?}")))?;
    Ok((name.to_owned(), value.trim_matches(' ').to_owned()))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn bad(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
