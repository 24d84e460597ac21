//! The hooks of channels.

crate::store::hooks::queries!(diesel::sqlite::SqliteConnection);
