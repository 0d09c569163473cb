//! SPF, DKIM, ARC and DMARC for mail from strangers, before a byte of it is edited (DESIGN 7).
//!
//! The checks are those of the mail-auth library; what is ours is the bound on memory: only messages that carry
//! a signature are held whole, and together never more than the configured budget.

use std::net::IpAddr;
use std::sync::Arc;

use mail_auth::common::headers::HeaderWriter;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{AuthenticatedMessage, AuthenticationResults, DkimOutput, DmarcResult, SpfOutput, dmarc};
use tokio::sync::Semaphore;

use super::{Dns, Settings};
use crate::address::ReversePath;
use crate::store::{self, StagedBody};

/// The service. Clones share the budget.
#[derive(Clone, Debug)]
pub struct Verifier {
    dns: Dns,
    settings: Settings,
    /// Our name in `Authentication-Results` (RFC 8601 §2.2).
    authserv_id: Arc<str>,
    /// One permit for each KiB of message in memory.
    memory: Arc<Semaphore>,
    memory_permits: u32,
}

/// A message to look at.
#[derive(Debug)]
pub struct Incoming<'a> {
    /// The client.
    pub ip: IpAddr,
    /// What it said in EHLO.
    pub helo: &'a str,
    /// MAIL FROM.
    pub reverse_path: &'a ReversePath,
    /// The untouched bytes.
    pub body: &'a StagedBody,
    /// The top header block with its empty line.
    pub header: &'a [u8],
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assessment {
    /// A complete `Authentication-Results` field with its CRLF.
    pub header: String,
    /// The domain in `From` asks for messages like this one to be refused (DMARC `p=reject`).
    pub refuse: Option<String>,
}

impl Verifier {
    /// A verifier that signs its findings with `authserv_id`.
    #[must_use]
    pub fn new(dns: Dns, settings: &Settings, authserv_id: &str) -> Self {
        let permits = (settings.signature_memory_bytes >> 10).clamp(1, u64::from(u32::MAX >> 3));
        let memory_permits = u32::try_from(permits).unwrap_or(u32::MAX >> 3);
        let memory = Arc::new(Semaphore::new(usize::try_from(memory_permits).unwrap_or(1)));
        Verifier { dns, settings: settings.clone(), authserv_id: authserv_id.into(), memory, memory_permits }
    }

    /// Looks at a message. `None` when verification is off.
    ///
    /// # Errors
    /// The staged body cannot be read.
    pub async fn assess(&self, incoming: &Incoming<'_>) -> store::Result<Option<Assessment>> {
        if !self.settings.verify {
            return Ok(None);
        }
        let len = incoming.body.len();
        if !is_signed(incoming.header) || len > self.settings.max_signed_bytes {
            return Ok(Some(self.findings(incoming, incoming.header).await));
        }
        let permits = u32::try_from(len >> 10).unwrap_or(u32::MAX).saturating_add(1).min(self.memory_permits);
        let _budget = self.memory.acquire_many(permits).await.map_err(|_| store::Error::Closed)?;
        let whole = incoming.body.read_at(0, usize::try_from(len).unwrap_or(usize::MAX))?;
        Ok(Some(self.findings(incoming, &whole).await))
    }

    async fn findings(&self, incoming: &Incoming<'_>, bytes: &[u8]) -> Assessment {
        let authenticator = self.dns.authenticator();
        let mail_from = incoming.reverse_path.address().map(ToString::to_string).unwrap_or_default();
        // RFC 7208 §2.4: with a null reverse-path the HELO identity is checked.
        let sender = if mail_from.is_empty() { format!("postmaster@{}", incoming.helo) } else { mail_from.clone() };
        let spf = authenticator
            .verify_spf(SpfParameters::verify_mail_from(incoming.ip, incoming.helo, &self.authserv_id, &sender))
            .await;
        let mut results = AuthenticationResults::new(&self.authserv_id).with_spf_mailfrom_result(
            &spf,
            incoming.ip,
            &mail_from,
            incoming.helo,
        );
        let mut refuse = None;
        if let Some(message) = AuthenticatedMessage::parse(bytes) {
            let dkim = authenticator.verify_dkim(&message).await;
            if dkim.iter().any(|output| output.signature().is_some()) {
                results = results.with_dkim_results(&dkim, message.from());
            }
            if !message.ams_headers.is_empty() {
                results = results.with_arc_result(&authenticator.verify_arc(&message).await, incoming.ip);
            }
            let policy = self.dmarc(&message, &dkim, &sender, &spf).await;
            results = results.with_dmarc_result(&policy);
            refuse = self.refusal(&policy);
        }
        Assessment { header: results.to_header(), refuse }
    }

    async fn dmarc(
        &self,
        message: &AuthenticatedMessage<'_>,
        dkim: &[DkimOutput<'_>],
        sender: &str,
        spf: &SpfOutput,
    ) -> mail_auth::DmarcOutput {
        let domain = sender.rsplit_once('@').map_or("", |(_, domain)| domain);
        self.dns.authenticator().verify_dmarc(DmarcParameters::new(message, dkim, domain, spf)).await
    }

    fn refusal(&self, policy: &mail_auth::DmarcOutput) -> Option<String> {
        let fails = matches!(policy.result(), DmarcResult::Fail(_)) && policy.policy() == dmarc::Policy::Reject;
        (self.settings.enforce_dmarc && fails).then(|| {
            format!("the domain {} asks for messages that fail its checks to be refused (DMARC)", policy.domain())
        })
    }
}

/// Only messages with a signature need their body read for verification.
fn is_signed(header: &[u8]) -> bool {
    let names: [&[u8]; 2] = [b"dkim-signature:", b"arc-seal:"];
    header.split(|byte| *byte == b'\n').any(|line| {
        names.iter().any(|name| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)))
    })
}
