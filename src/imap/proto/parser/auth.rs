//! Commands about the client: ID, AUTHENTICATE, LOGIN, ENABLE.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::imap::proto::command::{Authenticate, Command, Credentials};

use super::cursor::{Cursor, Parsed, is_atom_char};

/// RFC 2971 §3.3: at most 30 pairs, names of at most 30 and values of at most 1024 bytes.
const MAX_ID_PAIRS: usize = 30;
const MAX_ID_NAME_BYTES: usize = 30;
const MAX_ID_VALUE_BYTES: usize = 1024;

/// `ID SP (NIL / "(" [name SP value …] ")")`
pub(super) fn id(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    cursor.space()?;
    if cursor.eat_text("NIL") {
        return Ok(Command::Id(Vec::new()));
    }
    let pairs = cursor.list_or_empty("NIL or a list of names and values", |cursor| {
        let at = cursor.position();
        let name = String::from_utf8_lossy(&cursor.string("a quoted name")?).into_owned();
        cursor.space()?;
        let value = if cursor.eat_text("NIL") {
            None
        } else {
            Some(String::from_utf8_lossy(&cursor.string("a quoted value or NIL")?).into_owned())
        };
        if name.len() > MAX_ID_NAME_BYTES || value.as_ref().is_some_and(|value| value.len() > MAX_ID_VALUE_BYTES) {
            return Err(Cursor::expected_at(at, "a name of at most 30 and a value of at most 1024 bytes"));
        }
        Ok((name, value))
    })?;
    if pairs.len() > MAX_ID_PAIRS {
        return Err(cursor.expected("at most 30 pairs"));
    }
    Ok(Command::Id(pairs))
}

/// `AUTHENTICATE SP mechanism [SP initial-response]` (RFC 4959: `=` is an empty response).
pub(super) fn authenticate(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    cursor.space()?;
    let mechanism = cursor.atom("a mechanism")?.to_ascii_uppercase();
    if !cursor.eat(b' ') {
        return Ok(Command::Authenticate(Authenticate { mechanism, initial: None }));
    }
    let at = cursor.position();
    let initial = if cursor.eat_text("=") {
        Vec::new()
    } else {
        let encoded = cursor.take_while("the initial response in base64", is_atom_char)?;
        STANDARD.decode(encoded).map_err(|_| Cursor::expected_at(at, "the initial response in base64"))?
    };
    Ok(Command::Authenticate(Authenticate { mechanism, initial: Some(Zeroizing::new(initial)) }))
}

/// `LOGIN SP userid SP password`
pub(super) fn login(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    cursor.space()?;
    let user = cursor.text("a user name")?;
    cursor.space()?;
    let password = Zeroizing::new(cursor.text("a password")?);
    Ok(Command::Login(Credentials { authorize_as: None, user, password }))
}

/// `ENABLE 1*(SP capability)`
pub(super) fn enable(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    cursor.space()?;
    let mut names = vec![cursor.atom("a capability")?.to_ascii_uppercase()];
    while cursor.eat(b' ') {
        names.push(cursor.atom("a capability")?.to_ascii_uppercase());
    }
    Ok(Command::Enable(names))
}
