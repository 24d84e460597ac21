//! Several servers as one chat. Most modules test one part of it without a hub:
//! each server is a `Cluster` that records what its hub would be told.
//! `servers`, `operations` and `faults` start whole servers. Redis and
//! PostgreSQL are real, and so are their failures.

#[path = "../support/mod.rs"]
mod support;

mod channel_bans;
mod chaos;
mod closing;
mod encoding;
mod erasing;
mod failover;
mod faults;
#[cfg(feature = "grpc")]
mod grpc;
mod history;
mod interest;
mod limits;
mod lives;
mod log;
mod lone;
mod memory;
mod mending;
mod names;
mod nicknames;
mod node;
mod operations;
mod outages;
mod own_rooms;
mod programs;
mod proxy;
mod roster;
mod rules;
mod screens;
mod servers;
mod shared;
mod storing;
mod upgrading;
