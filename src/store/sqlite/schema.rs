//! The tables, as diesel sees them; `migrations/` makes them. Those that
//! are the same in every database are in `store/schema.rs`.

pub use crate::store::schema::{account, keeping};

diesel::table! {
    conversation (id) {
        id -> BigInt,
        channel -> Nullable<Text>,
        channel_key -> Nullable<Text>,
        low_account -> Nullable<BigInt>,
        high_account -> Nullable<BigInt>,
        removed_number -> BigInt,
        removed_from_low -> BigInt,
        removed_id -> BigInt,
    }
}

diesel::table! {
    message (id) {
        id -> BigInt,
        conversation_id -> BigInt,
        number -> BigInt,
        from_low -> BigInt,
        author -> Text,
        account_id -> Nullable<BigInt>,
        at_ms -> BigInt,
        text -> Text,
        kind -> SmallInt,
        styled -> Nullable<Text>,
        changed -> Nullable<BigInt>,
        reply_to -> Nullable<BigInt>,
        reply_author -> Nullable<Text>,
        reactions -> Nullable<Text>,
        reacted -> Nullable<BigInt>,
    }
}

diesel::table! {
    channel (channel_key) {
        channel_key -> Text,
        #[sql_name = "channel"]
        name -> Text,
        version -> BigInt,
        rules -> Text,
    }
}

diesel::table! {
    participant (account_id, peer_id) {
        account_id -> BigInt,
        peer_id -> BigInt,
        conversation_id -> BigInt,
        last_message_id -> BigInt,
        received_read -> BigInt,
    }
}

diesel::table! {
    search_state (id) {
        id -> BigInt,
        indexed_to -> BigInt,
    }
}

diesel::table! {
    message_search (rowid) {
        rowid -> BigInt,
        place -> Text,
        text -> Text,
    }
}

diesel::allow_tables_to_appear_in_same_query!(keeping, conversation);
diesel::joinable!(participant -> account (peer_id));
diesel::joinable!(participant -> message (last_message_id));
diesel::joinable!(message -> conversation (conversation_id));
diesel::allow_tables_to_appear_in_same_query!(
    account,
    conversation,
    message,
    participant,
    search_state,
);

/// The columns of a [`crate::store::row::BodyRow`].
type Body = (
    message::kind,
    message::text,
    message::styled,
    message::changed,
    (message::reply_to, message::reply_author),
    message::reactions,
);

/// Selects a [`crate::store::row::MessageRow`].
pub const MESSAGE: (
    message::id,
    message::at_ms,
    message::author,
    message::account_id,
    Body,
) = (
    message::id,
    message::at_ms,
    message::author,
    message::account_id,
    (
        message::kind,
        message::text,
        message::styled,
        message::changed,
        (message::reply_to, message::reply_author),
        message::reactions,
    ),
);
