//! Which connections are told of which users: those whose clients keep lists of members see the users
//! in their channels.

use std::sync::Arc;

use crate::model::{Name, Text};

use super::channel::{ChannelIndex, LeftHow};
use super::late::Leaving;
use super::lists::Question;
use super::page::Page;
use super::rows::Member;
use super::{Command, ConnectionId, Effects, Event, Face, Farewell, Hub, Now, Part, RosterNews};

impl Hub {
    /// The connections that keep lists of members and see a user in any of these
    /// channels, each once, but for `except`.
    pub(super) fn observers(
        &self,
        channels: impl IntoIterator<Item = ChannelIndex>,
        except: &[ConnectionId],
    ) -> Vec<ConnectionId> {
        let channels = channels.into_iter();
        let channels = channels.filter_map(|index| self.channels.get(index));
        let named = channels.flat_map(|channel| {
            let named = channel.named.iter().copied();
            named.filter(|&id| !channel.expelled.contains(id))
        });
        let mut observers: Vec<ConnectionId> = named.collect();
        observers.sort_unstable();
        observers.dedup();
        observers.retain(|id| !except.contains(id));
        observers
    }

    /// Those of them who have been told of a user: where the coming was not told, nothing
    /// that becomes of the user is.
    pub(super) fn observers_of(
        &self,
        user: &Name,
        channels: impl IntoIterator<Item = ChannelIndex>,
        except: &[ConnectionId],
    ) -> Vec<ConnectionId> {
        let knows = |&index: &ChannelIndex| {
            let channel = self.channels.get(index);
            channel.is_some_and(|channel| !channel.unannounced.conceals(user))
        };
        self.observers(channels.into_iter().filter(knows), except)
    }

    /// The channels that a connection's user leaves when the connection closes.
    pub(super) fn left_with(&self, id: ConnectionId) -> Vec<ChannelIndex> {
        let Some(connection) = self.connection(id) else {
            return Vec::new();
        };
        let Some(name) = &connection.nickname else {
            return Vec::new();
        };
        let listed = self.users.listed(name);
        let channels = connection.memberships.iter().map(|it| it.channel);
        let is_last = |&index: &ChannelIndex| {
            let channel = self.channels.get(index);
            channel.is_some_and(|channel| {
                channel.connections_of(&listed) <= 1 && !self.is_remote_member(name, &channel.name)
            })
        };
        channels.filter(is_last).collect()
    }

    /// The channels of a connection, in the order in which it has joined them.
    pub fn channels_of(&self, id: ConnectionId) -> Vec<Name> {
        let memberships = self.connection(id).map(|it| it.memberships.iter());
        let channels = memberships.into_iter().flatten();
        let channels = channels.filter_map(|it| self.channels.get(it.channel));
        channels.map(|channel| channel.name.clone()).collect()
    }

    /// The channels that a user's connections here are in.
    pub(super) fn channels_of_user(&self, name: &Name) -> Vec<ChannelIndex> {
        let connections = self.connections_of(name).into_iter();
        let connections = connections.filter_map(|id| self.connection(id));
        let memberships = connections.flat_map(|it| it.memberships.iter());
        let mut channels: Vec<ChannelIndex> = memberships.map(|it| it.channel).collect();
        channels.sort_unstable();
        channels.dedup();
        channels
    }

    /// Tells those who see a user something about them.
    pub(super) fn tell_observers(
        &self,
        channels: impl IntoIterator<Item = ChannelIndex>,
        except: &[ConnectionId],
        face: Option<Arc<Face>>,
        news: RosterNews,
        fx: &mut Effects,
    ) {
        let observers = self.observers_of(news.about(), channels, except);
        fx.shown_as(face, |fx| fx.tell_all(observers, Event::Roster(news)));
    }

    /// Tells those who see a user in a channel, or watch the user, something about them.
    pub(super) fn tell_all_who_see(
        &self,
        name: &Name,
        except: &[ConnectionId],
        news: RosterNews,
        fx: &mut Effects,
    ) {
        self.tell_all_who_see_in(name, self.channels_of_user(name), except, news, fx);
    }

    /// The same of a user who is in these channels.
    pub(super) fn tell_all_who_see_in(
        &self,
        name: &Name,
        channels: Vec<ChannelIndex>,
        except: &[ConnectionId],
        news: RosterNews,
        fx: &mut Effects,
    ) {
        let observers = self.observers_of(name, channels, except);
        if self.is_watched(name) {
            let mut told = observers.clone();
            told.extend_from_slice(except);
            told.sort_unstable();
            self.tell_watchers(name, &told, &news, fx);
        }
        let face = self.face_of(name);
        fx.shown_as(face, |fx| fx.tell_all(observers, Event::Roster(news)));
    }

    /// Notes that a connection gets a page of the members: if it keeps a list, it must be
    /// told when they go.
    pub(super) fn note_listed(
        &mut self,
        id: ConnectionId,
        index: ChannelIndex,
        page: &Page<Member>,
    ) {
        let keeps_roster = self.connection(id);
        let keeps_roster = keeps_roster.is_some_and(|it| it.profile.keeps_rosters);
        if let Some(channel) = self.channels.get_mut(index)
            && keeps_roster
            && !channel.unannounced.is_empty()
        {
            for row in &page.rows {
                channel.unannounced.is_listed(&row.name);
            }
        }
    }

    /// Tells those who keep lists of members that somebody is in a channel, unless they
    /// know. It comes before anything that names the person.
    pub(super) fn make_known(&mut self, index: ChannelIndex, name: &Name, fx: &mut Effects) {
        let channel = self.channels.get_mut(index);
        if channel.is_none_or(|channel| !channel.unannounced.remove(name)) {
            return;
        }
        let own = self.connections_of(name);
        let face = self.face_of(name);
        let Some(channel) = self.channels.get(index) else {
            return;
        };
        let others = channel.roster_keepers().filter(|id| !own.contains(id));
        let event = Event::MemberJoined {
            channel: channel.name.clone(),
            nickname: name.clone(),
            is_bot: is_bot(&face),
        };
        // It is no answer to what has led to it.
        let answering = fx.answer(None);
        fx.shown_as(face, |fx| fx.tell_all(others, event));
        fx.answer(answering);
    }

    /// Tells a channel that a user has left it before, or another one who was called so, if that
    /// has yet to be told.
    pub(super) fn tell_late_of(&mut self, index: ChannelIndex, name: &Name, fx: &mut Effects) {
        let called = self.shown(name).clone();
        self.channels.tell_late_of(index, name, fx);
        self.channels.tell_late_of(index, &called, fx);
    }

    /// Tells a channel that a user has come, on this server with this connection.
    pub(super) fn tell_joined(
        &mut self,
        index: ChannelIndex,
        who: (&Name, Option<ConnectionId>),
        now: Now,
        fx: &mut Effects,
    ) {
        self.tell_late_of(index, who.0, fx);
        let face = self.face_of(who.0);
        let channels = &mut self.channels;
        let is_bot = is_bot(&face);
        fx.shown_as(face, |fx| {
            channels.tell_joined(index, who, is_bot, now, fx);
        });
    }

    /// Tells a channel that a user has left, perhaps the chat altogether.
    pub(super) fn tell_left(
        &mut self,
        index: ChannelIndex,
        (name, has_quit): (&Name, bool),
        reason: Option<Text>,
        now: Now,
        fx: &mut Effects,
    ) {
        let told = LeftHow {
            has_quit,
            may_be_late: self.may_leave_late(name),
        };
        let leaving = self.leaving(name, reason);
        self.channels.tell_left(index, leaving, told, now, fx);
    }

    /// Whether it can be told later that a user has left: an account that is not called by its
    /// name may not be called so any more then.
    fn may_leave_late(&self, name: &Name) -> bool {
        self.nicknames.of(name).is_none()
    }

    fn leaving(&self, name: &Name, reason: Option<Text>) -> Leaving {
        Leaving {
            name: name.clone(),
            reason,
            face: self.face_of(name),
        }
    }

    /// Tells a channel that a user has come with a connection.
    pub(super) fn tell_coming(
        &mut self,
        id: ConnectionId,
        index: ChannelIndex,
        nickname: &Name,
        now: Now,
        fx: &mut Effects,
    ) {
        self.tell_joined(index, (nickname, Some(id)), now, fx);
        self.tell_role_of(id, index, nickname, fx);
        if let Some(text) = self.away_of(nickname).cloned() {
            let news = RosterNews::Away {
                nickname: nickname.clone(),
                text: Some(text),
            };
            self.tell_observers([index], &[id], self.face_of(nickname), news, fx);
        }
    }

    /// Gives a connection that has joined a channel the list of its members, after what
    /// it waits for: only then it is known what the connection's own user is there.
    pub(super) fn give_roster(
        &mut self,
        id: ConnectionId,
        index: ChannelIndex,
        channel: Name,
        fx: &mut Effects,
    ) {
        let part = Part::default();
        let up_to = self.known_mark(id, &channel);
        fx.tell(
            id,
            Event::ChannelRead {
                channel: channel.clone(),
                up_to,
            },
        );
        let Some(connection) = self.connection_mut(id) else {
            return;
        };
        if connection.pending == 0 {
            // Only a connection without a nickname is refused.
            let _ = self.ask_for(id, Question::Members(index, part));
            return;
        }
        let list = Command::ListMembers(Some(channel), part);
        let list = match connection.mark.clone() {
            Some(mark) => Command::Marked {
                mark,
                command: Box::new(list),
            },
            None => list,
        };
        connection.waiting.push_front(list);
    }

    /// Whether a connection is its user's last one, on all servers.
    pub(super) fn quits_with(&self, id: ConnectionId) -> bool {
        let Some(name) = self.nickname_of(id) else {
            return false;
        };
        let user = self.users.get(name.key());
        user.is_some_and(|user| user.connections().len() <= 1)
            && self.remote_person(&name).is_none()
    }

    /// Tells those who keep lists of members that a user leaves the chat with a
    /// connection: at once, or after the connection's last message.
    pub(super) fn tell_quit(
        &mut self,
        id: ConnectionId,
        farewell: &Farewell,
        now: Now,
        fx: &mut Effects,
    ) {
        if !self.quits_with(id) {
            return;
        }
        let Some(nickname) = self.nickname_of(id) else {
            return;
        };
        let left = self.left_with(id);
        let parting = self.connection(id).and_then(|it| it.parting.clone());
        let reason = parting.or_else(|| said_of(farewell));
        let observers = match self.has_unsettled(id) {
            // The last message will show the user to all of them.
            true => self.observers(left, &[id]),
            false => {
                let left = self.quit_late(&nickname, left, reason.as_ref(), now, fx);
                self.observers_of(&nickname, left, &[id])
            }
        };
        if observers.is_empty() {
            return;
        }
        let quit = Quit {
            observers,
            face: self.face_of(&nickname),
            reason,
        };
        if let Some(quit) = self.puts_off_quitting(id, &nickname, quit) {
            quit.tell(&nickname, fx);
        }
    }
}

impl Hub {
    /// Has those told later that a user leaves who see the user in channels that many leave,
    /// and as if only that channel was left. Returns the other channels.
    fn quit_late(
        &mut self,
        name: &Name,
        left: Vec<ChannelIndex>,
        reason: Option<&Text>,
        now: Now,
        fx: &mut Effects,
    ) -> Vec<ChannelIndex> {
        if !self.may_leave_late(name) {
            return left;
        }
        let is_late = |&index: &ChannelIndex| self.channels.is_left_late(index, now);
        let (late, at_once): (Vec<_>, Vec<_>) = left.into_iter().partition(is_late);
        for index in late {
            let channel = self.channels.get(index);
            if channel.is_some_and(|channel| !channel.unannounced.conceals(name)) {
                let leaving = self.leaving(name, reason.cloned());
                self.channels.leave_late(index, leaving, now, fx);
            }
        }
        at_once
    }
}

/// What those who keep lists of members are told of one who leaves the chat.
pub(super) struct Quit {
    observers: Vec<ConnectionId>,
    face: Option<Arc<Face>>,
    reason: Option<Text>,
}

impl Quit {
    /// Tells it.
    pub fn tell(self, nickname: &Name, fx: &mut Effects) {
        let news = RosterNews::Quit {
            nickname: nickname.clone(),
            reason: self.reason,
        };
        fx.shown_as(self.face, |fx| {
            fx.tell_all(self.observers, Event::Roster(news));
        });
    }
}

/// What others may know of the reason for which a connection ends.
fn said_of(farewell: &Farewell) -> Option<Text> {
    let words = match farewell {
        Farewell::PeerLeft => "Connection closed",
        Farewell::SlowReader => "Reads too slowly",
        Farewell::Flooding => "Sends too fast",
        Farewell::Silent => "Ping timeout",
        Farewell::Kicked(_) | Farewell::Banned(_) => "Disconnected by an administrator",
        Farewell::Shutdown => "The server is shutting down",
        _ => return None,
    };
    Some(Text::clean(words))
}

fn is_bot(face: &Option<Arc<Face>>) -> bool {
    face.as_ref().is_some_and(|face| face.is_bot)
}
