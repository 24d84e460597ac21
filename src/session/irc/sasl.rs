//! SASL: the client logs in to an account, mostly before it has a nickname.

use data_encoding::BASE64;

use crate::account::{Challenge, Opening, Rejected, Verifier, credential};
use crate::model::{Account, Name, Secret};
use crate::protocol::irc::caps::mechanisms;
use crate::protocol::irc::message::Message;
use crate::protocol::irc::numerics::*;
use crate::protocol::irc::prefix;

use super::{IrcSession, secret};
use crate::session::attached::Flow;

/// A piece of an answer has as many bytes, unless it is the last.
const PIECE: usize = 400;
/// The longest answer, in bytes of Base64.
const MAX_ANSWER: usize = 2 * 1024;
/// What stands for accounts without keys: see [`Verifier::decoy`].
const DECOY: &str = "scram";

/// Why a client is not logged in that has just said something.
const UNSETTLED: &str = "your messages are still being stored; try again";

/// Where the client is.
#[derive(Debug, Default)]
pub(super) enum Dialogue {
    /// Nowhere.
    #[default]
    Closed,
    /// It has sent this much of an answer.
    Open(Awaited, String),
}

/// What the client is to say next.
#[derive(Debug)]
pub(super) enum Awaited {
    /// Account and password (PLAIN).
    Password,
    /// The account (SCRAM).
    Opening,
    /// That it knows the password of an account; of one that is not there, it never does.
    Proof(Box<(Challenge, Option<Account>, Name)>),
    /// That the server knows the password, too.
    Consent(Box<Account>),
}

impl Dialogue {
    /// Whether an answer is awaited.
    pub fn is_open(&self) -> bool {
        !matches!(self, Dialogue::Closed)
    }
}

impl IrcSession {
    pub(super) fn authenticate(&mut self, message: &Message<'_>) -> Flow {
        let words = message.param(0);
        match std::mem::take(&mut self.sasl) {
            Dialogue::Closed if words.eq_ignore_ascii_case("PLAIN") => {
                self.await_answer(Awaited::Password, "")
            }
            Dialogue::Closed
                if words.eq_ignore_ascii_case("SCRAM-SHA-256") && self.terms().scram =>
            {
                self.await_answer(Awaited::Opening, "")
            }
            Dialogue::Closed if words == "*" => self.abort_sasl(),
            Dialogue::Closed => {
                let mechanisms = mechanisms(self.terms());
                let words = "are available SASL mechanisms";
                let flow = self.numeric(RPL_SASLMECHS, &[mechanisms, words]);
                match flow {
                    Flow::Continue => self.sasl_failed(),
                    Flow::Stop => flow,
                }
            }
            Dialogue::Open(..) if words == "*" => self.abort_sasl(),
            Dialogue::Open(awaited, before) => self.take_piece(awaited, before, words),
        }
    }

    /// Says something in pieces, and awaits what the client says to it.
    fn await_answer(&mut self, awaited: Awaited, said: &str) -> Flow {
        self.sasl = Dialogue::Open(awaited, String::new());
        let encoded = BASE64.encode(said.as_bytes());
        self.write(|_, lines| {
            let mut rest = encoded.as_str();
            while rest.len() >= PIECE {
                let (piece, after) = rest.split_at(PIECE);
                lines.bare(&format!("AUTHENTICATE {piece}"));
                rest = after;
            }
            // A piece that is not full is the last; "+" is an empty one.
            let last = if rest.is_empty() { "+" } else { rest };
            lines.bare(&format!("AUTHENTICATE {last}"));
        })
    }

    /// Takes a piece of the answer; one that is not full is the last.
    fn take_piece(&mut self, awaited: Awaited, mut answer: String, piece: &str) -> Flow {
        if piece.len() > PIECE {
            let words = "SASL message too long";
            return self.numeric(ERR_SASLTOOLONG, &[words]);
        }
        if answer.len() + piece.len() > MAX_ANSWER {
            return self.sasl_failed();
        }
        if piece != "+" {
            answer.push_str(piece);
        }
        if piece.len() == PIECE {
            self.sasl = Dialogue::Open(awaited, answer);
            return Flow::Continue;
        }
        let Some(answer) = decoded(&answer) else {
            return self.sasl_failed();
        };
        let answered = match awaited {
            Awaited::Password => match self.password_given(&answer) {
                Ok(account) => Some(account),
                Err(words) => return self.sasl_refused(&words),
            },
            Awaited::Opening => return self.challenge(&answer),
            Awaited::Proof(asked) => return self.proof_given(*asked, &answer),
            Awaited::Consent(account) if answer.is_empty() => Some(*account),
            Awaited::Consent(_) => None,
        };
        match answered {
            Some(account) if self.registering.is_some() => {
                self.account = Some(account);
                self.say_logged_in()
            }
            Some(account) => self.log_in_later(account),
            None => self.sasl_failed(),
        }
    }

    fn password_given(&self, answer: &str) -> Result<Account, String> {
        let (name, password) = plain(answer).ok_or("that is no account and password")?;
        self.account_with(&name, &password)
    }

    /// Asks the client to prove the password of the account that it has named.
    fn challenge(&mut self, answer: &str) -> Flow {
        let opening = Opening::parse(answer);
        let named = opening
            .as_ref()
            .map(|opening| Name::parse(&opening.account));
        let (Some(opening), Some(Ok(name))) = (opening, named) else {
            return self.sasl_failed();
        };
        let context = &self.attached.context;
        let found = (context.accounts).with_keys(self.attached.asker(), &name);
        let Ok(found) = found else {
            return self.sasl_failed();
        };
        let (account, keys) = match found {
            Some((account, keys)) => (Some(account), keys),
            None => (
                None,
                Verifier::decoy(&context.cloaks.seed(DECOY, name.key())),
            ),
        };
        match Challenge::new(opening, keys) {
            Some(challenge) => {
                let said = challenge.message().to_owned();
                let asked = Box::new((challenge, account, name));
                self.await_answer(Awaited::Proof(asked), &said)
            }
            None => self.sasl_failed(),
        }
    }

    /// Checks the proof, and proves to the client that the server knows the password, too.
    fn proof_given(&mut self, asked: (Challenge, Option<Account>, Name), answer: &str) -> Flow {
        let (challenge, account, name) = asked;
        let peer = self.attached.peer.ip();
        let accounts = &self.attached.context.accounts;
        if accounts.count_proof(peer, account.as_ref(), &name).is_err() {
            return self.sasl_failed();
        }
        let own = challenge.answer(answer);
        let proved = account.zip(own);
        let proved = proved.and_then(|(account, own)| {
            let account = accounts.has_proved(account, peer).ok()?;
            Some((account, own))
        });
        match proved {
            Some((account, own)) => self.await_answer(Awaited::Consent(Box::new(account)), &own),
            None => self.sasl_failed(),
        }
    }

    /// Logs in a client that has a nickname already, as a guest or an account. Clients expect to
    /// be told that they are logged in, and then that they have the account's nickname, if they
    /// have to have that.
    fn log_in_later(&mut self, account: Account) -> Flow {
        let id = self.attached.id;
        let (wanted, owner) = (account.username.clone(), account.id);
        let hub = &self.attached.context.hub;
        if !matches!(hub.wait_until_settled(id), Ok(true)) {
            return self.sasl_refused(UNSETTLED);
        }
        let may = hub.ask(move |hub, now, _| hub.check_becoming(id, &wanted, owner, now));
        match may {
            Ok(Ok(())) => {}
            Ok(Err(refusal)) => return self.sasl_refused(&refusal.to_string()),
            Err(_) => return Flow::Stop,
        }
        let before = self.account.replace(account.clone());
        if self.say_logged_in() == Flow::Stop {
            return Flow::Stop;
        }
        match self.become_account(&account, before.as_ref()) {
            Ok(channels) => self.if_current(|session| session.rejoin(channels)),
            // Another user has taken the nickname in between.
            Err(words) => {
                self.account = before;
                match self.numeric(RPL_LOGGEDOUT, &["*", &words]) {
                    Flow::Continue => self.say_account(),
                    Flow::Stop => Flow::Stop,
                }
            }
        }
    }

    pub(super) fn abort_sasl(&mut self) -> Flow {
        self.sasl = Dialogue::Closed;
        self.numeric(ERR_SASLABORTED, &["SASL authentication aborted"])
    }

    fn sasl_failed(&mut self) -> Flow {
        self.numeric(ERR_SASLFAIL, &["SASL authentication failed"])
    }

    /// The client is told why it is not logged in.
    fn sasl_refused(&mut self, why: &str) -> Flow {
        let words = format!("SASL authentication failed: {why}");
        self.numeric(ERR_SASLFAIL, &[&words])
    }

    fn say_logged_in(&mut self) -> Flow {
        match self.say_account() {
            Flow::Continue => self.numeric(RPL_SASLSUCCESS, &["SASL authentication successful"]),
            Flow::Stop => Flow::Stop,
        }
    }

    /// Tells the client to which account it is logged in.
    pub(super) fn say_account(&mut self) -> Flow {
        let Some(account) = self.account.as_ref().map(|it| it.username.clone()) else {
            return Flow::Continue;
        };
        let host = format!("{account}{}", prefix::ACCOUNT_SUFFIX);
        let user = match self.user.as_str() {
            "" => "u",
            user => user,
        };
        let prefix = format!("{}!~{user}@{host}", self.reader.shown());
        self.write(|reader, lines| {
            let words = format!("You are now logged in as {account}");
            let params = [prefix.as_str(), account.as_str(), &words];
            lines.numeric(reader, RPL_LOGGEDIN, &params);
        })
    }

    /// Logs in to an account; a client that has a nickname already gets the account's. Returns
    /// the channels that it has to join anew.
    pub(super) fn log_in(&mut self, name: &Name, password: &Secret) -> Result<Vec<Name>, String> {
        let account = self.account_with(name, password)?;
        let mut channels = Vec::new();
        if self.registering.is_none() {
            let before = self.account.clone();
            channels = self.become_account(&account, before.as_ref())?;
        }
        self.account = Some(account);
        Ok(channels)
    }

    /// Goes on if the account can be used as when the client has logged in; ends the connection
    /// if its password was changed, or it was disabled, meanwhile.
    pub(super) fn if_current(&mut self, go_on: impl FnOnce(&mut IrcSession) -> Flow) -> Flow {
        let account = self.account.as_ref();
        match account.and_then(|account| self.attached.what_ended(account)) {
            None => go_on(self),
            Some(farewell) => self.ends(farewell),
        }
    }

    fn account_with(&self, name: &Name, password: &Secret) -> Result<Account, String> {
        let peer = self.attached.peer.ip();
        let accounts = &self.attached.context.accounts;
        let account = accounts.log_in(name, password, peer);
        account.map_err(|rejected: Rejected| rejected.to_string())
    }

    /// Makes the connection one of an account, which was one of a guest or of another account.
    /// Returns the channels that it has left because of that.
    fn become_account(
        &mut self,
        account: &Account,
        before: Option<&Account>,
    ) -> Result<Vec<Name>, String> {
        if before.is_some_and(|before| before.id == account.id) {
            return Ok(Vec::new());
        }
        let id = self.attached.id;
        let hub = &self.attached.context.hub;
        // What was said before is delivered before the change of nickname.
        if !matches!(hub.wait_until_settled(id), Ok(true)) {
            return Err(UNSETTLED.to_owned());
        }
        let (name, proof) = (account.username.clone(), credential(account, None));
        let reserved = hub.reserve(&name, Some(account.id));
        reserved.map_err(|refusal| refusal.to_string())?;
        let keeps = self.terms().frees_nicknames;
        let is_guest = before.is_none();
        let answer = hub.ask(move |hub, now, fx| {
            if !is_guest {
                return hub.switch_account(id, name, proof, now, fx);
            }
            if let Some(own) = hub.nickname_of(id).filter(|_| keeps) {
                hub.wish_nickname(id, own);
            }
            let became = hub.become_account(id, name, &proof, now, fx);
            became.map(|()| Vec::new())
        });
        self.is_renamed = true;
        // They are those of the account.
        self.read_threads.clear();
        match answer {
            Ok(done) => done.map_err(|refusal| refusal.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// What an answer says.
fn decoded(answer: &str) -> Option<String> {
    String::from_utf8(BASE64.decode(answer.as_bytes()).ok()?).ok()
}

/// What an answer of the mechanism PLAIN says: account and password.
fn plain(answer: &str) -> Option<(Name, Secret)> {
    let mut parts = answer.split('\0');
    let (acting_as, account, password) = (parts.next()?, parts.next()?, parts.next()?);
    let is_own = acting_as.is_empty() || acting_as == account;
    if parts.next().is_some() || !is_own {
        return None;
    }
    Some((Name::parse(account).ok()?, secret(password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_names_account_and_password() {
        let (account, password) = plain("\0ann\0secret").unwrap();
        assert_eq!((account.as_str(), password.expose()), ("ann", "secret"));
        assert!(plain("ann\0ann\0secret").is_some());
        for wrong in ["bob\0ann\0secret", "ann\0secret", "\0a\0b\0c", "\0@\0x"] {
            assert!(plain(wrong).is_none(), "{wrong:?}");
        }
        assert_eq!(decoded("no base64!"), None);
    }
}
