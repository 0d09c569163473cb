//! What is signed: the application as one text.
//!
//! UTF-8, one line a field, each ended by a line feed: `name: value`. Every field stands there, also the empty ones, so
//! that nothing can be added to what was signed.

use sha2::{Digest as _, Sha256};

use crate::identity::agreement::VersionHash;

use super::{ApplicationNumber, Form};

/// The first line; a later form of the text gets another number.
const HEADING: &str = "poshta-application: 2";

/// M26, M27: order 71, annex: the applicant joins the user agreement (Civil Code art. 389) by signing.
const JOINING: &str = "Осы Өтінішке қол қою арқылы Қазақстан Республикасы Азаматтық кодексінің 389-бабына сәйкес \
                       пайдаланушы келісіміне қосыламын.";

/// An application with all that is agreed to by its signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement<'a> {
    /// Its number.
    pub number: ApplicationNumber,
    /// Makes the text of this application differ from every other one, so that no signature counts twice.
    pub nonce: [u8; 16],
    /// What was filled in.
    pub form: &'a Form,
    /// The login that is asked for.
    pub login: &'a str,
    /// The address that it becomes (M9).
    pub address: &'a str,
    /// The version of the agreement that is joined (M10).
    pub agreement: VersionHash,
}

impl Statement<'_> {
    /// The text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut lines = vec![HEADING.to_owned(), format!("application-number: {}", self.number)];
        let nonce: String = self.nonce.iter().map(|byte| format!("{byte:02x}")).collect();
        lines.push(format!("nonce: {nonce}"));
        lines.push(format!("applicant: {}", self.form.sort().name()));
        lines.extend(self.form.values().map(|(field, value)| format!("{}: {value}", field.name())));
        lines.push(format!("login: {}", self.login));
        lines.push(format!("address: {}", self.address));
        lines.push(format!("agreement-sha256: {}", self.agreement));
        lines.push(format!("statement: {JOINING}"));
        lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
    }

    /// SHA-256 of the text.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.text()).into()
    }
}

/// The number in a signed text, where it is one of these: tells a signature of another application from a text that
/// was altered.
#[must_use]
pub fn number_in(text: &[u8]) -> Option<ApplicationNumber> {
    let text = std::str::from_utf8(text).ok()?;
    let mut lines = text.lines();
    if lines.next() != Some(HEADING) {
        return None;
    }
    lines.next()?.strip_prefix("application-number: ")?.parse().ok()
}
