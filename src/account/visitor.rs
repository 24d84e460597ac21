//! The client that signs in, as it is noted.

use std::net::IpAddr;

/// The client that signs in.
#[derive(Clone, Copy, Debug)]
pub struct Visitor<'a> {
    /// Its address.
    pub address: IpAddr,
    /// What it calls itself; may be empty, and is not to be believed.
    pub name: &'a str,
}
