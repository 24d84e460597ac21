//! What an IRC client knows from the lines that it was sent: the members of its channels with their
//! roles, and which of those that it watches are on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chat_server::protocol::irc::message::{MAX_PARAMS, Message};

/// The signs of roles.
const SIGNS: [(char, char); 3] = [('q', '~'), ('o', '@'), ('v', '+')];

/// The lines that a finding shows.
const SHOWN: usize = 30;

/// What a client shows.
#[derive(Default)]
pub struct Screen {
    /// The client's nickname.
    pub nick: String,
    /// The members of each channel that it is in, each with the sign of its role.
    pub channels: BTreeMap<String, BTreeMap<String, Option<char>>>,
    /// Those that it watches, and whether they are on.
    pub watched: BTreeMap<String, bool>,
    /// The channels of which it has all names; what was said before is shown earlier.
    complete: BTreeSet<String>,
    /// The lines that came last.
    last: VecDeque<String>,
}

impl Screen {
    /// Takes a line; says what cannot be, and the lines before.
    pub fn take(&mut self, line: &str) -> Result<(), String> {
        self.last.push_back(line.to_owned());
        if self.last.len() > SHOWN {
            self.last.pop_front();
        }
        let taken = self.read(line);
        taken.map_err(|why| format!("{why}\n{}", self.lines()))
    }

    /// The lines that came last.
    pub fn lines(&self) -> String {
        let lines: Vec<&str> = self.last.iter().map(String::as_str).collect();
        lines.join("\n")
    }

    fn read(&mut self, line: &str) -> Result<(), String> {
        let message = Message::parse(line.as_bytes()).map_err(|why| format!("{why:?}: {line}"))?;
        if message.params.len() > MAX_PARAMS || line.contains(['\r', '\n']) {
            return Err(format!("not a line: {line}"));
        }
        let from = source(line);
        let (first, second) = (message.param(0), message.param(1));
        match message.command {
            "001" => self.nick = first.to_owned(),
            "JOIN" => self.comes(from, first),
            "PART" => self.goes(from, first),
            "KICK" => self.goes(second, first),
            "QUIT" => {
                for members in self.channels.values_mut() {
                    members.remove(from);
                }
            }
            "NICK" => self.renamed(from, first),
            "MODE" => return self.mode(first, second, message.params.get(2..).unwrap_or_default()),
            "353" => self.named(message.param(2), message.param(3)),
            "366" => drop(self.complete.insert(channel(second))),
            "730" | "731" => self.watched(second, message.command == "730"),
            "PRIVMSG" if first.starts_with('#') => return self.speaks(from, first, line),
            _ => {}
        }
        Ok(())
    }

    fn comes(&mut self, who: &str, place: &str) {
        if who == self.nick {
            self.channels.insert(channel(place), BTreeMap::new());
            self.complete.remove(&channel(place));
        }
        if let Some(members) = self.channels.get_mut(&channel(place)) {
            members.entry(who.to_owned()).or_default();
        }
    }

    fn goes(&mut self, who: &str, place: &str) {
        if who == self.nick {
            self.channels.remove(&channel(place));
        } else if let Some(members) = self.channels.get_mut(&channel(place)) {
            members.remove(who);
        }
    }

    fn renamed(&mut self, from: &str, to: &str) {
        for members in self.channels.values_mut() {
            if let Some(role) = members.remove(from) {
                // A guest may have become the user of an account who is there already.
                members.entry(to.to_owned()).or_insert(role);
            }
        }
        if from == self.nick {
            self.nick = to.to_owned();
        }
    }

    /// Of the modes, those that are roles.
    fn mode(&mut self, place: &str, letters: &str, params: &[&str]) -> Result<(), String> {
        let Some(members) = self.channels.get_mut(&channel(place)) else {
            return Ok(());
        };
        let mut params = params.iter();
        let mut on = true;
        for letter in letters.chars() {
            let sign = SIGNS.iter().find(|(role, _)| *role == letter);
            match (letter, sign) {
                ('+' | '-', _) => on = letter == '+',
                (_, Some((_, sign))) => {
                    let who = params.next().ok_or("a role of nobody")?;
                    let role = members.get_mut(*who);
                    let role = role.ok_or_else(|| format!("{who} is not in {place}"))?;
                    *role = on.then_some(*sign);
                }
                ('b' | 'e' | 'I' | 'k', _) => drop(params.next()),
                ('l', _) if on => drop(params.next()),
                _ => {}
            }
        }
        Ok(())
    }

    fn named(&mut self, place: &str, names: &str) {
        let Some(members) = self.channels.get_mut(&channel(place)) else {
            return;
        };
        for name in names.split_whitespace() {
            let is_sign = |c: char| SIGNS.iter().any(|(_, sign)| *sign == c);
            let role = name.chars().next().filter(|c| is_sign(*c));
            let name = name.trim_start_matches(is_sign);
            let nick = name.split('!').next().unwrap_or_default();
            members.insert(nick.to_owned(), role);
        }
    }

    fn watched(&mut self, names: &str, is_on: bool) {
        for name in names.split(',') {
            let nick = name.split('!').next().unwrap_or_default();
            if let Some(known) = self.watched.get_mut(nick) {
                *known = is_on;
            }
        }
    }

    fn speaks(&self, who: &str, place: &str, line: &str) -> Result<(), String> {
        let place = channel(place);
        let members = self.channels.get(&place);
        let is_there = members.is_some_and(|members| members.contains_key(who));
        match is_there || !self.complete.contains(&place) {
            true => Ok(()),
            false => Err(format!("{who} is not in {members:?}: {line}")),
        }
    }
}

/// The nickname before a line.
fn source(line: &str) -> &str {
    let words = line.split(' ');
    let mut words = words.skip_while(|word| word.starts_with('@'));
    let source = words.next().and_then(|word| word.strip_prefix(':'));
    source
        .and_then(|it| it.split('!').next())
        .unwrap_or_default()
}

/// The name of a channel without its sign.
fn channel(place: &str) -> String {
    place.trim_start_matches('#').to_owned()
}
