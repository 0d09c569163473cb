//! Section `[payment]` of the configuration.

use serde::{Deserialize, Serialize};

use crate::postal::Tariff;

/// Keys of `[payment]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How accounts pay that have no terms of their own.
    pub accounts: Way,
    /// How peers pay.
    pub peers: Way,
    /// Most payment signs on one letter.
    pub max_signs: usize,
    /// What letters on paper cost.
    pub tariff: Tariff,
}

/// How letters on paper are paid for, besides by signs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// By contract: afterwards, everything.
    #[default]
    Contract,
    /// In advance: by signs, or from a balance.
    Prepaid,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { accounts: Way::Contract, peers: Way::Contract, max_signs: 20, tariff: Tariff::default() }
    }
}
