//! What the description of the API says about the scopes that calls need: the table of routes says
//! which, so neither can be forgotten.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi, PathItem, Ref, RefOr, ResponseBuilder};

use tiny_http::Method;

use crate::model::Power;

use super::route::{Access, Families, Route};

/// The name of the scheme of programs' tokens.
const PROGRAM: &str = "program_token";

/// Says of every call that needs a token which scope a program's token needs for it.
pub(super) fn describe(api: &mut OpenApi, routes: Families) {
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "The token of a program, made with `POST /admin/tokens`. It needs the scope that \
             the call names; for a call about one channel, `moderate:#dev` or `moderate:*`.",
        ))
        .build();
    let components = api.components.get_or_insert_default();
    components.add_security_scheme(PROGRAM, SecurityScheme::Http(scheme));
    for route in routes.iter().flat_map(|family| family.iter()) {
        if let Access::Needs(power) = route.access
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
    let own = SecurityRequirement::new(PROGRAM, [scope.as_str()]);
    operation.security.get_or_insert_default().push(own);
    let said = operation.description.get_or_insert_default();
    if !said.is_empty() {
        said.push_str("\n\n");
    }
    said.push_str(&format!("Programs need the scope `{scope}`."));
    let body = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("ErrorBody")))
        .build();
    let refused = ResponseBuilder::new()
        .description("The token lacks a scope; the message names it (`missing_scope`)")
        .content("application/json", body)
        .build();
    let responses = &mut operation.responses.responses;
    responses
        .entry("403".to_owned())
        .or_insert(RefOr::T(refused));
}
