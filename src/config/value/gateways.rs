//! Gateways of IRC: a network, and the hash of a password.

use argon2::password_hash::phc::PasswordHash;
use ipnet::IpNet;
use serde_json::Value as Json;

use super::{Given, Rejected, Rule, Value};

/// One gateway.
#[derive(Clone, PartialEq, Eq)]
pub struct IrcGateway {
    /// Where it connects from.
    pub network: IpNet,
    /// The hash of its password, as `chat-server hash-password` prints it.
    pub hash: String,
}

impl std::fmt::Debug for IrcGateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:(hash)", self.network)
    }
}

fn gateway(given: Given<'_>) -> Result<IrcGateway, Rejected> {
    let text = given.text()?;
    // An address may have colons, and the hash begins with the sign.
    let (network, hash) = text.split_once(":$").ok_or(Rejected::Unexpected)?;
    let network = match network.parse::<std::net::IpAddr>() {
        Ok(address) => Ok(IpNet::from(address)),
        Err(_) => network.parse::<IpNet>(),
    };
    let hash = format!("${hash}");
    let is_hash = PasswordHash::new(&hash).is_ok_and(|hash| hash.algorithm.as_str() == "argon2id");
    match network {
        Ok(network) if is_hash => Ok(IrcGateway { network, hash }),
        _ => Err(Rejected::Unexpected),
    }
}

impl Value for Vec<IrcGateway> {
    fn read(&mut self, given: Given<'_>, _: &Rule) -> Result<(), Rejected> {
        *self = match given {
            // A hash has commas.
            Given::Text(text) => {
                let words = text.split_ascii_whitespace();
                words.map(|word| gateway(Given::Text(word))).collect()
            }
            list => list.list(gateway),
        }?;
        Ok(())
    }

    fn to_json(&self) -> Json {
        let networks = self.iter().map(|gateway| gateway.network.to_string());
        networks.collect::<Vec<String>>().into()
    }

    fn expected(&self, _: &Rule) -> String {
        "a list of \"network:hash\", with hashes that `chat-server hash-password` prints".to_owned()
    }

    fn is_secret(&self) -> bool {
        true
    }
}
