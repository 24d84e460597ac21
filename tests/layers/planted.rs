//! The check itself, on a small source tree with one fault at a time.

use crate::faults;

const PAGE: &str = "
## Code map

| module | is | never | may use |
| --- | --- | --- | --- |
| `main` | | | `hub`, `store` |
| `model/` | | | |
| `hub/` | | | `model` |
| `store/` | | | `model` |

### Circles that stay

| files | why |
| --- | --- |
| `store/rows`, `store/tables` | each is made of the other |
";

fn house() -> Vec<(String, String)> {
    let files = [
        (
            "lib.rs",
            "pub mod hub; mod model; mod store; pub use model::Name;",
        ),
        (
            "main.rs",
            "fn main() { chat_server::hub::run(); chat_server::store::open() }",
        ),
        ("model.rs", "pub struct Name;"),
        (
            "store.rs",
            "mod rows; mod tables; use crate::model::Name; pub struct Store;",
        ),
        ("store/rows.rs", "use super::tables::Table; pub struct Row;"),
        ("store/tables.rs", "use super::rows::Row; pub struct Table;"),
        (
            "hub.rs",
            "mod past; mod room; pub use room::Room; use crate::model::Name; pub struct Hub;",
        ),
        (
            "hub/room.rs",
            "// use crate::store::Store;
             /* crate::store::Store /* nested */ */
             const WORDS: &str = \"crate::store::Store\";
             const RAW: &str = r#\"use \"crate::store::Store\"; \"#;
             const QUOTE: char = '\"';
             use super::Hub;
             use crate::Name;
             fn f<'a>(c: char) -> impl Fn() + use<'a> { if c == '\\'' { crate::model::name() } }
             pub struct Room;
             #[cfg(test)]
             mod tests { use crate::store::Store; fn f() { super::super::super::store::open() } }",
        ),
        ("hub/past.rs", "use super::{Hub, Room}; pub struct Past;"),
    ];
    let owned = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
    owned.to_vec()
}

/// The faults found when `text` is added to a file, which may be new.
fn with(file: &str, text: &str) -> Vec<String> {
    let mut files = house();
    match files.iter_mut().find(|(path, _)| path == file) {
        Some((_, whole)) => whole.push_str(text),
        None => files.push((file.to_owned(), text.to_owned())),
    }
    faults(PAGE, &files)
}

#[test]
fn a_house_in_order_has_no_faults() {
    assert_eq!(faults(PAGE, &house()), Vec::<String>::new());
}

#[test]
fn every_way_to_use_what_a_module_may_not_is_found() {
    for text in [
        "use crate::store::Store;",
        "use crate::store;",
        "use crate::{model::Name, store::{self, Store}};",
        "use crate :: store :: Store ;",
        "use crate::store as s;",
        "pub(crate) use crate::store::*;",
        "fn f() { crate::store::open() }",
        "fn f(store: &crate::store::Store) {}",
        "use super::super::store::Store;",
        "fn f() { super::super::store::open() }",
        "fn f() { self::super::super::store::open() }",
        "mod inner { use super::super::super::store::Store; }",
        "macro_rules! m { () => { $crate::store::open() } }",
        "fn f() { use crate::store::Store; }",
        "#[cfg(feature = \"x\")] use crate::store::Store;",
        "use crate::r#store::Store;",
    ] {
        let found = with("hub/room.rs", text);
        let expected = "hub/room.rs: hub may not use store";
        let is_it = !found.is_empty() && found.iter().all(|found| found.starts_with(expected));
        assert!(is_it, "{text}: {found:?}");
    }
    // Deeper in the tree, and through a folder's re-export.
    let found = with("hub/room/door.rs", "use super::super::super::store::Store;");
    assert!(found[0].contains("hub may not use store"), "{found:?}");
    let found = with("hub.rs", "use super::store::Store;");
    assert!(found[0].contains("hub may not use store"), "{found:?}");
}

#[test]
fn the_face_of_the_library_is_no_way_round() {
    let mut files = house();
    files[0].1.push_str("pub use store::Store;");
    files[7].1.push_str("use crate::Store;");
    let found = faults(PAGE, &files);
    assert!(
        found[0].contains("hub may not use store (crate::Store)"),
        "{found:?}"
    );
    for text in [
        "use crate::*;",
        "use crate as all;",
        "use crate::{self as all};",
    ] {
        let found = with("hub/room.rs", text);
        assert!(found[0].contains("name a module"), "{text}: {found:?}");
    }
}

#[test]
fn files_that_use_each_other_are_found() {
    for text in [
        "use super::past::Past;",
        "fn f() { super::past::made() }",
        "use crate::hub::past;",
    ] {
        let found = with("hub/room.rs", text);
        assert_eq!(
            found,
            ["these files use each other: hub/past, hub/room"],
            "{text}"
        );
    }
    // A third file joins a cycle that may stay.
    let mut files = house();
    files[5].1.push_str("use super::third::Third;");
    files.push(("store/third.rs".into(), "use super::rows::Row;".into()));
    let found = faults(PAGE, &files);
    assert_eq!(
        found[0],
        "these files use each other: store/rows, store/tables, store/third"
    );
}

#[test]
fn a_circle_that_is_gone_leaves_the_list() {
    let mut files = house();
    files[5].1 = "pub struct Table;".into();
    let found = faults(PAGE, &files);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].contains("store/rows is in no circle any more"),
        "{found:?}"
    );
}

#[test]
fn the_map_has_every_module_and_no_circle() {
    let found = with("extra.rs", "");
    assert_eq!(found, ["extra has no row in the code map"]);
    let page = PAGE.replace("| `model/` |", "| `model/`, `gone` |");
    let found = faults(&page, &house());
    assert_eq!(found, ["gone has a row in the code map and is no module"]);
    let page = PAGE.replace("| `store/` | | | `model` |", "| `store/` | | | `hub` |");
    let page = page.replace(
        "| `hub/` | | | `model` |",
        "| `hub/` | | | `model`, `store` |",
    );
    let found = faults(&page, &house());
    assert!(
        found[0].contains("the code map has a circle: hub, store"),
        "{found:?}"
    );
    let page = PAGE.replace("`hub`, `store` |", "`hub`, `stroe` |");
    assert!(faults(&page, &house())[0].contains("main may use stroe, which has no row"));
    assert!(faults("", &house())[0].contains("no code map"));
}
