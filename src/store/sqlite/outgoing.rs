//! Outgoing hooks and their deliveries.

crate::store::outgoing::queries!(diesel::sqlite::SqliteConnection);
