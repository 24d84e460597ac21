//! Distributes the settings to the parts, which do not know the configuration.

use std::time::Duration;

use crate::account::{GuessLimits, PassLives};
use crate::config::{self, Config, History, Limits, Register};
use crate::http::HttpLimits;
use crate::hub;
use crate::turn::Settings;

/// The settings for the hub thread.
pub(super) fn settings(config: &Config) -> Settings {
    Settings {
        limits: hub_limits(config),
        greeting: config.greeting.clone(),
        backlog_bytes: config.limits.backlog_bytes,
        ping_seconds: config.limits.ping_seconds,
    }
}

/// The limits that the hub enforces.
fn hub_limits(config: &Config) -> hub::Limits {
    let limits = &config.limits;
    hub::Limits {
        login: Duration::from_secs(limits.login_seconds),
        channels_per_connection: limits.channels_per_connection,
        channels: limits.channels,
        channels_per_address: limits.channels_per_address,
        new_channels_per_minute: limits.new_channels_per_minute,
        tags: limits.tags,
        tags_per_client: limits.tags_per_client,
        departures: limits.departures,
        page_rows: hub::PAGE_ROWS,
        piece: hub::PIECE,
        history: config.history == History::On,
        channel_terms: channel_terms(&config.channels),
    }
}

fn channel_terms(channels: &config::Channels) -> hub::ChannelTerms {
    hub::ChannelTerms {
        default_rules: channels.default_rules,
        register: match channels.register {
            Register::Accounts => hub::Registrars::Accounts,
            Register::Admins => hub::Registrars::Administrators,
            Register::Off => hub::Registrars::Nobody,
        },
        per_account: channels.per_account,
        expire_days: channels.expire_days,
    }
}

/// The limits on guesses at passwords.
pub(super) fn guess_limits(config: &Config) -> GuessLimits {
    GuessLimits {
        per_address: config.limits.auth_attempts,
        per_account: config.limits.account_attempts,
    }
}

/// How long passes are valid.
pub(super) fn pass_lives(config: &Config) -> PassLives {
    PassLives {
        once: Duration::from_hours(config.limits.pass_hours),
        kept: Duration::from_hours(config.limits.kept_pass_days * 24),
    }
}

/// The limits on requests to HTTP listeners.
pub(super) fn http_limits(limits: &Limits) -> HttpLimits {
    HttpLimits {
        head_bytes: limits.http_head_bytes,
        body_bytes: limits.http_body_bytes,
        arrival: Duration::from_secs(limits.http_seconds),
    }
}
