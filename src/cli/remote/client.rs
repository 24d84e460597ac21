//! Calls a server, in bounded time and with a bounded answer.

use std::io::BufReader;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use ureq::http::Response;
use ureq::tls::RootCerts;
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body, BodyReader};

use crate::build_info;
use crate::http_client::{self, Failure, Lookup};
use crate::model::Secret;

use super::{Failed, Problem, ServerUrl};

/// The longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(30);
/// The longest silence of a stream. The server shows every 15 s that it is there, and may need a
/// minute to look up what was missed.
const SILENCE: Duration = Duration::from_secs(90);
/// The most bytes of an answer: a page of long messages.
const MOST_ANSWER: u64 = 64 << 20;
/// The most bytes of an answer's head.
const MOST_HEAD: usize = 32 << 10;
/// The longest wait that a server may ask for.
const MOST_WAIT: u64 = 24 * 3600;
const LINES: &str = "application/x-ndjson";

/// Calls one server with one token.
pub struct Client {
    agent: Agent,
    server: ServerUrl,
    bearer: Secret,
}

/// A stream of lines.
pub type Stream = BufReader<BodyReader<'static>>;

/// An answer.
pub struct Reply {
    server: ServerUrl,
    status: u16,
    retry_after: Option<String>,
    location: Option<String>,
    body: Vec<u8>,
}

impl Client {
    /// A client that trusts the system's authorities, or those in a file.
    pub fn new(server: ServerUrl, token: Secret, trust: Option<&Path>) -> Result<Client, Failed> {
        let roots = match trust {
            Some(path) => http_client::roots_in(path)
                .map_err(|error| Failed::Trust(path.to_owned(), error.to_string()))?,
            // Reading them takes a while.
            None if !server.is_secure() => RootCerts::from(Vec::new()),
            None => http_client::system_roots().0,
        };
        let config = Agent::config_builder()
            .tls_config(http_client::tls(roots))
            .user_agent(build_info::line())
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_send_body(Some(ANSWER))
            .timeout_recv_response(Some(ANSWER))
            .timeout_per_read(Some(SILENCE))
            .http_status_as_error(false)
            // The token must not go where the user has not sent it.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .max_response_header_size(MOST_HEAD)
            .max_idle_connections(1)
            .build();
        Ok(Client {
            agent: Agent::with_parts(config, DefaultConnector::default(), Lookup::default()),
            server,
            bearer: Secret::new(format!("Bearer {}", token.expose())),
        })
    }

    /// The server.
    pub fn server(&self) -> &ServerUrl {
        &self.server
    }

    /// What has gone wrong where an answer that succeeded is none of this program's server.
    pub fn foreign(&self) -> Failed {
        Problem::Foreign(self.server.clone(), 200).into()
    }

    /// Makes a GET call.
    pub fn get(&self, path: &str) -> Result<Reply, Problem> {
        let call = self.agent.get(self.server.of(path));
        let call = call.header("Authorization", self.bearer.expose());
        let call = call.config().timeout_global(Some(ANSWER)).build();
        self.reply(call.call())
    }

    /// Makes a DELETE call.
    pub fn delete(&self, path: &str) -> Result<Reply, Problem> {
        let call = self.agent.delete(self.server.of(path));
        let call = call.header("Authorization", self.bearer.expose());
        let call = call.config().timeout_global(Some(ANSWER)).build();
        self.reply(call.call())
    }

    /// Makes a PATCH call.
    pub fn patch(&self, path: &str, body: &str) -> Result<Reply, Problem> {
        let call = self.agent.patch(self.server.of(path));
        let call = call.header("Content-Type", "application/json");
        let call = call.header("Authorization", self.bearer.expose());
        let call = call.config().timeout_global(Some(ANSWER)).build();
        self.reply(call.send(body))
    }

    /// Makes a POST call that may take so long.
    pub fn post(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        body: &str,
        time: Duration,
    ) -> Result<Reply, Problem> {
        let mut call = self.agent.post(self.server.of(path));
        for (name, value) in fields {
            call = call.header(*name, *value);
        }
        let call = call.header("Authorization", self.bearer.expose());
        let call = call.config().timeout_global(Some(time.min(ANSWER))).build();
        self.reply(call.send(body))
    }

    /// Opens an event stream as lines of JSON, after a cursor if there is one. Reading fails when
    /// the server is silent for long.
    pub fn events(&self, path: &str, cursor: Option<&str>) -> Result<Stream, Problem> {
        let mut call = self.agent.get(self.server.of(path)).header("Accept", LINES);
        if let Some(cursor) = cursor {
            call = call.header("Last-Event-ID", cursor);
        }
        let call = call.header("Authorization", self.bearer.expose());
        let answer = call.call().map_err(|error| self.no_answer(&error))?;
        let kind = answer.headers().get("Content-Type");
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if answer.status() == 200 && kind.starts_with(LINES) {
            return Ok(BufReader::new(answer.into_body().into_reader()));
        }
        let reply = self.read(answer)?;
        let status = reply.status;
        reply.json()?;
        Err(Problem::Foreign(self.server.clone(), status))
    }

    fn reply(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<Reply, Problem> {
        self.read(answer.map_err(|error| self.no_answer(&error))?)
    }

    fn read(&self, mut answer: Response<Body>) -> Result<Reply, Problem> {
        let field = |name: &str| {
            let value = answer.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let (retry_after, location) = (field("Retry-After"), field("Location"));
        let body = answer.body_mut().with_config().limit(MOST_ANSWER);
        let body = body.read_to_vec();
        Ok(Reply {
            server: self.server.clone(),
            status: answer.status().as_u16(),
            retry_after,
            location,
            body: body.map_err(|error| self.no_answer(&error))?,
        })
    }

    fn no_answer(&self, error: &ureq::Error) -> Problem {
        Problem::NoAnswer(self.server.clone(), Failure::of(error))
    }
}

impl Reply {
    /// What the server answers to a call that has succeeded; `null` if there is no body.
    pub fn json(self) -> Result<Value, Problem> {
        let body = serde_json::from_slice::<Value>(&self.body);
        match (self.status, body) {
            (200..=299, Ok(body)) => Ok(body),
            (204, _) => Ok(Value::Null),
            (300..=399, _) if self.location.is_some() => {
                Err(Problem::Elsewhere(self.location.unwrap_or_default()))
            }
            (status, body) => Err(self.problem(status, &body.unwrap_or_default())),
        }
    }

    fn problem(&self, status: u16, body: &Value) -> Problem {
        let error = &body["error"];
        let code = error["code"].as_str().unwrap_or_default();
        let why = error["message"].as_str().map(str::to_owned);
        match (status, why) {
            (401, Some(why)) => Problem::Token(why),
            (403, Some(why))
                if matches!(code, "missing_scope" | "missing_role" | "no_nickname") =>
            {
                Problem::Token(why)
            }
            (429 | 503, Some(why)) => Problem::Later {
                why,
                wait: self.wait(),
                is_open: code == "unanswered",
            },
            (400..=599, Some(why)) => Problem::Refused(why),
            // A proxy that does not reach the server.
            (429 | 502..=504, None) => Problem::Later {
                why: format!("{} answers {status}", self.server),
                wait: self.wait(),
                is_open: status != 429,
            },
            _ => Problem::Foreign(self.server.clone(), status),
        }
    }

    fn wait(&self) -> Option<Duration> {
        let seconds = self.retry_after.as_ref()?.trim().parse::<u64>().ok()?;
        Some(Duration::from_secs(seconds.min(MOST_WAIT)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: u16, body: &str) -> Result<Value, Problem> {
        let reply = Reply {
            server: ServerUrl::default(),
            status,
            retry_after: Some("7".into()),
            location: Some("https://b".into()),
            body: body.into(),
        };
        reply.json()
    }

    #[test]
    fn an_answer_says_what_to_do() {
        let error = |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"why"}}}}"#);
        let why = || "why".to_owned();
        let later = |why: String, is_open| Problem::Later {
            why,
            wait: Some(Duration::from_secs(7)),
            is_open,
        };
        let foreign = |status| Problem::Foreign(ServerUrl::default(), status);
        assert_eq!(outcome(201, "{}"), Ok(serde_json::json!({})));
        assert_eq!(outcome(204, ""), Ok(Value::Null));
        for (status, body, problem) in [
            (200, "<html>", foreign(200)),
            (404, "<html>", foreign(404)),
            (301, "", Problem::Elsewhere("https://b".into())),
            (401, &error("unauthorised"), Problem::Token(why())),
            (403, &error("missing_scope"), Problem::Token(why())),
            (403, &error("banned"), Problem::Refused(why())),
            (404, &error("no_such_channel"), Problem::Refused(why())),
            (429, &error("too_fast"), later(why(), false)),
            (503, &error("busy"), later(why(), false)),
            (503, &error("unanswered"), later(why(), true)),
            (500, &error("internal_error"), Problem::Refused(why())),
            (
                502,
                "",
                later("http://127.0.0.1:4001 answers 502".into(), true),
            ),
        ] {
            assert_eq!(outcome(status, body), Err(problem), "{status} {body}");
        }
    }
}
