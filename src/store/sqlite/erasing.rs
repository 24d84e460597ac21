//! Erasing what an account has written.

crate::store::erasing::queries!(diesel::sqlite::SqliteConnection, super::schema);
