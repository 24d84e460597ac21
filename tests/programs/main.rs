//! Programs of other authors: programs with the library inside, the examples,
//! clients in Python, and the clients of the older servers.

#[path = "../support/mod.rs"]
mod support;

mod examples;
mod library;
mod library_attached;
mod library_governance;
mod originals;
mod python_clients;
