//! Takes content codings off a body (RFC 9110 §8.4): what is compared and stored is what the codings carry.
//!
//! A body is decoded whole or not at all. What broke off, has something after its end, or is not what its label says is
//! undecodable; it is never compared as far as it went.

use std::borrow::Cow;
use std::io::Read;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::bufread::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use super::{Budget, Unknown};

/// The most codings that are taken off one body.
pub const MAX_CODINGS: usize = 2;

/// Decoded bodies up to this size, in bytes, may be of any ratio.
const ANY_RATIO: usize = 64 * 1024;
/// How much is decoded between two looks at the budget, in bytes.
const CHUNK: usize = 16 * 1024;
/// How many decoded bytes are one step of work.
const BYTES_PER_STEP: usize = 64;
/// Windows of zstd frames may be 8 MiB, as RFC 9659 has it for this coding.
const ZSTD_WINDOW_LOG: u32 = 23;

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// The body without the codings that its Content-Encoding names; borrowed if there are none. An empty body (the answer
/// to a HEAD request, a 304) is empty whatever the header says.
///
/// # Errors
/// The codings are unknown or too many, the body is not what they say, or it is over a limit.
pub fn decode<'a>(headers: &HeaderMap, body: &'a [u8], budget: &mut Budget<'_>) -> Result<Cow<'a, [u8]>, Unknown> {
    if body.len() > budget.limits.bytes {
        return Err(Unknown::TooLarge);
    }
    if body.is_empty() {
        return Ok(Cow::Borrowed(body));
    }
    let cap = budget.limits.bytes.min(body.len().saturating_mul(budget.limits.ratio).max(ANY_RATIO));
    let mut decoded = Cow::Borrowed(body);
    // The last one listed was put on last.
    for coding in codings(headers)?.into_iter().rev() {
        let mut out = Sink { bytes: Vec::new(), cap, budget: &mut *budget };
        match coding {
            Coding::Gzip => drain(MultiGzDecoder::new(&*decoded), &mut out)?,
            Coding::Deflate => deflate(&decoded, &mut out)?,
            Coding::Brotli => brotli(&decoded, &mut out)?,
            Coding::Zstd => zstd(&decoded, &mut out)?,
        }
        decoded = Cow::Owned(out.bytes);
    }
    Ok(decoded)
}

/// The codings in the order they were put on.
fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, Unknown> {
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        for name in value.to_str().map_err(|_| Unknown::UnknownCoding)?.split(',') {
            codings.push(match name.trim().to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Coding::Gzip,
                "deflate" => Coding::Deflate,
                "br" => Coding::Brotli,
                "zstd" => Coding::Zstd,
                _ => return Err(Unknown::UnknownCoding),
            });
        }
    }
    if codings.len() > MAX_CODINGS { Err(Unknown::UnknownCoding) } else { Ok(codings) }
}

/// Where decoded bytes go: it keeps the cap and pays for them.
struct Sink<'s, 't> {
    bytes: Vec<u8>,
    cap: usize,
    budget: &'s mut Budget<'t>,
}

impl Sink<'_, '_> {
    fn take(&mut self, chunk: &[u8]) -> Result<(), Unknown> {
        if chunk.len() > self.cap - self.bytes.len() {
            return Err(Unknown::TooLarge);
        }
        self.budget.spend((chunk.len() / BYTES_PER_STEP + 1) as u64)?;
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }
}

fn drain(mut from: impl Read, out: &mut Sink<'_, '_>) -> Result<(), Unknown> {
    let mut chunk = [0; CHUNK];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(read) => out.take(&chunk[..read])?,
            Err(_) => return Err(Unknown::Undecodable),
        }
    }
}

/// `deflate` is the zlib format (RFC 1950), but some send bare DEFLATE data (RFC 1951), and browsers take both.
fn deflate(body: &[u8], out: &mut Sink<'_, '_>) -> Result<(), Unknown> {
    let zlib = matches!(body, [cmf, flg, ..] if cmf & 0x0f == 8 && u16::from_be_bytes([*cmf, *flg]) % 31 == 0);
    if zlib {
        match inflate(Decompress::new(true), body, out) {
            Err(Unknown::Undecodable) => out.bytes.clear(),
            done => return done,
        }
    }
    inflate(Decompress::new(false), body, out)
}

fn inflate(mut state: Decompress, body: &[u8], out: &mut Sink<'_, '_>) -> Result<(), Unknown> {
    let mut chunk = [0; CHUNK];
    let mut read = 0;
    loop {
        let (read_before, written_before) = (state.total_in(), state.total_out());
        let status =
            state.decompress(&body[read..], &mut chunk, FlushDecompress::None).map_err(|_| Unknown::Undecodable)?;
        // Both counts are bounded by the slices just passed.
        let taken = (state.total_in() - read_before) as usize;
        let written = (state.total_out() - written_before) as usize;
        read += taken;
        out.take(&chunk[..written])?;
        match status {
            Status::StreamEnd if read == body.len() => return Ok(()),
            Status::StreamEnd => return Err(Unknown::Undecodable),
            _ if taken == 0 && written == 0 => return Err(Unknown::Undecodable),
            _ => {}
        }
    }
}

fn brotli(body: &[u8], out: &mut Sink<'_, '_>) -> Result<(), Unknown> {
    // Strict: windows up to 16 MiB, as RFC 7932 has it; large ones are another format.
    let mut state = BrotliState::new_strict(StandardAlloc {}, StandardAlloc {}, StandardAlloc {});
    let mut chunk = [0; CHUNK];
    let (mut left, mut read, mut total) = (body.len(), 0, 0);
    loop {
        let (mut room, mut written) = (CHUNK, 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut read,
            body,
            &mut room,
            &mut written,
            &mut chunk,
            &mut total,
            &mut state,
        );
        out.take(&chunk[..written])?;
        match result {
            BrotliResult::ResultSuccess if left == 0 => return Ok(()),
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultSuccess | BrotliResult::NeedsMoreInput | BrotliResult::ResultFailure => {
                return Err(Unknown::Undecodable);
            }
        }
    }
}

fn zstd(body: &[u8], out: &mut Sink<'_, '_>) -> Result<(), Unknown> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(|_| Unknown::Undecodable)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(|_| Unknown::Undecodable)?;
    drain(decoder, out)
}

#[cfg(test)]
pub(super) mod tests;
