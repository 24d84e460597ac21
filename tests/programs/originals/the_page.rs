//! docs/coming-from.md: the tests it names exist, and its rows are counted.

use std::fs;
use std::path::{Path, PathBuf};

/// Every source below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut sources = Vec::new();
    for path in paths {
        if path.is_dir() {
            sources.extend(below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
    sources
}

/// The sources that the first part of a test's name may stand for: a file of
/// that name, or the files in a folder of that name.
fn sources(module: &str) -> Vec<PathBuf> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut sources = below(&tests);
    sources.retain(|source| {
        let folder = source.parent().and_then(Path::file_name);
        source.file_stem().is_some_and(|stem| stem == module)
            || folder.is_some_and(|folder| folder == module)
    });
    sources
}

fn exists(test: &str) -> bool {
    let (module, name) = test.split_once("::").expect("a module and a name");
    let sources = sources(module);
    let has = |source: &PathBuf| {
        let text = fs::read_to_string(source).unwrap();
        text.contains(&format!("fn {name}("))
    };
    match name {
        "" => !sources.is_empty(),
        _ => sources.iter().any(has),
    }
}

#[test]
fn every_expectation_is_held_by_a_test_or_has_a_reason() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/coming-from.md");
    let page = fs::read_to_string(page).unwrap();
    let (mut rows, mut held) = (0, 0);
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [number, _, verdict] = cells[..] else {
            continue;
        };
        let Ok(number) = number.parse::<usize>() else {
            continue;
        };
        rows += 1;
        assert_eq!(number, rows, "{row}");
        let quoted = verdict.split('`').skip(1).step_by(2);
        let tests: Vec<&str> = quoted.filter(|quoted| quoted.contains("::")).collect();
        for test in &tests {
            assert!(exists(test), "there is no test {test}: {row}");
        }
        if verdict.starts_with("held") {
            held += 1;
            assert!(!tests.is_empty(), "no test: {row}");
        } else {
            assert!(verdict.len() > "— ".len() + 10, "no reason: {row}");
        }
    }
    assert!(rows >= 114);
    let counted = format!("{rows} expectations: {held} are held");
    assert!(page.contains(&counted), "{counted}");
    assert!(
        page.contains(&format!("{} are not", rows - held)),
        "{counted}"
    );
}
