//! REGISTER: the client makes its nickname an account.

use crate::account::{
    FormErrors, RegisterError, Registrar, Registration, RegistrationForm, Rejected, credential,
};
use crate::model::{Account, Name};
use crate::protocol::irc::message::Message;

use super::IrcSession;
use crate::session::attached::Flow;

impl IrcSession {
    pub(super) fn register(&mut self, message: &Message<'_>) -> Flow {
        let account = message.param(0);
        let nick = match self.nick_to_register(account) {
            Ok(nick) => nick,
            Err((code, words)) => return self.not_registered(code, account, words),
        };
        let email = match message.param(1) {
            "*" => "",
            email => email,
        };
        if email.is_empty() && self.terms().email_required {
            let words = "An account needs an e-mail address";
            return self.not_registered("INVALID_EMAIL", account, words);
        }
        let form = RegistrationForm {
            username: nick.as_str(),
            password: message.param(2),
            email,
            invitation: message.param(3),
            ..RegistrationForm::default()
        };
        let lengths = self.attached.context.accounts.lengths();
        let registration = match form.check_short(lengths) {
            Ok(registration) => registration,
            Err(errors) => {
                let (code, words) = first(&errors);
                return self.not_registered(code, account, &words);
            }
        };
        match self.make_account(registration) {
            Ok(made) => self.say_registered(&made),
            Err(rejected) => {
                let code = code_of(&rejected);
                self.not_registered(code, account, &rejected.to_string())
            }
        }
    }

    pub(super) fn verify(&mut self, message: &Message<'_>) -> Flow {
        let words = "Accounts need no verification here";
        self.fail("VERIFY", "INVALID_CODE", &[message.param(0)], words)
    }

    fn not_registered(&mut self, code: &str, account: &str, words: &str) -> Flow {
        let account: String = account.chars().take(64).collect();
        self.fail("REGISTER", code, &[&account], words)
    }

    /// The nickname, if it can be made an account at this time.
    fn nick_to_register(&mut self, account: &str) -> Result<Name, (&'static str, &'static str)> {
        if self.account.is_some() {
            return Err(("ALREADY_AUTHENTICATED", "You have an account already"));
        }
        let is_early = self.registering.is_some();
        if is_early && !self.terms().registers_before_connect {
            let words = "Complete the connection before you register";
            return Err(("COMPLETE_CONNECTION_REQUIRED", words));
        }
        self.refresh_nick();
        let nick = match &self.registering {
            Some(registering) => registering.nick().cloned(),
            None => self.reader.nick.clone(),
        };
        let nick = nick.ok_or(("NEED_NICK", "Choose a nickname first"))?;
        let is_own = account == "*" || Name::parse(account).is_ok_and(|name| name == nick);
        match is_own {
            true => Ok(nick),
            false => {
                let words = "An account has the name of its nickname";
                Err(("ACCOUNT_NAME_MUST_BE_NICK", words))
            }
        }
    }

    pub(super) fn make_account(&mut self, registration: Registration) -> Result<Account, Rejected> {
        let by = match self.registering {
            Some(_) => Registrar::Anyone,
            None => Registrar::Guest,
        };
        let peer = self.attached.peer.ip();
        let accounts = &self.attached.context.accounts;
        let account = accounts.register(registration, peer, &by)?;
        if self.registering.is_none() {
            let (id, own) = (self.attached.id, account.username.clone());
            let proof = credential(&account, None);
            let hub = &self.attached.context.hub;
            let adopted = hub.ask(move |hub, _, fx| hub.adopt(id, &own, &proof, fx));
            // The account exists even if the guest has changed nickname meanwhile.
            if !matches!(adopted, Ok(Ok(()))) {
                return Ok(account);
            }
        }
        self.account = Some(account.clone());
        Ok(account)
    }

    fn say_registered(&mut self, account: &Account) -> Flow {
        let name = account.username.to_string();
        let flow = self.write(|_, lines| {
            let words = "Your nickname is an account now";
            lines.by_server("REGISTER", &["SUCCESS", &name, words]);
        });
        match flow {
            Flow::Continue => self.say_account(),
            Flow::Stop => flow,
        }
    }
}

/// The first mistake in a form, as a word and a sentence.
fn first(errors: &FormErrors) -> (&'static str, String) {
    let Some((field, error)) = errors.first() else {
        return ("TEMPORARILY_UNAVAILABLE", String::new());
    };
    let code = match *field {
        "password" => "WEAK_PASSWORD",
        "email" => "INVALID_EMAIL",
        "invitation" => "INVITATION_REQUIRED",
        _ => "BAD_ACCOUNT_NAME",
    };
    (code, format!("The {field} {error}"))
}

fn code_of(rejected: &Rejected) -> &'static str {
    match rejected {
        Rejected::Register(RegisterError::Taken(_))
        | Rejected::GuestHasName(_)
        | Rejected::Banned(_) => "ACCOUNT_EXISTS",
        Rejected::RegistrationClosed => "REGISTRATION_CLOSED",
        Rejected::Register(RegisterError::NotInvited) => "INVITATION_REQUIRED",
        _ => "TEMPORARILY_UNAVAILABLE",
    }
}
