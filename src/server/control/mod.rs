//! Commands that touch data: one list of requests, executed by one function, whether a running server does it
//! over its control socket or the command has opened the directory itself (DESIGN 19).

mod accounts;
mod agreements;
mod audit;
mod audited;
mod closings;
mod desk;
mod devices;
mod execute;
mod log;
mod mailfiles;
mod meter;
mod notices;
mod payment;
mod socket;
mod staff;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::auth::Secret;
use crate::devices::Handling;
use crate::mailfiles::Format;
use crate::payment::{NewSign, TermsChange};
use crate::retention::Mode;
use crate::store::accounts::Kind;
use crate::store::receipts::Consent;

pub use crate::outbound::waiting::QueueAction;
pub use execute::execute;
pub use mailfiles::mail_files;
pub use meter::{Listener, Meter, execute_telling};
pub(super) use socket::listen;
pub use socket::{Client, ControlSocket, path};

/// Who does what a command asks for, in the audit.
const ACTOR: &str = "command line";

/// What a command asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// Creates an account.
    AccountAdd(AccountAdd),
    /// Accounts by number.
    AccountList(Page),
    /// One account, by login or address.
    AccountShow(Name),
    /// Sets the main password of an account.
    AccountPassword {
        /// Login or address.
        name: String,
        /// The new password.
        password: Password,
    },
    /// Sets what an account may hold differently from all others.
    AccountQuota {
        /// Login or address.
        name: String,
        /// What is to be changed.
        change: QuotaChange,
    },
    /// Closes an account for ever.
    AccountClose {
        /// Login or address; with `letters` also of an account that is closed already.
        name: String,
        /// What becomes of its letters.
        letters: Letters,
    },
    /// Gives an account a role of staff, or takes it back.
    StaffChange {
        /// Login or address.
        name: String,
        /// The role.
        role: String,
        /// Which of the two.
        change: StaffChange,
    },
    /// Who is staff.
    StaffList {
        /// How many accounts at most.
        limit: usize,
    },
    /// The outbound queue.
    QueueList(Part),
    /// One letter of the queue, by its item id.
    QueueShow(Item),
    /// Changes what waits of one letter.
    QueueChange {
        /// The item id.
        item: String,
        /// What to do.
        action: QueueAction,
    },
    /// Letters on paper.
    PrintList(WantedLetters),
    /// One letter on paper.
    PrintShow(Item),
    /// Cancels a letter that is not printed yet.
    PrintCancel(Item),
    /// Takes in payment signs that were issued.
    PaymentImport {
        /// The signs; their codes are hashes already.
        signs: Vec<NewSign>,
    },
    /// Payment signs, by hash.
    PaymentList {
        /// Begin behind this one.
        after: Option<String>,
        /// How many at most.
        limit: usize,
    },
    /// One payment sign, by its hash.
    PaymentShow {
        /// The hash.
        sign: String,
    },
    /// Takes payment signs out of circulation.
    PaymentWithdraw {
        /// Their hashes.
        signs: Vec<String>,
        /// Why.
        reason: String,
    },
    /// On what terms an account pays, and what is to change of them.
    PaymentTerms {
        /// Login or address.
        name: String,
        /// The change; none only shows.
        change: Option<TermsChange>,
    },
    /// Scans that wait for a person.
    ScanList(Part),
    /// One scan.
    ScanShow(Item),
    /// Delivers a scan to an address.
    ScanAssign {
        /// The item id.
        item: String,
        /// To whom.
        address: String,
    },
    /// Rejects a scan.
    ScanReject {
        /// The item id.
        item: String,
        /// Why.
        reason: String,
    },
    /// Whether senders may hear that the user has fetched their letters.
    AccountReceipts {
        /// Login or address.
        name: String,
        /// What the user decided; without it what was decided is told.
        consent: Option<Consent>,
    },
    /// What everybody may know of facilities, devices and keys.
    PublishedMarks,
    /// Gives a named device a new key.
    DeviceRotate {
        /// The device.
        device: String,
        /// A key that was made elsewhere, absolute; without it one is made.
        key_file: Option<PathBuf>,
    },
    /// What a named device shows of itself, and the clock.
    DeviceStates,
    /// Issues, returns or revokes a named device.
    DeviceHandle {
        /// The device.
        device: String,
        /// What is done with it.
        handling: Handling,
    },
    /// Lets a device stamp although the clock is not right.
    DeviceUnlock {
        /// The device.
        device: String,
        /// Why.
        reason: String,
    },
    /// Daily closings.
    ClosingList(WantedClosings),
    /// The versions of the user agreement.
    AgreementList,
    /// One of them with its texts.
    AgreementShow {
        /// Its number.
        version: u32,
    },
    /// Publishes the next one.
    AgreementPublish(WantedAgreement),
    /// One of them.
    ClosingShow {
        /// The device.
        device: String,
        /// The day.
        day: String,
    },
    /// Mailbox files of other programs, in or out.
    MailFiles {
        /// In or out.
        direction: Direction,
        /// Which files, and whose mailbox.
        files: MailFiles,
    },
    /// Announces planned work.
    NoticeAdd(WantedNotice),
    /// Planned work that is announced.
    NoticeList,
    /// Takes an announcement back.
    NoticeWithdraw {
        /// Its number.
        number: u32,
    },
    /// Who did what.
    AuditList(WantedAudit),
    /// Reads the whole audit and compares it with its chain.
    AuditVerify {
        /// A head that was kept elsewhere.
        head: Option<String>,
        /// The key that must have signed it.
        key: Option<String>,
    },
    /// Signs how far the audit goes.
    AuditHead,
    /// What the transparency log is.
    LogShow,
    /// The proof that an impression is in it.
    LogProof {
        /// Its id.
        impression: String,
    },
    /// Reads all of the log and compares it with the journal.
    LogCheck,
    /// Goes on publishing after a restore.
    LogResume {
        /// The newest checkpoint that anybody has seen; none when nothing was published after the backup.
        checkpoint: Option<String>,
    },
    /// Sizes of the data directory.
    StoreStats,
    /// Reads everything and says what does not fit together.
    StoreCheck,
    /// Gives back the space of what is gone.
    StoreCompact,
    /// Removes the letters from Trash and Junk whose time is over.
    StoreExpire(Mode),
    /// Wraps all keys with the current operator key.
    StoreRotateKey,
    /// Brings a backup up to this moment, or begins one.
    StoreBackup {
        /// Its directory, absolute.
        dir: PathBuf,
    },
}

/// The texts of a version of the user agreement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WantedAgreement {
    /// In Kazakh.
    pub kk: String,
    /// In Russian.
    pub ru: String,
    /// In English.
    pub en: String,
    /// From when it is in force; else from now.
    pub from: Option<String>,
}

/// Planned work to be announced.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WantedNotice {
    /// When it begins: an instant with its zone.
    pub from: String,
    /// When it ends.
    pub until: String,
    /// What people are told in Kazakh.
    pub kk: String,
    /// In Russian.
    pub ru: String,
    /// In English.
    pub en: String,
}

/// Which daily closings.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WantedClosings {
    /// Of this device.
    pub device: Option<String>,
    /// Of this facility.
    pub facility: Option<String>,
    /// The first day.
    pub from: Option<String>,
    /// The last day.
    pub to: Option<String>,
    /// Only those behind this device and day.
    #[serde(default)]
    pub after: Option<(String, String)>,
}

/// Which entries of the audit.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WantedAudit {
    /// With this in the name of who did it.
    pub actor: Option<String>,
    /// This, or of this kind.
    pub action: Option<String>,
    /// With this in the name of what it was done to.
    pub object: Option<String>,
    /// From this instant on.
    pub from: Option<String>,
    /// Before this instant.
    pub to: Option<String>,
    /// Before the entry at this time and with this number.
    pub before: Option<(u64, u64)>,
    /// How many at most.
    pub limit: usize,
}

/// A part of the list of accounts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Page {
    /// Begin behind the account with this number.
    pub after: Option<u64>,
    /// How many at most.
    pub limit: usize,
}

/// A part of a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Part {
    /// Begin behind this one.
    #[serde(default)]
    pub after: Option<String>,
    /// How many at most.
    pub limit: usize,
}

/// A part of the list of letters on paper.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WantedLetters {
    /// Only those that stand so.
    #[serde(default)]
    pub state: Option<String>,
    /// Begin behind this item.
    #[serde(default)]
    pub after: Option<String>,
    /// How many at most.
    pub limit: usize,
}

/// A login or address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Name {
    /// It.
    pub name: String,
}

/// An item id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Item {
    /// It.
    pub item: String,
}

/// A new account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountAdd {
    /// The login.
    pub login: String,
    /// The address; without one the login in the main domain.
    pub address: Option<String>,
    /// Person or company.
    pub kind: Kind,
    /// The name for people.
    pub display_name: String,
    /// IIN or BIN.
    pub person: Option<Password>,
    /// The postal index of the user's home.
    pub postal_index: Option<String>,
    /// The main password.
    pub password: Password,
}

/// A change of what an account may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaChange {
    /// These; what is not named stays, and 0 is without a limit.
    Set {
        /// Bytes.
        bytes: Option<u64>,
        /// Messages.
        messages: Option<u64>,
    },
    /// What all accounts get.
    Default,
}

/// What becomes of the letters of an account that is closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Letters {
    /// They stay as long as `retention.closed_days` says.
    AsConfigured,
    /// They and their key are destroyed at once.
    Destroyed,
}

/// What becomes of a role of an account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffChange {
    /// It is given.
    Grant {
        /// For this facility.
        facility: Option<String>,
    },
    /// It is taken back.
    Revoke,
}

/// Which way mailbox files go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Into an account.
    Import,
    /// Out of an account.
    Export,
}

/// Mailbox files and the account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MailFiles {
    /// Maildir or mbox.
    pub format: Format,
    /// Where; absolute, because the server has a working directory of its own.
    pub path: PathBuf,
    /// Login or address.
    pub account: String,
    /// See [`crate::mailfiles::import`] and [`crate::mailfiles::export`].
    pub folder: Option<String>,
    /// With an export: proofs that its marks are in the transparency log.
    #[serde(default)]
    pub with_proofs: bool,
}

/// A secret that travels over the control socket and shows nowhere else.
#[derive(Clone, Debug)]
pub struct Password(pub Secret);

impl Serialize for Password {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Password(Secret::new(text)))
    }
}

/// What a command gets: data to show, or a negative answer in one line that says what to do.
pub type Answer = Result<Value, Failure>;

/// A negative answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// One line for people.
    pub message: String,
}

impl Failure {
    /// From anything that says what is wrong.
    #[must_use]
    pub fn from_error(error: &impl std::fmt::Display) -> Self {
        Failure { message: error.to_string().replace('\n', "; ") }
    }
}

#[cfg(test)]
mod tests;
