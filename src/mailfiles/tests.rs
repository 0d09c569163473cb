use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use std::time::SystemTime;

use proptest::prelude::*;
use smallvec::SmallVec;
use test_case::test_case;

use super::*;
use crate::clock::Timestamp;
use crate::ids::{EmailId, ThreadId, Uid};
use crate::store::mailboxes::{Flags, Message, NewMessage, Origin, Prefix, SpecialUse, add_standard_folders};
use crate::store::{Done, Settings};

const ALICE: AccountId = AccountId(7 << 48 | 1);
const BOLAT: AccountId = AccountId(7 << 48 | 2);

/// A message as a test gives and finds it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Letter {
    bytes: Vec<u8>,
    flags: u8,
    keywords: Vec<String>,
    date: Timestamp,
}

fn letter(text: &str) -> Letter {
    Letter { bytes: text.into(), flags: 0, keywords: Vec::new(), date: "2026-11-21T09:00:00.123456Z".parse().unwrap() }
}

struct Fixture {
    services: Services,
    dir: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings {
        watermark_bytes: 0,
        cache_bytes: 8 << 20,
        max_memory_body_bytes: 100_000,
        max_keywords: 40,
        ..Settings::default()
    };
    let store = Store::open(&dir.path().join("data"), &crate::store::tests::as_chosen(settings)).unwrap();
    let mut batch = Batch::new();
    add_standard_folders(&mut batch, ALICE).unwrap();
    add_standard_folders(&mut batch, BOLAT).unwrap();
    store.commit_blocking(batch).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let services = Services {
        store,
        world: World::system(),
        caps: Caps::default(),
        max_message_bytes: 1 << 20,
        quota: crate::quota::Settings::default(),
        log: None,
        pages: "https://post.example".into(),
        runtime: runtime.handle().clone(),
    };
    Fixture { services, dir, runtime }
}

fn go_on(_: Done) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

impl Fixture {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn job(&self, format: Format, path: &str, account: AccountId, folder: Option<&str>) -> Job {
        Job { format, path: self.path(path), account, folder: folder.map(str::to_owned), actor: "test".into() }
    }

    fn import(&self, format: Format, path: &str, account: AccountId, folder: Option<&str>) -> Imported {
        import(&self.services, &self.job(format, path, account, folder), &mut go_on).unwrap()
    }

    fn import_error(&self, format: Format, path: &str, folder: Option<&str>) -> String {
        import(&self.services, &self.job(format, path, BOLAT, folder), &mut go_on).unwrap_err().to_string()
    }

    fn export(&self, format: Format, path: &str, folder: Option<&str>) -> Exported {
        export(&self.services, &self.job(format, path, ALICE, folder), &mut go_on).unwrap()
    }

    fn create(&self, account: AccountId, name: &str) {
        self.runtime.block_on(self.services.store.create_folder(account, name, None)).unwrap();
    }

    fn folder(&self, account: AccountId, name: &str) -> Option<crate::store::mailboxes::Folder> {
        self.services.store.read_blocking(|view| view.folder_named(account, name)).unwrap()
    }

    fn rows(&self, account: AccountId, name: &str) -> Vec<Message> {
        let folder = self.folder(account, name).unwrap_or_else(|| panic!("no folder {name}"));
        self.services
            .store
            .read_blocking(|view| view.messages(account, folder.id, Uid::new(1).unwrap(), usize::MAX))
            .unwrap()
    }

    fn append(&self, account: AccountId, name: &str, letter: &Letter) {
        let store = &self.services.store;
        let none = Prefix { record: None, len: 0 };
        let mut writer = store.stage();
        writer.write(&letter.bytes).unwrap();
        let body = writer.finish().unwrap();
        let world = &self.services.world;
        let new = NewMessage {
            account,
            folder: self.folder(account, name).unwrap().id,
            flags: Flags(letter.flags),
            keywords: SmallVec::new(),
            internal_date: letter.date,
            save_date: letter.date,
            item: None,
            email: EmailId::generate(world),
            thread: ThreadId::generate(world),
            message_id: None,
            origin: Origin::Deposited,
            recipient_prefix: none,
            item_prefix: none,
            body: body.id(),
            body_bytes: body.len(),
            summary: crate::message::Summary::default().encode(),
        };
        self.runtime.block_on(store.append(new, body, letter.keywords.clone(), &Default::default())).unwrap();
    }

    /// What is in a folder, in the order of UIDs.
    fn letters(&self, account: AccountId, name: &str) -> Vec<Letter> {
        let folder = self.folder(account, name).unwrap();
        let read = |message: Message| {
            assert_eq!(message.origin, Origin::Deposited);
            let bytes = self.services.store.message_bytes(&message).read_at_blocking(0, usize::MAX >> 1).unwrap();
            let keyword = |index: &u16| folder.keywords[usize::from(*index)].clone();
            let mut keywords: Vec<String> = message.keywords.iter().map(keyword).collect();
            keywords.sort_unstable();
            Letter { bytes: bytes.to_vec(), flags: message.flags.0, keywords, date: message.internal_date }
        };
        self.rows(account, name).into_iter().map(read).collect()
    }

    fn texts(&self, account: AccountId, name: &str) -> Vec<String> {
        self.letters(account, name).into_iter().map(|letter| String::from_utf8(letter.bytes).unwrap()).collect()
    }

    fn put(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn assert_sound(&self) {
        let verdict = self.services.store.check().unwrap();
        assert!(verdict.is_sound(), "{:#?}", verdict.problems);
    }

    fn audited(&self) -> Vec<(String, String)> {
        let entries = self.services.store.read_blocking(|view| view.audit_entries(100)).unwrap();
        let told =
            |entry: AuditEntry| (entry.action, format!("{} {}", entry.object, entry.details.unwrap_or_default()));
        entries.into_iter().rev().map(told).collect()
    }
}

/// Text of which ugly messages are made.
fn ugly() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        &b"From "[..],
        b"From a@b.example Sat Nov 21 20:02:39 2026",
        b">",
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n\r\n",
        b"Subject: x\r\n",
        b"Status: RO\r\n",
        b"X-Status: F\r\n",
        b"X-Keywords: a\r\n",
        b"Message-ID: <a@b>\r\n",
        b"\xff\xfe",
        b"\0",
        b"x",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn any_letter() -> impl Strategy<Value = Letter> {
    let bytes = prop_oneof![8 => ugly(), 1 => ugly().prop_map(|bytes| bytes.repeat(60_000 / bytes.len().max(1)))];
    let keywords = prop::collection::btree_set(prop::sample::select(vec!["$Forwarded", "$Junk", "work", "R"]), 0..3);
    (bytes, 0_u8..32, keywords, 0_i64..4_000_000_000_000_000).prop_map(|(bytes, flags, keywords, micros)| Letter {
        bytes,
        flags,
        keywords: keywords.into_iter().map(str::to_owned).collect(),
        date: Timestamp::from_microsecond(micros).unwrap(),
    })
}

fn any_folders() -> impl Strategy<Value = BTreeMap<&'static str, Vec<Letter>>> {
    let name = prop::sample::select(vec!["INBOX", "Sent", "Work/v1.2", "Пошта/Хаттар & co", ".."]);
    prop::collection::btree_map(name, prop::collection::vec(any_letter(), 0..4), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_maildir_brings_back_every_byte_flag_keyword_and_microsecond(folders in any_folders()) {
        let fixture = fixture();
        fill(&fixture, &folders);
        let exported = fixture.export(Format::Maildir, "out", None);
        let count = folders.values().map(Vec::len).sum::<usize>() as u64;
        prop_assert_eq!((exported.messages, exported.problems.count), (count, 0));
        let imported = fixture.import(Format::Maildir, "out", BOLAT, None);
        prop_assert_eq!((imported.messages, imported.bytes), (count, exported.bytes));
        for (name, letters) in &folders {
            prop_assert_eq!(&fixture.letters(BOLAT, name), letters);
        }
        fixture.assert_sound();
    }

    #[test]
    fn an_mbox_brings_back_every_byte_flag_keyword_and_second(folders in any_folders()) {
        let fixture = fixture();
        fill(&fixture, &folders);
        let exported = fixture.export(Format::Mbox, "out", None);
        prop_assert_eq!(exported.problems.count, 0);
        for (name, letters) in &folders {
            let file = format!("out/{}", names::to_mbox(name, 0));
            let imported = fixture.import(Format::Mbox, &file, BOLAT, Some(name));
            prop_assert_eq!(imported.messages, letters.len() as u64);
            let to_the_second = |letter: &Letter| Letter { date: Timestamp::from_second(letter.date.as_second()).unwrap(), ..letter.clone() };
            let expected: Vec<Letter> = letters.iter().map(to_the_second).collect();
            prop_assert_eq!(fixture.letters(BOLAT, name), expected);
        }
        fixture.assert_sound();
    }
}

fn fill(fixture: &Fixture, folders: &BTreeMap<&'static str, Vec<Letter>>) {
    for (name, letters) in folders {
        if fixture.folder(ALICE, name).is_none() {
            fixture.create(ALICE, name);
        }
        letters.iter().for_each(|letter| fixture.append(ALICE, name, letter));
    }
}

#[test]
fn an_import_that_is_run_again_brings_only_what_is_missing() {
    let fixture = fixture();
    for (number, text) in ["one", "two", "two", "three"].iter().enumerate() {
        let name = format!("in/cur/{number}.x:2,S");
        fixture.put(&name, format!("Subject: {text}\n\n"));
        let file = fs::File::options().write(true).open(fixture.path(&name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000)).unwrap();
    }
    // Stopped behind the second message.
    let mut calls = 0;
    let mut stop = |_| {
        calls += 1;
        if calls > 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let error = import(&fixture.services, &fixture.job(Format::Maildir, "in", BOLAT, None), &mut stop).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("in/cur/2.x:2,S") && said.contains("2 messages are imported; run it again"), "{said}");
    let again = fixture.import(Format::Maildir, "in", BOLAT, None);
    assert_eq!((again.messages, again.already_there), (2, 2));
    assert_eq!(fixture.import(Format::Maildir, "in", BOLAT, None).already_there, 4);
    let texts = ["one", "two", "two", "three"].map(|text| format!("Subject: {text}\r\n\r\n"));
    assert_eq!(fixture.texts(BOLAT, "INBOX"), texts);
    fixture.assert_sound();
}

#[test]
fn a_maildir_in_crlf_stays_what_it_is_and_lf_becomes_crlf() {
    let fixture = fixture();
    fixture.put("in/cur/1:2,", "A: b\r\n\r\nbare\nlf");
    fixture.put("in/cur/2:2,", "A: b\n\nc\n");
    fixture.put("in/new/3", b"A: \xd3\xd9\n\nno line end");
    fixture.put("in/cur/4", "");
    fixture.import(Format::Maildir, "in", BOLAT, None);
    let bytes: Vec<Vec<u8>> = fixture.letters(BOLAT, "INBOX").into_iter().map(|letter| letter.bytes).collect();
    assert_eq!(bytes, [&b"A: b\r\n\r\nbare\nlf"[..], b"A: b\r\n\r\nc\r\n", b"A: \xd3\xd9\r\n\r\nno line end", b""]);
}

#[test]
fn folders_go_where_they_belong() {
    let fixture = fixture();
    for (folder, name) in
        [("", "inbox"), (".Sent Items/", "sent"), (".&BB8EPgRIBEIEMA-.2024/", "post"), (".Spam/", "junk")]
    {
        fixture.put(&format!("in/{folder}cur/1:2,S"), format!("Subject: {name}\n\n"));
    }
    fixture.put("in/.Empty/new/.hidden", "");
    let imported = fixture.import(Format::Maildir, "in", BOLAT, None);
    assert_eq!((imported.messages, imported.folders, imported.problems.count), (4, 5, 0));
    for (folder, name) in [("INBOX", "inbox"), ("Sent", "sent"), ("Пошта/2024", "post"), ("Junk", "junk")] {
        assert_eq!(fixture.texts(BOLAT, folder), [format!("Subject: {name}\r\n\r\n")], "{folder}");
    }
    assert_eq!(fixture.folder(BOLAT, "Junk").unwrap().special_use, Some(SpecialUse::Junk));
    assert!(fixture.folder(BOLAT, "Sent Items").is_none() && fixture.folder(BOLAT, "Empty").is_some());
    let subscribed = fixture.services.store.read_blocking(|view| view.subscriptions(BOLAT)).unwrap();
    assert!(subscribed.contains(&"Пошта/2024".to_owned()), "{subscribed:?}");

    fixture.import(Format::Maildir, "in", ALICE, Some("Old"));
    assert_eq!(fixture.texts(ALICE, "Old").len(), 1);
    assert_eq!(fixture.texts(ALICE, "Old/Sent Items").len(), 1);
    assert!(fixture.texts(ALICE, "INBOX").is_empty());
}

#[test]
fn flags_keywords_and_threads_are_kept() {
    let fixture = fixture();
    fixture.put("in/dovecot-keywords", "0 work\n1 $Later\n");
    fixture.put("in/cur/1,S=5:2,FSab", "Message-ID: <1@x>\n\n");
    fixture.put("in/cur/2:2,PRTD", "Message-ID: <2@x>\nReferences: <1@x>\n\n");
    fixture.put("in/new/3:2,S", "In-Reply-To: <2@x>\n\n");
    fixture.import(Format::Maildir, "in", BOLAT, None);
    let found: Vec<(u8, String)> =
        fixture.letters(BOLAT, "INBOX").into_iter().map(|letter| (letter.flags, letter.keywords.join(" "))).collect();
    assert_eq!(found, [(5, "$Later work".to_owned()), (26, "$Forwarded".to_owned()), (0, String::new())]);
    let threads: Vec<ThreadId> = fixture.rows(BOLAT, "INBOX").iter().map(|message| message.thread).collect();
    assert!(threads.iter().all(|thread| *thread == threads[0]), "{threads:?}");
}

#[test]
fn what_does_not_belong_into_a_maildir_is_left_alone_and_named() {
    let fixture = fixture();
    fixture.put("secret", "Subject: outside\n\n");
    fixture.put("other/cur/1:2,", "Subject: outside too\n\n");
    fixture.put("in/cur/1:2,", "Subject: inside\n\n");
    fixture.put("in/cur/directory/file", "x");
    fixture.put("in/Plain/cur/1", "Subject: not Maildir++\n\n");
    fixture.put("in/dovecot-uidlist", "3 V1 N2\n");
    fixture.put("in/.bad%name/cur/1", "Subject: no such name\n\n");
    symlink(fixture.path("secret"), fixture.path("in/cur/2:2,")).unwrap();
    symlink(fixture.path("other"), fixture.path("in/.Other")).unwrap();
    fs::create_dir(fixture.path("in/.Linked")).unwrap();
    symlink(fixture.path("other/cur"), fixture.path("in/.Linked/cur")).unwrap();
    let imported = fixture.import(Format::Maildir, "in", BOLAT, None);
    assert_eq!(imported.messages, 1);
    let said = imported.problems.lines.join("\n");
    for expected in [
        "in/cur/2:2,: symbolic links are not followed",
        "in/.Other: symbolic links are not followed",
        "in/cur/directory: it is no file",
        "in/Plain: a Maildir folder's name begins with a dot",
        "folder \"bad%name\": the folder name has a character that is not allowed",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    assert_eq!(imported.problems.count, 5, "{said}");
    assert_eq!(fixture.texts(BOLAT, "INBOX"), ["Subject: inside\r\n\r\n"]);
}

#[test]
fn messages_for_which_there_is_no_room_are_named_and_the_others_come() {
    let mut fixture = fixture();
    let quota = &mut fixture.services.quota;
    (quota.default_bytes, quota.default_messages) = (100, 4);
    for (file, text) in [("1", 60), ("2", 60), ("3", 10), ("4", 10), ("5", 10), ("6", 1)] {
        fixture.put(&format!("in/cur/{file}:2,"), "x".repeat(text));
    }
    let imported = fixture.import(Format::Maildir, "in", BOLAT, None);
    assert_eq!((imported.messages, imported.bytes, imported.problems.count), (4, 90, 2));
    for (line, file) in imported.problems.lines.iter().zip(["2", "6"]) {
        assert!(line.contains(&format!("in/cur/{file}:2,: the mailbox is full")), "{line}");
    }
    fixture.assert_sound();
    fixture.services.quota.default_messages = 0;
    let again = fixture.import(Format::Maildir, "in", BOLAT, None);
    assert_eq!((again.messages, again.already_there, again.problems.count), (1, 4, 1), "for the rest");
}

#[test]
fn a_message_over_the_limit_is_named_and_the_others_come() {
    let fixture = fixture();
    let large = "x".repeat(1 << 20);
    fixture.put("in/cur/1:2,", format!("A: 1\n\n{large}"));
    fixture.put("in/cur/2:2,", "A: 2\n\n");
    let imported = fixture.import(Format::Maildir, "in", BOLAT, None);
    assert_eq!((imported.messages, imported.problems.count), (1, 1));
    assert!(
        imported.problems.lines[0].contains("in/cur/1:2,: 1048584 bytes; the limit is 1048576"),
        "{:?}",
        imported.problems
    );
    let from = "From a@b.example Sat Nov 21 20:02:39 2026\n";
    fixture.put("box", format!("{from}A: 1\n\n{large}\n\n{from}A: 2\n\n\n"));
    let imported = fixture.import(Format::Mbox, "box", BOLAT, Some("Box"));
    assert_eq!((imported.messages, imported.problems.count), (1, 1));
    assert!(imported.problems.lines[0].starts_with("message 1 of "), "{:?}", imported.problems);
}

#[test]
fn large_messages_go_both_ways() {
    let fixture = fixture();
    let body = "A line of a large message.\r\n".repeat(30_000);
    fixture.append(ALICE, "INBOX", &letter(&format!("Subject: large\r\n\r\n{body}")));
    fixture.export(Format::Maildir, "maildir", None);
    fixture.export(Format::Mbox, "mbox", Some("INBOX"));
    fixture.import(Format::Maildir, "maildir", BOLAT, None);
    fixture.import(Format::Mbox, "mbox/INBOX.mbox", BOLAT, Some("Box"));
    let expected = &fixture.letters(ALICE, "INBOX")[0].bytes;
    assert!(fixture.letters(BOLAT, "INBOX")[0].bytes == *expected);
    assert!(fixture.letters(BOLAT, "Box")[0].bytes == *expected);
}

#[test]
fn more_keywords_than_there_may_be_are_named() {
    let fixture = fixture();
    for number in 0..30 {
        let keywords = vec![format!("k{number}")];
        fixture.append(ALICE, "INBOX", &Letter { keywords, ..letter(&format!("Subject: {number}\r\n\r\n")) });
    }
    let exported = fixture.export(Format::Maildir, "out", None);
    assert_eq!(
        exported.problems.lines,
        ["folder \"INBOX\": 4 keywords were left out, a Maildir folder has no more than 26: k26, k27, k28, k29"]
    );
    let words: Vec<String> = (0..50).map(|number| format!("w{number}")).collect();
    fixture.put("box", format!("From - Sat Nov 21 20:02:39 2026\nX-Keywords: {}\n\n", words.join(" ")));
    let imported = fixture.import(Format::Mbox, "box", BOLAT, Some("INBOX"));
    assert_eq!(imported.messages, 1);
    assert!(imported.problems.lines[0].contains("too many keywords in this folder"), "{:?}", imported.problems);
    assert_eq!(fixture.letters(BOLAT, "INBOX")[0].keywords.len(), 40);
}

#[test]
fn other_programs_notes_in_an_mbox_are_no_messages_and_their_flags_count() {
    let fixture = fixture();
    let from = "From MAILER-DAEMON Sat Nov 21 20:02:39 2026";
    let note =
        "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 2\n\nThis text is part of the format.\n";
    fixture.put("box", format!("{from}\n{note}\n{from}\nSubject: x\nStatus: RO\nX-Status: F\n\nbody\n"));
    let imported = fixture.import(Format::Mbox, "box", BOLAT, Some("Old/Box"));
    assert_eq!((imported.messages, imported.problems.count), (1, 0));
    let found = fixture.letters(BOLAT, "Old/Box").remove(0);
    // P19: the fields are bytes of the message, and stay.
    assert_eq!(found.bytes, b"Subject: x\r\nStatus: RO\r\nX-Status: F\r\n\r\nbody\r\n");
    assert_eq!((found.flags, found.date), (5, "2026-11-21T20:02:39Z".parse().unwrap()));
}

#[test_case(Format::Maildir, "nothing", None, "No such file"; "no directory")]
#[test_case(Format::Maildir, "empty", None, "no Maildir: there is neither cur nor new"; "no maildir")]
#[test_case(Format::Mbox, "text", Some("Box"), "its first line does not begin with \"From \""; "no mbox")]
#[test_case(Format::Mbox, "empty", Some("Box"), "it is no file"; "a directory for an mbox")]
#[test_case(Format::Mbox, "box", None, "--folder"; "no folder named")]
#[test_case(Format::Mbox, "box", Some("a//b"), "folder \"a//b\": a folder name has no empty level"; "a name that cannot be")]
fn what_cannot_be_imported_is_refused_before_anything_is_made(
    format: Format,
    path: &str,
    folder: Option<&str>,
    expected: &str,
) {
    let fixture = fixture();
    fs::create_dir(fixture.path("empty")).unwrap();
    fixture.put("text", "Subject: x\n\n");
    fixture.put("box", "From - Sat Nov 21 20:02:39 2026\n\n");
    let said = fixture.import_error(format, path, folder);
    assert!(said.contains(expected), "{said}");
    let folders = fixture.services.store.read_blocking(|view| view.folders(BOLAT)).unwrap();
    assert_eq!(folders.len(), 6);
}

#[test]
fn an_empty_mbox_is_a_folder_without_messages() {
    let fixture = fixture();
    fixture.put("box", "");
    let imported = fixture.import(Format::Mbox, "box", BOLAT, Some("Empty"));
    assert_eq!((imported.messages, imported.folders), (0, 1));
    assert!(fixture.texts(BOLAT, "Empty").is_empty());
}

#[test]
fn an_export_never_mixes_with_what_is_there_and_is_the_owners_only() {
    let fixture = fixture();
    fixture.append(ALICE, "INBOX", &letter("Subject: x\r\n\r\n"));
    fs::create_dir(fixture.path("out")).unwrap();
    fixture.export(Format::Maildir, "out", None);
    let refused = |folder: Option<&str>| {
        let job = fixture.job(Format::Mbox, "out", ALICE, folder);
        export(&fixture.services, &job, &mut go_on).unwrap_err().to_string()
    };
    assert!(refused(None).contains("is not empty"));
    assert!(refused(Some("Nothing")).contains("there is no folder \"Nothing\""));
    fixture.export(Format::Mbox, "deep/er", None);
    let mode = |path: &str| fs::metadata(fixture.path(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode("deep/er"), mode("deep/er/INBOX.mbox"), mode("out/cur"), mode("out/.Sent")),
        (0o700, 0o600, 0o700, 0o700)
    );
    let file = fs::read_dir(fixture.path("out/cur")).unwrap().next().unwrap().unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read(file.path()).unwrap(), b"Subject: x\n\n");
    assert_eq!(fs::read_dir(fixture.path("out/tmp")).unwrap().count(), 0);
}

#[test]
fn every_import_and_export_is_in_the_audit_before_it_begins_and_when_it_ends() {
    let fixture = fixture();
    fixture.append(ALICE, "INBOX", &letter("Subject: x\r\n\r\n"));
    fixture.export(Format::Maildir, "out", None);
    fixture.import(Format::Maildir, "out", BOLAT, Some("Copy"));
    let actions: Vec<(String, String)> = fixture.audited();
    let names: Vec<&str> = actions.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(names, ["mail.export", "mail.exported", "mail.import", "mail.imported"]);
    let place = fixture.path("out").display().to_string();
    let expected = format!("account {} Maildir {place}, folder \"Copy\": 1 messages, 14 bytes", BOLAT.0);
    assert_eq!(actions[3].1, expected);
}

#[test]
fn an_export_says_where_it_was_stopped() {
    let fixture = fixture();
    (0..3).for_each(|number| fixture.append(ALICE, "INBOX", &letter(&format!("A: {number}\r\n\r\n"))));
    let mut told = Vec::new();
    let mut stop = |done: Done| {
        told.push(done);
        if told.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let job = fixture.job(Format::Mbox, "out", ALICE, None);
    let said = export(&fixture.services, &job, &mut stop).unwrap_err().to_string();
    assert!(said.contains("message 2 of folder \"INBOX\"") && said.contains("2 messages were written"), "{said}");
    assert_eq!(told, [Done { bytes: 8, of: 24 }, Done { bytes: 16, of: 24 }]);
}
