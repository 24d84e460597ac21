//! Usernames that look alike.

crate::store::lookalikes::queries!(diesel::sqlite::SqliteConnection);
