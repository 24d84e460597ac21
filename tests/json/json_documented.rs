//! docs/json.md agrees with the server: its frames are accepted, its codes
//! exist.

use std::sync::Arc;

use chat_server::hub::{
    ChannelRow, Event, Farewell, Member, Message, MessageId, OwnChannel, Page, Part, Private,
    Refusal, Reply, RulesView, Silence, Tag,
};
use chat_server::model::Notify;
use chat_server::model::governance::{
    Bound, By, Change, ChannelChange, Flag, Link, LinkSecret, List, ListEntry, Mask, Person, Role,
    Rules, Topic,
};
use chat_server::model::{Amendment, Body, Located, Reaction, Sign};
use chat_server::name::Name;
use chat_server::protocol::{json, json_frames};
use chat_server::store::{Place, SavedChannel, Unread};
use chat_server::text::Text;
use serde_json::Value;

const NOTE: &str = include_str!("../../docs/json.md");

/// The frames of the page: those clients send, and those the server sends.
fn examples() -> (Vec<&'static str>, Vec<Value>) {
    let frames = NOTE.lines().filter(|line| line.starts_with("{\"type\""));
    let (told, sent): (Vec<&str>, Vec<&str>) = frames.partition(|line| line.contains("\"from\""));
    let told = told
        .into_iter()
        .map(|line| serde_json::from_str(line).unwrap());
    (sent, told.collect())
}

#[test]
fn every_command_of_the_note_is_understood() {
    let (sent, _) = examples();
    assert!(!sent.is_empty());
    for frame in sent {
        assert!(json::decode(frame).is_ok(), "{frame}");
    }
}

fn name(raw: &str) -> Name {
    Name::parse(raw).unwrap()
}

fn message() -> Message {
    Message {
        id: MessageId::default(),
        at_ms: 0,
        author: name("bob"),
        place: Place::Channel {
            channel: name("dev"),
            account: None,
        },
        body: Text::clean("hi").into(),
    }
}

fn amended(body: Body) -> Event {
    let Message {
        id, author, place, ..
    } = message();
    Event::Amended(Arc::new(Amendment {
        id,
        message: id,
        place,
        by: Some(author.clone()),
        author,
        to: None,
        body: body.changed_by(id),
        reason: None,
    }))
}

fn reaction() -> Reaction {
    let Message {
        id, author, place, ..
    } = message();
    Reaction {
        id,
        message: id,
        place,
        by: author.clone(),
        author,
        to: None,
        account: None,
        sign: Sign::parse("👍").unwrap(),
        on: true,
    }
}

fn reacted_to() -> Located {
    let mut message = message();
    reaction().apply(&mut message);
    Located::remembered(message)
}

fn events() -> Vec<Event> {
    let (dev, bob) = (name("dev"), name("bob"));
    let tag = || Tag::parse("7f3a").unwrap();
    vec![
        Event::Welcome {
            nickname: bob.clone(),
        },
        Event::Message(message()),
        amended(Text::clean("hi all").into()),
        amended(Body::deleted()),
        Event::Reacted(Arc::new(reaction())),
        Event::Reactions(Box::new(reacted_to())),
        Event::Private(Private {
            id: MessageId::default(),
            at_ms: 0,
            from: bob.clone(),
            to: name("ada"),
            body: Text::clean("hi").into(),
        }),
        Event::History {
            channel: dev.clone(),
            messages: vec![message()],
            complete: true,
            asked: false,
            now_ms: 0,
        },
        Event::Resumed {
            channel: dev.clone(),
            complete: true,
            more: false,
        },
        Event::Stored {
            tag: tag(),
            id: MessageId::default(),
        },
        Event::NotSent {
            tag: tag(),
            refusal: Refusal::EmptyMessage,
        },
        Event::Typing {
            from: bob.clone(),
            channel: Some(dev.clone()),
            to: None,
        },
        Event::Listening { typing: true },
        Event::Joined {
            channel: dev.clone(),
            others: 2,
            topic: None,
        },
        Event::Left {
            channel: dev.clone(),
            reason: None,
        },
        Event::MemberJoined {
            channel: dev.clone(),
            nickname: bob.clone(),
            is_bot: false,
        },
        Event::MemberLeft {
            channel: dev.clone(),
            nickname: bob.clone(),
            reason: None,
        },
        Event::MembersChanged {
            channel: dev.clone(),
            joined: 37,
            left: 2,
        },
        Event::MemberRenamed {
            channel: dev.clone(),
            from: bob.clone(),
            to: name("rob"),
        },
        Event::Renamed { to: bob.clone() },
        Event::Members {
            channel: dev.clone(),
            is_secret: false,
            page: Page::new(Part::default(), vec![Member::plain(bob.clone())], false).into(),
        },
        Event::Channels(
            Page::new(
                Part::default(),
                vec![ChannelRow {
                    name: dev.clone(),
                    people: 2,
                    topic: None,
                    topic_at_ms: None,
                    since_ms: None,
                }],
                false,
            )
            .into(),
        ),
        Event::OwnChannels(
            vec![OwnChannel {
                saved: SavedChannel {
                    channel: dev.clone(),
                    read_up_to: MessageId::default(),
                    is_muted: false,
                    notify: Notify::Mentions,
                },
                topic: Some(Text::clean("the plan")),
                people: 2,
                is_in: true,
                readable_after: None,
                unread: Unread {
                    messages: 3,
                    mentions: 1,
                },
            }]
            .into(),
        ),
        Event::ChannelRead {
            channel: dev.clone(),
            up_to: MessageId::default(),
        },
        Event::ChannelNotifies {
            channel: dev.clone(),
            notify: Notify::All,
        },
        Event::ChannelMuted {
            channel: dev.clone(),
            muted: true,
        },
        Event::Ignored(bob.clone()),
        Event::Unignored(bob.clone()),
        Event::IgnoreList(Page::new(Part::default(), vec![bob], false).into()),
        Event::Announcement {
            text: Text::clean("Tea at four"),
            at_ms: 0,
        },
    ]
}

fn link() -> Link {
    Link {
        hash: LinkSecret::of([0; 16]).hash(),
        by: name("ada"),
        uses: Some(10),
        until_ms: Some(0),
    }
}

fn rules() -> Rules {
    let entry = ListEntry {
        mask: Mask::parse("bob").unwrap(),
        by: name("ada"),
        at_ms: 0,
        until_ms: None,
        reason: Some(Text::clean("spam")),
    };
    Rules {
        links: vec![link()],
        lists: [(List::Ban, vec![entry])].into(),
        ..Rules::default()
    }
}

fn changed(changes: Vec<Change>) -> Event {
    let ada = Person {
        name: name("ada"),
        account: None,
    };
    Event::Changed(Arc::new(ChannelChange {
        id: MessageId::default(),
        at_ms: 0,
        channel: name("dev"),
        by: By::User(ada),
        changes,
    }))
}

/// What is told of rooms with rules.
fn governance() -> Vec<Event> {
    let (dev, ada, bob) = (name("dev"), name("ada"), name("bob"));
    let spam = || Some(Text::clean("spam"));
    let who = Person {
        name: bob.clone(),
        account: None,
    };
    let view = Arc::new(RulesView {
        channel: dev.clone(),
        rules: rules(),
        founder: Some(ada.clone()),
        role: Some(Role::Operator),
        skipped: 0,
        since_ms: None,
    });
    let topic = Topic {
        text: Text::clean("the plan"),
        by: ada.clone(),
        at_ms: 0,
    };
    let bound = Bound {
        until_ms: None,
        reason: spam(),
    };
    vec![
        Event::Away {
            user: bob.clone(),
            text: Some(Text::clean("lunch")),
            is_own: true,
        },
        Event::NotSent {
            tag: Tag::parse("7f3b").unwrap(),
            refusal: Refusal::SlowMode(dev.clone(), 8),
        },
        Event::Topic {
            channel: dev.clone(),
            topic: Some(Box::new(topic)),
        },
        changed(vec![Change::Topic(Some(Text::clean("the plan")))]),
        Event::Rules(view.clone()),
        changed(vec![Change::Flag(Flag::Moderated, true), Change::Slow(10)]),
        changed(vec![Change::Add(
            List::Ban,
            Mask::parse("bob").unwrap(),
            bound,
        )]),
        changed(vec![Change::Register(who.clone())]),
        Event::Role {
            channel: dev.clone(),
            role: Some(Role::Operator),
        },
        changed(vec![Change::Role {
            who: who.clone(),
            role: Some(Role::Voice),
            keep: true,
        }]),
        changed(vec![Change::Kick {
            who,
            reason: spam(),
        }]),
        Event::Kicked {
            channel: dev.clone(),
            by: ada.clone(),
            reason: spam(),
        },
        Event::Lists(view),
        Event::Invited {
            channel: dev.clone(),
            by: ada,
        },
        Event::InviteSent {
            channel: dev.clone(),
            to: bob,
        },
        Event::LinkMade {
            channel: dev,
            secret: LinkSecret::of([0; 16]),
        },
    ]
}

/// The names of a frame's fields, and of those of the first element of a list.
fn fields(frame: &Value) -> Vec<String> {
    let Value::Object(frame) = frame else {
        return Vec::new();
    };
    let inner = frame
        .values()
        .filter_map(|value| value.get(0))
        .flat_map(fields);
    let mut all: Vec<String> = frame.keys().cloned().chain(inner).collect();
    all.sort();
    all
}

/// The payloads of WebSocket frames, none of them very long.
fn payloads(mut frames: &[u8]) -> Vec<Value> {
    let mut values = Vec::new();
    while let Some(&length) = frames.get(1) {
        let (start, length) = match length {
            126 => (4, usize::from(u16::from_be_bytes([frames[2], frames[3]]))),
            length => (2, usize::from(length)),
        };
        values.push(serde_json::from_slice(&frames[start..start + length]).unwrap());
        frames = &frames[start + length..];
    }
    values
}

#[test]
fn every_frame_of_the_note_looks_like_the_real_one() {
    let (_, mut told) = examples();
    let replies = Reply::each(&name("bob")).into_iter().map(Event::Answered);
    let events = events().into_iter().chain(governance()).chain(replies);
    let events: Vec<Event> = events.collect();
    let mut frames: Vec<Value> = events.iter().flat_map(encoded).collect();
    let mut bye = Vec::new();
    json_frames::write_farewell(&Farewell::Shutdown, &mut bye);
    frames.extend(payloads(&bye));
    for frame in frames {
        let same =
            |example: &Value| example["type"] == frame["type"] && fields(example) == fields(&frame);
        let example = told.iter().position(same);
        told.remove(example.unwrap_or_else(|| panic!("the note lacks {frame}")));
    }
    // The answers of the store, which the tests of the commands cover.
    let left: Vec<&str> = told.iter().filter_map(|it| it["type"].as_str()).collect();
    assert_eq!(left, ["roommembers", "found", "inbox", "thread"]);
}

fn encoded(event: &Event) -> Vec<Value> {
    let mut bytes = Vec::new();
    json_frames::write_event(event, &mut bytes);
    payloads(&bytes)
}

#[test]
fn the_note_names_the_codes() {
    let bob = || name("bob");
    let refusals = [
        Refusal::NicknameInUse(bob()),
        Refusal::NicknameBanned(bob()),
        Refusal::NoChannel,
        Refusal::NotInChannel(bob()),
        Refusal::AlreadyInChannel(bob()),
        Refusal::TooManyChannels(1),
        Refusal::NoSuchUser(bob()),
        Refusal::AccountsOnly(bob()),
        Refusal::CannotIgnoreSelf,
        Refusal::NotIgnored(bob()),
        Refusal::TooManyIgnored(1),
        Refusal::EmptyMessage,
        Refusal::TagUsed,
        Refusal::NotStored,
        Refusal::NoSuchChannel(bob()),
        Refusal::ChannelExists(bob()),
        Refusal::ChannelLooksLike(bob(), bob()),
        Refusal::ChannelNameTaken(bob()),
        Refusal::CannotAgree,
        Refusal::CannotLookUp,
        Refusal::NoHistory,
        Refusal::HistoryUnavailable,
        Refusal::TooManyWaiting(1),
        Refusal::NicknameRegistered(bob()),
        Refusal::NicknameIsAccount,
        Refusal::NotOperator(bob()),
        Refusal::NotFounder(bob()),
        Refusal::InviteOnly(bob()),
        Refusal::BannedFromChannel(bob()),
        Refusal::WrongKey(bob()),
        Refusal::TooManyWrongKeys(1),
        Refusal::ChannelFull(bob()),
        Refusal::NeedsAccount(bob()),
        Refusal::CannotSpeak(bob(), Silence::Muted),
        Refusal::SlowMode(bob(), 1),
        Refusal::ListFull(bob(), 1),
        Refusal::NotOnChannel(bob(), bob()),
        Refusal::AlreadyOnChannel(bob(), bob()),
        Refusal::NotListed("@bob".to_owned(), bob(), List::Ban),
        Refusal::NoSuchAccount(bob()),
        Refusal::HasRole(bob(), bob(), Role::Voice),
        Refusal::LacksRole(bob(), bob(), Role::Voice),
        Refusal::TooManyInvited(bob()),
        Refusal::NoSuchLink(bob()),
        Refusal::ChannelNotRegistered(bob()),
        Refusal::ChannelRegistered(bob()),
        Refusal::ReasonTooLong(1),
        Refusal::TooManyRegistered(1),
        Refusal::MayNotRegister,
        Refusal::GovernanceOff,
        Refusal::ChannelIsGlobal,
    ];
    let farewells = [
        Farewell::Quit,
        Farewell::LoginTimeout,
        Farewell::Full,
        Farewell::SlowReader,
        Farewell::Flooding,
        Farewell::SpokeHttp,
        Farewell::Silent,
        Farewell::Kicked(None),
        Farewell::Removed {
            by: None,
            reason: None,
        },
        Farewell::Banned(None),
        Farewell::Replaced,
        Farewell::TokenRevoked,
        Farewell::PasswordChanged,
        Farewell::AccountDisabled,
        Farewell::AccountDeleted,
        Farewell::CutOff,
        Farewell::Shutdown,
        Farewell::InternalError,
    ];
    let codes = refusals.iter().map(Refusal::code);
    for code in codes.chain(farewells.iter().map(Farewell::code)) {
        assert!(NOTE.contains(&format!("`{code}`")), "{code}");
    }
}
