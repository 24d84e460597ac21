//! What must hold, whatever happens: each with a name and a sentence.

use std::fmt;

macro_rules! invariants {
    ($($name:ident: $sentence:literal,)*) => {
        /// Something that must hold.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Invariant {
            $(#[doc = $sentence] $name,)*
        }

        impl Invariant {
            /// Every one of them.
            pub const ALL: &[Invariant] = &[$(Invariant::$name,)*];

            /// What it says.
            pub fn sentence(self) -> &'static str {
                match self {
                    $(Invariant::$name => $sentence,)*
                }
            }
        }
    };
}

invariants! {
    SameOrder: "Every member sees a channel's messages in the order of their ids.",
    CommitFirst: "Nobody sees a message that is to be kept before it is committed.",
    NothingLost: "What is committed reaches every member of the channel, or its sender is told that it is not stored.",
    NothingDoubled: "No member gets a message twice.",
    NothingAltered: "A message arrives as it was written, from who wrote it, where they wrote it.",
    MembersOnly: "A channel's messages and notices go to members of it and nobody else.",
    PrivateToTwo: "A private message goes to all connections of its two parties and nobody else.",
    IgnoreHonoured: "Who ignores somebody gets no private message from them, under whatever nickname.",
    IgnoreRemembered: "Whom an account ignores is remembered, whoever they were ignored as, and nobody else.",
    OneOwner: "A nickname, in all its spellings, has one owner at a time, and who may have it gets it.",
    BansHold: "Nobody comes in from a banned address, or gets a banned nickname.",
    MembershipConsistent: "The hub's lists of users and channels are what its members have been told.",
    NoticesAgree: "Who follows the notices of a channel knows who is in it.",
    ListsTrue: "What is listed for somebody is so.",
    RefusalsTrue: "What is refused is refused for a reason that is so.",
    HistoryTrue: "A history is what the store has, without a gap and with nothing that was not committed.",
    IdsIncrease: "Message ids strictly increase, whatever the wall clock does.",
    OwnOrder: "A connection's messages and answers come in the order in which it asked.",
    LimitsKept: "Nobody is in more channels, waits with more commands, or takes longer to log in than the limits say.",
    ResumedInOrder: "Who catches up with a channel is told what was missed, in order, once, and nothing live until then.",
    ResumedTruly: "Who catches up is told truly whether some of it is gone, and whether there is more.",
    FollowedWhole: "A client that goes on where it left off sees every message of the channel, cut off or not.",
    TakenOnce: "What is sent with a tag is taken once, however often and over however many connections it comes.",
    TaggedTruly: "Who sends something with a tag is told what became of it, truly, and not before it is committed.",
    StoredBehind: "Who sends a message with a tag is told that it is stored behind the message itself, if that is for them, too.",
    TypingPasses: "That somebody types is told to those who listen and do not ignore them, once a second, and kept nowhere.",
    AllTold: "An announcement reaches every connection, once.",
    LivingOnly: "Nothing is addressed to a connection that is not there or has been ended.",
    EndedMeansEnded: "A connection that is to be ended is ended.",
    EverythingAnswered: "When nothing is left to wait for, nobody waits.",
    SeenIsStored: "What a client has seen of what is kept is in the store after every crash.",
    MemoryBounded: "The hub's tables hold what there is, and nothing else.",
    NeverPanics: "The hub never panics.",
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// An invariant that did not hold.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// What was seen instead.
    pub seen: String,
}

/// Whether everything held.
pub type Check<T = ()> = Result<T, Violation>;

/// Checks one thing; what is seen otherwise is only put into words then.
pub fn ensure(holds: bool, invariant: Invariant, seen: impl FnOnce() -> String) -> Check {
    match holds {
        true => Ok(()),
        false => Err(Violation {
            invariant,
            seen: seen(),
        }),
    }
}
