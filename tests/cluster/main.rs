//! Several servers as one chat, without their hubs: each is a `Cluster` that
//! writes down what its hub would be told. Redis and PostgreSQL are real, and
//! so is what goes wrong with them.

#[path = "../support/mod.rs"]
mod support;

mod chaos;
mod encoding;
mod failover;
mod history;
mod limits;
mod lives;
mod log;
mod lone;
mod memory;
mod names;
mod node;
mod outages;
mod proxy;
mod roster;
mod storing;
