//! Bugs planted on purpose, to prove that each invariant catches one.
//!
//! A bug stands between the hub and the world: it alters an effect or keeps a
//! call from the hub. The hub itself is the real one.

use std::rc::Rc;

use chat_server::chatlog::{Entry, Kind};
use chat_server::hub::{ConnectionId, Event, Message, Page, Refusal};

use super::effect::Out;
use super::invariant::Invariant;
use super::model::Model;
use super::names::{nickname, room, room_of};

macro_rules! bugs {
    ($($name:ident: $invariant:ident, $what:literal,)*) => {
        /// A bug to plant.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Bug {
            $(#[doc = $what] $name,)*
        }

        impl Bug {
            /// All bugs.
            pub const ALL: &[Bug] = &[$(Bug::$name,)*];

            /// The invariant that catches the bug.
            pub fn caught_by(self) -> Invariant {
                match self {
                    $(Bug::$name => Invariant::$invariant,)*
                }
            }

            /// Whether the bug is planted in the world of channels with rules.
            pub fn is_governed(self) -> bool {
                matches!(
                    self.caught_by(),
                    Invariant::AdmittedByRight
                        | Invariant::PastByRight
                        | Invariant::RemovedAreOut
                        | Invariant::RightsCommitted
                        | Invariant::SecretsKept
                        | Invariant::SpeaksByRight
                        | Invariant::ChangedByRight
                        | Invariant::MendedByRight
                        | Invariant::ReactedByRight
                        | Invariant::ToldOnce
                        | Invariant::ScreensAgree
                )
            }

            /// Describes the bug.
            pub fn what(self) -> &'static str {
                match self {
                    $(Bug::$name => $what,)*
                }
            }
        }
    };
}

bugs! {
    SwapsMessages: SameOrder, "One member gets two messages of a group in the wrong order.",
    DeliversAtOnce: CommitFirst, "A message is delivered when it is accepted, before it is committed.",
    SkipsMember: NothingLost, "One member is left out of a delivery.",
    ForgetsOutcome: EverythingAnswered, "The hub is not told that a message is committed.",
    DeliversTwice: NothingDoubled, "A message is delivered twice.",
    SwapsAuthor: NothingAltered, "A message arrives under another user's nickname.",
    TellsStranger: MembersOnly, "A message also goes to a connection outside the channel.",
    PrivateToThird: PrivateToTwo, "A private message also goes to a third user.",
    DeliversIgnored: IgnoreHonoured, "A private message reaches a user who ignores its sender.",
    ForgetsUnignored: IgnoreRemembered, "The store is not told that a user is no longer ignored.",
    ForgetsIgnored: IgnoreRemembered, "The store is not told that a user is ignored.",
    WelcomesSecond: OneOwner, "A client gets a nickname that is already in use.",
    ForgetsBans: BansHold, "The hub is not told of bans.",
    LeavesQuietly: MembershipConsistent, "A connection is told that it left a channel it is still in.",
    SkipsNotice: NoticesAgree, "No member is told that a user joined.",
    HidesMember: ListsTrue, "A list of members lacks one.",
    WrongReason: RefusalsTrue, "A member that joins again is told that the channel does not exist.",
    CutsHistory: HistoryTrue, "A history lacks a message.",
    RepeatsId: IdsIncrease, "A message gets the id of the one before.",
    SwapsAnswers: OwnOrder, "A connection gets two of its thread's own answers in the wrong order.",
    ForgetsLimits: LimitsKept, "The hub is not told that the limits have changed.",
    ForgetsDeadlines: LimitsKept, "The hub is never called for what is due.",
    ForgetsExpiry: LimitsKept, "The hub is not told when a token expires.",
    SkipsMissed: ResumedInOrder, "One of the missed messages is left out.",
    TellsWhileCatchingUp: ResumedInOrder, "A live message reaches a client that is catching up.",
    ClaimsWhole: ResumedTruly, "A client that catches up is told that no message is gone.",
    HidesMore: ResumedTruly, "A client that catches up is told that there are no more messages.",
    LosesInTransit: FollowedWhole, "The network loses a message and goes on.",
    ForgetsTags: TakenOnce, "The hub is not told of tags.",
    ClaimsStored: TaggedTruly, "A message that could not be stored is reported as stored.",
    ForgetsStored: EverythingAnswered, "No sender is told that a message with a tag is stored.",
    StoredFirst: StoredBehind, "The confirmation that a message is stored comes before the message.",
    TypesToAll: TypingPasses, "A connection that does not listen gets a typing notice.",
    TypesToIgnoring: TypingPasses, "A user gets a typing notice from a user they ignore.",
    RepeatsTyping: TypingPasses, "A typing notice is sent twice.",
    LogsTyping: TypingPasses, "The chat log records a typing notice.",
    SkipsAnnouncement: AllTold, "One connection is left out of an announcement.",
    TellsDeparted: LivingOnly, "An event is addressed to a connection that has ended.",
    ForgetsToClose: EndedMeansEnded, "The hub is not told that a client has disconnected.",
    ForgetsQuestions: EverythingAnswered, "The hub is not told what the store has read.",
    LosesWhatIsCommitted: SeenIsStored, "The store forgets the newest message when the process dies.",
    CatchesUpUnseen: MemoryBounded, "The hub has a connection catch up that did not ask for it.",
    LeavesDeadline: MemoryBounded, "A connection is ended without the hub's knowledge.",
    BanIgnoresAlias: AdmittedByRight, "A ban does not concern who has another nickname now.",
    LinkOpensAll: AdmittedByRight, "An invitation link lets in who is banned, and also when it is used up or withdrawn.",
    PastIgnoresSince: PastByRight, "Who joins is shown what was said before, where only what follows may be read.",
    FloorForgotten: PastByRight, "Who joins is shown what was said before everyone had left a closed channel.",
    AnswersUnseen: PastByRight, "A message answers one that its author may not read.",
    PageAfterKick: PastByRight, "A page that was being read is shown to one who was removed meanwhile.",
    KickKeepsMember: RemovedAreOut, "Who is removed from a channel stays in it.",
    RefusedChangeApplied: RightsCommitted, "A change that could not be stored is in force.",
    RoleSurvivesLeave: RightsCommitted, "Who comes back into a channel operates it.",
    SecretListed: SecretsKept, "A secret channel is listed.",
    MutedSpeaks: SpeaksByRight, "What may not be said is said.",
    HurriesInSlowMode: SpeaksByRight, "Who has to wait in slow mode speaks at once.",
    StrangerChanges: ChangedByRight, "A change by one who may not make it is made.",
    StrangerEdits: MendedByRight, "A message is edited by one who has not written it.",
    StrangerDeletes: MendedByRight, "A message is deleted by one who has not written it and does not operate the channel.",
    EditSkipsMember: ScreensAgree, "One member is not told that a message was edited or deleted.",
    PageUndoes: ScreensAgree, "A page that was read before a message was deleted is shown as it was read.",
    EditRevives: ScreensAgree, "A deleted message is edited.",
    ReactionSkipsMember: ScreensAgree, "One member is not told of a reaction.",
    ReactionDoubled: ToldOnce, "One member is told of a reaction twice.",
    PageForgetsReactions: ScreensAgree, "A page that was read before a reaction is shown with the reactions that it was read with.",
    AnswerUndoes: ScreensAgree, "What has become of messages since a connection's thread has read them is not told after its answer.",
    ReactsForAnother: ReactedByRight, "A reaction is given under another user's nickname.",
    Panics: NeverPanics, "Code panics in the middle of a call.",
}

/// Plants one bug, or none.
pub struct Saboteur {
    bug: Option<Bug>,
    /// The connection that ended last.
    departed: Option<ConnectionId>,
    /// The message that was accepted last.
    last_append: Option<chat_server::hub::MessageId>,
    /// An answer held back until the next one.
    kept_answer: Option<Out>,
    outcomes: usize,
    deliveries: usize,
}

impl Saboteur {
    pub fn new(bug: Option<Bug>) -> Saboteur {
        Saboteur {
            bug,
            departed: None,
            last_append: None,
            kept_answer: None,
            outcomes: 0,
            deliveries: 0,
        }
    }

    pub fn is(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// Whether to keep the last outcome from the hub.
    pub fn forgets_outcome(&mut self) -> bool {
        self.outcomes += 1;
        self.is(Bug::ForgetsOutcome) && self.outcomes > 20
    }

    /// Whether the network loses this event on its way to a client.
    pub fn loses(&mut self, event: &Event) -> bool {
        self.deliveries += usize::from(matches!(event, Event::Message(_)));
        self.is(Bug::LosesInTransit)
            && self.deliveries.is_multiple_of(20)
            && matches!(event, Event::Message(_))
    }

    /// Alters the hub's effects as the bug demands.
    pub fn alter(&mut self, outs: &mut Vec<Out>, model: &Model) {
        let Some(bug) = self.bug else {
            return;
        };
        match bug {
            Bug::SwapsMessages => swap_messages(outs),
            Bug::DeliversAtOnce => deliver_at_once(outs, model),
            Bug::SkipsMember => skip_member(outs),
            Bug::DeliversTwice => {
                let again = outs.iter().find(|out| message_of(out).is_some()).cloned();
                outs.extend(again);
            }
            Bug::SwapsAuthor => alter_events(outs, |event| {
                if let Event::Message(message) = event {
                    message.author = nickname(super::names::NICKS - 1, 0);
                }
            }),
            Bug::TellsStranger => tell_stranger(outs, model),
            Bug::PrivateToThird => private_to_third(outs, model),
            Bug::DeliversIgnored => deliver_ignored(outs, model),
            Bug::ForgetsUnignored => outs.retain(|out| {
                use chat_server::hub::Chore::SetIgnored;
                !matches!(out, Out::Chore(SetIgnored { ignored: false, .. }))
            }),
            Bug::ForgetsIgnored => outs.retain(|out| {
                use chat_server::hub::Chore::SetIgnored;
                !matches!(out, Out::Chore(SetIgnored { ignored: true, .. }))
            }),
            Bug::SkipsMissed => {
                if outs.iter().any(is_resumed) {
                    let missed = outs.iter().position(|out| message_of(out).is_some());
                    missed.map(|missed| outs.remove(missed));
                }
            }
            Bug::TellsWhileCatchingUp => tell_while_catching_up(outs, model),
            Bug::ClaimsWhole => alter_events(outs, |event| {
                if let Event::Resumed { complete, .. } = event {
                    *complete = true;
                }
            }),
            Bug::HidesMore => alter_events(outs, |event| {
                if let Event::Resumed { more, .. } = event {
                    *more = false;
                }
            }),
            Bug::ClaimsStored => alter_events(outs, |event| {
                if let Event::NotSent {
                    tag,
                    refusal: Refusal::NotStored,
                } = event
                {
                    let (tag, id) = (tag.clone(), model.last_id);
                    *event = Event::Stored { tag, id };
                }
            }),
            Bug::ForgetsStored => {
                outs.retain(|out| !is_event(out, |event| matches!(event, Event::Stored { .. })));
            }
            Bug::StoredFirst => tell_stored_first(outs),
            Bug::TypesToAll => types_to_all(outs, model),
            Bug::TypesToIgnoring => types_to_ignoring(outs, model),
            Bug::RepeatsTyping => {
                let again = outs.iter().find(|out| is_event(out, is_typing)).cloned();
                outs.extend(again);
            }
            Bug::LogsTyping => {
                if outs.iter().any(|out| is_event(out, is_typing)) {
                    outs.push(Out::Log(Entry {
                        text: Some("typing".into()),
                        ..Entry::new(0, Kind::Command)
                    }));
                }
            }
            Bug::WelcomesSecond => alter_events(outs, |event| {
                if let Event::Refused(Refusal::NicknameInUse(name)) = event
                    && model.call.claim.is_some()
                {
                    *event = Event::Welcome {
                        nickname: name.clone(),
                    };
                }
            }),
            Bug::LeavesQuietly => leave_quietly(outs, model),
            Bug::SkipsNotice => outs
                .retain(|out| !is_event(out, |event| matches!(event, Event::MemberJoined { .. }))),
            Bug::HidesMember => alter_events(outs, |event| {
                if let Event::Members { page, .. } = event {
                    let mut rows = page.rows.clone();
                    rows.pop();
                    *page = Page::new(page.part.clone(), rows, page.more).into();
                }
            }),
            Bug::WrongReason => alter_events(outs, |event| {
                if let Event::Refused(Refusal::AlreadyInChannel(name)) = event {
                    *event = Event::Refused(Refusal::NoSuchChannel(name.clone()));
                }
            }),
            Bug::CutsHistory => alter_events(outs, |event| {
                if let Event::History { messages, .. } = event
                    && messages.len() > 2
                {
                    messages.remove(1);
                }
            }),
            Bug::RepeatsId => {
                for out in outs {
                    if let Out::Append(message) = out {
                        let last = self.last_append.replace(message.id);
                        message.id = last.unwrap_or(message.id);
                    }
                }
            }
            Bug::SwapsAnswers => self.swap_answers(outs),
            Bug::SkipsAnnouncement => {
                for out in outs {
                    if let Out::Tell(to, event) = out
                        && matches!(**event, Event::Announcement { .. })
                    {
                        to.pop();
                    }
                }
            }
            Bug::TellsDeparted => {
                if let (Some(id), Some(Out::Tell(to, _))) = (self.departed, outs.last_mut()) {
                    to.push(id);
                }
                let closed = outs.iter().find_map(|out| match out {
                    Out::Close(id, _) => Some(*id),
                    _ => None,
                });
                self.departed = closed.or(self.departed);
            }
            Bug::LeavesDeadline => {
                let unnamed = model.all_alive().find(|(_, conn)| conn.deadline.is_some());
                if let Some((_, conn)) = unnamed
                    && outs.iter().any(|out| message_of(out).is_some())
                {
                    let farewell = chat_server::hub::Farewell::Quit;
                    outs.push(Out::Close(conn.id, farewell));
                }
            }
            Bug::Panics => {
                let many = outs.iter().filter(|out| message_of(out).is_some()).count();
                assert!(many == 0, "planted");
            }
            Bug::ForgetsOutcome
            | Bug::ForgetsBans
            | Bug::ForgetsLimits
            | Bug::ForgetsDeadlines
            | Bug::ForgetsExpiry
            | Bug::ForgetsTags
            | Bug::LosesInTransit
            | Bug::CatchesUpUnseen
            | Bug::ForgetsToClose
            | Bug::ForgetsQuestions
            | Bug::LosesWhatIsCommitted => {}
            governed => assert!(governed.is_governed(), "{governed:?} is not planted"),
        }
    }

    /// Holds an answer back until the connection gets another.
    fn swap_answers(&mut self, outs: &mut Vec<Out>) {
        let Some(place) = outs.iter().position(|out| matches!(out, Out::Write(..))) else {
            return;
        };
        match (&self.kept_answer, &outs[place]) {
            (None, _) => self.kept_answer = Some(outs.remove(place)),
            (Some(Out::Write(kept, _)), Out::Write(next, _)) if kept == next => {
                outs.extend(self.kept_answer.take());
            }
            _ => {}
        }
    }
}

fn is_event(out: &Out, is: impl Fn(&Event) -> bool) -> bool {
    matches!(out, Out::Tell(_, event) if is(event))
}

fn is_resumed(out: &Out) -> bool {
    is_event(out, |event| matches!(event, Event::Resumed { .. }))
}

fn is_typing(event: &Event) -> bool {
    matches!(event, Event::Typing { .. })
}

fn tell_stored_first(outs: &mut Vec<Out>) {
    let places = outs.iter().enumerate().find_map(|(stored, out)| {
        let Out::Tell(sender, event) = out else {
            return None;
        };
        let Event::Stored { id, .. } = **event else {
            return None;
        };
        let is_it = |out: &Out| {
            let Out::Tell(to, _) = out else { return false };
            to.contains(&sender[0]) && message_of(out).is_some_and(|it| it.id == id)
        };
        Some((outs[..stored].iter().position(is_it)?, stored))
    });
    if let Some((message, stored)) = places {
        let stored = outs.remove(stored);
        outs.insert(message, stored);
    }
}

fn alter_events(outs: &mut [Out], alter: impl Fn(&mut Event)) {
    for out in outs {
        if let Out::Tell(_, event) = out {
            alter(Rc::make_mut(event));
        }
    }
}

fn message_of(out: &Out) -> Option<&Message> {
    match out {
        Out::Tell(_, event) => match &**event {
            Event::Message(message) => Some(message),
            _ => None,
        },
        _ => None,
    }
}

/// Swaps two messages of a channel for one member.
fn swap_messages(outs: &mut Vec<Out>) {
    let told: Vec<usize> = (0..outs.len())
        .filter(|&place| message_of(&outs[place]).is_some())
        .collect();
    for pair in told.windows(2) {
        let (one, other) = (message_of(&outs[pair[0]]), message_of(&outs[pair[1]]));
        let same = one
            .zip(other)
            .is_some_and(|(one, other)| one.place.channel() == other.place.channel());
        if same {
            // Both messages are delivered first, so that only their order is
            // wrong.
            let second = outs.remove(pair[1]);
            let first = outs.remove(pair[0]);
            outs.extend([second, first]);
            return;
        }
    }
}

fn deliver_at_once(outs: &mut Vec<Out>, model: &Model) {
    let taken = outs.iter().find_map(|out| match out {
        Out::Append(message) => Some(message),
        _ => None,
    });
    let Some(taken) = taken else {
        return;
    };
    if let Some(channel) = taken.place.channel() {
        let members = model.members(room(channel)).map(|(_, conn)| conn.id);
        let event = Rc::new(Event::Message(taken.clone()));
        outs.push(Out::Tell(members.collect(), event));
    }
}

fn skip_member(outs: &mut [Out]) {
    for out in outs {
        if message_of(out).is_some()
            && let Out::Tell(to, _) = out
        {
            to.pop();
        }
    }
}

fn tell_stranger(outs: &mut [Out], model: &Model) {
    for out in outs {
        let Some(room) = message_of(out).map(room_of) else {
            continue;
        };
        let mut all = model.all_alive();
        let stranger = all.find(|&(slot, _)| model.place(slot, room).is_none());
        if let (Out::Tell(to, _), Some((_, stranger))) = (out, stranger) {
            to.push(stranger.id);
        }
    }
}

fn private_to_third(outs: &mut [Out], model: &Model) {
    for out in outs {
        let Out::Tell(to, event) = out else {
            continue;
        };
        let Event::Private(message) = &**event else {
            continue;
        };
        let third = model.all_alive().find(|(_, conn)| {
            let name = conn.name.as_ref();
            name.is_some_and(|name| *name != message.from && *name != message.to)
        });
        to.extend(third.map(|(_, conn)| conn.id));
    }
}

/// Delivers a private message that reached no connection: its recipient ignores
/// the sender.
fn deliver_ignored(outs: &mut Vec<Out>, model: &Model) {
    let place = outs.iter().position(|out| {
        is_event(out, |event| match event {
            Event::PrivateSent(sent) => !outs.iter().any(|out| {
                is_event(
                    out,
                    |event| matches!(event, Event::Private(m) if m.id == sent.id),
                )
            }),
            _ => false,
        })
    });
    let Some(place) = place else {
        return;
    };
    let Out::Tell(_, event) = &outs[place] else {
        return;
    };
    let Event::PrivateSent(sent) = &**event else {
        return;
    };
    let user = model.users[super::names::nick(&sent.to)].as_ref();
    let slots = user.map(|user| user.slots.as_slice()).unwrap_or_default();
    let all = slots.iter().filter_map(|&slot| model.alive(slot));
    let to: Vec<ConnectionId> = all.map(|conn| conn.id).collect();
    if !to.is_empty() && sent.to != sent.from {
        let event = Rc::new(Event::Private(sent.clone()));
        outs.insert(place, Out::Tell(to, event));
    }
}

/// Tells the only member of a channel that it has left.
fn leave_quietly(outs: &mut Vec<Out>, model: &Model) {
    let said = outs.iter().find_map(message_of);
    let Some(channel) = said.and_then(|message| message.place.channel().cloned()) else {
        return;
    };
    let mut members = model.members(room(&channel));
    if let (Some((_, conn)), None) = (members.next(), members.next()) {
        let event = Rc::new(Event::Left {
            channel,
            reason: None,
        });
        outs.push(Out::Tell(vec![conn.id], event));
    }
}

fn tell_while_catching_up(outs: &mut [Out], model: &Model) {
    if model.call.reading.is_some() {
        return;
    }
    for out in outs {
        let Some(room) = message_of(out).map(room_of) else {
            continue;
        };
        let mut members = model.members(room);
        let catches_up = members.find(|&(slot, _)| {
            let place = model.place(slot, room);
            place.is_some_and(|place| place.catching_up.is_some())
        });
        if let (Out::Tell(to, _), Some((_, conn))) = (out, catches_up) {
            to.push(conn.id);
        }
    }
}

fn types_to_all(outs: &mut [Out], model: &Model) {
    for out in outs {
        if let Out::Tell(to, event) = out
            && is_typing(event)
        {
            let deaf = model.all_alive().find(|(_, conn)| !conn.listens);
            to.extend(deaf.map(|(_, conn)| conn.id));
        }
    }
}

/// Turns a typing notice for a channel into one for a user who ignores the
/// typist.
fn types_to_ignoring(outs: &mut Vec<Out>, model: &Model) {
    let from = outs.iter().find_map(|out| match out {
        Out::Tell(_, event) => match &**event {
            Event::Typing { from, .. } => Some(from.clone()),
            _ => None,
        },
        _ => None,
    });
    let Some(from) = from else {
        return;
    };
    let ignoring = model.all_alive().find(|(slot, conn)| {
        let user = model.user_of(*slot);
        conn.listens && user.is_some_and(|user| Model::ignores(user, &from, None))
    });
    if let Some((_, conn)) = ignoring {
        let event = Event::Typing {
            from,
            channel: None,
            to: conn.name.clone(),
        };
        outs.push(Out::Tell(vec![conn.id], Rc::new(event)));
    }
}
