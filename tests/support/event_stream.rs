//! A client of `/api/events`, which sees exactly the bytes that `curl -N` gets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use super::programs::Told;
use super::server::{DEADLINE, Server};

/// An event stream as server-sent events.
pub struct EventStream {
    reader: BufReader<TcpStream>,
    /// The head of the answer.
    pub head: String,
    /// The last cursor that came.
    pub cursor: String,
}

impl EventStream {
    /// Opens a stream at the REST listener; the refusal, if it is refused.
    pub fn open(server: &Server, token: &str, query: &str) -> Result<EventStream, Told> {
        EventStream::open_at(server.rest().unwrap(), token, query, "")
    }

    /// The same after a cursor.
    pub fn resume(
        server: &Server,
        token: &str,
        query: &str,
        cursor: &str,
    ) -> Result<EventStream, Told> {
        let fields = format!("Last-Event-ID: {cursor}\r\n");
        let stream = EventStream::open_at(server.rest().unwrap(), token, query, &fields)?;
        // It may be cut off again before it tells anything.
        Ok(EventStream {
            cursor: cursor.to_owned(),
            ..stream
        })
    }

    /// Opens a stream with more fields of the head.
    pub fn open_at(
        at: SocketAddr,
        token: &str,
        query: &str,
        fields: &str,
    ) -> Result<EventStream, Told> {
        let mut stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let request = format!(
            "GET /api/events?{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
             {fields}\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        if status != 200 {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("Content-Length: "));
            let mut body = vec![0; length.unwrap().parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            return Err(Told {
                status,
                head,
                body: String::from_utf8(body).unwrap(),
            });
        }
        Ok(EventStream {
            reader,
            head,
            cursor: String::new(),
        })
    }

    /// A line without its end; `None` at the end of the stream, or where it broke.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) if !line.ends_with('\n') => None,
            Ok(_) => Some(line.trim_end_matches('\n').to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("no line: {error}"),
        }
    }

    /// The next event, and what it says; `None` at the end of the stream.
    pub fn next(&mut self) -> Option<(String, Value)> {
        let (mut name, mut data, mut cursor) = (String::new(), String::new(), None);
        loop {
            let line = self.line()?;
            if line.is_empty() {
                if let Some(cursor) = cursor.take() {
                    self.cursor = cursor;
                }
                if !data.is_empty() {
                    let told = serde_json::from_str(&data).expect(&data);
                    return Some((name, told));
                }
                name.clear();
                continue;
            }
            let (field, value) = line.split_once(": ").unwrap_or((&line, ""));
            match field {
                "event" => name = value.to_owned(),
                "data" => data.push_str(value),
                "id" => cursor = Some(value.to_owned()),
                "retry" | "" => {}
                other => panic!("unexpected field {other:?}: {line}"),
            }
        }
    }

    /// Skips events until one of this name, and returns what it says.
    #[track_caller]
    pub fn expect(&mut self, name: &str) -> Value {
        let mut seen = Vec::new();
        while let Some((event, told)) = self.next() {
            if event == name {
                return told;
            }
            seen.push(format!("{event} {told}"));
        }
        panic!("the stream has ended without {name}: {seen:#?}");
    }

    /// The next message must say this.
    #[track_caller]
    pub fn expect_message(&mut self, text: &str) -> Value {
        let told = self.expect("message");
        assert_eq!(told["text"], text, "{told}");
        told
    }

    /// Waits until the stream is live in so many channels.
    #[track_caller]
    pub fn caught_up(mut self, channels: usize) -> EventStream {
        for _ in 0..channels {
            self.expect("caught_up");
        }
        self
    }
}
