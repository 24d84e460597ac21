//! The documentation as a book, at `/docs/book`.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::http::{Folder, Rejection, Shelf};

/// Only the book's own scripts, none of which are in its pages. Its style sheet has pictures, and
/// its tables say in attributes how their columns are aligned. Without
/// scripts its contents are in a frame.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src-attr 'unsafe-inline'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'self'; object-src 'none'";

static SHELF: Shelf = Shelf {
    path: "/docs/book",
    policy: POLICY,
    without: Rejection::NoBook,
};

/// What is served at the path: the book in the folder that the configuration names, or else this
/// program's.
pub(super) fn folder(named: Option<PathBuf>) -> Folder {
    Folder::on(&SHELF, place(named))
}

/// Whether there is a book to serve.
pub(super) fn is_there(named: Option<PathBuf>) -> bool {
    place(named).join("index.html").is_file()
}

fn place(named: Option<PathBuf>) -> PathBuf {
    static INSTALLED: LazyLock<PathBuf> = LazyLock::new(|| {
        let program = env::current_exe().unwrap_or_default();
        installed_with(&program)
    });
    named.unwrap_or_else(|| INSTALLED.clone())
}

/// Where packages put the book of a program, or `make docs` if it runs where it was built.
fn installed_with(program: &Path) -> PathBuf {
    let above = program.ancestors().nth(2).unwrap_or(Path::new("/"));
    match above.file_name() {
        Some(name) if name == "target" => above.join("book"),
        _ => above.join("share/doc/chat-server/book"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_book_is_where_the_program_was_installed_or_built() {
        for (program, book) in [
            ("/usr/bin/chat-server", "/usr/share/doc/chat-server/book"),
            (
                "/opt/chat/bin/chat-server",
                "/opt/chat/share/doc/chat-server/book",
            ),
            ("/src/target/release/chat-server", "/src/target/book"),
            ("/chat-server", "/share/doc/chat-server/book"),
            ("", "/share/doc/chat-server/book"),
        ] {
            assert_eq!(installed_with(Path::new(program)), Path::new(book));
        }
    }
}
