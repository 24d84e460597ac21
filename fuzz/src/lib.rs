//! What the fuzz targets check; the property tests in `tests/codecs` check
//! the very same.

#[path = "../../tests/codecs/checks/mod.rs"]
pub mod checks;
