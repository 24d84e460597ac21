//! Accounts, their ignore lists and their tokens.

crate::store::accounts::queries!(diesel::sqlite::SqliteConnection);
