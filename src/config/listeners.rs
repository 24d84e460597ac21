//! The table of listeners. A new one is a row here, a setting in `Listen` and
//! `TlsSettings`, and two flags.

use std::fmt;
use std::net::SocketAddr;

use super::{Config, Listen};

/// A possible listener: its protocol, and whether over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerKind {
    /// The protocol that it speaks.
    pub protocol: Protocol,
    /// Whether over TLS.
    pub secure: bool,
}

macro_rules! listeners {
    ($($(#[$doc:meta])* $protocol:ident = $name:ident,)*) => {
        /// The protocol of a listener.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Protocol {
            $($(#[$doc])* $protocol,)*
        }

        impl Protocol {
            /// Every protocol.
            pub const ALL: [Protocol; [$(Protocol::$protocol),*].len()] =
                [$(Protocol::$protocol),*];

            /// The word for it in the configuration and in messages.
            pub fn name(self) -> &'static str {
                match self {
                    $(Protocol::$protocol => stringify!($name),)*
                }
            }
        }

        impl Listen {
            /// All listeners off.
            pub fn off() -> Listen {
                Listen {
                    $($name: None,)*
                    ..Listen::default()
                }
            }
        }

        impl ListenerKind {
            /// The listener's name, in messages and as a flag.
            pub fn name(self) -> &'static str {
                match (self.protocol, self.secure) {
                    $((Protocol::$protocol, false) => stringify!($name),
                    (Protocol::$protocol, true) => concat!("tls-", stringify!($name)),)*
                }
            }

            /// The setting that has its address.
            pub fn setting(self) -> &'static str {
                match (self.protocol, self.secure) {
                    $((Protocol::$protocol, false) => concat!("listen.", stringify!($name)),
                    (Protocol::$protocol, true) => concat!("tls.", stringify!($name)),)*
                }
            }

            /// Its address, if a configuration has it.
            pub fn address(self, config: &Config) -> Option<SocketAddr> {
                match (self.protocol, self.secure) {
                    $((Protocol::$protocol, false) => config.listen.$name,
                    (Protocol::$protocol, true) => config.tls.$name,)*
                }
            }
        }
    };
}

listeners! {
    /// The line protocol over TCP, for people with `telnet`.
    Telnet = telnet,
    /// REST, for administrators and for clients with accounts; WebSockets, too.
    Rest = rest,
    /// HTTP for browsers: the page, REST, and all WebSockets: `/ws` for lines
    /// or JSON, `/mychat` for room lines, `/api/ws` for direct messages.
    Web = web,
    /// Room lines over TCP.
    RoomLines = tcp,
    /// IRC over TCP.
    Irc = irc,
    /// HTTP with room lines on the WebSocket `/mychat`, and nothing else but
    /// `/healthz`.
    RoomLinesWebSocket = ws,
    /// Administration over gRPC; only in a program built with the feature
    /// `grpc`.
    Grpc = grpc,
}

impl ListenerKind {
    /// Every possible listener, the plain ones first.
    pub fn all() -> impl Iterator<Item = ListenerKind> {
        [false, true].into_iter().flat_map(|secure| {
            let of = move |protocol| ListenerKind { protocol, secure };
            Protocol::ALL.into_iter().map(of)
        })
    }

    /// The settings of the listeners that are open by default.
    pub(super) fn usually_open() -> impl Iterator<Item = &'static str> {
        let usual = Config::default();
        let open = ListenerKind::all().filter(move |kind| kind.address(&usual).is_some());
        open.map(ListenerKind::setting)
    }

    /// The listeners that a configuration opens.
    pub fn configured(config: &Config) -> impl Iterator<Item = (ListenerKind, SocketAddr)> {
        ListenerKind::all().filter_map(|kind| Some((kind, kind.address(config)?)))
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Setting;
    use crate::config::value::Given;

    #[test]
    fn every_listener_has_a_setting_with_its_address() {
        for kind in ListenerKind::all() {
            let mut config = Config::default();
            let setting = Setting::find(kind.setting()).unwrap();
            let value = (setting.get_mut)(&mut config);
            value
                .read(Given::Text("192.0.2.7:7"), &setting.rule)
                .unwrap();
            let address = kind.address(&config).unwrap();
            assert_eq!(address.to_string(), "192.0.2.7:7", "{kind:?}");
        }
    }
}
