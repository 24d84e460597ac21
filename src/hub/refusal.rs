//! Why the hub refuses a request.

use std::fmt;

use crate::model::governance::{Flag, List, Role};
use crate::model::{Name, NameError};

/// The reason why a request was refused; `Display` is for the user who asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// The nickname belongs to a user who is online, or looks like one that does.
    NicknameInUse(Name),
    /// The name breaks a rule.
    BadName(NameError),
    /// The nickname, or one that it looks like, is banned.
    NicknameBanned(Name),
    /// There is no current channel.
    NoChannel,
    /// The connection is not a member of that channel.
    NotInChannel(Name),
    /// The connection is already a member of that channel.
    AlreadyInChannel(Name),
    /// The connection is in as many channels as the limit allows.
    TooManyChannels(usize),
    /// The server has as many channels as the limit allows.
    NoMoreChannels(usize),
    /// As many channels as the limit allows were created from the address.
    TooManyMade(usize),
    /// More channels were created from the address within a minute than this limit
    /// allows.
    MadeTooFast(usize),
    /// No user of that nickname is online.
    NoSuchUser(Name),
    /// The user takes private messages from accounts only.
    AccountsOnly(Name),
    /// Users cannot ignore themselves.
    CannotIgnoreSelf,
    /// The user was not ignored.
    NotIgnored(Name),
    /// The list of ignored users is full.
    TooManyIgnored(usize),
    /// The message is empty.
    EmptyMessage,
    /// There is no such message, or the user may not read it.
    NoSuchMessage,
    /// The message is by another user.
    NotAuthor,
    /// Nothing in this channel may be edited or deleted: it is on hold.
    OnHold(Name),
    /// The message is older than so many seconds, and is edited no more.
    TooLateToEdit(u64),
    /// The reaction is another user's, who had the nickname before.
    NotYourReaction,
    /// The message has this many different signs, as many as it may have.
    TooManySigns(usize),
    /// The user has given the message this many different signs, as many as one may.
    TooManyOwnSigns(usize),
    /// The message has this many reactions, as many as it may have.
    TooManyReactions(usize),
    /// The tag stands for a message to somewhere else.
    TagUsed,
    /// The message could not be stored, and was delivered to no client.
    NotStored,
    /// The change of a channel could not be stored, and is not in force.
    ChangeNotStored,
    /// The rule cannot be switched on: it would have no effect.
    NotSupported(Flag),
    /// No channel has that name.
    NoSuchChannel(Name),
    /// A channel already has that name.
    ChannelExists(Name),
    /// The first name would be a new channel that looks like the second.
    ChannelLooksLike(Name, Name),
    /// A channel of which the client must not know has the name and does not let the
    /// client in, or looks like the name.
    ChannelNameTaken(Name),
    /// Too many nicknames are reserved for clients that have not connected yet.
    TooManyHeld,
    /// Too many nicknames are reserved for clients of this address.
    TooManyHeldForAddress,
    /// The servers cannot agree at present on the owner of the nickname.
    CannotAgree,
    /// The store cannot say at present whether the nickname is registered.
    CannotLookUp,
    /// The server keeps no history.
    NoHistory,
    /// The history cannot be read at present.
    HistoryUnavailable,
    /// Too many commands wait for earlier messages to be stored.
    TooManyWaiting(usize),
    /// The nickname is registered, and no password or token was given.
    NicknameRegistered(Name),
    /// An account's user cannot change nickname.
    NicknameIsAccount,
    /// Only operators of the channel may do that.
    NotOperator(Name),
    /// Only the founder of the channel may do that.
    NotFounder(Name),
    /// Only invited people may join the channel.
    InviteOnly(Name),
    /// The user is banned from the channel.
    BannedFromChannel(Name),
    /// The channel has a key, and it was not given.
    WrongKey(Name),
    /// Too many wrong keys, or names that cannot be had, came from the address: so many
    /// seconds have to pass.
    TooManyWrongKeys(u64),
    /// As many people are in the channel as its limit allows.
    ChannelFull(Name),
    /// Only accounts may do that in the channel.
    NeedsAccount(Name),
    /// The user may not speak in the channel, for this reason.
    CannotSpeak(Name, Silence),
    /// The user must wait so many seconds before speaking in the channel again.
    SlowMode(Name, u64),
    /// A list of the channel has as many entries as the limit allows.
    ListFull(Name, usize),
    /// The user is not in the channel.
    NotOnChannel(Name, Name),
    /// The user is in the channel already.
    AlreadyOnChannel(Name, Name),
    /// The user has this role in the channel already.
    HasRole(Name, Name, Role),
    /// The user does not have this role in the channel.
    LacksRole(Name, Name, Role),
    /// This list of the channel has no such entry.
    NotListed(String, Name, List),
    /// There is no account of that name.
    NoSuchAccount(Name),
    /// Too many invitations to the channel are open.
    TooManyInvited(Name),
    /// The channel has no link with that id.
    NoSuchLink(Name),
    /// The channel is not registered.
    ChannelNotRegistered(Name),
    /// The channel is registered already.
    ChannelRegistered(Name),
    /// A reason is longer than the limit allows.
    ReasonTooLong(usize),
    /// The account has registered as many channels as the limit allows.
    TooManyRegistered(usize),
    /// Accounts do not register channels on this server.
    MayNotRegister,
    /// Channels are not changed through this server, because other servers of the cluster
    /// may not know such changes.
    GovernanceOff,
    /// Only administrators change the channel that every client is in.
    ChannelIsGlobal,
    /// The connections of the address have sent as many bytes as the limit allows
    /// within a minute.
    AllowanceSpent(u64),
}

/// Why a user may not speak in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Only people with a role may.
    Moderated,
    /// Only accounts may.
    AccountsOnly,
    /// The user is muted.
    Muted,
    /// Requests between clients are refused.
    NoRequests,
}

impl Refusal {
    /// Whether the reason is that a nickname is not available.
    pub fn is_about_nickname(&self) -> bool {
        matches!(
            self,
            Refusal::NicknameInUse(_) | Refusal::NicknameBanned(_) | Refusal::NicknameRegistered(_)
        )
    }

    /// The channel that it is about, if it is about one.
    pub fn channel(&self) -> Option<&Name> {
        match self {
            Refusal::NotInChannel(channel)
            | Refusal::AlreadyInChannel(channel)
            | Refusal::NoSuchChannel(channel)
            | Refusal::ChannelExists(channel)
            | Refusal::ChannelLooksLike(channel, _)
            | Refusal::NotOperator(channel)
            | Refusal::NotFounder(channel)
            | Refusal::InviteOnly(channel)
            | Refusal::BannedFromChannel(channel)
            | Refusal::WrongKey(channel)
            | Refusal::ChannelFull(channel)
            | Refusal::NeedsAccount(channel)
            | Refusal::CannotSpeak(channel, _)
            | Refusal::SlowMode(channel, _)
            | Refusal::ListFull(channel, _)
            | Refusal::NotOnChannel(_, channel)
            | Refusal::AlreadyOnChannel(_, channel)
            | Refusal::HasRole(_, channel, _)
            | Refusal::NotListed(_, channel, _)
            | Refusal::LacksRole(_, channel, _)
            | Refusal::ChannelNameTaken(channel)
            | Refusal::TooManyInvited(channel)
            | Refusal::NoSuchLink(channel)
            | Refusal::ChannelNotRegistered(channel)
            | Refusal::ChannelRegistered(channel) => Some(channel),
            _ => None,
        }
    }

    /// The user who is not here, if that is the reason.
    pub fn user(&self) -> Option<&Name> {
        match self {
            Refusal::NoSuchUser(name) => Some(name),
            _ => None,
        }
    }

    /// The same about the channel as it was asked for, if it is one that the client must
    /// not know of: how its founder writes it is known to those who are in it.
    pub(super) fn naming(self, name: &Name) -> Refusal {
        match self {
            Refusal::NoSuchChannel(_) => Refusal::NoSuchChannel(name.clone()),
            Refusal::NotInChannel(_) => Refusal::NotInChannel(name.clone()),
            Refusal::ChannelNameTaken(_) => Refusal::ChannelNameTaken(name.clone()),
            refusal => refusal,
        }
    }

    /// In how many seconds the same may be tried again, if that is known.
    pub fn seconds(&self) -> Option<u64> {
        match self {
            Refusal::SlowMode(_, seconds) | Refusal::TooManyWrongKeys(seconds) => Some(*seconds),
            _ => None,
        }
    }

    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::NicknameInUse(_) => "nickname_in_use",
            Refusal::BadName(_) => "bad_name",
            Refusal::NicknameBanned(_) => "nickname_banned",
            Refusal::NoChannel => "no_channel",
            Refusal::NotInChannel(_) => "not_in_channel",
            Refusal::AlreadyInChannel(_) => "already_in_channel",
            Refusal::TooManyChannels(_) => "too_many_channels",
            Refusal::NoMoreChannels(_) => "no_more_channels",
            Refusal::TooManyMade(_) => "too_many_made",
            Refusal::MadeTooFast(_) => "made_too_fast",
            Refusal::NoSuchUser(_) => "no_such_user",
            Refusal::AccountsOnly(_) => "accounts_only",
            Refusal::CannotIgnoreSelf => "cannot_ignore_self",
            Refusal::NotIgnored(_) => "not_ignored",
            Refusal::TooManyIgnored(_) => "too_many_ignored",
            Refusal::EmptyMessage => "empty_message",
            Refusal::NoSuchMessage => "no_such_message",
            Refusal::NotAuthor => "not_author",
            Refusal::OnHold(_) => "on_hold",
            Refusal::TooLateToEdit(_) => "too_late",
            Refusal::NotYourReaction => "not_your_reaction",
            Refusal::TooManySigns(_) | Refusal::TooManyOwnSigns(_) => "too_many_signs",
            Refusal::TooManyReactions(_) => "too_many_reactions",
            Refusal::TagUsed => "tag_used",
            Refusal::NotStored => "not_stored",
            Refusal::NoSuchChannel(_) => "no_such_channel",
            Refusal::ChannelExists(_) => "channel_exists",
            Refusal::ChannelLooksLike(..) => "channel_looks_alike",
            Refusal::ChannelNameTaken(_) => "cannot_join",
            Refusal::TooManyHeld | Refusal::TooManyHeldForAddress => "too_many_held",
            Refusal::CannotAgree => "cannot_agree",
            Refusal::CannotLookUp => "cannot_look_up",
            Refusal::NoHistory => "no_history",
            Refusal::HistoryUnavailable => "history_unavailable",
            Refusal::TooManyWaiting(_) => "too_many_waiting",
            Refusal::NicknameRegistered(_) => "nickname_registered",
            Refusal::NicknameIsAccount => "nickname_is_account",
            Refusal::NotOperator(_) => "not_operator",
            Refusal::NotFounder(_) => "not_founder",
            Refusal::InviteOnly(_) => "invite_only",
            Refusal::BannedFromChannel(_) => "banned_from_channel",
            Refusal::WrongKey(_) => "wrong_key",
            Refusal::TooManyWrongKeys(_) => "too_many_wrong_keys",
            Refusal::ChannelFull(_) => "channel_full",
            Refusal::NeedsAccount(_) => "needs_account",
            Refusal::CannotSpeak(..) => "cannot_speak",
            Refusal::SlowMode(..) => "slow_mode",
            Refusal::ListFull(..) => "list_full",
            Refusal::NotOnChannel(..) => "not_on_channel",
            Refusal::AlreadyOnChannel(..) => "already_on_channel",
            Refusal::HasRole(..) => "has_role",
            Refusal::LacksRole(..) => "lacks_role",
            Refusal::NotListed(..) => "not_listed",
            Refusal::NoSuchAccount(_) => "no_such_account",
            Refusal::TooManyInvited(_) => "too_many_invited",
            Refusal::NoSuchLink(_) => "no_such_link",
            Refusal::ChannelNotRegistered(_) => "not_registered_channel",
            Refusal::ChannelRegistered(_) => "channel_registered",
            Refusal::ReasonTooLong(_) => "reason_too_long",
            Refusal::TooManyRegistered(_) => "too_many_registered",
            Refusal::MayNotRegister => "may_not_register",
            Refusal::ChangeNotStored => "not_stored",
            Refusal::NotSupported(_) => "not_supported",
            Refusal::GovernanceOff => "governance_off",
            Refusal::ChannelIsGlobal => "channel_is_global",
            Refusal::AllowanceSpent(_) => "allowance_spent",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NicknameInUse(name) => {
                write!(f, "The nickname {name} is taken.")
            }
            Refusal::BadName(error) => write!(f, "That name will not do: {error}."),
            Refusal::NicknameBanned(name) => write!(f, "The nickname {name} is banned."),
            Refusal::NoChannel => {
                write!(f, "You are not in a channel. Join one first.")
            }
            Refusal::NotInChannel(name) => write!(f, "You are not in #{name}."),
            Refusal::AlreadyInChannel(name) => write!(f, "You are already in #{name}."),
            Refusal::TooManyChannels(most) => {
                write!(
                    f,
                    "You are in {most} channels already, which is the limit. Leave one first."
                )
            }
            Refusal::NoMoreChannels(most) => write!(
                f,
                "There are {most} channels already. Join one of them, or try again later."
            ),
            Refusal::TooManyMade(most) => write!(
                f,
                "Your address has created as many channels as it may, {most}. Join one that exists."
            ),
            Refusal::MadeTooFast(most) => write!(
                f,
                "Your address creates channels too fast: {most} a minute are allowed. \
                 Please try again in a moment."
            ),
            Refusal::NoSuchUser(name) => write!(f, "Nobody called @{name} is here."),
            Refusal::AccountsOnly(name) => {
                write!(f, "@{name} takes private messages from accounts only.")
            }
            Refusal::CannotIgnoreSelf => write!(f, "You cannot ignore yourself."),
            Refusal::NotIgnored(name) => write!(f, "You were not ignoring @{name}."),
            Refusal::TooManyIgnored(most) => {
                write!(
                    f,
                    "You ignore {most} people already, which is the limit. Stop ignoring one of them first."
                )
            }
            Refusal::EmptyMessage => write!(f, "That message is empty."),
            Refusal::NoSuchMessage => write!(f, "There is no such message."),
            Refusal::NotAuthor => write!(f, "That message is somebody else's."),
            Refusal::OnHold(channel) => write!(
                f,
                "#{channel} is on hold: an administrator has ordered that nothing in it is edited or deleted."
            ),
            Refusal::TooLateToEdit(seconds) => write!(
                f,
                "That message is too old: messages can be edited for {seconds} seconds."
            ),
            Refusal::NotYourReaction => write!(
                f,
                "That reaction is by another user, who had your nickname before."
            ),
            Refusal::TooManySigns(most) => write!(
                f,
                "That message has {most} different signs already, which is the limit. \
                 Choose one of them."
            ),
            Refusal::TooManyOwnSigns(most) => write!(
                f,
                "You have given that message {most} different signs today, which is the limit."
            ),
            Refusal::TooManyReactions(most) => write!(
                f,
                "That message has {most} reactions already, which is the limit."
            ),
            Refusal::TagUsed => write!(
                f,
                "That tag stands for another message. Please give this one a tag of its own."
            ),
            Refusal::NotStored => write!(
                f,
                "Your message could not be stored and was not sent. Please try again later."
            ),
            Refusal::NoSuchChannel(name) => write!(f, "There is no channel #{name}."),
            Refusal::ChannelExists(name) => write!(f, "The channel #{name} exists already."),
            Refusal::ChannelLooksLike(name, other) => write!(
                f,
                "#{name} looks like the channel #{other}, but is spelt with other letters. \
                 Join #{other}, or choose another name."
            ),
            Refusal::ChannelNameTaken(name) => {
                write!(
                    f,
                    "You cannot join #{name}. If you know people there, ask them for an \
                     invitation or the key; otherwise choose another name."
                )
            }
            Refusal::CannotAgree => {
                write!(
                    f,
                    "Nicknames cannot be given out at present. Please try again."
                )
            }
            Refusal::CannotLookUp => {
                write!(
                    f,
                    "Nicknames cannot be looked up at present. Please try again in a moment."
                )
            }
            Refusal::TooManyHeld => {
                write!(
                    f,
                    "Too many nicknames are reserved at present. Please try again."
                )
            }
            Refusal::TooManyHeldForAddress => write!(
                f,
                "Too many nicknames are reserved for your address. Please try again."
            ),
            Refusal::NoHistory => write!(f, "No history is kept here."),
            Refusal::HistoryUnavailable => {
                write!(
                    f,
                    "The history cannot be read at present. Please try again."
                )
            }
            Refusal::TooManyWaiting(most) => write!(
                f,
                "{most} of your commands are waiting already; this one was not carried out."
            ),
            Refusal::NicknameRegistered(name) => {
                write!(
                    f,
                    "The nickname {name} is registered: only its owner can use it."
                )
            }
            Refusal::AllowanceSpent(most) => write!(
                f,
                "Your address has sent as much as it may in a minute, {most} bytes. \
                 Please try again in a moment."
            ),
            Refusal::NotOperator(channel) => {
                write!(f, "Only operators of #{channel} may do that.")
            }
            Refusal::NotFounder(channel) => {
                write!(f, "Only the founder of #{channel} may do that.")
            }
            Refusal::InviteOnly(channel) => write!(
                f,
                "Only invited people may join #{channel}. Ask one of its operators for an invitation."
            ),
            Refusal::BannedFromChannel(channel) => write!(
                f,
                "You are banned from #{channel}. Its operators can lift the ban."
            ),
            Refusal::WrongKey(channel) => {
                write!(f, "#{channel} has a key. Give it with the name to join.")
            }
            Refusal::TooManyWrongKeys(seconds) => write!(
                f,
                "Too many names and keys were tried from your address. \
                 Please try again in {seconds} s."
            ),
            Refusal::ChannelFull(channel) => {
                write!(f, "#{channel} is full. Please try again later.")
            }
            Refusal::NeedsAccount(channel) => write!(
                f,
                "You need an account for that in #{channel}. Register your nickname, or log in, first."
            ),
            Refusal::CannotSpeak(channel, why) => match why {
                Silence::Moderated => write!(
                    f,
                    "Only people with voice may speak in #{channel}. Its operators can give you voice."
                ),
                Silence::AccountsOnly => write!(
                    f,
                    "Only people with an account may speak in #{channel}. \
                     Register your nickname, or log in, first."
                ),
                Silence::Muted => write!(
                    f,
                    "You are muted in #{channel}. Its operators can lift that."
                ),
                Silence::NoRequests => {
                    write!(f, "Requests between clients are refused in #{channel}.")
                }
            },
            Refusal::SlowMode(channel, seconds) => write!(
                f,
                "#{channel} is in slow mode: you may speak again in {seconds} s."
            ),
            Refusal::ListFull(channel, most) => write!(
                f,
                "That list of #{channel} has {most} entries already. Remove one first."
            ),
            Refusal::NotOnChannel(name, channel) => {
                write!(f, "@{name} is not in #{channel}.")
            }
            Refusal::AlreadyOnChannel(name, channel) => {
                write!(f, "@{name} is in #{channel} already.")
            }
            Refusal::HasRole(name, channel, role) => match role {
                Role::Founder => write!(f, "@{name} is the founder of #{channel}, and stays it."),
                Role::Operator => write!(f, "@{name} is an operator of #{channel} already."),
                Role::Voice => write!(f, "@{name} has voice in #{channel} already."),
            },
            Refusal::LacksRole(name, channel, role) => match role {
                Role::Founder => write!(f, "@{name} is not the founder of #{channel}."),
                Role::Operator => write!(f, "@{name} is not an operator of #{channel}."),
                Role::Voice => write!(f, "@{name} does not have voice in #{channel}."),
            },
            Refusal::NotListed(who, channel, list) => match list {
                List::Ban => write!(f, "{who} is not banned from #{channel}."),
                List::Mute => write!(f, "{who} is not muted in #{channel}."),
                List::Except | List::Invite => {
                    write!(f, "{who} is not on that list of #{channel}.")
                }
            },
            Refusal::NoSuchAccount(name) => write!(f, "@{name} has no account."),
            Refusal::TooManyInvited(channel) => write!(
                f,
                "Too many invitations to #{channel} are open. Please try again later."
            ),
            Refusal::NoSuchLink(channel) => {
                write!(f, "#{channel} has no such invitation link.")
            }
            Refusal::ChannelNotRegistered(channel) => {
                write!(f, "#{channel} is not registered.")
            }
            Refusal::ChannelRegistered(channel) => {
                write!(f, "#{channel} is registered already.")
            }
            Refusal::ReasonTooLong(most) => {
                write!(f, "A reason may have {most} characters. Please shorten it.")
            }
            Refusal::TooManyRegistered(most) => write!(
                f,
                "An account may have {most} registered channels, and that one has as many. \
                 Give one of them up first."
            ),
            Refusal::MayNotRegister => {
                write!(
                    f,
                    "Channels are not registered by their operators on this server."
                )
            }
            Refusal::ChangeNotStored => write!(
                f,
                "Your change could not be stored and is not in force. Please try again later."
            ),
            Refusal::NotSupported(flag) => {
                write!(f, "The rule {} is not supported here.", flag.word())
            }
            Refusal::GovernanceOff => write!(
                f,
                "Channels cannot be changed at present: not every server of this chat may know \
                 their rules. Its operators allow it with the setting cluster.governance."
            ),
            Refusal::ChannelIsGlobal => write!(
                f,
                "#{} is everybody's: only administrators change it.",
                super::GLOBAL
            ),
            Refusal::NicknameIsAccount => {
                write!(f, "Your nickname is your account's and cannot be changed.")
            }
        }
    }
}

impl std::error::Error for Refusal {}
