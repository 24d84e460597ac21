//! The JSON file of the server of direct messages.

use super::reader::Reader;

/// Translates a file of the server of direct messages.
pub fn translate(reader: &mut Reader<'_>) {
    if let Some(address) = reader.address("host", ":8080") {
        reader.assign("host", "listen.web", address);
    }
    // Neither value is shown: it may hold a password.
    if reader.text("postgres").is_some() {
        let what = "not carried out: that database has the tables of another server; accounts and \
                    messages are kept in the data folder, or in a database of their own if you \
                    write {\"store\": {\"postgres\": \"postgres://user@host/database\"}}";
        reader.note("postgres", what);
    }
    if reader.text("redis_host").is_some() {
        let what = "not carried out: one server needs no Redis; for several that are one chat \
                    write {\"cluster\": {\"redis\": \"redis://host:6379\", \"postgres\": \
                    \"postgres://user@host/database\"}}";
        reader.note("redis_host", what);
    }
    for key in ["shared_queue_key", "message_queue_key", "queue_manager_key"] {
        if reader.text(key).is_some() {
            let what =
                "not carried out: servers find each other by cluster.redis alone; leave it out";
            reader.note(key, what);
        }
    }
}
