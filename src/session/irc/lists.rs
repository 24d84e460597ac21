//! NAMES, LIST and WHO: long answers, a page at a time.

use std::collections::HashSet;

use crate::hub::{ChannelRow, Hub, MemberPage, Part, Sightings, SightingsFrom, Sought};
use crate::model::Name;
use crate::model::name::Pattern;
use crate::model::time::unix_ms;
use crate::protocol::irc::elist::Filter;
use crate::protocol::irc::isupport::MAX_TARGETS;
use crate::protocol::irc::message::Message;
use crate::protocol::irc::numerics::*;
use crate::protocol::irc::requests::Request;
use crate::protocol::irc::{names, replies};

use super::IrcSession;
use crate::session::attached::Flow;

/// The most people that one WHO with a mask looks at.
const MOST_LOOKED_AT: usize = 20_000;

/// What a step of an answer comes to: more, or why it ends here.
type Step<T> = Result<T, Flow>;

impl IrcSession {
    pub(super) fn names(&mut self, message: &Message<'_>) -> Flow {
        let targets = message.param(0).split(',').filter(|it| !it.is_empty());
        let targets: Vec<&str> = targets.take(MAX_TARGETS).collect();
        if targets.is_empty() {
            return self.end_of_names("*");
        }
        let mut shown = Vec::new();
        for written in targets {
            let found = match written.strip_prefix('#').map(Name::parse) {
                Some(Ok(channel)) => self.names_of(channel),
                _ => Ok(None),
            };
            match found {
                Ok(Some(channel)) => shown.push(format!("#{channel}")),
                // Of a secret channel outsiders are told as much as of none.
                Ok(None) => shown.push(written.to_owned()),
                Err(flow) => return flow,
            }
        }
        self.end_of_names(&shown.join(","))
    }

    fn end_of_names(&mut self, place: &str) -> Flow {
        self.numeric(RPL_ENDOFNAMES, &[place, "End of /NAMES list"])
    }

    /// Shows the members of a channel that the client may know of; returns how it is written.
    fn names_of(&mut self, channel: Name) -> Step<Option<Name>> {
        let id = self.attached.id;
        let mut part = Part::default();
        loop {
            let (wanted, asked) = (channel.clone(), part.clone());
            let page =
                self.next_page(move |hub, now, _| hub.members_shown_to(id, &wanted, asked, now))?;
            let Ok(MemberPage {
                channel: name,
                page,
                is_secret,
            }) = page
            else {
                return Ok(None);
            };
            let place = (&name, is_secret);
            let flow = self.write(|reader, lines| names::rows(place, &page.rows, reader, lines));
            goes_on(flow)?;
            match page.rows.last() {
                Some(last) if page.more => part.after = Some(last.name.clone()),
                _ => return Ok(Some(name)),
            }
        }
    }

    pub(super) fn list(&mut self, message: &Message<'_>) -> Flow {
        let flow = self.numeric(RPL_LISTSTART, &["Channel", "Users  Name"]);
        if flow == Flow::Stop {
            return flow;
        }
        let listed = match Filter::parse(message.param(0)) {
            Some(filter) if filter.is_by_name() => self.list_named(&filter),
            Some(filter) => self.list_all(&filter),
            None => Ok(()),
        };
        match listed {
            Ok(()) => self.numeric(RPL_LISTEND, &["End of /LIST"]),
            Err(flow) => flow,
        }
    }

    fn list_named(&mut self, filter: &Filter) -> Step<()> {
        let (id, names) = (self.attached.id, filter.names.clone());
        let rows = self.next_page(move |hub, now, _| {
            let rows = names.iter();
            let rows = rows.filter_map(|name| hub.channel_shown_to(id, name, now));
            rows.collect::<Vec<ChannelRow>>()
        })?;
        goes_on(self.list_rows(&rows, filter))
    }

    fn list_all(&mut self, filter: &Filter) -> Step<()> {
        let id = self.attached.id;
        let mut part = Part::default();
        loop {
            let asked = part.clone();
            let page = self.next_page(move |hub, _, _| hub.channels_shown_to(id, asked))?;
            goes_on(self.list_rows(&page.rows, filter))?;
            match page.rows.last() {
                Some(last) if page.more => part.after = Some(last.name.clone()),
                _ => return Ok(()),
            }
        }
    }

    fn list_rows(&mut self, rows: &[ChannelRow], filter: &Filter) -> Flow {
        let now_ms = unix_ms();
        self.write(|reader, lines| {
            let rows = rows.iter().filter(|row| row.people > 0);
            for row in rows.filter(|row| filter.admits(row, now_ms)) {
                let (name, people) = (format!("#{}", row.name), row.people.to_string());
                let topic = row.topic.as_ref().map_or("", |topic| topic.as_str());
                let topic = topic.replace('\n', " ");
                lines.numeric(reader, RPL_LIST, &[&name, &people, &topic]);
            }
        })
    }

    pub(super) fn who(&mut self, message: &Message<'_>) -> Flow {
        let (mask, detail) = (message.param(0), message.param(1));
        let request = Request {
            command: "WHO",
            target: mask,
            detail,
            ..Request::default()
        };
        let sought = match mask.strip_prefix('#') {
            Some(channel) => Name::parse(channel).ok().map(Sought::Channel),
            None if mask == "0" => Pattern::parse("*").map(Sought::Like),
            None if mask.contains(['*', '?']) => Pattern::parse(mask).map(Sought::Like),
            None => Name::parse(mask).ok().map(|name| {
                let name = self.terms().nicknames.meant(name);
                Sought::Users(vec![name])
            }),
        };
        let seen = sought.map_or(Ok(true), |sought| self.see(&request, &sought));
        match seen {
            Ok(true) => self.numeric(RPL_ENDOFWHO, &[mask, "End of WHO list"]),
            Ok(false) => {
                let words = format!("End of WHO list (the first {MOST_LOOKED_AT} people)");
                self.numeric(RPL_ENDOFWHO, &[mask, &words])
            }
            Err(flow) => flow,
        }
    }

    /// Shows the people that a question is about; returns whether that was all of them.
    fn see(&mut self, request: &Request<'_>, sought: &Sought) -> Step<bool> {
        let id = self.attached.id;
        let is_bounded = matches!(sought, Sought::Like(_));
        let mut shown: HashSet<Name> = HashSet::new();
        let mut looked_at = 0;
        let mut from = SightingsFrom::default();
        loop {
            let sought = sought.clone();
            let look =
                move |hub: &mut Hub, now, _: &mut _| hub.sightings_from(id, &sought, from, now);
            let Sightings {
                mut rows,
                looked_at: here,
                next,
            } = self.next_page(look)?;
            rows.retain(|one| !is_bounded || shown.insert(one.name.clone()));
            for one in &mut rows {
                one.name = self.terms().nicknames.shown(&one.name);
            }
            goes_on(self.write(|reader, lines| {
                for one in &rows {
                    replies::sighting(one, request, reader, lines);
                }
            }))?;
            looked_at += here;
            match next {
                None => return Ok(true),
                Some(_) if is_bounded && looked_at >= MOST_LOOKED_AT => return Ok(false),
                Some(next) => from = next,
            }
        }
    }
}

fn goes_on(flow: Flow) -> Step<()> {
    match flow {
        Flow::Continue => Ok(()),
        Flow::Stop => Err(Flow::Stop),
    }
}
