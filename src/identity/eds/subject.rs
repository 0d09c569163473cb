//! Whose a certificate is: names, IIN and BIN from the subject, as Kazakhstan's national authority writes them.

use x509_parser::x509::X509Name;

use super::refusal::Refusal;
use crate::identity::number::{Bin, Iin, NumberError};

/// The subject or the issuer of a certificate.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// Full name.
    pub common_name: String,
    /// Family name.
    pub surname: String,
    /// Patronymic: the national authority writes it into the given name.
    pub given_name: String,
    /// Legal entity.
    pub organization: String,
    /// Behind `IIN`, in the serial number of the subject.
    iin: Option<String>,
    /// Behind `BIN`, in the organisational unit or the serial number.
    bin: Option<String>,
}

/// Whether the last digit of an IIN and a BIN must fit the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CheckDigits {
    /// As the law has it.
    #[default]
    Required,
    /// The national test authority issues certificates for numbers that were never given out.
    NotChecked,
}

const COMMON_NAME: &str = "2.5.4.3";
const SURNAME: &str = "2.5.4.4";
const SERIAL_NUMBER: &str = "2.5.4.5";
const ORGANIZATION: &str = "2.5.4.10";
const UNIT: &str = "2.5.4.11";
const GIVEN_NAME: &str = "2.5.4.42";

impl Subject {
    pub(super) fn read(name: &X509Name<'_>) -> Self {
        let mut subject = Subject::default();
        for attribute in name.iter_attributes() {
            let Ok(value) = attribute.as_str() else { continue };
            let prefixed = |prefix: &str| value.strip_prefix(prefix).map(str::to_owned);
            match attribute.attr_type().to_id_string().as_str() {
                COMMON_NAME => subject.common_name = value.to_owned(),
                SURNAME => subject.surname = value.to_owned(),
                GIVEN_NAME => subject.given_name = value.to_owned(),
                ORGANIZATION => subject.organization = value.to_owned(),
                SERIAL_NUMBER => {
                    subject.iin = prefixed("IIN").or(subject.iin);
                    subject.bin = prefixed("BIN").or(subject.bin);
                }
                UNIT => subject.bin = prefixed("BIN").or(subject.bin),
                _ => {}
            }
        }
        subject
    }

    /// The name for people; without any number.
    #[must_use]
    pub fn shown(&self) -> String {
        match (self.common_name.as_str(), self.organization.as_str()) {
            ("", organization) => organization.to_owned(),
            (name, "") => name.to_owned(),
            (name, organization) => format!("{name}, {organization}"),
        }
    }

    /// The IIN, when there is one.
    ///
    /// # Errors
    /// It is none.
    pub fn iin(&self, digits: CheckDigits) -> Result<Option<String>, Refusal> {
        let number = |text: &str| text.parse::<Iin>().map(|iin| iin.expose());
        self.iin.as_deref().map(|text| accept(text, number(text), digits)).transpose().map_err(Refusal::Iin)
    }

    /// The BIN, when there is one.
    ///
    /// # Errors
    /// It is none.
    pub fn bin(&self, digits: CheckDigits) -> Result<Option<String>, Refusal> {
        let number = |text: &str| text.parse::<Bin>().map(|bin| bin.expose());
        self.bin.as_deref().map(|text| accept(text, number(text), digits)).transpose().map_err(Refusal::Bin)
    }
}

/// Only a check digit that does not fit may be looked over; what has not twelve digits is no number.
fn accept(text: &str, number: Result<String, NumberError>, digits: CheckDigits) -> Result<String, NumberError> {
    match (number, digits) {
        (Err(NumberError::CheckDigit | NumberError::Impossible), CheckDigits::NotChecked) => Ok(text.to_owned()),
        (number, _) => number,
    }
}

/// Hides the numbers (DESIGN 18).
impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subject").field("name", &self.shown()).finish_non_exhaustive()
    }
}
