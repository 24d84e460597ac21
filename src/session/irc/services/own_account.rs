//! What the owner of an account has NickServ do to it.

use crate::account::{NotChanged, ProfileForm, Rejected, check_password};

use super::{IrcSession, Service, secret};
use crate::session::attached::Flow;

impl IrcSession {
    /// `SET`: one of several things about the client's account.
    pub(super) fn set_own(&mut self, args: &[&str]) -> Flow {
        match args.split_first() {
            Some((what, args)) if what.eq_ignore_ascii_case("PASSWORD") => {
                self.change_password(args)
            }
            Some((what, args)) if what.eq_ignore_ascii_case("EMAIL") => self.change_email(args),
            _ => self.own("What can be set is PASSWORD and EMAIL."),
        }
    }

    /// `PASSWD`: another password. This connection stays, the others of the account end.
    pub(super) fn change_password(&mut self, args: &[&str]) -> Flow {
        let &[present, new] = args else {
            return self.own("That needs your present password and a new one, without spaces.");
        };
        let Some(account) = &self.account else {
            return self.own("You are not logged in.");
        };
        let username = account.username.clone();
        let accounts = &self.attached.context.accounts;
        let new = match check_password(new, accounts.lengths()) {
            Ok(new) => new,
            Err(error) => return self.own(&format!("A password {error}.")),
        };
        let (peer, id) = (self.attached.peer.ip(), self.attached.id);
        let passwords = (&secret(present), &new);
        match accounts.change_own_password(&username, passwords, peer, Some(id)) {
            Ok(account) => {
                self.account = Some(account);
                self.own("Your password is changed. Your other connections have ended.")
            }
            Err(rejected) => self.own_refused(&rejected),
        }
    }

    fn change_email(&mut self, args: &[&str]) -> Flow {
        let (password, email) = match *args {
            [password] => (password, ""),
            [password, email] => (password, email),
            _ => return self.own("SET EMAIL needs your password and an address, or no address."),
        };
        let Some(account) = &self.account else {
            return self.own("You are not logged in.");
        };
        if email.is_empty() && self.terms().email_required {
            return self.own("An account needs an e-mail address here.");
        }
        let form = ProfileForm {
            email: Some(email),
            ..ProfileForm::default()
        };
        let username = account.username.clone();
        let accounts = &self.attached.context.accounts;
        let peer = self.attached.peer.ip();
        match accounts.change_profile(&username, &secret(password), peer, &form) {
            Ok(account) => {
                self.account = Some(account);
                self.own("Your e-mail address is changed.")
            }
            Err(NotChanged::Rejected(rejected)) => self.own_refused(&rejected),
            Err(NotChanged::Form(errors)) => {
                let words = errors.first();
                let words = words.map(|(field, error)| format!("The {field} {error}."));
                self.own(&words.unwrap_or_default())
            }
        }
    }

    fn own_refused(&mut self, rejected: &Rejected) -> Flow {
        self.own(&format!("Nothing is changed: {rejected}."))
    }

    fn own(&mut self, words: &str) -> Flow {
        self.says(Service::Nicknames, words)
    }
}
