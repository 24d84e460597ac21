//! A line connection's session, whatever the framing: first the nickname, then
//! commands, at the rate that the limits allow.

mod login;

use crate::hub::{Command, Farewell, Note};
use crate::model::{AccountId, Name};
use crate::protocol::line::{self, Step};
use crate::protocol::{frame_lines, line_lists};

use super::attached::{Attached, Flow};
use super::own_rooms::Rooms;
use super::rate::{A_LINE, Notice, Paced, Sent};
use login::Asking;

/// Takes the lines of one connection to the hub.
pub struct LineSession {
    attached: Attached,
    named: bool,
    account: Option<AccountId>,
    asking: Asking,
    is_over: bool,
}

impl LineSession {
    /// A session for a connection just opened.
    pub fn new(attached: Attached) -> LineSession {
        LineSession {
            attached,
            named: false,
            account: None,
            asking: Asking::Nothing,
            is_over: false,
        }
    }

    /// Closes the connection for this reason. Later lines are dropped.
    pub fn ends(&mut self, why: Farewell) -> Flow {
        self.is_over = true;
        self.attached.close(why)
    }

    /// Takes one line.
    pub fn line(&mut self, line: &[u8]) -> Flow {
        if self.is_over {
            return Flow::Continue;
        }
        if let Some(flow) = self.held_back(A_LINE) {
            return flow;
        }
        if self.asking != Asking::Nothing {
            return self.password_given(line);
        }
        let step = match self.named {
            true => {
                let asked = line::decode(line);
                self.attached.pace.charge(asked.cost);
                asked.step
            }
            false => line::decode_nickname(line),
        };
        match step {
            Step::Nothing => Flow::Continue,
            Step::Reply(text) => self.say(&text),
            Step::Noted(text, note) => self.say_noted(&text, note),
            Step::Command(command) => self.command(command),
            Step::Claim(name) => self.wants(name),
            Step::Register(password) => self.register(password),
            Step::LogIn(name, password) => self.log_in(name, password),
            Step::ChangePassword => self.change_password(),
            Step::Accounts(after) => self.say_accounts(after.as_ref()),
        }
    }

    /// Takes a line that was over the limit.
    pub fn overlong_line(&mut self) -> Flow {
        if self.is_over {
            return Flow::Continue;
        }
        self.held_back(A_LINE).unwrap_or_else(|| {
            let words = line::too_long(self.attached.context.limits.line_bytes);
            self.refuse(A_LINE.what, &words)
        })
    }

    /// Sends lines to this client only, in order with the rest.
    pub fn say(&self, lines: &str) -> Flow {
        self.attached.answer(self.framed(lines))
    }

    /// As [`LineSession::say`], with an entry in the log.
    fn say_noted(&self, lines: &str, note: Note) -> Flow {
        self.attached.answer_noted(self.framed(lines), note)
    }

    /// Tells the client in one line why a command is refused.
    fn refuse(&self, command: &str, line: &str) -> Flow {
        self.attached.refuse(command, line, self.framed(line))
    }

    fn framed(&self, lines: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        frame_lines(self.attached.speech.format, lines, &mut bytes);
        bytes
    }

    fn rooms(&self) -> Rooms<'_> {
        Rooms {
            connection: self.attached.id,
            asker: self.attached.asker(),
            accounts: &self.attached.context.accounts,
            hub: &self.attached.context.hub,
        }
    }

    /// Says which accounts belong to the current channel.
    fn say_accounts(&self, after: Option<&Name>) -> Flow {
        match self.rooms().accounts(None, after) {
            Ok((channel, rows, more)) => self.say(&line_lists::accounts(&channel, (&rows, more))),
            Err(failure) => self.refuse("members", &format!("! {failure}\n")),
        }
    }

    /// Says what is unread in the channels of the account that this client is not in.
    fn say_news(&self) -> Flow {
        let Some(account) = self.account else {
            return Flow::Continue;
        };
        match self.rooms().own(account) {
            Ok(rooms) => self.attached.command(Command::AnswerOwnChannels(rooms)),
            Err(failure) => self.say(&format!(
                "! What is unread in your channels is not known. {failure}\n"
            )),
        }
    }

    fn command(&self, command: Command) -> Flow {
        if let Command::ListChannels(part) = &command
            && part.after.is_none()
            && self.say_news() == Flow::Stop
        {
            return Flow::Stop;
        }
        let words = command.in_words();
        match self.attached.look_up(self.account.is_some(), command) {
            Ok(command) => self.attached.command(command),
            Err(refusal) => self.refuse(&words, &format!("! {refusal}\n")),
        }
    }
}

impl Paced for LineSession {
    fn attached(&mut self) -> &mut Attached {
        &mut self.attached
    }

    fn say_pace(&self, notice: Notice, sent: &Sent<'_>) -> Flow {
        match notice {
            Notice::Dropped(1) => self.say("! 1 line was not sent: too fast.\n"),
            Notice::Dropped(n) => self.say(&format!("! {n} lines were not sent: too fast.\n")),
            Notice::TooFast => self.refuse(
                sent.what,
                "! You are sending too fast. Nothing more is sent until you slow down.\n",
            ),
            Notice::StillTooFast => Flow::Continue,
        }
    }
}
