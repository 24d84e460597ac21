//! What calls of programs have published lately.

crate::store::calls::queries!(diesel::sqlite::SqliteConnection);
