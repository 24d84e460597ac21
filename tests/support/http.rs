//! HTTP requests as an administrator makes them.

use serde_json::Value;

use super::server::{DEADLINE, Server, wait_for};

/// An HTTP answer, read whole.
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body as text.
    pub body: String,
}

impl Answer {
    /// The answer to a request that the caller made.
    pub fn of(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
        answer(result)
    }

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

    /// GET on the REST listener with another token.
    pub fn get_as(&self, token: &str, path: &str) -> Answer {
        let request = agent().get(self.url(path));
        let request = request.header("Authorization", format!("Bearer {token}"));
        answer(request.call())
    }

    /// The entries that a search of the chat log finds at this moment, the newest first. What has
    /// just happened may not be among them: entries are written a little later.
    pub fn log_now(&self, parameters: &str) -> Vec<Value> {
        let answer = self.get(&format!("/admin/log?{parameters}"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["entries"].as_array().unwrap().clone()
    }

    /// The newest entries of this kind in the chat log, once it has at least this many. If there
    /// may be others of the kind than the test looks at, these may be the ones that are there:
    /// then [`Server::log_with`] is what waits for the right ones.
    #[track_caller]
    pub fn log(&self, parameters: &str, at_least: usize) -> Vec<Value> {
        wait_for(&format!("{at_least} of {parameters} are logged"), || {
            let entries = self.log_now(parameters);
            match entries.len() >= at_least {
                true => Ok(entries),
                false => Err(format!("{entries:?}")),
            }
        })
    }

    /// The texts of [`Server::log`].
    #[track_caller]
    pub fn log_texts(&self, parameters: &str, at_least: usize) -> Vec<String> {
        texts_of(&self.log(parameters, at_least))
    }

    /// The newest entries of this kind in the chat log, once each of these texts is among them.
    #[track_caller]
    pub fn log_with(&self, parameters: &str, texts: &[&str]) -> Vec<Value> {
        wait_for(&format!("{texts:?} of {parameters} are logged"), || {
            let entries = self.log_now(parameters);
            let there = texts_of(&entries);
            match texts.iter().all(|text| there.iter().any(|it| it == text)) {
                true => Ok(entries),
                false => Err(format!("{there:#?}")),
            }
        })
    }

    /// POST of JSON on the REST listener with the admin token.
    pub fn post(&self, path: &str, body: Value) -> Answer {
        let request = agent().post(self.url(path));
        let request = request.header("Authorization", self.bearer());
        answer(request.send_json(body))
    }

    /// POST of a form on the web listener, without a token.
    pub fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let url = format!("http://{}{path}", self.web());
        answer(agent().post(url).send_form(fields.iter().copied()))
    }

    /// POST of a form on the REST listener with another token.
    pub fn post_form_as(&self, token: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = agent().post(self.url(path));
        let request = request.header("Authorization", format!("Bearer {token}"));
        answer(request.send_form(fields.iter().copied()))
    }

    /// DELETE on the REST listener with the admin token.
    pub fn delete(&self, path: &str) -> Answer {
        let request = agent().delete(self.url(path));
        let request = request.header("Authorization", self.bearer());
        answer(request.call())
    }

    /// PUT of JSON on the REST listener with the admin token.
    pub fn put(&self, path: &str, body: Value) -> Answer {
        let request = agent().put(self.url(path));
        let request = request.header("Authorization", self.bearer());
        answer(request.send_json(body))
    }

    /// PATCH of JSON on the REST listener with the admin token.
    pub fn patch(&self, path: &str, body: Value) -> Answer {
        let request = agent().patch(self.url(path));
        let request = request.header("Authorization", self.bearer());
        answer(request.send_json(body))
    }

    /// PATCH of JSON on the REST listener with another token.
    pub fn patch_as(&self, token: &str, path: &str, body: Value) -> Answer {
        let request = agent().patch(self.url(path));
        let request = request.header("Authorization", format!("Bearer {token}"));
        answer(request.send_json(body))
    }

    /// POST of JSON on the REST listener with another token.
    pub fn post_json_as(&self, token: &str, path: &str, body: Value) -> Answer {
        let request = agent().post(self.url(path));
        let request = request.header("Authorization", format!("Bearer {token}"));
        answer(request.send_json(body))
    }

    /// POST of nothing on the REST listener with another token.
    pub fn post_as(&self, token: &str, path: &str) -> Answer {
        let request = agent().post(self.url(path));
        let request = request.header("Authorization", format!("Bearer {token}"));
        answer(request.send_empty())
    }

    /// DELETE on the REST listener with another token.
    pub fn delete_as(&self, token: &str, path: &str) -> Answer {
        let request = agent().delete(self.url(path));
        let request = request.header("Authorization", format!("Bearer {token}"));
        answer(request.call())
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address("rest"))
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.admin_token())
    }
}

/// The texts of entries of the chat log.
pub fn texts_of(entries: &[Value]) -> Vec<String> {
    let texts = entries.iter().map(|entry| entry["text"].as_str());
    texts
        .map(|text| text.unwrap_or_default().to_owned())
        .collect()
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
