//! Opens a directory as a power cut left it, and compares it with what was acknowledged before.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use poshta::clock::World;
use poshta::config::Config;
use poshta::ids::{AccountId, Uid};
use poshta::publisher::{self, Publisher};
use poshta::store::mailboxes::{Flags, Message};
use poshta::store::{Settings, Store};

use super::load::{self, Acknowledged, Copy, Done, LOGINS, State};

/// How much of what was done was acknowledged at a moment: so many answers of each connection.
#[derive(Clone, Debug)]
pub struct Before {
    pub submitters: Vec<usize>,
    pub mail_programs: Vec<usize>,
}

/// What is not as it must be; nothing in the end.
pub fn of(dir: &Path, done: &Done, before: &Before) -> Result<(), String> {
    let settings = Config::of_dir(dir).map_err(|error| error.to_string())?.store;
    let store = Store::open(dir, &settings).map_err(|error| format!("the store cannot be opened: {error}"))?;
    look(&store, done, before)?;
    drop(store);
    // What opening repaired must be repaired for good.
    let store = Store::open(dir, &settings).map_err(|error| format!("the store cannot be opened again: {error}"))?;
    look(&store, done, before).map_err(|what| format!("after opening it twice: {what}"))?;
    log(&store, dir)?;
    go_on(store, dir, &settings)
}

/// What was published of the log is whole, and all that the journal has can be published behind it.
fn log(store: &Store, dir: &Path) -> Result<(), String> {
    let config = Config::of_dir(dir).map_err(|error| error.to_string())?;
    let publisher = Publisher::new(publisher::Parts {
        origin: config.tlog.origin(&config.accounts.domains),
        settings: config.tlog,
        dir: dir.to_owned(),
        store: store.clone(),
        world: World::system(),
    });
    let before = publisher.view().map(|view| view.checkpoint().clone());
    publisher.publish(|| true).map_err(|error| format!("the log does not go on: {error}"))?;
    let view = publisher.view().ok_or("there is no log")?;
    if let Some(before) = before
        && view.root(before.head.size).ok() != Some(before.head.root)
    {
        return Err(format!("the log contradicts its checkpoint of {} leaves", before.head.size));
    }
    let checked = publisher.check().map_err(|error| format!("the log: {error}"))?;
    let is_whole = checked.problems.is_empty() && checked.waiting == 0 && checked.lost_letters == 0;
    if is_whole { Ok(()) } else { Err(format!("the log: {checked:#?}")) }
}

fn look(store: &Store, done: &Done, before: &Before) -> Result<(), String> {
    let verdict = store.check().map_err(|error| format!("check: {error}"))?;
    if !verdict.is_sound() {
        return Err(format!("check: {:#?}", verdict.problems));
    }
    for login in LOGINS {
        inbox(store, login, done, before)?;
    }
    for (number, (acknowledged, count)) in done.mail_programs.iter().zip(&before.mail_programs).enumerate() {
        folders(store, number, acknowledged, *count)?;
    }
    Ok(())
}

/// Compaction and rewriting go on from there.
fn go_on(store: Store, dir: &Path, settings: &Settings) -> Result<(), String> {
    use poshta::store::compact::Thoroughness;
    use std::ops::ControlFlow::Continue;
    let all = Thoroughness { dead_percent: 1, bytes_per_s: 0 };
    store.compact(all, &mut |_| Continue(())).map_err(|error| format!("compact: {error}"))?;
    store.rewrite_rows(0, &mut |_| Continue(())).map_err(|error| format!("rewrite: {error}"))?;
    drop(store);
    let store = Store::open(dir, settings).map_err(|error| format!("after compacting: {error}"))?;
    let verdict = store.check().map_err(|error| format!("check: {error}"))?;
    if verdict.is_sound() { Ok(()) } else { Err(format!("check after compacting: {:#?}", verdict.problems)) }
}

/// Every letter that was acknowledged is in both inboxes, once and whole; of each connection at most the one after.
fn inbox(store: &Store, login: &str, done: &Done, before: &Before) -> Result<(), String> {
    let account = account(store, login)?;
    let (mut found, mut uids) = (HashSet::new(), HashSet::new());
    for (message, bytes) in letters(store, account, "INBOX")?.0 {
        let subject = subject(&bytes)?;
        let (connection, letter) = numbers(&subject, "s")?;
        if !bytes.ends_with(&load::content("s", connection, letter)) {
            return Err(format!("{subject} in the inbox of {login} is not what was submitted"));
        }
        if !found.insert((connection, letter)) || !uids.insert(message.uid) {
            return Err(format!("{subject} is in the inbox of {login} twice"));
        }
    }
    for (connection, count) in before.submitters.iter().enumerate() {
        if let Some(lost) = (0..*count).find(|letter| !found.remove(&(connection, *letter))) {
            return Err(format!("letter s{connection}-{lost} to {login} was acknowledged and is lost"));
        }
        found.remove(&(connection, *count));
    }
    let last = done.submitters.len();
    if found.is_empty() {
        Ok(())
    } else {
        Err(format!("letters of {last} connections that nobody sent yet: {found:?}"))
    }
}

/// The folders of a mail program are as after what was acknowledged, or one step further.
fn folders(store: &Store, number: usize, acknowledged: &Acknowledged, count: usize) -> Result<(), String> {
    let account = account(store, LOGINS[0])?;
    let mut found = BTreeMap::new();
    let highest = acknowledged.highest_uids(count);
    for (folder, name) in load::folders(number).iter().enumerate() {
        if count == 0 && folder_of(store, account, name)?.is_none() {
            continue;
        }
        let (letters, uid_next) = letters(store, account, name)?;
        if uid_next <= highest[folder] {
            return Err(format!("UID {} of {name} was told to a client and would be given again", highest[folder]));
        }
        for (message, bytes) in letters {
            let subject = subject(&bytes)?;
            let (connection, letter) = numbers(&subject, "m")?;
            if connection != number || bytes != load::content("m", number, letter) {
                return Err(format!("{subject} in {name} is not what was appended"));
            }
            let has = |flag| message.flags.contains(flag);
            let (is_flagged, is_deleted) = (has(Flags::FLAGGED), has(Flags::DELETED));
            if !has(Flags::SEEN) {
                return Err(format!("{subject} in {name} was appended as read"));
            }
            let state = State { is_flagged, is_deleted, uid: Some(message.uid.get()) };
            if found.insert(Copy { folder, letter }, state).is_some() {
                return Err(format!("{subject} is in {name} twice"));
            }
        }
    }
    let fits = |count| fits(&acknowledged.folders_after(count), &found);
    if fits(count) || fits(count + 1) {
        return Ok(());
    }
    Err(format!(
        "the folders of mail program {number} are not as after {count} steps: {found:#?}\nexpected {:#?}",
        acknowledged.folders_after(count)
    ))
}

fn fits(expected: &BTreeMap<Copy, State>, found: &BTreeMap<Copy, State>) -> bool {
    expected.len() == found.len()
        && expected.iter().zip(found).all(|((copy, state), (found_copy, found))| {
            copy == found_copy
                && (state.is_flagged, state.is_deleted) == (found.is_flagged, found.is_deleted)
                && (state.uid.is_none() || state.uid == found.uid)
        })
}

fn account(store: &Store, login: &str) -> Result<AccountId, String> {
    let accounts = store.read_blocking(|view| view.accounts(None, 10)).map_err(|error| error.to_string())?;
    let found = accounts.into_iter().find(|account| account.login == login);
    Ok(found.ok_or_else(|| format!("{login} is gone"))?.id)
}

fn folder_of(store: &Store, account: AccountId, name: &str) -> Result<Option<poshta::ids::FolderId>, String> {
    let found = store.read_blocking(|view| view.folder_named(account, name)).map_err(|error| error.to_string())?;
    Ok(found.map(|folder| folder.id))
}

/// A message with its bytes.
type Letter = (Message, Vec<u8>);

/// Every message of a folder, and UIDNEXT.
fn letters(store: &Store, account: AccountId, name: &str) -> Result<(Vec<Letter>, u32), String> {
    let folder = folder_of(store, account, name)?.ok_or_else(|| format!("the folder {name} is gone"))?;
    let first = Uid::new(1).unwrap();
    let read = store.read_blocking(|view| {
        Ok((view.messages(account, folder, first, usize::MAX)?, view.folder_state(account, folder)?.uid_next))
    });
    let (messages, uid_next) = read.map_err(|error| error.to_string())?;
    let mut letters = Vec::new();
    for message in messages {
        let bytes = store.message_bytes(&message);
        let length = usize::try_from(bytes.len()).unwrap();
        let mut whole = Vec::with_capacity(length);
        while whole.len() < length {
            let piece = bytes.read_at_blocking(whole.len() as u64, length - whole.len());
            whole.extend_from_slice(&piece.map_err(|error| format!("a letter in {name}: {error}"))?);
        }
        letters.push((message, whole));
    }
    Ok((letters, uid_next))
}

fn subject(bytes: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(bytes);
    let subject = text.lines().find_map(|line| line.strip_prefix("Subject: "));
    subject.map(str::to_owned).ok_or_else(|| "a letter without its subject".to_owned())
}

fn numbers(subject: &str, kind: &str) -> Result<(usize, usize), String> {
    let numbers = subject.strip_prefix(kind).and_then(|rest| rest.split_once('-'));
    let numbers = numbers.and_then(|(connection, letter)| Some((connection.parse().ok()?, letter.parse().ok()?)));
    numbers.ok_or_else(|| format!("{subject} is no letter of ours"))
}
