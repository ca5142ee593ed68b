//! Chunked bodies (RFC 9112 section 7.1), byte by byte: the one grammar for requests that are checked and answers that are
//! decoded.

/// The longest line of a chunk's size and extensions, and the largest trailer section, in bytes.
const MAX_CHUNK_LINE: usize = 256;
const MAX_TRAILERS: usize = 8 * 1024;

/// Where in a chunked body (RFC 9112 section 7.1) the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunk {
    /// Within a chunk's size; `digits` of it were seen.
    #[expect(missing_docs, reason = "said above")]
    Size { digits: u8, size: u64 },
    /// Within an extension of this length so far, before a chunk of this size.
    #[expect(missing_docs, reason = "said above")]
    Extension { size: u64, length: usize },
    /// Before the line feed that ends the size's line.
    #[expect(missing_docs, reason = "said above")]
    SizeLf { size: u64 },
    /// Within a chunk's data, so many bytes of which are still to come.
    #[expect(missing_docs, reason = "said above")]
    Data { left: u64 },
    /// Before the carriage return after a chunk's data.
    DataCr,
    /// Before the line feed after a chunk's data.
    DataLf,
    /// At the begin of a trailer's line, after so many bytes of trailers.
    #[expect(missing_docs, reason = "said above")]
    TrailerStart { total: usize },
    /// Within a trailer.
    #[expect(missing_docs, reason = "said above")]
    Trailer { total: usize },
    /// Before the line feed that ends a trailer.
    #[expect(missing_docs, reason = "said above")]
    TrailerLf { total: usize },
    /// Before the very last line feed.
    EndLf,
}

impl Chunk {
    /// Before the first byte of the body.
    pub const START: Chunk = Chunk::Size { digits: 0, size: 0 };

    /// The place after one byte that is not chunk data; `None` at the end of the body.
    ///
    /// # Errors
    /// What is wrong with the byte.
    pub fn next(self, byte: u8) -> Result<Option<Chunk>, &'static str> {
        let next = match (self, byte) {
            (Chunk::Size { digits: 1.., size }, b'\r') => Chunk::SizeLf { size },
            (Chunk::Size { digits: 1.., size }, b';') => Chunk::Extension { size, length: 0 },
            (Chunk::Size { digits, size }, _) => {
                let digit = (byte as char).to_digit(16).ok_or("A chunk's size is not a hexadecimal number.")?;
                if digits == 16 {
                    return Err("A chunk's size is too large.");
                }
                Chunk::Size { digits: digits + 1, size: size << 4 | u64::from(digit) }
            }
            (Chunk::Extension { size, .. }, b'\r') => Chunk::SizeLf { size },
            (Chunk::Extension { .. }, b'\n') => return Err("A chunk's extension ends without a carriage return."),
            (Chunk::Extension { length: MAX_CHUNK_LINE.., .. }, _) => return Err("A chunk's extension is too long."),
            (Chunk::Extension { size, length }, _) => Chunk::Extension { size, length: length + 1 },
            (Chunk::SizeLf { size: 0 }, b'\n') => Chunk::TrailerStart { total: 0 },
            (Chunk::SizeLf { size }, b'\n') => Chunk::Data { left: size },
            (Chunk::DataCr, b'\r') => Chunk::DataLf,
            (Chunk::DataLf, b'\n') => Chunk::START,
            (Chunk::TrailerStart { .. }, b'\r') => Chunk::EndLf,
            (Chunk::TrailerStart { total: MAX_TRAILERS.. } | Chunk::Trailer { total: MAX_TRAILERS.. }, _) => {
                return Err("The trailer section is too large.");
            }
            (Chunk::TrailerStart { total }, _) if is_token_byte(byte) => Chunk::Trailer { total: total + 1 },
            (Chunk::Trailer { total }, b'\r') => Chunk::TrailerLf { total },
            (Chunk::Trailer { .. }, b'\n') => return Err("A trailer ends without a carriage return."),
            (Chunk::Trailer { total }, _) => Chunk::Trailer { total: total + 1 },
            (Chunk::TrailerLf { total }, b'\n') => Chunk::TrailerStart { total },
            (Chunk::EndLf, b'\n') => return Ok(None),
            _ => return Err("The chunked body is not well-formed."),
        };
        Ok(Some(next))
    }
}

/// RFC 9110 section 5.6.2.
pub(super) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}
