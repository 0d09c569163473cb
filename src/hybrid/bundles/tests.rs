//! Bundles over a real store and real worker processes.

use std::io::Read as _;
use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::age::{Identity, Reader, Writer};
use crate::hybrid::tests::{ASTANA, Office, message, office, office_with, postal_to, request};
use crate::hybrid::{Settings, bundles};
use crate::postal::{MarksFile, Verdict, verify};

const CENTRE: &str = "astana-print";

impl Office {
    async fn leased(&self) -> Leased {
        self.paper.queue().lease_bundle(CENTRE, request(0), &CancellationToken::new()).await.unwrap()
    }

    async fn print_letters(&self, kinds: &[&str]) {
        for kind in kinds {
            self.accept(kind, &message(&postal_to(ASTANA), "Сәлем!\r\n")).await.unwrap();
        }
        self.paper.draw_due().await.unwrap();
    }

    async fn sealed(&self, number: u64) -> Result<Vec<u8>, QueueError> {
        let mut bundle = self.paper.queue().sealed_bundle(CENTRE, number, "astana-print-1").await?;
        let mut file = Vec::new();
        while let Some(piece) = bundle.file.next().await? {
            file.extend(piece);
        }
        assert_eq!(file.len() as u64, bundle.bytes, "it is as long as was told before");
        Ok(file)
    }

    async fn is_sound(&self) {
        let store = self.store.clone();
        let verdict = tokio::task::spawn_blocking(move || store.check().unwrap()).await.unwrap();
        assert!(verdict.is_sound(), "{:#?}", verdict.problems);
    }
}

fn with_key(identity: &Identity) -> Office {
    let bundle_keys = [(CENTRE.to_owned(), vec![identity.recipient()])].into();
    office_with(Settings { bundle_keys, ..Settings::default() })
}

fn opened(file: &[u8], identity: &Identity, keys: &MarksFile, into: &Path) -> Result<Opened, String> {
    unseal(file, identity, keys, into).map_err(|error| error.to_string())
}

fn is_empty(dir: &Path) -> bool {
    std::fs::read_dir(dir).unwrap().next().is_none()
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_each_lease_is_a_bundle_with_a_numbered_plomb() {
    let office = office();
    let mut items = [office.queued().await, office.queued().await];
    // What was accepted in one millisecond has no order but that of its ids.
    items.sort();
    let stop = CancellationToken::new();
    let ask = || office.paper.queue().lease_bundle(CENTRE, LeaseRequest { max: 1, ..request(0) }, &stop);
    for (number, item) in (1..).zip(items) {
        let leased = ask().await.unwrap();
        let bundle = leased.bundle.unwrap();
        assert_eq!((bundle.plomb.as_str(), bundle.number), ("АБО010003", number), "letters and digits of the pliers");
        assert_eq!(bundle.seal(), format!("АБО010003-{number}"));
        assert!(!bundle.is_sealed, "the centre has no key");
        let stored = office.paper.queue().bundle(CENTRE, number).await.unwrap();
        let [letter] = stored.letters.as_slice() else { panic!("{stored:?}") };
        assert_eq!((letter.item, leased.jobs[0].item), (item, item));
        assert_eq!(letter.sha256, leased.jobs[0].document.as_ref().unwrap().sha256);
    }
    let nothing = ask().await.unwrap();
    assert_eq!((nothing.jobs.len(), nothing.bundle), (0, None));
    let foreign = office.paper.queue().bundle("almaty-print", 1).await;
    assert!(matches!(foreign, Err(QueueError::NotFound)), "{foreign:?}");
    office.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p18_p9_the_manifest_bears_the_mark_of_the_day_and_the_seal() {
    let office = office();
    office.print_letters(&["valued", "letter"]).await;
    let number = office.leased().await.bundle.unwrap().number;
    let bundle = office.paper.queue().bundle(CENTRE, number).await.unwrap();
    let manifest = Manifest::of(&bundle);
    let seal = manifest.insurance_seal.clone().unwrap();
    assert_eq!(seal.device, "astana-print-v");
    assert!(seal.engraving.contains("«Сақтандыру»") && seal.engraving.contains("Астана"), "{}", seal.engraving);

    let marked = manifest.marked(&bundle.head.marks);
    let report = verify(&marked, Some(&office.devices.marks()));
    assert_eq!(report.verdict, Verdict::Valid, "{report:?}");
    let kinds: Vec<_> = report.marks.iter().map(|mark| mark.kind.unwrap()).collect();
    assert_eq!(kinds, ["seal", "accept"], "the seal is above the mark that it points to");
    assert!(report.marks.iter().all(|mark| mark.facility.as_deref() == Some(CENTRE)));
    assert_eq!(Manifest::parse_marked(&marked).unwrap(), manifest);

    let text = String::from_utf8(marked).unwrap();
    for (from, to) in [("\"sheets\":2", "\"sheets\":1"), (&*manifest.seal, "АБО010003-9"), ("valued", "letter")] {
        assert!(text.contains(from), "{from} is in {text}");
        let altered = verify(text.replacen(from, to, 1).as_bytes(), Some(&office.devices.marks()));
        assert_eq!(altered.verdict, Verdict::Forged, "{from} is {to} now");
    }
    office.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p31_the_seal_is_accounted_for_like_every_device() {
    let office = office();
    office.print_letters(&["letter"]).await;
    let number = office.leased().await.bundle.unwrap().number;
    let bundle = office.paper.queue().bundle(CENTRE, number).await.unwrap();
    let journal = crate::store::tests::journal_lines(&office.store);
    let strokes = journal
        .iter()
        .filter(|line| line.contains("\"device\":\"astana-print-v\"") && line.contains("\"kind\":\"seal\""));
    let strokes: Vec<_> = strokes.collect();
    let [stroke] = strokes.as_slice() else { panic!("{journal:?}") };
    let number = bundle.head.insurance.unwrap().number.unwrap();
    assert!(stroke.contains(&format!("\"seq\":{number}")), "{stroke}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_of_a_hundred_letters_is_no_large_row() {
    let office = office();
    let id = || ItemId::generate(&crate::clock::World::system());
    let letter = || BatchLetter {
        item: id(),
        s10: "RR123456785KZ".into(),
        class: "registered".into(),
        sha256: [7; 32],
        bytes: 1,
        sheets: 1,
        fence: 1,
    };
    let head = BatchHead {
        centre: CENTRE.into(),
        number: 1,
        id: Some(id()),
        plomb: "АБО010003".into(),
        device: "astana-print-b".into(),
        insurance: None,
        sealed_us: 0,
        marks: vec!["m".repeat(900); 2],
        letters: 100,
    };
    let bundle = PrintBatch { head, letters: (0..100).map(|_| letter()).collect() };
    let mut batch = Batch::new();
    add_print_batch(&mut batch, &bundle).unwrap();
    office.store.commit(batch).await.unwrap();
    assert_eq!(office.paper.queue().bundle(CENTRE, 1).await.unwrap(), bundle);
    let rows = office.store.read(|view| view.range(b"G", b"H", 1000)).await.unwrap();
    let largest = rows.iter().map(|(_, row)| row.len()).max().unwrap();
    assert!(rows.len() > 100 && largest < 2500, "{largest} bytes in a row");
}

#[tokio::test(flavor = "multi_thread")]
async fn p9_only_the_centre_opens_its_bundle_and_only_as_it_was_sealed() {
    let identity = Identity::generate();
    let office = with_key(&identity);
    office.print_letters(&["letter", "registered"]).await;
    let leased = office.leased().await;
    let bundle = leased.bundle.unwrap();
    assert!(bundle.is_sealed);
    let file = office.sealed(bundle.number).await.unwrap();
    let keys = office.devices.marks();

    let dir = tempfile::tempdir().unwrap();
    let out = opened(&file, &identity, &keys, dir.path()).unwrap();
    assert_eq!((out.files.len(), out.manifest.seal.clone()), (3, bundle.seal()));
    for job in &leased.jobs {
        let unpacked = std::fs::read(dir.path().join(format!("{}.pdf", job.item))).unwrap();
        assert_eq!(unpacked, office.pdf(job.document.as_ref().unwrap()).await);
    }
    let again = opened(&file, &identity, &keys, dir.path()).unwrap_err();
    assert!(again.contains("is there already"), "{again}");

    let other = tempfile::tempdir().unwrap();
    let cannot = |file: &[u8], identity: &Identity, keys: &MarksFile, why: &str| {
        let said = opened(file, identity, keys, other.path()).unwrap_err();
        assert!(said.contains(why), "{said}");
        assert!(is_empty(other.path()), "nothing is left behind");
    };
    cannot(&file, &Identity::generate(), &keys, "not for this key");
    for at in [file.len() / 2, file.len() - 1] {
        let mut altered = file.clone();
        altered[at] ^= 1;
        cannot(&altered, &identity, &keys, "altered");
    }
    cannot(&file[..file.len() - 20], &identity, &keys, "altered");
    let strangers = crate::hybrid::tests::office().devices.marks();
    cannot(&file, &identity, &strangers, "the seal does not hold");

    let audit = office.store.read(|view| view.audit_entries(10)).await.unwrap();
    let fetched: Vec<_> = audit.iter().filter(|entry| entry.action == "bundle.fetched").collect();
    let [entry] = fetched.as_slice() else { panic!("{audit:?}") };
    assert_eq!((entry.actor.as_str(), entry.object.clone()), ("astana-print-1", bundle.seal()));
    assert!(entry.details.as_ref().unwrap().contains(&identity.recipient().to_string()), "who can open it");
}

/// The public key is no secret: anybody can encrypt for the centre, and only the holder of the seal can seal.
#[tokio::test(flavor = "multi_thread")]
async fn p9_what_others_encrypt_for_the_centre_is_not_sealed() {
    let identity = Identity::generate();
    let office = with_key(&identity);
    office.print_letters(&["letter"]).await;
    let number = office.leased().await.bundle.unwrap().number;
    let file = office.sealed(number).await.unwrap();
    let mut archive = Vec::new();
    Reader::open(file.as_slice(), &identity).unwrap().read_to_end(&mut archive).unwrap();
    let stored = office.paper.queue().bundle(CENTRE, number).await.unwrap();
    let (manifest, marks) = (Manifest::of(&stored), &stored.head.marks);
    let sealed = |archive: &[u8]| {
        let (mut writer, mut file) = Writer::new(&[identity.recipient()]).unwrap();
        file.extend(writer.update(archive));
        file.extend(writer.finish());
        file
    };
    let dir = tempfile::tempdir().unwrap();
    let cannot = |archive: &[u8], why: &str| {
        let said = opened(&sealed(archive), &identity, &office.devices.marks(), dir.path()).unwrap_err();
        assert!(said.contains(why), "{said}");
        assert!(is_empty(dir.path()));
    };
    assert!(opened(&sealed(&archive), &identity, &office.devices.marks(), &dir.path().join("good")).is_ok());
    std::fs::remove_dir_all(dir.path().join("good")).unwrap();

    // A byte of the document, which begins behind the manifest and a header.
    let document = archive.windows(5).position(|bytes| bytes == b"%PDF-").unwrap();
    let mut altered = archive.clone();
    altered[document + 100] ^= 1;
    cannot(&altered, "SHA-256");
    cannot(&archive[..document - 512], "failed to fill");
    let entry = |name: &str, bytes: &[u8]| {
        let header = bundles::tar::header(name, bytes.len() as u64, 0).unwrap();
        [header.as_slice(), bytes, &bundles::tar::padding(bytes.len() as u64)].concat()
    };
    let without_end = &archive[..archive.len() - bundles::tar::END.len()];
    let more = [without_end, &entry("more.pdf", b"x"), &bundles::tar::END].concat();
    cannot(&more, "does not name");
    let unsealed = manifest.marked(&marks[1..]);
    cannot(&entry("manifest.eml", &unsealed), "marked and not sealed");
    cannot(&entry("manifest.eml", &manifest.marked(&[])), "the seal does not hold");
    cannot(&entry("other.eml", b"x"), "not the first file");
    assert!(bundles::tar::header("../x", 1, 0).is_none() && bundles::tar::header("a/b", 1, 0).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn p9_a_bundle_that_is_not_all_in_hand_is_not_given_out() {
    let identity = Identity::generate();
    let office = with_key(&identity);
    office.print_letters(&["letter", "letter"]).await;
    let leased = office.leased().await;
    let number = leased.bundle.unwrap().number;
    let queue = office.paper.queue();
    let job = &leased.jobs[0];
    let failed = crate::hybrid::queue::CentreEvent::Failed { reason: "x".into() };
    queue.report(CENTRE, job.item, job.fence, failed).await.unwrap();
    assert!(matches!(office.sealed(number).await, Err(QueueError::Gone)));
    assert!(matches!(office.sealed(99).await, Err(QueueError::NotFound)));

    let without = crate::hybrid::tests::office();
    without.print_letters(&["letter"]).await;
    let number = without.leased().await.bundle.unwrap().number;
    let refused = without.sealed(number).await.unwrap_err().to_string();
    assert!(refused.contains("hybrid.bundle_keys"), "{refused}");
}
