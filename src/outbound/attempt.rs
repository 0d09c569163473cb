//! One attempt: a letter, some recipients in one domain, and what becomes of each of them.

use std::sync::Arc;

use rustls::ClientConfig;

use super::Settings;
use super::client::{Client, ClientError, Outcome, Recipient, Reports, Transaction};
use super::dkim::Dkim;
use super::routing::{self, Hop};
use crate::address::Domain;
use crate::clock::World;
use crate::smtp::proto::response::{Response, Severity};
use crate::store::Store;
use crate::store::queue::Queued;
use crate::trust::{Dns, DnsError};

/// What became of one recipient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// The other server has taken responsibility.
    Delivered {
        /// Its name.
        host: String,
        /// What it said.
        said: String,
        /// TLS version and cipher, where there was TLS.
        tls: Option<String>,
        /// Who reports the delivery.
        reports: Reports,
    },
    /// To be tried again.
    Deferred(Diagnosis),
    /// Never to be tried again.
    Failed(Diagnosis),
}

/// What a report says about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Diagnosis {
    /// RFC 3463 code: `5.1.1`.
    pub(super) status: String,
    /// The server that said so, if it was one.
    pub(super) host: Option<String>,
    /// In words, with the server's digits; at most [`MAX_TEXT`] characters.
    pub(super) text: String,
}

/// A server may answer with 128 long lines for each recipient; rows, reports and logs keep this many characters.
const MAX_TEXT: usize = 500;

impl Diagnosis {
    pub(super) fn new(status: impl Into<String>, host: Option<&str>, text: &str) -> Self {
        Diagnosis { status: status.into(), host: host.map(str::to_owned), text: clip(text) }
    }
}

fn clip(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

/// What an attempt needs.
#[derive(Clone, Debug)]
pub(super) struct Means {
    /// Limits and routes.
    pub(super) settings: Arc<Settings>,
    /// MX records.
    pub(super) dns: Dns,
    /// Opportunistic TLS.
    pub(super) tls: Arc<ClientConfig>,
    /// What we say in EHLO.
    pub(super) our_name: Arc<str>,
    /// Signs the letters.
    pub(super) dkim: Arc<Dkim>,
    /// The domain of our postmaster.
    pub(super) mail_domain: Arc<str>,
    /// Where the letter lies.
    pub(super) store: Store,
}

/// Tries to hand a letter to the servers of `domain`; the rows are of one item. Gives a fate for each row.
pub(super) async fn attempt(means: &Means, world: &World, domain: &Domain, rows: &[Queued]) -> Vec<Fate> {
    let Some(first) = rows.first() else { return Vec::new() };
    let hops = match routing::hops(&means.settings, &means.dns, domain, &means.our_name).await {
        Ok(hops) => hops,
        Err(error) => {
            if let DnsError::NotPublic(domain) = &error {
                tracing::warn!(%domain, "its mail servers have private addresses, which outbound.allow_private_targets allows");
            }
            return vec![unroutable(&error); rows.len()];
        }
    };
    let recipients: Vec<Recipient<'_>> = rows
        .iter()
        .map(|row| Recipient {
            address: &row.details.recipient,
            notify: row.details.notify,
            original: row.details.original_recipient.as_deref(),
        })
        .collect();
    let content = means.store.item_bytes(first);
    let signatures = match means.dkim.sign(&content, world.now()).await {
        Ok(signatures) => signatures,
        Err(error) => return vec![Fate::Deferred(Diagnosis::new("4.3.0", None, &error.to_string())); rows.len()],
    };
    let transaction = Transaction {
        reverse_path: &first.details.reverse_path,
        recipients: &recipients,
        returned: first.details.returned,
        envelope_id: first.details.envelope_id.as_deref(),
        eight_bit: first.details.eight_bit,
        smtputf8: rows.iter().any(|row| row.details.smtputf8),
        signatures: &signatures,
        content: &content,
    };
    let client = Client { settings: &means.settings, tls: &means.tls, our_name: &means.our_name };
    let mut fate = None;
    for hop in &hops {
        let error = match client.deliver(hop, &transaction).await {
            Ok(outcome) => return fates(hop, &outcome),
            Err(error) => error,
        };
        let verdict = give_up(hop, &error);
        // RFC 5321 §5.1: the next host is for the one that cannot be used now.
        if !error.leaves_it_to_others() {
            return vec![verdict; rows.len()];
        }
        fate = Some(verdict);
    }
    vec![fate.unwrap_or_else(|| unroutable(&DnsError::NoSuchDomain(domain.clone()))); rows.len()]
}

fn unroutable(error: &DnsError) -> Fate {
    let diagnosis = |status: &str| Diagnosis::new(status, None, &error.to_string());
    match error {
        DnsError::NoSuchDomain(_) => Fate::Failed(diagnosis("5.1.2")),
        // RFC 7505 §4.2
        DnsError::NullMx(_) => Fate::Failed(diagnosis("5.1.10")),
        // RFC 3463 §3.5
        DnsError::Loop(_) => Fate::Failed(diagnosis("5.4.6")),
        // Perhaps a mistake in a zone, or the operator has yet to allow it: what is ours is to connect to nothing.
        DnsError::NotPublic(_) => Fate::Deferred(diagnosis("4.4.4")),
        DnsError::Temporary(..) | DnsError::Setup(_) => Fate::Deferred(diagnosis("4.4.3")),
    }
}

fn give_up(hop: &Hop, error: &ClientError) -> Fate {
    let diagnosis = |status: &str| Diagnosis::new(status, Some(&hop.name), &error.to_string());
    match error {
        ClientError::Refused(response) => refused(hop, response),
        ClientError::Unsupported(status, _) => Fate::Failed(diagnosis(status)),
        ClientError::Network(_) => Fate::Deferred(diagnosis("4.4.1")),
        ClientError::Unanswered(_) => Fate::Deferred(diagnosis("4.4.2")),
        // A host that serves nobody (RFC 5321 §3.1) says nothing about the letter.
        ClientError::NoService(_) => Fate::Deferred(diagnosis("4.3.2")),
        ClientError::Protocol(_) => Fate::Deferred(diagnosis("4.5.0")),
        ClientError::Tls(_) | ClientError::Injection => Fate::Deferred(diagnosis("4.7.5")),
        ClientError::Store(_) => Fate::Deferred(diagnosis("4.3.0")),
    }
}

fn fates(hop: &Hop, outcome: &Outcome) -> Vec<Fate> {
    let unheard = || Diagnosis::new("4.5.0", Some(&hop.name), "no answer");
    let accepted = || match &outcome.data {
        Some(response) if response.severity() == Severity::Done => {
            let (host, said) = (hop.name.clone(), clip(&response.summary()));
            Fate::Delivered { host, said, tls: outcome.tls.clone(), reports: outcome.reports }
        }
        Some(response) => refused(hop, response),
        None => Fate::Deferred(unheard()),
    };
    let fate = |answer: &Result<(), Response>| match answer {
        Ok(()) => accepted(),
        Err(response) => refused(hop, response),
    };
    outcome.recipients.iter().map(fate).collect()
}

/// RFC 5321 §4.2.1: the first digit decides; an answer that does not belong here at all is temporary.
fn refused(hop: &Hop, response: &Response) -> Fate {
    let permanent = response.severity() == Severity::Permanent;
    let class = if permanent { 5 } else { 4 };
    let own = response.enhanced.filter(|enhanced| enhanced.class == class);
    let status = own.map_or_else(|| format!("{class}.0.0"), |enhanced| enhanced.to_string());
    let diagnosis = Diagnosis::new(status, Some(&hop.name), &response.summary());
    if permanent { Fate::Failed(diagnosis) } else { Fate::Deferred(diagnosis) }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;
    use crate::smtp::proto::response::{ResponseLimits, ResponseParser};

    fn hop() -> Hop {
        Hop { name: "mx.example".into(), addresses: Vec::new() }
    }

    fn response(wire: &str) -> Response {
        let mut parser = ResponseParser::new(ResponseLimits::default());
        parser.push(format!("{wire}\r\n").as_bytes()).unwrap();
        parser.next_response().unwrap()
    }

    fn said(status: &str, text: &str) -> Diagnosis {
        Diagnosis { status: status.into(), host: Some("mx.example".into()), text: text.into() }
    }

    #[test_case("550 5.1.1 nobody" => Fate::Failed(said("5.1.1", "550 5.1.1 nobody")); "own status")]
    #[test_case("550 nobody" => Fate::Failed(said("5.0.0", "550 nobody")); "no status")]
    #[test_case("550 4.1.1 odd" => Fate::Failed(said("5.0.0", "550 4.1.1 odd")); "a status of the wrong class is not believed")]
    #[test_case("451 4.7.1 greylisted" => Fate::Deferred(said("4.7.1", "451 4.7.1 greylisted")); "temporary")]
    #[test_case("354 go on" => Fate::Deferred(said("4.0.0", "354 go on")); "an answer that does not belong here")]
    fn rfc3463_the_answer_decides(wire: &str) -> Fate {
        refused(&hop(), &response(wire))
    }

    #[test]
    fn design5_what_a_server_says_cannot_make_a_row_big() {
        let line = "ж".repeat(900);
        let Fate::Failed(diagnosis) =
            refused(&hop(), &response(&format!("{}550 {line}", format!("550-{line}\r\n").repeat(100))))
        else {
            panic!("refused for good")
        };
        assert_eq!(diagnosis.text.chars().count(), MAX_TEXT);
    }

    #[test]
    fn rfc5321_each_recipient_has_its_own_fate() {
        let recipients = vec![Ok(()), Err(response("550 5.1.1 nobody")), Err(response("452 4.2.2 full"))];
        let tls = Some("TLSv1_3".to_owned());
        let reports = Reports::Theirs;
        let outcome = Outcome { recipients, data: Some(response("250 2.0.0 taken")), tls: tls.clone(), reports };
        let fates = fates(&hop(), &outcome);
        let delivered = Fate::Delivered { host: "mx.example".into(), said: "250 2.0.0 taken".into(), tls, reports };
        let failed = Fate::Failed(said("5.1.1", "550 5.1.1 nobody"));
        assert_eq!(fates, [delivered, failed, Fate::Deferred(said("4.2.2", "452 4.2.2 full"))]);
    }

    #[test]
    fn rfc5321_a_refused_letter_is_refused_for_those_who_were_accepted_only() {
        let recipients = vec![Ok(()), Err(response("550 5.1.1 nobody"))];
        let outcome =
            Outcome { recipients, data: Some(response("451 4.3.0 later")), tls: None, reports: Reports::Ours };
        let deferred = Fate::Deferred(said("4.3.0", "451 4.3.0 later"));
        assert_eq!(fates(&hop(), &outcome), [deferred, Fate::Failed(said("5.1.1", "550 5.1.1 nobody"))]);
    }
}
