//! `chat-server migrate` copies every table and every column that there is, or this file says why not.
//!
//! The rows are made from the schema, so a table or a column that is added to it and forgotten in the
//! copying makes this fail.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::Text;
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection};

use crate::migrate::{migrate, sqlite, wait_unused, words};
use crate::support::{Postgres, connect};
use chat_server::store::{DatabaseUrl, PostgresSettings, PostgresStore, Retention, Store};

/// Tables that are not copied, and why.
const LEFT_OUT: [(&str, &str); 7] = [
    ("__diesel_schema_migrations", "each database has its own"),
    ("scratch", "is empty, except for a moment"),
    ("message_search", "PostgreSQL keeps words in the messages"),
    ("search_state", "is about message_search"),
    ("account_key", "is made from the accounts at the start"),
    ("name_collision", "is made from the accounts at the start"),
    ("participant", "becomes read_mark; see migrate.rs"),
];

/// Columns that are not copied, and why.
const COLUMNS_LEFT_OUT: [(&str, &str, &str); 4] = [
    ("conversation", "removed_number", "messages have no numbers"),
    ("conversation", "removed_from_low", "as removed_number"),
    ("message", "number", "PostgreSQL counts when it is asked"),
    ("message", "from_low", "as number"),
];

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
}

/// The tables of a SQLite database that are to be copied.
fn tables(from: &mut SqliteConnection) -> Vec<String> {
    let query = "SELECT name AS line FROM sqlite_schema
        WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'message_search_%'";
    let found: Vec<Line> = diesel::sql_query(query).load(from).unwrap();
    let found: Vec<String> = found.into_iter().map(|row| row.line).collect();
    for (table, why) in LEFT_OUT {
        assert!(found.iter().any(|it| it == table), "{table} ({why})");
    }
    let is_left_out = |table: &str| LEFT_OUT.iter().any(|(it, _)| *it == table);
    let copied = found.into_iter().filter(|table| !is_left_out(table));
    copied.collect()
}

fn columns(from: &mut SqliteConnection, table: &str) -> Vec<Column> {
    let query = format!("SELECT name, type AS kind FROM pragma_table_info('{table}')");
    diesel::sql_query(query).load(from).unwrap()
}

/// A value that is not the column's default. Rows refer to each other, so all have the same id.
fn value(table: &str, column: &Column, place: usize) -> String {
    let name = column.name.as_str();
    match column.kind.as_str() {
        "TEXT" if matches!(name, "id" | "hook_id") => "'same'".to_owned(),
        "TEXT" => format!("'{table}_{name}'"),
        "INTEGER" | "BIGINT" if name.ends_with("id") || name.ends_with("account") => "7".to_owned(),
        "INTEGER" | "BIGINT" => (100 + place).to_string(),
        "SMALLINT" | "BOOLEAN" => "1".to_owned(),
        other => panic!("{table}.{name} is of the type {other}: say here what is put into it"),
    }
}

/// Puts a row into each of the tables.
fn fill(from: &mut SqliteConnection, tables: &[String]) {
    from.batch_execute("PRAGMA foreign_keys = OFF").unwrap();
    for table in tables {
        let columns = columns(from, table);
        let names: Vec<&str> = columns.iter().map(|it| it.name.as_str()).collect();
        let values: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(place, column)| value(table, column, place))
            .collect();
        let (names, values) = (names.join(", "), values.join(", "));
        from.batch_execute(&format!("INSERT INTO {table} ({names}) VALUES ({values})"))
            .unwrap();
    }
}

/// The rows of a table in the new database, with these columns.
fn found(to: &mut PgConnection, table: &str, names: &[&str]) -> Vec<String> {
    let query = format!(
        "SELECT column_name::text AS name, data_type::text AS kind FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name = '{table}'"
    );
    let there: Vec<Column> = diesel::sql_query(query).load(to).unwrap();
    assert!(
        !there.is_empty(),
        "PostgreSQL has no table {table}: say why"
    );
    let cells: Vec<String> = names
        .iter()
        .map(|name| match there.iter().find(|it| it.name == *name) {
            Some(column) if column.kind == "boolean" => format!("{name}::int::text"),
            Some(_) => format!("{name}::text"),
            None => panic!("PostgreSQL has no column {table}.{name}: say why"),
        })
        .collect();
    lines(to, table, &cells)
}

fn lines<C>(connection: &mut C, table: &str, cells: &[String]) -> Vec<String>
where
    C: Connection + diesel::connection::LoadConnection,
    diesel::query_builder::SqlQuery: for<'q> diesel::query_dsl::LoadQuery<'q, C, Line>,
{
    let cells: Vec<String> = cells
        .iter()
        .map(|cell| format!("coalesce({cell}, 'nothing')"))
        .collect();
    let query = format!("SELECT {} AS line FROM {table}", cells.join(" || ' ' || "));
    let rows: Vec<Line> = diesel::sql_query(query).load(connection).unwrap();
    rows.into_iter().map(|row| row.line).collect()
}

fn open(path: &Path) -> SqliteConnection {
    SqliteConnection::establish(path.to_str().unwrap()).unwrap()
}

#[test]
fn no_table_and_no_column_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    sqlite(folder.path(), Retention::default()).close().unwrap();
    let path = folder.path().join("chat.db");
    let mut from = open(&path);
    let tables = tables(&mut from);
    fill(&mut from, &tables);
    drop(from);

    let url = Postgres::shared().create_database();
    wait_unused(&url);
    let output = migrate(&folder, &url, "sqlite", "postgres");
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));

    let (mut from, mut to) = (open(&path), connect(&url));
    for table in &tables {
        let is_left_out = |name: &str| {
            let mut columns = COLUMNS_LEFT_OUT.iter();
            columns.any(|(of, column, _)| of == table && *column == name)
        };
        let columns = columns(&mut from, table);
        let names: Vec<&str> = columns.iter().map(|it| it.name.as_str()).collect();
        let names: Vec<&str> = names.into_iter().filter(|it| !is_left_out(it)).collect();
        let cells: Vec<String> = names
            .iter()
            .map(|it| format!("CAST({it} AS TEXT)"))
            .collect();
        let expected = lines(&mut from, table, &cells);
        assert_eq!(found(&mut to, table, &names), expected, "{table}");
    }
    drop(to);
    // What has been signed out stays so.
    let settings = PostgresSettings::new(DatabaseUrl::parse(&url).unwrap());
    let store = PostgresStore::open(settings).unwrap();
    assert!(store.is_pass_ended("ended_pass_pass").unwrap());
    store.close().unwrap();
}
