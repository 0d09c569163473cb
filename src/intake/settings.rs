//! `[intake]` of the configuration.

use serde::{Deserialize, Serialize};

use crate::address::Domain;

/// What a letter may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `Received` fields after which a message counts as going in circles (RFC 5321 §6.3: at least 100).
    pub max_received: u32,
    /// Endings of domains that are not abroad; letters from and to all others are marked by the exchange place (P26).
    pub domestic_domains: Vec<String>,
    /// Recipients up to which `Postal-Class: registered` gives an electronic letter its receipts; each is a letter with
    /// a page of its own.
    pub max_registered_recipients: usize,
    /// Whether `Received` leaves out the address of a user's own machine.
    pub hide_user_address: bool,
    /// Whether official correspondence is only for users who confirmed their data with an electronic signature (M22).
    pub official_needs_confirmation: bool,
    /// Endings of domains of state bodies: letters to them are official correspondence.
    pub official_domains: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            max_received: 100,
            domestic_domains: vec!["kz".into(), "қаз".into(), "xn--80ao21a".into()],
            max_registered_recipients: 20,
            hide_user_address: true,
            official_needs_confirmation: true,
            official_domains: vec!["gov.kz".into()],
        }
    }
}

impl Settings {
    /// The domain is not abroad.
    #[must_use]
    pub fn is_domestic(&self, domain: &Domain) -> bool {
        self.domestic_domains.iter().any(|ending| is_within(domain, ending))
    }

    /// M22: the domain is a state body's.
    #[must_use]
    pub fn is_official(&self, domain: &Domain) -> bool {
        self.official_domains.iter().any(|ending| is_within(domain, ending))
    }
}

/// `domain` is `ending` or lies below it.
fn is_within(domain: &Domain, ending: &str) -> bool {
    let name = domain.as_str();
    name == ending || name.strip_suffix(ending).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("mail.gov.kz" => true; "below kz")]
    #[test_case("kz" => true; "kz itself")]
    #[test_case("пошта.қаз" => true; "kazakh letters")]
    #[test_case("xn--80a1acny.xn--80ao21a" => true; "the same in ascii")]
    #[test_case("notkz" => false; "letters are no labels")]
    #[test_case("kz.example" => false; "kz at the beginning")]
    fn p26_what_is_not_abroad(domain: &str) -> bool {
        Settings::default().is_domestic(&domain.parse().unwrap())
    }

    #[test_case("gov.kz" => true; "the domain itself")]
    #[test_case("post.tax.gov.kz" => true; "below it")]
    #[test_case("notgov.kz" => false; "another that ends so")]
    #[test_case("kz" => false; "above it")]
    fn m22_whose_addresses_are_official(domain: &str) -> bool {
        Settings::default().is_official(&domain.parse().unwrap())
    }
}
