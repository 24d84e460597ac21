//! Which module and which file of the source uses which.

use std::collections::BTreeMap;

use crate::circles::Graph;

type Path = Vec<String>;

/// The imports of a source tree.
pub struct Source {
    /// The files, by module path.
    files: BTreeMap<Path, String>,
    /// What a module re-exports under its own name, and where it is defined.
    given_on: BTreeMap<Path, Path>,
    /// Every path in the code that begins in this crate, with the module of its
    /// file.
    paths: Vec<(Path, Path)>,
    /// The same between modules of the first level.
    pub arrows: Vec<Arrow>,
}

/// One module's use of another.
pub struct Arrow {
    pub file: String,
    pub from: String,
    /// None if the path cannot be resolved.
    pub to: Option<String>,
    pub path: String,
}

impl Source {
    /// Reads files, given as paths relative to `src` with their text.
    pub fn parse(files: &[(String, String)]) -> Source {
        let mut source = Source {
            files: files
                .iter()
                .map(|(file, _)| (module_of(file), file.clone()))
                .collect(),
            given_on: BTreeMap::new(),
            paths: Vec::new(),
            arrows: Vec::new(),
        };
        for (file, text) in files {
            let module = module_of(file);
            for found in paths_in(&without_tests(&tokens(text))) {
                source.take(&module, found);
            }
        }
        source.arrows = source
            .paths
            .iter()
            .filter_map(|(m, p)| source.arrow(m, p))
            .collect();
        source
    }

    /// The modules of the first level.
    pub fn modules(&self) -> impl Iterator<Item = &str> {
        let modules = self.files.keys().filter(|module| module.len() == 1);
        modules.filter_map(|module| module.first().map(String::as_str))
    }

    fn take(&mut self, module: &Path, found: Found) {
        let mut within = module.clone();
        within.extend(found.inline);
        let Some(path) = self.absolute(&within, &found.path) else {
            return;
        };
        if found.is_public {
            let name = found.name.or_else(|| path.last().cloned());
            within.extend(name);
            self.given_on.insert(within, path.clone());
        }
        self.paths.push((module.clone(), path));
    }

    /// The path from the root of the crate; none if it belongs to another
    /// crate.
    fn absolute(&self, within: &Path, path: &Path) -> Option<Path> {
        let (first, rest) = path.split_first()?;
        let mut base = match first.as_str() {
            "crate" | "chat_server" => Vec::new(),
            "self" => within.clone(),
            "super" => within[..within.len().saturating_sub(1)].to_vec(),
            child => {
                let mut base = within.clone();
                base.push(child.to_owned());
                self.files.contains_key(&base).then_some(())?;
                base
            }
        };
        for part in rest {
            match part.as_str() {
                "super" => drop(base.pop()),
                "self" => {}
                _ => base.push(part.clone()),
            }
        }
        Some(base)
    }

    fn arrow(&self, module: &Path, path: &Path) -> Option<Arrow> {
        // The library's root re-exports from everywhere.
        let from = module.first()?.clone();
        let mut path = path.clone();
        let written = format!("crate::{}", path.join("::"));
        if let Some(first) = path.first()
            && !self.files.contains_key(std::slice::from_ref(first))
            && let Some(origin) = self.given_on.get(std::slice::from_ref(first))
        {
            path = origin.clone();
        }
        let to = path.first().filter(|to| {
            let module = std::slice::from_ref(*to);
            self.files.contains_key(module)
        });
        Some(Arrow {
            file: self.files.get(module)?.clone(),
            from,
            to: to.cloned(),
            path: written,
        })
    }

    /// Which file uses which. A module's use of its own submodules does not
    /// count.
    pub fn between_files(&self) -> Graph {
        let mut graph = Graph::new();
        let name = |module: &Path| module.join("/");
        for (module, path) in &self.paths {
            let Some(target) = self.file_of(path) else {
                continue;
            };
            let is_part = target.starts_with(module);
            if !module.is_empty() && !target.is_empty() && !is_part {
                graph.entry(name(module)).or_default().insert(name(&target));
            }
        }
        graph
    }

    /// The module in whose file the path's target is defined.
    fn file_of(&self, path: &Path) -> Option<Path> {
        let mut path = path.clone();
        // A re-export may lead to another re-export; the number of steps is
        // limited.
        for _ in 0..8 {
            let given = (1..=path.len()).rev().find_map(|end| {
                let (named, rest) = path.split_at(end);
                let is_file = self.files.contains_key(named);
                let origin = self.given_on.get(named).filter(|_| !is_file)?;
                Some([origin.as_slice(), rest].concat())
            });
            match given {
                Some(origin) if origin != path => path = origin,
                _ => break,
            }
        }
        let mut ends = (0..=path.len()).rev();
        let end = ends.find(|end| self.files.contains_key(&path[..*end]))?;
        Some(path[..end].to_vec())
    }
}

fn module_of(file: &str) -> Path {
    match file.trim_end_matches(".rs") {
        "lib" => Vec::new(),
        module => module.split('/').map(str::to_owned).collect(),
    }
}

/// A path found in the code.
struct Found {
    path: Path,
    /// The inline modules around it.
    inline: Path,
    is_public: bool,
    /// The name it is known by, if it is not the last part.
    name: Option<String>,
}

/// The words and symbols of a text, without comments and literals.
pub fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        match (at(i), at(i + 1)) {
            ('/', '/') => {
                while i < chars.len() && at(i) != '\n' {
                    i += 1
                }
            }
            ('/', '*') => {
                let mut depth = 0;
                while i < chars.len() {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
            ('"', _) => {
                i += 1;
                while i < chars.len() && at(i) != '"' {
                    i += if at(i) == '\\' { 2 } else { 1 };
                }
                i += 1;
            }
            ('\'', '\\') => {
                i += 3;
                while i < chars.len() && at(i) != '\'' {
                    i += 1;
                }
                i += 1;
            }
            ('\'', _) if at(i + 2) == '\'' => i += 3,
            (':', ':') => {
                tokens.push("::".to_owned());
                i += 2;
            }
            (c, _) if is_word(c) => {
                let start = i;
                while is_word(at(i)) {
                    i += 1;
                }
                let word: String = chars[start..i].iter().collect();
                let is_raw = matches!(word.as_str(), "r" | "br" | "cr");
                let hashes = (i..).take_while(|i| at(*i) == '#').count();
                if is_raw && at(i + hashes) == '"' {
                    let end: String = format!("\"{}", "#".repeat(hashes));
                    let end: Vec<char> = end.chars().collect();
                    i += hashes + 1;
                    while i < chars.len() && !chars[i..].starts_with(&end) {
                        i += 1;
                    }
                    i += end.len();
                } else {
                    // `r#name` is `name`.
                    if is_raw && hashes == 1 {
                        i += 1;
                    } else {
                        tokens.push(word);
                    }
                }
            }
            (c, _) if c.is_whitespace() => i += 1,
            (c, _) => {
                tokens.push(c.to_string());
                i += 1;
            }
        }
    }
    tokens
}

/// Removes unit tests, which may use whatever they need.
pub fn without_tests(tokens: &[String]) -> Vec<String> {
    const TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut i = 0;
    while let Some(token) = tokens.get(i) {
        if !tokens[i..].iter().map(String::as_str).take(7).eq(TEST) {
            kept.push(token.clone());
            i += 1;
            continue;
        }
        i += TEST.len();
        let mut depth = 0;
        while let Some(token) = tokens.get(i) {
            i += 1;
            match token.as_str() {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            if depth == 0 && matches!(token.as_str(), ";" | "}") {
                break;
            }
        }
    }
    kept
}

/// Every path that is imported or begins in this crate.
fn paths_in(tokens: &[String]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut inline: Vec<(usize, String)> = Vec::new();
    let mut depth = 0;
    let at = |i: usize| tokens.get(i).map_or("", String::as_str);
    let mut i = 0;
    while i < tokens.len() {
        let before = i.checked_sub(1).map_or("", at);
        match at(i) {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                inline.retain(|(within, _)| *within <= depth);
            }
            "mod" if at(i + 2) == "{" => inline.push((depth + 1, at(i + 1).to_owned())),
            "use" if at(i + 1) != "<" => {
                let is_public = matches!(before, "pub" | ")");
                let names: Path = inline.iter().map(|(_, name)| name.clone()).collect();
                i += 1;
                tree(tokens, &mut i, &Vec::new(), &mut |path, name| {
                    found.push(Found {
                        path,
                        inline: names.clone(),
                        is_public,
                        name,
                    });
                });
                continue;
            }
            "crate" | "super" | "self" | "chat_server" if at(i + 1) == "::" && before != "::" => {
                let mut path = vec![at(i).to_owned()];
                while at(i + 1) == "::"
                    && at(i + 2).starts_with(|c: char| c == '_' || c.is_alphabetic())
                {
                    path.push(at(i + 2).to_owned());
                    i += 2;
                }
                found.push(Found {
                    path,
                    inline: inline.iter().map(|(_, name)| name.clone()).collect(),
                    is_public: false,
                    name: None,
                });
            }
            _ => {}
        }
        i += 1;
    }
    found
}

/// One branch of a `use` tree.
fn tree(
    tokens: &[String],
    i: &mut usize,
    before: &Path,
    take: &mut impl FnMut(Path, Option<String>),
) {
    let mut path = before.clone();
    loop {
        let token = tokens.get(*i).map_or(";", String::as_str);
        match token {
            "{" => {
                *i += 1;
                while !matches!(tokens.get(*i).map_or("}", String::as_str), "}") {
                    tree(tokens, i, &path, take);
                    if tokens.get(*i).is_some_and(|token| token == ",") {
                        *i += 1;
                    }
                }
                *i += 1;
                return;
            }
            "::" => *i += 1,
            "as" => {
                let name = tokens.get(*i + 1).cloned();
                *i += 2;
                return take(path, name);
            }
            "," | "}" | ";" => return take(path, None),
            "*" => {
                *i += 1;
                return take(path, None);
            }
            part => {
                path.push(part.to_owned());
                *i += 1;
            }
        }
    }
}
