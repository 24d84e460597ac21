//! The outbox over real sockets: what each client is sent, when, and what is
//! held back.

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use chat_server::hub::{Circumstances, ConnectionId, Event, Farewell, Message, MessageId, Now};
use chat_server::name::Name;
use chat_server::net::flusher::Flusher;
use chat_server::net::link::Link;
use chat_server::net::registry::Registry;
use chat_server::outbox::Outbox;
use chat_server::protocol::speech::{Speech, TELNET};
use chat_server::protocol::{Encoder, WireFormat};
use chat_server::store::Place;
use chat_server::text::Text;
use crossbeam_channel::{Receiver, never, unbounded};

/// How long a busy hub may hold back a sender's own messages.
const OWED_MS: u64 = 25;

fn at(ticks_ms: u64) -> Now {
    Now {
        unix_ms: 0,
        ticks_ms,
    }
}

struct People {
    outbox: Outbox,
    ids: Vec<ConnectionId>,
    clients: Vec<BufReader<TcpStream>>,
    links: Vec<Arc<Link>>,
}

impl People {
    fn new(count: u32) -> People {
        People::speaking(&TELNET, count)
    }

    fn speaking(speech: &Speech, count: u32) -> People {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let flusher = Flusher::start().unwrap();
        let registry = Arc::new(Registry::default());
        let mut outbox = Outbox::new(Encoder::new(String::new()), 0, flusher, registry);
        let (mut ids, mut clients, mut links) = (Vec::new(), Vec::new(), Vec::new());
        for index in 0..count {
            let client = TcpStream::connect(address).unwrap();
            client
                .set_read_timeout(Some(Duration::from_secs(30)))
                .unwrap();
            clients.push(BufReader::new(client));
            let id = ConnectionId {
                index,
                generation: 0,
            };
            let link = Arc::new(Link::new(listener.accept().unwrap().0));
            outbox.open(id, link.clone(), speech);
            ids.push(id);
            links.push(link);
        }
        People {
            outbox,
            ids,
            clients,
            links,
        }
    }

    fn say(&mut self, speaker: usize, text: &str) {
        let event = message(text);
        let told = Circumstances {
            speaker: Some(self.ids[speaker]),
            ..Circumstances::default()
        };
        self.outbox.deliver(&self.ids, &told, &event);
    }

    /// Sends what is due in a turn that begins at this time.
    fn turn<T>(&mut self, now_ms: u64, inputs: &Receiver<T>) {
        self.outbox.begin(at(now_ms));
        self.outbox.flush(false, inputs);
    }

    /// The same in a busy turn with no input waiting.
    fn busy_turn(&mut self, now_ms: u64) {
        self.outbox.begin(at(now_ms));
        self.outbox.flush(true, &never::<()>());
    }

    fn sends(&self) -> u64 {
        self.outbox.sums().sends
    }

    /// The text of a client's next line.
    fn heard(&mut self, who: usize) -> String {
        let mut line = String::new();
        self.clients[who].read_line(&mut line).unwrap();
        line.trim_end().rsplit(' ').next().unwrap().to_owned()
    }
}

fn message(text: &str) -> Event {
    Event::Message(Message {
        id: MessageId { ms: 1, sequence: 0 },
        at_ms: 0,
        author: Name::parse("alice").unwrap(),
        place: Place::Channel {
            channel: Name::parse("talk").unwrap(),
            account: None,
        },
        body: Text::clean(text).into(),
    })
}

/// An input queue with something in it.
fn something_waits() -> Receiver<()> {
    let (sender, inputs) = unbounded();
    sender.send(()).unwrap();
    inputs
}

#[test]
fn ones_own_words_come_at_once_when_there_is_nothing_else_to_do() {
    let mut people = People::new(2);
    people.say(0, "one");
    people.turn(0, &never::<()>());
    assert!(people.outbox.is_flushed());
    assert_eq!(people.sends(), 2);
    assert_eq!([people.heard(0), people.heard(1)], ["one", "one"]);
}

#[test]
fn where_a_protocol_does_not_echo_ones_own_words_go_to_others_only() {
    let silent = Speech {
        manners: TELNET.manners,
        format: WireFormat::Telnet,
        echoes: false,
    };
    let mut people = People::speaking(&silent, 2);
    people.say(0, "one");
    people.say(1, "two");
    people.turn(0, &never::<()>());
    assert_eq!([people.heard(0), people.heard(1)], ["two", "one"]);
    assert_eq!(people.outbox.sums().deliveries, 2);
}

#[test]
fn a_busy_hub_sends_ones_own_words_with_the_answer() {
    let mut people = People::new(2);
    people.say(0, "one");
    people.turn(0, &something_waits());
    assert_eq!(people.sends(), 1, "the other has it");
    assert_eq!(people.heard(1), "one");
    people.say(1, "two");
    people.turn(1, &something_waits());
    assert_eq!(people.sends(), 2, "two lines at once");
    assert_eq!([people.heard(0), people.heard(0)], ["one", "two"]);
    people.turn(2, &never::<()>());
    assert!(people.outbox.is_flushed());
    assert_eq!(people.heard(1), "two");
    assert_eq!(people.sends(), 3);
}

#[test]
fn ones_own_words_do_not_wait_for_ever() {
    let mut people = People::new(2);
    people.outbox.begin(at(0));
    people.say(0, "one");
    people.turn(0, &something_waits());
    people.turn(OWED_MS - 1, &something_waits());
    assert!(!people.outbox.is_flushed());
    people.turn(OWED_MS, &something_waits());
    assert!(people.outbox.is_flushed());
    assert_eq!(people.heard(0), "one");
}

#[test]
fn a_busy_hub_has_a_time_by_which_it_sends_ones_own_words() {
    let mut people = People::new(2);
    assert_eq!(people.outbox.echoes_due(), None);
    people.outbox.begin(at(7));
    people.say(0, "one");
    assert_eq!(
        people.outbox.echoes_due(),
        None,
        "there is something better"
    );
    people.busy_turn(7);
    assert_eq!(people.sends(), 1);
    assert_eq!(people.outbox.echoes_due(), Some(7 + OWED_MS));
    people.busy_turn(6 + OWED_MS);
    assert_eq!(people.sends(), 1);
    people.busy_turn(7 + OWED_MS);
    assert!(people.outbox.is_flushed());
    assert_eq!(people.outbox.echoes_due(), None);
    assert_eq!(people.heard(0), "one");
}

#[test]
fn whoever_goes_has_their_own_words_first() {
    let mut people = People::new(2);
    people.say(0, "one");
    people.busy_turn(0);
    assert_eq!(people.sends(), 1, "the other has it");
    let gone = people.ids[0];
    people.outbox.close(gone, &Farewell::Shutdown);
    assert_eq!(people.heard(0), "one");
    let mut rest = String::new();
    people.clients[0].read_to_string(&mut rest).unwrap();
    assert!(rest.contains("shutting down"), "{rest}");
}

/// Another connection may take the slot of one that was owed something.
#[test]
fn whoever_takes_a_place_hears_nothing_of_the_one_before() {
    let mut people = People::new(2);
    people.say(0, "one");
    people.busy_turn(0);
    let gone = people.ids[0];
    people.outbox.remove(gone);
    let next = People::new(1);
    let (mut outbox, link) = (people.outbox, next.links[0].clone());
    let new = ConnectionId {
        index: gone.index,
        generation: gone.generation + 1,
    };
    outbox.open(new, link, &TELNET);
    outbox.begin(at(OWED_MS));
    outbox.flush(true, &never::<()>());
    assert!(outbox.is_flushed());
    outbox.deliver(&[new], &Circumstances::default(), &message("two"));
    outbox.flush(false, &never::<()>());
    people.outbox = outbox;
    people.clients = next.clients;
    assert_eq!(people.heard(0), "two");
}

/// Alone and in pieces: the later a client's turn comes, the more goes in one
/// write.
#[test]
fn a_flood_gives_way_and_reaches_everyone_in_order() {
    const MEMBERS: u32 = 200;
    let mut people = People::new(MEMBERS);
    let words: Vec<String> = (0..6).map(|n| format!("word{n}")).collect();
    for word in &words {
        people.say(0, word);
    }
    people.turn(0, &something_waits());
    assert_eq!(people.sends(), 128, "it has given way");
    people.say(0, "last");
    people.turn(1, &something_waits());
    assert_eq!(
        people.sends(),
        256,
        "seven in one write for those in a later piece"
    );
    people.turn(2, &never::<()>());
    assert_eq!(
        people.sends(),
        328,
        "one more for each that had not got the last"
    );
    for who in 0..MEMBERS as usize {
        for word in words.iter().map(String::as_str).chain(["last"]) {
            assert_eq!(people.heard(who), word, "{who}");
        }
    }
}

/// However often the hub turns to other work in between.
#[test]
fn everyone_in_a_large_channel_gets_everything_once_and_in_order() {
    const MEMBERS: u32 = 400;
    let mut people = People::new(MEMBERS);
    let words: Vec<String> = (0..8).map(|n| format!("word{n}")).collect();
    people.say(0, "first");
    people.turn(0, &never::<()>());
    assert!(people.outbox.is_flushed(), "nothing else to do");
    for who in 0..MEMBERS as usize {
        assert_eq!(people.heard(who), "first", "{who}");
    }
    let mut turns = 1;
    for word in &words {
        people.say(0, word);
        people.turn(turns, &something_waits());
        turns += 1;
    }
    while !people.outbox.is_flushed() {
        people.turn(turns, &something_waits());
        turns += 1;
    }
    for who in 0..MEMBERS as usize {
        for word in &words {
            assert_eq!(&people.heard(who), word, "{who}");
        }
    }
    // Nothing comes twice: the next line is the next message.
    people.say(0, "last");
    people.turn(turns, &never::<()>());
    for who in 0..MEMBERS as usize {
        assert_eq!(people.heard(who), "last", "{who}");
    }
}
