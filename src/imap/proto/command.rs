//! The commands of RFC 9051 §6 and RFC 3501 §6 as types: what the parser makes and the verbs execute.
//!
//! Everything here is already valid: names are decoded, numbers are in range, macros are spelled out.

use std::fmt;
use std::num::NonZeroU32;

use jiff::civil::Date;

use crate::clock::Timestamp;

pub use super::sequence::{SeqBound, SeqRange, SequenceSet};

/// The tag a client put before its command (RFC 9051 §9 `tag`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tag(pub(super) String);

impl Tag {
    /// The tag as the client wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A command and the tag its completion must carry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tagged {
    /// The tag.
    pub tag: Tag,
    /// The command.
    pub command: Command,
}

/// Every command of the base protocol and of the announced extensions. APPEND is not here: its message
/// streams past, see [`Append`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// CAPABILITY (§6.1.1); the session answers it.
    Capability,
    /// NOOP (§6.1.2).
    Noop,
    /// LOGOUT (§6.1.3); the session answers it.
    Logout,
    /// ID (RFC 2971), with what the client says of itself; the session answers it.
    Id(Vec<(String, Option<String>)>),
    /// STARTTLS (§6.2.1); the session answers it.
    StartTls,
    /// AUTHENTICATE (§6.2.2); the session runs the exchange.
    Authenticate(Authenticate),
    /// LOGIN (§6.2.3); the session hands out the credentials.
    Login(Credentials),
    /// ENABLE (§6.3.1) with upper-case names; the session answers it.
    Enable(Vec<String>),
    /// SELECT (§6.3.2) and EXAMINE (§6.3.3).
    Select(Select),
    /// CREATE (§6.3.4), with RFC 6154 `USE`.
    Create(Create),
    /// DELETE (§6.3.5).
    Delete(MailboxName),
    /// RENAME (§6.3.6).
    Rename {
        /// The old name.
        from: MailboxName,
        /// The new name.
        to: MailboxName,
    },
    /// SUBSCRIBE (§6.3.7).
    Subscribe(MailboxName),
    /// UNSUBSCRIBE (§6.3.8).
    Unsubscribe(MailboxName),
    /// LIST (§6.3.9, RFC 5258, RFC 5819).
    List(List),
    /// LSUB (RFC 3501 §6.3.9).
    Lsub {
        /// The reference, in front of the pattern.
        reference: MailboxName,
        /// The pattern.
        pattern: ListPattern,
    },
    /// NAMESPACE (§6.3.10).
    Namespace,
    /// STATUS (§6.3.11).
    Status {
        /// Of which mailbox.
        mailbox: MailboxName,
        /// What is asked.
        items: Vec<StatusItem>,
    },
    /// GETQUOTA (RFC 9208 §4.1.1), with the name of a quota root.
    GetQuota(String),
    /// GETQUOTAROOT (RFC 9208 §4.1.2).
    GetQuotaRoot(MailboxName),
    /// SETQUOTA (RFC 9208 §4.1.3): quotas are the operator's, so what it asks for is not kept.
    SetQuota,
    /// IDLE (§6.3.13); the session hands out `Idle`.
    Idle,
    /// CHECK (RFC 3501 §6.4.1).
    Check,
    /// CLOSE (§6.4.1).
    Close,
    /// UNSELECT (§6.4.2).
    Unselect,
    /// EXPUNGE (§6.4.3), and UID EXPUNGE (§6.4.9) with a set.
    Expunge(Option<SequenceSet>),
    /// SEARCH (§6.4.4) and UID SEARCH.
    Search(Search),
    /// FETCH (§6.4.5) and UID FETCH.
    Fetch(Fetch),
    /// STORE (§6.4.6) and UID STORE.
    Store(StoreFlags),
    /// COPY (§6.4.7) and UID COPY.
    Copy(Transfer),
    /// MOVE (§6.4.8) and UID MOVE.
    Move(Transfer),
}

/// Whether message numbers are sequence numbers or UIDs (the `UID` prefix, §6.4.9).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NumberedBy {
    /// Sequence numbers.
    Sequence,
    /// UIDs.
    Uid,
}

/// What a mailbox name of the client's means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailboxName {
    /// Decoded: from modified UTF-7 (RFC 3501 §5.1.3), or UTF-8 as it stands when the client enabled it.
    /// `INBOX` in any case is `INBOX`, alone and as the first level.
    pub name: String,
}

/// A pattern of LIST, decoded like a name; `*` and `%` are wild.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListPattern {
    /// Decoded pattern.
    pub pattern: String,
}

/// A name and a password. `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Whose mailbox is to be opened, when it differs from the authentication identity (RFC 4616 authzid).
    pub authorize_as: Option<String>,
    /// Who is logging in.
    pub user: String,
    /// The password; wiped when dropped.
    pub password: zeroize::Zeroizing<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// AUTHENTICATE: the mechanism in upper case, and the initial response of SASL-IR (RFC 4959), decoded.
#[derive(Clone, PartialEq, Eq)]
pub struct Authenticate {
    /// Mechanism name, upper case.
    pub mechanism: String,
    /// Initial response; `=` is `Some` of nothing.
    pub initial: Option<zeroize::Zeroizing<Vec<u8>>>,
}

impl fmt::Debug for Authenticate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticate").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

/// SELECT or EXAMINE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Select {
    /// Which mailbox.
    pub mailbox: MailboxName,
    /// SELECT opens for writing, EXAMINE for reading.
    pub access: Access,
}

/// Whether a mailbox is open for changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// SELECT.
    ReadWrite,
    /// EXAMINE.
    ReadOnly,
}

/// CREATE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Create {
    /// The new name. A trailing hierarchy separator, which only says that children will follow, is kept.
    pub mailbox: MailboxName,
    /// `USE (\Sent …)` of RFC 6154 §3.
    pub special_use: Vec<SpecialUse>,
}

/// The uses of RFC 6154 §2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpecialUse {
    /// `\All`
    All,
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Flagged`
    Flagged,
    /// `\Junk`
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
}

/// LIST in its basic and extended forms.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct List {
    /// Selection options.
    pub select: ListSelect,
    /// The reference, in front of each pattern.
    pub reference: MailboxName,
    /// One pattern in the basic form; possibly several in the extended form. One that no name can fit holds NUL.
    pub patterns: Vec<ListPattern>,
    /// Return options.
    pub returns: ListReturn,
    /// Whether the extended syntax was used (RFC 9051 §6.3.9: only there `""` is not the question for the
    /// hierarchy separator, and CHILDREN need not be volunteered).
    pub form: ListForm,
}

/// Which syntax of LIST was used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListForm {
    /// RFC 3501: reference and one pattern.
    Basic,
    /// RFC 5258: selection options, several patterns, or RETURN.
    Extended,
}

/// Selection options of LIST (RFC 9051 §6.3.9.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ListSelect {
    /// SUBSCRIBED
    pub subscribed: bool,
    /// REMOTE
    pub remote: bool,
    /// RECURSIVEMATCH
    pub recursive_match: bool,
    /// SPECIAL-USE (RFC 6154)
    pub special_use: bool,
}

/// Return options of LIST (RFC 9051 §6.3.9.2).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ListReturn {
    /// SUBSCRIBED
    pub subscribed: bool,
    /// CHILDREN
    pub children: bool,
    /// SPECIAL-USE (RFC 6154)
    pub special_use: bool,
    /// STATUS (…) (RFC 5819)
    pub status: Option<Vec<StatusItem>>,
}

/// What STATUS can be asked (RFC 9051 §6.3.11).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatusItem {
    /// MESSAGES
    Messages,
    /// RECENT (rev1)
    Recent,
    /// UIDNEXT
    UidNext,
    /// UIDVALIDITY
    UidValidity,
    /// UNSEEN
    Unseen,
    /// DELETED
    Deleted,
    /// DELETED-STORAGE (RFC 9208 §4.1.4)
    DeletedStorage,
    /// SIZE
    Size,
}

/// APPEND (§6.3.12) up to its literal; the bytes follow as events of the session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Append {
    /// Into which mailbox.
    pub mailbox: MailboxName,
    /// Flags of the new message.
    pub flags: Vec<Flag>,
    /// INTERNALDATE, if given.
    pub internal_date: Option<Timestamp>,
    /// Announced length of the message, bytes.
    pub size: u64,
    /// How the message was announced.
    pub form: AppendForm,
}

/// How the bytes of an APPEND were announced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AppendForm {
    /// `{n}`
    Literal,
    /// `~{n}` (RFC 3516): may hold NUL.
    Literal8,
    /// `UTF8 (~{n}…)` (RFC 6855 §4).
    Utf8,
}

/// A flag or keyword (§2.3.2).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Flag {
    /// `\Seen`
    Seen,
    /// `\Answered`
    Answered,
    /// `\Flagged`
    Flagged,
    /// `\Deleted`
    Deleted,
    /// `\Draft`
    Draft,
    /// A keyword, in the client's spelling. Keywords are compared without regard to ASCII case.
    Keyword(String),
}

/// SEARCH.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Search {
    /// What the numbers of the answer are.
    pub by: NumberedBy,
    /// `RETURN (…)`; `None` asks for the old SEARCH response (rev1) or ESEARCH ALL (rev2, §6.4.4).
    pub returns: Option<Vec<SearchReturn>>,
    /// What is looked for; several keys are one `And`.
    pub key: SearchKey,
}

/// Result options of SEARCH (§6.4.4). An empty list in the AST means ALL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SearchReturn {
    /// MIN
    Min,
    /// MAX
    Max,
    /// ALL
    All,
    /// COUNT
    Count,
    /// SAVE (RFC 5182)
    Save,
}

/// One search key (§6.4.4). Strings are decoded from the given CHARSET.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SearchKey {
    /// ALL
    All,
    /// A parenthesised list, and the list of keys of the command.
    And(Vec<SearchKey>),
    /// OR
    Or(Box<SearchKey>, Box<SearchKey>),
    /// NOT
    Not(Box<SearchKey>),
    /// ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, KEYWORD
    Has(Flag),
    /// UNANSWERED, UNDELETED, UNDRAFT, UNFLAGGED, UNSEEN, UNKEYWORD
    Lacks(Flag),
    /// NEW (rev1: RECENT UNSEEN)
    New,
    /// OLD (rev1: NOT RECENT)
    Old,
    /// RECENT (rev1)
    Recent,
    /// A set of sequence numbers, or `$`.
    Sequence(SequenceSet),
    /// UID
    Uid(SequenceSet),
    /// BEFORE, ON, SINCE: by INTERNALDATE, time and zone disregarded.
    Internal(DateRelation, Date),
    /// SENTBEFORE, SENTON, SENTSINCE: by the Date: field, time and zone disregarded.
    Sent(DateRelation, Date),
    /// LARGER: more bytes than this.
    Larger(u64),
    /// SMALLER: fewer bytes than this.
    Smaller(u64),
    /// HEADER, BCC, CC, FROM, SUBJECT, TO: the field contains the text; an empty text only asks for the field.
    Header {
        /// Field name.
        name: String,
        /// Text, decoded.
        value: String,
    },
    /// BODY
    Body(String),
    /// TEXT
    Text(String),
}

/// How a date compares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DateRelation {
    /// Earlier than.
    Before,
    /// Within the day.
    On,
    /// Within the day or later.
    Since,
}

/// FETCH.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetch {
    /// What the set holds. With `Uid` the answer carries UID although not asked for.
    pub by: NumberedBy,
    /// Of which messages.
    pub set: SequenceSet,
    /// What is asked; macros are spelled out.
    pub items: Vec<FetchItem>,
}

/// One data item of FETCH (§6.4.5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FetchItem {
    /// UID
    Uid,
    /// FLAGS
    Flags,
    /// INTERNALDATE
    InternalDate,
    /// RFC822.SIZE
    Size,
    /// ENVELOPE
    Envelope,
    /// BODY without a section: structure without extension data.
    Body,
    /// BODYSTRUCTURE
    BodyStructure,
    /// RFC822 (rev1): as BODY[], but answered under this name; sets `\Seen`.
    Rfc822,
    /// RFC822.HEADER (rev1): as BODY.PEEK[HEADER].
    Rfc822Header,
    /// RFC822.TEXT (rev1): as BODY[TEXT]; sets `\Seen`.
    Rfc822Text,
    /// BODY[…]<…> and BODY.PEEK[…]<…>
    Section {
        /// Which bytes.
        section: Section,
        /// Whether `\Seen` is left alone.
        peek: Peek,
        /// Only this range of them.
        partial: Option<Partial>,
    },
    /// BINARY[…]<…> and BINARY.PEEK[…]<…>: transfer encoding removed.
    Binary {
        /// Part number; empty is the whole message.
        part: PartPath,
        /// Whether `\Seen` is left alone.
        peek: Peek,
        /// Only this range of the decoded bytes.
        partial: Option<Partial>,
    },
    /// BINARY.SIZE[…]
    BinarySize(PartPath),
}

/// Whether fetching a section sets `\Seen`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Peek {
    /// `.PEEK`: it does not.
    Peek,
    /// It does.
    MarkSeen,
}

/// The numbers of a part, as in `4.2.1`; empty for the whole message.
pub type PartPath = Vec<NonZeroU32>;

/// What stands in `BODY[…]`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Section {
    /// The part; empty for the message itself.
    pub part: PartPath,
    /// What of it; `None` is the whole part (or message).
    pub text: Option<SectionText>,
}

/// The last word of a section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SectionText {
    /// HEADER
    Header,
    /// HEADER.FIELDS (…), names in the client's spelling.
    HeaderFields(Vec<String>),
    /// HEADER.FIELDS.NOT (…)
    HeaderFieldsNot(Vec<String>),
    /// TEXT
    Text,
    /// MIME; only after part numbers.
    Mime,
}

/// `<offset.length>` of a section, bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Partial {
    /// First byte, from zero.
    pub offset: u64,
    /// At most this many bytes; not zero.
    pub length: u64,
}

/// STORE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoreFlags {
    /// What the set holds.
    pub by: NumberedBy,
    /// Of which messages.
    pub set: SequenceSet,
    /// `FLAGS`, `+FLAGS` or `-FLAGS`.
    pub action: StoreAction,
    /// Whether the new flags are told.
    pub answer: StoreAnswer,
    /// The flags.
    pub flags: Vec<Flag>,
}

/// What STORE does with its flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreAction {
    /// `FLAGS`
    Replace,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}

/// Whether STORE tells the new flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreAnswer {
    /// It does.
    Told,
    /// `.SILENT`
    Silent,
}

/// COPY and MOVE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transfer {
    /// What the set holds.
    pub by: NumberedBy,
    /// Which messages.
    pub set: SequenceSet,
    /// Where to.
    pub mailbox: MailboxName,
}
