//! Events as bytes: in every protocol user text is data. No line can pose as
//! another user's, no control character gets through, every frame is complete.

use std::sync::Arc;

use chat_server::hub::{
    ChannelRow, Event, Farewell, FrameFault, Member, Message, MessageId, OwnChannel, Page, Part,
    Private, Refusal,
};
use chat_server::name::Name;
use chat_server::protocol::{Encoder, WireFormat};
use chat_server::store::{Place, SavedChannel, Unread};
use chat_server::text::Text;
use serde_json::Value;
use tungstenite::protocol::Role;
use tungstenite::{Message as Frame, WebSocket};

use super::{Peer, assert_shown_safely, name_of, parts};

const FORMATS: [WireFormat; 6] = [
    WireFormat::Telnet,
    WireFormat::WebSocketLine,
    WireFormat::Direct,
    WireFormat::Json,
    WireFormat::RoomTcp,
    WireFormat::RoomWebSocket,
];

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
    let events = events(&one, &other, at_ms, &text);
    for format in FORMATS {
        for event in &events {
            let mut out = Vec::new();
            encoder.event(format, event, &mut out);
            let lines = lines(format, out);
            said(format, event, &one, &text, &lines);
        }
        for farewell in farewells(&one, &text) {
            let mut out = Vec::new();
            encoder.farewell(format, &farewell, &mut out);
            lines_and_close(format, out);
        }
    }
}

fn events(one: &Name, other: &Name, at_ms: u64, text: &Text) -> Vec<Event> {
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
        text: text.clone(),
    };
    let private = Private {
        id,
        at_ms,
        from: one.clone(),
        to: other.clone(),
        text: text.clone(),
    };
    let count = at_ms as usize % 3;
    vec![
        Event::Greeting { others: count },
        Event::Welcome {
            nickname: nickname.clone(),
        },
        Event::Message(message.clone()),
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
        },
        Event::MemberJoined {
            channel: channel.clone(),
            nickname: nickname.clone(),
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
fn said(format: WireFormat, event: &Event, author: &Name, text: &Text, lines: &[String]) {
    let (is_message, is_private) = match event {
        Event::Message(_) => (true, false),
        Event::Private(_) => (false, true),
        _ => return,
    };
    match format {
        WireFormat::Telnet | WireFormat::WebSocketLine => {
            let wanted = if is_message {
                format!(" @{author}: ")
            } else {
                format!(" -PM from @{author}: ")
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
            let wanted: Vec<String> = text
                .as_str()
                .splitn(SHOWN_LINES, '\n')
                .map(|line| format!("{author}:{}", line.replace('\n', " ")))
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
            assert_eq!(frame["from"], author.as_str());
        }
        WireFormat::Direct if is_private => {
            let [frame] = lines else {
                panic!("{lines:?}");
            };
            let frame: Value = serde_json::from_str(frame).unwrap();
            assert_eq!(frame["message"], text.as_str());
            assert_eq!(frame["author"], author.as_str());
        }
        WireFormat::Direct => assert!(lines.is_empty()),
    }
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
        WireFormat::Telnet => (ended_by(&bytes, "\r\n"), false),
        WireFormat::RoomTcp => (ended_by(&bytes, "\n"), false),
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
        assert_shown_safely(line);
        if matches!(format, WireFormat::Json | WireFormat::Direct) {
            let frame: Value = serde_json::from_str(line).expect(line);
            let both = frame["from"].is_string() && frame["body"].is_string();
            assert!(both || format == WireFormat::Direct, "{line}");
        }
    }
    (lines, close)
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
    }
}

fn page<T>(rows: Vec<T>, more: bool) -> Arc<Page<T>> {
    Arc::new(Page::new(Part::default(), rows, more))
}
