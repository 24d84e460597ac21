//! Nicknames, registration, logins, staying signed in, and what each secret
//! permits.

#[path = "../support/mod.rs"]
mod support;

mod accounts_api;
mod erasing;
mod invitations;
mod mending;
mod names;
mod own_account;
mod passes;
mod passwords;
mod registering;
mod roles;
mod sign_ins;
mod standing;
mod token_scopes;
mod ways_in;
