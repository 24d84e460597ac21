//! A standby that lagged behind takes over: every message that clients saw is
//! there again.

use chat_server::hub::Fate;
use chat_server::store::{DatabaseUrl, PostgresSettings, PostgresStore, Store};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::node::{Chat, channel, texts};
use crate::support::{Postgres, Redis, connect, wait_until};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// How many messages a server has; an error if it does not have the table, or is not there, yet.
fn messages(url: &str) -> QueryResult<i64> {
    let mut connection = PgConnection::establish(url).map_err(|_| diesel::NotFound)?;
    let query = "SELECT count(*) AS count FROM message";
    let count: Count = diesel::sql_query(query).get_result(&mut connection)?;
    Ok(count.count)
}

fn room_of(number: u64) -> &'static str {
    ["dev", "ops", "new"][(number % 3) as usize]
}

#[test]
fn what_a_standby_lacks_that_takes_over_is_stored_again() {
    let (primary, redis) = (Postgres::start(), Redis::start());
    primary.create_database();
    let (database, early, late) = ("test0", 0..50, 50..120);
    let standby = Postgres::start_standby_of(&primary);
    let chat = Chat {
        postgres_url: primary.url_with(&standby, database),
        ..Chat::within(&redis)
    };
    let [one, two] = [chat.node(), chat.node()];
    for number in early.clone() {
        one.say(number, "dev", &number.to_string());
    }
    let on_standby = standby.url(database);
    wait_until("the standby has it", || messages(&on_standby) == Ok(50));
    // By now all servers know which PostgreSQL they work with.
    let mut known = redis.connect();
    wait_until("the timeline is recorded", || {
        let key = format!("{}:timeline", chat.prefix);
        let line: Option<String> = redis::cmd("GET").arg(key).query(&mut known).unwrap();
        line.as_deref() == Some("00000001")
    });
    standby.kill();
    // In new rooms as well: the standby has other numbers for them.
    for number in late.clone() {
        one.say(number, room_of(number), &number.to_string());
        assert!(matches!(one.fate_of(number), Fate::Committed(_)));
    }
    wait_until("it is stored and acknowledged", || {
        messages(&primary.url(database)) == Ok(120)
    });
    primary.kill();
    standby.start_again();
    // It has to read its own log again first.
    wait_until("the standby is where it was", || {
        messages(&on_standby) == Ok(50)
    });
    connect(&on_standby)
        .batch_execute("SELECT pg_promote(true)")
        .unwrap();
    wait_until("the standby has every message", || {
        messages(&on_standby) == Ok(120)
    });
    two.say(1000, "fresh", "and it goes on");
    wait_until("the new message is stored", || {
        messages(&on_standby) == Ok(121)
    });
    let url = DatabaseUrl::parse(&on_standby).unwrap();
    let store = PostgresStore::open(PostgresSettings::new(url)).unwrap();
    for room in ["dev", "ops", "new"] {
        let mut all: Vec<u64> = early.clone().filter(|_| room == "dev").collect();
        all.extend(late.clone().filter(|number| room_of(*number) == room));
        let found = texts(&store, &channel(room));
        let found: Vec<u64> = found.iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(found, all, "{room}");
    }
    assert_eq!(store.timeline().unwrap().as_deref(), Some("00000002"));
}
