//! Folder names as directories and files.

use crate::message::mutf7;
use crate::store::mailboxes::{INBOX, SEPARATOR, SpecialUse};

/// Longest name of a file or directory that an export makes, bytes; file systems have 255.
const MAX_FILE_NAME_BYTES: usize = 200;

/// What other programs call the folders of RFC 6154, the names of this program first.
const KNOWN: &[(SpecialUse, &[&str])] = &[
    (SpecialUse::Sent, &["Sent", "Sent Items", "Sent Messages", "Sent Mail", "Отправленные", "Жіберілген"]),
    (SpecialUse::Drafts, &["Drafts", "Draft", "Черновики", "Шимайлар"]),
    (SpecialUse::Junk, &["Junk", "Spam", "Junk E-mail", "Junk Email", "Bulk Mail", "Спам"]),
    (
        SpecialUse::Trash,
        &["Trash", "Deleted Items", "Deleted Messages", "Deleted", "Корзина", "Удаленные", "Удалённые", "Себет"],
    ),
    (SpecialUse::Archive, &["Archive", "Archives", "Архив", "Мұрағат"]),
];

/// The special use of each of these folders: of several names for the same use the first in the table gets it, the
/// others stay folders of their own.
pub(super) fn special_uses(names: &[String]) -> Vec<Option<SpecialUse>> {
    let holder = |known: &[&str]| {
        known.iter().find_map(|known| names.iter().position(|name| name.to_lowercase() == known.to_lowercase()))
    };
    let holders: Vec<_> = KNOWN.iter().map(|(special_use, known)| (holder(known), *special_use)).collect();
    (0..names.len())
        .map(|at| holders.iter().find(|(holder, _)| *holder == Some(at)).map(|(_, special_use)| *special_use))
        .collect()
}

/// The directory of a folder below a Maildir: `.Work.2024`, levels in modified UTF-7 as Maildir++ has them; `None`
/// for the inbox, which is the Maildir itself. A dot inside a level is encoded too, so that it does not end it.
pub(super) fn to_maildir(folder: &str, number: u32) -> Option<String> {
    if folder == INBOX {
        return None;
    }
    let level = |level: &str| mutf7::encode(level).replace('.', "&AC4-");
    Some(format!(".{}", fitting(folder, number, |name| name.split(SEPARATOR).map(level).collect::<Vec<_>>().join("."))))
}

/// The folder of a directory below a Maildir, without its leading dot; `None` when it is no text. Names in plain
/// UTF-8 are taken as they are.
pub(super) fn of_maildir(directory: &[u8]) -> Option<String> {
    let level = |level: &[u8]| match mutf7::decode(level) {
        Some(name) => Some(name),
        None => String::from_utf8(level.to_vec()).ok(),
    };
    let levels: Option<Vec<String>> = directory.split(|byte| *byte == b'.').map(level).collect();
    Some(levels?.join(&SEPARATOR.to_string()))
}

/// The file of a folder in an mbox export: `Work.2024.mbox`. What a file name cannot have, and the dot, is written
/// as `%2E`.
pub(super) fn to_mbox(folder: &str, number: u32) -> String {
    let level = |level: &str| {
        level.chars().fold(String::new(), |text, c| {
            if c.is_control() || matches!(c, '.' | '%') {
                text + &format!("%{:02X}", u32::from(c))
            } else {
                text + c.encode_utf8(&mut [0; 4])
            }
        })
    };
    format!("{}.mbox", fitting(folder, number, |name| name.split(SEPARATOR).map(level).collect::<Vec<_>>().join(".")))
}

/// Names that are too long for a file are cut, and the folder's number tells them apart.
fn fitting(folder: &str, number: u32, encode: impl Fn(&str) -> String) -> String {
    let whole = encode(folder);
    if whole.len() <= MAX_FILE_NAME_BYTES {
        return whole;
    }
    let mut cut = folder.to_owned();
    while cut.pop().is_some() {
        let name = encode(&format!("{}~{number}", cut.trim_end_matches(SEPARATOR)));
        if name.len() <= MAX_FILE_NAME_BYTES {
            return name;
        }
    }
    number.to_string()
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("Work/2024", ".Work.2024", "Work.2024.mbox"; "levels")]
    #[test_case("Пошта/v1.2", ".&BB8EPgRIBEIEMA-.v1&AC4-2", "Пошта.v1%2E2.mbox"; "letters and a dot")]
    #[test_case("../..", ".&AC4-&AC4-.&AC4-&AC4-", "%2E%2E.%2E%2E.mbox"; "never a way out")]
    #[test_case("100%", ".100%", "100%25.mbox"; "a percent sign")]
    #[test_case("INBOX/a&b", ".INBOX.a&-b", "INBOX.a&b.mbox"; "below the inbox")]
    fn a_folder_has_one_directory_and_one_file(folder: &str, maildir: &str, mbox: &str) {
        assert_eq!(to_maildir(folder, 7).as_deref(), Some(maildir));
        assert_eq!(to_mbox(folder, 7), mbox);
        assert_eq!(of_maildir(maildir.strip_prefix('.').unwrap().as_bytes()).as_deref(), Some(folder));
    }

    #[test]
    fn names_that_are_too_long_are_cut_and_told_apart() {
        let long = "ы/".repeat(400) + "x";
        for name in [to_maildir(&long, 7).unwrap(), to_mbox(&long, 7)] {
            assert!(name.len() < 255 && name.contains("~7"), "{name}");
        }
        assert_ne!(to_mbox(&long, 7), to_mbox(&long, 8));
    }

    #[test]
    fn plain_utf_8_is_a_name_and_other_bytes_are_none() {
        assert_eq!(of_maildir("Пошта.a".as_bytes()).as_deref(), Some("Пошта/a"));
        assert_eq!(of_maildir(b"\xff\xfe"), None);
    }

    #[test]
    fn rfc6154_each_use_goes_to_one_folder() {
        let names = ["Sent Items", "sent", "Spam", "Work", "Корзина"].map(str::to_owned);
        let uses = [None, Some(SpecialUse::Sent), Some(SpecialUse::Junk), None, Some(SpecialUse::Trash)];
        assert_eq!(special_uses(&names), uses);
    }
}
