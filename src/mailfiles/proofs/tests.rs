//! Letters of a post office go out with the proofs of their marks, and come back without them.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use test_case::test_case;

use super::super::*;
use super::*;
use crate::intake::tests::{Letter, Post, letter};
use crate::postal::Verdict;
use crate::publisher::{self, Publisher};
use crate::tlog::proof::Proof;

const AIGUL: &str = "aigul@poshta.example";
const BOLAT: &str = "bolat@poshta.example";
const PAGES: &str = "https://post.example";

struct Office {
    post: Post,
    publisher: Publisher,
    dir: tempfile::TempDir,
}

impl Office {
    async fn open() -> Office {
        let (post, dir) = (Post::open().await, tempfile::tempdir().unwrap());
        let publisher = Publisher::new(publisher::Parts {
            settings: publisher::Settings::default(),
            origin: "poshta.example/log".into(),
            dir: dir.path().join("log"),
            store: post.store.clone(),
            world: post.world.clone(),
        });
        Office { post, publisher, dir }
    }

    /// Of two letters for bolat, with three marks each, the log covers the first.
    async fn with_two_letters() -> (Office, Vec<Letter>) {
        let office = Office::open().await;
        office.send("").await;
        office.publish().await;
        office.send("Comments: later\r\n").await;
        let letters = office.post.inbox("bolat").await;
        assert_eq!(letters.len(), 2);
        (office, letters)
    }

    async fn send(&self, more: &str) {
        self.post.accept(self.post.user("aigul").await, AIGUL, &[BOLAT], letter(AIGUL, more)).await.unwrap();
    }

    async fn publish(&self) {
        let publisher = self.publisher.clone();
        tokio::task::spawn_blocking(move || publisher.publish(|| true).unwrap()).await.unwrap();
    }

    fn log(&self) -> View {
        self.publisher.view().unwrap()
    }

    fn proofs(&self) -> Proofs {
        Proofs::of(self.log(), PAGES.into())
    }

    fn services(&self, log: Option<View>) -> Services {
        Services {
            store: self.post.store.clone(),
            world: self.post.world.clone(),
            caps: crate::message::Caps::default(),
            max_message_bytes: 1 << 20,
            quota: crate::quota::Settings::default(),
            log,
            pages: PAGES.into(),
            runtime: tokio::runtime::Handle::current(),
        }
    }

    async fn job(&self, format: Format, path: &str, login: &str, folder: &str) -> Job {
        let account = self.post.accounts.find_login(login).await.unwrap().unwrap().id;
        Job { format, path: self.dir.path().join(path), account, folder: Some(folder.into()), actor: "test".into() }
    }

    /// What the answer says, and the files with letters, one after the other.
    async fn export(&self, job: Job, log: Option<View>) -> (Exported, String) {
        let (services, path) = (self.services(log), job.path.clone());
        let export = move || export(&services, &job, &mut |_| ControlFlow::Continue(())).unwrap();
        let exported = tokio::task::spawn_blocking(export).await.unwrap();
        (exported, letter_files(&path).into_iter().map(|file| fs::read_to_string(file).unwrap()).collect())
    }

    async fn import(&self, job: Job) -> Imported {
        let services = self.services(None);
        let import = move || import(&services, &job, &mut |_| ControlFlow::Continue(())).unwrap();
        tokio::task::spawn_blocking(import).await.unwrap()
    }

    async fn letters(&self, login: &str, folder: &'static str) -> Vec<Letter> {
        let id = self.post.accounts.find_login(login).await.unwrap().unwrap().id;
        let store = self.post.store.clone();
        let read = move || {
            let folder = store.read_blocking(|view| view.folder_named(id, folder)).unwrap().unwrap();
            let first = crate::ids::Uid::new(1).unwrap();
            let rows = store.read_blocking(|view| view.messages(id, folder.id, first, 100)).unwrap();
            let bytes = |row| store.message_bytes(row).read_at_blocking(0, usize::MAX >> 1).unwrap().to_vec();
            rows.iter().map(|row| Letter(bytes(row))).collect()
        };
        tokio::task::spawn_blocking(read).await.unwrap()
    }
}

fn letter_files(export: &Path) -> Vec<PathBuf> {
    let dir = if export.join("cur").is_dir() { export.join("cur") } else { export.to_owned() };
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// The fields of proofs that stand together somewhere in a text, and where.
fn proof_fields(text: &str) -> (usize, String) {
    let at = text.find(MARK_PROOF).unwrap();
    let is_of_proof = |line: &&str| line.starts_with(MARK_PROOF) || line.starts_with(' ');
    (at, text[at..].split_inclusive('\n').take_while(is_of_proof).collect())
}

/// Tag `i`, tag `u`, and the proof.
fn read_field(value: &str) -> (String, String, String) {
    let tag = |name: &str| value.split("; ").find_map(|tag| tag.strip_prefix(name)).unwrap().to_owned();
    let proof = STANDARD.decode(tag("p=").replace(' ', "")).unwrap();
    (tag("i="), tag("u="), String::from_utf8(proof).unwrap())
}

#[test_case(Format::Maildir; "maildir")]
#[test_case(Format::Mbox; "mbox")]
#[tokio::test]
async fn each_published_mark_is_proved_on_top_of_its_letter_and_the_letter_stays(format: Format) {
    let (office, letters) = Office::with_two_letters().await;
    let (told, plain) = office.export(office.job(format, "plain", "bolat", "INBOX").await, None).await;
    assert!(told.proofs.is_none() && !plain.contains(MARK_PROOF), "nobody asked for proofs");
    assert!(!office.dir.path().join("plain/proofs").exists());
    let log = office.log();
    let (told, proved) = office.export(office.job(format, "proved", "bolat", "INBOX").await, Some(log.clone())).await;
    assert_eq!(told.proofs, Some(Proving { proofs: 3, marks_without_proof: 3 }));
    assert_eq!(told.problems.count, 0, "a mark that is not published yet is no error");

    let (at, fields) = proof_fields(&proved);
    assert_eq!(proved.replacen(&fields, "", 1), plain, "every other byte is there");
    let before = match format {
        Format::Maildir => 0,
        Format::Mbox => plain.find('\n').unwrap() + 1,
    };
    assert_eq!(at, before, "they are on top");
    assert!(fields.lines().all(|line| line.len() <= 78), "{fields}");

    let values = Letter(fields.clone().into_bytes()).values(MARK_PROOF);
    let marks = letters[0].values("Postal-Mark");
    assert_eq!((values.len(), marks.len()), (3, 3));
    for (value, mark) in values.iter().zip(&marks) {
        let (mark, (id, address, text)) = (Mark::parse(mark).unwrap(), read_field(value));
        assert_eq!((id, address), (mark.id.to_string(), format!("{PAGES}/log/proof?i={}", mark.id)));
        let proof: Proof = text.parse().unwrap();
        assert_eq!(&proof.verify(&Entry(mark.digest().0), log.verifier()).unwrap(), log.checkpoint());
        let file = office.dir.path().join(format!("proved/proofs/{}.tlog-proof", mark.id));
        assert_eq!(fs::read_to_string(file).unwrap(), text);
    }
    // The marks sign none of these fields.
    let whole = [fields.replace('\n', "\r\n").as_bytes(), &letters[0].0].concat();
    let report = crate::postal::verify(&whole, Some(&office.post.devices.marks()));
    assert_eq!(report.verdict, Verdict::Valid, "{report:?}");
}

#[test_case(Format::Maildir; "maildir")]
#[test_case(Format::Mbox; "mbox")]
#[tokio::test]
async fn import_takes_exactly_the_proofs_of_an_export_off_again(format: Format) {
    let (office, letters) = Office::with_two_letters().await;
    office.export(office.job(format, "out", "bolat", "INBOX").await, Some(office.log())).await;
    let path = match format {
        Format::Maildir => "out",
        Format::Mbox => "out/INBOX.mbox",
    };
    let imported = office.import(office.job(format, path, "aigul", "Back").await).await;
    assert_eq!((imported.messages, imported.problems.count), (2, 0));
    assert_eq!(office.letters("aigul", "Back").await, letters);
    let again = office.import(office.job(format, path, "aigul", "Back").await).await;
    assert_eq!((again.messages, again.already_there), (0, 2));
    // A mark is as true in a letter that was put there.
    let (told, _) = office.export(office.job(format, "again", "aigul", "Back").await, Some(office.log())).await;
    assert_eq!(told.proofs, Some(Proving { proofs: 3, marks_without_proof: 3 }));
}

#[tokio::test]
async fn a_letters_own_proof_fields_come_back_from_an_export() {
    let office = Office::open().await;
    office.send("").await;
    office.publish().await;
    // Somebody saved it with its proofs and put it there.
    let received = office.post.only("bolat").await;
    let own = [office.proofs().find(&received.0).unwrap().fields, received.0].concat();
    let theirs = office.dir.path().join("theirs/cur");
    fs::create_dir_all(&theirs).unwrap();
    fs::write(theirs.join("1.M1P1Q1.other:2,"), &own).unwrap();
    office.import(office.job(Format::Maildir, "theirs", "aigul", "There").await).await;
    for (number, log) in [None, Some(office.log())].into_iter().enumerate() {
        let (maildir, mbox) = (format!("maildir{number}"), format!("mbox{number}"));
        office.export(office.job(Format::Maildir, &maildir, "aigul", "There").await, log.clone()).await;
        office.export(office.job(Format::Mbox, &mbox, "aigul", "There").await, log).await;
        office.import(office.job(Format::Maildir, &maildir, "bolat", "Maildir").await).await;
        office.import(office.job(Format::Mbox, &format!("{mbox}/There.mbox"), "bolat", "Mbox").await).await;
    }
    // The second time the letters were there already; from an mbox they are dated to the second.
    assert_eq!(office.letters("bolat", "Maildir").await, [Letter(own.clone())]);
    assert_eq!(office.letters("bolat", "Mbox").await, [Letter(own)]);
}

#[tokio::test]
async fn a_name_that_promises_proofs_takes_nothing_else_off() {
    let office = Office::open().await;
    let cur = office.dir.path().join("in/cur");
    fs::create_dir_all(&cur).unwrap();
    let letters = ["Subject: x\n\ny\n", "Postal-Mark-Proof: i=1\nSubject: x\n\ny\n", "Postal-Mark-Proof: i=1\n\ny\n"];
    // Another field; a byte of the next one; the empty line.
    for (number, (text, bytes)) in letters.iter().zip([11, 24, 24]).enumerate() {
        fs::write(cur.join(format!("{number}.M1P1Q1.other,P={bytes}:2,")), text).unwrap();
    }
    office.import(office.job(Format::Maildir, "in", "aigul", "In").await).await;
    let expected = letters.map(|text| Letter(text.replace('\n', "\r\n").into_bytes()));
    assert_eq!(office.letters("aigul", "In").await, expected);
}

#[tokio::test]
async fn another_mark_with_the_number_of_a_published_one_is_not_proved() {
    let (office, letters) = Office::with_two_letters().await;
    let forged = letters[0].text().replace("op=kazpost", "op=other");
    assert_ne!(forged, letters[0].text());
    let found = office.proofs().find(forged.as_bytes()).unwrap();
    assert_eq!((found.proved.len(), found.fields.len(), found.missing), (0, 0, 3));
}

#[tokio::test]
async fn a_mark_that_stands_there_twice_is_proved_once() {
    let (office, letters) = Office::with_two_letters().await;
    let fields: Vec<&[u8]> = headers::fields(&letters[0].0).map(|field| field.raw).collect();
    let twice = [fields.concat(), letters[0].0.clone()].concat();
    assert_eq!(office.proofs().find(&twice).unwrap().proved.len(), 3);
}

#[derive(Default)]
struct Names(Vec<(String, Vec<u8>)>);

impl Archive for Names {
    fn begin(&mut self, name: &str) -> io::Result<()> {
        self.0.push((name.to_owned(), Vec::new()));
        Ok(())
    }
}

impl io::Write for Names {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.last_mut().unwrap().1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn an_archive_has_the_proofs_of_the_same_mbox() {
    let (office, _) = Office::with_two_letters().await;
    let (_, expected) =
        office.export(office.job(Format::Mbox, "out", "bolat", "INBOX").await, Some(office.log())).await;
    let (services, job) =
        (office.services(Some(office.log())), office.job(Format::Mbox, "archive", "bolat", "INBOX").await);
    let export = move || {
        let mut archive = Names::default();
        let told = export_into(&services, &job, &mut archive).unwrap();
        (told, archive.0)
    };
    let (told, files) = tokio::task::spawn_blocking(export).await.unwrap();
    assert_eq!(told.proofs, Some(Proving { proofs: 3, marks_without_proof: 3 }));
    assert_eq!(files, [("INBOX.mbox".to_owned(), expected.into_bytes())]);
}
