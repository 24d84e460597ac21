//! A client that has logged in is in the channels of its account again: those that other
//! clients of the account have joined and not left, on IRC or elsewhere.

use crate::hub::{Command, GLOBAL};
use crate::model::Name;
use crate::protocol::irc::Cap;
use crate::protocol::irc::requests::Request;

use super::IrcSession;
use crate::session::attached::Flow;

impl IrcSession {
    /// Joins channels, and those of the account. Nobody is in the one that always exists who has
    /// not joined it on this connection, or on another one that is still there.
    /// What it is in already, because it was a guest there, the account's other clients join.
    pub(super) fn rejoin(&mut self, mut channels: Vec<Name>) -> Flow {
        if self.bring_along() == Flow::Stop {
            return Flow::Stop;
        }
        if self.terms().rejoins {
            let Some(own) = self.own_channels() else {
                return Flow::Stop;
            };
            for channel in own {
                if !channels.contains(&channel) {
                    channels.push(channel);
                }
            }
        }
        for (place, channel) in channels.into_iter().enumerate() {
            self.charge_next(place, 1);
            if self.rejoin_one(channel) == Flow::Stop {
                return Flow::Stop;
            }
        }
        Flow::Continue
    }

    /// Takes the account's other clients into the channels that this one is in.
    fn bring_along(&mut self) -> Flow {
        let id = self.attached.id;
        let hub = self.attached.context.hub.clone();
        let Ok(channels) = hub.ask(move |hub, _, _| hub.channels_of(id)) else {
            return Flow::Stop;
        };
        for (place, channel) in channels.into_iter().enumerate() {
            self.charge_next(place, 1);
            let shared = hub.ask(move |hub, now, fx| hub.bring_along(id, &channel, now, fx));
            if shared.is_err() {
                return Flow::Stop;
            }
        }
        Flow::Continue
    }

    /// The channels of the account that the client is not in; `None` if the hub has gone.
    fn own_channels(&mut self) -> Option<Vec<Name>> {
        let Some(account) = self.account.as_ref().map(|account| account.id) else {
            return Some(Vec::new());
        };
        let id = self.attached.id;
        // Without an answer, the client joins them itself.
        let mut saved = self.attached.saved_rooms(account);
        saved.retain(|saved| saved.channel.as_str() != GLOBAL);
        let hub = &self.attached.context.hub;
        let known = hub.ask(move |hub, _, _| (hub.shared_channels(id), hub.channels_of(id)));
        let (mut channels, is_in) = known.ok()?;
        for saved in saved {
            if self.reader.has(Cap::ReadMarker) {
                let (channel, mark) = (saved.channel.clone(), saved.read_up_to);
                let hub = &self.attached.context.hub;
                let _ = hub.ask(move |hub, _, _| hub.learn_mark(id, &channel, mark));
            }
            if !channels.contains(&saved.channel) {
                channels.push(saved.channel);
            }
        }
        channels.retain(|channel| !is_in.contains(channel));
        Some(channels)
    }

    fn rejoin_one(&mut self, channel: Name) -> Flow {
        let target = format!("#{channel}");
        let request = Request {
            command: "JOIN",
            target: &target,
            ..Request::default()
        };
        self.ask(&request, Command::Join(channel))
    }
}
