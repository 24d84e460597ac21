//! What the description of the API says about the scopes and roles that calls need: the table of
//! routes says which, so none can be forgotten.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi, PathItem, Ref, RefOr, ResponseBuilder};

use tiny_http::Method;

use crate::model::{Power, ServerRole};

use super::route::{Access, Families, Route};

/// The name of the scheme of programs' tokens.
const PROGRAM: &str = "program_token";
/// The name of the scheme of accounts with a role.
const ROLE: &str = "account_with_role";

/// Says of every call that needs a token which scope a program's token needs for it, and which role
/// an account.
pub(super) fn describe(api: &mut OpenApi, routes: Families) {
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "The token of a program, made with `POST /admin/tokens`. It needs the scope that \
             the call names; for a call about one channel, `moderate:#dev` or `moderate:*`.",
        ))
        .build();
    let of_accounts = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "The token of `POST /auth` of an account with a role on the server, which \
             administrators give by `PATCH /admin/accounts/{username}`.",
        ))
        .build();
    let components = api.components.get_or_insert_default();
    components.add_security_scheme(PROGRAM, SecurityScheme::Http(scheme));
    components.add_security_scheme(ROLE, SecurityScheme::Http(of_accounts));
    for route in routes.iter().flat_map(|family| family.iter()) {
        if let Access::Needs(power) | Access::AccountOr(power) = route.access
            && let Some(item) = api.paths.paths.get_mut(route.path)
            && let Some(operation) = operation(item, route)
        {
            name_scope(operation, power);
        }
    }
}

fn operation<'a>(item: &'a mut PathItem, route: &Route) -> Option<&'a mut Operation> {
    match route.method {
        Method::Get => item.get.as_mut(),
        Method::Put => item.put.as_mut(),
        Method::Post => item.post.as_mut(),
        Method::Delete => item.delete.as_mut(),
        Method::Patch => item.patch.as_mut(),
        _ => None,
    }
}

fn name_scope(operation: &mut Operation, power: Power) {
    let scope = match power.is_of_channels() {
        true => format!("{}:#channel", power.word()),
        false => power.word().to_owned(),
    };
    let role = ServerRole::needed_for(power).word();
    let needs = operation.security.get_or_insert_default();
    needs.push(SecurityRequirement::new(PROGRAM, [scope.as_str()]));
    needs.push(SecurityRequirement::new(ROLE, [role]));
    let said = operation.description.get_or_insert_default();
    if !said.is_empty() {
        said.push_str("\n\n");
    }
    said.push_str(&format!(
        "Programs need the scope `{scope}`, accounts the role {role}."
    ));
    let body = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("ErrorBody")))
        .build();
    let refused = ResponseBuilder::new()
        .description(
            "The token lacks a scope (`missing_scope`), or the account the role \
             (`missing_role`); the message names it",
        )
        .content("application/json", body)
        .build();
    let responses = &mut operation.responses.responses;
    responses
        .entry("403".to_owned())
        .or_insert(RefOr::T(refused));
}
