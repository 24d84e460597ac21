//! Decodes a chunked request body, as strictly as the grammar allows.

use super::rejection::Rejection;

/// The longest line that announces a chunk, extensions included.
const MAX_SIZE_LINE: usize = 256;
/// The most bytes of all trailer fields together.
const MAX_TRAILERS: usize = 4096;
/// The most bytes of announcements in a body, however small its chunks are.
const MAX_OVERHEAD: usize = 64 * 1024;

/// A decoder in the middle of a body.
pub struct Chunked {
    state: State,
    body: Vec<u8>,
    limit: usize,
    overhead: usize,
}

enum State {
    Size,
    Data(usize),
    DataEnd,
    Trailers(usize),
}

/// The bytes before the next CRLF.
enum Line {
    Whole(usize),
    Partial,
}

impl Chunked {
    /// A decoder of bodies up to `limit` bytes.
    pub fn new(limit: usize) -> Chunked {
        Chunked {
            state: State::Size,
            body: Vec::new(),
            limit,
            overhead: 0,
        }
    }

    /// Consumes what it can from the front of `input`. Returns the body, once complete.
    pub fn feed(&mut self, input: &mut Vec<u8>) -> Result<Option<Vec<u8>>, Rejection> {
        let mut taken = 0;
        let result = loop {
            let rest = input.get(taken..).unwrap_or_default();
            match self.step(rest) {
                Ok(Step::Took(bytes)) => taken += bytes,
                Ok(Step::NeedsMore) => break Ok(None),
                Ok(Step::Complete(bytes)) => {
                    taken += bytes;
                    break Ok(Some(std::mem::take(&mut self.body)));
                }
                Err(rejection) => break Err(rejection),
            }
        };
        input.drain(..taken.min(input.len()));
        result
    }

    fn step(&mut self, rest: &[u8]) -> Result<Step, Rejection> {
        match self.state {
            State::Size => {
                let Line::Whole(length) = line(rest, MAX_SIZE_LINE)? else {
                    return Ok(Step::NeedsMore);
                };
                self.overhead += length + 2;
                if self.overhead > MAX_OVERHEAD {
                    return Err(Rejection::Malformed("the chunks are too small"));
                }
                let size = chunk_size(rest.get(..length).unwrap_or_default())?;
                if size > self.limit.saturating_sub(self.body.len()) {
                    return Err(Rejection::BodyTooLarge(self.limit));
                }
                self.state = match size {
                    0 => State::Trailers(0),
                    size => State::Data(size),
                };
                Ok(Step::Took(length + 2))
            }
            State::Data(missing) => {
                let chunk = rest.get(..missing.min(rest.len())).unwrap_or_default();
                if chunk.is_empty() {
                    return Ok(Step::NeedsMore);
                }
                self.body.extend_from_slice(chunk);
                self.state = match missing - chunk.len() {
                    0 => State::DataEnd,
                    missing => State::Data(missing),
                };
                Ok(Step::Took(chunk.len()))
            }
            State::DataEnd => match rest {
                [b'\r', b'\n', ..] => {
                    self.state = State::Size;
                    Ok(Step::Took(2))
                }
                [] | [b'\r'] => Ok(Step::NeedsMore),
                _ => Err(Rejection::Malformed("a chunk is longer than announced")),
            },
            State::Trailers(before) => match line(rest, MAX_TRAILERS)? {
                Line::Partial => Ok(Step::NeedsMore),
                Line::Whole(0) => Ok(Step::Complete(2)),
                // Trailers are not used.
                Line::Whole(length) if before + length + 2 <= MAX_TRAILERS => {
                    self.state = State::Trailers(before + length + 2);
                    Ok(Step::Took(length + 2))
                }
                Line::Whole(_) => Err(Rejection::Malformed("the trailers are too long")),
            },
        }
    }
}

enum Step {
    Took(usize),
    NeedsMore,
    Complete(usize),
}

/// Finds the CRLF within `most` bytes; a bare CR or LF ends nothing.
fn line(rest: &[u8], most: usize) -> Result<Line, Rejection> {
    let bad = Rejection::Malformed("a chunk is announced wrongly");
    let start = rest.get(..rest.len().min(most)).unwrap_or_default();
    let Some(end) = start.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
        return match start.len() < most {
            true => Ok(Line::Partial),
            false => Err(bad),
        };
    };
    match rest.get(end..) {
        Some([b'\r', b'\n', ..]) => Ok(Line::Whole(end)),
        Some([b'\r']) => Ok(Line::Partial),
        _ => Err(bad),
    }
}

fn chunk_size(line: &[u8]) -> Result<usize, Rejection> {
    let bad = || Rejection::Malformed("a chunk's size is not a hexadecimal number");
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit());
    let (number, extension) = line.split_at(digits.count());
    let spaces = extension.trim_ascii_start();
    if !(spaces.is_empty() && extension.is_empty() || spaces.starts_with(b";")) {
        return Err(bad());
    }
    if extension
        .iter()
        .any(|&byte| byte != b'\t' && byte.is_ascii_control())
    {
        return Err(bad());
    }
    let number = std::str::from_utf8(number).map_err(|_| bad())?;
    usize::from_str_radix(number, 16).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(raw: &[u8], limit: usize) -> Result<Option<(Vec<u8>, usize)>, Rejection> {
        let mut input = raw.to_vec();
        let body = Chunked::new(limit).feed(&mut input)?;
        Ok(body.map(|body| (body, input.len())))
    }

    #[test]
    fn chunks_extensions_and_trailers_are_read() {
        let raw = b"3;a=b\r\nabc\r\n00A ;x\r\n0123456789\r\n0\r\nX: y\r\n\r\nGET";
        let (body, rest) = decode(raw, 13).unwrap().unwrap();
        assert_eq!((body.as_slice(), rest), (&b"abc0123456789"[..], 3));
        assert_eq!(decode(raw, 12), Err(Rejection::BodyTooLarge(12)));
    }

    #[test]
    fn what_is_not_quite_a_chunk_is_rejected() {
        for bad in [
            &b"3\nabc\r\n0\r\n\r\n"[..],
            b"3\rabc\r\n0\r\n\r\n",
            b"3\r\nabcd\r\n0\r\n\r\n",
            b"3\r\nabc\n0\r\n\r\n",
            b"\r\nabc\r\n",
            b"-3\r\nabc\r\n",
            b"+3\r\nabc\r\n",
            b"0x3\r\nabc\r\n",
            b" 3\r\nabc\r\n",
            b"3 \r\nabc\r\n",
            b"g\r\n",
            b"3;a\0\r\nabc\r\n",
            b"fffffffffffffffff\r\n",
            b"0\r\n\n",
        ] {
            let rejection = decode(bad, 100).unwrap_err();
            assert_eq!(
                rejection.status(),
                400,
                "{:?}",
                String::from_utf8_lossy(bad)
            );
        }
        assert_eq!(
            decode(b"ffffffffffffffff\r\n", 9),
            Err(Rejection::BodyTooLarge(9))
        );
    }

    #[test]
    fn announcements_and_trailers_are_limited() {
        let long = [b"3;".as_slice(), &[b'a'; MAX_SIZE_LINE]].concat();
        assert_eq!(decode(&long, 9).unwrap_err().status(), 400);
        let trailers = [
            b"0\r\n".as_slice(),
            &b"A: b\r\n".repeat(MAX_TRAILERS / 6 + 1),
        ]
        .concat();
        assert_eq!(decode(&trailers, 9).unwrap_err().status(), 400);
        let tiny = format!("1;{}\r\na\r\n", "x".repeat(200)).repeat(MAX_OVERHEAD / 200);
        assert_eq!(decode(tiny.as_bytes(), 1 << 20).unwrap_err().status(), 400);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = decode(&bytes, 100);
        }

        #[test]
        fn where_the_network_cuts_does_not_matter(
            chunks in proptest::collection::vec("[a-z\r\n]{1,20}", 0..8),
            cut in 1usize..7,
        ) {
            let mut raw: String = chunks
                .iter()
                .map(|chunk| format!("{:X};e\r\n{chunk}\r\n", chunk.len()))
                .collect();
            raw.push_str("0\r\n\r\n");
            let mut decoder = Chunked::new(1000);
            let mut input = Vec::new();
            let mut body = None;
            for piece in raw.as_bytes().chunks(cut) {
                prop_assert!(body.is_none());
                input.extend_from_slice(piece);
                body = decoder.feed(&mut input).unwrap();
            }
            prop_assert_eq!(body, Some(chunks.concat().into_bytes()));
        }
    }
}
