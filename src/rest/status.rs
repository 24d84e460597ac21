//! `/api/status`, `/healthz`, `/readyz` and `/metrics`: the state of the server.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use serde::Serialize;
use tiny_http::Method;
use utoipa::ToSchema;

use crate::build_info;
use crate::hub::Counts;
use crate::metrics::{CONTENT_TYPE, PLAIN_CONTENT_TYPE, Protocol};
use crate::model::Power;
use crate::model::time::unix_ms_of;

use super::accept;
use super::call::Call;
use super::legacy::{Frame, Refused};
use super::problem::{ErrorBody, Problem};
use super::reply::{Reply, rfc3339};
use super::route::{Handler, Route};

pub(super) const ROUTES: &[Route] = &[
    open("/api/status", status),
    open("/status", status_of_old),
    open("/healthz", healthz),
    open("/readyz", readyz),
    Route::needs(Power::Metrics, Method::Get, "/metrics", metrics),
];

const fn open(path: &'static str, run: Handler) -> Route {
    Route::for_everyone(Method::Get, path, run)
}

/// The state of the server.
#[derive(Serialize, ToSchema)]
struct Status {
    #[serde(flatten)]
    frame: Frame,
    /// For older programs.
    #[serde(rename = "Data")]
    data: Data,
    /// `ok`, or `degraded` while `/readyz` says why.
    status: &'static str,
    version: &'static str,
    /// The commit it was built from, or `unknown`.
    commit: &'static str,
    /// The optional features that the program was built with.
    features: &'static [&'static str],
    #[schema(format = DateTime)]
    started_at: String,
    uptime_seconds: u64,
    /// Connections, with or without a nickname.
    connections: usize,
    /// Nicknames in use.
    users: usize,
    channels: usize,
}

/// The state of the server, in one word.
#[derive(Serialize, ToSchema)]
struct Data {
    /// As `status`.
    health: &'static str,
}

/// Whether the process is alive.
#[derive(Serialize, ToSchema)]
struct Health {
    /// Always `ok`.
    status: &'static str,
}

/// Whether the server can do its work.
#[derive(Serialize, ToSchema)]
struct Ready {
    ready: bool,
    /// What is wrong, by part of the server.
    reasons: BTreeMap<&'static str, String>,
}

/// Reports health, version, uptime and counts.
#[utoipa::path(
    get, path = "/api/status", tag = "status",
    responses(
        (status = 200, description = "How the server is", body = Status),
        (status = 503, description = "The hub does not answer", body = Refused),
    ),
)]
pub(super) fn status(call: &Call<'_>) -> Result<Reply, Problem> {
    let counts = counts(call)?;
    let context = call.context;
    let uptime = Timestamp::now().duration_since(context.started);
    let degraded = !context.readiness.hindrances().is_empty();
    let health = if degraded { "degraded" } else { "ok" };
    let status = Status {
        frame: Frame::of(call),
        data: Data { health },
        status: health,
        version: context.version,
        commit: build_info::commit(),
        features: build_info::FEATURES,
        started_at: rfc3339(unix_ms_of(context.started.into())),
        uptime_seconds: u64::try_from(uptime.as_secs()).unwrap_or(0),
        connections: counts.connections,
        users: counts.users,
        channels: counts.channels,
    };
    Ok(Reply::json(200, &status))
}

/// Reports health, version, uptime and counts.
#[utoipa::path(
    get, path = "/status", tag = "older names",
    responses(
        (status = 200, description = "How the server is", body = Status),
        (status = 503, description = "The hub does not answer", body = Refused),
    ),
)]
pub(super) fn status_of_old(call: &Call<'_>) -> Result<Reply, Problem> {
    status(call)
}

/// Reports whether the process is alive.
#[utoipa::path(
    get, path = "/healthz", tag = "status",
    responses((status = 200, description = "It is", body = Health)),
)]
pub(super) fn healthz(_: &Call<'_>) -> Result<Reply, Problem> {
    Ok(Reply::json(200, &Health { status: "ok" }))
}

/// Reports whether the server can do its work.
#[utoipa::path(
    get, path = "/readyz", tag = "status",
    responses(
        (status = 200, description = "It can", body = Ready),
        (status = 503, description = "It cannot, and why", body = Ready),
    ),
)]
pub(super) fn readyz(call: &Call<'_>) -> Result<Reply, Problem> {
    let mut reasons = call.context.readiness.hindrances();
    if let Err(problem) = counts(call) {
        reasons.insert("hub", problem.to_string());
    }
    let ready = reasons.is_empty();
    let status = if ready { 200 } else { 503 };
    Ok(Reply::json(status, &Ready { ready, reasons }))
}

/// Reports the metrics, for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "status", security(("admin_token" = []), ("metrics_token" = [])),
    responses(
        (status = 200, description = "OpenMetrics text, or for Accept: text/plain the text \
            format of Prometheus", content(
                (String = "application/openmetrics-text"),
                (String = "text/plain"),
            )),
        (status = 401, description = "Neither the admin token nor that for metrics", body = ErrorBody),
    ),
)]
pub(super) fn metrics(call: &Call<'_>) -> Result<Reply, Problem> {
    let context = call.context;
    let metrics = &context.metrics;
    metrics.hub_queue.set(context.hub.queue_length() as u64);
    set(&metrics.log_entries_dropped, context.log.dropped());
    let hub = context.hub.ask(|hub, _, _| (hub.counts(), hub.protocols()));
    // Without an answer the other metrics still tell why.
    metrics.hub_answered.set(u64::from(hub.is_ok()));
    let is_ready = hub.is_ok() && context.readiness.hindrances().is_empty();
    metrics.ready.set(u64::from(is_ready));
    if let Ok((counts, protocols)) = hub {
        metrics.users.set(counts.users as u64);
        metrics.channels.set(counts.channels as u64);
        for (protocol, counts) in protocols {
            let protocol = Protocol { protocol };
            let open = metrics.connections.get_or_create_owned(&protocol);
            open.set(counts.open as u64);
            let opened = metrics.connections_opened.get_or_create_owned(&protocol);
            set(&opened, counts.opened);
        }
    }
    // A client that accepts neither gets the one that every program can read.
    let forms = &["application/openmetrics-text", "text/plain"];
    let reply = match accept::best(call.accept, forms) {
        Some("application/openmetrics-text") => {
            Reply::of(CONTENT_TYPE, metrics.encode().into_bytes())
        }
        _ => Reply::of(PLAIN_CONTENT_TYPE, metrics.encode_plain().into_bytes()),
    };
    Ok(reply.varies_by("Accept"))
}

/// Sets a counter to a value counted elsewhere.
fn set(counter: &Counter, count: u64) {
    counter.inner().store(count, Ordering::Relaxed);
}

fn counts(call: &Call<'_>) -> Result<Counts, Problem> {
    Ok(call.context.hub.ask(|hub, _, _| hub.counts())?)
}
