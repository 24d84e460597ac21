//! The health service of gRPC.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use tonic::{Request, Response, Status};

use super::driver::Timers;
use super::proto::health::health_check_response::ServingStatus;
use super::proto::health::health_server::{Health, HealthServer};
use super::proto::health::{HealthCheckRequest, HealthCheckResponse};
use super::routes::{Caller, Routes};

/// How often to check for a change while a client watches.
const LOOK: Duration = Duration::from_secs(1);

/// Returns whether the server can do its work.
pub type IsReady = Arc<dyn Fn() -> bool + Send + Sync>;

/// Adds the health service for these services.
pub fn add(routes: Routes, services: &[&'static str], is_ready: IsReady) -> Routes {
    let services = services.to_vec();
    routes.with(HealthServer::new(Answers { services, is_ready }))
}

#[derive(Clone)]
struct Answers {
    services: Vec<&'static str>,
    is_ready: IsReady,
}

impl Answers {
    fn of(&self, service: &str) -> ServingStatus {
        let is_known = service.is_empty() || self.services.contains(&service);
        match is_known {
            false => ServingStatus::ServiceUnknown,
            true if (self.is_ready)() => ServingStatus::Serving,
            true => ServingStatus::NotServing,
        }
    }

    /// Waits until the status differs from `before`.
    async fn change(
        &self,
        service: &str,
        before: Option<ServingStatus>,
        timers: &Timers,
    ) -> ServingStatus {
        loop {
            let now = self.of(service);
            if Some(now) != before {
                return now;
            }
            timers.after(LOOK).await;
        }
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

#[tonic::async_trait]
impl Health for Answers {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        match self.of(&request.into_inner().service) {
            ServingStatus::ServiceUnknown => {
                Err(Status::not_found("there is no such service here"))
            }
            status => Ok(Response::new(response(status))),
        }
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let timers = Caller::of(&request)?.timers.clone();
        let state = (self.clone(), request.into_inner().service, timers, None);
        let changes = stream::unfold(state, |(answers, service, timers, before)| async move {
            let now = answers.change(&service, before, &timers).await;
            let state = (answers, service, timers, Some(now));
            Some((Ok(response(now)), state))
        });
        Ok(Response::new(Box::pin(changes)))
    }
}
