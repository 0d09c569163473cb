//! Versions of the user agreement (M9, M11) and who consented to which (M10).
//!
//! | class | key | value |
//! |---|---|---|
//! | `M` | 1, number | a version: from when, its hash, its texts in the packs; never removed |
//! | `M` | 2, hash | the number of the version with this hash |
//! | `M` | 3, account, time | a consent |

use serde::{Deserialize, Serialize};

use super::check::{Claims, bad_key};
use super::keys::{self, Key};
use super::{Batch, Hole, Precondition, RecordRef, Result, Template, View, rows};
use crate::identity::agreement::{AgreementText, VersionHash};
use crate::ids::AccountId;

const VERSION: u8 = 1;

const CLASS: u8 = b'M';
const VERSIONS: u8 = 1;
const BY_HASH: u8 = 2;
const CONSENTS: u8 = 3;

/// Where in a row of a version the record of its texts stands.
pub(super) const VERSION_PLACE: [usize; 1] = [1];

/// A version of the agreement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AgreementVersion {
    /// The first one is 1.
    pub number: u32,
    /// Names its wording.
    pub hash: VersionHash,
    /// In force from then on, microseconds since 1970.
    pub from_us: i64,
    /// When it was published.
    pub published_us: i64,
}

/// M10: somebody consented to a version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AgreementConsent {
    /// To which.
    pub hash: VersionHash,
    /// When, microseconds since 1970.
    pub at_us: i64,
    /// How.
    pub channel: Channel,
    /// What proves it.
    pub evidence: ConsentEvidence,
}

/// How a consent came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Channel {
    /// On the pages, with the application.
    Online,
    /// On paper, with the application.
    Counter,
    /// In the personal cabinet, to a new version.
    Cabinet,
}

/// What proves a consent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ConsentEvidence {
    /// The signed application with this serial number: a CMS, or the scan of the signed paper.
    Application(u32),
    /// A signed-in session of the user: the address it came from.
    Session(String),
    /// A signature over the version's hash, with the serial number of the certificate.
    Signature(String),
}

/// Adds the next version. The batch fails with `Conflict` if that number or this wording is there already.
///
/// # Errors
/// It cannot be written as a row.
pub fn publish(batch: &mut Batch, version: &AgreementVersion, text: &AgreementText) -> Result<()> {
    let record = batch.record(rows::encode(VERSION, text)?);
    let row = Template::from(vec![VERSION]).hole(Hole::Record(record)).bytes(&rows::encode(VERSION, version)?);
    let (by_number, by_hash) = (version_key(version.number), hash_key(&version.hash));
    batch.require(Precondition::Absent(by_number.clone()));
    batch.require(Precondition::Absent(by_hash.clone()));
    batch.put(by_number, row);
    batch.put(by_hash, rows::encode(VERSION, &version.number)?);
    Ok(())
}

/// Adds a consent.
///
/// # Errors
/// It cannot be written as a row.
pub fn consent(batch: &mut Batch, account: AccountId, consent: &AgreementConsent) -> Result<()> {
    let at = u64::try_from(consent.at_us).unwrap_or(0);
    batch.put(Key::of(CLASS).u8(CONSENTS).u64(account.0).u64(at).done(), rows::encode(VERSION, consent)?);
    Ok(())
}

impl View<'_> {
    /// Every version, the first one first.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn agreement_versions(&self) -> Result<Vec<AgreementVersion>> {
        let prefix = [CLASS, VERSIONS];
        let rows = self.range(&prefix, &keys::after(&prefix), 10_000)?;
        rows.iter().map(|(_, row)| Ok(split(row)?.1)).collect()
    }

    /// The texts of a version.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn agreement_text(&self, number: u32) -> Result<Option<AgreementText>> {
        let Some(row) = self.get(&version_key(number))? else { return Ok(None) };
        let (record, _) = split(&row)?;
        rows::decode(VERSION, &self.record(record, None)?).map(Some)
    }

    /// The consents of an account, the oldest first.
    ///
    /// # Errors
    /// Engine, `Damaged`.
    pub fn agreement_consents(&self, account: AccountId) -> Result<Vec<AgreementConsent>> {
        let prefix = Key::of(CLASS).u8(CONSENTS).u64(account.0).done();
        let rows = self.range(&prefix, &keys::after(&prefix), 10_000)?;
        rows.iter().map(|(_, row)| rows::decode(VERSION, row)).collect()
    }
}

fn version_key(number: u32) -> Vec<u8> {
    Key::of(CLASS).u8(VERSIONS).u32(number).done()
}

fn hash_key(hash: &VersionHash) -> Vec<u8> {
    Key::of(CLASS).u8(BY_HASH).raw(hash.as_bytes()).done()
}

fn split(row: &[u8]) -> Result<(RecordRef, AgreementVersion)> {
    let (record, rest) = rows::split_place(VERSION, row)?;
    Ok((record, rows::decode(VERSION, rest)?))
}

/// Whether a row of the class can be read; a version has the wording that its hash names, and a consent is one to a
/// version that there is.
pub(super) fn inspect(view: &View<'_>, key: &[u8], row: &[u8]) -> Result<Claims> {
    let mut claims = Claims::default();
    match key.get(1).copied() {
        Some(VERSIONS) => {
            let (record, version) = split(row)?;
            claims.records.push(record);
            let holds = version_key(version.number) == key
                && view.agreement_text(version.number)?.is_some_and(|text| text.hash() == version.hash);
            claims.require(holds, || format!("version {} of the agreement is not what its hash names", version.number));
        }
        Some(BY_HASH) => {
            let number: u32 = rows::decode(VERSION, row)?;
            let holds = match view.get(&version_key(number))? {
                Some(row) => hash_key(&split(&row)?.1.hash) == key,
                None => false,
            };
            claims.require(holds, || format!("a hash of the agreement leads to version {number}, which has another"));
        }
        Some(CONSENTS) => {
            let consent: AgreementConsent = rows::decode(VERSION, row)?;
            let is_there = view.get(&hash_key(&consent.hash))?.is_some();
            claims.require(is_there, || format!("a consent is to {}, which was never published", consent.hash));
        }
        _ => return Err(bad_key("the agreement")),
    }
    Ok(claims)
}
