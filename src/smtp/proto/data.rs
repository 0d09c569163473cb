//! DATA: the content up to CRLF.CRLF, and the answer of the service.

use crate::ids::ItemId;
use crate::intake::Refusal;

use super::content::Content;
use super::framing::Unstuffer;
use super::{Action, Client, Reply, State, Step, Transaction, Turn, reply};

pub(super) fn data(turn: &mut Turn<'_>, state: State) -> State {
    let (client, transaction) = match state {
        State::Open(client, transaction) => (client, transaction),
        State::BetweenChunks(..) => {
            // RFC 3030 §2: the two ways cannot be mixed.
            return turn.error(state, Reply::new(503, "5.5.1", "the message comes in chunks; BDAT goes on"));
        }
        other => return turn.error(other, Reply::new(503, "5.5.1", "MAIL and RCPT first")),
    };
    // RFC 2920 §3.1: the content must not come before 354. It would be taken for commands if we refused DATA.
    if turn.talks_ahead() {
        return turn.refuse_ahead(&State::Open(client, transaction));
    }
    if let Some(reply) = nobody_to_write_to(&transaction) {
        return turn.error(State::Open(client, transaction), reply);
    }
    turn.say(Reply::plain(354, vec!["go ahead; end with <CR><LF>.<CR><LF>".into()]));
    let content = Content::begin(turn);
    State::Data(client, transaction, Unstuffer::new(), content)
}

/// RFC 5321 §3.3: without an accepted recipient there is no message.
pub(super) fn nobody_to_write_to(transaction: &Transaction) -> Option<Reply> {
    match (transaction.recipients.is_empty(), transaction.tried) {
        (false, _) => None,
        (true, true) => Some(Reply::new(554, "5.5.1", "no valid recipients")),
        (true, false) => Some(Reply::new(503, "5.5.1", "RCPT first")),
    }
}

/// Works off the content that has arrived.
pub(super) fn feed(
    turn: &mut Turn<'_>,
    client: Client,
    transaction: Transaction,
    mut unstuffer: Unstuffer,
    mut content: Content,
) -> Step {
    let mut piece = Vec::with_capacity(turn.input.unread().len());
    let fed = unstuffer.feed(turn.input.unread(), &mut piece);
    turn.input.pass(fed.used);
    if fed.bare {
        content.bare_line_end(turn);
    }
    content.take(turn, piece);
    if fed.ended {
        Step::Next(complete(turn, client, transaction, content))
    } else {
        Step::Wait(State::Data(client, transaction, unstuffer, content))
    }
}

/// The whole message is here.
pub(super) fn complete(turn: &mut Turn<'_>, client: Client, transaction: Transaction, content: Content) -> State {
    match content.into_refusal() {
        Some(reply) => turn.error(State::Ready(client), reply),
        None => {
            let smtputf8 = transaction.smtputf8;
            turn.actions.push(Action::Accept(transaction.into_envelope()));
            State::Storing { client, smtputf8 }
        }
    }
}

/// The service has decided.
pub(super) fn stored(turn: &mut Turn<'_>, client: Client, verdict: Result<ItemId, Refusal>) -> State {
    match verdict {
        Ok(item) => {
            turn.tally.idle_commands = 0;
            turn.say(Reply::new(250, "2.0.0", format!("Ok: queued as {item}")));
        }
        Err(refusal) => turn.say(reply::refused(&refusal)),
    }
    State::Ready(client)
}
