//! METADATA: what users and channels say of themselves, and who is told of changes.

use std::sync::Arc;

use crate::hub::{Owner, Part, Properties, Told, Unmet};
use crate::model::Name;
use crate::protocol::irc::lines::Lines;
use crate::protocol::irc::message::Message;
use crate::protocol::irc::metadata::{self, MAX_VALUE};
use crate::protocol::irc::numerics::*;
use crate::protocol::irc::{Cap, Reader, roster};

use super::IrcSession;
use crate::session::attached::Flow;

const COMMAND: &str = "METADATA";

impl IrcSession {
    pub(super) fn metadata(&mut self, message: &Message<'_>) -> Flow {
        if !self.reader.has(Cap::Metadata) {
            return self.unknown(COMMAND);
        }
        let (target, subcommand) = (message.param(0), message.param(1).to_ascii_uppercase());
        let rest = message.params.get(2..).unwrap_or_default();
        let needs_key = matches!(subcommand.as_str(), "GET" | "SET" | "SUB" | "UNSUB");
        if needs_key && rest.is_empty() {
            return self.numeric(ERR_NEEDMOREPARAMS, &[COMMAND, "Not enough parameters"]);
        }
        match subcommand.as_str() {
            "SUB" => return self.subscribe(rest),
            "UNSUB" => return self.unsubscribe(rest),
            "SUBS" => return self.subscriptions(),
            _ => {}
        }
        let Some(mut owner) = owner(target) else {
            return self.unmet(Unmet::NoOwner, target, "*");
        };
        if let Owner::User(name) = owner {
            owner = Owner::User(self.terms().nicknames.meant(name));
        }
        match subcommand.as_str() {
            "GET" => self.get_properties(owner, target, Some(rest)),
            "LIST" => self.get_properties(owner, target, None),
            "SET" => self.set_property(owner, target, rest),
            "CLEAR" => self.clear_properties(owner, target),
            "SYNC" => self.sync_properties(owner, target),
            _ => {
                let words = "METADATA has no such subcommand";
                let about: String = message.param(1).chars().take(32).collect();
                self.fail(COMMAND, "SUBCOMMAND_INVALID", &[&about], words)
            }
        }
    }

    /// Shows the properties of these keys, or all.
    fn get_properties(&mut self, owner: Owner, target: &str, keys: Option<&[&str]>) -> Flow {
        let id = self.attached.id;
        let found = self.next_page(move |hub, _, _| hub.properties_of(id, &owner));
        let (owner, all) = match found {
            Ok(Ok(found)) => found,
            Ok(Err(unmet)) => return self.unmet(unmet, target, "*"),
            Err(flow) => return flow,
        };
        let owner = metadata::shown(&owner, &self.terms().nicknames);
        self.write(|reader, lines| {
            in_batch(reader, &owner, lines, |lines| match keys {
                None => {
                    for (key, value) in all.iter() {
                        roster::property(reader.shown(), &owner, (key, Some(value)), lines);
                    }
                }
                Some(keys) => write_keys(keys, (&owner, &all), reader, lines),
            });
        })
    }

    fn set_property(&mut self, owner: Owner, target: &str, rest: &[&str]) -> Flow {
        let written = rest.first().copied().unwrap_or_default();
        let Some(key) = metadata::key(written) else {
            return self.write(|_, lines| bad_key(written, lines));
        };
        let value = rest.get(1).copied().filter(|value| !value.is_empty());
        let value = match value.map(metadata::value) {
            Some(None) => {
                let words = format!("A value is text of at most {MAX_VALUE} bytes in one line");
                return self.fail(COMMAND, "INVALID_VALUE", &[&key], &words);
            }
            Some(value) => value,
            None => None,
        };
        let id = self.attached.id;
        let (wanted, set) = (key.clone(), value.clone());
        let done = self.next_page(move |hub, now, fx| {
            hub.set_property(id, &owner, (&wanted, set.as_ref()), now, fx)
        });
        match done {
            Ok(Ok(owner)) => self.write(|reader, lines| {
                let owner = metadata::shown(&owner, &lines.terms.nicknames);
                roster::property(reader.shown(), &owner, (&key, value.as_ref()), lines);
            }),
            Ok(Err(unmet)) => self.unmet(unmet, target, &key),
            Err(flow) => flow,
        }
    }

    fn clear_properties(&mut self, owner: Owner, target: &str) -> Flow {
        let id = self.attached.id;
        let done = self.next_page(move |hub, now, fx| hub.clear_properties(id, &owner, now, fx));
        let (owner, before) = match done {
            Ok(Ok(done)) => done,
            Ok(Err(unmet)) => return self.unmet(unmet, target, "*"),
            Err(flow) => return flow,
        };
        let owner = metadata::shown(&owner, &self.terms().nicknames);
        self.write(|reader, lines| {
            in_batch(reader, &owner, lines, |lines| {
                for (key, _) in before.iter() {
                    roster::property(reader.shown(), &owner, (key, None), lines);
                }
            });
        })
    }

    /// Shows what the client asks to be told of a user, or of a channel and its members,
    /// a page at a time.
    fn sync_properties(&mut self, owner: Owner, target: &str) -> Flow {
        let id = self.attached.id;
        let Owner::Channel(channel) = owner else {
            let found = self.next_page(move |hub, _, _| {
                let keys = hub.subscriptions(id);
                let (owner, all) = hub.properties_of(id, &owner)?;
                let all = all.iter().filter(|(key, _)| keys.contains(*key));
                let all = all.map(|(key, value)| (key.clone(), value.clone()));
                Ok((owner, all.collect()))
            });
            return match found {
                Ok(Ok(told)) => self.write_told(target, &[told]),
                Ok(Err(unmet)) => self.unmet(unmet, target, "*"),
                Err(flow) => flow,
            };
        };
        let mut part = Part::default();
        loop {
            let (wanted, asked) = (channel.clone(), part.clone());
            let page =
                self.next_page(move |hub, now, _| hub.properties_in(id, &wanted, asked, now));
            let (told, last) = match page {
                Ok(Ok(page)) => page,
                Ok(Err(unmet)) => return self.unmet(unmet, target, "*"),
                Err(flow) => return flow,
            };
            let flow = self.write_told(target, &told);
            match last {
                Some(last) if flow == Flow::Continue => part.after = Some(last),
                _ => return flow,
            }
        }
    }

    fn write_told(&mut self, target: &str, told: &[Told]) -> Flow {
        self.write(|reader, lines| {
            in_batch(reader, target, lines, |lines| {
                for (owner, values) in told {
                    let owner = metadata::shown(owner, &lines.terms.nicknames);
                    for (key, value) in values {
                        roster::property(reader.shown(), &owner, (key, Some(value)), lines);
                    }
                }
            });
        })
    }

    fn subscribe(&mut self, written: &[&str]) -> Flow {
        let keys = written.iter().filter_map(|key| metadata::key(key));
        let keys: Vec<Arc<str>> = keys.collect();
        let id = self.attached.id;
        let wanted = keys.clone();
        let added = match self.next_page(move |hub, _, _| hub.subscribe(id, wanted)) {
            Ok(added) => added,
            Err(flow) => return flow,
        };
        let hub = &self.attached.context.hub;
        let channels = match hub.ask(move |hub, _, _| hub.channels_of(id)) {
            Ok(channels) => channels,
            Err(_) => return Flow::Stop,
        };
        self.write(|reader, lines| {
            if !added.is_empty() {
                let added: Vec<&str> = added.iter().map(|key| &**key).collect();
                lines.numeric_words(reader, RPL_METADATASUBOK, &added);
                // What there is already is to be asked for.
                for channel in &channels {
                    let channel = format!("#{channel}");
                    lines.numeric_words(reader, RPL_METADATASYNCLATER, &[&channel]);
                }
            }
            for key in written {
                match metadata::key(key) {
                    None => bad_key(key, lines),
                    Some(key) if !added.contains(&key) => {
                        let words = "There is no room for more keys";
                        lines.fail(COMMAND, "TOO_MANY_SUBS", &[&key], words);
                    }
                    Some(_) => {}
                }
            }
        })
    }

    fn unsubscribe(&mut self, written: &[&str]) -> Flow {
        let keys = written.iter().filter_map(|key| metadata::key(key));
        let keys: Vec<Arc<str>> = keys.collect();
        let id = self.attached.id;
        let ended = keys.clone();
        match self.next_page(move |hub, _, _| hub.unsubscribe(id, &ended)) {
            Ok(()) => self.write(|reader, lines| {
                if !keys.is_empty() {
                    let keys: Vec<&str> = keys.iter().map(|key| &**key).collect();
                    lines.numeric_words(reader, RPL_METADATAUNSUBOK, &keys);
                }
                for key in written {
                    if metadata::key(key).is_none() {
                        bad_key(key, lines);
                    }
                }
            }),
            Err(flow) => flow,
        }
    }

    fn subscriptions(&mut self) -> Flow {
        let id = self.attached.id;
        let keys = match self.next_page(move |hub, _, _| hub.subscriptions(id)) {
            Ok(keys) => keys,
            Err(flow) => return flow,
        };
        let keys: Vec<&str> = keys.iter().map(|key| &**key).collect();
        self.write(|reader, lines| {
            in_batch(reader, "*", lines, |lines| {
                // As many to a line as fit, whatever their length.
                for keys in keys.chunks(10) {
                    lines.numeric_words(reader, RPL_METADATASUBS, keys);
                }
            });
        })
    }

    fn unmet(&mut self, unmet: Unmet, target: &str, key: &str) -> Flow {
        match unmet {
            Unmet::NoOwner => {
                let words = "There is no such person, or no such channel that you are in";
                self.fail(COMMAND, "INVALID_TARGET", &[target], words)
            }
            Unmet::Forbidden => {
                let words = "Only its owner or an operator of the channel may do that";
                self.fail(COMMAND, "KEY_NO_PERMISSION", &[target, key], words)
            }
            Unmet::Full => {
                let words = "There is no room for more keys";
                self.fail(COMMAND, "LIMIT_REACHED", &[target], words)
            }
        }
    }
}

/// The owner of the properties that a client means.
fn owner(target: &str) -> Option<Owner> {
    match target.strip_prefix('#') {
        Some(channel) => Name::parse(channel).ok().map(Owner::Channel),
        None if target == "*" => Some(Owner::Own),
        None => Name::parse_nickname(target).ok().map(Owner::User),
    }
}

/// Writes lines as one answer, for clients that know of such.
fn in_batch(
    reader: &Reader,
    target: &str,
    lines: &mut Lines<'_>,
    write: impl FnOnce(&mut Lines<'_>),
) {
    let is_batch = reader.has(Cap::Batch);
    if is_batch {
        let batch = format!("p{}", lines.now_ms() % 1_000_000);
        lines.begin_batch(&batch, &["metadata", target]);
    }
    write(lines);
    if is_batch {
        lines.end_batch();
    }
}

fn write_keys(
    keys: &[&str],
    (owner, all): (&str, &Properties),
    reader: &Reader,
    lines: &mut Lines<'_>,
) {
    for written in keys {
        match metadata::key(written) {
            Some(key) => roster::property(reader.shown(), owner, (&key, all.get(&key)), lines),
            None => bad_key(written, lines),
        }
    }
}

fn bad_key(written: &str, lines: &mut Lines<'_>) {
    let shown: String = written.chars().take(32).collect();
    let shown = shown.replace([' ', ':'], "_");
    let words = "Keys are made of a-z, 0-9, _, -, . and /";
    lines.fail(COMMAND, "KEY_INVALID", &[&shown], words);
}
