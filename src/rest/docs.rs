//! The API's description of itself: `/openapi.json` and Swagger UI at `/docs/`.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock};

use tiny_http::Method;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::Config;

use crate::http::{File, Found};

use super::call::Call;
use super::problem::Problem;
use super::reply::Reply;
use super::route::{Families, Route};
use super::{
    accounts, admin_accounts, announce, auth, bans, channels, events, found, hooks, invitations,
    keeping, legacy, log, mending, messages, nodes, outgoing, own_account, passwords, posts,
    remote, resets, scopes, sign_ins, status, tokens, users,
};

pub(super) const ROUTES: &[Route] = &[Route::for_everyone(Method::Get, "/openapi.json", openapi)];

/// The files of Swagger UI, which are part of the program.
const FILES: &[&str] = &[
    "index.html",
    "index.css",
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-initializer.js",
    "favicon-16x16.png",
    "favicon-32x32.png",
];

/// Swagger UI sets styles on single elements and has images in its styles.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'; object-src 'none'";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Chat server",
        description = "Administration and status, accounts and direct messages. The admin token's \
                       file is named at start-up.",
    ),
    paths(
        users::list_users, users::disconnect_user,
        channels::list_channels, channels::show_channel, channels::change_channel,
        channels::set_role, channels::remove_role, channels::remove_member,
        channels::list_entries, channels::add_entry, channels::remove_entry,
        channels::invite, channels::withdraw, channels::register, channels::drop_registration,
        bans::list_bans, bans::ban, bans::unban,
        announce::announce,
        auth::auth, auth::look_at_pass, auth::register, auth::show_registration, auth::renew_pass, auth::give_up_pass,
        passwords::set_password, remote::sign_in_remote_user, resets::look_at_link, resets::reset_password,
        admin_accounts::list_accounts, admin_accounts::change_account,
        admin_accounts::delete_account, admin_accounts::offer_reset, admin_accounts::show_erasing,
        own_account::show_own_account, own_account::change_own_account,
        own_account::change_own_password, own_account::delete_own_account, keeping::show_keeping, keeping::set_keeping,
        sign_ins::list_sign_ins, sign_ins::end_sign_in, sign_ins::end_sign_ins,
        invitations::invite, invitations::list_invitations, invitations::withdraw_invitation,
        found::search_messages,
        log::search_log,
        status::status, status::healthz, status::readyz, status::metrics,
        nodes::list_nodes, nodes::best_node,
        status::status_of_old,
        legacy::post_message, legacy::post_message_v1,
        legacy::find_message, legacy::find_message_v1,
        legacy::listing, legacy::listing_below_api,
        legacy::declaration, legacy::declaration_below_api,
        accounts::register, accounts::log_in, accounts::log_out, accounts::refresh,
        mending::edit_message, mending::delete_message, mending::react,
        mending::take_reaction_back, mending::remove_message,
        messages::inbox, messages::thread, messages::mark_read, messages::not_upgraded,
        posts::post_message, posts::read_messages, events::follow,
        hooks::post_to_hook, hooks::add_hook, hooks::list_hooks, hooks::remove_hook,
        hooks::add_own_hook, hooks::list_own_hooks, hooks::remove_own_hook,
        outgoing::list_deliveries, outgoing::resend, outgoing::test_hook,
        outgoing::list_own_deliveries, outgoing::resend_own, outgoing::test_own_hook,
        tokens::add_token, tokens::list_tokens, tokens::remove_token,
        openapi,
    ),
    // Beside this description, wherever a proxy puts that.
    servers((url = ".")),
    modifiers(&Tokens),
)]
struct Api;

struct Tokens;

impl Modify for Tokens {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("admin_token", SecurityScheme::Http(scheme));
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("`admin.metrics_token`, for the metrics alone."))
            .build();
        components.add_security_scheme("metrics_token", SecurityScheme::Http(scheme));
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some(
                "Signed (HS256) with a token's secret_access_key; its header names the \
                 access_key_id as access_key.",
            ))
            .build();
        components.add_security_scheme("account_token", SecurityScheme::Http(scheme));
    }
}

/// The table of routes, which says what scope each call needs.
static DESCRIBED: OnceLock<Families> = OnceLock::new();

static SPECIFICATION: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut api = Api::openapi();
    scopes::describe(&mut api, DESCRIBED.get().copied().unwrap_or_default());
    api.to_json().unwrap_or_default().into_bytes()
});

/// Takes the table of routes, before anything is described.
pub(super) fn take_routes(routes: Families) {
    // It is always the same.
    let _ = DESCRIBED.set(routes);
}

/// The description as a JSON value.
pub(super) fn specification() -> serde_json::Value {
    serde_json::from_slice(&SPECIFICATION).unwrap_or_default()
}

static SWAGGER: LazyLock<HashMap<String, File>> = LazyLock::new(|| {
    // Relative, so that it works behind a proxy that adds a path of its own.
    let config = Arc::new(Config::from("../openapi.json"));
    let files = FILES.iter().filter_map(|name| {
        let file = utoipa_swagger_ui::serve(name, config.clone()).ok()??;
        let path = match *name {
            "index.html" => "/docs/".to_owned(),
            name => format!("/docs/{name}"),
        };
        Some((path, File::new(file.content_type, POLICY, file.bytes)))
    });
    files.collect()
});

/// A file of Swagger UI. The front answers with these itself: they are large, and a client that
/// reads slowly must not occupy a worker.
pub fn file(path: &str) -> Option<Found> {
    match path {
        "/docs" => Some(Found::Elsewhere("docs/")),
        path if path.starts_with("/docs/") => SWAGGER.get(path).map(Found::File),
        _ => None,
    }
}

/// This description.
#[utoipa::path(
    get, path = "/openapi.json", tag = "documentation",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)),
)]
pub(super) fn openapi(_: &Call<'_>) -> Result<Reply, Problem> {
    Ok(Reply::of("application/json", SPECIFICATION.clone()))
}

#[cfg(test)]
mod tests {
    use super::super::route::Access;
    use super::super::router::FAMILIES;
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_route_is_described_and_nothing_else() {
        take_routes(FAMILIES);
        let api = specification();
        let mut described = BTreeSet::new();
        for (path, methods) in api["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let secured = operation.get("security").is_some();
                let parameters = operation["parameters"].as_array();
                let query: BTreeSet<String> = parameters
                    .into_iter()
                    .flatten()
                    .filter(|parameter| parameter["in"] == "query")
                    .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
                    .collect();
                described.insert((path.clone(), method.to_uppercase(), secured, query));
            }
        }
        let routes = FAMILIES.iter().flat_map(|family| family.iter());
        let served: BTreeSet<_> = routes
            .map(|route| {
                let query = route.query.iter().map(|name| (*name).to_owned());
                let secured = route.access != Access::Everyone;
                let method = route.method.to_string();
                (route.path.to_owned(), method, secured, query.collect())
            })
            .collect();
        assert_eq!(described, served);
    }

    #[test]
    fn swagger_ui_is_complete() {
        for name in FILES {
            let path = format!("/docs/{name}").replace("index.html", "");
            assert!(matches!(file(&path), Some(Found::File(_))), "{path}");
        }
        assert!(file("/docs/../etc/passwd").is_none());
        assert!(file("/docsx").is_none());
    }
}
