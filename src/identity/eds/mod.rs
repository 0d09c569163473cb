//! Electronic digital signatures (EDS) of Kazakhstan: who signed what, when, in which capacity, and is it to be
//! believed?
//!
//! Pure: certificates of authorities, answers about revocation and the time are arguments. Signatures are verified,
//! never made, so there is no secret here. Whatever is not right ends in a [`Refusal`] that says which check failed.
//!
//! Sizes and depths are bounded before anything is read ([`ber`]), and whoever sends many certificates gets no more
//! work done ([`chain`]).

mod algorithm;
mod asn1;
mod ber;
mod certificate;
mod chain;
mod cms;
mod crl;
mod digest;
mod gost;
mod judge;
mod ocsp;
mod refusal;
mod report;
mod roles;
mod signature;
mod subject;
#[cfg(test)]
pub(crate) mod tests;
mod timestamp;

use std::time::Duration;

use x509_parser::pem::Pem;

use crate::clock::Timestamp;

pub use ber::MAX_BYTES;
pub use certificate::{Certificate, Usage};
pub use chain::{Path, Trust};
pub use crl::RevocationList;
pub use digest::{Digest, of as digest_of};
pub use judge::{Given, judge, judge_with_signers};
pub use ocsp::{Answer, Question, Response, Status, Verified as OcspVerified};
pub use refusal::{Kind, Refusal};
pub use report::{Check, Holder, Outcome, Report, Revocation, Stamp, Step};
pub use roles::{Role, roles};
pub use signature::{Evidence, Policy, Signed, SignedBy, Use, attached_content, verify};
pub use subject::{CheckDigits, Subject};
pub use timestamp::{Expected, Info, Request, Token, Verified, response_with, token_of_response};

/// Clocks of other people may be ahead by so much.
pub const SKEW: Duration = Duration::from_secs(300);

/// The bytes of a file: DER, or the first block of PEM.
#[must_use]
pub fn contents(file: &[u8]) -> Vec<u8> {
    blocks(file).into_iter().next().unwrap_or_default()
}

/// Every certificate of a file, DER or PEM.
///
/// # Errors
/// One of them is none.
pub fn certificates(file: &[u8]) -> Result<Vec<Certificate>, Refusal> {
    blocks(file).iter().map(|der| Certificate::read(der)).collect()
}

/// What looks like PEM and cannot be read is handed on as it is: whoever reads it then says what is wrong.
fn blocks(file: &[u8]) -> Vec<Vec<u8>> {
    let is_pem = file.windows(11).take(1 << 16).any(|window| window == b"-----BEGIN ");
    if !is_pem || file.first() == Some(&asn1::tag::SEQUENCE) {
        return vec![file.to_vec()];
    }
    let blocks: Result<Vec<Vec<u8>>, _> =
        Pem::iter_from_buffer(file).map(|block| block.map(|pem| pem.contents)).collect();
    blocks.ok().filter(|blocks| !blocks.is_empty()).unwrap_or_else(|| vec![file.to_vec()])
}

/// That something which others date is not from the future.
fn require_not_later(time: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    if now.checked_add(SKEW).is_ok_and(|latest| time > latest) { Err(Refusal::Future { time }) } else { Ok(()) }
}

/// That news about revocation are from before `at` and still count then.
fn require_fresh(updated: Timestamp, next: Option<Timestamp>, at: Timestamp, max_age_s: i64) -> Result<(), Refusal> {
    require_not_later(updated, at)?;
    let is_over = next.is_some_and(|next| next.checked_add(SKEW).is_ok_and(|last| at > last));
    let is_old = at.as_second().saturating_sub(updated.as_second()) > max_age_s;
    if is_over || is_old { Err(Refusal::Stale { updated }) } else { Ok(()) }
}
