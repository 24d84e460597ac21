//! Addresses, networks and origins.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde_json::Value as Json;

use super::super::address;
use super::super::endpoint::Endpoint;
use super::super::origin;
use super::{Given, Node, Rejected, Rule, Value, text_or};

impl Value for Option<SocketAddr> {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        *self = match given {
            Given::Json(Node::Number(port)) => address::parse(&port.to_string())?,
            other => address::parse(other.text()?)?,
        };
        Ok(())
    }

    fn to_json(&self) -> Json {
        text_or(self, Json::from(address::OFF))
    }

    fn expected(&self, _: &Rule) -> String {
        "host:port such as \"127.0.0.1:4000\" or \"[::1]:4000\", a port, or \"off\"".to_owned()
    }
}

impl Value for Option<Endpoint> {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        *self = match given.text()? {
            address::OFF => None,
            text => Some(Endpoint::parse(text).ok_or(Rejected::Unexpected)?),
        };
        Ok(())
    }

    fn to_json(&self) -> Json {
        text_or(self, Json::from(address::OFF))
    }

    fn expected(&self, _: &Rule) -> String {
        "http://host:port such as \"http://names.example.org:7001\", or \"off\"".to_owned()
    }
}

/// Web origins.
impl Value for Vec<String> {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        *self = given.list(read_origin)?;
        Ok(())
    }

    fn to_json(&self) -> Json {
        Json::from(self.as_slice())
    }

    fn expected(&self, _: &Rule) -> String {
        "a list of origins such as \"https://chat.example.org\", or \"*\" for any".to_owned()
    }
}

impl Value for Vec<IpNet> {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        *self = given.list(read_network)?;
        Ok(())
    }

    fn to_json(&self) -> Json {
        self.iter().map(IpNet::to_string).collect()
    }

    fn expected(&self, _: &Rule) -> String {
        "a list of addresses or networks such as \"10.0.0.0/8\"".to_owned()
    }
}

/// One of a list; a mistake names the one that is wrong.
fn read_network(given: Given<'_>) -> Result<IpNet, Rejected> {
    let network = given.text().ok().and_then(|text| {
        let address = text.parse::<IpAddr>().map(IpNet::from);
        address.or_else(|_| text.parse()).ok()
    });
    network.ok_or_else(|| {
        Rejected::Because(format!(
            "expected addresses or networks such as \"10.0.0.0/8\", found {}",
            given.shown(false)
        ))
    })
}

/// One of a list; a mistake names the one that is wrong.
fn read_origin(given: Given<'_>) -> Result<String, Rejected> {
    let origin = given.text().ok().and_then(origin::parse);
    origin.ok_or_else(|| {
        Rejected::Because(format!(
            "expected origins such as \"https://chat.example.org\", without a path, found {}",
            given.shown(false)
        ))
    })
}
