//! Cycles in a graph of names.

use std::collections::{BTreeMap, BTreeSet};

/// The names that each name uses.
pub type Graph = BTreeMap<String, BTreeSet<String>>;

/// Sets of two or more names that all reach each other.
pub fn find(graph: &Graph) -> Vec<BTreeSet<String>> {
    let reach: BTreeMap<&String, BTreeSet<String>> = graph
        .keys()
        .map(|name| (name, reached(graph, name)))
        .collect();
    let mut found: Vec<BTreeSet<String>> = Vec::new();
    for (name, reached) in &reach {
        let back = |other: &&String| reach.get(other).is_some_and(|back| back.contains(*name));
        let mut circle: BTreeSet<String> = reached.iter().filter(back).cloned().collect();
        circle.insert((*name).clone());
        if circle.len() > 1 && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found
}

fn reached(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<&String> = graph.get(from).into_iter().flatten().collect();
    while let Some(name) = ahead.pop() {
        if reached.insert(name.clone()) {
            ahead.extend(graph.get(name).into_iter().flatten());
        }
    }
    reached
}

/// The cycles that are not allowed, and the allowed ones that no longer exist.
pub fn faults(graph: &Graph, allowed: &[BTreeSet<String>]) -> Vec<String> {
    let found = find(graph);
    let listed = |names: &BTreeSet<String>| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        names.join(", ")
    };
    let mut faults = Vec::new();
    for circle in &found {
        if !allowed.iter().any(|allowed| circle.is_subset(allowed)) {
            faults.push(format!("these files use each other: {}", listed(circle)));
        }
    }
    for row in allowed {
        for name in row {
            let still = |circle: &&BTreeSet<String>| circle.is_subset(row) && circle.contains(name);
            if !found.iter().any(|circle| still(&circle)) {
                faults.push(format!(
                    "{name} is in no circle any more: take it off the list"
                ));
            }
        }
    }
    faults
}
