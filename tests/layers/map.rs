//! The rules in `docs/architecture.md`: the code map's rows, and the cycles
//! that stay.

use std::collections::{BTreeMap, BTreeSet};

use crate::circles;

/// The rules.
pub struct Map {
    /// The modules that each module may use.
    pub rows: BTreeMap<String, BTreeSet<String>>,
    /// Sets of files that may use each other.
    pub circles: Vec<BTreeSet<String>>,
}

impl Map {
    /// Reads the tables under `## Code map` and `### Circles that stay`.
    pub fn parse(page: &str) -> Map {
        let mut rows = BTreeMap::new();
        let mut circles = Vec::new();
        let mut heading = "";
        for line in page.lines() {
            if line.starts_with('#') {
                heading = line.trim_start_matches('#').trim();
                continue;
            }
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, first, .., last, _] = cells.as_slice() else {
                continue;
            };
            let named = names(first);
            if named.is_empty() {
                continue;
            }
            match heading {
                "Code map" => {
                    let may_use: BTreeSet<String> = names(last).into_iter().collect();
                    for name in named {
                        rows.insert(name, may_use.clone());
                    }
                }
                "Circles that stay" => circles.push(named.into_iter().collect()),
                _ => {}
            }
        }
        Map { rows, circles }
    }

    /// Errors in the rules themselves.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.rows.is_empty() {
            faults.push("the page has no code map".to_owned());
        }
        for (row, may_use) in &self.rows {
            for unknown in may_use.iter().filter(|name| !self.rows.contains_key(*name)) {
                faults.push(format!("{row} may use {unknown}, which has no row"));
            }
        }
        for circle in circles::find(&self.rows) {
            let circle: Vec<String> = circle.into_iter().collect();
            faults.push(format!("the code map has a circle: {}", circle.join(", ")));
        }
        faults
    }
}

/// The names between backticks, without the slash of folders.
fn names(cell: &str) -> Vec<String> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted
        .map(|name| name.trim_end_matches('/').to_owned())
        .collect()
}
