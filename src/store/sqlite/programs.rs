//! The tokens of programs.

crate::store::programs::queries!(diesel::sqlite::SqliteConnection);
