//! gRPC: administration of a chat server, and the name server.
//!
//! The libraries are tonic (services), prost (messages) and hyper (HTTP/2); they are driven by our
//! own `driver`, one thread a connection, with no async runtime. Handlers that block run on threads
//! of their own ([`Blocking`]). No chat state here: the hub is asked.

mod admin;
mod blocking;
mod calls;
mod channels;
mod driver;
mod failed;
mod health;
mod name;
mod places;
mod reflection;
mod registration;
mod routes;
mod server;
mod tail;

pub use admin::{AdminParts, AdminService, NAME as ADMIN};
pub use blocking::Blocking;
pub use channels::NAME as CHANNELS;
pub use health::{IsReady, add as add_health};
pub use name::{NAME, NameTerms, Nodes, add as add_name_service};
pub use reflection::add as add_reflection;
pub use registration::{Describe, OwnId, Registration, Terms as RegistrationTerms};
pub use routes::{Caller, Guard, Routes, Serves};
pub use server::{Limits, Stop, serve};
pub(crate) use server::{Spoken, recognise, serve_read};

/// Generated from `grpc/proto` by `tests/rest/grpc_generated.rs`.
#[allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub)]
pub mod proto {
    pub mod name {
        include!("grpc/generated/proto.rs");
    }
    pub mod admin {
        include!("grpc/generated/chat.admin.v1.rs");
    }
    pub mod health {
        include!("grpc/generated/grpc.health.v1.rs");
    }
    pub mod reflection {
        include!("grpc/generated/grpc.reflection.v1.rs");
    }
}
