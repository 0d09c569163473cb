//! Who pays for a letter on paper, and with what (P2, P7, P20-P22): price, payment signs, balance or contract.
//!
//! The invariant: what a letter is paid with is taken in the commit that accepts it, or not at all. Every sign and
//! every balance is changed only if it is as it was when the letter was judged; of two letters at the same moment one
//! fails and is judged anew when its sender tries again.

mod office;
mod settings;

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::clock::{Timestamp, World};
use crate::ids::{AccountId, BodyId, ItemId};
use crate::postal::{
    self, Circulation, Class, DeviceKind, Facility, FacilityId, Form, LetterOptions, NotValid, PaymentSign, Postage,
    Registry, SignHash, SignKind, Tiyn,
};
use crate::store::payment_signs::{SignEnd, StoredSign};
use crate::store::payments::{ItemPayment, OwnWay, ReceiptMark, StoredTerms, Terms, add_item_payment};
use crate::store::{self, Batch, Store};

pub use office::{Imported, NewSign, NotAFileOfSigns, OfficeError, TermsChange, read_signs};
pub use settings::{Settings, Way};

/// What [`Payments`] is made of.
#[derive(Debug)]
pub struct Parts {
    /// `[payment]`.
    pub settings: Settings,
    /// The facilities and their devices.
    pub registry: Arc<Registry>,
    /// Whose operator and calendar decide which signs are in circulation: the facility that accepts submissions.
    pub facility: String,
    /// Signs, balances, what was paid.
    pub store: Store,
    /// The clock.
    pub world: World,
}

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct Payments {
    parts: Arc<Parts>,
}

/// A letter that is to be paid for.
#[derive(Clone, Copy, Debug)]
pub struct Bill<'a> {
    /// The item.
    pub item: ItemId,
    /// Who pays.
    pub payer: Payer,
    /// What was asked for.
    pub options: LetterOptions,
    /// Sheets of its text and documents.
    pub sheets: u32,
    /// The signs that it names.
    pub signs: &'a [SignHash],
    /// See [`LetterName`].
    pub letter: LetterName,
}

/// Who pays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Payer {
    /// A user.
    Account(AccountId),
    /// A partner system.
    Peer,
}

/// Names a letter by all that its sender gave: whoever sends the very same again, because the answer was lost, does not
/// want a second one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LetterName([u8; 32]);

/// How a letter is paid: nothing is taken yet.
#[derive(Clone, Debug)]
pub struct Settlement {
    postage: Postage,
    letter: LetterName,
    signs: Vec<Redeemed>,
    balance: Option<(AccountId, StoredTerms, Terms)>,
    by_balance: Tiyn,
    by_contract: Tiyn,
}

/// A sign that is cancelled with the letter.
#[derive(Clone, Debug)]
struct Redeemed {
    stored: StoredSign,
    after: PaymentSign,
}

/// Why a letter is not taken for what was given.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    /// P7: only ordinary letters are sent on with a surcharge.
    #[error("{0}")]
    Missing(Shortfall),
    /// The same letter came again and was accepted meanwhile; the next attempt gets its item.
    #[error("this very letter is being accepted; try again later")]
    SameLetter,
    /// The facilities file and the configuration do not fit.
    #[error("there is no facility {0:?} whose payment signs could be taken")]
    NoFacility(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What a registered letter costs, and what is missing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shortfall {
    postage: Postage,
    options: LetterOptions,
    sheets: u32,
    /// Signs that pay for nothing, by their place in `Postal-Payment`.
    refused: Vec<(usize, NotValid)>,
}

impl std::fmt::Display for Shortfall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Shortfall { postage, options, sheets, refused } = self;
        write!(f, "a {} letter of {sheets} sheet(s) costs {} tenge", options.class.name(), postage.price)?;
        write!(f, ", {} given, {} missing; ", postage.given, postage.due())?;
        for (number, why) in refused {
            write!(f, "payment sign {number} is {why}; ")?;
        }
        f.write_str("name signs in Postal-Payment: sign=<code>[,<code>...]")
    }
}

/// The item that the letter became which this sign paid for, if it was this one.
fn paid_by(stored: &StoredSign, letter: LetterName) -> Option<ItemId> {
    let is_same = stored.end.as_ref().and_then(|end| end.letter) == Some(letter.0);
    match stored.sign.standing {
        postal::Standing::Cancelled(item) if is_same => Some(item),
        _ => None,
    }
}

impl LetterName {
    /// From envelope and content as they came.
    #[must_use]
    pub fn of<'a>(sender: &'a str, recipients: impl Iterator<Item = &'a str>, content: BodyId) -> Self {
        let mut hash = Sha256::new();
        for word in std::iter::once(sender).chain(recipients) {
            hash.update((word.len() as u64).to_be_bytes());
            hash.update(word);
        }
        LetterName(hash.chain_update(content.0).finalize().into())
    }
}

impl Payments {
    /// Builds the service.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Payments { parts: Arc::new(parts) }
    }

    /// Signs that a letter may name.
    #[must_use]
    pub fn max_signs(&self) -> usize {
        self.parts.settings.max_signs
    }

    /// The item that this very letter became when it came before: it was paid by one of the signs that it names (P20:
    /// idempotent for the same item).
    ///
    /// # Errors
    /// Store.
    pub async fn accepted_before(
        &self,
        signs: &[SignHash],
        letter: LetterName,
    ) -> Result<Option<ItemId>, store::Error> {
        let stored = self.read_signs(signs).await?;
        Ok(stored.into_iter().flatten().find_map(|stored| paid_by(&stored, letter)))
    }

    /// How the letter is paid. An ordinary one that is not is sent on with a surcharge (P7); what else is not paid is
    /// refused.
    ///
    /// # Errors
    /// `Missing`, `SameLetter`, `Store`.
    pub async fn settle(&self, bill: &Bill<'_>) -> Result<Settlement, PaymentError> {
        let Parts { settings, .. } = &*self.parts;
        let price = settings.tariff.price(bill.options, bill.sheets);
        let (signs, refused) = self.valid_signs(bill).await?;
        let by_signs: Tiyn = signs.iter().map(|sign| sign.stored.sign.value).sum();
        let missing = Postage { price, given: by_signs }.due();
        let mut settlement = Settlement {
            postage: Postage { price, given: by_signs },
            letter: bill.letter,
            signs,
            balance: None,
            by_balance: Tiyn(0),
            by_contract: Tiyn(0),
        };
        if missing > Tiyn(0) {
            self.pay_otherwise(bill.payer, missing, &mut settlement).await?;
        }
        if settlement.due() > Tiyn(0) && bill.options.class != Class::Ordinary {
            let (options, sheets) = (bill.options, shown_sheets(bill));
            let shortfall = Shortfall { postage: settlement.postage, options, sheets, refused };
            return Err(PaymentError::Missing(shortfall));
        }
        Ok(settlement)
    }

    /// P22: what is not valid is left as it is, and pays for nothing.
    async fn valid_signs(&self, bill: &Bill<'_>) -> Result<(Vec<Redeemed>, Vec<(usize, NotValid)>), PaymentError> {
        let (mut valid, mut refused) = (Vec::new(), Vec::new());
        if bill.signs.is_empty() {
            return Ok((valid, refused));
        }
        let facility = self.facility()?;
        let circulation = Circulation { operator: &facility.operator, on: facility.date_at(self.parts.world.now()) };
        for (stored, number) in self.read_signs(bill.signs).await?.into_iter().zip(1..) {
            if stored.as_ref().is_some_and(|stored| paid_by(stored, bill.letter).is_some()) {
                return Err(PaymentError::SameLetter);
            }
            let sign = stored.ok_or(NotValid::Unknown);
            match sign.and_then(|stored| Ok((stored.sign.cancel(bill.item, circulation)?, stored))) {
                Ok((after, stored)) => valid.push(Redeemed { stored, after }),
                Err(why) => refused.push((number, why)),
            }
        }
        Ok((valid, refused))
    }

    /// What signs leave open: from the balance, or by contract.
    async fn pay_otherwise(
        &self,
        payer: Payer,
        missing: Tiyn,
        settlement: &mut Settlement,
    ) -> Result<(), store::Error> {
        let Settings { accounts, peers, .. } = self.parts.settings;
        match payer {
            Payer::Peer => settlement.by_contract = if peers == Way::Contract { missing } else { Tiyn(0) },
            Payer::Account(account) => {
                let stored = self.terms(account).await?;
                let terms = stored.terms.clone();
                match (&terms.way, accounts) {
                    (OwnWay::Contract(_), _) | (OwnWay::AsConfigured, Way::Contract) => {
                        settlement.by_contract = missing;
                    }
                    (OwnWay::Prepaid, _) | (OwnWay::AsConfigured, Way::Prepaid) => {
                        settlement.by_balance = missing.min(terms.balance);
                        let balance = Tiyn(terms.balance.0.saturating_sub(settlement.by_balance.0));
                        let is_taken = balance != terms.balance;
                        settlement.balance = is_taken.then_some((account, stored, Terms { balance, ..terms }));
                    }
                }
            }
        }
        let given = [settlement.postage.given, settlement.by_contract, settlement.by_balance].into_iter().sum();
        settlement.postage.given = given;
        Ok(())
    }

    async fn read_signs(&self, signs: &[SignHash]) -> Result<Vec<Option<StoredSign>>, store::Error> {
        if signs.is_empty() {
            return Ok(Vec::new());
        }
        let signs = signs.to_vec();
        self.parts.store.read(move |view| signs.iter().map(|sign| view.payment_sign(sign)).collect()).await
    }

    async fn terms(&self, account: AccountId) -> Result<StoredTerms, store::Error> {
        self.parts.store.read(move |view| view.payment_terms(account)).await
    }

    fn facility(&self) -> Result<&Facility, PaymentError> {
        let Parts { registry, facility, world, .. } = &*self.parts;
        let found = facility.parse::<FacilityId>().ok().and_then(|id| registry.facility(&id, world.now()));
        found.ok_or_else(|| PaymentError::NoFacility(facility.clone()))
    }
}

/// A post card is one sheet, and nothing is one too.
fn shown_sheets(bill: &Bill<'_>) -> u32 {
    if bill.options.form == Form::Postcard { 1 } else { bill.sheets.max(1) }
}

impl Settlement {
    /// P7: what the addressee is to pay.
    #[must_use]
    pub fn due(&self) -> Tiyn {
        self.postage.due()
    }

    /// The signs that are cancelled, and the kind of device that does so at this facility now (P2, P8).
    pub fn cancellations(
        &self,
        facility: &Facility,
        instant: Timestamp,
    ) -> impl Iterator<Item = (SignHash, DeviceKind)> {
        let device = move |kind: SignKind| kind.cancelled_by(facility, instant);
        self.signs.iter().map(move |sign| (sign.stored.hash, device(sign.stored.sign.kind)))
    }

    /// Takes everything, in the commit that accepts the item: signs, balance, and the entry of what was paid.
    ///
    /// # Errors
    /// A row cannot be written.
    pub fn add_to_batch(
        &self,
        batch: &mut Batch,
        item: ItemId,
        at: Timestamp,
        receipt: Option<ReceiptMark>,
    ) -> Result<(), store::Error> {
        for Redeemed { stored, after } in &self.signs {
            let end = SignEnd { at_us: at.as_microsecond(), letter: Some(self.letter.0), reason: None };
            stored.change(batch, after, end)?;
        }
        if let Some((account, stored, new)) = &self.balance {
            stored.change(batch, *account, new)?;
        }
        let payment = ItemPayment {
            price: self.postage.price,
            by_signs: self.signs.iter().map(|sign| sign.stored.sign.value).sum(),
            by_balance: self.by_balance,
            by_contract: self.by_contract,
            due: self.due(),
            state: self.postage.state(),
            signs: self.signs.iter().map(|sign| sign.stored.hash).collect(),
            receipt,
        };
        add_item_payment(batch, item, &payment)
    }
}

#[cfg(test)]
pub(crate) mod tests;
