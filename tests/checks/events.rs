//! Events as bytes: in every protocol user text is data. No line can pose as
//! another user's, no control character gets through, every frame is complete.

use std::sync::Arc;

use chat_server::hub::{
    ChannelRow, Event, Farewell, FrameFault, Member, Message, MessageId, OwnChannel, Page, Part,
    Private, Refusal,
};
use chat_server::model::styled::is_code;
use chat_server::model::{
    AccountId, Amendment, Body, Located, MAX_SIGN_CHARS, MessageKind, Notify, Reaction, Sign,
    Styled,
};
use chat_server::name::Name;
use chat_server::protocol::{Encoder, WireFormat};
use chat_server::store::{Place, SavedChannel, Unread};
use chat_server::text::Text;
use serde_json::Value;
use tungstenite::protocol::Role;
use tungstenite::{Message as Frame, WebSocket};

use super::{Peer, assert_shown_safely, name_of, parts};

const FORMATS: [WireFormat; 10] = [
    WireFormat::Telnet,
    WireFormat::WebSocketLine,
    WireFormat::Direct,
    WireFormat::Json,
    WireFormat::RoomTcp,
    WireFormat::RoomWebSocket,
    WireFormat::Irc,
    WireFormat::IrcText,
    WireFormat::EventStream,
    WireFormat::JsonLines,
];

const KINDS: [MessageKind; 3] = [MessageKind::Say, MessageKind::Action, MessageKind::Notice];

/// Most lines of a message where the author stands before each line.
const SHOWN_LINES: usize = 20;

/// The input has two names, a time, and a text.
pub fn check(data: &[u8]) {
    let mut parts = parts(data);
    let mut part = || parts.next().unwrap_or_default();
    let (one, other) = (name_of(&part()), name_of(&part()));
    let at_ms = part().parse().unwrap_or_default();
    let text = Text::clean(&part());
    let mut encoder = Encoder::new("Welcome.".to_owned());
    let bodies = KINDS.map(|kind| Body {
        kind,
        text: text.clone(),
        // No protocol of these may show it.
        styled: Some(Styled::clean("\x02styled\x02 \x0304,12text\x1d\x1e\x1f")),
        extras: Some("+styled=styled".into()),
        more: None,
    });
    for format in FORMATS {
        for body in &bodies {
            for event in &events(&one, &other, at_ms, body) {
                let mut out = Vec::new();
                encoder.event(format, event, &mut out);
                let lines = lines(format, out);
                said(format, event, &one, body, &lines);
            }
        }
        for farewell in farewells(&one, &text) {
            let mut out = Vec::new();
            encoder.farewell(format, &farewell, &mut out);
            lines_and_close(format, out);
        }
    }
}

fn events(one: &Name, other: &Name, at_ms: u64, body: &Body) -> Vec<Event> {
    let text = &body.text;
    let (channel, nickname) = (other.clone(), one.clone());
    let id = MessageId {
        ms: at_ms,
        sequence: at_ms,
    };
    let message = Message {
        id,
        at_ms,
        author: one.clone(),
        place: Place::Channel {
            channel: channel.clone(),
            account: None,
        },
        body: body.clone(),
    };
    let private = Private {
        id,
        at_ms,
        from: one.clone(),
        to: other.clone(),
        body: body.clone(),
    };
    let count = at_ms as usize % 3;
    vec![
        Event::Greeting { others: count },
        Event::Welcome {
            nickname: nickname.clone(),
        },
        Event::Message(message.clone()),
        reacted(&message, None, text),
        reacted(&message, Some(other), text),
        reactions(&message, text),
        amended(&message, None, body.clone()),
        amended(&message, None, Body::deleted()),
        amended(&message, Some(other), body.clone()),
        amended(&message, Some(other), Body::deleted()),
        Event::Private(private.clone()),
        Event::PrivateSent(private.clone()),
        Event::PrivateCopy(private),
        Event::History {
            channel: channel.clone(),
            messages: vec![message.clone(); count],
            complete: true,
            asked: true,
            now_ms: at_ms,
        },
        Event::History {
            channel: channel.clone(),
            messages: vec![message; count],
            complete: true,
            asked: false,
            now_ms: at_ms.wrapping_mul(3),
        },
        Event::Joined {
            channel: channel.clone(),
            others: count,
            topic: None,
        },
        Event::Left {
            channel: channel.clone(),
            reason: None,
        },
        Event::MemberJoined {
            channel: channel.clone(),
            nickname: nickname.clone(),
            is_bot: true,
        },
        Event::MemberLeft {
            channel: channel.clone(),
            nickname: nickname.clone(),
            reason: count.is_multiple_of(2).then(|| text.clone()),
        },
        Event::Away {
            user: nickname.clone(),
            text: count.is_multiple_of(2).then(|| text.clone()),
            is_own: count.is_multiple_of(3),
        },
        Event::MembersChanged {
            channel: channel.clone(),
            joined: count,
            left: 1,
        },
        Event::MemberRenamed {
            channel: channel.clone(),
            from: one.clone(),
            to: other.clone(),
        },
        Event::Renamed { to: other.clone() },
        Event::Members {
            channel: channel.clone(),
            is_secret: false,
            page: page(
                vec![Member::plain(nickname.clone()); count * 9],
                count.is_multiple_of(2),
            ),
        },
        Event::Channels(page(
            vec![
                row(&channel, count, Some(text.clone())),
                row(&nickname, 1, None),
            ],
            count.is_multiple_of(2),
        )),
        Event::OwnChannels(Arc::new(vec![OwnChannel {
            saved: SavedChannel {
                channel: channel.clone(),
                read_up_to: MessageId::default(),
                is_muted: count % 2 == 1,
                notify: Notify::Mentions,
            },
            topic: Some(text.clone()),
            people: count,
            is_in: false,
            readable_after: None,
            unread: Unread {
                messages: 2,
                mentions: count as u64 % 3,
            },
        }])),
        Event::ChannelRead {
            channel: channel.clone(),
            up_to: MessageId { ms: 1, sequence: 2 },
        },
        Event::ChannelNotifies {
            channel: channel.clone(),
            notify: Notify::Nothing,
        },
        Event::ChannelMuted {
            channel: channel.clone(),
            muted: count % 2 == 1,
        },
        Event::Ignored(nickname.clone()),
        Event::IgnoreList(page(
            vec![nickname.clone(), channel.clone()],
            count % 2 == 1,
        )),
        Event::Unignored(nickname.clone()),
        Event::Announcement {
            text: text.clone(),
            at_ms,
        },
        Event::Refused(Refusal::NicknameInUse(nickname)),
        Event::Refused(Refusal::NoSuchChannel(channel)),
    ]
}

/// A change of a message, in its channel or of one to another user.
fn amended(message: &Message, to: Option<&Name>, body: Body) -> Event {
    let (from, account) = (AccountId(1), AccountId(2));
    let place = match to {
        Some(_) => Place::Direct { from, to: account },
        None => message.place.clone(),
    };
    Event::Amended(Arc::new(Amendment {
        id: message.id,
        message: message.id,
        place,
        author: message.author.clone(),
        to: to.cloned(),
        by: Some(message.author.clone()),
        reason: body.is_deleted().then(|| Text::one_line("why")),
        body: body.changed_by(message.id),
    }))
}

/// A reaction to a message, in its channel or to another user.
fn reacted(message: &Message, to: Option<&Name>, text: &Text) -> Event {
    Event::Reacted(Arc::new(reaction(message, to, text)))
}

fn reaction(message: &Message, to: Option<&Name>, text: &Text) -> Reaction {
    let (from, account) = (AccountId(1), AccountId(2));
    let place = match to {
        Some(_) => Place::Direct { from, to: account },
        None => message.place.clone(),
    };
    let sign: String = text.as_str().chars().take(MAX_SIGN_CHARS).collect();
    let sign = Sign::parse(&sign).unwrap_or_else(|_| Sign::parse("👍").unwrap());
    Reaction {
        id: message.id,
        message: message.id,
        place,
        author: message.author.clone(),
        to: to.cloned(),
        by: message.author.clone(),
        account: None,
        sign,
        on: text.as_str().len().is_multiple_of(2),
    }
}

/// All reactions of a message.
fn reactions(message: &Message, text: &Text) -> Event {
    let mut message = message.clone();
    let mut given = reaction(&message, None, text);
    given.on = true;
    given.apply(&mut message);
    let to = None;
    Event::Reactions(Box::new(Located {
        message,
        to,
        is_held: false,
    }))
}

fn farewells(name: &Name, text: &Text) -> Vec<Farewell> {
    vec![
        Farewell::PeerLeft,
        Farewell::Quit,
        Farewell::Shutdown,
        Farewell::BadFrame(FrameFault::NotText),
        Farewell::Kicked(Some(text.clone())),
        Farewell::Removed {
            by: Some(name.clone()),
            reason: Some(text.clone()),
        },
        Farewell::Banned(Some(text.clone())),
        Farewell::NotAdmitted(Refusal::NicknameRegistered(name.clone())),
    ]
}

/// What a client reads of a message: all its lines, each with the author, or
/// one frame with the unchanged text.
fn said(format: WireFormat, event: &Event, author: &Name, body: &Body, lines: &[String]) {
    let Body { kind, text, .. } = body;
    let (is_message, is_private) = match event {
        Event::Message(_) => (true, false),
        Event::Private(_) => (false, true),
        _ => return,
    };
    match format {
        WireFormat::Telnet | WireFormat::WebSocketLine => {
            let shown = match kind {
                MessageKind::Say if is_message => format!("@{author}: "),
                MessageKind::Say => String::new(),
                MessageKind::Action => format!("* @{author} "),
                MessageKind::Notice => format!("-@{author}- "),
                MessageKind::Deleted => unreachable!("nothing is shown of it"),
            };
            let wanted = if is_message {
                format!(" {shown}")
            } else {
                format!(" -PM from @{author}: {shown}")
            };
            assert!(!lines.is_empty());
            for line in lines {
                let (time, rest) = line.split_at(5);
                assert!(time.chars().all(|c| c.is_ascii_digit() || c == ':'));
                assert!(rest.starts_with(&wanted), "{line:?}");
            }
            let shown: usize = lines.iter().map(|line| line.len() - 5 - wanted.len()).sum();
            assert_eq!(shown + lines.len() - 1, text.as_str().len());
        }
        WireFormat::RoomTcp | WireFormat::RoomWebSocket if is_message => {
            let mark = if *kind == MessageKind::Action {
                "* "
            } else {
                ""
            };
            let wanted: Vec<String> = text
                .as_str()
                .splitn(SHOWN_LINES, '\n')
                .map(|line| format!("{author}:{mark}{}", line.replace('\n', " ")))
                .collect();
            assert_eq!(lines, wanted);
        }
        WireFormat::RoomTcp | WireFormat::RoomWebSocket => assert!(lines.is_empty()),
        WireFormat::Json => {
            let [frame] = lines else {
                panic!("{lines:?}");
            };
            let frame: Value = serde_json::from_str(frame).unwrap();
            assert_eq!(frame["body"], text.as_str());
            is_marked(&frame, *kind);
            assert_eq!(frame["from"], author.as_str());
        }
        WireFormat::Direct if is_private => {
            let [frame] = lines else {
                panic!("{lines:?}");
            };
            let frame: Value = serde_json::from_str(frame).unwrap();
            assert_eq!(frame["message"], text.as_str());
            is_marked(&frame, *kind);
            assert_eq!(frame["author"], author.as_str());
        }
        WireFormat::Direct => assert!(lines.is_empty()),
        WireFormat::EventStream | WireFormat::JsonLines if is_message => {
            let [line] = lines else {
                panic!("{lines:?}");
            };
            let told: Value = serde_json::from_str(line).unwrap();
            assert_eq!(told["text"], text.as_str());
            is_marked(&told, *kind);
            assert_eq!(told["author"], author.as_str());
        }
        WireFormat::EventStream | WireFormat::JsonLines => assert!(lines.is_empty()),
        WireFormat::Irc | WireFormat::IrcText | WireFormat::IrcBinary => {
            let command = match kind {
                MessageKind::Say | MessageKind::Action => "PRIVMSG",
                MessageKind::Notice => "NOTICE",
                MessageKind::Deleted => unreachable!("nothing is shown of it"),
            };
            let wanted = format!(":{author}!~u@unknown.guest {command} ");
            assert!(!lines.is_empty());
            for line in lines {
                assert!(line.starts_with(&wanted), "{line:?}");
                let is_action = line.contains(":\u{1}ACTION ");
                assert_eq!(is_action, *kind == MessageKind::Action, "{line:?}");
            }
        }
    }
}

fn is_marked(frame: &Value, kind: MessageKind) {
    assert_eq!(frame["action"] == true, kind == MessageKind::Action);
    assert_eq!(frame["notice"] == true, kind == MessageKind::Notice);
}

/// The lines or frames that a client reads.
fn lines(format: WireFormat, bytes: Vec<u8>) -> Vec<String> {
    let (lines, close) = lines_and_close(format, bytes);
    assert!(!close);
    lines
}

/// The lines or frames, and whether a close frame came last.
fn lines_and_close(format: WireFormat, bytes: Vec<u8>) -> (Vec<String>, bool) {
    let (lines, close) = match format {
        WireFormat::Telnet | WireFormat::Irc => (ended_by(&bytes, "\r\n"), false),
        WireFormat::RoomTcp | WireFormat::JsonLines => (ended_by(&bytes, "\n"), false),
        WireFormat::EventStream => (
            ended_by(&bytes, "\n\n").iter().map(|it| data(it)).collect(),
            false,
        ),
        _ => frames(&bytes),
    };
    let lines = lines.into_iter().map(|line| match format {
        WireFormat::RoomWebSocket => {
            let line = line.strip_suffix('\n').expect("a line feed in each frame");
            line.to_owned()
        }
        _ => line,
    });
    let lines: Vec<String> = lines.collect();
    for line in &lines {
        assert!(!line.contains('\n'), "{line:?}");
        match format {
            format if format.is_irc() => assert_shown_safely(&without_codes(line)),
            _ => assert_shown_safely(line),
        }
        if format.is_irc() {
            assert!(line.len() <= 510, "{} bytes: {line}", line.len());
        }
        if format.is_stream() {
            let told: Value = serde_json::from_str(line).expect(line);
            let has_name = format == WireFormat::EventStream || told["event"].is_string();
            assert!(told.is_object() && has_name, "{line}");
        }
        if matches!(format, WireFormat::Json | WireFormat::Direct) {
            let frame: Value = serde_json::from_str(line).expect(line);
            let both = frame["from"].is_string() && frame["body"].is_string();
            assert!(both || format == WireFormat::Direct, "{line}");
        }
    }
    (lines, close)
}

/// The data of a server-sent event, which has a name and perhaps an id.
fn data(event: &str) -> String {
    let fields: Vec<(&str, &str)> = event
        .split('\n')
        .map(|line| line.split_once(": ").expect(event))
        .collect();
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let is_whole = ["event", "data", "id"].starts_with(&names);
    assert!(is_whole && names.len() > 1, "{event}");
    fields[1].1.to_owned()
}

/// What is left of a line for IRC clients without what they understand: styles, and the
/// marks of an action.
fn without_codes(line: &str) -> String {
    let is_shown = |c: &char| *c != '\u{1}' && !is_code(*c);
    line.chars().filter(is_shown).collect()
}

fn ended_by(bytes: &[u8], end: &str) -> Vec<String> {
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(text.is_empty() || text.ends_with(end));
    // No IAC, single or doubled: UTF-8 never contains it.
    assert!(!bytes.contains(&0xff));
    let lines = text.split_terminator(end).map(str::to_owned);
    lines.collect()
}

fn frames(bytes: &[u8]) -> (Vec<String>, bool) {
    let mut peer = Peer::new(vec![bytes]);
    let mut socket = WebSocket::from_raw_socket(&mut peer, Role::Client, None);
    let mut frames = Vec::new();
    loop {
        match socket.read() {
            Ok(Frame::Text(text)) => frames.push(text.as_str().to_owned()),
            Ok(Frame::Close(close)) => {
                let close = close.expect("a reason");
                assert!(close.reason.len() <= 123);
                assert_shown_safely(close.reason.as_str());
                return (frames, true);
            }
            Ok(other) => panic!("{other:?}"),
            Err(tungstenite::Error::Protocol(why)) => {
                // The client saw the stream end without a close frame.
                use tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
                assert_eq!(why, ResetWithoutClosingHandshake);
                return (frames, false);
            }
            Err(other) => panic!("{other}"),
        }
    }
}

fn row(name: &Name, people: usize, topic: Option<Text>) -> ChannelRow {
    ChannelRow {
        name: name.clone(),
        people,
        topic,
        topic_at_ms: None,
        since_ms: None,
    }
}

fn page<T>(rows: Vec<T>, more: bool) -> Arc<Page<T>> {
    Arc::new(Page::new(Part::default(), rows, more))
}
