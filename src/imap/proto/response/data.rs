//! Untagged data about the server and mailboxes (RFC 9051 §7.2 to §7.5.1).

use std::fmt::{self, Write as _};
use std::io::Write as _;

use crate::imap::proto::command::{Flag, NumberedBy, SpecialUse, StatusItem, Tag};
use crate::imap::proto::list_pattern::SEPARATOR;
use crate::imap::proto::sequence::NumberSet;

use super::Dialect;
use super::fetch::write_flag_list;
use super::text::{write_mailbox, write_string};

/// What LIST says of one mailbox.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ListEntry {
    /// Attributes.
    pub attributes: Vec<Attribute>,
    /// Decoded name.
    pub name: String,
    /// `CHILDINFO ("SUBSCRIBED")` of RECURSIVEMATCH (RFC 9051 §6.3.9.6): a child below is subscribed.
    pub subscribed_below: bool,
}

/// Mailbox attributes (RFC 9051 §7.3.1, RFC 6154).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attribute {
    /// `\NonExistent`
    NonExistent,
    /// `\Noinferiors`
    NoInferiors,
    /// `\Noselect`
    NoSelect,
    /// `\HasChildren`
    HasChildren,
    /// `\HasNoChildren`
    HasNoChildren,
    /// `\Marked`
    Marked,
    /// `\Unmarked`
    Unmarked,
    /// `\Subscribed`
    Subscribed,
    /// `\Remote`
    Remote,
    /// A special use.
    Use(SpecialUse),
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Attribute::NonExistent => "\\NonExistent",
            Attribute::NoInferiors => "\\Noinferiors",
            Attribute::NoSelect => "\\Noselect",
            Attribute::HasChildren => "\\HasChildren",
            Attribute::HasNoChildren => "\\HasNoChildren",
            Attribute::Marked => "\\Marked",
            Attribute::Unmarked => "\\Unmarked",
            Attribute::Subscribed => "\\Subscribed",
            Attribute::Remote => "\\Remote",
            Attribute::Use(SpecialUse::All) => "\\All",
            Attribute::Use(SpecialUse::Archive) => "\\Archive",
            Attribute::Use(SpecialUse::Drafts) => "\\Drafts",
            Attribute::Use(SpecialUse::Flagged) => "\\Flagged",
            Attribute::Use(SpecialUse::Junk) => "\\Junk",
            Attribute::Use(SpecialUse::Sent) => "\\Sent",
            Attribute::Use(SpecialUse::Trash) => "\\Trash",
        })
    }
}

/// One number of STATUS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StatusData {
    /// Which.
    pub item: StatusItem,
    /// The number.
    pub value: u64,
}

/// What ESEARCH answers (RFC 9051 §7.3.4); `None` was not asked for, or there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Esearch<'a> {
    /// MIN
    pub min: Option<u32>,
    /// MAX
    pub max: Option<u32>,
    /// ALL; left out when empty.
    pub all: Option<&'a NumberSet>,
    /// COUNT
    pub count: Option<u64>,
}

/// Appends `* LIST (…) "/" name`.
pub fn write_list(entry: &ListEntry, dialect: Dialect, out: &mut Vec<u8>) {
    write_list_line("LIST", entry, dialect, out);
    if entry.subscribed_below {
        out.extend_from_slice(b" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends `* LSUB (…) "/" name` (RFC 3501 §7.2.3).
pub fn write_lsub(entry: &ListEntry, dialect: Dialect, out: &mut Vec<u8>) {
    write_list_line("LSUB", entry, dialect, out);
    out.extend_from_slice(b"\r\n");
}

fn write_list_line(word: &str, entry: &ListEntry, dialect: Dialect, out: &mut Vec<u8>) {
    let mut attributes = String::new();
    for (index, attribute) in entry.attributes.iter().enumerate() {
        // Writing to a String or Vec cannot fail.
        let _ = write!(attributes, "{}{attribute}", if index == 0 { "" } else { " " });
    }
    let _ = write!(out, "* {word} ({attributes}) \"{SEPARATOR}\" ");
    write_mailbox(&entry.name, dialect, out);
}

/// Appends the answer to `LIST "" ""`: the hierarchy separator and the root (RFC 9051 §6.3.9).
pub fn write_list_root(out: &mut Vec<u8>) {
    let _ = write!(out, "* LIST (\\Noselect) \"{SEPARATOR}\" \"\"\r\n");
}

/// Appends `* STATUS name (…)`.
pub fn write_status(name: &str, data: &[StatusData], dialect: Dialect, out: &mut Vec<u8>) {
    out.extend_from_slice(b"* STATUS ");
    write_mailbox(name, dialect, out);
    out.extend_from_slice(b" (");
    for (index, StatusData { item, value }) in data.iter().enumerate() {
        let _ = write!(out, "{}{} {value}", if index == 0 { "" } else { " " }, status_word(*item));
    }
    out.extend_from_slice(b")\r\n");
}

fn status_word(item: StatusItem) -> &'static str {
    match item {
        StatusItem::Messages => "MESSAGES",
        StatusItem::Recent => "RECENT",
        StatusItem::UidNext => "UIDNEXT",
        StatusItem::UidValidity => "UIDVALIDITY",
        StatusItem::Unseen => "UNSEEN",
        StatusItem::Deleted => "DELETED",
        StatusItem::DeletedStorage => "DELETED-STORAGE",
        StatusItem::Size => "SIZE",
    }
}

/// One resource of a quota root.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuotaResource {
    /// `STORAGE` or `MESSAGE` (RFC 9208 §5).
    pub name: &'static str,
    /// How much of it is used.
    pub usage: u64,
    /// How much there may be.
    pub limit: u64,
}

/// Appends `* QUOTA root (STORAGE 10 512)` (RFC 9208 §4.2.1).
pub fn write_quota(root: &str, resources: &[QuotaResource], dialect: Dialect, out: &mut Vec<u8>) {
    out.extend_from_slice(b"* QUOTA ");
    write_string(root.as_bytes(), dialect, out);
    out.extend_from_slice(b" (");
    for (index, QuotaResource { name, usage, limit }) in resources.iter().enumerate() {
        let _ = write!(out, "{}{name} {usage} {limit}", if index == 0 { "" } else { " " });
    }
    out.extend_from_slice(b")\r\n");
}

/// Appends `* QUOTAROOT mailbox root` (RFC 9208 §4.2.2); a mailbox may have no root.
pub fn write_quota_root(mailbox: &str, roots: &[&str], dialect: Dialect, out: &mut Vec<u8>) {
    out.extend_from_slice(b"* QUOTAROOT ");
    write_mailbox(mailbox, dialect, out);
    for root in roots {
        out.push(b' ');
        write_string(root.as_bytes(), dialect, out);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends `* SEARCH 2 3 5` (rev1).
pub fn write_search(numbers: &NumberSet, out: &mut Vec<u8>) {
    out.extend_from_slice(b"* SEARCH");
    numbers.iter().for_each(|number| {
        let _ = write!(out, " {number}");
    });
    out.extend_from_slice(b"\r\n");
}

/// Appends `* ESEARCH (TAG "a") UID ALL 1:3`.
pub fn write_esearch(tag: &Tag, by: NumberedBy, result: &Esearch<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"* ESEARCH (TAG ");
    write_string(tag.as_str().as_bytes(), Dialect::REV1, out);
    out.extend_from_slice(if by == NumberedBy::Uid { b") UID" } else { b")" });
    if let Some(min) = result.min {
        let _ = write!(out, " MIN {min}");
    }
    if let Some(max) = result.max {
        let _ = write!(out, " MAX {max}");
    }
    // RFC 4731 §3.1: nothing found is said by leaving ALL out.
    if let Some(all) = result.all.filter(|all| !all.is_empty()) {
        let _ = write!(out, " ALL {all}");
    }
    if let Some(count) = result.count {
        let _ = write!(out, " COUNT {count}");
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends `* FLAGS (…)`.
pub fn write_flags(flags: &[Flag], out: &mut Vec<u8>) {
    out.extend_from_slice(b"* FLAGS ");
    write_flag_list(flags, out);
    out.extend_from_slice(b"\r\n");
}

/// Appends `* n EXISTS`.
pub fn write_exists(count: u32, out: &mut Vec<u8>) {
    let _ = write!(out, "* {count} EXISTS\r\n");
}

/// Appends `* n RECENT`; nothing for IMAP4rev2, which has no such thing.
pub fn write_recent(count: u32, dialect: Dialect, out: &mut Vec<u8>) {
    if !dialect.rev2 {
        let _ = write!(out, "* {count} RECENT\r\n");
    }
}

/// Appends `* n EXPUNGE`.
pub fn write_expunge(number: u32, out: &mut Vec<u8>) {
    let _ = write!(out, "* {number} EXPUNGE\r\n");
}

/// Appends `* NAMESPACE`: one personal namespace, nothing shared.
pub fn write_namespace(out: &mut Vec<u8>) {
    let _ = write!(out, "* NAMESPACE ((\"\" \"{SEPARATOR}\")) NIL NIL\r\n");
}

/// Appends `* CAPABILITY …`.
pub fn write_capability(names: &str, out: &mut Vec<u8>) {
    let _ = write!(out, "* CAPABILITY {names}\r\n");
}

/// Appends `* ENABLED …`; the list may be empty (RFC 5161 §3.2).
pub fn write_enabled(names: &[&str], out: &mut Vec<u8>) {
    out.extend_from_slice(b"* ENABLED");
    names.iter().for_each(|name| {
        let _ = write!(out, " {name}");
    });
    out.extend_from_slice(b"\r\n");
}

/// Appends `* ID (…)`.
pub fn write_id(pairs: &[(&str, &str)], out: &mut Vec<u8>) {
    out.extend_from_slice(b"* ID (");
    for (index, text) in pairs.iter().flat_map(|(name, value)| [name, value]).enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        write_string(text.as_bytes(), Dialect::REV1, out);
    }
    out.extend_from_slice(b")\r\n");
}
