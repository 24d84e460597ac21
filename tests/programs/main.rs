//! Programs of other authors: programs with the library inside, the examples,
//! clients in Python, the clients of the older servers, and shell scripts.

#[path = "../support/mod.rs"]
mod support;

mod account;
mod documented;
mod examples;
mod library;
mod library_attached;
mod library_governance;
mod originals;
mod python_clients;
mod say;
mod shell;
mod tail;
mod token;
