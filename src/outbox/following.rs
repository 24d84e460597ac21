//! What event streams are told. The body of an event is encoded once for all streams of a form, and
//! so is its end for those that follow one channel; a stream that follows several has an end of its
//! own, with its own cursor.

use crate::hub::Event;
use crate::model::Name;
use crate::protocol::events::{self, Follower, Taken};

use super::seat::{Range, Seat};

/// An event as several streams of a form are told it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shared {
    /// Empty, if streams are not told of the event.
    body: Range,
    /// For those that follow one channel, and for events that are at no place.
    end: Range,
}

/// Tells a stream of an event. Returns whether there was something to tell.
pub(super) fn tell(
    seat: &mut Seat,
    event: &Event,
    shared: &mut Option<Shared>,
    arena: &mut Vec<u8>,
) -> bool {
    let format = seat.format;
    let Some(follower) = &mut seat.follower else {
        return false;
    };
    let (is_own, events) = match follower.take(event) {
        Taken::Nothing => return false,
        Taken::AtNoPlace => (false, None),
        Taken::Next => (!follower.is_of_one(), None),
        Taken::Several(events) => (true, Some(events)),
    };
    if let Some(events) = events {
        let range = Range::append(arena, |out| write_all(seat, &events, out));
        seat.add(range);
        return !range.is_empty();
    }
    let shared = *shared.get_or_insert_with(|| {
        let body = Range::append(arena, |out| events::write_body(format, event, out));
        let end = Range::append(arena, |out| events::write_only_end(format, event, out));
        Shared { body, end }
    });
    if shared.body.is_empty() {
        return false;
    }
    let end = match is_own {
        false => shared.end,
        true => Range::append(arena, |out| {
            events::write_end(format, Some(&**follower), out);
        }),
    };
    seat.add(shared.body);
    seat.add_rest(end);
    true
}

/// Begins to follow channels.
pub(super) fn begin(seat: &mut Seat, follower: Box<Follower>, out: &mut Vec<u8>) {
    if seat.format.is_stream() {
        events::write_opening(seat.format, &follower.cursor(), out);
        seat.follower = Some(follower);
    }
}

/// Tells a stream what was held until all that was missed of a channel is told.
pub(super) fn caught_up(seat: &mut Seat, channel: &Name, out: &mut Vec<u8>) {
    let held = seat.follower.as_mut().and_then(|it| it.caught_up(channel));
    if let Some((held, is_complete)) = held {
        write_all(seat, &held, out);
        events::write_caught_up(seat.format, channel, is_complete, out);
    }
}

fn write_all(seat: &mut Seat, events: &[Event], out: &mut Vec<u8>) {
    let format = seat.format;
    let Some(follower) = &mut seat.follower else {
        return;
    };
    for event in events {
        follower.move_on(event);
        let start = out.len();
        events::write_body(format, event, out);
        if out.len() > start {
            events::write_end(format, Some(&**follower), out);
        }
    }
}
