//! The tables, as diesel sees them; `migrations/` makes them.

diesel::table! {
    account (id) {
        id -> BigInt,
        username -> Text,
        username_key -> Text,
        first_name -> Text,
        last_name -> Text,
        email -> Nullable<Text>,
        email_key -> Nullable<Text>,
        phone -> Nullable<Text>,
        phone_key -> Nullable<Text>,
        password_hash -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    ignored (account_id, nickname_key) {
        account_id -> BigInt,
        nickname_key -> Text,
        nickname -> Text,
    }
}

diesel::table! {
    token (access_key_id) {
        access_key_id -> Text,
        secret_access_key -> Text,
        refresh_token -> Text,
        account_id -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
        modified_at -> BigInt,
        is_refreshable -> Bool,
        is_active -> Bool,
    }
}

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

diesel::joinable!(participant -> account (peer_id));
diesel::joinable!(participant -> message (last_message_id));
diesel::joinable!(message -> conversation (conversation_id));
diesel::allow_tables_to_appear_in_same_query!(
    account,
    ignored,
    token,
    conversation,
    message,
    participant,
    search_state,
);
