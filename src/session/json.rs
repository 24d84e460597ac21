//! The session of a WebSocket that speaks JSON commands, opened with a token.

use crate::account::Pass;
use crate::http::Upgraded;
use crate::hub::{Command, Refusal, Tag};
use crate::model::Account;
use crate::protocol::json::{Frame, Query, Step};
use crate::protocol::json_frames::{self, About};
use crate::protocol::speech::JSON;

use super::attached::{Attached, Flow};
use super::context::SessionContext;
use super::entry::{Right, Shown};
use super::json_queries::Inquirer;
use super::rate::{Notice, Paced, Sent};
use super::websocket::{READ_BYTES, Session, serve};

/// Serves the holder of a nickname token until the connection ends.
pub fn serve_json(upgraded: Upgraded, context: &SessionContext, pass: &Pass) {
    serve(upgraded, &JSON, context, READ_BYTES, |attached| {
        let right = match &pass.account {
            Some(account) => Right::Account(account, Some(&pass.token)),
            None => Right::Pass(pass.token.clone()),
        };
        let shown = Shown {
            ends_at_ms: pass.expires_at_ms,
            is_good: || {
                let (accounts, asker) = (&context.accounts, attached.asker());
                if accounts.is_pass_ended(asker, &pass.token)? {
                    return Ok(false);
                }
                let account = pass.account.as_ref();
                account.map_or(Ok(true), |account| accounts.is_current(asker, account))
            },
        };
        match attached.admit_shown(pass.nickname.clone(), right, shown) {
            Ok(()) => attached.begin_in_global(),
            Err(farewell) => attached.close(farewell),
        };
        JsonSession {
            attached,
            account: pass.account.clone(),
        }
    });
}

/// Takes the commands of one connection to the hub.
struct JsonSession {
    attached: Attached,
    account: Option<Account>,
}

impl Session for JsonSession {
    fn text(&mut self, text: &str) -> Flow {
        let frame = Frame::read(text);
        if let Some(flow) = self.frame_held_back(frame.as_ref().ok()) {
            return flow;
        }
        let frame = match frame {
            Ok(frame) => frame,
            Err(mistake) => return self.fail("", &mistake.to_string(), mistake.code()),
        };
        match frame.decode() {
            Ok(asked) => {
                self.attached.pace.charge(asked.cost);
                match asked.step {
                    Step::Command(command) => self.command(command),
                    Step::Query(query) => self.query(asked.word, query),
                }
            }
            Err(mistake) => {
                let (words, tag) = (mistake.to_string(), frame.tag());
                self.fail_tagged(frame.kind(), &words, mistake.code(), tag.as_ref())
            }
        }
    }

    fn overlong(&mut self, text: &str) -> Flow {
        let frame = Frame::read(text).ok();
        if let Some(flow) = self.frame_held_back(frame.as_ref()) {
            return flow;
        }
        let most = self.attached.context.limits.line_bytes;
        let words = format!("That frame was longer than {most} bytes and was dropped.");
        let kind = frame.as_ref().map_or("", Frame::kind);
        let tag = frame.as_ref().and_then(Frame::tag);
        self.fail_tagged(kind, &words, "too_long", tag.as_ref())
    }

    fn binary(&mut self, _: &[u8]) -> Flow {
        self.frame_held_back(None)
            .unwrap_or_else(|| self.fail("", "Text frames only, please.", "binary_frame"))
    }
}

impl JsonSession {
    /// As [`Paced::held_back`], of a frame, if that is one. A client that comes
    /// again goes into all of its rooms at once: that is no flood, and waits.
    fn frame_held_back(&mut self, frame: Option<&Frame>) -> Option<Flow> {
        let what = frame.map_or("", Frame::kind);
        let tag = frame.and_then(Frame::tag);
        self.held_back(Sent {
            what,
            tag: tag.as_ref(),
            may_wait: frame.is_some_and(Frame::may_wait),
        })
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

    /// Completes a command with what only the store knows. A refusal comes with the
    /// tag of the command.
    fn look_up(&self, command: Command) -> Result<Command, (Refusal, Option<Tag>)> {
        let tag = command.tag();
        match command {
            Command::Rename(_) if self.account.is_some() => Err((Refusal::NicknameIsAccount, None)),
            other => {
                let looked_up = self.attached.look_up(self.account.is_some(), other);
                looked_up.map_err(|refusal| (refusal, tag))
            }
        }
    }

    /// Answers a question on the connection's own thread.
    fn query(&self, word: &str, query: Query) -> Flow {
        let inquirer = Inquirer {
            connection: self.attached.id,
            asker: self.attached.asker(),
            account: self.account.as_ref(),
            accounts: &self.attached.context.accounts,
            hub: &self.attached.context.hub,
        };
        match inquirer.answer(query) {
            Ok(Some(answer)) => self.attached.command(answer),
            Ok(None) => Flow::Continue,
            Err(failure) => {
                let about = About {
                    room: failure.channel(),
                    user: failure.user(),
                    ..About::default()
                };
                self.fail_about(word, &failure.to_string(), failure.code(), about)
            }
        }
    }

    fn fail(&self, kind: &str, words: &str, code: &str) -> Flow {
        self.fail_tagged(kind, words, code, None)
    }

    /// Tells the client why a frame of this type is refused.
    fn fail_tagged(&self, kind: &str, words: &str, code: &str, tag: Option<&Tag>) -> Flow {
        self.fail_about(kind, words, code, tagged(tag))
    }

    fn fail_about(&self, kind: &str, words: &str, code: &str, about: About<'_>) -> Flow {
        let kind = if kind.is_empty() { "a frame" } else { kind };
        let frame = error_frame(words, code, about);
        self.attached.refuse(kind, words, frame)
    }
}

fn tagged(tag: Option<&Tag>) -> About<'_> {
    About {
        tag,
        ..About::default()
    }
}

fn error_frame(words: &str, code: &str, about: About<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    json_frames::write_error(words, code, about, &mut frame);
    frame
}

impl Paced for JsonSession {
    fn attached(&mut self) -> &mut Attached {
        &mut self.attached
    }

    fn say_pace(&self, notice: Notice, sent: &Sent<'_>) -> Flow {
        let code = "too_fast";
        // The log gets an entry only for the first one.
        let again = |words: &str, tag| self.attached.answer(error_frame(words, code, tagged(tag)));
        match notice {
            Notice::Dropped(n) => {
                again(&format!("{n} of your frames were dropped: too fast."), None)
            }
            Notice::TooFast => {
                let words = "You are sending too fast. Nothing more is taken until you slow down.";
                self.fail_tagged(sent.what, words, code, sent.tag)
            }
            // A client that tags its messages is told the fate of each.
            Notice::StillTooFast if sent.tag.is_some() => again("That came too fast.", sent.tag),
            Notice::StillTooFast => Flow::Continue,
        }
    }
}
