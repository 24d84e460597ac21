//! The thread of an event stream: has its connection catch up with its channels, page by page and
//! no faster than the client reads, and sees to it that client and stream do not outlive each other.
//!
//! What the client is told goes out through the hub's outbox, as on every connection.

use std::io::{self, Read};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::http::Upgraded;
use crate::hub::{Event, Farewell, Refusal};
use crate::model::Name;
use crate::model::time::LAST_MS;
use crate::net::link::{Link, LinkReader};
use crate::protocol::Speech;
use crate::protocol::events::{Follower, sign_of_life};
use crate::turn::Input;

use super::attached::{Attached, Flow};
use super::bots::{Following, Place};
use super::context::SessionContext;
use super::entry::{Right, Shown};

/// How often the client is shown that the stream is there.
const ALIVE: Duration = Duration::from_secs(15);
/// How long a page of missed messages may take; the store may be slow.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often to look whether the client is still there.
const LOOK: Duration = Duration::from_millis(250);
/// Unsent bytes below which the client is given another page.
const NEARLY_READ: usize = 64 * 1024;
/// How often to look whether it has read so much.
const PAUSE: Duration = Duration::from_millis(10);
/// Answers of the hub that may wait for the thread, which takes one for each command.
const ANSWERS: usize = 64;

/// Why catching up has ended before its end.
enum Ended {
    /// The client has gone, or the hub has ended the connection.
    Over,
    /// The stream cannot go on.
    Because(Farewell),
}

/// Serves an event stream until it ends.
pub fn serve(
    upgraded: Upgraded,
    speech: &'static Speech,
    context: &SessionContext,
    following: Following,
) {
    let Upgraded {
        transport, peer, ..
    } = upgraded;
    let set = transport.stream().set_read_timeout(Some(ALIVE));
    if set.is_err() {
        return;
    }
    let mut stream = Attached::open(context, speech, transport, peer);
    let Following {
        program,
        account,
        channels,
        place: _place,
    } = following;
    let (told, answers) = bounded(ANSWERS);
    let token = program.connection_token();
    let shown = Shown {
        ends_at_ms: program.expires_at.unwrap_or(LAST_MS),
        is_good: || context.accounts.is_program_stored(stream.asker(), &program),
    };
    let right = Right::Account(&account, Some(&token));
    let id = stream.id;
    // Without a hub there is nobody to admit it either.
    let _ = (context.hub).ask(move |hub, _, _| hub.is_of_program(id));
    let begun = stream.admit_shown(account.username.clone(), right, shown);
    let followed = channels
        .iter()
        .map(|it| (it.channel.clone(), it.after, it.begin));
    let follower = Box::new(Follower::new(followed));
    let attend = Input::Attend(stream.id, told);
    let is_on = context.hub.send(attend).is_ok()
        && context.hub.send(Input::Follow(stream.id, follower)).is_ok();
    let begun = begun.map_err(Ended::Because).and_then(|()| match is_on {
        true => catch_up(&stream, &answers, channels),
        false => Err(Ended::Over),
    });
    drop(answers);
    match begun {
        Ok(()) => watch(&stream, speech),
        Err(Ended::Over) => read_away(&stream.link),
        Err(Ended::Because(farewell)) => {
            if stream.close(farewell) == Flow::Continue {
                read_away(&stream.link);
            }
        }
    }
    stream.end(Farewell::PeerLeft);
}

/// Has the hub tell the client all that it has missed, then everything live.
fn catch_up(
    stream: &Attached,
    answers: &Receiver<Event>,
    channels: Vec<Place>,
) -> Result<(), Ended> {
    for place in channels {
        let channel = place.channel;
        while page(stream, answers, &channel)? {}
        send(stream, Input::CaughtUp(stream.id, channel))?;
    }
    Ok(())
}

/// Has the client told a page of what it has missed of a channel. Returns whether there is more.
fn page(stream: &Attached, answers: &Receiver<Event>, channel: &Name) -> Result<bool, Ended> {
    while stream.link.waiting() > NEARLY_READ {
        if stream.link.is_closing() || has_left(&stream.link) {
            return Err(Ended::Over);
        }
        thread::sleep(PAUSE);
    }
    send(stream, Input::CatchUp(stream.id, channel.clone()))?;
    answer(stream, answers, |event| match event {
        Event::Resumed { more, .. } => Some(*more),
        _ => None,
    })
}

fn send(stream: &Attached, input: Input) -> Result<(), Ended> {
    stream.context.hub.send(input).map_err(|_| Ended::Over)
}

/// Waits for the answer to a command.
fn answer<T>(
    stream: &Attached,
    answers: &Receiver<Event>,
    is_it: impl Fn(&Event) -> Option<T>,
) -> Result<T, Ended> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match answers.recv_timeout(LOOK) {
            Ok(Event::Refused(refusal)) => {
                return Err(Ended::Because(Farewell::NotAdmitted(refusal)));
            }
            Ok(event) => {
                if let Some(answer) = is_it(&event) {
                    return Ok(answer);
                }
            }
            Err(RecvTimeoutError::Timeout) if has_left(&stream.link) => return Err(Ended::Over),
            Err(RecvTimeoutError::Timeout) if Instant::now() > deadline => {
                let refusal = Refusal::HistoryUnavailable;
                return Err(Ended::Because(Farewell::NotAdmitted(refusal)));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(Ended::Over),
        }
    }
}

/// Waits until the client goes. Shows it meanwhile that the stream is there.
fn watch(stream: &Attached, speech: &'static Speech) {
    let link = &stream.link;
    let mut reader = LinkReader::new(link.clone());
    let mut buffer = [0; 64];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return,
            // It has nothing to say.
            Ok(_) => continue,
            Err(error) if is_timeout(&error) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        }
        if link.is_closing() {
            continue;
        }
        if stream.write(sign_of_life(speech.format).to_vec()) == Flow::Stop {
            return;
        }
    }
}

/// Reads and drops bytes until the flusher has ended the connection: if it were closed before, the
/// client might never see why.
fn read_away(link: &Arc<Link>) {
    let mut reader = LinkReader::new(link.clone());
    let mut buffer = [0; 64];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return,
            Err(error) if is_timeout(&error) && link.is_closing() => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
            Ok(_) => {}
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

/// Whether the client has gone, without waiting.
fn has_left(link: &Link) -> bool {
    let gone = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
    let mut polled = [PollFd::new(link.stream(), PollFlags::RDHUP)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    matches!(poll(&mut polled, Some(&now)), Ok(1..))
        && polled.iter().any(|it| it.revents().intersects(gone))
}
