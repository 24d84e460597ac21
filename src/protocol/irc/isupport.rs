//! What the server tells clients of itself (005).

use super::{Terms, modes};

/// Tokens of one line.
const TOKENS: usize = 13;
/// The longest nickname and channel name.
pub const NICK_CHARS: usize = crate::model::name::MAX_NAME_CHARS;
/// The longest topic.
pub const TOPIC_CHARS: usize = 390;
/// The longest reason of a kick, and of being away.
pub const REASON_CHARS: usize = crate::hub::MAX_REASON_CHARS;
/// The longest real name.
pub const REAL_NAME_CHARS: usize = 128;
/// The most targets of a message.
pub const MAX_TARGETS: usize = 4;

/// The tokens, a line each of as many as fit.
pub fn lines(terms: &Terms) -> Vec<Vec<String>> {
    let tokens = tokens(terms);
    tokens.chunks(TOKENS).map(<[String]>::to_vec).collect()
}

fn tokens(terms: &Terms) -> Vec<String> {
    let channels = match terms.channels {
        0 => "CHANLIMIT=#:".to_owned(),
        most => format!("CHANLIMIT=#:{most}"),
    };
    vec![
        format!("AWAYLEN={REASON_CHARS}"),
        "ACCOUNTEXTBAN=account,a".to_owned(),
        "BOT=B".to_owned(),
        "CASEMAPPING=ascii".to_owned(),
        channels,
        format!("CHANMODES={}", modes::CHANMODES),
        format!("CHATHISTORY={}", super::history::MOST),
        format!("CHANNELLEN={}", NICK_CHARS + 1),
        "CHANTYPES=#".to_owned(),
        format!("ELIST={}", super::elist::ELIST),
        "EXCEPTS".to_owned(),
        "EXTBAN=~,am".to_owned(),
        "INVEX".to_owned(),
        format!("KICKLEN={REASON_CHARS}"),
        "KEYLEN=23".to_owned(),
        "MAXLIST=Ibe:100".to_owned(),
        format!("MAXTARGETS={MAX_TARGETS}"),
        "MSGREFTYPES=msgid,timestamp".to_owned(),
        format!("MODES={}", modes::MAX_CHANGES),
        format!("MONITOR={}", crate::hub::MAX_WATCHED),
        format!("NAMELEN={REAL_NAME_CHARS}"),
        format!("NETWORK={}", terms.network),
        format!("NICKLEN={NICK_CHARS}"),
        format!("PREFIX={}", modes::PREFIX),
        "SAFELIST".to_owned(),
        "STATUSMSG=~@+".to_owned(),
        format!(
            "TARGMAX=JOIN:,KICK:{MAX_TARGETS},NAMES:{MAX_TARGETS},NOTICE:{MAX_TARGETS},\
             PART:,PRIVMSG:{MAX_TARGETS},TAGMSG:{MAX_TARGETS},WHOIS:1"
        ),
        format!("TOPICLEN={TOPIC_CHARS}"),
        format!("USERLEN={}", super::prefix::MAX_USER),
        "UTF8ONLY".to_owned(),
        "WHOX".to_owned(),
    ]
}
