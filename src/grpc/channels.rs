//! What administrators do to channels, over gRPC. Parses requests and shows channels; the actions
//! are [`Administration`]'s, as for REST.

pub(super) mod shown;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::admin::channels::{self, NewEntry, Whom};
use crate::admin::{Administration, ChannelFailed, KeepingChanges};
use crate::http::encode;
use crate::model::governance::{Change, Flag, List};
use crate::model::{MessageId, Name, Text};

use super::blocking::Blocking;
use super::failed::{actor, channel_failed, moderates};
use super::proto::admin as proto;
use super::proto::admin::channels_server::Channels;

/// The service's name.
pub const NAME: &str = "chat.admin.v1.Channels";

/// The calls of the service.
pub(super) struct Calls {
    admin: Arc<Administration>,
    blocking: Blocking,
}

impl Calls {
    /// Acts through `admin`, on the threads of `blocking`.
    pub fn new(admin: Arc<Administration>, blocking: Blocking) -> Calls {
        Calls { admin, blocking }
    }

    /// Runs a call, which waits for the hub and, if it changes something, for the store.
    async fn run<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Administration) -> Result<T, ChannelFailed> + Send + 'static,
    ) -> Result<Response<T>, Status> {
        let admin = self.admin.clone();
        let run = move |_: &_| run(&admin).map_err(|failed| channel_failed(&failed));
        self.blocking.run(run).await.map(Response::new)
    }
}

#[tonic::async_trait]
impl Channels for Calls {
    async fn get_channel(
        &self,
        request: Request<proto::GetChannelRequest>,
    ) -> Result<Response<proto::Channel>, Status> {
        moderates(&request, &request.get_ref().channel)?;
        let request = request.into_inner();
        self.run(move |admin| show(admin, &channel(&request.channel)?))
            .await
    }

    async fn update_channel(
        &self,
        request: Request<proto::UpdateChannelRequest>,
    ) -> Result<Response<proto::Channel>, Status> {
        moderates(&request, &request.get_ref().channel)?;
        let actor = actor(&request)?;
        let request = request.into_inner();
        let update = self.run(move |admin| {
            let name = channel(&request.channel)?;
            let mut changes = Vec::new();
            changes.extend(request.topic.as_deref().map(channels::topic).transpose()?);
            if let Some(rules) = request.rules {
                changes.extend(changes_of(&rules)?);
            }
            admin.change(actor, &name, changes)?;
            show(admin, &name)
        });
        update.await
    }

    async fn set_channel_role(
        &self,
        request: Request<proto::SetChannelRoleRequest>,
    ) -> Result<Response<proto::SetChannelRoleResponse>, Status> {
        moderates(&request, &request.get_ref().channel)?;
        let actor = actor(&request)?;
        let request = request.into_inner();
        let set = self.run(move |admin| {
            let name = channel(&request.channel)?;
            let user = nickname("user", &request.user)?;
            let role = channels::role(&request.role)?;
            admin.set_role(actor, &name, &user, role, request.keep)?;
            Ok(proto::SetChannelRoleResponse {})
        });
        set.await
    }

    async fn remove_channel_member(
        &self,
        request: Request<proto::RemoveChannelMemberRequest>,
    ) -> Result<Response<proto::RemoveChannelMemberResponse>, Status> {
        moderates(&request, &request.get_ref().channel)?;
        let actor = actor(&request)?;
        let request = request.into_inner();
        let remove = self.run(move |admin| {
            let name = channel(&request.channel)?;
            let user = nickname("user", &request.user)?;
            let reason = reason(admin, request.reason.as_deref())?;
            admin.remove(actor, &name, &user, reason)?;
            Ok(proto::RemoveChannelMemberResponse {})
        });
        remove.await
    }

    async fn list_channel_entries(
        &self,
        request: Request<proto::ListChannelEntriesRequest>,
    ) -> Result<Response<proto::ChannelLists>, Status> {
        moderates(&request, &request.get_ref().channel)?;
        let request = request.into_inner();
        let lists = self.run(move |admin| {
            let only = request.list.as_deref().map(channels::list).transpose()?;
            let (_, overview) = admin.channel(&channel(&request.channel)?)?;
            Ok(shown::lists(&overview.view.rules, only))
        });
        lists.await
    }

    async fn add_channel_entry(
        &self,
        request: Request<proto::AddChannelEntryRequest>,
    ) -> Result<Response<proto::AddChannelEntryResponse>, Status> {
        moderates(&request, &request.get_ref().channel)?;
        use proto::add_channel_entry_request::Whom as Given;
        let actor = actor(&request)?;
        let request = request.into_inner();
        let add = self.run(move |admin| {
            let name = channel(&request.channel)?;
            let entry = NewEntry {
                whom: match request.whom.ok_or_else(no_one)? {
                    Given::User(user) => Whom::User(user),
                    Given::Mask(mask) => Whom::Mask(mask),
                },
                list: list(request.list.as_deref())?,
                minutes: request.minutes,
                reason: reason(admin, request.reason.as_deref())?,
            };
            admin.add_entry(actor, &name, entry)?;
            Ok(proto::AddChannelEntryResponse {})
        });
        add.await
    }

    async fn remove_channel_entry(
        &self,
        request: Request<proto::RemoveChannelEntryRequest>,
    ) -> Result<Response<proto::RemoveChannelEntryResponse>, Status> {
        moderates(&request, &request.get_ref().channel)?;
        use proto::remove_channel_entry_request::Whom as Given;
        let actor = actor(&request)?;
        let request = request.into_inner();
        let remove = self.run(move |admin| {
            let name = channel(&request.channel)?;
            let whom = match request.whom.ok_or_else(no_one)? {
                Given::User(user) => Whom::User(user),
                Given::Mask(mask) => Whom::Mask(mask),
            };
            admin.remove_entry(actor, &name, list(request.list.as_deref())?, whom)?;
            Ok(proto::RemoveChannelEntryResponse {})
        });
        remove.await
    }

    async fn create_invitation(
        &self,
        request: Request<proto::CreateInvitationRequest>,
    ) -> Result<Response<proto::CreateInvitationResponse>, Status> {
        moderates(&request, &request.get_ref().channel)?;
        let actor = actor(&request)?;
        let request = request.into_inner();
        let create = self.run(move |admin| {
            let name = channel(&request.channel)?;
            let (secret, link) = admin.invite(actor, &name, request.uses, request.minutes)?;
            Ok(proto::CreateInvitationResponse {
                link: format!("/join/{}/{}", encode(name.as_str()), secret.expose()),
                id: link.id().to_owned(),
                uses: link.uses,
                expires_ms: link.until_ms,
            })
        });
        create.await
    }

    async fn withdraw_invitations(
        &self,
        request: Request<proto::WithdrawInvitationsRequest>,
    ) -> Result<Response<proto::WithdrawInvitationsResponse>, Status> {
        moderates(&request, &request.get_ref().channel)?;
        let actor = actor(&request)?;
        let request = request.into_inner();
        let withdraw = self.run(move |admin| {
            let name = channel(&request.channel)?;
            admin.withdraw(actor, &name, request.id.as_deref())?;
            Ok(proto::WithdrawInvitationsResponse {})
        });
        withdraw.await
    }

    async fn register_channel(
        &self,
        request: Request<proto::RegisterChannelRequest>,
    ) -> Result<Response<proto::Channel>, Status> {
        moderates(&request, &request.get_ref().channel)?;
        let actor = actor(&request)?;
        let request = request.into_inner();
        let register = self.run(move |admin| {
            let name = channel(&request.channel)?;
            let founder = nickname("founder", &request.founder)?;
            admin.register(actor, &name, &founder)?;
            show(admin, &name)
        });
        register.await
    }

    async fn drop_registration(
        &self,
        request: Request<proto::DropRegistrationRequest>,
    ) -> Result<Response<proto::DropRegistrationResponse>, Status> {
        moderates(&request, &request.get_ref().channel)?;
        let actor = actor(&request)?;
        let request = request.into_inner();
        let drop = self.run(move |admin| {
            admin.drop_registration(actor, &channel(&request.channel)?)?;
            Ok(proto::DropRegistrationResponse {})
        });
        drop.await
    }

    async fn get_keeping(
        &self,
        request: Request<proto::GetKeepingRequest>,
    ) -> Result<Response<proto::Keeping>, Status> {
        moderates(&request, &request.get_ref().channel)?;
        let actor = actor(&request)?;
        let request = request.into_inner();
        let get = self.run(move |admin| {
            let keeping = admin.keeping(&actor, &channel(&request.channel)?)?;
            Ok(shown::keeping(&keeping))
        });
        get.await
    }

    async fn set_keeping(
        &self,
        request: Request<proto::SetKeepingRequest>,
    ) -> Result<Response<proto::Keeping>, Status> {
        let actor = actor(&request)?;
        let request = request.into_inner();
        let set = self.run(move |admin| {
            let changes = KeepingChanges {
                days: request.days,
                messages: request.messages,
                hold: request.hold,
            };
            let keeping = admin.set_keeping(actor, &channel(&request.channel)?, changes)?;
            Ok(shown::keeping(&keeping))
        });
        set.await
    }

    async fn delete_message(
        &self,
        request: Request<proto::DeleteMessageRequest>,
    ) -> Result<Response<proto::DeleteMessageResponse>, Status> {
        moderates(&request, &request.get_ref().channel)?;
        let actor = actor(&request)?;
        let request = request.into_inner();
        let delete = self.run(move |admin| {
            let name = channel(&request.channel)?;
            let id = request.id.parse::<MessageId>();
            let id = id.map_err(|error| ChannelFailed::Field("id", error.to_string()))?;
            let reason = reason(admin, request.reason.as_deref())?;
            admin.delete_message(actor, (&name, id), reason)?;
            Ok(proto::DeleteMessageResponse {})
        });
        delete.await
    }
}

fn show(admin: &Administration, name: &Name) -> Result<proto::Channel, ChannelFailed> {
    let (info, overview) = admin.channel(name)?;
    Ok(shown::whole(info, &overview))
}

fn channel(raw: &str) -> Result<Name, ChannelFailed> {
    let name = Name::parse_channel(raw);
    name.map_err(|error| ChannelFailed::Field("channel", error.to_string()))
}

fn nickname(field: &'static str, raw: &str) -> Result<Name, ChannelFailed> {
    let name = Name::parse_nickname(raw);
    name.map_err(|error| ChannelFailed::Field(field, error.to_string()))
}

fn reason(admin: &Administration, raw: Option<&str>) -> Result<Option<Text>, ChannelFailed> {
    let reason = admin.reason(raw);
    reason.map_err(|why| ChannelFailed::Field("reason", why))
}

fn list(word: Option<&str>) -> Result<List, ChannelFailed> {
    word.map_or(Ok(List::Ban), channels::list)
}

fn no_one() -> ChannelFailed {
    ChannelFailed::Field("whom", "missing; give a user or a mask".to_owned())
}

/// The changes that are wanted: what is absent stays.
fn changes_of(rules: &proto::ChannelRules) -> Result<Vec<Change>, ChannelFailed> {
    let flags = Flag::ALL.into_iter().filter_map(|flag| {
        let on = wanted(rules, flag)?;
        Some(Ok(Change::Flag(flag, on)))
    });
    let others = [
        rules.key.as_deref().map(channels::key),
        rules.limit.map(|most| channels::limit(most.into())),
        rules.history.as_deref().map(channels::history),
        rules.slow_seconds.map(|it| channels::slow(it.into())),
    ];
    flags.chain(others.into_iter().flatten()).collect()
}

fn wanted(rules: &proto::ChannelRules, flag: Flag) -> Option<bool> {
    match flag {
        Flag::InviteOnly => rules.invite_only,
        Flag::Moderated => rules.moderated,
        Flag::MembersOnly => rules.members_only,
        Flag::TopicLocked => rules.topic_locked,
        Flag::Secret => rules.secret,
        Flag::RegisteredOnly => rules.registered_only,
        Flag::RegisteredSpeak => rules.registered_speak,
        Flag::NoCtcp => rules.no_ctcp,
        Flag::OpModerated => rules.op_moderated,
        Flag::Auditorium => rules.auditorium,
    }
}
