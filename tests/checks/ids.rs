//! Ids and cursors: what parses reads back as the same.

use chat_server::chatlog::Cursor;
use chat_server::hub::MessageId;
use chat_server::model::key;

use super::parts;

pub fn check(data: &[u8]) {
    let ids: Vec<MessageId> = parts(data).filter_map(|part| message_id(&part)).collect();
    for (one, other) in ids.iter().zip(ids.iter().skip(1)) {
        let (Some(x), Some(y)) = (key::pack(*one), key::pack(*other)) else {
            continue;
        };
        assert_eq!(one.cmp(other), x.cmp(&y), "packing keeps the order");
    }
    for part in parts(data) {
        cursor(&part);
    }
}

fn message_id(raw: &str) -> Option<MessageId> {
    let id: MessageId = raw.parse().ok()?;
    assert_eq!(id.to_string().parse(), Ok(id));
    if let Some(packed) = key::pack(id) {
        assert_eq!(key::unpack(packed), id);
        assert_eq!(key::clamp(id), packed);
        assert!(id.next(0) > id);
    }
    assert!(key::unpack(key::clamp(id)) <= id);
    Some(id)
}

fn cursor(raw: &str) {
    if let Ok(cursor) = raw.parse::<Cursor>() {
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }
}
