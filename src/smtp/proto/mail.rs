//! MAIL: a transaction begins.

use crate::intake::Refusal;

use super::{Action, Client, Hello, Reply, State, Transaction, Turn, command, hello, reply};

pub(super) fn mail(turn: &mut Turn<'_>, state: State, mail: command::Mail) -> State {
    let client = match state {
        State::Ready(client) => client,
        State::Fresh => return turn.error(State::Fresh, Reply::new(503, "5.5.1", "EHLO or HELO first")),
        other => return turn.error(other, Reply::new(503, "5.5.1", "a transaction is open; RSET ends it")),
    };
    if let Some(reply) = hello::login_missing(turn, &client) {
        return turn.error(State::Ready(client), reply);
    }
    if mail.extended && client.hello == Hello::Helo {
        return turn.error(State::Ready(client), command::Syntax::ParameterUnknown.reply());
    }
    if mail.wishes.is_some() && !turn.offers_reports() {
        return turn.error(State::Ready(client), command::Syntax::ParameterUnknown.reply());
    }
    // RFC 6531 §3.5: 550 for MAIL, 553 for RCPT.
    if !mail.smtputf8 && mail.from.address().is_some_and(|address| address.is_internationalized()) {
        return turn.error(State::Ready(client), Reply::new(550, "5.6.7", "this address needs SMTPUTF8"));
    }
    let limit = turn.site.limits.max_message_bytes;
    if let Some(size) = mail.size.filter(|size| *size > limit) {
        // RFC 1870 §6.1: no mistake of the client, so it does not count as one.
        turn.say(reply::refused(&Refusal::TooLarge { size, limit }));
        return State::Ready(client);
    }
    turn.actions.push(Action::CheckSender { reverse_path: mail.from.clone() });
    let transaction = Transaction {
        reverse_path: mail.from,
        body: mail.body,
        smtputf8: mail.smtputf8,
        wishes: mail.wishes.unwrap_or_default(),
        recipients: Vec::new(),
        announced_bytes: mail.size,
        tried: false,
    };
    State::CheckingSender(client, transaction)
}

/// The service has decided.
pub(super) fn decided(
    turn: &mut Turn<'_>,
    client: Client,
    transaction: Transaction,
    verdict: Result<(), Refusal>,
) -> State {
    let Err(refusal) = verdict else {
        turn.say(Reply::new(250, "2.1.0", "sender ok"));
        return State::Open(client, transaction);
    };
    let reply = reply::refused(&refusal);
    if reply.is_permanent() {
        return turn.error(State::Ready(client), reply);
    }
    // Our trouble is no mistake of the client.
    turn.say(reply);
    State::Ready(client)
}
