//! Erasing what an account has written.

crate::store::erasing::queries!(diesel::pg::PgConnection, super::schema);
