//! The session of a WebSocket for direct messages, which an account's owner has
//! opened with a token.

use crate::envelope::Failure;
use crate::http::Upgraded;
use crate::hub::{Command, Which, Wish, Within};
use crate::model::{Account, Body, MessageId, Name, Token};
use crate::protocol::direct::{self, Asked, Mistake, Outgoing};
use crate::protocol::speech::DIRECT;

use super::attached::{Attached, Flow};
use super::context::SessionContext;
use super::entry::{Right, Shown};
use super::rate::{Notice, Paced, Sent};
use super::websocket::{READ_BYTES, Session, serve};

/// Serves the owner of an account after the handshake, until the end.
pub fn serve_direct(upgraded: Upgraded, context: &SessionContext, owner: &(Account, Token)) {
    serve(upgraded, &DIRECT, context, READ_BYTES, |attached| {
        let (account, token) = owner;
        let key = &token.access_key_id;
        let shown = Shown {
            ends_at_ms: token.expires_at,
            is_good: || context.accounts.is_active(attached.asker(), key),
        };
        let right = Right::Account(account, Some(key));
        let admitted = attached.admit_shown(account.username.clone(), right, shown);
        if let Err(farewell) = admitted {
            attached.close(farewell);
        }
        DirectSession { attached }
    });
}

/// Takes messages of one account to the hub, and what is to become of them.
struct DirectSession {
    attached: Attached,
}

impl Session for DirectSession {
    fn text(&mut self, text: &str) -> Flow {
        if let Some(flow) = self.held_back(Sent::default()) {
            return flow;
        }
        match direct::decode(text) {
            Ok(outgoing) => self.send(outgoing),
            Err(mistake) => self.fail(&Failure::from(&mistake)),
        }
    }

    fn overlong(&mut self, _: &str) -> Flow {
        let mistake = Mistake::TooLong(self.attached.context.limits.line_bytes);
        self.held_back(Sent::default())
            .unwrap_or_else(|| self.fail(&Failure::from(&mistake)))
    }

    fn binary(&mut self, _: &[u8]) -> Flow {
        self.held_back(Sent::default())
            .unwrap_or_else(|| self.fail(&Failure::from(&Mistake::Binary)))
    }
}

impl DirectSession {
    fn send(&self, outgoing: Outgoing) -> Flow {
        let Outgoing { recipient, asked } = outgoing;
        let (message, wish) = match asked {
            Asked::Say(message, reply_to) => return self.say(recipient, message, reply_to),
            Asked::Edit(id, text) => (id, Wish::Edit(text.into())),
            Asked::Delete(id) => (id, Wish::Delete(None)),
            Asked::React(id, sign, on) => (id, Wish::React { sign, on: Some(on) }),
        };
        let message = Which::In(Within::User(recipient), message);
        self.attached.command(Command::Mend { message, wish })
    }

    fn say(&self, recipient: Name, body: Body, reply_to: Option<MessageId>) -> Flow {
        let accounts = &self.attached.context.accounts;
        match accounts.recipient(self.attached.asker(), recipient) {
            // Without an account, the recipient may still be a guest who is online.
            Ok((to, account)) => {
                let message = Command::Private { to, account, body };
                self.attached.command(message.replying_to(reply_to, false))
            }
            Err(refusal) => self.fail(&Failure::new(503, refusal.to_string())),
        }
    }

    /// Tells the client what went wrong; the connection stays open.
    fn fail(&self, failure: &Failure) -> Flow {
        let mut bytes = Vec::new();
        direct::write_failure(failure, &mut bytes);
        self.attached.refuse("msg", &failure.in_words(), bytes)
    }
}

impl Paced for DirectSession {
    fn attached(&mut self) -> &mut Attached {
        &mut self.attached
    }

    fn say_pace(&self, notice: Notice, _: &Sent<'_>) -> Flow {
        let words = match notice {
            Notice::Dropped(n) => format!("{n} of your messages were not sent: too fast."),
            Notice::TooFast => {
                "You are sending too fast. Nothing more is sent until you slow down.".to_owned()
            }
            Notice::StillTooFast => return Flow::Continue,
        };
        self.fail(&Failure::new(429, words))
    }
}
