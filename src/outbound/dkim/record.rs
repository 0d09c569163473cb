//! The public part of a key in the DNS (RFC 6376 §3.6), and whether what stands there fits.

use std::fmt;

use crate::address::Domain;
use crate::postal::{Algorithm, PublicKey};
use crate::trust::a_labels;

/// Longest string of a TXT record (RFC 1035 §3.3).
const MAX_STRING: usize = 255;

/// A TXT record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// `SELECTOR._domainkey.DOMAIN`, or without the domain where that is not known.
    pub name: String,
    key: PublicKey,
    has_domain: bool,
}

/// What the DNS has for a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// This very key.
    Published,
    /// Nothing.
    Missing,
    /// More than one record (RFC 6376 §3.6.2.2: nobody knows which counts).
    Several,
    /// The key was taken back (an empty `p=`).
    Revoked,
    /// Another key.
    Other,
    /// This key, but not for mail, or not with SHA-256.
    Restricted,
    /// This key, but with `t=y`: others may treat what it signed as unsigned (RFC 6376 §3.6.1).
    Testing,
}

impl Record {
    /// The record of a key in a domain, which is written in A-labels.
    #[must_use]
    pub fn new(selector: &str, domain: Option<&str>, key: &PublicKey) -> Self {
        let name =
            domain.map_or_else(|| format!("{selector}._domainkey"), |domain| format!("{selector}._domainkey.{domain}"));
        Record { name, key: key.clone(), has_domain: domain.is_some() }
    }

    /// The records of a key in these domains; without any, the one whose name has none.
    #[must_use]
    pub fn of(selector: &str, domains: &[Domain], key: &PublicKey) -> Vec<Self> {
        if domains.is_empty() {
            return vec![Self::new(selector, None, key)];
        }
        domains.iter().filter_map(a_labels).map(|domain| Self::new(selector, Some(&domain), key)).collect()
    }

    /// How the key signs.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> String {
        format!("v=DKIM1; k={}; p={}", self.algorithm().key_type(), self.key.base64())
    }

    /// Its line in a zone file.
    #[must_use]
    pub fn zone_line(&self) -> String {
        let end = if self.has_domain { "." } else { "" };
        zone_line(&format!("{}{end}", self.name), &self.text())
    }

    /// Judges what the DNS has under the name.
    #[must_use]
    pub fn standing(&self, published: &[String]) -> Standing {
        let keys: Vec<Tags<'_>> = published.iter().filter_map(|text| Tags::of_key(text)).collect();
        let [tags] = keys.as_slice() else {
            return if keys.is_empty() { Standing::Missing } else { Standing::Several };
        };
        let lists = |tag: &str, word: &str| {
            let list = tags.get(tag)?;
            Some(list.split(':').any(|item| item == "*" || item.eq_ignore_ascii_case(word)))
        };
        match tags.get("p") {
            Some(key) if key.is_empty() => Standing::Revoked,
            Some(key) if !self.key.is_published_as(&key) => Standing::Other,
            _ if tags.get("k").unwrap_or_else(|| "rsa".into()) != self.algorithm().key_type() => Standing::Other,
            _ if lists("h", "sha256") == Some(false) || lists("s", "email") == Some(false) => Standing::Restricted,
            _ if lists("t", "y") == Some(true) => Standing::Testing,
            _ => Standing::Published,
        }
    }
}

/// A line of a zone file with a TXT record (RFC 1035 §5.1), its text in strings that are not too long.
#[must_use]
pub fn zone_line(name: &str, text: &str) -> String {
    let strings = text.as_bytes().chunks(MAX_STRING).map(|part| format!("\"{}\"", String::from_utf8_lossy(part)));
    format!("{name} IN TXT {}", strings.collect::<Vec<_>>().join(" "))
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Standing::Published => "published",
            Standing::Missing => "missing",
            Standing::Several => "several records",
            Standing::Revoked => "revoked",
            Standing::Other => "another key",
            Standing::Restricted => "not for mail, or not for SHA-256",
            Standing::Testing => {
                "for testing only; take t=y out of the record, or others may take letters for unsigned"
            }
        })
    }
}

/// The tags of a record.
struct Tags<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Tags<'a> {
    /// `None` for a text that is no DKIM key (RFC 6376 §3.6.1: `v` may be missing, `p` not).
    fn of_key(text: &'a str) -> Option<Self> {
        let tags = text.split(';').filter_map(|tag| tag.split_once('='));
        let tags = Tags(tags.map(|(name, value)| (name.trim(), value.trim())).collect());
        let is_key = tags.get("p").is_some() && tags.get("v").is_none_or(|version| version == "DKIM1");
        is_key.then_some(tags)
    }

    /// A value without its white space.
    fn get(&self, name: &str) -> Option<String> {
        let (_, value) = self.0.iter().find(|(tag, _)| *tag == name)?;
        Some(value.chars().filter(|c| !c.is_ascii_whitespace()).collect())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use test_case::test_case;
    use x509_parser::prelude::FromDer as _;
    use x509_parser::x509::SubjectPublicKeyInfo;

    use super::*;
    use crate::outbound::dkim::key::generate;
    use crate::postal::SigningKey;

    const KEY: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    fn record() -> Record {
        Record::new("a2026", Some("poshta.example"), &PublicKey::parse(Algorithm::Ed25519Sha256, KEY).unwrap())
    }

    #[test_case(&["v=DKIM1; k=ed25519; p=KEY"] => Standing::Published; "as it is printed")]
    #[test_case(&["k=ed25519;h=sha1:sha256;s=email; t=s; p= KEY ;"] => Standing::Published; "in other words")]
    #[test_case(&[] => Standing::Missing; "nothing")]
    #[test_case(&["v=spf1 -all"] => Standing::Missing; "something else")]
    #[test_case(&["v=DKIM1; k=ed25519; p=KEY", "v=DKIM1; p=AAAA"] => Standing::Several; "two keys")]
    #[test_case(&["v=DKIM1; k=ed25519; p="] => Standing::Revoked; "taken back")]
    #[test_case(&["v=DKIM1; k=ed25519; p=AAAA"] => Standing::Other; "another key")]
    #[test_case(&["v=DKIM1; p=KEY"] => Standing::Other; "a key without its kind is of rsa")]
    #[test_case(&["v=DKIM1; k=ed25519; h=sha1; p=KEY"] => Standing::Restricted; "another hash")]
    #[test_case(&["v=DKIM1; k=ed25519; s=tlsrpt; p=KEY"] => Standing::Restricted; "another service")]
    #[test_case(&["v=DKIM1; k=ed25519; t=s : y; p=KEY"] => Standing::Testing; "for testing")]
    #[test_case(&["v=DKIM1; k=ed25519; p=no base64"] => Standing::Other; "no key")]
    fn rfc6376_3_6_1_what_is_published_is_judged(published: &[&str]) -> Standing {
        let published: Vec<String> = published.iter().map(|text| text.replace("KEY", KEY)).collect();
        record().standing(&published)
    }

    #[test]
    fn rfc6376_3_6_1_an_rsa_key_is_the_same_in_both_forms() {
        let key = SigningKey::from_pkcs8(&generate(Algorithm::RsaSha256).unwrap()).unwrap().public();
        let record = Record::new("a2026", Some("poshta.example"), &key);
        let (_, info) = SubjectPublicKeyInfo::from_der(key.as_bytes()).unwrap();
        let bare = STANDARD.encode(&info.subject_public_key.data);
        let standing = |key: &str| record.standing(&[format!("v=DKIM1; k=rsa; p={key}")]);
        assert_eq!(standing(&key.base64()), Standing::Published);
        assert_eq!(standing(&bare), Standing::Published);
        let other = SigningKey::from_pkcs8(&generate(Algorithm::RsaSha256).unwrap()).unwrap().public();
        assert_eq!(standing(&other.base64()), Standing::Other);
    }

    #[test]
    fn a_name_has_its_domain_in_a_labels_or_none() {
        let key = PublicKey::parse(Algorithm::Ed25519Sha256, KEY).unwrap();
        let domains = ["poshta.example", "пошта.қаз"].map(|domain| domain.parse().unwrap());
        let names: Vec<String> = Record::of("a", &domains, &key).into_iter().map(|record| record.name).collect();
        assert_eq!(names, ["a._domainkey.poshta.example", "a._domainkey.xn--80a1acn3a.xn--80ao21a"]);
        assert!(Record::of("a", &[], &key)[0].zone_line().starts_with("a._domainkey IN TXT "));
    }

    #[test]
    fn rfc1035_a_long_text_is_written_in_strings() {
        assert_eq!(
            record().zone_line(),
            format!("a2026._domainkey.poshta.example. IN TXT \"v=DKIM1; k=ed25519; p={KEY}\"")
        );
        let long = zone_line("x", &"a".repeat(300));
        assert_eq!(long, format!("x IN TXT \"{}\" \"{}\"", "a".repeat(255), "a".repeat(45)));
    }
}
