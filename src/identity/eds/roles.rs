//! In which capacity somebody signs: purposes that the national authority writes into its certificates.

use serde::Serialize;

use super::certificate::Certificate;
use crate::locale::{self, Lang};

/// A capacity (order of the national authority V2000021440).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// For oneself.
    Individual,
    /// For a legal entity.
    LegalEntity,
    /// Its first head.
    FirstHead,
    /// With the right to sign.
    RightToSign,
    /// With the right to sign financial documents.
    FinancialSignature,
    /// Its personnel department.
    HumanResources,
    /// Its employee.
    Employee,
    /// An information system.
    InformationSystem,
    /// The key signs documents.
    Signing,
    /// The key proves who somebody is.
    Authentication,
    /// The key signs time stamps.
    TimeStamping,
    /// The key signs answers about revocation.
    OcspSigning,
}

impl Role {
    /// Its name in this language.
    #[must_use]
    pub fn text(self, lang: Lang) -> String {
        let key = match self {
            Role::Individual => "eds-role-individual",
            Role::InformationSystem => "eds-role-information-system",
            Role::LegalEntity => "eds-role-legal-entity",
            Role::FirstHead => "eds-role-first-head",
            Role::RightToSign => "eds-role-right-to-sign",
            Role::FinancialSignature => "eds-role-financial-signature",
            Role::HumanResources => "eds-role-human-resources",
            Role::Employee => "eds-role-employee",
            Role::Signing => "eds-role-signing",
            Role::Authentication => "eds-role-authentication",
            Role::TimeStamping => "eds-role-time-stamping",
            Role::OcspSigning => "eds-role-ocsp-signing",
        };
        locale::text(lang, key, &[])
    }
}

const ROLES: &[(&str, Role)] = &[
    ("1.2.398.3.3.4.1.1", Role::Individual),
    ("1.2.398.3.3.4.1.1.1", Role::InformationSystem),
    ("1.2.398.3.3.4.1.2", Role::LegalEntity),
    ("1.2.398.3.3.4.1.2.1", Role::FirstHead),
    ("1.2.398.3.3.4.1.2.2", Role::RightToSign),
    ("1.2.398.3.3.4.1.2.3", Role::FinancialSignature),
    ("1.2.398.3.3.4.1.2.4", Role::HumanResources),
    ("1.2.398.3.3.4.1.2.5", Role::Employee),
    ("1.2.398.3.3.4.1.2.6", Role::InformationSystem),
    ("1.3.6.1.5.5.7.3.4", Role::Signing),
    ("1.3.6.1.5.5.7.3.2", Role::Authentication),
    ("1.3.6.1.5.5.7.3.8", Role::TimeStamping),
    ("1.3.6.1.5.5.7.3.9", Role::OcspSigning),
];

/// The capacities that a certificate names; purposes that say nothing of it are left out.
#[must_use]
pub fn roles(certificate: &Certificate) -> Vec<Role> {
    let purposes = certificate.purposes();
    let named = |(oid, role): &(&str, Role)| purposes.iter().any(|purpose| purpose == oid).then_some(*role);
    ROLES.iter().filter_map(named).collect()
}
