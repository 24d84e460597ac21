//! What the fuzz targets check; the property tests in `tests/hub/codecs.rs` check
//! the very same.

#[path = "../../tests/checks/mod.rs"]
pub mod checks;
