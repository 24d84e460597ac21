//! Administrators and their programs: REST, gRPC, metrics, and the HTTP front
//! before them.

#[path = "../support/mod.rs"]
mod support;

mod administration;
mod audit_trail;
mod bot_mending;
mod bots;
mod channels;
mod events;
#[cfg(feature = "grpc")]
mod grpc_admin;
#[cfg(feature = "grpc-generate")]
mod grpc_generated;
#[cfg(feature = "grpc")]
mod grpc_limits;
#[cfg(feature = "grpc")]
mod grpc_name_server;
mod handing_on;
mod hook_makers;
mod hooks;
mod http_edges;
mod http_front;
mod http_support;
mod metrics_access;
mod outgoing;
mod outgoing_turns;
mod posts;
mod rest_api;
mod tokens;
