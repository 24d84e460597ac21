//! The hooks of channels.

crate::store::hooks::queries!(diesel::pg::PgConnection);
