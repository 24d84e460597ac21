//! HTTP requests as an administrator makes them.

use serde_json::Value;

use super::server::{DEADLINE, Server};

/// An HTTP answer, read whole.
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body as text.
    pub body: String,
}

impl Answer {
    /// The body, which must be JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }
}

impl Server {
    /// GET on the REST listener with the admin token.
    pub fn get(&self, path: &str) -> Answer {
        let request = agent().get(self.url(path));
        let request = request.header("Authorization", self.bearer());
        answer(request.call())
    }

    /// POST of JSON on the REST listener with the admin token.
    pub fn post(&self, path: &str, body: Value) -> Answer {
        let request = agent().post(self.url(path));
        let request = request.header("Authorization", self.bearer());
        answer(request.send_json(body))
    }

    /// DELETE on the REST listener with the admin token.
    pub fn delete(&self, path: &str) -> Answer {
        let request = agent().delete(self.url(path));
        let request = request.header("Authorization", self.bearer());
        answer(request.call())
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address("rest"))
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.admin_token())
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(DEADLINE))
        .build();
    config.into()
}

fn answer(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut response = result.unwrap();
    Answer {
        status: response.status().as_u16(),
        body: response.body_mut().read_to_string().unwrap(),
    }
}
