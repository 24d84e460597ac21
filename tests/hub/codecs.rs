//! Codecs keep the rules in `checks`, for the seeds of the fuzz targets and for
//! small changes to them.
//!
//! `fuzz/` searches for hours with the same checks, this for a moment. What it
//! finds becomes a seed, so this test checks it from then on.

use std::fs;
use std::path::{Path, PathBuf};

use crate::checks;
use chat_server::protocol::commands;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};

/// Inputs tried besides the seeds.
const CASES: u32 = 256;
/// Bytes with a meaning in one codec or another.
const TELLING: &[u8] =
    b"\0\x01\x1b\r\n\t \"\\{}[]:,;=&%+#@/.-_0a\x7f\x80\xc2\xe2\xef\xff\xfe\xfb\xfa\xf0";

macro_rules! codecs {
    ($($codec:ident,)*) => {
        $(
            #[test]
            fn $codec() {
                holds(stringify!($codec), checks::$codec::check);
            }
        )*

        #[test]
        fn every_codec_is_fuzzed_and_every_target_checked_here() {
            let codecs = [$(stringify!($codec)),*];
            let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
            let targets = manifest.lines().filter_map(|line| {
                line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\"")
            });
            assert_eq!(targets.collect::<Vec<_>>(), codecs);
        }
    };
}

codecs! {
    bans,
    chat_log,
    chat_log_lines,
    chunked,
    config,
    direct,
    events,
    form,
    handshake,
    head,
    hooks,
    ids,
    irc,
    json,
    line,
    name,
    room,
    search,
    styled,
    telnet,
    text,
    tokens,
    websocket,
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn holds(codec: &str, check: fn(&[u8])) {
    let seeds = seeds(codec);
    for (path, seed) in &seeds {
        println!("{}", path.display());
        check(seed);
    }
    let config = Config {
        cases: CASES,
        // An input that fails becomes a seed instead.
        failure_persistence: None,
        ..Config::default()
    };
    let seeds: Vec<Vec<u8>> = seeds.into_iter().map(|(_, seed)| seed).collect();
    let result = TestRunner::new(config).run(&inputs(seeds), |input| {
        check(&input);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}\nMake it a seed: fuzz/corpus-seed/{codec}/");
    }
}

fn seeds(codec: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = fuzz().join("corpus-seed").join(codec);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let paths = files.map(|file| file.unwrap().path());
    let seeds: Vec<_> = paths
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    assert!(!seeds.is_empty(), "{folder:?} has no seeds");
    seeds.into_iter().chain(declared(codec)).collect()
}

/// The examples in the table of commands: they need no seeds of their own.
fn declared(codec: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let examples: Vec<(&str, String)> = match codec {
        "line" => commands::all()
            .filter_map(|spec| spec.line.as_ref())
            .map(|line| (line.name(), line.example.to_owned()))
            .collect(),
        "json" => commands::all()
            .filter_map(|spec| spec.json.as_ref())
            .map(|json| (json.kind, json.frame()))
            .collect(),
        _ => Vec::new(),
    };
    let seed = |(name, example): (&str, String)| {
        let file = format!("command-{}", name.trim_start_matches('/'));
        (PathBuf::from(file), example.into_bytes())
    };
    examples.into_iter().map(seed).collect()
}

/// Not a test: `.ci/fuzz` runs it to write the same seeds into existing folders
/// of the fuzz targets.
#[test]
#[ignore = "run by .ci/fuzz"]
fn seeds_of_declared_commands() {
    let corpus = PathBuf::from(std::env::var_os("CHAT_FUZZ_CORPUS").unwrap());
    for codec in ["line", "json"] {
        for (name, seed) in declared(codec) {
            fs::write(corpus.join(codec).join(name), seed).unwrap();
        }
    }
}

/// A change of an input.
#[derive(Clone, Debug)]
enum Change {
    Insert(Index, Vec<u8>),
    Replace(Index, u8),
    Remove(Index, usize),
    /// Repeats a piece of it.
    Repeat(Index, usize),
}

/// Seeds with a few changes, and now and then a random input.
fn inputs(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let seed = prop_oneof![
        9 => select(seeds),
        1 => vec(byte(), 0..200),
    ];
    (seed, vec(change(), 0..6)).prop_map(|(seed, changes)| changes.iter().fold(seed, changed))
}

fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![select(TELLING), any::<u8>()]
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>();
    let text = "\\PC{1,4}".prop_map(String::into_bytes);
    let bytes = prop_oneof![vec(byte(), 1..8), text];
    prop_oneof![
        (at, bytes).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (any::<Index>(), byte()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (any::<Index>(), 1usize..20).prop_map(|(at, length)| Change::Remove(at, length)),
        (any::<Index>(), 1usize..60).prop_map(|(at, length)| Change::Repeat(at, length)),
    ]
}

fn changed(mut input: Vec<u8>, change: &Change) -> Vec<u8> {
    let end = |at: usize, length: usize, input: &[u8]| (at + length).min(input.len());
    match change {
        Change::Insert(at, bytes) => {
            let at = at.index(input.len() + 1);
            input.splice(at..at, bytes.iter().copied());
        }
        Change::Replace(at, byte) if !input.is_empty() => {
            let at = at.index(input.len());
            input[at] = *byte;
        }
        Change::Remove(at, length) => {
            let at = at.index(input.len() + 1);
            input.drain(at..end(at, *length, &input));
        }
        Change::Repeat(at, length) => {
            let at = at.index(input.len() + 1);
            let piece = input[at..end(at, *length, &input)].to_vec();
            input.splice(at..at, piece);
        }
        Change::Replace(..) => {}
    }
    input
}
