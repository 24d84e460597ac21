//! The session of a WebSocket that speaks JSON commands, opened with a token.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::account::{Pass, credential};
use crate::hub::{Command, Farewell, Refusal, Tag};
use crate::name::Name;
use crate::protocol::json::{self, Query, Rejected, Step};
use crate::protocol::{WireFormat, json_frames};
use crate::store::Account;

use super::front::Upgraded;
use super::json_queries::Asker;
use super::line::{Attached, Flow, SessionContext};
use super::rate::{RateLimit, Verdict};
use super::websocket::{Session, Terms, serve};

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
    };
    serve(upgraded, &terms, context, |attached| {
        let limits = context.limits;
        let session = JsonSession {
            attached,
            context: context.clone(),
            rate: RateLimit::new(limits.message_rate, limits.message_burst),
            started: Instant::now(),
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
    rate: RateLimit,
    started: Instant,
    account: Option<Account>,
}

impl Session for JsonSession {
    fn text(&mut self, text: &str) -> Flow {
        if let Some(flow) = self.held_back(text) {
            return flow;
        }
        match json::decode(text) {
            Ok(Step::Command(command)) => self.command(command),
            Ok(Step::Query(query)) => self.query(query),
            Err(Rejected { mistake, tag }) => {
                self.fail_tagged(&mistake.to_string(), mistake.code(), tag.as_ref())
            }
        }
    }

    fn overlong(&mut self, text: &str) -> Flow {
        let most = self.context.limits.line_bytes;
        let words = format!("That frame was longer than {most} bytes and was dropped.");
        self.held_back(text).unwrap_or_else(|| {
            let tag = json::outline(text).tag;
            self.fail_tagged(&words, "too_long", tag.as_ref())
        })
    }

    fn binary(&mut self) -> Flow {
        self.held_back("")
            .unwrap_or_else(|| self.fail("Text frames only, please.", "binary_frame"))
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
                let proof = Some(credential(account, None));
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
            .map_err(Farewell::NotAdmitted)
    }

    /// Everybody begins in the channel that always exists.
    fn enter(&self) -> Flow {
        match Name::parse(crate::hub::GLOBAL) {
            Ok(global) => self.attached.command(Command::Join(global)),
            Err(_) => Flow::Continue,
        }
    }

    fn command(&self, command: Command) -> Flow {
        match self.look_up(command) {
            Ok(command) => self.attached.command(command),
            Err((refusal, tag)) => {
                self.fail_tagged(&refusal.to_string(), refusal.code(), tag.as_ref())
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
        let asker = Asker {
            connection: self.attached.id,
            account: self.account.as_ref(),
            accounts: &self.context.accounts,
            hub: &self.context.hub,
        };
        match asker.answer(query) {
            Ok(frame) if frame.is_empty() => Flow::Continue,
            Ok(frame) => self.attached.command(Command::Answer(frame)),
            Err(failure) => self.fail(&failure.to_string(), failure.code()),
        }
    }

    fn fail(&self, words: &str, code: &str) -> Flow {
        self.fail_tagged(words, code, None)
    }

    fn fail_tagged(&self, words: &str, code: &str, tag: Option<&Tag>) -> Flow {
        let mut frame = Vec::new();
        json_frames::write_error(words, code, tag, &mut frame);
        self.attached.command(Command::Answer(frame))
    }

    /// Whoever comes again goes into all rooms at once: that is no flood, and
    /// is not refused. The client is read later instead, so its own socket
    /// holds what it sends meanwhile.
    fn pause_for(&self, frame: &str) {
        let pause = self.rate.wait(self.started.elapsed());
        if pause > Duration::ZERO
            && pause <= MAX_PAUSE
            && matches!(json::outline(frame).kind.as_str(), "join" | "resume")
        {
            std::thread::sleep(pause);
        }
    }

    /// What to do instead of taking the frame, if it comes too fast.
    fn held_back(&mut self, frame: &str) -> Option<Flow> {
        self.pause_for(frame);
        match self.rate.check(self.started.elapsed()) {
            Verdict::Pass => None,
            Verdict::PassAfter { refused } => {
                let words = format!("{refused} of your frames were dropped: too fast.");
                let flow = self.fail(&words, "too_fast");
                (flow == Flow::Stop).then_some(flow)
            }
            Verdict::Warn => {
                let words = "You are sending too fast. Nothing more is taken until you slow down.";
                let tag = json::outline(frame).tag;
                Some(self.fail_tagged(words, "too_fast", tag.as_ref()))
            }
            // Whoever calls a message something is told what becomes of it.
            Verdict::Refuse => Some(match json::outline(frame).tag {
                Some(tag) => self.fail_tagged("That came too fast.", "too_fast", Some(&tag)),
                None => Flow::Continue,
            }),
            Verdict::Close => Some(self.attached.command(Command::End(Farewell::Flooding))),
        }
    }
}
