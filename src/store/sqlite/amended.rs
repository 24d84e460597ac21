//! Reading messages that were edited or deleted.

crate::store::amendments::queries!(diesel::sqlite::SqliteConnection, super::schema);
