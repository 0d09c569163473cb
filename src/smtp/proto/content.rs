//! The content of a message on its way through, however it is framed: counted against the budgets, handed on
//! while it is sound, swallowed once it is spoiled.

use crate::intake::Refusal;

use super::framing::HeaderBlock;
use super::{Action, Reply, Turn, reply};

#[derive(Debug)]
pub(super) struct Content {
    received: u64,
    header: HeaderBlock,
    /// Why the message will be refused when its end has come.
    spoiled: Option<Reply>,
}

impl Content {
    /// Opens the place for the bytes.
    pub(super) fn begin(turn: &mut Turn<'_>) -> Self {
        turn.actions.push(Action::BeginBody);
        Content { received: 0, header: HeaderBlock::new(), spoiled: None }
    }

    pub(super) fn is_sound(&self) -> bool {
        self.spoiled.is_none()
    }

    /// Octets of the message so far.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// The reply that a spoiled message gets at its end.
    pub(super) fn into_refusal(self) -> Option<Reply> {
        self.spoiled
    }

    pub(super) fn refusal(&self) -> Option<&Reply> {
        self.spoiled.as_ref()
    }

    /// Hands a piece on, unless a budget is passed.
    pub(super) fn take(&mut self, turn: &mut Turn<'_>, piece: Vec<u8>) {
        if piece.is_empty() {
            return;
        }
        self.received = self.received.saturating_add(piece.len() as u64);
        if self.spoiled.is_some() {
            return;
        }
        let limit = turn.site.limits.max_message_bytes;
        if self.received > limit {
            return self.spoil(turn, too_large(limit));
        }
        let header_limit = turn.site.limits.max_header_bytes;
        if self.header.feed(&piece) > header_limit {
            let text = format!("the header of the message is longer than {header_limit} octets");
            return self.spoil(turn, Reply::new(552, "5.3.4", text));
        }
        turn.actions.push(Action::Body(piece));
    }

    /// A CR or LF stood alone.
    pub(super) fn bare_line_end(&mut self, turn: &mut Turn<'_>) {
        let text = "bare CR or LF in the message; lines end with CRLF (RFC 5321 section 2.3.8)";
        self.spoil(turn, Reply::new(550, "5.6.11", text));
    }

    /// More was announced than may come.
    pub(super) fn announced_too_much(&mut self, turn: &mut Turn<'_>) {
        let limit = turn.site.limits.max_message_bytes;
        self.spoil(turn, too_large(limit));
    }

    /// The bytes cannot be kept: the driver has thrown them away already.
    pub(super) fn fail(&mut self, refusal: &Refusal) {
        if self.is_sound() {
            self.spoiled = Some(reply::refused(refusal));
        }
    }

    /// The first cause is the one that is told.
    fn spoil(&mut self, turn: &mut Turn<'_>, reply: Reply) {
        if self.is_sound() {
            self.spoiled = Some(reply);
            turn.actions.push(Action::AbandonBody);
        }
    }
}

fn too_large(limit: u64) -> Reply {
    Reply::new(552, "5.3.4", format!("the message is larger than {limit} octets"))
}
