//! What the administrators' services share: who calls, and how a failure is worded.

use tonic::metadata::AsciiMetadataValue;
use tonic::{Request, Status};

use crate::admin::channels::Class;
use crate::admin::{Actor, ChannelFailed};
use crate::turn::HubUnavailable;

use super::routes::Caller;

/// The administrator who calls.
pub(super) fn actor<T>(request: &Request<T>) -> Result<Actor, Status> {
    Ok(Actor::at(Caller::of(request)?.address))
}

/// A field of the request is wrong.
pub(super) fn field(name: &str, why: impl std::fmt::Display) -> Status {
    Status::invalid_argument(format!("{name}: {why}"))
}

pub(super) fn busy(_: HubUnavailable) -> Status {
    Status::unavailable("the server is too busy or stopping; try again")
}

/// A channel was not changed, or not shown. The metadata `code` has the word that REST answers as
/// `error.code`.
pub(super) fn channel_failed(failed: &ChannelFailed) -> Status {
    let words = failed.to_string();
    let mut status = match failed.class() {
        Class::Wrong => Status::invalid_argument(words),
        Class::Missing => Status::not_found(words),
        Class::Conflict => Status::failed_precondition(words),
        Class::Later => Status::unavailable(words),
    };
    let code = AsciiMetadataValue::from_static(failed.code());
    status.metadata_mut().insert("code", code);
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Refusal;
    use tonic::Code;

    #[test]
    fn a_change_that_is_not_stored_may_be_tried_again() {
        for (failed, code) in [
            (ChannelFailed::Refused(Refusal::NotStored), "not_stored"),
            (ChannelFailed::Unanswered, "unanswered"),
            (ChannelFailed::Hub, "hub_unavailable"),
        ] {
            let status = channel_failed(&failed);
            assert_eq!(status.code(), Code::Unavailable);
            assert_eq!(status.metadata().get("code").unwrap(), code);
        }
    }
}
