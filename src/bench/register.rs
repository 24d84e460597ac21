//! Registers accounts for clients that need one, before anything is measured: hashing a password
//! takes the server some 30 ms of one core, on purpose.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use data_encoding::BASE32_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::Run;
use super::error::{BenchError, Step};
use super::random::fill;
use super::swarm::Swarm;

/// Registrations at once: more than a server has cores, but too few to fill its queue.
const AT_ONCE: usize = 16;
/// How often to check for progress.
const GLANCE: Duration = Duration::from_secs(1);
/// A longer answer is not the expected one.
const LONGEST_ANSWER: usize = 64 * 1024;

/// The fields in which registration forms differ.
pub(super) struct Form {
    /// Username.
    pub(super) username: String,
    /// Telephone number.
    pub(super) phone: String,
}

/// Registers that many accounts. Returns a token for each: a JWT signed with its access token. The
/// passwords are not kept.
pub(super) fn register(
    run: &Run,
    count: usize,
    form: impl Fn(usize) -> Form,
) -> Result<Vec<String>, BenchError> {
    run.progress.begin("registering", count as u64);
    let mut swarm = Swarm::new(run)?;
    let mut random = [0; 20];
    fill(&mut random)?;
    let password = BASE32_NOPAD.encode(&random);
    let at_once = run.options.at_once.min(AT_ONCE);
    let mut registering = Registering {
        under_way: HashMap::new(),
        tokens: vec![String::new(); count],
        registered: 0,
    };
    let mut begun = 0;
    let mut last = Instant::now();
    while registering.registered < count {
        while begun < count && registering.under_way.len() < at_once {
            let index = swarm.connect(String::new())?;
            swarm.send(index, &request(&form(begun), &password))?;
            registering.under_way.insert(index, (begun, Vec::new()));
            begun += 1;
        }
        let before = registering.registered;
        swarm.poll(GLANCE, |swarm, index, text| {
            registering.hear(swarm, index, text)
        })?;
        if registering.registered > before {
            last = Instant::now();
        } else if last.elapsed() > swarm.patience() {
            return Err(BenchError::NotLetIn {
                step: Step::Registration,
                inside: registering.registered,
                patience: swarm.patience(),
                heard: registering.heard(),
            });
        }
        run.progress.reach(registering.registered as u64);
    }
    Ok(registering.tokens)
}

struct Registering {
    /// By client: the form it has sent and the answer so far.
    under_way: HashMap<usize, (usize, Vec<u8>)>,
    tokens: Vec<String>,
    registered: usize,
}

impl Registering {
    /// An answer ends with its connection.
    fn hear(&mut self, swarm: &mut Swarm, index: usize, text: &[u8]) -> Result<(), BenchError> {
        if !text.is_empty() {
            let Some((_, answer)) = self.under_way.get_mut(&index) else {
                return Ok(());
            };
            answer.extend_from_slice(text);
            return match answer.len() > LONGEST_ANSWER {
                true => Err(BenchError::Garbled("an answer without an end")),
                false => Ok(()),
            };
        }
        swarm.close(index);
        let Some((number, answer)) = self.under_way.remove(&index) else {
            return Ok(());
        };
        let token = signed(&answer).map_err(|heard| BenchError::Refused {
            step: Step::Registration,
            inside: self.registered,
            heard,
        })?;
        if let Some(slot) = self.tokens.get_mut(number) {
            *slot = token;
            self.registered += 1;
        }
        Ok(())
    }

    /// What was said to a client that is still waiting.
    fn heard(&self) -> String {
        let answers = self.under_way.values().map(|(_, answer)| answer);
        let longest = answers.max_by_key(|answer| answer.len());
        longest.map_or_else(String::new, |answer| {
            String::from_utf8_lossy(answer).into_owned()
        })
    }
}

fn request(form: &Form, password: &str) -> Vec<u8> {
    let username = &form.username;
    let body = json!({
        "first_name": "Bench", "last_name": "Mark", "username": username,
        "password": password, "email": format!("{username}@bench.invalid"), "phone": form.phone,
    });
    let body = body.to_string();
    format!(
        "POST /api/register HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A JWT signed with the token in an answer, or an error with the answer's words.
fn signed(answer: &[u8]) -> Result<String, String> {
    let body = memchr::memmem::find(answer, b"\r\n\r\n").map_or(0, |end| end + 4);
    let body = answer.get(body..).unwrap_or_default();
    let heard = || String::from_utf8_lossy(answer).into_owned();
    let envelope: Value = serde_json::from_slice(body).map_err(|_| heard())?;
    let field = |name: &str| envelope.pointer(&format!("/data/0/token/{name}"))?.as_str();
    let (Some(id), Some(secret)) = (field("access_key_id"), field("secret_access_key")) else {
        return Err(match envelope.get("error") {
            Some(error) if error.is_object() => error.to_string(),
            _ => heard(),
        });
    };
    let mut header = Header::new(Algorithm::HS256);
    header.extras.insert("access_key", id);
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&header, &json!({}), &key).map_err(|error| format!("no token to sign with: {error}"))
}
