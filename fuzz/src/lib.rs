//! The checks of the fuzz targets; the property tests in `tests/hub/codecs.rs`
//! use the same ones.

#[path = "../../tests/checks/mod.rs"]
pub mod checks;
