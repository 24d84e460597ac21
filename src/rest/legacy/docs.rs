//! `/docs.json`: the description of the older names as Swagger 1.2, for programs that know this
//! path, and beside it that of everything as OpenAPI.

use serde_json::{Map, Value, json};

use super::super::call::Call;
use super::super::docs::specification;
use super::super::problem::Problem;
use super::super::reply::Reply;
use super::form::Frame;

/// The version of the format, not of the API.
const SWAGGER: &str = "1.2";

/// Lists the older names, and includes the OpenAPI description.
#[utoipa::path(
    get, path = "/docs.json", tag = "older names",
    responses((status = 200, description = "Swagger 1.2 and OpenAPI 3.1", body = Object)),
)]
pub(in crate::rest) fn listing(call: &Call<'_>) -> Result<Reply, Problem> {
    let own = json!({
        "swaggerVersion": SWAGGER,
        "apiVersion": call.context.version,
        "apis": [{"path": "/api", "description": "Announcements, search and status"}],
    });
    answer(call, specification(), own)
}

/// Lists the older names, and includes the OpenAPI description.
#[utoipa::path(
    get, path = "/api/docs.json", tag = "older names",
    responses((status = 200, description = "Swagger 1.2 and OpenAPI 3.1", body = Object)),
)]
pub(in crate::rest) fn listing_below_api(call: &Call<'_>) -> Result<Reply, Problem> {
    listing(call)
}

/// Describes the older names one by one.
#[utoipa::path(
    get, path = "/docs.json/api", tag = "older names",
    responses((status = 200, description = "Swagger 1.2", body = Object)),
)]
pub(in crate::rest) fn declaration(call: &Call<'_>) -> Result<Reply, Problem> {
    let (message, status) = (messages(), json!([operation("GET", "getStatus", "Status")]));
    let own = json!({
        "swaggerVersion": SWAGGER,
        "apiVersion": call.context.version,
        "basePath": format!("//{}", call.relayed.host),
        "resourcePath": "/api",
        "produces": ["application/json"],
        "consumes": ["application/json"],
        "apis": [
            {"path": "/api/message", "operations": message},
            {"path": "/v1/api/message", "operations": message},
            {"path": "/api/status", "operations": status},
            {"path": "/status", "operations": status},
        ],
        "models": models(),
    });
    answer(call, json!({}), own)
}

/// Describes the older names one by one.
#[utoipa::path(
    get, path = "/api/docs.json/api", tag = "older names",
    responses((status = 200, description = "Swagger 1.2", body = Object)),
)]
pub(in crate::rest) fn declaration_below_api(call: &Call<'_>) -> Result<Reply, Problem> {
    declaration(call)
}

fn answer(call: &Call<'_>, around: Value, own: Value) -> Result<Reply, Problem> {
    let frame = serde_json::to_value(Frame::of(call)).unwrap_or_default();
    let parts = [around, frame, own].into_iter();
    let fields = parts.filter_map(|part| match part {
        Value::Object(fields) => Some(fields),
        _ => None,
    });
    let all: Map<String, Value> = fields.flatten().collect();
    Ok(Reply::json(200, &all))
}

fn operation(method: &str, nickname: &str, answer: &str) -> Value {
    json!({"method": method, "nickname": nickname, "type": answer, "parameters": []})
}

fn messages() -> Value {
    let mut announce = operation("POST", "broadCastMessage", "Announced");
    announce["summary"] = "Sends a text to all connected clients".into();
    announce["parameters"] = json!([
        {"paramType": "body", "name": "body", "type": "Announcement", "required": true},
        authorization(),
    ]);
    let mut search = operation("GET", "searchLogForMessages", "Found");
    search["summary"] = "Searches what was said; at most 100 lines".into();
    search["parameters"] = json!([
        {"paramType": "query", "name": "pattern", "type": "string", "required": false},
        authorization(),
    ]);
    json!([announce, search])
}

fn authorization() -> Value {
    json!({
        "paramType": "header", "name": "Authorization", "type": "string", "required": true,
        "description": "Bearer and the admin token, of which the server says at its start where it is",
    })
}

fn models() -> Value {
    let model = |id: &str, own: Value| json!({"id": id, "properties": own});
    let text = json!({"type": "string"});
    json!({
        "Announcement": model("Announcement", json!({"message": text})),
        "Announced": model("Announced", json!({"success": {"type": "boolean"}})),
        "Found": model("Found", json!({"occurrences": {"type": "array", "items": text}})),
        "Health": model("Health", json!({"health": text})),
        "Status": model("Status", json!({"Data": {"$ref": "Health"}})),
    })
}
