//! `[accounts]` of the configuration.

use serde::{Deserialize, Serialize};

use crate::address::Domain;
use crate::identity::{Login, LoginError};

use super::SettingsError;

/// `[accounts]` of the configuration: who has mailboxes here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The operator's number in account numbers, 1 to 65535; never changed after the first account (M4).
    pub operator_number: u16,
    /// The domains whose mail is for accounts here (M9). A new login becomes an address in the first one.
    pub domains: Vec<String>,
    /// The login of the account that gets the letters for `postmaster` in each domain (RFC 5321 §4.5.1).
    pub postmaster: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { operator_number: 1, domains: vec!["poshta.example".into()], postmaster: "postmaster".into() }
    }
}

impl Settings {
    /// The domains, checked.
    ///
    /// # Errors
    /// One is no domain.
    pub fn parsed_domains(&self) -> Result<Vec<Domain>, SettingsError> {
        let parse = |domain: &String| {
            Domain::new(domain).map_err(|reason| SettingsError::Domain { domain: domain.clone(), reason })
        };
        self.domains.iter().map(parse).collect()
    }

    /// Whether the operator has a number, and the postmaster a login that somebody can have.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        if self.operator_number == 0 {
            return Err(SettingsError::NoOperator);
        }
        match self.postmaster.parse::<Login>() {
            Ok(_) | Err(LoginError::Reserved) => Ok(()),
            Err(error) => Err(SettingsError::Postmaster(error)),
        }
    }
}
