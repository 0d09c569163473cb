use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::clock::World;

struct Fixture {
    audit: Audit,
    store: Store,
    dir: tempfile::TempDir,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &store::Settings { watermark_bytes: 0, ..Default::default() }).unwrap();
    let audit = over(&store, dir.path());
    Fixture { audit, store, dir }
}

fn over(store: &Store, dir: &std::path::Path) -> Audit {
    Audit::new(Parts {
        settings: Settings::default(),
        origin: "poshta.example/audit".into(),
        dir: dir.to_owned(),
        store: store.clone(),
        world: World::system(),
    })
}

fn add(store: &Store, object: &str) {
    let mut batch = Batch::new();
    let entry = AuditEntry {
        at_us: Timestamp::now().as_microsecond(),
        actor: "command line".into(),
        action: "account.show".into(),
        object: object.into(),
        details: None,
    };
    add_audit(&mut batch, &entry).unwrap();
    store.commit_blocking(batch).unwrap();
}

fn kept(signed: &SignedHead) -> Kept {
    Kept { note: signed.note.clone(), key: None }
}

fn told(verdict: &Verdict) -> String {
    verdict.walked.problems.join("\n")
}

#[test]
fn m20_a_head_is_signed_once_for_what_it_covers() {
    let Fixture { audit, store, dir } = &fixture();
    add(store, "account 1");
    let first = audit.seal().unwrap();
    assert_eq!(first.head.number, 2, "the key is an entry too");
    assert_eq!(audit.seal().unwrap(), first);
    assert_eq!(over(store, dir.path()).seal().unwrap(), first, "the same key after a restart");
    add(store, "account 2");
    let second = audit.seal().unwrap();
    assert_eq!(second.head.number, 3);
    let verdict = audit.verify(&[kept(&first), kept(&second)]).unwrap();
    assert!(verdict.is_sound(), "{}", told(&verdict));
    assert_eq!((verdict.number, verdict.walked.entries, verdict.signed_heads), (3, 3, 3));
    let mode = fs::metadata(dir.path().join(KEY_FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "the key is for its owner only");
}

#[test]
fn m20_a_tail_that_was_cut_off_is_missed_up_to_the_last_signed_head() {
    let Fixture { audit, store, dir } = &fixture();
    add(store, "account 1");
    audit.seal().unwrap();
    // A copy of the directory from before stands for an audit that lost its tail without a trace.
    let before = tempfile::tempdir().unwrap();
    store.backup(before.path(), Timestamp::now(), &mut |_| std::ops::ControlFlow::Continue(())).unwrap();
    add(store, "account 2");
    let signed = audit.seal().unwrap();
    assert!(audit.verify(&[kept(&signed)]).unwrap().is_sound());

    let again = tempfile::tempdir().unwrap();
    let settings = store::Settings { watermark_bytes: 0, ..Default::default() };
    let progress: store::Progress<'_> = &mut |_| std::ops::ControlFlow::Continue(());
    store::restore::restore(before.path(), again.path(), &settings, Timestamp::now(), progress).unwrap();
    let store = Store::open(again.path(), &settings).unwrap();
    fs::create_dir_all(again.path().join("audit")).unwrap();
    fs::copy(dir.path().join(KEY_FILE), again.path().join(KEY_FILE)).unwrap();
    let audit = over(&store, again.path());
    assert!(audit.verify(&[]).unwrap().is_sound(), "by itself it is a whole audit");
    let newest = store.read_blocking(|view| view.audit_entries(1)).unwrap().remove(0);
    assert_eq!(newest.action, "store.restore", "that it was restored is an entry");
    let verdict = audit.verify(&[kept(&signed)]).unwrap();
    assert!(told(&verdict).contains("up to entry 3 the audit is not what was signed"), "{}", told(&verdict));
    let longer = SignedHead {
        note: {
            let head = Head { number: 99, hash: [7; 32] };
            let signer = key_file::read(&dir.path().join(KEY_FILE)).unwrap().unwrap();
            HeadNote { origin: "poshta.example/audit".into(), head, at: Timestamp::now() }.sign(&signer)
        },
        ..signed
    };
    let verdict = audit.verify(&[kept(&longer)]).unwrap();
    assert!(told(&verdict).contains("entry 99 was there"), "{}", told(&verdict));
}

#[test]
fn m20_a_head_of_somebody_else_or_a_changed_one_proves_nothing() {
    let Fixture { audit, store, .. } = &fixture();
    add(store, "account 1");
    let signed = audit.seal().unwrap();
    let stranger = Signer::new("poshta.example/audit", [9; 32]).unwrap();
    let note = HeadNote { origin: "poshta.example/audit".into(), head: signed.head, at: Timestamp::now() };
    let forged = Kept { note: note.sign(&stranger), key: None };
    let verdict = audit.verify(std::slice::from_ref(&forged)).unwrap();
    assert!(told(&verdict).contains("is not signed with a key of this audit"), "{}", told(&verdict));
    let pinned = Kept { key: Some(stranger.verifier().clone()), ..kept(&signed) };
    assert!(!audit.verify(&[pinned]).unwrap().is_sound());
    let torn = Kept { note: signed.note.replacen("\n2\n", "\n1\n", 1), key: None };
    assert!(!audit.verify(&[torn]).unwrap().is_sound());

    let mut batch = Batch::new();
    let changed = SignedHead { note: signed.note.replacen("\n2\n", "\n1\n", 1), ..signed };
    keep_signed_head(&mut batch, "2020-01-01", &changed).unwrap();
    store.commit_blocking(batch).unwrap();
    let verdict = audit.verify(&[]).unwrap();
    assert!(told(&verdict).contains("the signed head at entry 2 was changed"), "{}", told(&verdict));
}

#[tokio::test]
async fn m20_p32_who_reads_the_audit_is_in_it() {
    let Fixture { audit, store, .. } = &fixture();
    let (writing, object) = (store.clone(), "account 1");
    tokio::task::spawn_blocking(move || add(&writing, object)).await.unwrap();
    let query = AuditQuery { action: Some("account".into()), ..AuditQuery::default() };
    let page = audit.read("controller-1", query, 10).await.unwrap();
    assert_eq!(page.entries.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1]);
    let page = audit.read("controller-2", AuditQuery::default(), 10).await.unwrap();
    let read: Vec<_> = page.entries.iter().map(|(_, entry)| (&entry.actor[..], entry.details.as_deref())).collect();
    assert_eq!(read[..2], [("controller-2", None), ("controller-1", Some("action=account"))]);
}
