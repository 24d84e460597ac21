//! Nicknames, registering, logging in, staying logged in, and what each secret
//! allows.

#[path = "../support/mod.rs"]
mod support;

mod accounts_api;
mod names;
mod passes;
mod passwords;
mod registering;
mod token_scopes;
mod ways_in;
