//! From "received" to "committed": the one way in (DESIGN, the way of a letter).
//!
//! A front door hands over a complete [`Submission`] and gets a [`Receipt`] or a [`Refusal`] that already
//! knows its wire answer. Everything that must exist when the client sees `250` is in one commit.

mod arriving;
mod content;
mod correspondence;
mod item;
mod marking;
mod named;
mod paying;
mod policy;
mod prefix;
mod receipts;
mod room;
mod service;
mod settings;

pub use service::{Intake, Services};
pub use settings::Settings;

use std::net::IpAddr;

use crate::accounts::Account;
use crate::address::{Address, Domain, ReversePath};
use crate::ids::{AccountId, ItemId};
use crate::quota::WhenFull;
pub use crate::store::queue::{Notify, Returned};
use crate::store::{self, StagedBody};

/// Through which door a letter came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entrance {
    /// Port 25: from other servers and peers.
    Mx,
    /// Ports 587 and 465: from our users.
    Submission,
    /// A scan centre, which makes its own marks at this facility.
    Scan {
        /// The facility of the scan centre.
        facility: String,
    },
    /// Written by this system: reports, status messages, welcome letters.
    System,
}

/// Who hands the letter over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sender {
    /// A user who authenticated.
    Account {
        /// The account.
        id: AccountId,
        /// Its address.
        address: Address,
    },
    /// A peer of `conf/peers.toml`.
    Peer {
        /// Its name there.
        name: String,
        /// Its letters are official: their accept mark says so.
        official: bool,
    },
    /// Some other server.
    Stranger,
    /// The operator itself.
    Operator,
}

/// What is known of the connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connection {
    /// Runs through every log line (DESIGN 18).
    pub id: u64,
    /// Address of the client.
    pub ip: IpAddr,
    /// What it said in EHLO or HELO.
    pub helo: String,
    /// RFC 3848 name: `ESMTP`, `ESMTPS`, `ESMTPSA`, `UTF8SMTPS`…
    pub protocol: &'static str,
    /// TLS version and cipher, as `Received` shows them.
    pub tls: Option<String>,
}

/// Where a letter comes from: all that policy and marks depend on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// Through which door.
    pub entrance: Entrance,
    /// From whom.
    pub sender: Sender,
    /// Over which connection; `None` for scans and system mail.
    pub connection: Option<Connection>,
}

/// `BODY=` of MAIL.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum BodyType {
    /// RFC 5321.
    #[default]
    SevenBit,
    /// RFC 6152.
    EightBitMime,
}

/// One RCPT.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recipient {
    /// To whom.
    pub address: Address,
    /// When the sender wants to hear of this recipient (RFC 3461 §4.1), if it said so.
    pub notify: Option<Notify>,
    /// The recipient as the sender first wrote it (RFC 3461 §4.2): `type;address`.
    pub original: Option<String>,
}

impl Recipient {
    /// A recipient of whom the sender says nothing more.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Recipient { address, notify: None, original: None }
    }
}

/// What MAIL says of reports (RFC 3461 §4.3, §4.4).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReportWishes {
    /// How much of the letter comes back with a report of failure.
    pub returned: Option<Returned>,
    /// The sender's own name for the transaction, which comes back unchanged.
    pub envelope_id: Option<String>,
}

/// The envelope of RFC 5321 §2.3.1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Envelope {
    /// MAIL FROM.
    pub reverse_path: ReversePath,
    /// RCPT TO, in order.
    pub recipients: Vec<Recipient>,
    /// `BODY=`.
    pub body: BodyType,
    /// `SMTPUTF8`.
    pub smtputf8: bool,
    /// RET and ENVID.
    pub wishes: ReportWishes,
}

/// A complete letter, ready to be accepted.
#[derive(Debug)]
pub struct Submission {
    /// Where it comes from.
    pub origin: Origin,
    /// The envelope.
    pub envelope: Envelope,
    /// The bytes as received.
    pub body: StagedBody,
    /// What the scanner saw while they arrived.
    pub structure: crate::message::Structure,
}

/// The letter is on stable storage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// Its id: `250 2.0.0 Ok: queued as <item>`.
    pub item: ItemId,
}

/// Where a recipient's copy goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Route {
    /// A mailbox here.
    Mailbox(Box<Account>),
    /// Another mail server.
    Remote(Domain),
    /// Paper; form and options are in the local part.
    Paper,
}

/// Why a letter or a recipient is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The address is in a domain of ours, and nobody has it.
    #[error("no mailbox {0} here")]
    NoSuchMailbox(Address),
    /// Only authenticated users may send to other domains; peers bring letters for recipients here.
    #[error("relaying to {0} is not allowed; log in on the submission port first")]
    RelayDenied(Address),
    /// Letters go to names: behind an address nobody but its owner knows who that is.
    #[error("{0} names an address instead of a domain; letters go to domains only")]
    AddressLiteral(Address),
    /// A user may only write under the address of the account.
    #[error("{0} is not your address")]
    SenderNotYours(String),
    /// Hybrid letters are for authenticated users and peers.
    #[error("letters on paper are accepted from authenticated senders only")]
    PaperDenied,
    /// One paper recipient a message.
    #[error("one paper recipient a message")]
    OnePaperRecipient,
    /// The postal address could not be read; the text shows how to write it.
    #[error("{0}")]
    BadPaperAddress(String),
    /// The content cannot become a letter; the text says why.
    #[error("{0}")]
    BadPaperContent(String),
    /// A letter on paper that is not paid and is not sent on with a surcharge (P7), or what was given cannot be read; the
    /// text says what it costs and what is missing.
    #[error("{0}")]
    NotPaid(String),
    /// Quota of paper letters.
    #[error("{0}")]
    OverQuota(String),
    /// The recipient's mailbox has no room for it.
    #[error("the mailbox of {recipient} is full")]
    MailboxFull {
        /// Whose.
        recipient: Address,
        /// Whether the sender shall try again.
        again: WhenFull,
    },
    /// Too many recipients.
    #[error("too many recipients; the limit is {0}")]
    TooManyRecipients(usize),
    /// Too large.
    #[error("message of {size} bytes; the limit is {limit}")]
    TooLarge {
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// The message goes in circles (RFC 5321 §6.3).
    #[error("the message has passed too many servers")]
    Loop,
    /// The content is not what mail may look like; the text says why.
    #[error("{0}")]
    BadContent(String),
    /// M22: official letters are for users who confirmed their data with an electronic signature.
    #[error(
        "the user of {recipient} has not confirmed the data of the mailbox with an electronic signature, which official \
         correspondence needs; they do so at {page}, until then send it on paper"
    )]
    AddresseeUnconfirmed {
        /// Whose mailbox.
        recipient: Address,
        /// Where they confirm.
        page: String,
    },
    /// M22: letters to state bodies are from users who confirmed their data with an electronic signature.
    #[error(
        "to write to {recipient}, a state body, first confirm the data of your mailbox with your electronic signature: \
         {page}"
    )]
    SenderUnconfirmed {
        /// To whom.
        recipient: Address,
        /// Where to confirm.
        page: String,
    },
    /// The sender's domain asks for this message to be refused (DMARC).
    #[error("{0}")]
    Policy(String),
    /// The store cannot take it now.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Something inside failed: temporary, and logged.
    #[error("temporary failure: {0}")]
    Temporary(String),
}

#[cfg(test)]
pub(crate) mod tests;
