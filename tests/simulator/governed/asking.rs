//! What people ask for in the governed world.

use chat_server::hub::{
    Command, ConnectionId, Deed, MessageId, Part, Pass, Question, Replying, Target, Which, Wish,
};
use chat_server::model::Sign;
use chat_server::model::governance::{
    Change, Flag, Key, LinkSecret, List, Person, Role, Visibility,
};
use chat_server::name::Name;
use chat_server::store::Window;
use chat_server::text::Text;

use super::super::names::{Room, channel, nickname};
use super::world::World;

/// Keys in use.
const KEYS: [&str; 2] = ["sesame", "open"];
/// Signs in use.
const SIGNS: [&str; 3] = ["👍", "lol", "❤\u{fe0f}"];

impl World {
    pub(super) fn some_command(&mut self, id: ConnectionId) -> Command {
        let room = self.some_room();
        let name = channel(room, 0);
        match self.random.below(100) {
            0..12 => Command::Join(name),
            12..18 => {
                let pass = self.some_pass(room);
                let command = Box::new(Command::Join(name));
                Command::Opened { pass, command }
            }
            18..20 if self.model.conn(id).is_some_and(|it| it.one_channel) => Command::Switch(name),
            18..22 => Command::Leave {
                channel: Some(name),
                reason: None,
            },
            22..34 => self.some_message(name),
            34..36 => Command::Reply {
                to: Which::Id(self.some_message_id(room)),
                replying: Replying {
                    message: Box::new(self.some_message(name)),
                    or_plain: self.random.chance(300),
                },
            },
            36..48 => Command::History {
                channel: Some(name),
                window: match self.random.chance(500) {
                    true => Window::Latest,
                    false => Window::Before(self.store.some_id(room, &mut self.random)),
                },
                limit: 20,
            },
            48..52 => Command::Resume {
                channel: name,
                after: self.store.some_id(room, &mut self.random),
            },
            52..54 => Command::ListChannels(Part::default()),
            54..56 => {
                let each = Question::each(&self.some_nickname());
                let question = self.random.pick(&each).clone();
                Command::Ask {
                    question,
                    logged: None,
                }
            }
            56..58 => self.some_name(id),
            58..68 => self.some_mending(room),
            _ => {
                let deed = self.some_deed(room);
                Command::Govern(Some(name), deed)
            }
        }
    }

    fn some_message(&mut self, channel: Name) -> Command {
        Command::Say {
            channel: Some(channel),
            body: Text::clean(&self.some_words()).into(),
        }
    }

    /// A message of a room, or of another one.
    fn some_message_id(&mut self, room: Room) -> MessageId {
        let room = match self.random.chance(100) {
            true => self.some_room(),
            false => room,
        };
        self.store.some_id(room, &mut self.random)
    }

    /// An edit, a deletion or a reaction: of one's last message, or of whichever.
    fn some_mending(&mut self, room: Room) -> Command {
        let message = match self.random.chance(300) {
            true => Which::Last(None),
            false => Which::Id(self.some_message_id(room)),
        };
        let wish = match self.random.below(10) {
            0 | 1 => Wish::Delete(None),
            2..5 => Wish::Edit(Text::clean(&self.some_words()).into()),
            _ => {
                let sign: &&str = self.random.pick(&SIGNS);
                let sign = Sign::parse(sign).expect("a sign");
                let on = *self.random.pick(&[None, Some(true), Some(false)]);
                Wish::React { sign, on }
            }
        };
        Command::Mend { message, wish }
    }

    /// A key, or an invitation link that someone was told.
    fn some_pass(&mut self, room: Room) -> Pass {
        let links = self.model.links.iter().filter(|(it, _)| *it == room);
        let links: Vec<_> = links.map(|(_, hash)| hash.clone()).collect();
        match links.is_empty() || self.random.chance(250) {
            true => Pass::Key(self.some_key()),
            false => Pass::Link(self.random.pick(&links).clone()),
        }
    }

    fn some_link(&mut self) -> Deed {
        let mut secret = [0; 16];
        secret.fill_with(|| self.random.below(256) as u8);
        Deed::NewLink {
            uses: *self.random.pick(&[None, Some(1), Some(2)]),
            for_ms: None,
            secret: Some(LinkSecret::of(secret)),
        }
    }

    fn some_key(&mut self) -> Key {
        let key: &&str = self.random.pick(&KEYS);
        Key::parse(key).expect("a key")
    }

    /// Someone's nickname.
    fn some_nickname(&mut self) -> Name {
        nickname(self.random.below(12), 0)
    }

    /// A guest takes another nickname.
    fn some_name(&mut self, id: ConnectionId) -> Command {
        let nick = self.random.between(4, 11);
        let is_guest = self.model.conn(id).is_some_and(|it| it.account.is_none());
        match is_guest && !self.has_nick(nick) {
            true => Command::Rename(nickname(nick, 0)),
            false => Command::ListChannels(Part::default()),
        }
    }

    /// A person: mostly one who is in the room.
    fn some_person(&mut self, room: Room) -> Person {
        let members: Vec<_> = self.model.members(room).map(|it| it.nick).collect();
        let name = match members.is_empty() || self.random.chance(200) {
            true => self.some_nickname(),
            false => nickname(*self.random.pick(&members), 0),
        };
        Person {
            name,
            account: None,
        }
    }

    fn some_deed(&mut self, room: Room) -> Deed {
        let who = self.some_person(room);
        let on = self.random.chance(600);
        match self.random.below(20) {
            0 => Deed::Topic(on.then(|| Text::one_line("tea"))),
            1..5 => Deed::Rules(vec![self.some_rule(on)]),
            5 | 6 => Deed::Role {
                who,
                role: *self
                    .random
                    .pick(&[None, Some(Role::Voice), Some(Role::Operator)]),
                keep: self.random.chance(500),
            },
            7 | 8 => Deed::Kick { who, reason: None },
            9 | 10 => Deed::Add {
                list: *self.random.pick(&[List::Ban, List::Ban, List::Mute]),
                who: Target::Person(who),
                for_ms: None,
                reason: None,
            },
            11 => Deed::Remove {
                list: *self.random.pick(&[List::Ban, List::Mute]),
                who: Target::Person(who),
            },
            12 | 13 => Deed::Invite(who),
            14..16 => self.some_link(),
            16 if self.random.chance(200) => Deed::Unlink(None),
            17 => Deed::Kick { who, reason: None },
            18 => Deed::Register,
            _ if self.random.chance(100) => Deed::Drop,
            _ => Deed::Register,
        }
    }

    fn some_rule(&mut self, on: bool) -> Change {
        let flags = [
            Flag::Secret,
            Flag::InviteOnly,
            Flag::RegisteredOnly,
            Flag::Moderated,
            Flag::RegisteredSpeak,
            Flag::TopicLocked,
        ];
        match self.random.below(9) {
            0 => Change::Key(on.then(|| self.some_key())),
            1 | 2 if on => Change::History(Visibility::Since),
            1 | 2 => Change::History(Visibility::All),
            3 => Change::Slow(if on {
                self.random.between(1, 2) as u32
            } else {
                0
            }),
            _ => Change::Flag(*self.random.pick(&flags), on),
        }
    }
}
