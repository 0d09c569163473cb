//! BDAT (RFC 3030): the content in chunks of announced size.
//!
//! The octets of a chunk follow their command at once, so they are consumed whatever the answer is: a refused
//! chunk must not be read as commands.

use super::content::Content;
use super::data::{complete, nobody_to_write_to};
use super::framing::LineEnds;
use super::{Client, Reply, State, Step, Transaction, Turn};

/// A message that comes in chunks.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) content: Content,
    line_ends: LineEnds,
}

/// The chunk that is arriving.
#[derive(Debug)]
pub(super) struct Chunk {
    size: u64,
    remaining: u64,
    last: bool,
}

/// A chunk that is read past.
#[derive(Debug)]
pub(super) struct Skip {
    remaining: u64,
    reply: Reply,
}

pub(super) fn bdat(turn: &mut Turn<'_>, state: State, size: u64, last: bool) -> State {
    let chunk = Chunk { size, remaining: size, last };
    let (client, transaction, mut message) = match state {
        State::BetweenChunks(client, transaction, message) => (client, transaction, message),
        State::Open(client, transaction) => match nobody_to_write_to(&transaction) {
            Some(reply) => return past(State::Open(client, transaction), size, reply),
            None => {
                let content = Content::begin(turn);
                (client, transaction, Message { content, line_ends: LineEnds::default() })
            }
        },
        other => return past(other, size, Reply::new(503, "5.5.1", "MAIL and RCPT first")),
    };
    // The announced size is judged before a byte of it is taken (DESIGN 2).
    if message.content.received().saturating_add(size) > turn.site.limits.max_message_bytes {
        message.content.announced_too_much(turn);
    }
    State::Chunk(client, transaction, message, chunk)
}

fn past(then: State, remaining: u64, reply: Reply) -> State {
    State::Skipping(Box::new(then), Skip { remaining, reply })
}

/// Reads past a chunk.
pub(super) fn skip(turn: &mut Turn<'_>, then: Box<State>, mut skip: Skip) -> Step {
    let available = available(turn, skip.remaining);
    turn.input.pass(available);
    skip.remaining -= available as u64;
    if skip.remaining > 0 {
        return Step::Wait(State::Skipping(then, skip));
    }
    Step::Next(turn.error(*then, skip.reply))
}

/// Works off what has arrived of a chunk.
pub(super) fn feed(
    turn: &mut Turn<'_>,
    client: Client,
    transaction: Transaction,
    mut message: Message,
    mut chunk: Chunk,
) -> Step {
    let available = available(turn, chunk.remaining);
    let piece = turn.input.unread().get(..available).unwrap_or_default().to_vec();
    turn.input.pass(available);
    chunk.remaining -= available as u64;
    if message.line_ends.feed(&piece) {
        message.content.bare_line_end(turn);
    }
    message.content.take(turn, piece);
    if chunk.remaining > 0 {
        return Step::Wait(State::Chunk(client, transaction, message, chunk));
    }
    Step::Next(finished(turn, client, transaction, message, &chunk))
}

fn finished(
    turn: &mut Turn<'_>,
    client: Client,
    transaction: Transaction,
    mut message: Message,
    chunk: &Chunk,
) -> State {
    if chunk.last {
        if message.line_ends.unfinished() {
            message.content.bare_line_end(turn);
        }
        return complete(turn, client, transaction, message.content);
    }
    // RFC 3030 §2: each chunk has its reply. After a refused one the message is lost, and the chunks that were
    // sent ahead get the same reply until LAST or RSET.
    let refusal = message.content.refusal().cloned();
    let moves_nothing = refusal.is_some() || chunk.size == 0;
    turn.say(refusal.unwrap_or_else(|| Reply::new(250, "2.0.0", format!("{} octets received", chunk.size))));
    let state = State::BetweenChunks(client, transaction, message);
    if moves_nothing { turn.idle(state) } else { state }
}

fn available(turn: &Turn<'_>, wanted: u64) -> usize {
    let here = turn.input.unread().len();
    usize::try_from(wanted).map_or(here, |wanted| wanted.min(here))
}
