//! The session of a WebSocket that speaks JSON commands, opened with a token.

use std::sync::Arc;
use std::time::Duration;

use crate::account::{Pass, credential};
use crate::fair::Asker;
use crate::http::Upgraded;
use crate::hub::{Command, Farewell, Refusal, Tag};
use crate::name::Name;
use crate::protocol::json::{self, Outline, Query, Rejected, Step};
use crate::protocol::{WireFormat, json_frames, line};
use crate::store::Account;

use super::cost;
use super::json_queries::Inquirer;
use super::line::{Attached, Flow, SessionContext};
use super::rate::{Notice, Pace, Paced};
use super::websocket::{READ_BYTES, Session, Terms, serve};

/// The longest that a client is not read because it goes into its rooms too
/// fast. Pings and last words wait no longer.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Serves the holder of a nickname token until the end.
pub fn serve_json(upgraded: Upgraded, context: &SessionContext, pass: &Pass) {
    let terms = Terms {
        protocol: "json",
        format: WireFormat::Json,
        one_channel: false,
        shows_past: true,
        read_bytes: READ_BYTES,
    };
    serve(upgraded, &terms, context, |attached| {
        let limits = context.limits;
        let session = JsonSession {
            attached,
            context: context.clone(),
            pace: Pace::new(&limits),
            account: pass.account.clone(),
        };
        match session.claim(pass) {
            Ok(()) => session.enter(),
            // The reading goes on until the client has seen why.
            Err(farewell) => session.attached.command(Command::End(farewell)),
        };
        session
    });
}

/// Takes the commands of one connection to the hub.
struct JsonSession {
    attached: Attached,
    context: SessionContext,
    pace: Pace,
    account: Option<Account>,
}

impl Session for JsonSession {
    fn text(&mut self, text: &str) -> Flow {
        if let Some(flow) = self.held_back(text) {
            return flow;
        }
        match json::decode(text) {
            Ok(Step::Command(command)) => {
                self.pace.charge(cost::of_command(&command));
                self.command(command)
            }
            Ok(Step::Query(query)) => {
                self.pace.charge(cost::of_query(&query));
                self.query(query)
            }
            Err(Rejected { mistake, tag }) => {
                let words = mistake.to_string();
                self.fail_tagged(
                    &json::outline(text).kind,
                    &words,
                    mistake.code(),
                    tag.as_ref(),
                )
            }
        }
    }

    fn overlong(&mut self, text: &str) -> Flow {
        let most = self.context.limits.line_bytes;
        let words = format!("That frame was longer than {most} bytes and was dropped.");
        self.held_back(text).unwrap_or_else(|| {
            let Outline { kind, tag } = json::outline(text);
            self.fail_tagged(&kind, &words, "too_long", tag.as_ref())
        })
    }

    fn binary(&mut self) -> Flow {
        self.held_back("")
            .unwrap_or_else(|| self.fail("", "Text frames only, please.", "binary_frame"))
    }

    fn end(self, farewell: Farewell) {
        self.attached.end(farewell);
    }
}

impl JsonSession {
    /// Takes the nickname the token is for.
    fn claim(&self, pass: &Pass) -> Result<(), Farewell> {
        let id = self.attached.id;
        let name = pass.nickname.clone();
        let end = pass.expires_at_ms;
        let expires = self
            .context
            .hub
            .ask(move |hub, now, _| hub.expire(id, end, now));
        expires.map_err(|_| Farewell::InternalError)?;
        let claimed = match &pass.account {
            Some(account) => {
                let proof = Some(credential(account, Some(&pass.token)));
                let hub = &self.context.hub;
                hub.claim(id, name, proof)
            }
            None => {
                let token: Arc<str> = pass.token.clone();
                let hub = &self.context.hub;
                hub.claim_with_token(id, name, token)
            }
        };
        claimed
            .map_err(|_| Farewell::InternalError)?
            .map_err(Farewell::NotAdmitted)?;
        // Given up before the hub knew of this connection, the pass would
        // never end it.
        match self.context.accounts.store().is_pass_ended(&pass.token) {
            Ok(false) => Ok(()),
            Ok(true) => Err(Farewell::TokenRevoked),
            Err(_) => Err(Farewell::InternalError),
        }
    }

    /// Everybody begins in the channel that always exists.
    fn enter(&self) -> Flow {
        match Name::parse(crate::hub::GLOBAL) {
            Ok(global) => self.attached.command(Command::Join(global)),
            Err(_) => Flow::Continue,
        }
    }

    fn command(&self, command: Command) -> Flow {
        let words = command.in_words();
        match self.look_up(command) {
            Ok(command) => self.attached.command(command),
            Err((refusal, tag)) => {
                self.fail_tagged(&words, &refusal.to_string(), refusal.code(), tag.as_ref())
            }
        }
    }

    /// Adds to a command what only the store knows. A refusal has the tag of
    /// what it refuses.
    fn look_up(&self, command: Command) -> Result<Command, (Refusal, Option<Tag>)> {
        let untagged = |refusal| (refusal, None);
        match command {
            Command::Tagged { tag, message } => match self.look_up(*message) {
                Ok(message) => Ok(Command::Tagged {
                    tag,
                    message: Box::new(message),
                }),
                Err((refusal, _)) => Err((refusal, Some(tag))),
            },
            Command::Rename(_) if self.account.is_some() => {
                Err(untagged(Refusal::NicknameIsAccount))
            }
            other => {
                let looked_up = self.context.look_up(self.account.is_some(), other);
                looked_up.map_err(untagged)
            }
        }
    }

    /// Answers a question on the connection's own thread.
    fn query(&self, query: Query) -> Flow {
        let kind = query.kind();
        let inquirer = Inquirer {
            connection: self.attached.id,
            asker: Asker::of(self.attached.id, self.attached.peer.ip()),
            account: self.account.as_ref(),
            accounts: &self.context.accounts,
            hub: &self.context.hub,
        };
        match inquirer.answer(query) {
            Ok(frame) if frame.is_empty() => Flow::Continue,
            Ok(frame) => self.attached.command(Command::Answer(frame)),
            Err(failure) => self.fail(kind, &failure.to_string(), failure.code()),
        }
    }

    fn fail(&self, kind: &str, words: &str, code: &str) -> Flow {
        self.fail_tagged(kind, words, code, None)
    }

    /// Says why a frame of this type is not carried out.
    fn fail_tagged(&self, kind: &str, words: &str, code: &str, tag: Option<&Tag>) -> Flow {
        let mut bytes = Vec::new();
        json_frames::write_error(words, code, tag, &mut bytes);
        let kind = if kind.is_empty() { "a frame" } else { kind };
        let note = line::refused(kind, words);
        self.attached.command(Command::Noted { bytes, note })
    }

    /// The same, once more: the log has it already.
    fn fail_again(&self, words: &str, code: &str, tag: Option<&Tag>) -> Flow {
        let mut frame = Vec::new();
        json_frames::write_error(words, code, tag, &mut frame);
        self.attached.command(Command::Answer(frame))
    }

    /// Whoever comes again goes into all rooms at once: that is no flood, and
    /// is not refused. The client is read later instead, so its own socket
    /// holds what it sends meanwhile.
    fn pause_for(&self, frame: &str) {
        let pause = self.pace.wait();
        if pause > Duration::ZERO
            && pause <= MAX_PAUSE
            && cost::may_wait(&json::outline(frame).kind)
        {
            std::thread::sleep(pause);
        }
    }

    /// What to do instead of taking the frame, if it comes too fast.
    fn held_back(&mut self, frame: &str) -> Option<Flow> {
        self.pause_for(frame);
        let verdict = self.pace.judge();
        verdict.held_back(&Sent {
            session: self,
            frame,
        })
    }
}

/// A frame that may have come too fast.
struct Sent<'a> {
    session: &'a JsonSession,
    frame: &'a str,
}

impl Paced for Sent<'_> {
    fn say_pace(&self, notice: Notice) -> Flow {
        let Outline { kind, tag } = json::outline(self.frame);
        match notice {
            Notice::Dropped(n) => {
                let words = format!("{n} of your frames were dropped: too fast.");
                self.session.fail_again(&words, "too_fast", None)
            }
            Notice::TooFast => {
                let words = "You are sending too fast. Nothing more is taken until you slow down.";
                let session = self.session;
                session.fail_tagged(&kind, words, "too_fast", tag.as_ref())
            }
            // Whoever calls a message something is told what becomes of it.
            Notice::StillTooFast => match tag {
                Some(tag) => {
                    let words = "That came too fast.";
                    self.session.fail_again(words, "too_fast", Some(&tag))
                }
                None => Flow::Continue,
            },
        }
    }

    fn end_flood(&self) -> Flow {
        let command = Command::End(Farewell::Flooding);
        self.session.attached.command(command)
    }
}
