//! The description of a route.

use tiny_http::Method;

use crate::model::Power;

use super::call::Call;
use super::problem::Problem;
use super::reply::Reply;

/// One method of one path.
pub(super) struct Route {
    pub method: Method,
    /// May contain one part in braces.
    pub path: &'static str,
    pub access: Access,
    /// The parameters it accepts.
    pub query: &'static [&'static str],
    pub run: Handler,
}

impl Route {
    /// A route without parameters for callers who prove in the call itself who they are.
    pub const fn for_everyone(method: Method, path: &'static str, run: Handler) -> Route {
        Route {
            method,
            path,
            access: Access::Everyone,
            query: &[],
            run,
        }
    }

    /// A route without parameters for administrators, and for programs that may do this.
    pub const fn needs(power: Power, method: Method, path: &'static str, run: Handler) -> Route {
        Route {
            method,
            path,
            access: Access::Needs(power),
            query: &[],
            run,
        }
    }
}

/// All routes, by family.
pub(super) type Families = &'static [&'static [Route]];

/// The function that answers a call.
pub(super) type Handler = fn(&Call<'_>) -> Result<Reply, Problem>;

/// The callers that are allowed.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Access {
    Everyone,
    /// Callers that sign with an account's token.
    Account,
    /// Callers that sign with an account's token, and programs with a token that allows this in the
    /// channel that the path names.
    AccountOr(Power),
    /// Administrators, and programs with a token that allows this: if the path names a channel, in
    /// that channel.
    Needs(Power),
}
