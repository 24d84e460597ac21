//! BATCH: messages of several lines (`draft/multiline`), gathered here until they are
//! complete. A fault ends the message; its further lines are dropped.

use std::sync::Arc;

use crate::model::{Body, MessageKind};
use crate::protocol::irc::Cap;
use crate::protocol::irc::commands::{Spec, Verb};
use crate::protocol::irc::message::Message;
use crate::protocol::irc::multiline::{CONCAT, Fault, Multiline};
use crate::protocol::irc::tags::for_clients;

use super::IrcSession;
use crate::session::attached::Flow;

impl IrcSession {
    pub(super) fn batch(&mut self, message: &Message<'_>) -> Flow {
        if !self.reader.has(Cap::Multiline) {
            return self.unknown("BATCH");
        }
        let name = message.param(0);
        if let Some(name) = name.strip_prefix('-') {
            return self.end_batch(name);
        }
        let (Some(name), "draft/multiline") = (name.strip_prefix('+'), message.param(1)) else {
            return self.multiline_fault(Fault::Invalid);
        };
        if self.multiline.is_some() || name.is_empty() || message.param(2).is_empty() {
            return self.multiline_fault(Fault::Invalid);
        }
        let mut begun = Multiline::begin(name, message.param(2), for_clients(message.tags));
        // The answer to the batch is the answer to its end.
        begun.label = std::mem::take(&mut self.label);
        self.multiline = Some(Box::new(begun));
        Flow::Continue
    }

    /// Takes a line that says that it belongs to a batch.
    pub(super) fn add_line(&mut self, spec: &Spec, batch: &str, message: &Message<'_>) -> Flow {
        // Of a message that has failed, the rest is dropped.
        let Some(gathered) = &mut self.multiline else {
            return Flow::Continue;
        };
        let command = match spec.verb {
            Verb::Privmsg => "PRIVMSG",
            Verb::Notice => "NOTICE",
            _ => return self.multiline_fault(Fault::Invalid),
        };
        if gathered.batch != batch {
            return self.multiline_fault(Fault::Invalid);
        }
        let goes_on = message.tag(CONCAT).is_some();
        let line = (message.param(0), message.param(1));
        match gathered.add(command, line, goes_on) {
            Ok(()) => Flow::Continue,
            Err(fault) => self.multiline_fault(fault),
        }
    }

    fn end_batch(&mut self, name: &str) -> Flow {
        let Some(gathered) = self.multiline.take() else {
            return Flow::Continue;
        };
        self.take_label(&gathered);
        let body = body_of(&gathered);
        if gathered.batch != name || body.is_empty() {
            return self.multiline_fault(Fault::Invalid);
        }
        self.say_to(gathered.command, &gathered.target, body)
    }

    /// What follows answers the batch, if the client still wants answers with labels.
    fn take_label(&mut self, gathered: &Multiline) {
        if self.reader.has(Cap::LabeledResponse) {
            self.label.clone_from(&gathered.label);
        }
    }

    fn multiline_fault(&mut self, fault: Fault) -> Flow {
        // To end and to begin a message costs nothing, but an answer does.
        self.attached.pace.wait_turn(1);
        if let Some(gathered) = self.multiline.take() {
            self.take_label(&gathered);
        }
        let (code, about, words) = fault.words();
        self.fail("BATCH", code, &[&about], words)
    }
}

/// The message that lines make.
fn body_of(gathered: &Multiline) -> Body {
    let kind = match gathered.command {
        "NOTICE" => MessageKind::Notice,
        _ => MessageKind::Say,
    };
    Body {
        extras: gathered.extras.as_deref().map(Arc::from),
        ..Body::in_pieces(kind, &gathered.text, &gathered.joints)
    }
}
