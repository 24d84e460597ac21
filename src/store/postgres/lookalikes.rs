//! Usernames that look alike.

crate::store::lookalikes::queries!(diesel::pg::PgConnection);
