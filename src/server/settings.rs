//! Distributes the settings to the parts, which do not know the configuration.

use std::sync::Arc;
use std::time::Duration;

use crate::account::{
    Gateway, Gateways, GuessLimits, Operator, Operators, PassLives, PasswordLengths, Registrations,
    RemoteRules,
};
use crate::config::{
    self, Config, Governance, History, KeepEdits, Limits, Nicknames, Register, Registration,
    RemoteUser, UserHeader,
};
use crate::hooks::HookSettings;
use crate::http::HttpLimits;
use crate::hub;
use crate::model::time::unix_ms;
use crate::model::{Secret, Text};
use crate::protocol::irc::{Sts, Terms};
use crate::protocol::rfc3339;
use crate::session::context::IrcTerms;
use crate::session::streams::StreamLimits;
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
        edit_seconds: config.messages.edit_seconds,
        keep_edits: config.store.keep_edits == KeepEdits::Audit,
        channel_terms: channel_terms(&config.channels),
        governing: match config.cluster.governance {
            Governance::Auto => hub::Governing::OnceAllCan,
            Governance::On => hub::Governing::Always,
            Governance::Off => hub::Governing::Never,
        },
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

/// What IRC clients are told, and what they must know.
pub(super) fn irc_terms(config: &Config) -> IrcTerms {
    let motd = config.irc.motd.lines().map(Text::one_line);
    let motd: Vec<String> = motd.map(|line| line.as_str().to_owned()).collect();
    let terms = Terms {
        name: config.irc.name.clone(),
        network: config.irc.network.clone(),
        motd,
        started: rfc3339(unix_ms()),
        started_ms: unix_ms(),
        channels: config.limits.channels_per_connection,
        text_bytes: config.limits.line_bytes,
        replay_lines: config.irc.replay_lines,
        registers_before_connect: config.accounts.register_before_connect,
        email_required: config.accounts.email_required,
        sts: sts(config),
        rejoins: config.irc.rejoin,
        frees_nicknames: config.irc.nicknames == Nicknames::Free,
        nicknames: Default::default(),
        scram: config.accounts.scram,
    };
    let password = config.irc.password.as_ref();
    IrcTerms {
        terms: Arc::new(terms),
        password: password.map(|password| Secret::new(password.expose())),
        operators: irc_operators(config),
        gateways: irc_gateways(config),
        allows_plain_oper: config.irc.allow_plain_oper,
    }
}

/// That IRC clients are to come by TLS, if they are.
fn sts(config: &Config) -> Option<Sts> {
    let seconds = config.irc.sts_seconds;
    let port = config.tls.irc.map(|address| address.port());
    let port = port.filter(|&port| port > 0 && seconds > 0)?;
    Some(Sts { port, seconds })
}

/// Those who operate the server by IRC. Wrong passwords are limited as those of accounts.
fn irc_operators(config: &Config) -> Operators {
    let list = config.irc.operators.iter().map(|operator| Operator {
        name: operator.name.clone(),
        hash: Secret::new(operator.hash.as_str()),
    });
    Operators::new(list.collect(), config.limits.auth_attempts)
}

/// Those who say where their IRC clients come from.
fn irc_gateways(config: &Config) -> Gateways {
    let list = config.irc.webirc.iter().map(|gateway| Gateway {
        network: gateway.network,
        hash: Secret::new(gateway.hash.as_str()),
    });
    Gateways::new(list.collect(), config.limits.auth_attempts)
}

/// Who registers accounts.
pub(super) fn registrations(config: &Config) -> Registrations {
    match config.accounts.registration {
        Registration::Open => Registrations::Open,
        Registration::Invitation => Registrations::Invited,
        Registration::Closed => Registrations::Closed,
    }
}

/// The header in which proxies name the user.
pub(super) fn user_header(config: &Config) -> Option<crate::http::UserHeader> {
    use crate::http::UserHeader as Header;
    match config.remote_user.header {
        UserHeader::Off => None,
        UserHeader::RemoteUser => Some(Header::Remote),
        UserHeader::XForwardedUser => Some(Header::XForwarded),
        UserHeader::XAuthRequestUser => Some(Header::XAuthRequest),
    }
}

/// What follows for accounts from what proxies say.
pub(super) fn remote_rules(config: &Config) -> RemoteRules {
    let RemoteUser {
        header: _,
        create,
        administrators,
        moderators,
        logout_url,
    } = config.remote_user.clone();
    RemoteRules {
        creates: create,
        administrators,
        moderators,
        logout_url,
    }
}

/// How long a new password may be.
pub(super) fn password_lengths(config: &Config) -> PasswordLengths {
    PasswordLengths {
        least: config.accounts.min_password_bytes,
        most: config.accounts.max_password_bytes,
    }
}

/// The settings of outgoing hooks.
pub(super) fn hook_settings(config: &Config) -> HookSettings {
    HookSettings {
        allow: config.hooks.allow.clone(),
        retry: Duration::from_secs(config.hooks.retry_seconds),
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

/// How many event streams there may be.
pub(super) fn stream_limits(limits: &Limits) -> StreamLimits {
    StreamLimits {
        in_all: limits.streams,
        per_token: limits.streams_per_token,
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
