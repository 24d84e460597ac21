//! gRPC.
mod driver;
