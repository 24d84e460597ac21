//! The rules of a channel that are on or off.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A rule that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// Only invited people may join.
    InviteOnly,
    /// Only people with a role may speak.
    Moderated,
    /// Only members may speak. On unless it is taken off.
    MembersOnly,
    /// Only operators set the topic. On unless it is taken off.
    TopicLocked,
    /// Outsiders are not shown the channel in any list.
    Secret,
    /// Only accounts may join.
    RegisteredOnly,
    /// Only accounts may speak.
    RegisteredSpeak,
    /// Requests between clients are refused (CTCP).
    NoCtcp,
    /// What a rule would refuse is shown to operators only.
    OpModerated,
    /// People without a role see only those with one.
    Auditorium,
}

impl Flag {
    /// All of them.
    pub const ALL: [Flag; 10] = [
        Flag::InviteOnly,
        Flag::Moderated,
        Flag::MembersOnly,
        Flag::TopicLocked,
        Flag::Secret,
        Flag::RegisteredOnly,
        Flag::RegisteredSpeak,
        Flag::NoCtcp,
        Flag::OpModerated,
        Flag::Auditorium,
    ];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Flag::InviteOnly => "invite-only",
            Flag::Moderated => "moderated",
            Flag::MembersOnly => "members-only",
            Flag::TopicLocked => "topic-locked",
            Flag::Secret => "secret",
            Flag::RegisteredOnly => "registered-only",
            Flag::RegisteredSpeak => "registered-speak",
            Flag::NoCtcp => "no-ctcp",
            Flag::OpModerated => "op-moderated",
            Flag::Auditorium => "auditorium",
        }
    }

    /// Its letter, as IRC clients know it.
    pub fn letter(self) -> char {
        match self {
            Flag::InviteOnly => 'i',
            Flag::Moderated => 'm',
            Flag::MembersOnly => 'n',
            Flag::TopicLocked => 't',
            Flag::Secret => 's',
            Flag::RegisteredOnly => 'R',
            Flag::RegisteredSpeak => 'M',
            Flag::NoCtcp => 'C',
            Flag::OpModerated => 'U',
            Flag::Auditorium => 'u',
        }
    }

    /// What it means, after "Now" or "No longer".
    pub fn meaning(self) -> &'static str {
        match self {
            Flag::InviteOnly => "only invited people may join",
            Flag::Moderated => "only people with voice may speak",
            Flag::MembersOnly => "only members may speak",
            Flag::TopicLocked => "only operators set the topic",
            Flag::Secret => "the channel is not listed",
            Flag::RegisteredOnly => "only accounts may join",
            Flag::RegisteredSpeak => "only accounts may speak",
            Flag::NoCtcp => "requests between clients are refused",
            Flag::OpModerated => "operators see what others may not say",
            Flag::Auditorium => "people without a role see only those with one",
        }
    }

    /// What holds without it.
    pub fn without(self) -> &'static str {
        match self {
            Flag::InviteOnly => "no invitation is needed to join",
            Flag::Moderated => "no voice is needed to speak",
            Flag::MembersOnly => "people outside may speak, too",
            Flag::TopicLocked => "every member may set the topic",
            Flag::Secret => "the channel is listed",
            Flag::RegisteredOnly => "guests may join, too",
            Flag::RegisteredSpeak => "guests may speak, too",
            Flag::NoCtcp => "requests between clients are passed on",
            Flag::OpModerated => "what may not be said is not shown to anyone",
            Flag::Auditorium => "everyone sees everyone",
        }
    }

    /// The flag of this name, whichever of `-` and `_` it is written with.
    pub fn from_word(word: &str) -> Option<Flag> {
        let word = word.replace('_', "-");
        Flag::ALL.into_iter().find(|flag| flag.word() == word)
    }

    /// The flag of this letter.
    pub fn from_letter(letter: char) -> Option<Flag> {
        Flag::ALL.into_iter().find(|flag| flag.letter() == letter)
    }

    /// Whether it has an effect here, so that it can be switched on.
    pub fn is_supported(self) -> bool {
        !matches!(self, Flag::OpModerated | Flag::Auditorium)
    }

    fn bit(self) -> u16 {
        1 << (self as u16)
    }
}

/// The flags of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u16);

impl Default for Flags {
    fn default() -> Flags {
        Flags(0)
            .with(Flag::MembersOnly, true)
            .with(Flag::TopicLocked, true)
    }
}

impl Flags {
    /// Whether a flag is on.
    pub fn has(self, flag: Flag) -> bool {
        self.0 & flag.bit() != 0
    }

    /// These flags with one more or less.
    pub fn with(self, flag: Flag, on: bool) -> Flags {
        match on {
            true => Flags(self.0 | flag.bit()),
            false => Flags(self.0 & !flag.bit()),
        }
    }

    /// No flag.
    pub const fn none() -> Flags {
        Flags(0)
    }

    /// The flags in which these differ from others, and whether they are on here.
    pub fn beyond(self, others: Flags) -> impl Iterator<Item = (Flag, bool)> {
        let differing = Flags(self.0 ^ others.0);
        differing.iter().map(move |flag| (flag, self.has(flag)))
    }

    /// Those that are on.
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        Flag::ALL.into_iter().filter(move |&flag| self.has(flag))
    }
}

impl Serialize for Flags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Flag::word))
    }
}

impl<'de> Deserialize<'de> for Flags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Flags, D::Error> {
        let words: Vec<String> = Vec::deserialize(deserializer)?;
        // A flag of a later version is left out.
        let flags = words.iter().filter_map(|word| Flag::from_word(word));
        Ok(flags.fold(Flags::none(), |flags, flag| flags.with(flag, true)))
    }
}
