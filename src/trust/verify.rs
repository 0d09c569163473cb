//! SPF, DKIM, ARC and DMARC for mail from strangers, before a byte of it is edited (DESIGN 7).
//!
//! The checks are those of the mail-auth library; what is ours are the bounds. Only messages that carry a signature
//! are held whole, together never more than the configured budget, and no message can ask so many questions of
//! slow name servers that it holds its part of the budget for long.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use mail_auth::common::crypto::HashAlgorithm;
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::Canonicalization;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{
    AuthenticatedMessage, AuthenticationResults, DkimOutput, DmarcResult, Error, SpfOutput, SpfResult, dmarc,
};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{Dns, Settings};
use crate::address::ReversePath;
use crate::postal::BodyHasher;
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

/// What of the signatures of a message can be judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Signatures {
    /// All that there are.
    Readable,
    /// Nothing, for the body is too large to be read.
    Unread,
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
        if !is_signed(incoming.header) {
            return Ok(Some(self.findings(incoming, incoming.header, Signatures::Readable).await));
        }
        if len > self.settings.max_signed_bytes {
            return Ok(Some(self.findings(incoming, incoming.header, Signatures::Unread).await));
        }
        let permits = u32::try_from(len >> 10).unwrap_or(u32::MAX).saturating_add(1).min(self.memory_permits);
        let _budget = self.memory.acquire_many(permits).await.map_err(|_| store::Error::Closed)?;
        let whole = incoming.body.read_at(0, usize::try_from(len).unwrap_or(usize::MAX))?;
        Ok(Some(self.findings(incoming, &whole, Signatures::Readable).await))
    }

    async fn findings(&self, incoming: &Incoming<'_>, bytes: &[u8], signatures: Signatures) -> Assessment {
        let mail_from = incoming.reverse_path.address().map(ToString::to_string).unwrap_or_default();
        // RFC 7208 §2.4: with a null reverse-path the HELO identity is checked.
        let sender = if mail_from.is_empty() { format!("postmaster@{}", incoming.helo) } else { mail_from.clone() };
        let spf = self.spf(incoming, &sender).await;
        let mut results = AuthenticationResults::new(&self.authserv_id).with_spf_mailfrom_result(
            &spf,
            incoming.ip,
            &mail_from,
            incoming.helo,
        );
        let mut refuse = None;
        if let Some(mut message) = AuthenticatedMessage::parse(bytes) {
            let mut dkim = Vec::new();
            if signatures == Signatures::Readable {
                self.limit_signatures(&mut message);
                correct_body_hashes(&mut message);
                dkim = self.dns.authenticator().verify_dkim(&message).await;
                if dkim.iter().any(|output| output.signature().is_some()) {
                    results = results.with_dkim_results(&dkim, message.from());
                }
                results = self.with_arc(results, &message, incoming.ip).await;
            }
            let policy = self.dmarc(&message, &dkim, &sender, &spf).await;
            // Somebody whose signatures were not read may pass by SPF, but does not fail.
            if signatures == Signatures::Readable || policy.result() == DmarcResult::Pass {
                results = results.with_dmarc_result(&policy);
                refuse = self.refusal(&policy);
            }
        }
        Assessment { header: results.to_header(), refuse }
    }

    async fn spf(&self, incoming: &Incoming<'_>, sender: &str) -> SpfOutput {
        let parameters = SpfParameters::verify_mail_from(incoming.ip, incoming.helo, &self.authserv_id, sender);
        let check = self.dns.authenticator().verify_spf(parameters);
        // RFC 7208 §4.6.4: a check that takes too long is a temporary error.
        timeout(self.check_timeout(), check)
            .await
            .unwrap_or_else(|_| SpfOutput::new(domain_of(sender).to_owned()).with_result(SpfResult::TempError))
    }

    /// Keeps as many signatures as may be verified, those that DMARC looks for before the others.
    fn limit_signatures(&self, message: &mut AuthenticatedMessage<'_>) {
        let limit = self.settings.max_signatures;
        let author = domain_of(message.from()).to_lowercase();
        message.dkim_headers.sort_by_key(|signature| !are_related(&signature.header.d.to_lowercase(), &author));
        message.dkim_headers.truncate(limit);
        let mut malformed = 0;
        message.errors.retain(|error| {
            malformed += usize::from(matches!(error.header, Error::Dkim(_)));
            malformed <= limit
        });
    }

    async fn with_arc<'a>(
        &self,
        results: AuthenticationResults<'a>,
        message: &AuthenticatedMessage<'_>,
        ip: IpAddr,
    ) -> AuthenticationResults<'a> {
        if message.ams_headers.is_empty() {
            return results;
        }
        match timeout(self.check_timeout(), self.dns.authenticator().verify_arc(message)).await {
            Ok(chain) => results.with_arc_result(&chain, ip),
            Err(_) => results,
        }
    }

    fn check_timeout(&self) -> Duration {
        Duration::from_secs(self.settings.check_timeout_s)
    }

    async fn dmarc(
        &self,
        message: &AuthenticatedMessage<'_>,
        dkim: &[DkimOutput<'_>],
        sender: &str,
        spf: &SpfOutput,
    ) -> mail_auth::DmarcOutput {
        let parameters = DmarcParameters::new(message, dkim, domain_of(sender), spf);
        self.dns.authenticator().verify_dmarc(parameters).await
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

/// RFC 6376 §3.4.4: the relaxed form ignores lines of white space at the end of a body. The library counts them, so such
/// a body is hashed here.
fn correct_body_hashes(message: &mut AuthenticatedMessage<'_>) {
    let body = usize::try_from(message.body_offset).ok().and_then(|from| message.raw_message.get(from..));
    let body = body.unwrap_or_default();
    let end = body.get(body.trim_ascii_end().len()..).unwrap_or_default();
    if !end.iter().any(|byte| matches!(byte, b' ' | b'\t')) {
        return;
    }
    let is_relaxed = |form: &Canonicalization, hash: &HashAlgorithm, counted: u64| {
        (*form, *hash, counted) == (Canonicalization::Relaxed, HashAlgorithm::Sha256, 0)
    };
    let relaxed = message.body_hashes.iter_mut().find(|(form, hash, counted, _)| is_relaxed(form, hash, *counted));
    if let Some((_, _, _, hash)) = relaxed {
        let mut hasher = BodyHasher::default();
        hasher.update(body);
        *hash = hasher.finish().0.to_vec();
    }
}

fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// One domain is the other or lies below it.
fn are_related(one: &str, other: &str) -> bool {
    let below = |child: &str, parent: &str| child.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'));
    one == other || below(one, other) || below(other, one)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::super::zone::{Zone, ZoneServer};
    use super::*;
    use crate::store::Store;

    const OWN: &str = "192.0.2.1";
    const FOREIGN: &str = "198.51.100.1";
    /// Its body hash is wrong, so that its key is never asked for.
    const SIGNATURE: &str = "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=strict.example; s=x; h=from;\r\n\
        \tbh=AAAA; b=AAAA\r\n";

    /// A message from `strict.example`, which lets only [`OWN`] write and asks for everything else to be refused.
    async fn assess(settings: Settings, ip: &str, reverse_path: ReversePath, signatures: &str) -> Option<Assessment> {
        let zone = "strict.example TXT v=spf1 ip4:192.0.2.1 -all\n_dmarc.strict.example TXT v=DMARC1; p=reject\n";
        let zone = Zone::parse(zone).unwrap();
        let server = ZoneServer::start(zone, "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let settings = Settings { name_servers: vec![server.address()], dns_timeout_s: 1, ..settings };
        let verifier = Verifier::new(Dns::new(&settings).unwrap(), &settings, "mx.poshta.example");
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &store::Settings { watermark_bytes: 0, ..Default::default() }).unwrap();
        let header = format!("{signatures}From: a@strict.example\r\nSubject: x\r\n\r\n");
        let mut writer = store.stage();
        writer.write(header.as_bytes()).unwrap();
        writer.write(b"body\r\n").unwrap();
        let body = writer.finish().unwrap();
        let incoming = Incoming {
            ip: ip.parse().unwrap(),
            helo: "strict.example",
            reverse_path: &reverse_path,
            body: &body,
            header: header.as_bytes(),
        };
        verifier.assess(&incoming).await.unwrap()
    }

    fn author() -> ReversePath {
        ReversePath::Address("a@strict.example".parse().unwrap())
    }

    #[test_case(author(); "mail from")]
    #[test_case(ReversePath::Null; "rfc7208 helo where there is no mail from")]
    #[tokio::test]
    async fn rfc7489_aligned_spf_passes(reverse_path: ReversePath) {
        let found = assess(Settings::default(), OWN, reverse_path, "").await.unwrap();
        assert!(found.header.starts_with("Authentication-Results: mx.poshta.example;"), "{}", found.header);
        assert!(found.header.ends_with("\r\n"), "{}", found.header);
        assert!(found.header.contains("spf=pass") && found.header.contains("dmarc=pass"), "{}", found.header);
        assert_eq!(found.refuse, None);
    }

    #[test_case("", 67_108_864; "without a signature")]
    #[test_case(SIGNATURE, 67_108_864; "with a wrong one")]
    #[test_case("", 10; "too large to look for signatures, and without any")]
    #[tokio::test]
    async fn rfc7489_a_forged_author_is_refused_where_the_domain_asks_for_it(signatures: &str, max_signed_bytes: u64) {
        let settings = Settings { max_signed_bytes, ..Settings::default() };
        let found = assess(settings, FOREIGN, author(), signatures).await.unwrap();
        assert!(found.header.contains("spf=fail") && found.header.contains("dmarc=fail"), "{}", found.header);
        assert!(found.refuse.is_some_and(|reason| reason.contains("strict.example")));
    }

    #[tokio::test]
    async fn a_signature_that_was_not_read_is_no_reason_to_refuse() {
        let settings = || Settings { max_signed_bytes: 10, ..Settings::default() };
        let found = assess(settings(), FOREIGN, author(), SIGNATURE).await.unwrap();
        assert!(!found.header.contains("dkim=") && !found.header.contains("dmarc="), "{}", found.header);
        assert_eq!(found.refuse, None);
        let found = assess(settings(), OWN, author(), SIGNATURE).await.unwrap();
        assert!(found.header.contains("dmarc=pass"), "{}", found.header);
    }

    #[tokio::test]
    async fn no_more_signatures_are_verified_than_allowed() {
        let settings = Settings { max_signatures: 3, ..Settings::default() };
        let foreign = SIGNATURE.replace("d=strict.example", "d=list.example").repeat(5);
        let malformed = "DKIM-Signature: v=2\r\n".repeat(5);
        let found = assess(settings, FOREIGN, author(), &format!("{malformed}{foreign}{SIGNATURE}")).await.unwrap();
        assert_eq!(found.header.matches("header.d=").count(), 3, "{}", found.header);
        assert_eq!(found.header.matches("dkim=").count(), 6, "{}", found.header);
        assert!(found.header.contains("header.d=strict.example"), "the author's comes first: {}", found.header);
    }

    #[test_case(Settings { enforce_dmarc: false, ..Settings::default() } => Some(false); "a failure is only noted")]
    #[test_case(Settings { verify: false, ..Settings::default() } => None; "nothing is looked at")]
    #[tokio::test]
    async fn the_operator_may_be_lenient(settings: Settings) -> Option<bool> {
        assess(settings, FOREIGN, author(), "").await.map(|found| found.refuse.is_some())
    }
}
