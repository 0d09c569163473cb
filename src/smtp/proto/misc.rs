//! RSET, NOOP, HELP, VRFY, QUIT: commands that move no mail.

use super::{Action, Reply, State, Turn};

pub(super) fn rset(turn: &mut Turn<'_>, state: State) -> State {
    turn.abandon(&state);
    turn.say(Reply::new(250, "2.0.0", "reset"));
    let state = match state {
        State::Open(client, _) | State::BetweenChunks(client, ..) => State::Ready(client),
        other => other,
    };
    turn.idle(state)
}

pub(super) fn noop(turn: &mut Turn<'_>, state: State) -> State {
    turn.say(Reply::new(250, "2.0.0", "ok"));
    turn.idle(state)
}

pub(super) fn help(turn: &mut Turn<'_>, state: State) -> State {
    turn.say(
        Reply::new(214, "2.0.0", "commands:")
            .with_lines(["EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT", "RSET NOOP VRFY HELP QUIT"]),
    );
    turn.idle(state)
}

/// RFC 5321 §3.5.3 and §7.3: who has a mailbox here is told to nobody.
pub(super) fn vrfy(turn: &mut Turn<'_>, state: State) -> State {
    turn.say(Reply::new(252, "2.0.0", "will not say; send the message and see"));
    turn.idle(state)
}

pub(super) fn quit(turn: &mut Turn<'_>, state: &State) -> State {
    turn.abandon(state);
    turn.say(Reply::new(221, "2.0.0", format!("{} closing", turn.site.hostname)));
    turn.input.clear();
    turn.actions.push(Action::Close);
    State::Over
}
