use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::*;
use crate::store::engine::memory::MemoryDisk;
use crate::store::keys::{self, FolderCounter};
use crate::store::mailboxes::tests::deposited;
use crate::store::mailboxes::{FlagChange, INBOX, add_standard_folders};
use crate::store::quota::Allowance;
use crate::store::{Batch, Hub, Settings};
use crate::uid_set::BLOCK_UIDS;

const ALIYA: AccountId = AccountId(7 << 48 | 1);

fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

fn selected(uids: UidSet) -> Selected {
    Selected {
        account: ALIYA,
        folder: FolderId(1),
        uid_validity: UidValidity(std::num::NonZeroU32::MIN),
        access: Access::ReadWrite,
        keywords: Vec::new().into(),
        saved: UidSet::new(),
        told: uids.len(),
        uids: Arc::new(uids),
        modseq: ModSeq(0),
        expunged: UidSet::new(),
        flagged: UidSet::new(),
        new_keywords: None,
        watcher: Hub::default().watch(Topic::Folder(ALIYA, FolderId(1))),
    }
}

/// The same, as simply as it can be said.
#[derive(Default)]
struct Model {
    uids: Vec<u32>,
    told: usize,
    expunged: BTreeSet<u32>,
    flagged: BTreeSet<u32>,
    saved: BTreeSet<u32>,
}

impl Model {
    fn changed(&mut self, uid: u32) {
        match self.uids.binary_search(&uid) {
            Ok(_) => drop(self.flagged.insert(uid)),
            Err(at) => self.uids.insert(at, uid),
        }
    }

    fn expunged(&mut self, uid: u32) {
        self.flagged.remove(&uid);
        match self.uids.binary_search(&uid) {
            Ok(at) if at >= self.told => drop(self.uids.remove(at)),
            Ok(_) => drop(self.expunged.insert(uid)),
            Err(_) => {}
        }
    }

    /// What the client does with each number: it removes that line of its list.
    fn take_expunged(&mut self, numbers: impl Iterator<Item = u32>) {
        let mut list = self.uids.clone();
        for number in numbers {
            list.remove(number as usize - 1);
        }
        self.told -= self.expunged.len();
        self.uids.retain(|uid| !self.expunged.contains(uid));
        self.saved.retain(|uid| !self.expunged.contains(uid));
        self.expunged.clear();
        assert_eq!(list, self.uids);
    }

    fn places(&self) -> Vec<(u32, u32)> {
        (1..).zip(self.uids.iter().copied()).collect()
    }
}

#[derive(Clone, Debug)]
enum Event {
    /// So many UIDs further on; zero is one that came before others and is heard of late.
    New(u32),
    Flagged(prop::sample::Index),
    Expunged(prop::sample::Index),
    ExpungedHere(prop::sample::Index),
    Save,
    Tell,
    TellAll,
}

fn arbitrary_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..4_u32).prop_map(Event::New),
        1 => (10_000..20_000_u32).prop_map(Event::New),
        2 => any::<prop::sample::Index>().prop_map(Event::Flagged),
        4 => any::<prop::sample::Index>().prop_map(Event::Expunged),
        1 => any::<prop::sample::Index>().prop_map(Event::ExpungedHere),
        1 => Just(Event::Save),
        1 => Just(Event::Tell),
        2 => Just(Event::TellAll),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_session_counts_as_a_list_of_its_uids_does(
        first in 0..400_u32,
        events in prop::collection::vec(arbitrary_event(), 1..120),
    ) {
        let mut session = selected((1..=first).map(uid).collect());
        let mut model = Model { uids: (1..=first).collect(), told: first as usize, ..Model::default() };
        let (own, mut last) = (Own::new(), first);
        for (turn, event) in (1..).map(ModSeq).zip(events) {
            let some = |at: prop::sample::Index| at.index(last as usize + 1).max(1) as u32;
            match event {
                Event::New(0) if last > model.uids.last().copied().unwrap_or(0) => {
                    session.take_in(turn, Change::Changed(uid(last)), &own);
                    model.changed(last);
                }
                Event::New(further) => {
                    last += further.max(1);
                    session.take_in(turn, Change::Changed(uid(last)), &own);
                    model.changed(last);
                }
                Event::Flagged(at) if !model.uids.is_empty() => {
                    let number = model.uids[at.index(model.uids.len())];
                    session.take_in(turn, Change::Changed(uid(number)), &own);
                    model.changed(number);
                }
                Event::Flagged(_) => {}
                Event::Expunged(at) => {
                    session.take_in(turn, Change::Expunged(uid(some(at))), &own);
                    model.expunged(some(at));
                }
                Event::ExpungedHere(at) => {
                    // A session only expunges what its client was told of.
                    let number = some(at);
                    if session.seq_of(uid(number)).is_some_and(|seq| seq as usize <= model.told) {
                        session.expunged_here(&[uid(number)]);
                        model.expunged(number);
                    }
                }
                Event::Save => {
                    session.saved = session.uids().clone();
                    model.saved = model.uids.iter().copied().collect();
                }
                Event::Tell | Event::TellAll => {
                    if matches!(event, Event::TellAll) {
                        model.take_expunged(session.take_expunged());
                        prop_assert_eq!(session.saved.iter().map(Uid::get).collect::<BTreeSet<_>>(), model.saved.clone());
                    }
                    let exists = (model.told != model.uids.len()).then_some(model.uids.len() as u32);
                    model.told = model.uids.len();
                    prop_assert_eq!(session.take_exists(), exists);
                    let flagged = session.take_flagged();
                    let flagged: Vec<u32> = flagged.all(&session).into_iter().map(|place| place.uid.get()).collect();
                    let shown = |uid: &u32| model.uids.contains(uid) && !model.expunged.contains(uid);
                    let expected: Vec<u32> = model.flagged.iter().copied().filter(shown).collect();
                    prop_assert_eq!(flagged, expected);
                    model.flagged.clear();
                }
            }
            prop_assert_eq!(session.has_news(), model.told != model.uids.len() || !model.expunged.is_empty() || !model.flagged.is_empty());
        }
        let places = model.places();
        let all: Vec<_> = session.by_seq(1, u32::MAX).map(|place| (place.seq, place.uid.get())).collect();
        prop_assert_eq!(&all, &places);
        prop_assert_eq!(session.exists() as usize, places.len());
        for (seq, number) in places.iter().step_by(7) {
            prop_assert_eq!(session.seq_of(uid(*number)), Some(*seq));
            let beginning: Vec<_> = session.by_seq(*seq, seq + 2).map(|place| place.seq).collect();
            prop_assert_eq!(beginning, (*seq..=(seq + 2).min(places.len() as u32)).collect::<Vec<_>>());
            let seqs = session.seqs_of([*number..=number + 500].into_iter());
            let expected = places.iter().filter(|(_, other)| (*number..=number + 500).contains(other));
            prop_assert_eq!(seqs, expected.map(|(seq, _)| *seq).collect::<NumberSet>());
        }
        prop_assert_eq!(session.seq_of(uid(last + 1)), None);
    }

    #[test]
    fn pages_of_what_was_chosen_join_without_a_gap(
        uids in prop::collection::btree_set(1..3_000_u32, 0..400),
        numbers in prop::collection::btree_set(1..600_u32, 0..300),
        page in 1..50_usize,
    ) {
        let session = selected(uids.iter().copied().map(uid).collect());
        let numbers: NumberSet = numbers.into_iter().collect();
        let mut chosen = Chosen::of(&numbers, &session);
        let expected: Vec<_> = session.by_seq(1, u32::MAX).filter(|place| numbers.contains(place.seq)).collect();
        prop_assert_eq!(chosen.len(), expected.len());
        let mut taken = Vec::new();
        while let places @ [_, ..] = &chosen.next_page(&session, page)[..] {
            prop_assert!(places.len() == page || taken.len() + places.len() == expected.len());
            taken.extend_from_slice(places);
        }
        prop_assert_eq!(taken, expected);
    }
}

async fn deliver(store: &Store, folder: FolderId) -> Uid {
    let body = store.stage().finish().unwrap();
    store.append(deposited(ALIYA, folder), body, Vec::new(), &Allowance::default()).await.unwrap().1
}

/// What is in the folder as its rows tell, and its sets as they stand at the same moment.
fn compare_with_rows(view: &View<'_>, folder: FolderId) -> store::Result<usize> {
    let rows = view.messages(ALIYA, folder, uid(1), usize::MAX)?;
    let those =
        |keep: fn(Flags) -> bool| -> UidSet { rows.iter().filter(|row| keep(row.flags)).map(|row| row.uid).collect() };
    assert_eq!(*view.uids(ALIYA, folder)?, those(|_| true));
    assert_eq!(view.uid_set(ALIYA, folder, FolderSet::Unseen)?, those(|flags| !flags.contains(Flags::SEEN)));
    assert_eq!(view.uid_set(ALIYA, folder, FolderSet::Deleted)?, those(|flags| flags.contains(Flags::DELETED)));
    assert_eq!(
        view.first_in_set(ALIYA, folder, FolderSet::Deleted)?,
        those(|flags| flags.contains(Flags::DELETED)).first()
    );
    assert_eq!(view.folder_state(ALIYA, folder)?.messages as usize, rows.len());
    Ok(rows.len())
}

/// Takes in and tells until nothing is left.
async fn catch_up(session: &mut Selected, store: &Store) {
    assert_eq!(session.refresh(store, &Own::new()).await.unwrap(), Standing::Present);
    let mut list: Vec<u32> = session.by_seq(1, session.told as u32).map(|place| place.uid.get()).collect();
    for number in session.take_expunged() {
        list.remove(number as usize - 1);
    }
    let exists = session.take_exists().unwrap_or(session.exists()) as usize;
    let shown: Vec<u32> = session.by_seq(1, u32::MAX).map(|place| place.uid.get()).collect();
    assert_eq!((shown.len(), &shown[..list.len()]), (exists, &list[..]), "what the client was told of stays in place");
    session.take_flagged();
}

/// Deliveries, flags and expunges go on while sessions open the folder: each session begins with exactly what was
/// there at one moment, and the changes since then lead it to what is there in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_session_that_opens_while_others_change_the_folder_misses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { watermark_bytes: 0, ..Settings::default() };
    let store = Store::open_with_engine(dir.path(), &settings, Box::new(MemoryDisk::default())).unwrap();
    let mut batch = Batch::new();
    add_standard_folders(&mut batch, ALIYA).unwrap();
    store.commit(batch).await.unwrap();
    let inbox = store.read(|view| view.folder_named(ALIYA, INBOX)).await.unwrap().unwrap();
    let (folder, done) = (inbox.id, std::sync::Arc::new(AtomicBool::new(false)));

    let delivering = {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0..120 {
                if number % 12 == 0 {
                    // In a folder of many blocks the store keeps the UIDs.
                    let mut batch = Batch::new();
                    let uids = keys::folder_counter(ALIYA, folder, FolderCounter::Uids);
                    batch.add(uids, i64::from(BLOCK_UIDS));
                    store.commit(batch).await.unwrap();
                }
                deliver(&store, folder).await;
            }
        })
    };
    let changing = {
        let (store, done) = (store.clone(), std::sync::Arc::clone(&done));
        tokio::spawn(async move {
            let mut turn = 0_u32;
            while !done.load(Ordering::Relaxed) {
                turn += 1;
                let uids: Vec<Uid> = store.read(move |view| view.uids(ALIYA, folder)).await.unwrap().iter().collect();
                let some = |by: u32, flags| {
                    let uids = uids.iter().copied().filter(|uid| (uid.get() + turn).is_multiple_of(by)).collect();
                    store.store_flags(ALIYA, folder, uids, FlagChange::Add(flags, Vec::new()), None)
                };
                some(3, Flags::SEEN).await.unwrap();
                some(11, Flags::DELETED).await.unwrap();
                if turn.is_multiple_of(2) {
                    store.expunge(ALIYA, folder, None).await.unwrap();
                }
            }
        })
    };
    let mut sessions = Vec::new();
    while !delivering.is_finished() {
        let (mut session, opening) = Selected::open(&store, ALIYA, inbox.clone(), Access::ReadWrite).await.unwrap();
        assert!(session.uids.last().is_none_or(|last| last.get() < opening.uid_next));
        assert!(opening.first_unseen.is_none_or(|first| first <= session.exists()));
        store.read(move |view| compare_with_rows(view, folder)).await.unwrap();
        catch_up(&mut session, &store).await;
        sessions.push(session);
        if sessions.len() > 20 {
            let longest = sessions.len() / 2;
            catch_up(&mut sessions[longest], &store).await;
            sessions.swap_remove(longest);
        }
    }
    done.store(true, Ordering::Relaxed);
    delivering.await.unwrap();
    changing.await.unwrap();

    let (standing, uids) =
        store.read(move |view| Ok((compare_with_rows(view, folder)?, view.uids(ALIYA, folder)?))).await.unwrap();
    for mut session in sessions {
        catch_up(&mut session, &store).await;
        assert_eq!((session.exists() as usize, &session.uids), (standing, &uids));
    }
    let verdict = store.check().unwrap();
    assert!(verdict.is_sound(), "{:#?}", verdict.problems);
}
