use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http::HeaderValue;
use proptest::prelude::*;

use super::super::Limits;
use super::*;

pub(in crate::diff) fn encode(coding: &str, body: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" | "x-gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(body).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(body).unwrap();
            encoder.finish().unwrap()
        }
        "raw" => {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(body).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut out = Vec::new();
            brotli::CompressorWriter::new(&mut out, 4096, 3, 22).write_all(body).unwrap();
            out
        }
        "zstd" => zstd::encode_all(body, 1).unwrap(),
        _ => body.to_vec(),
    }
}

fn decoded(coding: &str, body: &[u8], limits: Limits) -> Result<Vec<u8>, Unknown> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_str(coding).unwrap());
    decode(&headers, body, &mut Budget::new(limits, &mut || false)).map(Cow::into_owned)
}

const CODINGS: [&str; 5] = ["gzip", "x-gzip", "deflate", "br", "zstd"];
const TEXT: &[u8] = br#"{"id":7,"items":[{"sku":"a"},{"sku":"b"}],"total":12.50,"note":"none"}"#;

#[test]
fn body_without_coding_is_borrowed() {
    let mut never = || false;
    let mut budget = Budget::new(Limits::default(), &mut never);
    assert!(matches!(decode(&HeaderMap::new(), TEXT, &mut budget), Ok(Cow::Borrowed(_))));
    assert_eq!(decoded("identity", TEXT, Limits::default()).unwrap(), TEXT);
}

#[test]
fn empty_body_is_empty_whatever_its_label() {
    for coding in ["gzip", "br", "compress", "gzip, br, zstd"] {
        assert_eq!(decoded(coding, b"", Limits::default()).unwrap(), b"", "{coding}");
    }
}

#[test]
fn deflate_is_zlib_or_bare() {
    assert_eq!(decoded("deflate", &encode("raw", TEXT), Limits::default()).unwrap(), TEXT);
    assert_eq!(decoded("Deflate", &encode("deflate", TEXT), Limits::default()).unwrap(), TEXT);
}

#[test]
fn two_codings_come_off_in_reverse_order() {
    let body = encode("br", &encode("gzip", TEXT));
    assert_eq!(decoded("gzip, identity, br", &body, Limits::default()).unwrap(), TEXT);
    assert_eq!(decoded("br, gzip", &body, Limits::default()), Err(Unknown::Undecodable));
    assert_eq!(decoded("gzip, gzip, gzip", &body, Limits::default()), Err(Unknown::UnknownCoding));
}

#[test]
fn unknown_coding_is_told_apart() {
    assert_eq!(decoded("compress", TEXT, Limits::default()), Err(Unknown::UnknownCoding));
    assert_eq!(decoded("gzip, dcb", TEXT, Limits::default()), Err(Unknown::UnknownCoding));
}

#[test]
fn truncated_body_is_undecodable_at_every_length() {
    for coding in CODINGS.into_iter().chain(["raw"]) {
        let whole = encode(coding, TEXT);
        let label = if coding == "raw" { "deflate" } else { coding };
        for end in 1..whole.len() {
            assert_eq!(
                decoded(label, &whole[..end], Limits::default()),
                Err(Unknown::Undecodable),
                "{coding} cut to {end}"
            );
        }
    }
}

#[test]
fn trailing_junk_is_undecodable() {
    for coding in CODINGS {
        let mut body = encode(coding, TEXT);
        body.extend_from_slice(b"junk after the end");
        assert_eq!(decoded(coding, &body, Limits::default()), Err(Unknown::Undecodable), "{coding}");
    }
}

#[test]
fn wrong_label_is_undecodable() {
    for (label, coding) in [("gzip", "br"), ("zstd", "gzip"), ("deflate", "gzip"), ("gzip", "identity")] {
        assert_eq!(decoded(label, &encode(coding, TEXT), Limits::default()), Err(Unknown::Undecodable), "{label}");
    }
}

#[test]
fn gzip_members_and_zstd_frames_are_one_body() {
    for coding in ["gzip", "zstd"] {
        let body = [encode(coding, b"one "), encode(coding, b"two")].concat();
        assert_eq!(decoded(coding, &body, Limits::default()).unwrap(), b"one two", "{coding}");
    }
}

#[test]
fn bombs_are_too_large() {
    let zeros = vec![0; 4 * 1024 * 1024];
    for coding in CODINGS {
        let bomb = encode(coding, &zeros);
        let limits = Limits { ratio: 100, ..Limits::default() };
        assert_eq!(decoded(coding, &bomb, limits).map(|body| body.len()), Err(Unknown::TooLarge), "{coding} by ratio");
        let limits = Limits { ratio: usize::MAX, bytes: 1024 * 1024, ..Limits::default() };
        assert_eq!(decoded(coding, &bomb, limits).map(|body| body.len()), Err(Unknown::TooLarge), "{coding} by bytes");
    }
    let stacked = encode("gzip", &encode("gzip", &zeros));
    assert_eq!(decoded("gzip, gzip", &stacked, Limits::default()), Err(Unknown::TooLarge));
}

#[test]
fn small_bodies_may_be_of_any_ratio() {
    let zeros = vec![0; 60 * 1024];
    assert_eq!(decoded("br", &encode("br", &zeros), Limits::default()).unwrap(), zeros);
}

#[test]
fn oversized_body_without_coding_is_too_large() {
    let limits = Limits { bytes: 10, ..Limits::default() };
    assert_eq!(decoded("identity", TEXT, limits), Err(Unknown::TooLarge));
}

#[test]
fn time_runs_out_within_one_body() {
    let zeros = vec![0; 1024 * 1024];
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    let mut late = || true;
    let limits = Limits { ratio: usize::MAX, ..Limits::default() };
    let mut budget = Budget::new(limits, &mut late);
    assert_eq!(decode(&headers, &encode("gzip", &zeros), &mut budget), Err(Unknown::OutOfTime));
}

proptest! {
    #[test]
    fn coding_does_not_change_the_body(body in proptest::collection::vec(any::<u8>(), 1..4096)) {
        for coding in CODINGS {
            prop_assert_eq!(decoded(coding, &encode(coding, &body), Limits::default()).unwrap(), body.clone());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..512), coding in 0_usize..5) {
        let _ = decoded(CODINGS[coding], &body, Limits::default());
    }

    #[test]
    fn damaged_bytes_never_panic(at in 0_usize..60, with in any::<u8>(), coding in 0_usize..5) {
        let mut body = encode(CODINGS[coding], TEXT);
        let at = at % body.len();
        body[at] = with;
        let _ = decoded(CODINGS[coding], &body, Limits::default());
    }
}
