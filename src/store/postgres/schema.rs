//! The tables, as diesel sees them; `migrations/` makes them. Those that
//! are the same in every database are in `store/schema.rs`.

pub use crate::store::schema::keeping;

diesel::table! {
    conversation (id) {
        id -> BigInt,
        channel -> Nullable<Text>,
        channel_key -> Nullable<Text>,
        low_account -> Nullable<BigInt>,
        high_account -> Nullable<BigInt>,
        removed_id -> BigInt,
    }
}

diesel::table! {
    message (id) {
        id -> BigInt,
        conversation_id -> BigInt,
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
    migrated (source) {
        source -> Text,
        finished -> Bool,
    }
}

diesel::table! {
    read_mark (account_id, conversation_id) {
        account_id -> BigInt,
        conversation_id -> BigInt,
        up_to -> BigInt,
    }
}

diesel::table! {
    channel (channel_key) {
        channel_key -> Text,
        #[sql_name = "channel"]
        name -> Text,
        version -> BigInt,
        newest -> BigInt,
        rules -> Text,
    }
}

diesel::joinable!(message -> conversation (conversation_id));
diesel::allow_tables_to_appear_in_same_query!(keeping, conversation);
diesel::allow_tables_to_appear_in_same_query!(message, conversation);

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
