//! Whom a letter names.

use std::collections::HashSet;

use crate::address::Address;
use crate::message::headers::fields;
use crate::message::{self, AddressEntry};
use crate::trust::a_labels;

/// The addresses that every recipient sees: those of `To` and `Cc`, and of whom it was redirected to.
#[derive(Debug)]
pub(super) struct Named(HashSet<(String, String)>);

impl Named {
    /// Of a header.
    pub(super) fn in_header(header: &[u8]) -> Self {
        const NAMING: [&str; 4] = ["To", "Cc", "Resent-To", "Resent-Cc"];
        let naming = fields(header).filter(|field| NAMING.iter().any(|name| field.is(name)));
        let entries = naming.flat_map(|field| message::address_list(&field.text()));
        let named = entries.filter_map(|entry| match entry {
            AddressEntry::Mailbox { local, domain, .. } => Address::new(&local, &domain).ok().map(|it| folded(&it)),
            AddressEntry::GroupStart(_) | AddressEntry::GroupEnd => None,
        });
        Named(named.collect())
    }

    /// It stands there, perhaps written otherwise: programs change case, and turn domains into A-labels for the envelope.
    pub(super) fn has(&self, address: &Address) -> bool {
        self.0.contains(&folded(address))
    }
}

fn folded(address: &Address) -> (String, String) {
    let domain = a_labels(address.domain()).unwrap_or_else(|| address.domain().as_str().to_owned());
    (address.local().to_lowercase(), domain)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("To: Letter@HAT.poshta.example", "letter@hat.poshta.example" => true; "in another case")]
    #[test_case("to: \u{4d9}@\u{43f}\u{43e}\u{448}\u{442}\u{430}.\u{49b}\u{430}\u{437}", "\u{4d9}@xn--80a1acn3a.xn--80ao21a" => true; "in a-labels")]
    #[test_case("Cc: x: \"A, B\" <a@b.kz>, c@d.kz;", "c@d.kz" => true; "in a group")]
    #[test_case("To: \"a b\"@x.kz", "\"a b\"@x.kz" => true; "quoted")]
    #[test_case("Resent-To: a@b.kz", "a@b.kz" => true; "redirected")]
    #[test_case("Bcc: a@b.kz", "a@b.kz" => false; "blind")]
    #[test_case("Subject: a@b.kz", "a@b.kz" => false; "in another field")]
    #[test_case("To: undisclosed-recipients:;", "a@b.kz" => false; "nobody")]
    fn who_is_named(header: &str, address: &str) -> bool {
        Named::in_header(format!("{header}\r\n\r\n").as_bytes()).has(&address.parse().unwrap())
    }
}
