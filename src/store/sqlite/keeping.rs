//! How long the messages of single channels are kept.

crate::store::keeping::queries!(diesel::sqlite::SqliteConnection);
