//! The journal of a real store becomes a log, whatever happens to either.

use std::fs;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex as Held;

use super::*;
use crate::clock::{Clock, SystemEntropy, Timestamp};
use crate::store::Batch;
use crate::store::restore::restore;
use crate::tlog::folder::is_cover;
use crate::tlog::note::Signer;

const ORIGIN: &str = "poshta.example/log";

#[derive(Debug)]
struct Hand(Held<Timestamp>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock()
    }
}

struct Office {
    dir: PathBuf,
    clock: Arc<Hand>,
    store: Store,
    publisher: Publisher,
}

fn settings() -> store::Settings {
    store::tests::as_chosen(store::Settings { watermark_bytes: 0, ..store::Settings::default() })
}

/// An office whose log has impressions only.
fn office(dir: &Path) -> Office {
    office_with(dir, uncovered())
}

/// The sizes of moments in which little was stamped.
const QUIET: [usize; 8] = [16, 32, 64, 128, 256, 512, 1024, 2048];

fn uncovered() -> Settings {
    Settings { round_leaves_to: 1, ..Settings::default() }
}

fn office_with(dir: &Path, settings_of_log: Settings) -> Office {
    let store = Store::open(dir, &settings()).unwrap();
    let clock = Arc::new(Hand(Held::new("2026-11-22T04:00:00Z".parse().unwrap())));
    let publisher = Publisher::new(Parts {
        settings: settings_of_log,
        origin: ORIGIN.into(),
        dir: dir.to_owned(),
        store: store.clone(),
        world: World { clock: clock.clone(), entropy: Arc::new(SystemEntropy) },
    });
    Office { dir: dir.to_owned(), clock, store, publisher }
}

/// The impression `number` and its mark.
fn leaf(number: u8) -> (ImpressionId, Entry) {
    (ImpressionId(u128::from(number) << 80 | 7), Entry([number; 32]))
}

impl Office {
    fn journal(&self, numbers: impl IntoIterator<Item = u8>) {
        let mut batch = Batch::new();
        for number in numbers {
            let (id, entry) = leaf(number);
            let mark = STANDARD.encode(entry.0);
            batch.journal(&format!(r#"{{"device":"d","mark":"{mark}","impression":"{id}"}}"#));
        }
        self.store.commit_blocking(batch).unwrap();
    }

    fn publish(&self) -> Result<u64> {
        self.publisher.publish(|| true)?;
        Ok(self.publisher.view().unwrap().size())
    }

    /// Every one of these, and nothing else, is in the log.
    fn require(&self, numbers: &[u8]) {
        let view = self.publisher.view().unwrap();
        view.check(|_, _| ()).unwrap();
        assert_eq!(view.size() as usize, numbers.len());
        for number in numbers {
            let (id, entry) = leaf(*number);
            let proof = self.publisher.prove(id).unwrap().unwrap();
            proof.verify(&entry, view.verifier()).unwrap();
        }
    }
}

#[test]
fn p31_every_impression_of_the_journal_is_in_the_log_once() {
    let dir = tempfile::tempdir().unwrap();
    let office = office(dir.path());
    assert_eq!(office.publish().unwrap(), 0);
    office.journal([1, 2]);
    office.journal([3]);
    assert_eq!(office.publish().unwrap(), 3);
    assert_eq!(office.publish().unwrap(), 3);
    office.journal([4]);
    drop((office.store, office.publisher));

    let office = self::office(dir.path());
    assert_eq!(office.publisher.view().unwrap().size(), 3, "what was published is there before anything is new");
    assert_eq!(office.publish().unwrap(), 4);
    office.require(&[1, 2, 3, 4]);
    assert_eq!(office.publisher.prove(leaf(5).0).unwrap(), None);
    let checked = office.publisher.check().unwrap();
    assert_eq!(checked, Checked { leaves: 4, in_journal: 4, ..Checked::default() });
}

#[test]
fn lines_without_a_mark_are_no_leaves_and_move_the_reading_on() {
    let dir = tempfile::tempdir().unwrap();
    let office = office(dir.path());
    for line in [r#"{"device":"d","opened":1}"#, r#"{"device":"d","void":[4,5]}"#] {
        let mut batch = Batch::new();
        batch.journal(line);
        office.store.commit_blocking(batch).unwrap();
    }
    assert_eq!(office.publish().unwrap(), 0);
    let held = office.publisher.inner.log.lock();
    let place = held.as_ref().unwrap().place;
    assert!(place.bytes > 0 && office.store.read_blocking(|view| view.is_in_journal(place)).unwrap());
    let beyond = Place { bytes: place.bytes + 1, ..place };
    assert!(!office.store.read_blocking(|view| view.is_in_journal(beyond)).unwrap());
}

#[test]
fn a_checkpoint_takes_as_much_as_is_configured() {
    let dir = tempfile::tempdir().unwrap();
    let office = office_with(dir.path(), Settings { max_leaves_at_once: 2, ..uncovered() });
    office.journal(1..=5);
    let rounds = Held::new(0);
    let one_round = || {
        *rounds.lock() += 1;
        *rounds.lock() == 1
    };
    office.publisher.publish(one_round).unwrap();
    assert_eq!(office.publisher.view().unwrap().size(), 2);
    assert_eq!(office.publish().unwrap(), 5);
    office.require(&[1, 2, 3, 4, 5]);
}

/// FACTS E: a letter with blind copies looks like one without, to its recipients and to everybody.
#[test]
fn the_log_does_not_tell_how_many_copies_a_letter_has() {
    for impressions in [3, 5, 100] {
        let dir = tempfile::tempdir().unwrap();
        let office = office_with(dir.path(), Settings::default());
        office.journal(1..=impressions);
        let leaves = office.publish().unwrap();
        assert!(QUIET.contains(&(leaves as usize)), "{leaves}");
        assert_eq!(office.publish().unwrap(), leaves, "what is not new needs no cover");
        let view = office.publisher.view().unwrap();
        let mut covers = Vec::new();
        view.check(|_, leaf| covers.extend(is_cover(leaf.id).then_some(*leaf))).unwrap();
        let cover = leaves - u64::from(impressions);
        assert_eq!(covers.len() as u64, cover);
        let distinct: std::collections::HashSet<Entry> = covers.iter().map(|leaf| leaf.entry).collect();
        assert_eq!(distinct.len(), covers.len(), "no cover leaf shows that it is one");
        for leaf in covers {
            assert_eq!(office.publisher.prove(leaf.id).unwrap(), None, "nobody can ask which they are");
        }
        let (id, entry) = leaf(impressions);
        office.publisher.prove(id).unwrap().unwrap().verify(&entry, view.verifier()).unwrap();
        let checked = office.publisher.check().unwrap();
        assert_eq!(checked, Checked { leaves, in_journal: u64::from(impressions), cover, ..Checked::default() });
    }
}

/// A letter to a thousand mailboxes, the most that one may have, has 2,001 marks.
#[test]
fn each_size_that_a_letter_gives_a_moment_is_also_one_of_a_single_copy() {
    let world = World { clock: Arc::new(Hand(Held::new(Timestamp::UNIX_EPOCH))), entropy: Arc::new(SystemEntropy) };
    // The rarest, one in 2,200, would be missing in one of 10^11 runs of this test.
    let sizes: std::collections::HashSet<usize> = (0..60_000).map(|_| cover::blurred(16, 16, &world)).collect();
    assert_eq!(sizes, QUIET.into());
    for marks in [3, 16, 17, 33, 127, 129, 700, 2_001] {
        let covered = cover::covered((1..=marks).map(numbered).collect(), 16, &world);
        assert!(QUIET.contains(&covered.len()), "{marks} marks, {} leaves", covered.len());
    }
}

fn numbered(number: u16) -> (ImpressionId, Entry) {
    let mut entry = [0; 32];
    entry[..2].copy_from_slice(&number.to_be_bytes());
    (ImpressionId(number.into()), Entry(entry))
}

#[test]
fn where_a_mark_stands_among_the_leaves_of_its_checkpoint_is_chance() {
    let world = World { clock: Arc::new(Hand(Held::new(Timestamp::UNIX_EPOCH))), entropy: Arc::new(SystemEntropy) };
    // A place that is not taken in 1,300 checkpoints would be taken by chance in one of 10^35 runs of this test.
    let mut seen = std::collections::HashSet::new();
    for _ in 0..2_000 {
        let leaves = cover::covered(vec![leaf(1), leaf(2), leaf(3)], 16, &world);
        let place = |number| leaves.iter().position(|other| *other == leaf(number)).unwrap();
        if leaves.len() == 16 {
            seen.extend([(1, place(1)), (2, place(2)), (3, place(3))]);
        }
    }
    assert_eq!(seen.len(), 3 * 16);
}

/// What is published late, of a whole night for example, does not tell more, and is found as soon.
#[test]
fn each_moment_of_a_checkpoint_is_covered_and_keeps_its_place() {
    let world = World { clock: Arc::new(Hand(Held::new(Timestamp::UNIX_EPOCH))), entropy: Arc::new(SystemEntropy) };
    let at = |second: u128, number: u8| (ImpressionId((second * 1000) << 80 | u128::from(number)), Entry([number; 32]));
    let (early, late) = ([at(10, 1), at(10, 2), at(10, 3)], [at(60, 4), at(60, 5), at(60, 6), at(60, 7), at(60, 8)]);
    // One of the first was committed after some of the second.
    let leaves = [&early[..2], &late[..3], &early[2..], &late[3..]].concat();
    let covered = cover::covered(leaves, 16, &world);
    assert!(covered.len() >= 32 && covered.len().is_multiple_of(16), "{}", covered.len());
    let moment = |leaf: &(ImpressionId, Entry)| crate::tlog::folder::milliseconds(leaf.0) / 2_000;
    let first: Vec<_> = covered.iter().take_while(|leaf| moment(leaf) == 5).collect();
    assert!(QUIET.contains(&first.len()) && early.iter().all(|leaf| first.contains(&leaf)), "{}", first.len());
    assert!(late.iter().all(|leaf| covered.contains(leaf)));
}

/// A letter that took long, a clock that was set back, or what a rebuild found.
#[test]
fn what_comes_after_newer_impressions_is_covered_and_the_log_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let office = office_with(dir.path(), Settings::default());
    let at = |second: u128| ImpressionId((second * 1000) << 80 | 7);
    let mut leaves = 0;
    for second in [60, 10, 61] {
        let (id, mark) = (at(second), STANDARD.encode([second as u8; 32]));
        let mut batch = Batch::new();
        batch.journal(&format!(r#"{{"device":"d","mark":"{mark}","impression":"{id}"}}"#));
        office.store.commit_blocking(batch).unwrap();
        leaves = office.publish().unwrap();
    }
    let expected = Checked { leaves, in_journal: 3, cover: leaves - 3, ..Checked::default() };
    assert_eq!(office.publisher.check().unwrap(), expected);
    assert!([60, 10, 61].into_iter().all(|second| office.publisher.prove(at(second)).unwrap().is_some()));
}

#[test]
fn large_checkpoints_have_few_cover_leaves() {
    let world = World { clock: Arc::new(Hand(Held::new(Timestamp::UNIX_EPOCH))), entropy: Arc::new(SystemEntropy) };
    let size = |count: u16| cover::covered((1..=count).map(numbered).collect(), 2, &world).len();
    assert_eq!([0, 257, 300, 500, 2000].map(size), [0, 288, 320, 512, 2048]);
}

#[test]
fn what_a_rebuild_finds_is_added_behind_what_is_published() {
    let dir = tempfile::tempdir().unwrap();
    let office = office(dir.path());
    let mut letter = Batch::new();
    let record = letter.record(b"without a letter nothing is rebuilt".to_vec());
    letter.put(b"zletter".to_vec(), crate::store::Template::default().hole(crate::store::Hole::Record(record)));
    office.store.commit_blocking(letter).unwrap();
    office.journal([1, 9]);
    office.publish().unwrap();
    drop((office.store, office.publisher));
    // Nobody was told of these; now they count.
    let file = dir.path().join("journal/00000001.journal");
    let lines = fs::read_to_string(&file).unwrap();
    let (first, last) = lines.split_once('\n').unwrap();
    let (id, entry) = leaf(5);
    let json = format!(r#"{{"device":"d","mark":"{}","impression":"{id}"}}"#, STANDARD.encode(entry.0));
    let check: String = blake3::hash(json.as_bytes()).to_hex().chars().take(16).collect();
    fs::write(&file, format!("{first}\n{check} {json}\n{last}")).unwrap();
    fs::remove_dir_all(dir.path().join("rows")).unwrap();
    let request = crate::store::rebuild::Rebuild {
        dir: dir.path(),
        backup: None,
        settings: &settings(),
        caps: &crate::message::Caps::default(),
        now: Timestamp::UNIX_EPOCH,
    };
    let rebuilt = crate::store::rebuild::rebuild(&request, &mut |_| ControlFlow::Continue(()));
    rebuilt.unwrap();

    let office = self::office(dir.path());
    assert_eq!(office.publish().unwrap(), 3);
    office.require(&[1, 5, 9]);
    assert_eq!(office.publisher.view().unwrap().find(id).unwrap(), Some(2));
    office.journal([10]);
    assert_eq!(office.publish().unwrap(), 4);
}

#[test]
fn a_log_that_survived_keeps_the_marks_of_letters_that_are_lost() {
    let (dir, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let office = office(dir.path());
    office.journal([1, 2]);
    office.publish().unwrap();
    office.store.backup(backup.path(), Timestamp::UNIX_EPOCH, &mut |_| ControlFlow::Continue(())).unwrap();
    office.journal([3, 4]);
    office.publish().unwrap();
    let before = office.publisher.view().unwrap();
    drop((office.store, office.publisher));
    for part in ["rows", "packs", "journal", "keys"] {
        let _ = fs::remove_dir_all(dir.path().join(part));
    }
    let go_on = &mut |_| ControlFlow::Continue(());
    restore(backup.path(), dir.path(), &settings(), Timestamp::UNIX_EPOCH, go_on).unwrap();

    let office = self::office(dir.path());
    assert_eq!(office.publish().unwrap(), 4);
    assert_eq!(office.publisher.view().unwrap().checkpoint(), before.checkpoint());
    office.journal([5]);
    office.publish().unwrap();
    office.require(&[1, 2, 3, 4, 5]);
    let checked = office.publisher.check().unwrap();
    assert_eq!(checked, Checked { leaves: 5, in_journal: 3, lost_letters: 2, ..Checked::default() });
}

#[test]
fn a_restored_log_publishes_nothing_before_it_is_told_how_far_it_had_come() {
    let (dir, backup, fresh) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let office = office(dir.path());
    office.journal([1, 2]);
    office.publish().unwrap();
    let seen = office.publisher.view().unwrap().note().to_owned();
    office.store.backup(backup.path(), Timestamp::UNIX_EPOCH, &mut |_| ControlFlow::Continue(())).unwrap();
    office.journal([3]);
    office.publish().unwrap();
    let last = office.publisher.view().unwrap().note().to_owned();
    let go_on = &mut |_| ControlFlow::Continue(());
    restore(backup.path(), fresh.path(), &settings(), Timestamp::UNIX_EPOCH, go_on).unwrap();

    let restored = self::office(fresh.path());
    restored.journal([4]);
    let error = restored.publish().unwrap_err();
    assert!(matches!(error, Error::Paused(_)) && error.to_string().contains("poshta log resume"), "{error}");
    assert_eq!(restored.publisher.view().unwrap().note(), seen, "what was published is still shown");
    assert!(restored.publisher.shown().unwrap().paused.is_some());

    let longer = restored.publisher.resume(Some(&last)).unwrap_err().to_string();
    assert!(longer.contains("3 leaves") && longer.contains("tlog.origin"), "{longer}");
    let other = Signer::new(ORIGIN, [1; 32]).unwrap().sign("poshta.example/log\n1\nAAAA\n");
    assert!(restored.publisher.resume(Some(&other)).is_err());
    assert!(restored.publish().is_err());
    assert_eq!(restored.publisher.resume(Some(&seen)).unwrap().paused, None);
    assert_eq!(restored.publish().unwrap(), 3);
    restored.require(&[1, 2, 4]);
}

#[test]
fn a_journal_that_contradicts_the_log_is_told_and_nothing_is_published() {
    let dir = tempfile::tempdir().unwrap();
    let office = office(dir.path());
    office.journal([1]);
    office.publish().unwrap();
    let (id, _) = leaf(1);
    let mut batch = Batch::new();
    batch.journal(&format!(r#"{{"mark":"{}","impression":"{id}"}}"#, STANDARD.encode([9; 32])));
    office.store.commit_blocking(batch).unwrap();
    let checked = office.publisher.check().unwrap();
    assert_eq!((checked.in_journal, checked.problems.len()), (1, 1), "{checked:?}");
    *office.publisher.inner.log.lock() = None;
    folder::forget_place(&office.dir.join(DIR)).unwrap();
    assert!(matches!(office.publish(), Err(Error::Contradiction(found)) if found == id));
    assert_eq!(office.publisher.view().unwrap().size(), 1);
}

#[test]
fn a_damaged_log_is_told_and_letters_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let office = office(dir.path());
    office.journal([1]);
    office.publish().unwrap();
    drop((office.store, office.publisher));
    fs::write(dir.path().join("log/leaves"), "").unwrap();
    let office = self::office(dir.path());
    assert!(matches!(office.publish(), Err(Error::Log(folder::Error::Damaged { .. }))));
    office.journal([2]);
    assert!(office.publisher.view().is_none());
    assert_eq!(office.publisher.check().unwrap().problems.len(), 1);
}

#[test]
fn a_new_day_gets_a_checkpoint_and_the_day_before_keeps_its_last() {
    let dir = tempfile::tempdir().unwrap();
    let office = office(dir.path());
    office.journal([1]);
    office.publish().unwrap();
    let last = office.publisher.view().unwrap().note().to_owned();
    *office.clock.0.lock() = "2026-11-23T00:00:00Z".parse().unwrap();
    assert_eq!(office.publish().unwrap(), 1);
    let view = office.publisher.view().unwrap();
    assert_eq!(view.daily(jiff::civil::date(2026, 11, 22)).unwrap(), Some(last));
}

#[test]
fn the_log_is_named_after_the_first_domain() {
    let domains = ["poshta.example".to_owned(), "other.example".to_owned()];
    assert_eq!(Settings::default().origin(&domains), "poshta.example/log");
    let named = Settings { origin: "marks.example".into(), ..Settings::default() };
    assert_eq!(named.origin(&domains), "marks.example");
    assert!(named.problems().is_empty());
    let wrong = Settings { origin: "my log".into(), max_leaves_at_once: 0, round_leaves_to: 0, ..Settings::default() };
    let keys: Vec<_> = wrong.problems().iter().map(|(key, ..)| *key).collect();
    assert_eq!(keys, ["origin", "max_leaves_at_once", "round_leaves_to"]);
}
