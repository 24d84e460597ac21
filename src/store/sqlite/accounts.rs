//! Accounts, whom they ignore, and their tokens.

crate::store::accounts::queries!(diesel::sqlite::SqliteConnection);
