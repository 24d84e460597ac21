//! The arguments of moderation in JSON.

use std::ops::RangeInclusive;

use crate::hub::{Pass, Target};
use crate::model::Notify;
use crate::model::governance::{Key, LinkSecret, List, Role};

use super::json_args::{Args, Argument, Mistake, Nick};
use super::line_args::Mistake as LineMistake;
use super::who::{person, target};

/// For how many minutes: up to ten years.
pub(super) struct Minutes(pub u64);

impl Minutes {
    pub const RANGE: RangeInclusive<u64> = 1..=10 * 366 * 24 * 60;
}

impl Argument for Minutes {
    fn read(args: &Args, name: &'static str) -> Result<Minutes, Mistake> {
        args.number_within(name, &Minutes::RANGE).map(Minutes)
    }
}

/// How often a link can be used.
pub(super) struct Uses(pub u64);

impl Uses {
    pub const RANGE: RangeInclusive<u64> = 1..=1_000_000;
}

impl Argument for Uses {
    fn read(args: &Args, name: &'static str) -> Result<Uses, Mistake> {
        args.number_within(name, &Uses::RANGE).map(Uses)
    }
}

/// A role that one person may give another.
pub(super) struct RoleWord(pub Option<Role>);

impl Argument for RoleWord {
    fn read(args: &Args, name: &'static str) -> Result<RoleWord, Mistake> {
        match String::read(args, name)?.as_str() {
            "none" => Ok(RoleWord(None)),
            word => match Role::from_word(word) {
                Some(role) if role != Role::Founder => Ok(RoleWord(Some(role))),
                _ => Err(Mistake::Wrong(name, "operator, voice or none")),
            },
        }
    }
}

/// Yes or no.
pub(super) struct Switch(pub bool);

impl Argument for Switch {
    fn read(args: &Args, name: &'static str) -> Result<Switch, Mistake> {
        args.truth(name).map(Switch)
    }
}

/// What of a room is to be notified.
pub(super) struct NotifyWord(pub Notify);

impl Argument for NotifyWord {
    fn read(args: &Args, name: &'static str) -> Result<NotifyWord, Mistake> {
        let notify = Notify::from_word(&String::read(args, name)?);
        notify
            .map(NotifyWord)
            .ok_or(Mistake::Wrong(name, "mentions, all or nothing"))
    }
}

/// A list of a room.
pub(super) struct ListWord(pub List);

impl Argument for ListWord {
    fn read(args: &Args, name: &'static str) -> Result<ListWord, Mistake> {
        let list = List::from_word(&String::read(args, name)?);
        list.map(ListWord)
            .ok_or(Mistake::Wrong(name, "ban, mute, except or invite"))
    }
}

/// A person, or with `mask` instead everyone that it concerns.
pub(super) struct Whom(pub Target);

impl Argument for Whom {
    fn read(args: &Args, name: &'static str) -> Result<Whom, Mistake> {
        if let Some(MaskText(mask)) = Option::read(args, "mask")? {
            return Ok(Whom(mask));
        }
        let nick = Nick::read(args, name)?;
        Ok(Whom(Target::Person(person(nick.0))))
    }
}

/// A mask.
pub(super) struct MaskText(pub Target);

impl Argument for MaskText {
    fn read(args: &Args, name: &'static str) -> Result<MaskText, Mistake> {
        let raw = String::read(args, name)?;
        let wrong = |_: LineMistake| Mistake::Wrong(name, "a nickname, a pattern or host:...");
        target(&raw).map(MaskText).map_err(wrong)
    }
}

/// The key of a room.
pub(super) struct KeyWord(pub Pass);

impl Argument for KeyWord {
    fn read(args: &Args, name: &'static str) -> Result<KeyWord, Mistake> {
        let key = Key::parse(&String::read(args, name)?);
        let key = key.map_err(|_| {
            Mistake::Wrong(
                name,
                "1 to 23 printable ASCII characters without space and comma",
            )
        })?;
        Ok(KeyWord(Pass::Key(key)))
    }
}

/// The secret of an invitation link.
pub(super) struct Invitation(pub Pass);

impl Argument for Invitation {
    fn read(args: &Args, name: &'static str) -> Result<Invitation, Mistake> {
        let secret = LinkSecret::parse(&String::read(args, name)?);
        let secret = secret.ok_or(Mistake::Wrong(name, "the end of an invitation link"))?;
        Ok(Invitation(Pass::Link(secret.hash())))
    }
}
