//! `/admin/invitations`: invitations to register an account.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tiny_http::Method;
use utoipa::ToSchema;

use crate::account::{LONGEST_INVITATION, NoInvitation};
use crate::model::invitation::MAX_USES;
use crate::model::{AccountInvitation, Power};

use super::call::Call;
use super::problem::{ErrorBody, Problem};
use super::refusals::ToAdministrators;
use super::reply::{Reply, rfc3339};
use super::route::Route;

/// Days for which an invitation is valid unless it is said otherwise.
const USUAL_DAYS: u64 = 7;
const DAY: Duration = Duration::from_hours(24);

pub(super) const ROUTES: &[Route] = &[
    Route::needs(Power::All, Method::Post, "/admin/invitations", invite),
    Route::needs(
        Power::All,
        Method::Get,
        "/admin/invitations",
        list_invitations,
    ),
    Route::needs(
        Power::All,
        Method::Delete,
        "/admin/invitations/{id}",
        withdraw_invitation,
    ),
];

/// An invitation to make.
#[derive(Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body; fields are read one by one, to name mistakes"
)]
struct NewInvitation {
    /// How many accounts it makes, up to 1,000; 1 if not given.
    uses: Option<u64>,
    /// For how many days it is valid, up to 365; 7 if not given.
    days: Option<u64>,
}

/// An invitation that was made.
#[derive(Serialize, ToSchema)]
struct MadeInvitation {
    #[serde(flatten)]
    is: InvitationRow,
    /// Where the page registers with it, on the web port. Shown this once: the server keeps only a
    /// hash.
    #[schema(example = "/client#register=0123456789abcdef0123456789abcdef")]
    link: String,
}

/// The invitations.
#[derive(Serialize, ToSchema)]
struct InvitationList {
    /// The oldest first.
    invitations: Vec<InvitationRow>,
}

/// An invitation as administrators see it.
#[derive(Serialize, ToSchema)]
struct InvitationRow {
    id: String,
    /// How many accounts it makes.
    uses: u32,
    /// How many of these are left.
    uses_left: u32,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

impl InvitationRow {
    fn of(invitation: AccountInvitation) -> InvitationRow {
        InvitationRow {
            id: invitation.id,
            uses: invitation.uses,
            uses_left: invitation.uses_left,
            created_at: rfc3339(invitation.created_at),
            expires_at: rfc3339(invitation.expires_at),
        }
    }
}

/// Makes a link with which accounts are registered while `accounts.registration` is `invitation`.
#[utoipa::path(
    post, path = "/admin/invitations", tag = "users", security(("admin_token" = [])),
    request_body = NewInvitation,
    responses(
        (status = 201, description = "The invitation", body = MadeInvitation),
        (status = 400, description = "Names the field that is wrong", body = ErrorBody),
        (status = 409, description = "There are too many", body = ErrorBody),
        ToAdministrators,
    ),
)]
pub(super) fn invite(call: &Call<'_>) -> Result<Reply, Problem> {
    let mut object = call.object(&["uses", "days"])?;
    let longest = LONGEST_INVITATION.as_secs() / DAY.as_secs();
    let uses = within("uses", object.number("uses")?.unwrap_or(1), MAX_USES.into())?;
    let days = within(
        "days",
        object.number("days")?.unwrap_or(USUAL_DAYS),
        longest,
    )?;
    let made = call.context.accounts.invite(uses, DAY * days);
    let (invitation, secret) = made.map_err(|error| match error {
        NoInvitation::TooMany => Problem::Conflict(error.to_string()),
        NoInvitation::NoRandom => Problem::Internal,
        NoInvitation::Store(error) => Problem::store(&error),
    })?;
    let what = format!(
        "made the invitation {} to register {uses} accounts in {days} days",
        invitation.id
    );
    call.context.admin.did(call.actor(), what)?;
    let made = MadeInvitation {
        is: InvitationRow::of(invitation),
        link: format!("/client#register={}", secret.expose()),
    };
    Ok(Reply::json(201, &made))
}

/// Lists the invitations that are not over, without their secrets.
#[utoipa::path(
    get, path = "/admin/invitations", tag = "users", security(("admin_token" = [])),
    responses(
        (status = 200, description = "The invitations", body = InvitationList),
        ToAdministrators,
    ),
)]
pub(super) fn list_invitations(call: &Call<'_>) -> Result<Reply, Problem> {
    let invitations = call.context.accounts.invitations();
    let invitations = invitations.map_err(|error| Problem::store(&error))?;
    let invitations = invitations.into_iter().map(InvitationRow::of).collect();
    Ok(Reply::json(200, &InvitationList { invitations }))
}

/// Withdraws an invitation. The accounts that it has made stay.
#[utoipa::path(
    delete, path = "/admin/invitations/{id}", tag = "users", security(("admin_token" = [])),
    params(("id" = String, Path, description = "As listed")),
    responses(
        (status = 204, description = "Withdrawn"),
        (status = 404, description = "There is no such invitation", body = ErrorBody),
        ToAdministrators,
    ),
)]
pub(super) fn withdraw_invitation(call: &Call<'_>) -> Result<Reply, Problem> {
    let id = call.argument();
    let withdrawn = call.context.accounts.withdraw_invitation(id);
    if !withdrawn.map_err(|error| Problem::store(&error))? {
        return Err(Problem::NotFound("there is no such invitation".to_owned()));
    }
    let what = format!("withdrew the invitation {id} to register");
    call.context.admin.did(call.actor(), what)?;
    Ok(Reply::empty(204))
}

fn within(field: &str, given: u64, most: u64) -> Result<u32, Problem> {
    match u32::try_from(given) {
        Ok(number) if (1..=most).contains(&given) => Ok(number),
        _ => Err(Problem::field(field, format!("must be from 1 to {most}"))),
    }
}
