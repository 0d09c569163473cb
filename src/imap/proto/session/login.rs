//! LOGIN and AUTHENTICATE PLAIN (RFC 9051 §6.2.2, §6.2.3, RFC 4616, RFC 4959).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::imap::proto::capability::Passwords;
use crate::imap::proto::command::{Authenticate, Credentials, Tag};
use crate::imap::proto::parser::Rejected;
use crate::imap::proto::response::{Code, Status};

use super::{Action, Session, State, Work};

impl Session {
    pub(super) fn login(&mut self, tag: Tag, credentials: Credentials) {
        if self.situation().passwords == Passwords::Refused {
            return self.refuse_without_tls(&tag);
        }
        self.actions.push(Action::Login(credentials));
        self.work = Work::LoggingIn(tag);
    }

    pub(super) fn authenticate(&mut self, tag: Tag, request: Authenticate) {
        if self.situation().passwords == Passwords::Refused {
            return self.refuse_without_tls(&tag);
        }
        if request.mechanism != "PLAIN" {
            let status = Status::no("the only mechanism here is PLAIN").with(Code::Cannot);
            return self.reject(&Rejected { tag: Some(tag), status });
        }
        match request.initial {
            Some(response) => self.plain(tag, &response),
            None => {
                self.say(|out| out.extend_from_slice(b"+ \r\n"));
                self.work = Work::Challenged(tag);
            }
        }
    }

    /// The client's line after the challenge.
    pub(super) fn sasl_response(&mut self, line: Option<&[u8]>) {
        let Work::Challenged(tag) = std::mem::replace(&mut self.work, Work::Reading) else { return };
        let bad = |text| Status::bad(text);
        let status = match line {
            None => bad("the response is too long").with(Code::TooBig),
            // RFC 9051 §6.2.2: the client gives up with "*"; the answer is BAD.
            Some(b"*") => bad("AUTHENTICATE was cancelled"),
            Some(line) => match STANDARD.decode(line) {
                Ok(response) => return self.plain(tag, &Zeroizing::new(response)),
                Err(_) => bad("expected base64"),
            },
        };
        self.reject(&Rejected { tag: Some(tag), status });
    }

    pub(super) fn logged_in(&mut self) {
        let Work::LoggingIn(tag) = std::mem::replace(&mut self.work, Work::Reading) else { return };
        self.state = State::Authenticated;
        // RFC 9051 §6.2.2: what is possible changes with login; saying so spares a round trip.
        let capabilities = Code::Capability(self.situation().capabilities());
        self.complete(&tag, &Status::ok("logged in").with(capabilities));
    }

    pub(super) fn login_refused(&mut self, status: &Status) {
        let Work::LoggingIn(tag) = std::mem::replace(&mut self.work, Work::Reading) else { return };
        self.complete(&tag, status);
        self.login_failures = self.login_failures.saturating_add(1);
        if self.login_failures >= self.settings.max_login_failures {
            self.end("too many failed logins");
        }
    }

    fn plain(&mut self, tag: Tag, response: &[u8]) {
        match plain_credentials(response) {
            Some(credentials) => self.login(tag, credentials),
            None => {
                let status = Status::bad("expected the PLAIN message of RFC 4616: [authzid] NUL authcid NUL password");
                self.reject(&Rejected { tag: Some(tag), status });
            }
        }
    }

    fn refuse_without_tls(&mut self, tag: &Tag) {
        let status = Status::no("begin TLS first").with(Code::PrivacyRequired);
        self.reject(&Rejected { tag: Some(tag.clone()), status });
    }
}

/// RFC 4616 §2: `[authzid] UTF8NUL authcid UTF8NUL passwd`.
fn plain_credentials(message: &[u8]) -> Option<Credentials> {
    let mut fields = std::str::from_utf8(message).ok()?.split('\0');
    let (authorize_as, user, password) = (fields.next()?, fields.next()?, fields.next()?);
    if user.is_empty() || password.is_empty() || fields.next().is_some() {
        return None;
    }
    Some(Credentials {
        authorize_as: Some(authorize_as).filter(|name| !name.is_empty()).map(str::to_owned),
        user: user.to_owned(),
        password: Zeroizing::new(password.to_owned()),
    })
}
