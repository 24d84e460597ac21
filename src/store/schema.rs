//! The tables that are the same in every database, as diesel sees them.

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
        password_changes -> BigInt,
        disabled_at -> Nullable<BigInt>,
        deleted_at -> Nullable<BigInt>,
        seen_at -> Nullable<BigInt>,
        role -> Nullable<SmallInt>,
    }
}

diesel::table! {
    remote_user (account_id) {
        account_id -> BigInt,
        name -> Text,
    }
}

diesel::table! {
    password_reset (account_id) {
        account_id -> BigInt,
        secret_hash -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    sign_in (id) {
        id -> Text,
        account_id -> BigInt,
        is_token -> Bool,
        created_at -> BigInt,
        used_at -> BigInt,
        expires_at -> BigInt,
        address -> Text,
        client -> Text,
    }
}

diesel::table! {
    account_invitation (id) {
        id -> Text,
        secret_hash -> Text,
        uses -> BigInt,
        uses_left -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    bot (account_id) {
        account_id -> BigInt,
    }
}

diesel::table! {
    program_token (id) {
        id -> Text,
        name -> Text,
        kind -> SmallInt,
        secret_hash -> Text,
        scopes -> Text,
        account_id -> Nullable<BigInt>,
        bot -> Nullable<Text>,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        used_at -> Nullable<BigInt>,
        rate -> BigInt,
    }
}

diesel::table! {
    hook (id) {
        id -> Text,
        channel_key -> Text,
        channel -> Text,
        signing -> Nullable<Text>,
        made_by -> Nullable<Text>,
    }
}

diesel::table! {
    hook_out (id) {
        id -> Text,
        url -> Text,
        triggers -> Text,
        fed_to -> BigInt,
        next_at -> BigInt,
        paused_at -> Nullable<BigInt>,
        paused_why -> Nullable<Text>,
        last_at -> Nullable<BigInt>,
        last_status -> Nullable<SmallInt>,
        last_error -> Nullable<Text>,
        held_by -> Nullable<Text>,
        held_until -> BigInt,
    }
}

diesel::table! {
    delivery (hook_id, is_failed, message_id) {
        hook_id -> Text,
        message_id -> BigInt,
        attempts -> BigInt,
        first_at -> Nullable<BigInt>,
        tried_at -> Nullable<BigInt>,
        status -> Nullable<SmallInt>,
        error -> Nullable<Text>,
        is_failed -> Bool,
    }
}

diesel::table! {
    #[sql_name = "hook_seen"]
    call_seen (program_id, mark) {
        #[sql_name = "hook_id"]
        program_id -> Text,
        mark -> Text,
        message_id -> BigInt,
        at_ms -> BigInt,
        content -> Nullable<Text>,
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
    account_key (key) {
        key -> Text,
        account_id -> BigInt,
    }
}

diesel::table! {
    name_collision (account_id, other_id) {
        account_id -> BigInt,
        other_id -> BigInt,
    }
}

diesel::table! {
    ended_pass (pass) {
        pass -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    known_address (account_id, address) {
        account_id -> BigInt,
        address -> Text,
        at_ms -> BigInt,
    }
}

diesel::table! {
    channel_event (id) {
        id -> BigInt,
        channel_key -> Text,
        at_ms -> BigInt,
        author -> Text,
        changes -> Text,
    }
}

diesel::table! {
    account_channel (account_id, channel_key) {
        account_id -> BigInt,
        channel_key -> Text,
        channel -> Text,
        read_up_to -> BigInt,
        is_muted -> Bool,
        notify -> SmallInt,
    }
}

diesel::table! {
    keeping (channel_key) {
        channel_key -> Text,
        channel -> Text,
        days -> BigInt,
        messages -> BigInt,
        is_held -> Bool,
    }
}

diesel::table! {
    erasing (account_id) {
        account_id -> BigInt,
        since_id -> BigInt,
        began_at -> BigInt,
        touched_at -> BigInt,
        done_at -> Nullable<BigInt>,
        messages -> BigInt,
        channels -> BigInt,
        direct_messages -> BigInt,
        held -> BigInt,
        reactions -> BigInt,
    }
}

diesel::joinable!(hook -> program_token (id));
diesel::joinable!(hook_out -> hook (id));
diesel::joinable!(account_channel -> account (account_id));
diesel::joinable!(known_address -> account (account_id));
diesel::joinable!(remote_user -> account (account_id));
diesel::allow_tables_to_appear_in_same_query!(hook, hook_out, program_token);
diesel::allow_tables_to_appear_in_same_query!(account, account_key);
diesel::allow_tables_to_appear_in_same_query!(account, remote_user);
diesel::allow_tables_to_appear_in_same_query!(account, known_address);
diesel::allow_tables_to_appear_in_same_query!(account, account_channel);
