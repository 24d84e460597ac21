//! What the hub has for the log and for the other servers goes out in the hub's order: that
//! a member has left a channel must not come before what they said there.

use crate::hub::{Draft, Shared};
use crate::keeper::Keeper;
use crate::model::MessageId;

/// Something for the log, or for the other servers.
pub(super) enum Outgoing {
    Draft(Draft),
    Share(Shared),
}

/// Hands it to the keeper, as much of a kind at once as follows each other. Returns the
/// drafts for which there is no room; without a keeper there is none.
pub(super) fn hand_over(outgoing: Vec<Outgoing>, keeper: Option<&Keeper>) -> Vec<MessageId> {
    let (mut drafts, mut shared, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for one in outgoing {
        match one {
            Outgoing::Draft(draft) => {
                share(&mut shared, keeper);
                drafts.push(draft);
            }
            Outgoing::Share(one) => {
                append(&mut drafts, keeper, &mut refused);
                shared.push(one);
            }
        }
    }
    append(&mut drafts, keeper, &mut refused);
    share(&mut shared, keeper);
    refused
}

fn append(drafts: &mut Vec<Draft>, keeper: Option<&Keeper>, refused: &mut Vec<MessageId>) {
    let drafts = std::mem::take(drafts);
    match keeper {
        _ if drafts.is_empty() => {}
        Some(keeper) => refused.extend(keeper.append(drafts)),
        None => refused.extend(drafts.iter().map(|draft| draft.record.id())),
    }
}

fn share(shared: &mut Vec<Shared>, keeper: Option<&Keeper>) {
    let shared = std::mem::take(shared);
    if let Some(keeper) = keeper.filter(|_| !shared.is_empty()) {
        keeper.share(shared);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;
    use crate::hub::{ConnectionId, RosterChange};
    use crate::keeper::Log;
    use crate::model::{Message, Name, Place, Record, Text};
    use crate::store::{SqliteSettings, SqliteStore, Store};

    /// A log that notes what it is given, and has no room for some of it.
    #[derive(Clone, Default)]
    struct Noted(Arc<Mutex<Vec<String>>>);

    impl Log for Noted {
        fn append(&self, drafts: Vec<Draft>) -> Vec<MessageId> {
            let numbers = drafts.iter().map(|draft| draft.record.id().ms);
            let line = format!("{:?}", numbers.collect::<Vec<_>>());
            self.0.lock().push(line);
            let refused = drafts.iter().map(|draft| draft.record.id());
            refused.filter(|id| id.ms % 2 == 0).collect()
        }

        fn share(&self, shared: Vec<Shared>) {
            self.0.lock().push(format!("{} shared", shared.len()));
        }

        fn set_load(&self, _connections: u64) {}
    }

    fn said(number: u64) -> Outgoing {
        let name = |text| Name::parse(text).unwrap();
        Outgoing::Draft(Draft {
            record: Record::Message(Message {
                id: id(number),
                at_ms: 0,
                author: name("ann"),
                place: Place::Channel {
                    channel: name("dev"),
                    account: None,
                },
                body: Text::clean("hello").into(),
            }),
            to: None,
            tag: None,
            sender: ConnectionId {
                index: 0,
                generation: 0,
            },
        })
    }

    fn id(ms: u64) -> MessageId {
        MessageId { ms, sequence: 0 }
    }

    fn left() -> Outgoing {
        let name = Name::parse("ann").unwrap();
        Outgoing::Share(Shared::Roster(RosterChange::Offline { name }))
    }

    #[test]
    fn the_log_and_the_other_servers_are_told_in_one_order() {
        let folder = tempfile::tempdir().unwrap();
        let settings = SqliteSettings::new(folder.path().join("chat.db"));
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(settings).unwrap());
        let noted = Noted::default();
        let (keeper, _threads) = Keeper::over(Box::new(noted.clone()), &store, |_| true).unwrap();
        let outgoing = vec![left(), left(), said(1), said(2), left(), said(4)];
        assert_eq!(hand_over(outgoing, Some(&keeper)), [id(2), id(4)]);
        let noted = noted.0.lock();
        assert_eq!(*noted, ["2 shared", "[1, 2]", "1 shared", "[4]"]);
    }

    #[test]
    fn without_a_keeper_nothing_is_taken_in() {
        let outgoing = vec![said(1), left(), said(2)];
        assert_eq!(hand_over(outgoing, None), [id(1), id(2)]);
    }
}
