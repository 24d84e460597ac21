//! Below `/admin/hooks/{id}` and `/api/channels/{name}/hooks/{id}`: what waits for the receiver of an
//! outgoing hook, sending again what has failed, and tests.

use serde::Serialize;
use tiny_http::Method;
use utoipa::ToSchema;

use crate::admin::HookKeeper;
use crate::hooks::NotTested;
use crate::model::outgoing::{Attempt, Condition, Delivery};
use crate::model::{Hook, Name, Power};

use super::auth::owner;
use super::call::Call;
use super::posts::channel;
use super::problem::{ErrorBody, Problem};
use super::refusals::{ToAdministrators, ToOperators};
use super::reply::{Reply, rfc3339};
use super::route::Route;

/// Deliveries of each kind that are listed.
const LISTED: i64 = 100;
/// When to try again if too many tests wait.
const TEST_RETRY_SECONDS: u64 = 10;

pub(super) const ROUTES: &[Route] = &[
    Route::needs(
        Power::Tokens,
        Method::Get,
        "/admin/hooks/{id}/deliveries",
        list_deliveries,
    ),
    Route::needs(
        Power::Tokens,
        Method::Post,
        "/admin/hooks/{id}/resend",
        resend,
    ),
    Route::needs(
        Power::Tokens,
        Method::Post,
        "/admin/hooks/{id}/test",
        test_hook,
    ),
    Route::for_everyone(
        Method::Get,
        "/api/channels/{name}/hooks/{id}/deliveries",
        list_own_deliveries,
    ),
    Route::for_everyone(
        Method::Post,
        "/api/channels/{name}/hooks/{id}/resend",
        resend_own,
    ),
    Route::for_everyone(
        Method::Post,
        "/api/channels/{name}/hooks/{id}/test",
        test_own_hook,
    ),
];

/// How an outgoing hook does.
#[derive(Serialize, ToSchema)]
pub(super) struct HookCondition {
    /// Messages that wait.
    waiting: u64,
    /// Messages that have failed for good.
    failed: u64,
    /// Since when nothing is sent, until it is told to go on (`resend`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    paused_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_why: Option<String>,
    /// The last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<AttemptRow>,
}

/// An attempt to reach the receiver.
#[derive(Serialize, ToSchema)]
pub(super) struct AttemptRow {
    #[schema(format = DateTime)]
    at: String,
    /// The status of the answer, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Left out if it was delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What waits for a receiver, and what has failed.
#[derive(Serialize, ToSchema)]
struct DeliveryList {
    #[serde(flatten)]
    condition: HookCondition,
    /// At most 100 that wait, the oldest first, and at most 100 that have failed.
    deliveries: Vec<DeliveryRow>,
}

/// A message on its way to a receiver.
#[derive(Serialize, ToSchema)]
struct DeliveryRow {
    /// The id of the message.
    message: String,
    /// `waiting` or `failed`.
    state: &'static str,
    attempts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<AttemptRow>,
}

impl HookCondition {
    pub fn of(condition: Condition) -> HookCondition {
        let (paused_at, paused_why) = condition.paused.unzip();
        HookCondition {
            waiting: condition.waiting,
            failed: condition.failed,
            paused_at: paused_at.map(rfc3339),
            paused_why,
            last: condition.last.map(AttemptRow::of),
        }
    }
}

impl AttemptRow {
    fn of(attempt: Attempt) -> AttemptRow {
        AttemptRow {
            at: rfc3339(attempt.at_ms),
            status: attempt.status,
            error: attempt.error,
        }
    }
}

impl DeliveryRow {
    fn of(delivery: Delivery) -> DeliveryRow {
        DeliveryRow {
            message: delivery.message.to_string(),
            state: match delivery.is_failed {
                true => "failed",
                false => "waiting",
            },
            attempts: delivery.attempts,
            last: delivery.last.map(AttemptRow::of),
        }
    }
}

/// Lists what waits for the receiver of an outgoing hook, and what has failed for good.
#[utoipa::path(
    get, path = "/admin/hooks/{id}/deliveries", tag = "programs", security(("admin_token" = [])),
    params(("id" = String, Path, description = "As listed")),
    responses(
        (status = 200, description = "The deliveries", body = DeliveryList),
        (status = 404, description = "There is no such outgoing hook", body = ErrorBody),
        ToAdministrators,
    ),
)]
pub(super) fn list_deliveries(call: &Call<'_>) -> Result<Reply, Problem> {
    let keeper = HookKeeper::Administrator(call.grant()?);
    list(call, &find(call, keeper, None, call.argument())?)
}

/// Has an outgoing hook go on that is paused, and sends what has failed for good again.
#[utoipa::path(
    post, path = "/admin/hooks/{id}/resend", tag = "programs", security(("admin_token" = [])),
    params(("id" = String, Path, description = "As listed")),
    responses(
        (status = 202, description = "It goes on"),
        (status = 404, description = "There is no such outgoing hook", body = ErrorBody),
        ToAdministrators,
    ),
)]
pub(super) fn resend(call: &Call<'_>) -> Result<Reply, Problem> {
    let keeper = HookKeeper::Administrator(call.grant()?);
    send_again(call, keeper, None, call.argument())
}

/// Sends a test to the receiver of an outgoing hook. What came of it is the last attempt of the hook.
#[utoipa::path(
    post, path = "/admin/hooks/{id}/test", tag = "programs", security(("admin_token" = [])),
    params(("id" = String, Path, description = "As listed")),
    responses(
        (status = 202, description = "It is sent soon"),
        (status = 401, description = "No valid token", body = ErrorBody),
        (status = 404, description = "There is no such outgoing hook", body = ErrorBody),
        (status = 429, description = "The last test of the hook waits for an answer; Retry-After says when to try again", body = ErrorBody),
        (status = 503, description = "Tests of too many hooks wait", body = ErrorBody),
    ),
)]
pub(super) fn test_hook(call: &Call<'_>) -> Result<Reply, Problem> {
    let keeper = HookKeeper::Administrator(call.grant()?);
    let hook = find(call, keeper, None, call.argument())?;
    test(call, hook)
}

/// Lists what waits for the receiver of an outgoing hook, and what has failed, for operators.
#[utoipa::path(
    get, path = "/api/channels/{name}/hooks/{id}/deliveries", tag = "programs",
    params(
        ("name" = String, Path, description = "In any spelling, without #"),
        ("id" = String, Path, description = "As listed"),
        ("Authorization" = String, Header, description = "`Bearer` and the token of `POST /auth`"),
    ),
    responses(
        (status = 200, description = "The deliveries", body = DeliveryList),
        (status = 409, description = "The channel is not registered", body = ErrorBody),
        ToOperators,
    ),
)]
pub(super) fn list_own_deliveries(call: &Call<'_>) -> Result<Reply, Problem> {
    let (account, channel) = (owner(call)?, channel(call)?);
    let keeper = HookKeeper::Operator(&account);
    let hook = find(call, keeper, Some(&channel), call.second_argument())?;
    list(call, &hook)
}

/// Has an outgoing hook go on, and sends what has failed again, for operators.
#[utoipa::path(
    post, path = "/api/channels/{name}/hooks/{id}/resend", tag = "programs",
    params(
        ("name" = String, Path, description = "In any spelling, without #"),
        ("id" = String, Path, description = "As listed"),
        ("Authorization" = String, Header, description = "`Bearer` and the token of `POST /auth`"),
    ),
    responses(
        (status = 202, description = "It goes on"),
        (status = 409, description = "The channel is not registered", body = ErrorBody),
        ToOperators,
    ),
)]
pub(super) fn resend_own(call: &Call<'_>) -> Result<Reply, Problem> {
    let (account, channel) = (owner(call)?, channel(call)?);
    let keeper = HookKeeper::Operator(&account);
    send_again(call, keeper, Some(&channel), call.second_argument())
}

/// Sends a test to the receiver of an outgoing hook, for operators.
#[utoipa::path(
    post, path = "/api/channels/{name}/hooks/{id}/test", tag = "programs",
    params(
        ("name" = String, Path, description = "In any spelling, without #"),
        ("id" = String, Path, description = "As listed"),
        ("Authorization" = String, Header, description = "`Bearer` and the token of `POST /auth`"),
    ),
    responses(
        (status = 202, description = "It is sent soon"),
        (status = 401, description = "The token is not valid, or missing", body = ErrorBody),
        (status = 403, description = "You do not operate the channel", body = ErrorBody),
        (status = 404, description = "There is no such channel or outgoing hook", body = ErrorBody),
        (status = 409, description = "The channel is not registered", body = ErrorBody),
        (status = 429, description = "The last test of the hook waits for an answer; Retry-After says when to try again", body = ErrorBody),
        (status = 503, description = "Tests of too many hooks wait", body = ErrorBody),
    ),
)]
pub(super) fn test_own_hook(call: &Call<'_>) -> Result<Reply, Problem> {
    let (account, channel) = (owner(call)?, channel(call)?);
    let keeper = HookKeeper::Operator(&account);
    let hook = find(call, keeper, Some(&channel), call.second_argument())?;
    test(call, hook)
}

/// An outgoing hook.
fn find(
    call: &Call<'_>,
    keeper: HookKeeper<'_>,
    channel: Option<&Name>,
    id: &str,
) -> Result<Hook, Problem> {
    let (admin, accounts) = (&call.context.admin, &call.context.accounts);
    let hook = admin.hook(keeper, accounts, channel, id)?;
    match hook.outgoing.is_some() {
        true => Ok(hook),
        false => Err(Problem::NotFound("that is no outgoing hook".into())),
    }
}

fn list(call: &Call<'_>, hook: &Hook) -> Result<Reply, Problem> {
    let id = hook.program.id.as_str();
    let store = call.context.accounts.store();
    let problem = |error| Problem::store(&error);
    let condition = store.hook_condition(id).map_err(problem)?;
    let waiting = store.deliveries(id, false, LISTED).map_err(problem)?;
    let failed = store.deliveries(id, true, LISTED).map_err(problem)?;
    let deliveries = waiting.into_iter().chain(failed);
    let list = DeliveryList {
        condition: HookCondition::of(condition.unwrap_or_default()),
        deliveries: deliveries.map(DeliveryRow::of).collect(),
    };
    Ok(Reply::json(200, &list))
}

fn send_again(
    call: &Call<'_>,
    keeper: HookKeeper<'_>,
    channel: Option<&Name>,
    id: &str,
) -> Result<Reply, Problem> {
    let (admin, accounts) = (&call.context.admin, &call.context.accounts);
    admin.resend(call.actor(), keeper, accounts, channel, id)?;
    if let Some(hooks) = &call.context.hooks {
        hooks.look();
    }
    Ok(Reply::empty(202))
}

fn test(call: &Call<'_>, hook: Hook) -> Result<Reply, Problem> {
    let hooks = call.context.hooks.as_ref();
    let tested = hooks.map_or(Err(NotTested::Busy), |hooks| hooks.test(hook));
    tested.map_err(|not| match not {
        NotTested::Waits => Problem::TooFast(
            "the last test of this hook waits for an answer; try again in a moment".into(),
            TEST_RETRY_SECONDS,
        ),
        NotTested::Busy => Problem::Busy(
            "too many tests wait; try again in a moment".into(),
            TEST_RETRY_SECONDS,
        ),
    })?;
    Ok(Reply::empty(202))
}
