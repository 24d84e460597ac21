//! Whom a reverse proxy names, as clients are told.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::Named;

use super::call::Call;

/// Whom a reverse proxy names, for `POST /auth/remote`.
#[derive(Serialize, ToSchema)]
pub(super) struct RemoteUser {
    /// As the proxy says; missing if it names nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Where those who sign out are led; missing if nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    logout_url: Option<String>,
}

impl RemoteUser {
    /// Whom the proxy of a call names; `None` if no proxy is asked.
    pub(super) fn of(call: &Call<'_>) -> Option<RemoteUser> {
        let name = match &call.relayed.named {
            Named::NotAsked => return None,
            Named::Nobody => None,
            Named::User(user) => Some(user.name.clone()),
        };
        let rules = call.context.accounts.remote_rules();
        let logout_url = Some(rules.logout_url).filter(|url| !url.is_empty());
        Some(RemoteUser { name, logout_url })
    }
}
