//! Checks options that exclude each other, in any order: clap compares only those on the same side
//! of the scenario's name.

use super::options::{Bench, Scenario};
use super::protocol::Protocol;

impl Bench {
    /// Returns what is wrong with the options, in words for the user.
    pub fn check(&self) -> Result<(), String> {
        self.check_server()?;
        self.check_rooms()
    }

    /// Options for another kind of server than the one that is measured.
    fn check_server(&self) -> Result<(), String> {
        let own = (self.tls.then_some("--tls"))
            .or(self.server_config.as_ref().map(|_| "--server-config"));
        let other = (self.pid.map(|_| "--pid")).or(self.tls_trust.as_ref().map(|_| "--tls-trust"));
        let address = self.address.as_ref().map(|_| "--address");
        if !self.has_server() {
            let given = address.or(own).or(other);
            return given.map_or(Ok(()), |name| {
                Err(format!("{name}: {} has no server", self.scenario.name()))
            });
        }
        match (address, own, other) {
            (Some(_), Some(name), _) => Err(format!(
                "{name} is for a server of its own, not for one at --address"
            )),
            (None, _, Some(name)) => Err(format!("{name} is for a server at --address")),
            _ => Ok(()),
        }
    }

    /// More senders or readers than there are members.
    fn check_rooms(&self) -> Result<(), String> {
        let most = self.scenario.most_senders();
        match self.scenario {
            Scenario::Room { .. } | Scenario::Slow { .. } if self.protocol == Protocol::Api => {
                Err(format!(
                    "{}: direct messages have no rooms; with api there are pairs, logins, \
                     churn and idle",
                    self.scenario.name()
                ))
            }
            Scenario::Slow {
                members, readers, ..
            } if most == 0 => Err(format!(
                "--readers {readers} of --members {members}: two must go on reading, one who \
                 sends and one who hears it"
            )),
            Scenario::Room {
                senders: Some(senders),
                members,
                ..
            } if senders > most => Err(format!(
                "--senders {senders}: there are only {members} --members"
            )),
            Scenario::Slow {
                senders: Some(senders),
                readers,
                members,
                ..
            } if senders > most => Err(format!(
                "--senders {senders}: of {members} --members, {readers} stop reading and one \
                 must hear the others: {most} can send"
            )),
            _ => Ok(()),
        }
    }
}
