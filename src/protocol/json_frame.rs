//! The parts that frames to JSON clients are made of.

use serde_json::{Value, json};

use super::words::SYSTEM;

/// A frame from the server, with more fields.
pub fn system(kind: &str, body: &str, more: Value) -> Value {
    let mut frame = json!({ "from": SYSTEM, "body": body, "type": kind });
    if let Value::Object(more) = more {
        for (field, value) in more {
            put(&mut frame, &field, value);
        }
    }
    frame
}

/// Sets a field of a frame.
pub fn put(frame: &mut Value, field: &str, value: Value) {
    if let Value::Object(fields) = frame {
        fields.insert(field.to_owned(), value);
    }
}
