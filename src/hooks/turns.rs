//! Whose turn it is. Hooks share a few senders: none of their keepers may hold all of them, and
//! the keeper who was served longest ago comes first, and so does the hook among those of a keeper.

use std::collections::HashMap;

use crate::model::{Hook, Name};

/// Who answers for a hook.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Keeper {
    /// The operator who made it, in whatever channel.
    Operator(Name),
    /// Its channel, if administrators made it.
    Channel(Name),
}

/// What a hook is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A sender has it.
    Held,
    /// It has waited since this time.
    Waits(u64),
    /// Nothing is to be done.
    Rests,
}

/// A hook among those that share senders.
#[derive(Clone, Copy, Debug)]
pub struct Sharer<'a> {
    /// The hook.
    pub id: &'a str,
    /// Who answers for it.
    pub keeper: &'a Keeper,
    /// What it is doing.
    pub state: State,
    /// When a sender had it last: a number that grows with each turn.
    pub served: u64,
}

/// What a keeper's hooks have of the senders.
#[derive(Clone, Copy, Default)]
struct Share {
    held: usize,
    served: u64,
}

impl Keeper {
    /// Who answers for a hook.
    pub fn of(hook: &Hook) -> Keeper {
        match &hook.made_by {
            Some(operator) => Keeper::Operator(operator.clone()),
            None => Keeper::Channel(hook.channel.clone()),
        }
    }
}

/// Chooses those whose turn it is. No keeper gets more than `most` of the senders.
pub fn choose<'a>(
    (senders, most): (usize, usize),
    sharers: impl Iterator<Item = Sharer<'a>>,
) -> Vec<&'a str> {
    let mut shares: HashMap<&Keeper, Share> = HashMap::new();
    let mut waiting = Vec::new();
    let mut free = senders;
    for sharer in sharers {
        let share = shares.entry(sharer.keeper).or_default();
        share.served = share.served.max(sharer.served);
        match sharer.state {
            State::Held => {
                share.held += 1;
                free = free.saturating_sub(1);
            }
            State::Waits(since) => waiting.push((since, sharer)),
            State::Rests => {}
        }
    }
    let mut chosen = Vec::new();
    while chosen.len() < free {
        let share = |keeper| shares.get(keeper).copied().unwrap_or_default();
        let next = (waiting.iter().enumerate())
            .filter(|(_, (_, it))| share(it.keeper).held < most)
            .min_by_key(|(_, (since, it))| {
                let Share { held, served } = share(it.keeper);
                (held, served, it.served, *since)
            })
            .map(|(place, _)| place);
        let Some(place) = next else {
            break;
        };
        let (_, sharer) = waiting.swap_remove(place);
        let share = shares.entry(sharer.keeper).or_default();
        share.held += 1;
        chosen.push(sharer.id);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(name: &str) -> Keeper {
        Keeper::Channel(Name::parse(name).unwrap())
    }

    fn sharer<'a>(id: &'a str, keeper: &'a Keeper, state: State, served: u64) -> Sharer<'a> {
        Sharer {
            id,
            keeper,
            state,
            served,
        }
    }

    #[test]
    fn a_keeper_with_many_hooks_holds_up_no_other() {
        let (many, few, late) = (channel("many"), channel("few"), channel("late"));
        let waits = |since| State::Waits(since);
        let mut all = [
            sharer("m1", &many, waits(1), 7),
            sharer("m2", &many, waits(2), 0),
            sharer("m3", &many, waits(3), 0),
            sharer("f1", &few, waits(8), 5),
            sharer("l1", &late, waits(9), 6),
        ];
        // Who was served longest ago comes first, with the hook of which the same is true, and of
        // several with the one that has waited longest.
        assert_eq!(
            choose((4, 2), all.iter().copied()),
            ["f1", "l1", "m2", "m3"]
        );
        all[0].state = State::Held;
        all[1].state = State::Held;
        assert_eq!(choose((4, 2), all.iter().copied()), ["f1", "l1"]);
        all[3].state = State::Rests;
        all[4].state = State::Rests;
        assert!(choose((4, 2), all.iter().copied()).is_empty());
    }
}
