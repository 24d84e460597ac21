//! The code map of `docs/architecture.md` is a rule: a module uses only what
//! its row names, no two files of `src` use each other, and every exception
//! stands on the same page with its reason.

mod circles;
mod gates;
mod map;
mod planted;
mod planted_gates;
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use map::Map;
use source::Source;

#[test]
fn the_code_keeps_to_the_code_map() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let mut files = Vec::new();
    collect(&root.join("src"), "", &mut files);
    assert!(files.len() > 100, "only {} files were found", files.len());
    let faults = faults(&page, &files);
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn there_is_no_other_way_than_the_gates() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("src"), "", &mut files);
    let mut faults = gates::faults(&files);
    faults.extend(gates::stale(&files));
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// All Rust files below a folder, with paths relative to `src`.
fn collect(folder: &Path, below: &str, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{below}{name}");
        if entry.file_type().unwrap().is_dir() {
            // Code written by the gRPC compiler uses only its own crates.
            if name != "generated" {
                collect(&entry.path(), &format!("{path}/"), files);
            }
        } else if name.ends_with(".rs") {
            files.push((path, fs::read_to_string(entry.path()).unwrap()));
        }
    }
}

/// Everything in `files` (path relative to `src`, text) that the page forbids.
fn faults(page: &str, files: &[(String, String)]) -> Vec<String> {
    let map = Map::parse(page);
    let source = Source::parse(files);
    let mut faults = map.faults();
    let modules: BTreeSet<&str> = source.modules().collect();
    for module in &modules {
        if !map.rows.contains_key(*module) {
            faults.push(format!("{module} has no row in the code map"));
        }
    }
    for row in map.rows.keys() {
        if !modules.contains(row.as_str()) {
            faults.push(format!("{row} has a row in the code map and is no module"));
        }
    }
    for arrow in &source.arrows {
        let Some(to) = &arrow.to else {
            let (file, path) = (&arrow.file, &arrow.path);
            faults.push(format!("{file}: name a module instead of {path}"));
            continue;
        };
        let may_use = map.rows.get(&arrow.from);
        if *to != arrow.from && may_use.is_some_and(|may_use| !may_use.contains(to)) {
            let (file, from, path) = (&arrow.file, &arrow.from, &arrow.path);
            faults.push(format!("{file}: {from} may not use {to} ({path})"));
        }
    }
    faults.extend(circles::faults(&source.between_files(), &map.circles));
    faults
}
