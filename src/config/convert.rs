//! Writes an older server's configuration file in today's form.

use std::path::Path;

use serde_json::{Map, Value as Json};

use super::document::Node;
use super::file::{Reading, parse, read_file, unreadable};
use super::loader::Loader;
use super::originals::{Note, Original};
use super::problem::{Origin, Problem, Problems};

/// A configuration in today's form.
#[derive(Clone, Debug)]
pub struct Converted {
    /// The document; unchanged if it was in today's form already.
    pub json: String,
    /// What became of each key.
    pub notes: Vec<Note>,
}

/// Reads the file at `path` and writes it in today's form. Host names,
/// certificates and folders are not checked here: they depend on the machine that
/// will use the configuration.
pub fn convert(path: &Path) -> Result<Converted, Problems> {
    let origin = Origin::File(path.to_owned());
    let problem = |key: &str, what: String| Problem {
        path: key.to_owned(),
        origin: origin.clone(),
        what,
    };
    let failed = |what: String| Problems(vec![problem("", what)]);
    let text = read_file(path, Reading::First).map_err(|error| failed(unreadable(&error)))?;
    let entries = parse(&text, path).map_err(failed)?;
    let Some(original) = Original::of(&entries) else {
        return todays(&text, entries, path);
    };
    let translated = original.translate(&entries, path);
    if !translated.mistakes.is_empty() {
        let mistakes = translated.mistakes.iter();
        let mistakes = mistakes.map(|(key, what)| problem(key, what.clone()));
        return Err(Problems(mistakes.collect()));
    }
    Ok(Converted {
        json: pretty(&translated.document()),
        notes: translated.notes,
    })
}

/// A file in today's form: JSON is returned unchanged, YAML becomes JSON.
fn todays(text: &str, entries: Vec<(String, Node)>, path: &Path) -> Result<Converted, Problems> {
    let mut loader = Loader::default();
    loader.object("", &entries, &Origin::File(path.to_owned()));
    if !loader.problems.is_empty() {
        return Err(Problems(loader.problems));
    }
    let is_json = Node::parse(text).is_ok();
    Ok(Converted {
        json: match is_json {
            true => format!("{}\n", text.trim_start_matches('\u{feff}').trim_end()),
            false => pretty(&json(Node::Object(entries))),
        },
        notes: vec![Note {
            key: path.display().to_string(),
            what: "in today's form already".to_owned(),
        }],
    })
}

fn json(node: Node) -> Json {
    match node {
        Node::Null => Json::Null,
        Node::Bool(value) => value.into(),
        Node::Number(number) => Json::Number(number),
        Node::Text(text) => text.into(),
        Node::List(items) => items.into_iter().map(json).collect(),
        Node::Object(entries) => {
            let entries = entries.into_iter().map(|(key, node)| (key, json(node)));
            Json::Object(entries.collect::<Map<_, _>>())
        }
    }
}

fn pretty(document: &Json) -> String {
    format!("{document:#}\n")
}
