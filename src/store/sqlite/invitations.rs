//! Invitations to register an account.

crate::store::invitations::queries!(diesel::sqlite::SqliteConnection);
