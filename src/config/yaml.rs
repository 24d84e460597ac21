//! A configuration file in YAML, as the same [`Node`]s that JSON becomes.
//!
//! Scalars mean what they mean in YAML 1.2, where `off` and `yes` are text.
//! Aliases, tags and several documents are refused: they could make a small file
//! large, or let one part of it change the meaning of another.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError};
use serde_json::Number;

use super::document::Node;
use crate::model::text::without_byte_order_mark;

/// The deepest nesting of lists and mappings; settings need two levels.
const MAX_DEPTH: usize = 32;

/// Reads a whole document. The error is a message that ends with line and column.
pub(super) fn parse(text: &str) -> Result<Node, String> {
    let text = without_byte_order_mark(text);
    let mut building = Building::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| at(error.marker(), words(&error)))?;
        building.take(event).map_err(|what| at(&span.start, what))?;
    }
    Ok(building.whole.unwrap_or(Node::Null))
}

fn words(error: &ScanError) -> &str {
    error.info()
}

fn at(place: &Marker, what: &str) -> String {
    format!("{what} at line {} column {}", place.line(), place.col() + 1)
}

/// A document, partly read.
#[derive(Default)]
struct Building {
    /// Open lists and mappings, the innermost last.
    open: Vec<Open>,
    whole: Option<Node>,
    documents: usize,
}

enum Open {
    List(Vec<Node>),
    /// A mapping, with the key that waits for its value.
    Mapping(Vec<(String, Node)>, Option<String>),
}

impl Building {
    fn take(&mut self, event: Event<'_>) -> Result<(), &'static str> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                match self.documents {
                    1 => Ok(()),
                    _ => Err("a second document; a configuration is one"),
                }
            }
            Event::Alias(_) => Err("an alias; write the value itself"),
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => Err("a tag; leave it out"),
            Event::Scalar(text, style, _, None) => self.scalar(&text, style),
            Event::SequenceStart(..) => self.begin(Open::List(Vec::new())),
            Event::MappingStart(..) => self.begin(Open::Mapping(Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List(items)) => self.value(Node::List(items)),
                Some(Open::Mapping(entries, _)) => self.value(Node::Object(entries)),
                None => Err("an end without a beginning"),
            },
        }
    }

    fn begin(&mut self, open: Open) -> Result<(), &'static str> {
        if self.open.len() >= MAX_DEPTH {
            return Err("too many levels");
        }
        if let Some(Open::Mapping(_, None)) = self.open.last() {
            return Err("a key that is no text");
        }
        self.open.push(open);
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle) -> Result<(), &'static str> {
        if let Some(Open::Mapping(_, key @ None)) = self.open.last_mut() {
            *key = Some(text.to_owned());
            return Ok(());
        }
        self.value(match style {
            ScalarStyle::Plain => plain(text),
            _ => Node::Text(text.to_owned()),
        })
    }

    fn value(&mut self, node: Node) -> Result<(), &'static str> {
        match self.open.last_mut() {
            None => self.whole = Some(node),
            Some(Open::List(items)) => items.push(node),
            Some(Open::Mapping(entries, key)) => match key.take() {
                Some(key) => entries.push((key, node)),
                None => return Err("a key that is no text"),
            },
        }
        Ok(())
    }
}

/// The value of a scalar without quotes, by YAML's core schema.
fn plain(text: &str) -> Node {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Node::Null,
        "true" | "True" | "TRUE" => return Node::Bool(true),
        "false" | "False" | "FALSE" => return Node::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit());
    let number = text.strip_prefix('+').unwrap_or(text);
    let whole = number.parse::<i64>().map(Number::from).ok();
    let whole = whole.or_else(|| number.parse::<u64>().map(Number::from).ok());
    let parsed = whole.or_else(|| Number::from_f64(number.parse().ok()?));
    match parsed {
        Some(number) if is_number => Node::Number(number),
        _ => Node::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match parse(text) {
            Ok(node) => format!("{node:?}"),
            Err(error) => error,
        }
    }

    #[test]
    fn scalars_are_those_of_the_core_schema() {
        for (text, expected) in [
            ("7000", "Number(Number(7000))"),
            ("-1", "Number(Number(-1))"),
            ("0.5", "Number(Number(0.5))"),
            ("\"7000\"", "Text(\"7000\")"),
            ("':7000'", "Text(\":7000\")"),
            (":7000", "Text(\":7000\")"),
            ("localhost:7000", "Text(\"localhost:7000\")"),
            ("off", "Text(\"off\")"),
            ("yes", "Text(\"yes\")"),
            ("true", "Bool(true)"),
            ("~", "Null"),
            ("", "Null"),
            ("# nothing but a comment", "Null"),
            ("infinity", "Text(\"infinity\")"),
            ("nan", "Text(\"nan\")"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
        let document = "---\n# where\naddr: \":7000\" # all\nlist: [a, 1]\n...\n";
        let expected =
            r#"Object([("addr", Text(":7000")), ("list", List([Text("a"), Number(Number(1))]))])"#;
        assert_eq!(shown(document), expected);
        assert_eq!(shown(&format!("\u{feff}{document}")), expected);
    }

    #[test]
    fn what_is_no_plain_document_is_refused_with_its_place() {
        for (text, words) in [
            (
                "a: &x 1\nb: *x",
                "an alias; write the value itself at line 2 column 4",
            ),
            ("a: !!str 1", "a tag; leave it out at line 1 column "),
            (
                "a: 1\n---\nb: 2",
                "a second document; a configuration is one at line 2",
            ),
            ("? [a]\n: 1", "a key that is no text at line 1 column 3"),
            ("a: [1", " at line "),
            ("a: \"x", " at line "),
            ("a: b: c", " at line 1 column "),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(words), "{text:?}: {error}");
        }
        let deep = "[".repeat(MAX_DEPTH + 1);
        assert!(parse(&deep).unwrap_err().starts_with("too many levels"));
    }
}
