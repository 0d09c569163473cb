//! RCPT: one recipient after the other.

use crate::address::Address;
use crate::intake::{Recipient, Refusal};

use super::command::{self, ForwardPath, Syntax};
use super::{Action, Client, Hello, Reply, State, Transaction, Turn, reply};

pub(super) fn rcpt(turn: &mut Turn<'_>, state: State, rcpt: command::Rcpt) -> State {
    let (client, mut transaction) = match state {
        State::Open(client, transaction) => (client, transaction),
        other => return turn.error(other, Reply::new(503, "5.5.1", "MAIL first")),
    };
    transaction.tried = true;
    if rcpt.extended && (!turn.offers_reports() || client.hello == Hello::Helo) {
        return turn.error(State::Open(client, transaction), Syntax::ParameterUnknown.reply());
    }
    let address = match rcpt.to {
        ForwardPath::Address(address) => Ok(address),
        // RFC 5321 §4.5.1
        ForwardPath::Postmaster => Address::new("postmaster", &turn.site.domain),
    };
    let address = match address {
        Ok(address) => address,
        Err(error) => {
            return turn.error(State::Open(client, transaction), Syntax::RecipientAddress(error).reply());
        }
    };
    // RFC 6531 §3.5
    if address.is_internationalized() && !transaction.smtputf8 {
        let reply = Reply::new(553, "5.6.7", "this address needs SMTPUTF8 in MAIL");
        return turn.error(State::Open(client, transaction), reply);
    }
    let limit = turn.site.limits.max_recipients;
    if transaction.recipients.len() >= limit {
        // RFC 5321 §4.5.3.1.10: the client sends the rest in another transaction; no mistake of its.
        turn.say(reply::refused(&Refusal::TooManyRecipients(limit)));
        return State::Open(client, transaction);
    }
    turn.actions.push(Action::CheckRecipient(address.clone()));
    let recipient = Recipient { address, notify: rcpt.notify, original: rcpt.original };
    State::CheckingRecipient(client, transaction, recipient)
}

/// The service has decided.
pub(super) fn decided(
    turn: &mut Turn<'_>,
    client: Client,
    mut transaction: Transaction,
    recipient: Recipient,
    verdict: Result<(), Refusal>,
) -> State {
    let Err(refusal) = verdict else {
        transaction.recipients.push(recipient);
        turn.say(Reply::new(250, "2.1.5", "recipient ok"));
        return State::Open(client, transaction);
    };
    let reply = reply::refused(&refusal);
    let permanent = reply.is_permanent();
    turn.say(reply);
    let state = State::Open(client, transaction);
    if !permanent {
        return state;
    }
    // Somebody who tries one name after the other is harvesting the directory.
    turn.tally.refused_recipients += 1;
    if turn.tally.refused_recipients < turn.site.limits.max_refused_recipients {
        state
    } else {
        turn.give_up(&state, "too many refused recipients")
    }
}
