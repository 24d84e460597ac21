//! What must always hold: each invariant has a name and a sentence.

use std::fmt;

macro_rules! invariants {
    ($($name:ident: $sentence:literal,)*) => {
        /// An invariant.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Invariant {
            $(#[doc = $sentence] $name,)*
        }

        impl Invariant {
            /// All invariants.
            pub const ALL: &[Invariant] = &[$(Invariant::$name,)*];

            /// States the invariant.
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
    CommitFirst: "No client sees a stored message before it is committed.",
    NothingLost: "A committed message reaches every member of the channel; a sender whose message is not stored is told so.",
    NothingDoubled: "No member gets a message twice.",
    NothingAltered: "A message arrives with the text, author and channel it was sent with.",
    MembersOnly: "A channel's messages and notices go to its members only.",
    PrivateToTwo: "A private message goes to all connections of its two parties and to no others.",
    IgnoreHonoured: "A user gets no private message from a user they ignore, under any nickname.",
    IgnoreRemembered: "The store remembers exactly the users an account ignores, under every nickname they had.",
    OneOwner: "A nickname, in all its spellings, has one owner at a time; a client entitled to it gets it.",
    BansHold: "No client connects from a banned address or gets a banned nickname.",
    MembershipConsistent: "The hub's lists of users and channels agree with what clients have been told.",
    NoticesAgree: "A member that follows a channel's notices knows its members.",
    ListsTrue: "Every list shown to a client is correct and complete.",
    RefusalsTrue: "The reason given for a refusal is true.",
    HistoryTrue: "A history is what the store has: no gaps, nothing uncommitted.",
    IdsIncrease: "Message ids strictly increase, whatever the wall clock does.",
    OwnOrder: "A connection's messages and answers come in the order of its requests.",
    LimitsKept: "No connection exceeds the limits on channels, waiting commands or time to log in.",
    ResumedInOrder: "A client that catches up with a channel gets each missed message once, in order, and no live message before that.",
    ResumedTruly: "A client that catches up is told correctly whether messages are gone and whether there are more.",
    FollowedWhole: "A client that resumes where it left off sees every message of the channel.",
    TakenOnce: "A message with a tag is accepted once, however often and over however many connections it is sent.",
    TaggedTruly: "The sender of a message with a tag is told its true outcome, and not before it is committed.",
    StoredBehind: "A sender that also receives its own message gets it before the confirmation that it is stored.",
    TypingPasses: "A typing notice goes to listeners that do not ignore the typist, at most once a second, and is stored nowhere.",
    AllTold: "An announcement reaches every connection, once.",
    LivingOnly: "Nothing is addressed to a connection that does not exist or has ended.",
    EndedMeansEnded: "A connection that is to be ended is ended.",
    EverythingAnswered: "Once the store is idle, no client waits for an answer.",
    SeenIsStored: "Every stored message that a client has seen is in the store after every crash.",
    MemoryBounded: "The hub's tables hold current state and nothing else.",
    AdmittedByRight: "A connection enters a channel only as its committed rules allow.",
    PastByRight: "A member reads only what its rules let it read; no other connection hears of the channel.",
    RemovedAreOut: "Who is removed or banned from a channel is out of it at once.",
    RightsCommitted: "Rules and roles are what the committed changes say; a change that was refused or not stored changes nothing.",
    SecretsKept: "A secret channel is shown to its members only.",
    SpeaksByRight: "Only those speak who may.",
    ChangedByRight: "Only those change a channel who may.",
    MendedByRight: "Only the author edits a message, and only the author and those who operate its channel delete it.",
    ReactedByRight: "Only those react to a message who may read it and speak there, and each takes back only what is theirs.",
    ToldOnce: "A client is told of a reaction once, and only of what it does not show already.",
    ScreensAgree: "After all is delivered every screen shows the messages as they are, edited, deleted and with their reactions.",
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
    pub invariant: Invariant,
    /// What happened instead.
    pub seen: String,
}

/// The result of a check.
pub type Check<T = ()> = Result<T, Violation>;

/// Checks one condition; describes what happened only if it does not hold.
pub fn ensure(holds: bool, invariant: Invariant, seen: impl FnOnce() -> String) -> Check {
    if holds {
        Ok(())
    } else {
        Err(Violation {
            invariant,
            seen: seen(),
        })
    }
}
