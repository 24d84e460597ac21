//! What many calls may be refused for, as the API's description says it.

use utoipa::IntoResponses;

use super::problem::ErrorBody;

/// To administrators, and to programs with a token.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers")]
pub(super) enum ToAdministrators {
    #[response(status = 401, description = "No valid token")]
    NoToken(ErrorBody),
    #[response(
        status = 503,
        description = "The store cannot be asked now, or cannot store it"
    )]
    Store(ErrorBody),
}

/// To operators of a channel, about what belongs to the channel.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers")]
pub(super) enum ToOperators {
    #[response(status = 401, description = "The token is not valid, or missing")]
    NoToken(ErrorBody),
    #[response(status = 403, description = "You do not operate the channel")]
    NotOperator(ErrorBody),
    #[response(
        status = 404,
        description = "There is no such channel, or no such hook of it"
    )]
    Missing(ErrorBody),
    #[response(
        status = 503,
        description = "The store cannot be asked now, or cannot store it"
    )]
    Store(ErrorBody),
}

/// To those who prove with nickname and password who they are.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers")]
pub(super) enum ToPasswords {
    #[response(status = 401, description = "Not the password of that nickname")]
    Wrong(ErrorBody),
    #[response(
        status = 403,
        description = "The address or the nickname is banned, or the account is disabled"
    )]
    Banned(ErrorBody),
    #[response(status = 429, description = "Too many attempts from the address")]
    TooMany(ErrorBody),
    #[response(status = 503, description = "Too many others at once; try again")]
    Busy(ErrorBody),
}
