//! Users: their nicknames, their connections, and the users they ignore.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::{AccountId, MessageId, Name, NameError, ServerRole, Text};

use super::ignoring::Ignored;
use super::nickname::Nickname;
use super::own_channels::Marks;
use super::property::Properties;
use super::whispered::Whispered;
use super::{
    ConnectionId, Credential, Effects, Event, Face, Farewell, Hub, Now, Order, Refusal, SignedOut,
};

/// The most users that one user may ignore.
pub(super) const MAX_IGNORED: usize = 1000;
/// The most earlier nicknames remembered of a user. They are remembered so that
/// an ignored user cannot get around it with a new nickname.
const MAX_ALIASES: usize = 16;
/// The most channels to which a user is remembered to be invited.
const MAX_INVITED_TO: usize = 32;

/// One user: a nickname and its connections.
pub(super) struct User {
    pub name: Name,
    /// Sorted.
    connections: Vec<ConnectionId>,
    /// `None` for a guest.
    pub account: Option<AccountId>,
    pub ignored: Ignored,
    /// Why the user is away.
    pub away: Option<Text>,
    /// What others are shown besides the nickname.
    pub face: Arc<Face>,
    /// Whether the user wants private messages from accounts only.
    pub accounts_only: bool,
    /// What the account's connections here have chosen that it be called.
    pub nickname: Option<Nickname>,
    /// How far the account has read in its channels.
    pub marks: Marks,
    /// The last message before the user had this nickname: a guest's own ones are later.
    pub named_after: MessageId,
    /// Keys of nicknames this user had before.
    aliases: VecDeque<Arc<str>>,
    /// The channels to which the user was invited last.
    invited_to: VecDeque<Name>,
    /// What the user says of itself.
    pub properties: Properties,
    /// Direct messages with guests, or as one.
    pub whispered: Whispered,
}

impl User {
    fn new(name: Name, credential: Option<&Credential>) -> User {
        let ignored = credential.map(|credential| credential.ignored.as_slice());
        User {
            name,
            connections: Vec::new(),
            account: credential.map(|credential| credential.account),
            ignored: Ignored::of(ignored.unwrap_or_default()),
            away: None,
            face: Arc::default(),
            accounts_only: false,
            nickname: None,
            marks: Marks::new(),
            named_after: MessageId::default(),
            aliases: VecDeque::new(),
            invited_to: VecDeque::new(),
            properties: Properties::default(),
            whispered: Whispered::default(),
        }
    }

    /// Remembers that the user was invited to a channel; the oldest invitation is
    /// forgotten if there are too many.
    pub fn was_invited(&mut self, channel: &Name) {
        self.invited_to.retain(|known| known != channel);
        if self.invited_to.len() >= MAX_INVITED_TO {
            self.invited_to.pop_front();
        }
        self.invited_to.push_back(channel.clone());
    }

    /// The channels to which the user was invited last.
    pub fn invited_to(&self) -> impl Iterator<Item = &Name> {
        self.invited_to.iter()
    }

    /// The user's connections, sorted.
    pub fn connections(&self) -> &[ConnectionId] {
        &self.connections
    }

    /// The user's connections after this one.
    pub fn connections_after(&self, id: ConnectionId) -> &[ConnectionId] {
        let place = self.connections.partition_point(|&other| other <= id);
        self.connections.get(place..).unwrap_or_default()
    }

    fn add_connection(&mut self, id: ConnectionId) {
        if let Err(place) = self.connections.binary_search(&id) {
            self.connections.insert(place, id);
        }
    }

    fn remove_connection(&mut self, id: ConnectionId) {
        if let Ok(place) = self.connections.binary_search(&id) {
            self.connections.remove(place);
        }
    }

    /// Remembers a nickname this user had before.
    pub(super) fn add_alias(&mut self, key: Arc<str>) {
        add_alias(&mut self.aliases, key);
    }

    /// Takes over the list of a guest who has become this user, as far as there
    /// is room. Returns the names that are new, to be stored.
    fn ignore_also(&mut self, ignored: Ignored) -> Vec<Name> {
        let mut new: Vec<Name> = ignored.into_names().collect();
        new.retain(|name| !self.ignored.contains(name.key()) && *name != self.name);
        new.sort_by(|a, b| a.key().cmp(b.key()));
        new.truncate(MAX_IGNORED.saturating_sub(self.ignored.len()));
        for name in &new {
            self.ignored.insert(name.clone());
        }
        new
    }

    /// Keys of nicknames this user had before.
    pub fn aliases(&self) -> &VecDeque<Arc<str>> {
        &self.aliases
    }

    /// Whether this user ignores the sender called `name`, who earlier had the
    /// nicknames `aliases`.
    pub fn ignores(&self, name: &Name, aliases: Option<&VecDeque<Arc<str>>>) -> bool {
        let mut aliases = aliases.into_iter().flatten();
        !self.ignored.is_empty()
            && (self.ignored.has_like(name) || aliases.any(|key| self.ignored.contains(key)))
    }
}

/// What to do if a guest's nickname is in use on another server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Elsewhere {
    /// Refuse it: it belongs to another guest.
    Counts,
    /// Allow it: the servers have agreed that it is the same guest, who has moved
    /// here. The other server may have died without being noticed yet.
    Moves,
}

impl Hub {
    /// Gives a connection its nickname. A guest gets it if no other user has it;
    /// the owner of an account gets it unless a guest has it. The caller must
    /// have checked that a guest's nickname is not registered.
    pub fn claim(
        &mut self,
        id: ConnectionId,
        name: Name,
        credential: Option<Credential>,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        self.claim_as(id, name, credential, Elsewhere::Counts, now, fx)
    }

    /// As [`Hub::claim`]; `elsewhere` says whether the nickname may be in use on
    /// another server.
    pub(super) fn claim_as(
        &mut self,
        id: ConnectionId,
        name: Name,
        credential: Option<Credential>,
        elsewhere: Elsewhere,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        if self.has_no_say(id, now, fx) {
            // Its thread does not know yet that it has been ended, or will be.
            return Ok(());
        }
        // The answer to an earlier claim may have come too late for the
        // connection's thread; the nickname it got must not stay taken.
        while let Some(channel) = self.current_channel(id) {
            self.leave_channel(id, channel, now, fx);
        }
        let held = self.connection_mut(id).and_then(|c| c.nickname.take());
        if let Some(held) = held {
            self.release_nickname(&held, id, now, fx);
            self.await_login(id, now);
        }
        self.settle_abandoned(now, fx);
        let account = credential.as_ref().map(|credential| credential.account);
        let wished = self.take_wish(id).filter(|_| account.is_some());
        for wanted in wished.iter().chain([&name]) {
            self.tell_departures_called(wanted, now, fx);
        }
        let shared = self.users.get(name.key()).is_some_and(|user| {
            // An account may have many connections; a guest has one.
            account.is_some() && user.account == account
        });
        let result = match (shared, account) {
            (true, _) => self.check_ban(&name, now),
            (false, None) => self.check_free_as(&name, elsewhere, now),
            // A registered nickname is its owner's, whatever it looks like.
            (false, _) => self.check_free_for(account, elsewhere, &name, now),
        };
        let result = result.and_then(|()| self.check_wish(&name, wished.as_ref(), now));
        if let Err(refusal) = result {
            self.refuse_nickname(id, &name, &refusal, now, fx);
            return Err(refusal);
        }
        let Some(connection) = self.connection_mut(id) else {
            return Ok(());
        };
        if let Some(deadline) = connection.login_deadline.take() {
            self.login_deadlines.remove(&(deadline, id));
        }
        self.come_online(id, &name, (credential, wished), now, fx);
        let face = self.face_of(&name);
        fx.shown_as(face, |fx| fx.tell(id, Event::Welcome { nickname: name }));
        Ok(())
    }

    /// Makes a connection without a nickname one of a user's, whose nickname it may have. It
    /// wishes its account to be called `wished`.
    pub(super) fn come_online(
        &mut self,
        id: ConnectionId,
        name: &Name,
        (credential, wished): (Option<Credential>, Option<Name>),
        now: Now,
        fx: &mut Effects,
    ) {
        if let Some(connection) = self.connection_mut(id) {
            connection.nickname = Some(name.clone());
        }
        self.tell_departures_of(name, now, fx);
        let is_new = self.add_user(id, name, credential.as_ref());
        let was_elsewhere = self.remote_person(name).is_some();
        let account = credential.as_ref().map(|credential| credential.account);
        if is_new {
            self.looks.add(name);
            self.share_online(name, account, fx);
            self.note_people();
        }
        let is_known = !is_new || was_elsewhere;
        if account.is_some() {
            self.come_as(id, name, wished, is_known, now, fx);
        }
        if !is_known {
            self.tell_online(name, fx);
        }
        self.set_token(id, credential.and_then(|credential| credential.token));
    }

    /// Turns a guest into the owner of the account that it has just registered or
    /// logged in to. Refused if the nickname is no longer the account's: a
    /// waiting `/nick` may have been carried out meanwhile. The account also
    /// ignores the users that the guest ignored.
    pub fn adopt(
        &mut self,
        id: ConnectionId,
        name: &Name,
        credential: &Credential,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        let (own, _) = self.user_of(id)?;
        if own != *name {
            return Err(Refusal::NoSuchUser(name.clone()));
        }
        self.users.set_account(name.key(), credential.account);
        let mut before = None;
        if let Some(user) = self.users.get_mut(name.key()) {
            let mut face = Face::clone(&user.face);
            face.account = Some(user.name.clone());
            before = Some(std::mem::replace(&mut user.face, Arc::new(face)));
        }
        self.tell_host(name, before, fx);
        self.tell_account(name, fx);
        // The guest's token must not take over a connection of the account.
        self.set_token(id, credential.token.clone());
        if let Some(user) = self.users.get_mut(name.key()) {
            let own = Ignored::of(&credential.ignored);
            let as_guest = std::mem::replace(&mut user.ignored, own);
            let new = user.ignore_also(as_guest);
            remember_ignored(credential.account, new, fx);
        }
        self.keep_channels(id, fx);
        self.share_renamed((name, name), Some(credential.account), None, fx);
        Ok(())
    }

    /// Makes a guest's connection one of the account that it has logged in to, in
    /// all of its channels. The guest's nickname becomes free. It is still the
    /// same person: the account also ignores the users that the guest ignored,
    /// and users who ignored the guest get no messages from the account either.
    pub fn become_account(
        &mut self,
        id: ConnectionId,
        name: Name,
        credential: &Credential,
        now: Now,
        fx: &mut Effects,
    ) -> Result<(), Refusal> {
        if self.has_no_say(id, now, fx) {
            return Err(Refusal::NoChannel);
        }
        let wished = self.take_wish(id);
        let (guest, user) = self.user_of(id)?;
        if user.account.is_some() {
            return Err(Refusal::NicknameIsAccount);
        }
        self.check_becoming(id, &name, credential.account, now)?;
        if guest == name {
            self.adopt(id, &name, credential, fx)?;
            self.leave_if_banned(id, now, fx);
            return Ok(());
        }
        // A guest who wants to be called the same is, unless the account is called otherwise.
        let wished = wished.filter(|wished| *wished == guest && !self.is_called(&name));
        let kept = wished.map(|_| guest.clone());
        let was_on = self.presence(name.clone()).1;
        if let Some(nickname) = kept.clone().filter(|_| was_on) {
            self.keep_nickname(&name, nickname, true, now, fx);
        }
        // This is the guest's only connection.
        let as_guest = self.users.remove(guest.key());
        let face_before = as_guest.as_ref().map(|user| user.face.clone());
        self.looks.remove(&guest);
        self.tell_departures_of(&name, now, fx);
        let is_new = self.add_user(id, &name, Some(credential));
        let listed = as_guest.as_ref().map_or(&guest, |user| &user.name);
        self.list_as(id, listed, &self.users.listed(&name));
        if let Some(nickname) = kept.clone() {
            self.keep_nickname(&name, nickname, was_on, now, fx);
        } else if let Some(as_guest) = &as_guest {
            self.remember(&guest, as_guest.face.clone(), now);
        }
        if let Some(as_guest) = as_guest
            && let Some(user) = self.users.get_mut(name.key())
        {
            let earlier = as_guest.aliases.into_iter().chain([guest.key().clone()]);
            for key in earlier {
                user.add_alias(key);
            }
            if user.properties.is_empty() {
                user.properties = as_guest.properties;
            }
            let new = user.ignore_also(as_guest.ignored);
            remember_ignored(credential.account, new, fx);
        }
        let mut channels = Vec::new();
        if let Some(connection) = self.connection_mut(id) {
            connection.nickname = Some(name.clone());
            channels.extend(connection.memberships.iter().map(|m| m.channel));
        }
        self.looks.add(&name);
        self.set_token(id, credential.token.clone());
        if is_new {
            let called = self.users.get(name.key());
            let called = called.and_then(|user| user.nickname.clone());
            let account = Some(credential.account);
            self.share_renamed((&guest, &name), account, called, fx);
        } else {
            self.share_merged(&guest, &name, &channels, fx);
        }
        if kept.is_some() {
            self.share_nickname(&name, fx);
        } else {
            self.come_as(id, &name, None, true, now, fx);
        }
        self.keep_channels(id, fx);
        self.look_again(&name);
        match kept {
            Some(_) => self.note_gone_quietly(&guest, now),
            None => self.note_gone(&guest, now, fx),
        }
        if is_new && kept.is_none() {
            self.tell_online(&name, fx);
        }
        self.channels.tell_late_of_each(&channels, &name, fx);
        let face = self.face_of(&name);
        if kept.is_none() {
            fx.shown_as(face, |fx| fx.tell(id, Event::Renamed { to: name.clone() }));
        }
        self.tell_renamed(&channels, &[id], (&guest, &name), now, fx);
        self.tell_account(&name, fx);
        self.tell_host(&name, face_before, fx);
        self.leave_if_banned(id, now, fx);
        Ok(())
    }

    /// Checks that a connection, which has another nickname already, may become one of an account
    /// with this name.
    pub fn check_becoming(
        &self,
        id: ConnectionId,
        name: &Name,
        owner: AccountId,
        now: Now,
    ) -> Result<(), Refusal> {
        let (own, _) = self.user_of(id)?;
        if own == *name {
            return Ok(());
        }
        self.check_ban(name, now)?;
        let is_on = self.users.get(name.key()).map(|user| user.account);
        let is_on = is_on.or_else(|| self.remote_account(name));
        match is_on.is_some_and(|account| account != Some(owner)) {
            true => Err(Refusal::NicknameInUse(name.clone())),
            false => Ok(()),
        }
    }

    /// Whether a guest on this or another server has this nickname in any
    /// spelling, or one that looks like it; or an account besides its own name.
    pub fn is_guest(&self, name: &Name) -> bool {
        let claims = name.claims();
        let here = self.looks.like(&claims).map(Name::key).chain(&claims);
        let mut here = here.filter_map(|key| self.users.get(key));
        here.any(|user| user.account.is_none())
            || self.nicknames.has_like(&claims, None)
            || (self.remote.as_ref()).is_some_and(|remote| remote.has_guest_like(&claims))
    }

    /// Whether a guest on this server has exactly this nickname and logged in with
    /// this token.
    pub fn is_guest_with(&self, name: &Name, token: &str) -> bool {
        let is_own = |&id: &ConnectionId| self.nickname_of(id).as_ref() == Some(name);
        let user = self.users.get(name.key());
        user.is_some_and(|user| user.account.is_none()) && self.with_token(token).iter().any(is_own)
    }

    /// A nickname as its owner writes it, and whether the owner is online.
    pub fn presence(&self, name: Name) -> (Name, bool) {
        let elsewhere = self.remote_person(&name).map(|person| &person.name);
        let user = self.users.get(name.key()).map(|user| &user.name);
        match user.or(elsewhere) {
            Some(shown) => (shown.clone(), true),
            None => (name, false),
        }
    }

    /// Whether the owners of these nicknames are online, and when those who are not were last here,
    /// as far as that is remembered.
    pub fn presences(&self, names: &[Name]) -> Vec<(bool, Option<u64>)> {
        let presence = |name: &Name| match self.presence(name.clone()).1 {
            true => (true, None),
            false => (false, self.last_here(name).map(|(_, at_ms)| at_ms)),
        };
        names.iter().map(presence).collect()
    }

    /// Closes the connection of a guest whose nickname now belongs to an account.
    pub fn evict_guest(&mut self, name: &Name, now: Now, fx: &mut Effects) {
        let is_nickname = self.nicknames.owner(name.key()).is_some();
        if is_nickname || self.remote_account(name) == Some(None) {
            self.share_order(|| Order::EvictGuest { name: name.clone() }, fx);
        }
        self.evict_guest_here(name, now, fx);
    }

    pub(super) fn evict_guest_here(&mut self, name: &Name, now: Now, fx: &mut Effects) {
        self.lose_nickname(name, now, fx);
        let guest = self.users.get(name.key());
        let guest = guest.filter(|user| user.account.is_none());
        let connections = guest.map(|user| user.connections.clone());
        for id in connections.unwrap_or_default() {
            let refusal = Refusal::NicknameRegistered(name.clone());
            self.close(id, Farewell::NotAdmitted(refusal), now, fx);
        }
    }

    /// Closes the connections that logged in with a token, on all servers. Returns
    /// how many there were on this one.
    pub fn revoke(&mut self, token: &str, now: Now, fx: &mut Effects) -> usize {
        let order = || Order::Revoke {
            token: token.into(),
        };
        self.share_order(order, fx);
        self.revoke_here(token, now, fx)
    }

    pub(super) fn revoke_here(&mut self, token: &str, now: Now, fx: &mut Effects) -> usize {
        fx.revoked(Some(token.into()));
        let hit = self.with_token(token);
        self.end_all(&hit, &Farewell::TokenRevoked, now, fx)
    }

    /// Closes the connections of an account, on all servers, for this reason; one connection here
    /// may stay.
    pub fn sign_out(
        &mut self,
        name: &Name,
        (why, stays): (SignedOut, Option<ConnectionId>),
        now: Now,
        fx: &mut Effects,
    ) {
        let order = || Order::SignOut {
            name: name.clone(),
            why,
        };
        self.share_order(order, fx);
        self.sign_out_here(name, (why, stays), now, fx);
    }

    pub(super) fn sign_out_here(
        &mut self,
        name: &Name,
        (why, stays): (SignedOut, Option<ConnectionId>),
        now: Now,
        fx: &mut Effects,
    ) {
        // Also what was let in by the account's role without being in the chat.
        fx.revoked(Some(ServerRole::token_of(name).into()));
        let user = self.users.get(name.key());
        let user = user.filter(|user| user.account.is_some());
        let connections = user.map(|user| user.connections.clone());
        let mut connections = connections.unwrap_or_default();
        connections.retain(|&connection| Some(connection) != stays);
        self.end_all(&connections, &why.into(), now, fx);
    }

    /// Ends the other connections here of a connection's user. Returns their number.
    pub fn end_others_of(&mut self, id: ConnectionId, now: Now, fx: &mut Effects) -> usize {
        let others = self.nickname_of(id).map(|name| self.connections_of(&name));
        let mut others = others.unwrap_or_default();
        others.retain(|&other| other != id);
        self.end_all(&others, &Farewell::Replaced, now, fx)
    }

    /// The nickname of a connection.
    pub fn nickname_of(&self, id: ConnectionId) -> Option<Name> {
        self.connection(id)?.nickname.clone()
    }

    /// The tokens that the connections of an account logged in with.
    pub fn tokens_of(&self, account: AccountId) -> Vec<Arc<str>> {
        let user = self.users.owner_of(account).into_iter();
        let connections = user.flat_map(User::connections);
        let mut tokens: Vec<Arc<str>> = connections
            .filter_map(|&id| self.connection(id)?.token.clone())
            .collect();
        tokens.sort_unstable();
        tokens.dedup();
        tokens
    }

    /// The account of a connection's user.
    pub fn account_of(&self, id: ConnectionId) -> Option<AccountId> {
        self.user_of(id).ok()?.1.account
    }

    pub(super) fn check_ban(&self, name: &Name, now: Now) -> Result<(), Refusal> {
        match self.bans.nickname(name, now.unix_ms) {
            Some(_) => Err(Refusal::NicknameBanned(name.clone())),
            None => Ok(()),
        }
    }

    /// Checks that a guest may take a nickname: no other user has one like it.
    /// `own` is the nickname that the guest has now.
    pub(super) fn check_free(
        &self,
        name: &Name,
        own: Option<&Name>,
        now: Now,
    ) -> Result<(), Refusal> {
        self.check_free_for(None, Elsewhere::Counts, name, now)?;
        self.check_posing(name, own, now)
    }

    /// As [`Hub::check_free`], for a guest who has just connected.
    pub(super) fn check_free_as(
        &self,
        name: &Name,
        elsewhere: Elsewhere,
        now: Now,
    ) -> Result<(), Refusal> {
        match elsewhere {
            Elsewhere::Counts => self.check_free(name, None, now),
            Elsewhere::Moves => {
                self.check_free_for(None, elsewhere, name, now)?;
                self.check_spelling(name, now)
            }
        }
    }

    /// Checks that a guest may spell their own nickname like this: it must look
    /// neither like another user's nickname nor like a banned one.
    pub(super) fn check_spelling(&self, name: &Name, now: Now) -> Result<(), Refusal> {
        self.check_ban(name, now)?;
        self.check_posing(name, Some(name), now)
    }

    fn check_posing(&self, name: &Name, own: Option<&Name>, now: Now) -> Result<(), Refusal> {
        if name.is_title() {
            return Err(Refusal::BadName(NameError::Reserved));
        }
        if self.is_posing(name, own, now) {
            return Err(Refusal::NicknameInUse(name.clone()));
        }
        Ok(())
    }

    /// Whether a name looks like the nickname of a user on any server, or like
    /// one that is reserved.
    fn is_posing(&self, name: &Name, own: Option<&Name>, now: Now) -> bool {
        let claims = name.claims();
        let looks_like_it = self.looks.has_any(&claims, own)
            || self.holds.has_lookalike(&claims, now)
            || (self.remote.as_ref()).is_some_and(|remote| remote.has_lookalike(&claims, own));
        let others = claims.iter().skip(1);
        looks_like_it
            || self.nicknames.has_like(&claims, own)
            || others
                .filter(|key| own.is_none_or(|own| own.key() != *key))
                .any(|key| self.users.contains_key(key) || self.holds.is_key_held(key, now))
    }

    /// Checks that a nickname is neither in use nor reserved. The owner of
    /// `account` may use it on other servers at the same time.
    pub(super) fn check_free_for(
        &self,
        account: Option<AccountId>,
        elsewhere: Elsewhere,
        name: &Name,
        now: Now,
    ) -> Result<(), Refusal> {
        self.check_ban(name, now)?;
        let is_elsewhere = match (self.remote_account(name), elsewhere) {
            (None, _) => false,
            // The servers see to the guest's earlier connection.
            (Some(None), Elsewhere::Moves) => false,
            (Some(other), _) => account.is_none() || other != account,
        };
        let is_nickname = self.nicknames.owner(name.key()).is_some();
        if is_nickname
            || self.users.contains_key(name.key())
            || self.holds.is_held(name, now)
            || is_elsewhere
        {
            return Err(Refusal::NicknameInUse(name.clone()));
        }
        Ok(())
    }

    /// Adds a connection to its user, who comes online with the first one. Returns
    /// whether it is the first.
    fn add_user(&mut self, id: ConnectionId, name: &Name, proof: Option<&Credential>) -> bool {
        let user = if self.users.contains_key(name.key()) {
            self.users.get_mut(name.key())
        } else {
            // An account that is away on another server is so here.
            let away = self.away_of(name).cloned();
            let face = self.face_for(id, name, proof.is_some());
            let user = User::new(name.clone(), proof);
            let named_after = self.last_id;
            self.parted.forget(name.key());
            Some(self.users.insert(User {
                away,
                face,
                named_after,
                ..user
            }))
        };
        let Some(user) = user else {
            return false;
        };
        user.add_connection(id);
        user.connections.len() == 1
    }

    /// Lists a connection's user under another nickname or spelling in all of its
    /// channels.
    pub(super) fn list_as(&mut self, id: ConnectionId, from: &Name, to: &Name) {
        let connection = self.connection(id);
        let memberships = connection.map(|connection| connection.memberships.clone());
        for membership in memberships.unwrap_or_default() {
            self.channels.list_as(membership.channel, from, to);
        }
    }

    /// Notes since when a guest with a token has had the nickname, before the last connection
    /// ends.
    pub(super) fn note_parting(&mut self, id: ConnectionId) {
        let Some(token) = self.connection(id).and_then(|it| it.token.clone()) else {
            return;
        };
        if let Ok((_, user)) = self.user_of(id)
            && user.account.is_none()
            && user.connections.len() == 1
        {
            let (key, named_after) = (user.name.key().clone(), user.named_after);
            self.parted.add(key, token, named_after);
        }
    }

    /// Takes a connection from its user. The nickname becomes free with the last
    /// one.
    pub(super) fn release_nickname(
        &mut self,
        name: &Name,
        id: ConnectionId,
        now: Now,
        fx: &mut Effects,
    ) {
        if let Some(user) = self.users.get_mut(name.key()) {
            user.remove_connection(id);
            let is_gone = user.connections.is_empty();
            self.let_nickname_go(name, fx);
            if is_gone {
                let gone = self.users.remove(name.key());
                self.looks.remove(name);
                self.share_offline(name, fx);
                if let Some(gone) = gone {
                    let called = self.shown(&gone.name).clone();
                    self.remember(&called, gone.face, now);
                }
                self.note_gone(name, now, fx);
            }
        }
        if !self.nicknames.is_empty() {
            self.call_anew(name, true, now, fx);
        }
    }

    /// The connections of a user.
    pub(super) fn connections_of(&self, name: &Name) -> Vec<ConnectionId> {
        let user = self.users.get(name.key());
        user.map(|user| user.connections.clone())
            .unwrap_or_default()
    }

    /// Keys of a user's earlier nicknames, on whatever server the user is.
    pub(super) fn aliases_of(&self, name: &Name) -> Option<&VecDeque<Arc<str>>> {
        let here = self.users.get(name.key()).map(User::aliases);
        here.or_else(|| Some(&self.remote_person(name)?.aliases))
    }

    /// The nickname and user of a connection.
    pub(super) fn user_of(&self, id: ConnectionId) -> Result<(Name, &User), Refusal> {
        self.connection(id)
            .and_then(|connection| connection.nickname.clone())
            .and_then(|name| {
                let user = self.users.get(name.key())?;
                Some((name, user))
            })
            .ok_or(Refusal::NoChannel)
    }
}

/// Remembers an earlier nickname; the oldest is dropped if there are too many.
pub(super) fn add_alias(aliases: &mut VecDeque<Arc<str>>, key: Arc<str>) {
    if aliases.len() >= MAX_ALIASES {
        aliases.pop_front();
    }
    aliases.push_back(key);
}

fn remember_ignored(account: AccountId, names: Vec<Name>, fx: &mut Effects) {
    for name in names {
        fx.set_ignored(account, name, true);
    }
}
