//! Answers that are lists.
//!
//! The hub makes them a page at a time, after everything else in a turn, so
//! that connections asking for lists delay no other connection, however many
//! they are. Each connection still gets its answers in order: the commands it
//! sends after such a question wait for the list.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::Name;
use crate::model::name::Alphabetical;

use super::channel::{Channel, ChannelIndex};
use super::governance::Act;
use super::page::{Page, Part};
use super::rows::{ChannelRow, Member};
use super::{ChannelInfo, ConnectionId, Effects, Event, Hub, Mark, Now, Refusal};

/// Unanswered questions for lists, in the order in which they arrived; at most
/// one from each connection.
#[derive(Default)]
pub(super) struct Questions {
    waiting: BTreeMap<u64, Asked>,
    last: u64,
}

/// A question, the connection that asks it, and the mark of its request.
type Asked = (ConnectionId, Question, Option<Mark>);

/// A page of the members of a channel.
pub struct MemberPage {
    /// The channel.
    pub channel: Name,
    /// Whether outsiders are not told of it.
    pub is_secret: bool,
    /// The page.
    pub page: Arc<Page<Member>>,
}

/// A list that a connection wants.
pub(super) enum Question {
    /// The members of a channel that the connection is in.
    Members(ChannelIndex, Part),
    /// The channels that the connection may know of.
    Channels(Part),
    /// The users that the connection's user ignores.
    Ignored(Part),
}

impl Questions {
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    fn add(&mut self, asked: Asked) -> u64 {
        self.last += 1;
        self.waiting.insert(self.last, asked);
        self.last
    }

    /// Drops the question of a connection that is gone.
    pub fn forget(&mut self, number: Option<u64>) {
        if let Some(number) = number {
            self.waiting.remove(&number);
        }
    }
}

/// Merges two sorted lists of names into one, without the names of the second
/// that the first has too. Such a name comes next to its double, so a page of
/// the merged list looks at no more than twice its number of names.
fn merged<'a>(
    first: impl Iterator<Item = &'a Name>,
    second: impl Iterator<Item = &'a Name>,
    first_has: impl Fn(&Name) -> bool,
) -> impl Iterator<Item = Name> {
    let place = |name: &'a Name| Alphabetical(name.clone());
    let (mut first, mut second) = (first.map(place).peekable(), second.map(place).peekable());
    std::iter::from_fn(move || {
        loop {
            let is_first = match (first.peek(), second.peek()) {
                (Some(one), Some(other)) => one <= other,
                (one, _) => one.is_some(),
            };
            if is_first {
                return first.next().map(|place| place.0);
            }
            let name = second.next()?.0;
            if !first_has(&name) {
                return Some(name);
            }
        }
    })
}

impl Hub {
    /// Queues a connection's question for a list. The connection must have a
    /// nickname: otherwise it could get one while it waits, and the commands
    /// after the question would be carried out under that.
    pub(super) fn ask_for(&mut self, id: ConnectionId, question: Question) -> Result<(), Refusal> {
        self.user_of(id)?;
        let mark = self.connection(id).and_then(|it| it.mark.clone());
        let number = self.questions.add((id, question, mark));
        if let Some(connection) = self.connection_mut(id) {
            connection.pending += 1;
            connection.question = Some(number);
        }
        Ok(())
    }

    /// Answers the oldest question with a page of its list. Returns whether there
    /// was a question.
    pub(super) fn answer_one(&mut self, now: Now, fx: &mut Effects) -> bool {
        let Some((_, (id, question, mark))) = self.questions.waiting.pop_first() else {
            return false;
        };
        let before = fx.answer(mark.map(|mark| (id, mark)));
        if let Some(connection) = self.connection_mut(id) {
            connection.question = None;
        }
        let answer = match question {
            Question::Members(index, part) => self.list_members(id, index, part, fx),
            Question::Channels(part) => {
                let page = self.channel_page(id, part);
                fx.tell(id, Event::Channels(page));
                Ok(())
            }
            Question::Ignored(part) => self.list_ignored(id, part, fx),
        };
        if let Err(refusal) = answer {
            fx.tell(id, Event::Refused(refusal));
        }
        fx.answer(before);
        self.answered(id, now, fx);
        true
    }

    fn list_members(
        &mut self,
        id: ConnectionId,
        index: ChannelIndex,
        part: Part,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        // The connection may have left since it asked.
        if !self.is_member(id, index) {
            return Err(Refusal::NoChannel);
        }
        let MemberPage {
            channel,
            is_secret,
            page,
        } = self.members_in(id, index, part)?;
        let page = self.with_foremost(id, index, page);
        let event = Event::Members {
            channel,
            is_secret,
            page,
        };
        fx.tell(id, event);
        Ok(())
    }

    /// A page of the members of a channel that a connection may know of, for its own thread.
    pub fn members_shown_to(
        &mut self,
        id: ConnectionId,
        channel: &Name,
        part: Part,
        now: Now,
    ) -> Result<MemberPage, Refusal> {
        let index = self.channels.find(channel).ok_or(Refusal::NoChannel)?;
        self.may(id, index, &Act::See, now)?;
        self.members_in(id, index, part)
    }

    fn members_in(
        &mut self,
        id: ConnectionId,
        index: ChannelIndex,
        part: Part,
    ) -> Result<MemberPage, Refusal> {
        let version = self.roster_version;
        let channel = self.channels.get(index).ok_or(Refusal::NoChannel)?;
        let name = channel.name.clone();
        let is_secret = channel.is_secret();
        let page = match channel.pages.find(&part, version) {
            Some(page) => page,
            None => {
                let page = Arc::new(self.member_page(&name, &part));
                if let Some(channel) = self.channels.get_mut(index) {
                    channel.pages.keep(&page, version);
                }
                page
            }
        };
        if self.is_member(id, index) {
            self.note_listed(id, index, &page);
        }
        Ok(MemberPage {
            channel: name,
            is_secret,
            page,
        })
    }

    fn member_page(&self, channel: &Name, part: &Part) -> Page<Member> {
        let names = self.member_names(channel, part);
        let names = names.take_while(|name| part.reaches(name));
        let index = self.channels.find(channel);
        let members = names.map(|name| Member {
            role: index.and_then(|index| self.role_in(index, &name)),
            away: self.away_of(&name).cloned(),
            face: self.face_of(&name).unwrap_or_default(),
            name,
        });
        Page::take(part, members, self.limits.page_rows)
    }

    /// The people in a channel, here and on other servers, each once, sorted by
    /// name, from the start of `part` on.
    pub(super) fn member_names(&self, channel: &Name, part: &Part) -> impl Iterator<Item = Name> {
        let remote = self.remote.iter();
        let elsewhere = remote.flat_map(|remote| remote.members_from(channel, part.start()));
        let index = self.channels.find(channel);
        let channel = index.and_then(|index| self.channels.get(index));
        let is_here = move |name: &Name| channel.is_some_and(|it| it.has(&self.users.listed(name)));
        let here = channel.into_iter();
        let here = here.flat_map(|channel| channel.people_from(part.start()));
        merged(here, elsewhere, is_here)
    }

    /// The channels that a connection is shown: those that are not secret, and those
    /// that it is in.
    fn channel_page(&mut self, id: ConnectionId, part: Part) -> Arc<Page<ChannelRow>> {
        let version = self.roster_version;
        let own = self.own_secrets(id);
        let has_own = !own.is_empty();
        if !has_own && let Some(page) = self.channels.pages.find(&part, version) {
            return page;
        }
        let own = own.into_iter();
        let own = own.filter(|name| part.includes(name));
        let most = self.limits.page_rows;
        let public = self.public_names(&part);
        let public = public.take_while(|name| part.reaches(name)).take(most + 1);
        let names: BTreeSet<Alphabetical> = public.chain(own).map(Alphabetical).collect();
        let rows = names.into_iter().map(|name| self.channel_row(name.0));
        let page = Arc::new(Page::take(&part, rows, most));
        if !has_own {
            self.channels.pages.keep(&page, version);
        }
        page
    }

    /// A page of the channels that a connection is shown, for its own thread.
    pub fn channels_shown_to(&mut self, id: ConnectionId, part: Part) -> Arc<Page<ChannelRow>> {
        self.channel_page(id, part)
    }

    /// A channel as it stands in the list, if there is one of this name that the
    /// connection may know of.
    pub fn channel_shown_to(&self, id: ConnectionId, name: &Name, now: Now) -> Option<ChannelRow> {
        let here = self.channels.find(name);
        let here = here.and_then(|index| self.channels.get(index));
        let here = here.map(|channel| channel.name.clone());
        let shown = here.or_else(|| self.remote_channel(name))?;
        (self.may_see(id, &shown, now)).then(|| self.channel_row(shown))
    }

    fn channel_row(&self, name: Name) -> ChannelRow {
        let index = self.channels.find(&name);
        let here = index.and_then(|index| self.channels.get(index));
        let topic = here.and_then(|channel| channel.topic());
        ChannelRow {
            people: self.people_of(&name),
            topic: topic.map(|topic| topic.text.clone()),
            topic_at_ms: topic.map(|topic| topic.at_ms),
            since_ms: here.and_then(|channel| channel.since_ms),
            name,
        }
    }

    /// The secret channels that a connection is in.
    fn own_secrets(&self, id: ConnectionId) -> Vec<Name> {
        let memberships = self.connection(id).map(|it| it.memberships.iter());
        let channels = memberships.into_iter().flatten();
        let channels = channels.filter_map(|it| self.channels.get(it.channel));
        let secret = channels.filter(|channel| channel.is_secret());
        secret.map(|channel| channel.name.clone()).collect()
    }

    /// The channels here and on other servers that everyone is shown, sorted by name,
    /// from the start of `part` on.
    fn public_names(&self, part: &Part) -> impl Iterator<Item = Name> {
        let here = self.channels.public_from(part.start());
        self.with_elsewhere(here, part)
    }

    /// The channels here and on other servers, sorted by name, from the start of
    /// `part` on.
    fn channel_names(&self, part: &Part) -> impl Iterator<Item = Name> {
        let here = self.channels.from(part.start());
        self.with_elsewhere(here, part)
    }

    /// These channels, and those that are on other servers alone.
    fn with_elsewhere<'a>(
        &'a self,
        here: impl Iterator<Item = &'a Channel>,
        part: &Part,
    ) -> impl Iterator<Item = Name> {
        let here = here.map(|channel| &channel.name);
        let elsewhere = self.remote.iter();
        let elsewhere = elsewhere.flat_map(|remote| remote.channels_from(part.start()));
        merged(here, elsewhere, |name| self.channels.find(name).is_some())
    }

    /// A page of channels with their members, sorted by name, and whether there
    /// are more. `after` is the last entry of the page before, or `None` for the
    /// first page. A channel with more members than fit a page comes in parts.
    pub fn channels(&self, after: Option<&ChannelInfo>) -> (Vec<ChannelInfo>, bool) {
        let most = self.limits.page_rows.max(2);
        let mut rows = 0;
        let mut list = Vec::new();
        if let Some(last) = after.filter(|last| last.more) {
            let part = Part {
                after: last.members.last().cloned(),
                prefix: None,
            };
            let rest = self.channel_info(&last.name, &part, most - 1);
            rows += 1 + rest.members.len();
            list.push(rest);
        }
        let part = Part {
            after: after.map(|last| last.name.clone()),
            prefix: None,
        };
        for name in self.channel_names(&part) {
            // A row for the channel, and at least one for its members.
            if rows + 2 > most {
                return (list, true);
            }
            let info = self.channel_info(&name, &Part::default(), most - rows - 1);
            rows += 1 + info.members.len();
            list.push(info);
        }
        let more = list.last().is_some_and(|last| last.more);
        (list, more)
    }

    pub(super) fn channel_info(&self, name: &Name, part: &Part, most: usize) -> ChannelInfo {
        let members = self.member_names(name, part);
        let page = Page::take(part, members, most);
        let is_bot = |name: &&Name| self.face_of(name).is_some_and(|face| face.is_bot);
        ChannelInfo {
            name: name.clone(),
            bots: page.rows.iter().filter(is_bot).cloned().collect(),
            members: page.rows,
            more: page.more,
            rules: self.summary(name),
        }
    }
}
