//! Literals: which are kept, which pass through (the message of APPEND), and which are refused
//! (RFC 9051 §4.3, §6.3.12, RFC 7888).

use crate::imap::proto::command::{Append, AppendForm, Tag};
use crate::imap::proto::framing::{Frame, Line, Literal, Wait};
use crate::imap::proto::parser::{self, Rejected};
use crate::imap::proto::response::{Code, Status};

use super::{Action, Progress, Session, State, Work};

/// RFC 7888 §5: the longest literal that a client may send without waiting.
const MAX_NON_SYNCHRONIZING: u64 = 4096;

/// An APPEND whose message is to come.
#[derive(Debug)]
pub(super) struct Arriving {
    tag: Tag,
    wait: Wait,
    form: AppendForm,
}

impl Session {
    pub(super) fn literal_announced(&mut self, literal: Literal) {
        match parser::append_head(self.framer.so_far(), self.dialect) {
            None => self.argument_announced(literal),
            Some(Err(rejected)) => self.refuse_literal(literal, &rejected),
            Some(Ok((tag, append))) => self.message_announced(literal, tag, append),
        }
    }

    /// A literal that is an argument, kept in memory.
    fn argument_announced(&mut self, literal: Literal) {
        let budget = self.budget();
        let left = budget.command.saturating_sub(self.framer.so_far().len());
        let kept = budget.literal.min(left) as u64;
        let limit = if literal.wait == Wait::NonSynchronizing { kept.min(MAX_NON_SYNCHRONIZING) } else { kept };
        if literal.size > limit {
            let text = format!("a literal of {} bytes is too long here; the limit is {limit}", literal.size);
            let tag = parser::tag_of(self.framer.so_far());
            return self.refuse_literal(literal, &Rejected { tag, status: Status::bad(text).with(Code::TooBig) });
        }
        if literal.wait == Wait::Synchronizing {
            self.say(|out| out.extend_from_slice(b"+ go on\r\n"));
        }
        self.framer.collect();
    }

    /// The message of APPEND: never kept here.
    fn message_announced(&mut self, literal: Literal, tag: Tag, append: Append) {
        let refusal = if self.state == State::NotAuthenticated {
            Some(Status::bad("log in first"))
        } else if literal.size > self.settings.max_message_bytes {
            let limit = self.settings.max_message_bytes;
            let text = format!("a message of {} bytes is too long; the limit is {limit}", literal.size);
            Some(Status::no(text).with(Code::TooBig))
        } else if too_long_without_waiting(literal) {
            let text = format!("more than {MAX_NON_SYNCHRONIZING} bytes need a synchronizing literal (RFC 7888)");
            Some(Status::bad(text).with(Code::TooBig))
        } else {
            None
        };
        if let Some(status) = refusal {
            return self.refuse_literal(literal, &Rejected { tag: Some(tag), status });
        }
        self.work = Work::Offered(Arriving { tag: tag.clone(), wait: literal.wait, form: append.form });
        self.actions.push(Action::AppendStart { tag, append });
    }

    fn refuse_literal(&mut self, literal: Literal, rejected: &Rejected) {
        // A client that sends more than it ever could deliver is not worth listening to to the end.
        let worth = match self.state {
            State::NotAuthenticated | State::Logout => self.budget().command as u64,
            State::Authenticated | State::Selected => self.settings.max_message_bytes.saturating_mul(2),
        };
        self.framer.refuse();
        self.reject(rejected);
        if literal.wait == Wait::NonSynchronizing && literal.size > worth && self.state != State::Logout {
            // RFC 7888 §5
            self.untagged(&Status::bye("the literal is far too long").with(Code::TooBig));
            self.close();
        }
    }

    pub(super) fn append_ready(&mut self) {
        let Work::Offered(arriving) = std::mem::replace(&mut self.work, Work::Reading) else { return };
        if arriving.wait == Wait::Synchronizing {
            self.say(|out| out.extend_from_slice(b"+ send the message\r\n"));
        }
        self.framer.stream();
        self.work = Work::Appending(arriving);
    }

    pub(super) fn pass_message(&mut self) -> Progress {
        match self.framer.next(&self.budget()) {
            Frame::Streamed(bytes) => self.actions.push(Action::AppendBytes(bytes)),
            Frame::StreamEnd => {
                if let Work::Appending(arriving) = std::mem::replace(&mut self.work, Work::Reading) {
                    self.work = Work::AppendTail(arriving);
                }
            }
            Frame::Incomplete | Frame::Command(_) | Frame::Announced(_) | Frame::TooLong(_) => {
                return Progress::Waiting;
            }
        }
        Progress::Made
    }

    /// What follows the message: nothing, or the `)` of `UTF8 (…)`.
    pub(super) fn read_append_tail(&mut self) -> Progress {
        let line = self.framer.line(&self.budget());
        if line == Line::Incomplete {
            return Progress::Waiting;
        }
        let Work::AppendTail(arriving) = std::mem::replace(&mut self.work, Work::Reading) else {
            return Progress::Made;
        };
        let expected: &[u8] = if arriving.form == AppendForm::Utf8 { b")" } else { b"" };
        if matches!(&line, Line::Whole(line) if line == expected) {
            self.actions.push(Action::AppendEnd { tag: arriving.tag });
            self.work = Work::Running;
        } else {
            if let Line::Whole(line) = &line {
                self.framer.refuse_line(line);
            }
            self.actions.push(Action::AppendAborted);
            let status = Status::bad("APPEND takes one message: expected the end of the command behind it");
            self.reject(&Rejected { tag: Some(arriving.tag), status });
        }
        Progress::Made
    }
}

fn too_long_without_waiting(literal: Literal) -> bool {
    literal.wait == Wait::NonSynchronizing && literal.size > MAX_NON_SYNCHRONIZING
}
