//! Where accounts are signed in.

crate::store::sign_ins::queries!(diesel::sqlite::SqliteConnection);
