//! Chunked bodies: the result does not depend on how the bytes are split,
//! nothing beyond the body is consumed, and the limit holds.

use chat_server::http::Rejection;
use chat_server::http::chunked::Chunked;

use super::cut;

const LIMIT: usize = 200;

/// The body, and the bytes behind it.
type Decoded = Result<Option<(Vec<u8>, Vec<u8>)>, Rejection>;

pub fn check(data: &[u8]) {
    let (pieces, whole) = cut(data);
    let at_once = decode(&[whole]);
    assert_eq!(decode(&pieces), at_once);
    if let Ok(Some((body, _))) = &at_once {
        assert!(body.len() <= LIMIT);
    }
    if let Err(rejection) = &at_once {
        assert!([400, 413].contains(&rejection.status()), "{rejection}");
    }
    a_body_in_chunks_is_the_body(&pieces);
}

fn decode(pieces: &[&[u8]]) -> Decoded {
    let mut chunked = Chunked::new(LIMIT);
    let mut input = Vec::new();
    let mut pieces = pieces.iter();
    while let Some(piece) = pieces.next() {
        input.extend_from_slice(piece);
        if let Some(body) = chunked.feed(&mut input)? {
            input.extend(pieces.copied().flatten());
            return Ok(Some((body, input)));
        }
    }
    Ok(None)
}

fn a_body_in_chunks_is_the_body(chunks: &[&[u8]]) {
    let body = chunks.concat();
    let mut raw = Vec::new();
    for chunk in chunks {
        raw.extend_from_slice(format!("{:x};note\r\n", chunk.len()).as_bytes());
        raw.extend_from_slice(chunk);
        raw.extend_from_slice(b"\r\n");
    }
    raw.extend_from_slice(b"0\r\nTrailer: x\r\n\r\nGET");
    match decode(&[&raw]) {
        Ok(Some((decoded, rest))) => {
            assert_eq!(decoded, body);
            assert_eq!(rest, b"GET");
        }
        Err(Rejection::BodyTooLarge(LIMIT)) => assert!(body.len() > LIMIT),
        other => panic!("{other:?}"),
    }
}
