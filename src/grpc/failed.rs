//! What the administrators' services share: who calls, and how a failure is worded.

use tonic::metadata::AsciiMetadataValue;
use tonic::{Request, Status};

use crate::admin::channels::Class;
use crate::admin::{Actor, ChannelFailed, Grant};
use crate::model::{Name, Power};
use crate::turn::HubUnavailable;

use super::routes::Caller;

/// When a program should try again whose address has spent its allowance of bytes.
const ALLOWANCE_RETRY_SECONDS: u64 = 60;

/// The administrator who calls.
pub(super) fn actor<T>(request: &Request<T>) -> Result<Actor, Status> {
    let by = grant(request)?;
    Ok(Actor::at(Caller::of(request)?.address).by(Some(by)))
}

/// What the caller may do.
pub(super) fn grant<T>(request: &Request<T>) -> Result<&Grant, Status> {
    let grant = request.extensions().get::<Grant>();
    grant.ok_or_else(|| Status::internal("the call says not what its caller may do"))
}

/// Refuses a caller who may not change this channel. A name that is none is refused later.
pub(super) fn moderates<T>(request: &Request<T>, channel: &str) -> Result<(), Status> {
    let channel = Name::parse_channel(channel).ok();
    check_scope(grant(request)?, Power::Moderate, channel.as_ref())
}

/// Refuses a caller who may not do this; names the scope or role that is missing.
pub(super) fn check_scope(
    grant: &Grant,
    power: Power,
    channel: Option<&Name>,
) -> Result<(), Status> {
    let checked = grant.check(power, channel);
    checked.map_err(|missing| Status::permission_denied(missing.to_string()))
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
        Class::TooFast => {
            let mut status = Status::resource_exhausted(words);
            (status.metadata_mut()).insert("retry-after", ALLOWANCE_RETRY_SECONDS.into());
            status
        }
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
