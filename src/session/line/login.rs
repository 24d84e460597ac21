//! How a line connection gets its nickname, and proves its right to it.
//!
//! These steps wait for the answers of the hub and the store, because the meaning of
//! the next line depends on them. Passwords are checked here, on the connection's own
//! thread; the hub never sees one.

use crate::account::{
    FieldError, FormErrors, Registrar, RegistrationForm, Registrations, Rejected, check_password,
    credential,
};
use crate::hub::{Note, Refusal};
use crate::model::{Account, Name, Secret, Who};
use crate::protocol::{Hiding, line};

use super::LineSession;
use crate::session::attached::Flow;
use crate::session::entry::Right;

/// The password that the client was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Asking {
    /// None.
    Nothing,
    /// That of an account.
    Password(Name),
    /// An invitation to register.
    Invitation,
    /// A new one, after the invitation, if that is needed.
    NewPassword(Option<Secret>),
    /// The new one once more.
    Repetition(Secret, Option<Secret>),
    /// The present one of the client's own account, to change it.
    PresentPassword,
    /// The one to take its place.
    NextPassword(Secret),
    /// That one once more, after the present one.
    NextRepetition(Secret, Secret),
}

const NICKNAME_AGAIN: &str = "Another nickname, please:\n";

impl LineSession {
    /// A client without a nickname wants this one.
    pub(super) fn wants(&mut self, name: Name) -> Flow {
        match self
            .attached
            .context
            .accounts
            .find(self.attached.asker(), &name)
        {
            Ok(None) => self.claim(name, Right::Guest),
            Ok(Some(account)) => {
                let name = &account.username;
                let words = format!(
                    "The nickname {name} is registered. Its password, please \
                     (an empty line takes you back):\n"
                );
                self.ask(Asking::Password(account.username.clone()), &words)
            }
            Err(error) => {
                error.log("a nickname could not be looked up");
                let refusal = Refusal::CannotLookUp;
                self.say(&format!("! {refusal}\n{NICKNAME_AGAIN}"))
            }
        }
    }

    /// `/login`: a guest, or a client without a nickname, has an account.
    pub(super) fn log_in(&mut self, name: Name, password: Option<Secret>) -> Flow {
        if self.account.is_some() {
            return self.say("! You are logged in already.\n");
        }
        match password {
            Some(password) => self.check(&name, &password),
            None => {
                let words = format!("The password of {name}, please:\n");
                self.ask(Asking::Password(name), &words)
            }
        }
    }

    /// `/register`: a guest wants to keep the nickname.
    pub(super) fn register(&mut self, password: Option<Secret>) -> Flow {
        if self.account.is_some() {
            return self.say("! Your nickname is registered already.\n");
        }
        let registrations = self.attached.context.accounts.registrations();
        match (registrations, password) {
            (Registrations::Closed, _) => {
                let words = format!("! {}.\n", shown(&Rejected::RegistrationClosed));
                self.refuse("register", &words)
            }
            (Registrations::Invited, _) => self.ask(
                Asking::Invitation,
                "Registering needs an invitation. Yours, please (an empty line takes you back):\n",
            ),
            (Registrations::Open, Some(password)) => self.make_account(&password, None),
            (Registrations::Open, None) => self.ask_new_password(None),
        }
    }

    fn ask_new_password(&mut self, invitation: Option<Secret>) -> Flow {
        self.ask(
            Asking::NewPassword(invitation),
            "A password for your nickname, please (an empty line takes you back):\n",
        )
    }

    /// `/password`: the owner of an account wants another password.
    pub(super) fn change_password(&mut self) -> Flow {
        if self.account.is_none() {
            return self.say("! You have no account. /register makes one of your nickname.\n");
        }
        self.ask(
            Asking::PresentPassword,
            "Your present password, please (an empty line takes you back):\n",
        )
    }

    /// The answer to [`LineSession::ask`].
    pub(super) fn password_given(&mut self, line: &[u8]) -> Flow {
        let asked = std::mem::replace(&mut self.asking, Asking::Nothing);
        if self.send_below(|hiding| hiding.show) == Flow::Stop {
            return Flow::Stop;
        }
        let given = String::from_utf8_lossy(line);
        if given.is_empty() {
            return self.back_to_where_it_was("! No password, then.\n");
        }
        let given = Secret::new(given.as_ref());
        match asked {
            Asking::Nothing => Flow::Continue,
            Asking::Password(name) => self.check(&name, &given),
            // Invalid UTF-8 has become U+FFFD, which no password contains.
            Asking::NewPassword(invitation) => match self.checked_password(&given) {
                Ok(_) => self.ask(
                    Asking::Repetition(given, invitation),
                    "Once more, please:\n",
                ),
                Err(error) => self.say(&format!("! A password {error}.\n")),
            },
            Asking::Invitation => self.ask_new_password(Some(given)),
            Asking::Repetition(first, invitation) if first == given => {
                self.make_account(&given, invitation.as_ref())
            }
            Asking::PresentPassword => {
                self.ask(Asking::NextPassword(given), "A new one, please:\n")
            }
            Asking::NextPassword(present) => match self.checked_password(&given) {
                Ok(_) => self.ask(
                    Asking::NextRepetition(present, given),
                    "Once more, please:\n",
                ),
                Err(error) => self.say(&format!("! A password {error}.\n")),
            },
            Asking::NextRepetition(present, first) if first == given => {
                self.replace_password(&present, &given)
            }
            Asking::Repetition(..) | Asking::NextRepetition(..) => {
                self.say("! Those were two different passwords.\n")
            }
        }
    }

    fn check(&mut self, name: &Name, password: &Secret) -> Flow {
        let peer = self.attached.peer.ip();
        match self.attached.context.accounts.log_in(name, password, peer) {
            Ok(account) => self.logged_in(account),
            Err(rejected) => {
                let words = format!("! {}.\n", shown(&rejected));
                self.refuse_back(&format!("login {name}"), &words)
            }
        }
    }

    fn logged_in(&mut self, account: Account) -> Flow {
        if !self.named {
            let name = account.username.clone();
            let flow = self.claim(name, Right::Account(&account, None));
            return self.stay_if_current(&account, flow);
        }
        let proof = credential(&account, None);
        let id = self.attached.id;
        let name = account.username.clone();
        let hub = &self.attached.context.hub;
        // The guest's messages are delivered before the change of nickname.
        if !matches!(hub.wait_until_settled(id), Ok(true)) {
            let words = "! You are not logged in: your messages are still being stored. \
                         Please try again.\n";
            return self.refuse("login", words);
        }
        let answer = match hub.reserve(&name, Some(account.id)) {
            Ok(()) => hub.ask(move |hub, now, fx| hub.become_account(id, name, &proof, now, fx)),
            Err(refusal) => Ok(Err(refusal)),
        };
        match answer {
            Ok(Ok(())) => {
                self.account = Some(account.id);
                let words = format!("* You are logged in as @{}.\n", account.username);
                let flow = self.say_noted(&words, Note::Done("login".to_owned()));
                self.stay_if_current(&account, flow)
            }
            Ok(Err(refusal)) => self.refuse("login", &format!("! {refusal}\n")),
            Err(error) => self.refuse("login", &format!("! You are not logged in: {error}.\n")),
        }
    }

    /// The password may have been changed, or the account disabled, while it was being checked.
    fn stay_if_current(&self, account: &Account, flow: Flow) -> Flow {
        match self.attached.what_ended(account) {
            None => flow,
            Some(farewell) => self.attached.close(farewell),
        }
    }

    fn checked_password(&self, given: &Secret) -> Result<Secret, FieldError> {
        let lengths = self.attached.context.accounts.lengths();
        check_password(given.expose(), lengths)
    }

    fn make_account(&mut self, password: &Secret, invitation: Option<&Secret>) -> Flow {
        let id = self.attached.id;
        let Ok(Some(name)) = self
            .attached
            .context
            .hub
            .ask(move |hub, _, _| hub.nickname_of(id))
        else {
            return self.say("! The server is too busy; please try again.\n");
        };
        let form = RegistrationForm {
            username: name.as_str(),
            password: password.expose(),
            invitation: invitation.map_or("", Secret::expose),
            ..RegistrationForm::default()
        };
        let lengths = self.attached.context.accounts.lengths();
        let registration = match form.check_short(lengths) {
            Ok(registration) => registration,
            Err(errors) => return self.refuse("register", &mistake_in(&errors)),
        };
        let peer = self.attached.peer.ip();
        let account =
            match self
                .attached
                .context
                .accounts
                .register(registration, peer, &Registrar::Guest)
            {
                Ok(account) => account,
                Err(rejected) => {
                    return self.refuse("register", &format!("! {}.\n", shown(&rejected)));
                }
            };
        let proof = credential(&account, None);
        // The account exists even if the guest has changed nickname meanwhile.
        let own = name.clone();
        let adopted = self
            .attached
            .context
            .hub
            .ask(move |hub, _, fx| hub.adopt(id, &own, &proof, fx));
        if matches!(adopted, Ok(Ok(()))) {
            self.account = Some(account.id);
        }
        let words = format!(
            "* The nickname @{name} is yours now; from anywhere, /login {name} is how you get it.\n"
        );
        self.say_noted(&words, Note::Done("register".to_owned()))
    }

    /// Puts a new password in place of the present one. This connection stays.
    fn replace_password(&mut self, present: &Secret, new: &Secret) -> Flow {
        let accounts = &self.attached.context.accounts;
        let (peer, id) = (self.attached.peer.ip(), self.attached.id);
        let own = match self.own_account() {
            Ok(account) => account,
            Err(words) => return self.refuse("password", &words),
        };
        let new = match self.checked_password(new) {
            Ok(new) => new,
            Err(error) => return self.refuse("password", &format!("! A password {error}.\n")),
        };
        match accounts.change_own_password(&own, (present, &new), peer, Some(id)) {
            Ok(_) => self.say_noted(
                "* Your password is changed. Your other connections have ended, and tokens are void.\n",
                Note::Done("password".to_owned()),
            ),
            Err(rejected) => self.refuse("password", &format!("! {}.\n", shown(&rejected))),
        }
    }

    /// The username of the client's account, or why it is not known.
    fn own_account(&self) -> Result<Name, String> {
        let accounts = &self.attached.context.accounts;
        let id = self.account.ok_or("! You have no account.\n")?;
        let found = accounts.look_up(self.attached.asker(), move |store| {
            store.account(&Who::Id(id))
        });
        let account = found.map_err(|error| format!("! {}.\n", error.for_people()))?;
        let account = account.ok_or("! Your account is gone.\n")?;
        Ok(account.username)
    }

    /// Asks for a nickname and waits for the answer.
    fn claim(&mut self, name: Name, right: Right<'_>) -> Flow {
        let account = match &right {
            Right::Account(account, _) => Some(account.id),
            Right::Guest | Right::Pass(_) => None,
        };
        match self.attached.claim(name, right) {
            Ok(Ok(())) => {
                self.named = true;
                self.account = account;
                Flow::Continue
            }
            // The hub has told the client.
            Ok(Err(Refusal::NicknameInUse(name))) if account.is_some() => self.say(&format!(
                "! A guest has the nickname {name} at present.\n{NICKNAME_AGAIN}"
            )),
            Ok(Err(_)) => self.say(NICKNAME_AGAIN),
            Err(error) => self.say(&format!("! Not now: {error}.\n{NICKNAME_AGAIN}")),
        }
    }

    fn ask(&mut self, asking: Asking, words: &str) -> Flow {
        self.asking = asking;
        match self.send_below(|hiding| hiding.hide) {
            Flow::Continue => self.say(words),
            Flow::Stop => Flow::Stop,
        }
    }

    /// Sends the bytes that hide or show typed input, if the client can do that.
    fn send_below(&self, which: fn(Hiding) -> &'static [u8]) -> Flow {
        match self.attached.speech.format.hiding() {
            Some(hiding) => self.attached.write(which(hiding).to_vec()),
            None => Flow::Continue,
        }
    }

    /// As [`LineSession::refuse`], and asks for the next line.
    fn refuse_back(&self, command: &str, line: &str) -> Flow {
        let note = line::refused(command, line);
        match self.named {
            true => self.say_noted(line, note),
            false => self.say_noted(&format!("{line}{NICKNAME_AGAIN}"), note),
        }
    }

    fn back_to_where_it_was(&self, words: &str) -> Flow {
        match self.named {
            true => self.say(words),
            false => self.say(&format!("{words}{NICKNAME_AGAIN}")),
        }
    }
}

/// The first mistake in a form, as a line.
fn mistake_in(errors: &FormErrors) -> String {
    match errors.first() {
        Some(("password", error)) => format!("! A password {error}.\n"),
        Some((field, error)) => format!("! The {field} {error}.\n"),
        None => "! That cannot be registered.\n".to_owned(),
    }
}

/// The reason with a capital letter, as it starts a sentence here.
fn shown(rejected: &Rejected) -> String {
    let words = rejected.to_string();
    let mut characters = words.chars();
    let first = characters
        .next()
        .map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + characters.as_str()
}
