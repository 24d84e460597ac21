//! The session of a WebSocket for direct messages, which somebody with an
//! account has opened with a token.

use std::sync::Arc;

use crate::account::{Accounts, credential};
use crate::envelope::Failure;
use crate::http::Upgraded;
use crate::hub::{Command, Farewell};
use crate::protocol::WireFormat;
use crate::protocol::direct::{self, Mistake};
use crate::protocol::line;
use crate::store::{Account, Token};
use crate::turn::HubHandle;

use super::line::{Attached, Flow, LineLimits, SessionContext};
use super::rate::{Notice, Pace, Paced};
use super::websocket::{READ_BYTES, Session, Terms, serve};

/// Serves the owner of an account after the handshake, until the end.
pub fn serve_direct(upgraded: Upgraded, context: &SessionContext, owner: &(Account, Token)) {
    let terms = Terms {
        protocol: "direct",
        format: WireFormat::Direct,
        one_channel: true,
        shows_past: true,
        read_bytes: READ_BYTES,
    };
    let limits = context.limits;
    serve(upgraded, &terms, context, |attached| {
        let session = DirectSession {
            attached,
            accounts: context.accounts.clone(),
            limits,
            pace: Pace::new(&limits),
        };
        if let Err(farewell) = session.claim(&context.hub, owner) {
            // The reading goes on until the client has seen why.
            session.input(Command::End(farewell));
        }
        session
    });
}

/// Takes messages of one account to the hub.
struct DirectSession {
    attached: Attached,
    accounts: Arc<Accounts>,
    limits: LineLimits,
    pace: Pace,
}

impl Session for DirectSession {
    fn text(&mut self, text: &str) -> Flow {
        if let Some(flow) = self.held_back() {
            return flow;
        }
        match direct::decode(text) {
            Ok(outgoing) => self.send(outgoing),
            Err(mistake) => self.fail(&Failure::from(&mistake)),
        }
    }

    fn overlong(&mut self, _: &str) -> Flow {
        let mistake = Mistake::TooLong(self.limits.line_bytes);
        self.held_back()
            .unwrap_or_else(|| self.fail(&Failure::from(&mistake)))
    }

    fn binary(&mut self) -> Flow {
        self.held_back()
            .unwrap_or_else(|| self.fail(&Failure::from(&Mistake::Binary)))
    }

    fn end(self, farewell: Farewell) {
        self.attached.end(farewell);
    }
}

impl DirectSession {
    /// Takes the account's nickname, for which the token is the proof.
    fn claim(&self, hub: &HubHandle, (account, token): &(Account, Token)) -> Result<(), Farewell> {
        let id = self.attached.id;
        let name = account.username.clone();
        let proof = credential(account, Some(&token.access_key_id));
        let end = token.expires_at;
        let expires = hub.ask(move |hub, now, _| hub.expire(id, end, now));
        expires.map_err(|_| Farewell::InternalError)?;
        let claimed = hub.claim(id, name, Some(proof));
        claimed
            .map_err(|_| Farewell::InternalError)?
            .map_err(Farewell::NotAdmitted)?;
        // Given up before the hub knew of this connection, the token would
        // never end it.
        match self.accounts.is_active(&token.access_key_id) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Farewell::TokenRevoked),
            Err(_) => Err(Farewell::InternalError),
        }
    }

    fn send(&self, outgoing: direct::Outgoing) -> Flow {
        let direct::Outgoing { recipient, message } = outgoing;
        match self.accounts.recipient(recipient) {
            // Without an account it may still be a guest who is on.
            Ok((to, account)) => self.input(Command::Private {
                to,
                account,
                text: message,
            }),
            Err(refusal) => self.fail(&Failure::new(503, refusal.to_string())),
        }
    }

    /// What to do instead of taking the message, if it comes too fast.
    fn held_back(&mut self) -> Option<Flow> {
        self.pace.judge().held_back(self)
    }

    /// Says to this connection what went wrong; it stays.
    fn fail(&self, failure: &Failure) -> Flow {
        let mut bytes = Vec::new();
        direct::write_failure(failure, &mut bytes);
        let note = line::refused("msg", &failure.in_words());
        self.input(Command::Noted { bytes, note })
    }

    fn input(&self, command: Command) -> Flow {
        self.attached.command(command)
    }
}

impl Paced for DirectSession {
    fn say_pace(&self, notice: Notice) -> Flow {
        let words = match notice {
            Notice::Dropped(n) => format!("{n} of your messages were not sent: too fast."),
            Notice::TooFast => {
                "You are sending too fast. Nothing more is sent until you slow down.".to_owned()
            }
            Notice::StillTooFast => return Flow::Continue,
        };
        self.fail(&Failure::new(429, words))
    }

    fn end_flood(&self) -> Flow {
        self.input(Command::End(Farewell::Flooding))
    }
}
