//! The tables, as diesel sees them; `migrations/` makes them. Those that
//! are the same in every database are in `store/schema.rs`.

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
