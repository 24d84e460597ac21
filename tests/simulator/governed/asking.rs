//! What people ask for in the governed world.

use chat_server::hub::{Command, ConnectionId, Deed, Part, Pass, Question, Target, Which, Wish};
use chat_server::model::governance::{Change, Flag, Key, List, Person, Role, Visibility};
use chat_server::name::Name;
use chat_server::store::Window;
use chat_server::text::Text;

use super::super::names::{Room, channel, nickname};
use super::world::World;

/// Keys in use.
const KEYS: [&str; 2] = ["sesame", "open"];

impl World {
    pub(super) fn some_command(&mut self, id: ConnectionId) -> Command {
        let room = self.some_room();
        let name = channel(room, 0);
        match self.random.below(100) {
            0..12 => Command::Join(name),
            12..16 => {
                let pass = Pass::Key(self.some_key());
                let command = Box::new(Command::Join(name));
                Command::Opened { pass, command }
            }
            16..18 if self.model.conn(id).is_some_and(|it| it.one_channel) => Command::Switch(name),
            16..22 => Command::Leave {
                channel: Some(name),
                reason: None,
            },
            22..41 => Command::Say {
                channel: Some(name),
                body: Text::clean(&self.some_words()).into(),
            },
            41..52 => Command::History {
                channel: Some(name),
                window: Window::Latest,
                limit: 20,
            },
            52..57 => Command::Resume {
                channel: name,
                after: self.store.some_id(room, &mut self.random),
            },
            57..59 => Command::ListChannels(Part::default()),
            59..61 => {
                let each = Question::each(&self.some_nickname());
                let question = self.random.pick(&each).clone();
                Command::Ask {
                    question,
                    logged: None,
                }
            }
            61..63 => self.some_name(id),
            63..67 => self.some_mending(room),
            _ => {
                let deed = self.some_deed(room);
                Command::Govern(Some(name), deed)
            }
        }
    }

    /// An edit or a deletion of one's last message, or of whichever.
    fn some_mending(&mut self, room: Room) -> Command {
        let message = match self.random.chance(300) {
            true => Which::Last(None),
            false => Which::Id(self.store.some_id(room, &mut self.random)),
        };
        let wish = match self.random.chance(400) {
            true => Wish::Delete(None),
            false => Wish::Edit(Text::clean(&self.some_words()).into()),
        };
        Command::Mend { message, wish }
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
        match self.random.below(16) {
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
            14 => Deed::Register,
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
        match self.random.below(8) {
            0 => Change::Key(on.then(|| self.some_key())),
            1 | 2 if on => Change::History(Visibility::Since),
            1 | 2 => Change::History(Visibility::All),
            _ => Change::Flag(*self.random.pick(&flags), on),
        }
    }
}
