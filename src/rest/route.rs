//! What a family says of each of its routes.

use tiny_http::Method;

use super::call::Call;
use super::problem::Problem;
use super::reply::Reply;

/// One method of one path.
pub(super) struct Route {
    pub method: Method,
    /// May have one part in braces.
    pub path: &'static str,
    pub access: Access,
    /// The parameters it knows.
    pub query: &'static [&'static str],
    pub run: Handler,
}

/// What answers a call.
pub(super) type Handler = fn(&Call<'_>) -> Result<Reply, Problem>;

/// Who may call.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Access {
    Everyone,
    /// Whoever has signed the call with an account's token.
    Account,
    /// The administrators, and who has the token for metrics.
    Metrics,
    Admin,
}
