//! A facade between two protocols.

use crate::harness::{Client, End, Pair, StreamEnd, Streams};

/// What is spoken on one side of the facade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

use Protocol::{Http1, Http2};

/// In front, and behind.
pub const ALL: [(Protocol, Protocol); 1] = [(Http1, Http1)];

/// A facade between two protocols.
#[derive(Debug)]
pub struct Facing {
    pub front: Protocol,
    pub behind: Protocol,
    pub pair: Pair,
}

/// A request that either protocol can say, sound or not.
#[derive(Debug, Clone)]
pub struct Ask {
    pub method: Vec<u8>,
    pub target: Vec<u8>,
    /// Host, or `:authority`.
    pub host: Option<Vec<u8>>,
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    pub body: Option<Vec<u8>>,
}

/// What a client was told.
#[derive(Debug, Clone)]
pub struct Told {
    /// 0 where no answer came, but an end.
    pub status: u16,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the answer ended as its sender meant it.
    pub whole: bool,
}

impl Ask {
    pub fn get(target: impl AsRef<[u8]>) -> Ask {
        Ask {
            method: b"GET".to_vec(),
            target: target.as_ref().to_vec(),
            host: Some(b"shop.example".to_vec()),
            fields: Vec::new(),
            body: None,
        }
    }

    pub fn post(target: &str, body: &str) -> Ask {
        Ask { body: Some(body.into()), ..Ask::get(target).method("POST") }
    }

    pub fn method(mut self, method: &str) -> Ask {
        self.method = method.into();
        self
    }

    pub fn host(mut self, host: impl AsRef<[u8]>) -> Ask {
        self.host = Some(host.as_ref().to_vec());
        self
    }

    pub fn without_host(mut self) -> Ask {
        self.host = None;
        self
    }

    pub fn field(mut self, name: &str, value: impl AsRef<[u8]>) -> Ask {
        self.fields.push((name.into(), value.as_ref().to_vec()));
        self
    }

    /// As HTTP/1.1 says it; a body gets its length, unless the fields frame it already.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = [&self.method[..], b" ", &self.target, b" HTTP/1.1\r\n"].concat();
        if let Some(host) = &self.host {
            out.extend([b"Host: ", &host[..], b"\r\n"].concat());
        }
        for (name, value) in &self.fields {
            out.extend([&name[..], b": ", value, b"\r\n"].concat());
        }
        let framed = |name: &[u8]| {
            name.eq_ignore_ascii_case(b"content-length") || name.eq_ignore_ascii_case(b"transfer-encoding")
        };
        if let (Some(body), false) = (&self.body, self.fields.iter().any(|(name, _)| framed(name))) {
            out.extend(format!("Content-Length: {}\r\n", body.len()).bytes());
        }
        out.extend(b"\r\n");
        out.extend(self.body.iter().flatten());
        out
    }

    /// As HTTP/2 says it.
    pub fn block(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut block = vec![(b":method".to_vec(), self.method.clone()), (b":scheme".to_vec(), b"http".to_vec())];
        block.extend(self.host.iter().map(|host| (b":authority".to_vec(), host.clone())));
        block.push((b":path".to_vec(), self.target.clone()));
        block.extend(self.fields.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())));
        block
    }
}

/// The fields as the frames want them.
pub fn borrowed(block: &[(Vec<u8>, Vec<u8>)]) -> Vec<(&[u8], &[u8])> {
    block.iter().map(|(name, value)| (&**name, &**value)).collect()
}

impl Facing {
    /// Starts one with the rest of the file.
    #[track_caller]
    pub fn start((front, behind): (Protocol, Protocol), rest: &str) -> Facing {
        let protocol = if behind == Http2 { ", protocol: http2" } else { "" };
        let backend = |name: &str, url: &str| format!("{name}: {{ endpoints: [{url}]{protocol} }}");
        let backends = format!("backends: {{ {}, {} }}\n", backend("legacy", "LEGACY"), backend("new", "NEW"));
        Facing { front, behind, pair: Pair::start(&(backends + rest)) }
    }

    /// Puts a request to it over a connection of its own.
    #[track_caller]
    pub fn ask(&self, ask: &Ask) -> Told {
        match self.front {
            Http1 => {
                let mut client = Client::connect(self.pair.site.address());
                client.try_send(ask.bytes());
                let to_head = ask.method == b"HEAD";
                let mut answer = if to_head { client.head_answer() } else { client.next() };
                while let Some(100..=199) = answer.as_ref().map(|answer| answer.status) {
                    answer = client.next();
                }
                answer.map_or(Told::nothing(), |answer| Told {
                    status: answer.status,
                    whole: answer.end != End::Cut,
                    fields: answer.fields,
                    body: answer.body.content,
                })
            }
            Http2 => {
                let mut client = Streams::connect(self.pair.site.address());
                let stream = client.request(&borrowed(&ask.block()), ask.body.as_deref());
                let answer = client.answer(stream);
                Told {
                    status: answer.status(),
                    whole: answer.end == StreamEnd::Clean,
                    fields: answer.fields(),
                    body: answer.body,
                }
            }
        }
    }

    /// What both backends were asked so far, `legacy` first.
    pub fn reached(&self) -> Vec<String> {
        [self.pair.legacy.lines(), self.pair.new.lines()].concat()
    }
}

impl Told {
    fn nothing() -> Told {
        Told { status: 0, fields: Vec::new(), body: Vec::new(), whole: false }
    }

    /// The first value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    pub fn served_by(&self) -> &str {
        self.field("x-served-by").unwrap_or("nobody")
    }
}
