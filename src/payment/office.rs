//! What people do with payment signs and terms: import what was issued, look it up, withdraw it, agree on terms.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::ids::AccountId;
use crate::postal::{MAX_TIYN, NotValid, PaymentSign, Period, SignHash, SignKind, Standing, Tiyn};
use crate::store::audit::{AuditEntry, add_audit};
use crate::store::payment_signs::{SignEnd, StoredSign, add_sign};
use crate::store::payments::{OwnWay, StoredTerms, Terms};
use crate::store::{self, Batch};

use super::Payments;

/// The columns of a file of signs.
const COLUMNS: [&str; 6] = ["code", "kind", "issuer", "value_tiyn", "valid_from", "valid_to"];

/// A sign that was issued: its code is a hash already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewSign {
    /// The hash of its code.
    pub hash: SignHash,
    /// By whom it was issued.
    pub kind: SignKind,
    /// Which state or operator.
    pub issuer: String,
    /// What it is worth.
    pub value: Tiyn,
    /// Its first day, `2026-01-01`.
    pub from: Option<String>,
    /// Its last day.
    pub to: Option<String>,
}

/// What an import came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// Signs that nobody had yet.
    pub new: u64,
    /// Signs that were there, and the same.
    pub known: u64,
}

/// A line that cannot be read. The text does not repeat the line, which has a code in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct NotAFileOfSigns {
    line: usize,
    what: String,
}

/// What is to become of the terms of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TermsChange {
    /// It pays everything by this contract.
    Contract(String),
    /// It has no contract, and pays in advance.
    Prepaid,
    /// It pays in so much.
    Deposit(Tiyn),
}

/// Why it is not done.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    /// A sign with this hash is there and is another one.
    #[error(
        "sign {0} is there already with another issuer, value or period; nothing of this part of the file was taken"
    )]
    Differs(SignHash),
    /// The same code stands twice.
    #[error("sign {0} stands twice in the file")]
    Twice(SignHash),
    /// No such sign.
    #[error("there is no payment sign {0}; `poshta payment list` shows all")]
    NoSuchSign(SignHash),
    /// It was used.
    #[error("payment sign {0} was cancelled and cannot be withdrawn")]
    Used(SignHash),
    /// A date is none.
    #[error("{0:?} is no date; write it as 2026-01-01")]
    NotADate(String),
    /// More than anybody pays in.
    #[error("the balance would be more than {} tenge", Tiyn(MAX_TIYN))]
    TooMuch,
    /// Somebody changed it at the same moment.
    #[error("it was changed at this moment; try again")]
    Changed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Reads a file of issued signs: CSV without quotes, the columns of [`COLUMNS`] in the first line, and turns every code
/// into its hash.
///
/// # Errors
/// The first line that cannot be read.
pub fn read_signs(text: &str) -> Result<Vec<NewSign>, NotAFileOfSigns> {
    let mut lines = text.lines().zip(1usize..).filter(|(line, _)| !line.trim().is_empty() && !line.starts_with('#'));
    let wrong = |line, what: String| NotAFileOfSigns { line, what };
    let head = || format!("the first line names the columns: {}", COLUMNS.join(","));
    let (first, number) = lines.next().ok_or_else(|| wrong(1, head()))?;
    if !first.trim_start_matches('\u{feff}').split(',').map(str::trim).eq(COLUMNS) {
        return Err(wrong(number, head()));
    }
    lines.map(|(line, number)| sign_of(line).map_err(|what| wrong(number, what))).collect()
}

fn sign_of(line: &str) -> Result<NewSign, String> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let [code, kind, issuer, value, from, to] = fields[..] else {
        return Err(format!("it has {} columns; it needs {}", fields.len(), COLUMNS.len()));
    };
    let hash = SignHash::of_code(code).map_err(|error| error.to_string())?;
    let kind = match kind {
        "state" => SignKind::State,
        "operator" => SignKind::Operator,
        _ => return Err("kind is state or operator".into()),
    };
    if issuer.is_empty() || issuer.len() > 32 {
        return Err("issuer is the code of a state, such as KZ, or the id of an operator".into());
    }
    let value = value.parse().ok().filter(|value| (1..=MAX_TIYN).contains(value));
    let value = value.ok_or_else(|| format!("value_tiyn is a whole number from 1 to {MAX_TIYN}"))?;
    let day = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let sign = NewSign { hash, kind, issuer: issuer.into(), value: Tiyn(value), from: day(from), to: day(to) };
    match sign.sign() {
        Ok(sign) if sign.period.is_ordered() => {}
        Ok(_) => return Err("valid_to lies before valid_from".into()),
        Err(error) => return Err(error.to_string()),
    }
    Ok(sign)
}

impl NewSign {
    fn sign(&self) -> Result<PaymentSign, OfficeError> {
        let day = |text: &Option<String>| {
            let parse = |text: &String| text.parse().map_err(|_| OfficeError::NotADate(text.clone()));
            text.as_ref().map(parse).transpose()
        };
        Ok(PaymentSign {
            kind: self.kind,
            issuer: self.issuer.clone(),
            value: self.value,
            period: Period { from: day(&self.from)?, to: day(&self.to)? },
            standing: Standing::Issued,
        })
    }
}

impl Payments {
    /// Takes in signs that were issued, all or none. What is there already stays, used or not, so a file can be imported
    /// again.
    ///
    /// # Errors
    /// `Differs`, `Twice`, `NotADate`, `Changed`, `Store`.
    pub async fn import(&self, signs: Vec<NewSign>, actor: &str) -> Result<Imported, OfficeError> {
        let mut seen = HashSet::new();
        if let Some(twice) = signs.iter().find(|sign| !seen.insert(sign.hash)) {
            return Err(OfficeError::Twice(twice.hash));
        }
        let hashes: Vec<SignHash> = signs.iter().map(|sign| sign.hash).collect();
        let stored = self.read_signs(&hashes).await?;
        let (mut batch, mut imported) = (Batch::new(), Imported::default());
        let now_us = self.parts.world.now().as_microsecond();
        for (new, there) in signs.iter().zip(stored) {
            let sign = new.sign()?;
            match there {
                Some(there) if (PaymentSign { standing: Standing::Issued, ..there.sign.clone() }) == sign => {
                    imported.known += 1;
                }
                Some(_) => return Err(OfficeError::Differs(new.hash)),
                None => {
                    add_sign(&mut batch, &new.hash, &sign, now_us)?;
                    imported.new += 1;
                }
            }
        }
        if imported.new > 0 {
            let issuers: HashSet<&str> = signs.iter().map(|sign| sign.issuer.as_str()).collect();
            let mut issuers: Vec<&str> = issuers.into_iter().collect();
            issuers.sort_unstable();
            self.note(&mut batch, actor, "payment_import", &issuers.join(" "), format!("{} signs", imported.new))?;
            self.commit(batch).await?;
        }
        Ok(imported)
    }

    /// Takes signs out of circulation (P22), all or none.
    ///
    /// # Errors
    /// `NoSuchSign`, `Used`, `Changed`, `Store`.
    pub async fn withdraw(&self, signs: &[SignHash], reason: &str, actor: &str) -> Result<u64, OfficeError> {
        let (mut batch, mut withdrawn) = (Batch::new(), 0);
        let at_us = self.parts.world.now().as_microsecond();
        let mut seen = HashSet::new();
        for (stored, hash) in self.read_signs(signs).await?.into_iter().zip(signs) {
            let stored = stored.ok_or(OfficeError::NoSuchSign(*hash))?;
            let after = stored.sign.withdraw().map_err(|_: NotValid| OfficeError::Used(*hash))?;
            if after == stored.sign || !seen.insert(*hash) {
                continue;
            }
            stored.change(&mut batch, &after, SignEnd { at_us, letter: None, reason: Some(reason.to_owned()) })?;
            self.note(&mut batch, actor, "payment_withdraw", &hash.to_string(), reason.to_owned())?;
            withdrawn += 1;
        }
        if withdrawn > 0 {
            self.commit(batch).await?;
        }
        Ok(withdrawn)
    }

    /// A sign.
    ///
    /// # Errors
    /// `NoSuchSign`, `Store`.
    pub async fn sign(&self, hash: SignHash) -> Result<StoredSign, OfficeError> {
        let found = self.parts.store.read(move |view| view.payment_sign(&hash)).await?;
        found.ok_or(OfficeError::NoSuchSign(hash))
    }

    /// Up to `limit` signs behind `after`.
    ///
    /// # Errors
    /// Store.
    pub async fn signs(&self, after: Option<SignHash>, limit: usize) -> Result<Vec<StoredSign>, OfficeError> {
        Ok(self.parts.store.read(move |view| view.payment_signs(after.as_ref(), limit)).await?)
    }

    /// On what terms an account pays.
    ///
    /// # Errors
    /// Store.
    pub async fn terms_of(&self, account: AccountId) -> Result<Terms, OfficeError> {
        Ok(self.terms(account).await?.terms)
    }

    /// Changes the terms of an account.
    ///
    /// # Errors
    /// `TooMuch`, `Changed`, `Store`.
    pub async fn change_terms(
        &self,
        account: AccountId,
        change: TermsChange,
        actor: &str,
    ) -> Result<Terms, OfficeError> {
        let stored: StoredTerms = self.terms(account).await?;
        let mut terms = stored.terms.clone();
        let said = match change {
            TermsChange::Contract(number) => {
                let said = format!("contract {number}");
                terms.way = OwnWay::Contract(number);
                said
            }
            TermsChange::Prepaid => {
                terms.way = OwnWay::Prepaid;
                "prepaid".to_owned()
            }
            TermsChange::Deposit(amount) => {
                terms.balance = [terms.balance, amount].into_iter().sum();
                if terms.balance.0 > MAX_TIYN {
                    return Err(OfficeError::TooMuch);
                }
                format!("deposit of {amount} tenge")
            }
        };
        let mut batch = Batch::new();
        stored.change(&mut batch, account, &terms)?;
        self.note(&mut batch, actor, "payment_terms", &account.0.to_string(), said)?;
        self.commit(batch).await?;
        Ok(terms)
    }

    fn note(
        &self,
        batch: &mut Batch,
        actor: &str,
        action: &str,
        object: &str,
        details: String,
    ) -> Result<(), store::Error> {
        let entry = AuditEntry {
            at_us: self.parts.world.now().as_microsecond(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            object: object.to_owned(),
            details: Some(details),
        };
        add_audit(batch, &entry)
    }

    async fn commit(&self, batch: Batch) -> Result<(), OfficeError> {
        match self.parts.store.commit(batch).await {
            Ok(_) => Ok(()),
            Err(store::Error::Conflict(_)) => Err(OfficeError::Changed),
            Err(error) => Err(error.into()),
        }
    }
}
