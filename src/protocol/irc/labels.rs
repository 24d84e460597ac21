//! Labelled answers: a client has given its request a label, and gets everything that
//! answers it with this label. One line has the label itself, several come in a batch
//! that has it, and a request that is answered with nothing is acknowledged.
//!
//! Only the first line is held back until it is known whether there are more.

use super::Terms;

/// The longest label, in bytes as it is written. A longer one is ignored.
pub const MAX_LABEL: usize = 64;

/// The answers to the request that is being answered.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// The line that has come first, or the batch.
    held: Vec<u8>,
    /// The batch that has begun.
    batch: Option<String>,
    /// How many there have been.
    batches: u64,
}

impl Answers {
    /// Adds lines to the answers to the request with this label.
    pub fn add(
        &mut self,
        terms: &Terms,
        (label, has_batches): (&str, bool),
        lines: &[u8],
        out: &mut Vec<u8>,
    ) {
        for unit in Units(lines) {
            if self.held.is_empty() && self.batch.is_none() {
                self.held.extend_from_slice(unit);
                continue;
            }
            let batch = match &self.batch {
                Some(batch) => batch.clone(),
                None => self.begin(terms, (label, has_batches), out),
            };
            append(unit, &batch, out);
        }
    }

    /// Begins a batch with what is held. Clients without batches get the label with the
    /// first line.
    fn begin(
        &mut self,
        terms: &Terms,
        (label, has_batches): (&str, bool),
        out: &mut Vec<u8>,
    ) -> String {
        let held = std::mem::take(&mut self.held);
        let mut batch = String::new();
        match has_batches {
            true => {
                self.batches += 1;
                batch = format!("l{}", self.batches);
                let name = &terms.name;
                let begin = format!("@label={label} :{name} BATCH +{batch} labeled-response\r\n");
                out.extend_from_slice(begin.as_bytes());
                append(&held, &batch, out);
            }
            false => tagged(&held, &format!("label={label}"), out),
        }
        self.batch = Some(batch.clone());
        batch
    }

    /// Ends the answers to a request.
    pub fn end(&mut self, terms: &Terms, label: &str, out: &mut Vec<u8>) {
        let held = std::mem::take(&mut self.held);
        let name = &terms.name;
        match self.batch.take() {
            Some(batch) if batch.is_empty() => {}
            Some(batch) => {
                out.extend_from_slice(format!(":{name} BATCH -{batch}\r\n").as_bytes());
            }
            None if held.is_empty() => {
                let ack = format!("@label={label} :{name} ACK\r\n");
                out.extend_from_slice(ack.as_bytes());
            }
            None => tagged(&held, &format!("label={label}"), out),
        }
    }
}

/// Appends a line with one more tag, which comes first.
pub fn tagged(line: &[u8], tag: &str, out: &mut Vec<u8>) {
    out.push(b'@');
    out.extend_from_slice(tag.as_bytes());
    match line.strip_prefix(b"@") {
        Some(rest) => {
            out.push(b';');
            out.extend_from_slice(rest);
        }
        None => {
            out.push(b' ');
            out.extend_from_slice(line);
        }
    }
}

/// Appends lines that belong to a batch; those of a batch in it say so already.
fn append(lines: &[u8], batch: &str, out: &mut Vec<u8>) {
    let tag = format!("batch={batch}");
    for line in lines.split_inclusive(|&byte| byte == b'\n') {
        match batch.is_empty() || has_batch(line) {
            true => out.extend_from_slice(line),
            false => tagged(line, &tag, out),
        }
    }
}

/// Whether a line says that it belongs to a batch. Its own tag comes first.
fn has_batch(line: &[u8]) -> bool {
    line.starts_with(b"@batch=")
}

/// Lines one by one, and what is a batch as a whole.
struct Units<'a>(&'a [u8]);

impl<'a> Iterator for Units<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let first = line_end(self.0)?;
        let end = match batch_of(self.0.get(..first)?, b'+') {
            None => first,
            Some(batch) => self.end_of(batch).unwrap_or(self.0.len()),
        };
        let (unit, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(unit)
    }
}

impl Units<'_> {
    /// Where a batch ends.
    fn end_of(&self, batch: &[u8]) -> Option<usize> {
        let mut end = 0;
        loop {
            let rest = self.0.get(end..)?;
            let line = rest.get(..line_end(rest)?)?;
            end += line.len();
            if batch_of(line, b'-') == Some(batch) {
                return Some(end);
            }
        }
    }
}

/// Where the first line ends; `None` if there is none.
fn line_end(bytes: &[u8]) -> Option<usize> {
    let end = memchr::memchr(b'\n', bytes).map(|end| end + 1);
    end.or((!bytes.is_empty()).then_some(bytes.len()))
}

/// The batch that a line begins (`+`) or ends (`-`).
fn batch_of(line: &[u8], sign: u8) -> Option<&[u8]> {
    let mut words = line.trim_ascii_end().split(|&byte| byte == b' ');
    let is_before = |word: &&[u8]| word.starts_with(b"@") || word.starts_with(b":");
    let command = words.by_ref().find(|word| !is_before(word))?;
    let batch = words.next().filter(|_| command == b"BATCH")?;
    batch.strip_prefix(&[sign])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(has_batches: bool, lines: &[&str]) -> String {
        let (mut answers, mut out) = (Answers::default(), Vec::new());
        let terms = Terms::default();
        for line in lines {
            answers.add(&terms, ("x", has_batches), line.as_bytes(), &mut out);
        }
        answers.end(&terms, "x", &mut out);
        String::from_utf8(out)
            .unwrap()
            .replace("irc.localhost", "s")
    }

    #[test]
    fn a_label_comes_once() {
        assert_eq!(answered(true, &[]), "@label=x :s ACK\r\n");
        assert_eq!(answered(true, &[":s A\r\n"]), "@label=x :s A\r\n");
        assert_eq!(answered(true, &["@a=b :s A\r\n"]), "@label=x;a=b :s A\r\n");
        let several = answered(true, &[":s A\r\n@t :s B\r\n", ":s C\r\n"]);
        let expected = "@label=x :s BATCH +l1 labeled-response\r\n\
                        @batch=l1 :s A\r\n@batch=l1;t :s B\r\n@batch=l1 :s C\r\n:s BATCH -l1\r\n";
        assert_eq!(several, expected);
        let several = answered(false, &[":s A\r\n:s B\r\n"]);
        assert_eq!(several, "@label=x :s A\r\n:s B\r\n");
    }

    #[test]
    fn a_batch_in_the_answer_stays_one() {
        let history = ":s BATCH +h chathistory #c\r\n@batch=h :a A\r\n:s BATCH -h\r\n";
        let labelled = format!("@label=x {history}");
        assert_eq!(answered(true, &[history]), labelled);
        let both = answered(true, &[history, ":s B\r\n"]);
        assert!(both.contains("\r\n@batch=l1 :s BATCH +h chathistory #c\r\n@batch=h :a A\r\n"));
        assert!(both.contains("@batch=l1 :s BATCH -h\r\n@batch=l1 :s B\r\n"));
    }
}
