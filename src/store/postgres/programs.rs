//! The tokens of programs.

crate::store::programs::queries!(diesel::pg::PgConnection);
