//! A file of any kind that has to do with signatures: what is it, and does it hold?

use super::asn1::{Reader, tag};
use super::certificate::Certificate;
use super::cms::SignedData;
use super::crl::RevocationList;
use super::ocsp::{Response, Status};
use super::refusal::{Kind, Refusal};
use super::report::{Holder, Report, Revocation, Step, hex};
use super::signature::{Policy, Signed, Use, judge_certificate, stamp, verify_data};
use super::timestamp::{Expected, Token, token_of_response};
use super::{ber, contents};

/// What is to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The file, DER, BER or PEM.
    pub file: &'a [u8],
    /// The document, where the file is a detached signature or a time stamp.
    pub document: Option<&'a [u8]>,
}

/// Judges a file, whatever it is.
#[must_use]
pub fn judge(given: Given<'_>, policy: &Policy<'_>) -> Report {
    judge_with_signers(given, policy).0
}

/// Judges a file, and tells who signed where it is a signature that holds: what became of their certificates can then be
/// asked for.
#[must_use]
pub fn judge_with_signers(given: Given<'_>, policy: &Policy<'_>) -> (Report, Option<Signed>) {
    let mut report = Report::default();
    let bytes = contents(given.file);
    let nobody = |()| None;
    let result = match recognise(&bytes) {
        Some(Found::Certificate) => certificate(&bytes, policy, &mut report).map(nobody),
        Some(Found::RevocationList) => list(&bytes, policy, &mut report).map(nobody),
        Some(Found::Message) => message(&bytes, given.document, policy, &mut report),
        Some(Found::OcspResponse) => ocsp(&bytes, policy, &mut report).map(nobody),
        Some(Found::StampResponse) => stamp_response(&bytes, given.document, policy, &mut report).map(nobody),
        None => report.check(Step::Form, Err(Refusal::NotRecognised)),
    };
    let signed = result.unwrap_or_else(|refusal| {
        report.refusal = Some(refusal);
        None
    });
    (report, signed)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Found {
    Certificate,
    RevocationList,
    Message,
    OcspResponse,
    StampResponse,
}

/// By what it begins with.
fn recognise(bytes: &[u8]) -> Option<Found> {
    let der = ber::to_der(bytes).ok()?;
    let mut outer = Reader::only(&der, tag::SEQUENCE).ok()?.inside();
    let first = outer.next().ok()?;
    match first.tag {
        tag::OID => return Some(Found::Message),
        tag::ENUMERATED => return Some(Found::OcspResponse),
        tag::SEQUENCE => {}
        _ => return None,
    }
    let Ok(second) = outer.next() else { return Some(Found::StampResponse) };
    let is_signed = outer.peek() == Some(tag::BIT_STRING);
    if !is_signed || second.tag != tag::SEQUENCE {
        return Some(Found::StampResponse);
    }
    // A certificate has a number behind its version, and a list an algorithm.
    let mut inside = first.inside();
    inside.optional(tag::constructed(0)).ok()?;
    let has_version = inside.take(tag::INTEGER).is_ok();
    let algorithm = inside.take(tag::SEQUENCE).ok()?;
    let issuer = inside.take(tag::SEQUENCE).is_ok();
    let is_list = !has_version || inside.peek().is_some_and(|next| next != tag::SEQUENCE);
    (issuer && !algorithm.content.is_empty()).then_some(if is_list {
        Found::RevocationList
    } else {
        Found::Certificate
    })
}

fn certificate(bytes: &[u8], policy: &Policy<'_>, report: &mut Report) -> Result<(), Refusal> {
    report.kind = Some(Kind::Certificate);
    let certificate = report.check(Step::Form, Certificate::read(bytes))?;
    report.holders.push(Holder::of(&certificate));
    judge_certificate(&certificate, &Policy { usage: Use::Any, ..*policy }, policy.at, report).map(drop)
}

fn message(
    bytes: &[u8],
    document: Option<&[u8]>,
    policy: &Policy<'_>,
    report: &mut Report,
) -> Result<Option<Signed>, Refusal> {
    report.kind = Some(Kind::Signature);
    let data = SignedData::read(bytes, Kind::Signature);
    match data {
        Ok(data) if Token::is_one(&data) => token(bytes, document, policy, report).map(|()| None),
        Ok(data) => verify_data(&data, document, policy, report).map(Some),
        Err(refusal) => report.check(Step::Form, Err(refusal)),
    }
}

fn stamp_response(
    bytes: &[u8],
    document: Option<&[u8]>,
    policy: &Policy<'_>,
    report: &mut Report,
) -> Result<(), Refusal> {
    report.kind = Some(Kind::TimeStamp);
    match token_of_response(bytes) {
        Ok(bytes) => token(&bytes, document, policy, report),
        Err(refusal) => report.check(Step::Form, Err(refusal)),
    }
}

fn token(bytes: &[u8], document: Option<&[u8]>, policy: &Policy<'_>, report: &mut Report) -> Result<(), Refusal> {
    report.kind = Some(Kind::TimeStamp);
    let token = report.check(Step::Form, Token::read(bytes))?;
    match document {
        Some(content) => {
            let expected = Expected { content, nonce: None, policy: None };
            report.check(Step::Imprint, token.require(&expected))?;
        }
        None => report.skip(Step::Imprint),
    }
    let verified = report.check(Step::TimeStamp, token.verify(policy.trust, policy.at))?;
    report.holders.push(Holder { time_stamp: Some(stamp(&verified)), ..Holder::of(verified.signer) });
    Ok(())
}

fn ocsp(bytes: &[u8], policy: &Policy<'_>, report: &mut Report) -> Result<(), Refusal> {
    report.kind = Some(Kind::OcspResponse);
    let response = report.check(Step::Form, Response::read(bytes))?;
    report.answers = response.answers().iter().map(revocation).collect();
    let verified = report.check(Step::Signature, response.verify(policy.trust, policy.at, policy.max_age_s))?;
    report.holders.push(Holder::of(&verified.responder));
    Ok(())
}

fn revocation(answer: &super::ocsp::Answer) -> Revocation {
    let (status, since) = match answer.status {
        Status::Good => ("good", None),
        Status::Revoked(since) => ("revoked", Some(since.to_string())),
        Status::Unknown => ("unknown", None),
    };
    Revocation { serial: hex(&answer.serial), status, since, updated: answer.updated.to_string() }
}

/// A list of revoked certificates is signed by one of the authorities.
fn list(bytes: &[u8], policy: &Policy<'_>, report: &mut Report) -> Result<(), Refusal> {
    report.kind = Some(Kind::RevocationList);
    let list = report.check(Step::Form, RevocationList::read(bytes))?;
    let issuer = policy.trust.anchors.iter().chain(policy.trust.others).find(|one| list.is_of(one));
    let holds = issuer.ok_or(Refusal::OtherList).and_then(|issuer| {
        list.require(issuer, policy.at, policy.max_age_s)?;
        policy.trust.path(issuer, policy.at)
    });
    report.check(Step::Signature, holds).map(drop)
}
