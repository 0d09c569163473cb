use std::collections::BTreeSet;

use proptest::prelude::*;
use test_case::test_case;

use super::*;

fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

fn block(numbers: impl IntoIterator<Item = u16>) -> Block {
    let mut block = Block::default();
    numbers.into_iter().for_each(|number| assert!(block.insert(number)));
    block
}

fn numbers(block: &Block) -> Vec<u16> {
    block.runs_from(0).flat_map(|run| run.first..=run.last).collect()
}

/// Numbers near each other, far from each other, at the ends, and in long runs.
fn arbitrary_numbers() -> impl Strategy<Value = BTreeSet<u16>> {
    let end = BLOCK_UIDS as u16;
    let scattered = prop::collection::btree_set(0..end, 0..1500);
    let close = prop::collection::btree_set(0..300_u16, 0..200);
    let runs = prop::collection::vec((0..end, 1..4000_u16), 0..20).prop_map(move |runs| {
        runs.into_iter().flat_map(|(first, len)| first..first.saturating_add(len).min(end)).collect()
    });
    let every = (1..5_usize, 0..end, 0..end).prop_map(|(step, from, to)| (from..to).step_by(step).collect());
    prop_oneof![scattered, close, runs, every]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_block_reads_back_and_its_row_is_small(model in arbitrary_numbers()) {
        let block = block(model.iter().copied());
        match block.encode() {
            None => prop_assert!(model.is_empty()),
            Some(row) => {
                let last = usize::from(*model.last().unwrap());
                prop_assert!(row.len() <= 2 + last / 8 && row.len() <= MAX_BLOCK_BYTES, "{} bytes", row.len());
                prop_assert_eq!(Block::decode(&row), Some(block));
            }
        }
    }

    #[test]
    fn a_block_behaves_like_a_set(
        mut model in arbitrary_numbers(),
        changes in prop::collection::vec((any::<bool>(), 0..BLOCK_UIDS as u16), 0..60),
        asked in prop::collection::vec(0..BLOCK_UIDS as u16, 20),
    ) {
        let mut block = block(model.iter().copied());
        for (comes, number) in changes {
            if comes {
                prop_assert_eq!(block.insert(number), model.insert(number));
            } else {
                prop_assert_eq!(block.remove(number), model.remove(&number));
            }
        }
        let all: Vec<_> = model.iter().copied().collect();
        prop_assert_eq!(numbers(&block), all.clone());
        prop_assert_eq!((block.len(), block.first(), block.last()), (all.len(), all.first().copied(), all.last().copied()));
        for number in asked {
            prop_assert_eq!(block.contains(number), model.contains(&number));
            let rank = model.range(..number).count();
            prop_assert_eq!(block.rank(number), rank);
            prop_assert_eq!(block.nth(rank), all.get(rank).copied());
            let rest: Vec<_> = block.runs_from(number).flat_map(|run| run.first..=run.last).collect();
            prop_assert_eq!(rest, model.range(number..).copied().collect::<Vec<_>>());
        }
        // However a set came about, it is the same value.
        let again = all.iter().rev().fold(Block::default(), |mut again, number| { again.insert(*number); again });
        prop_assert_eq!(again, block);
    }

    #[test]
    fn a_damaged_row_is_refused_or_another_set_and_never_a_panic(
        model in arbitrary_numbers(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let Some(mut row) = block(model).encode() else { return Ok(()) };
        for (at, byte) in damage {
            let at = at.index(row.len());
            row[at] = byte;
        }
        row.truncate(cut.index(row.len() + 1));
        if let Some(found) = Block::decode(&row) {
            prop_assert!(!found.is_empty() && found.last().is_some_and(|last| u32::from(last) < BLOCK_UIDS));
        }
    }
}

#[test_case(&[]; "nothing")]
#[test_case(&[1]; "no runs")]
#[test_case(&[2]; "no bitmap")]
#[test_case(&[2, 1, 0]; "bitmap with a zero at its end")]
#[test_case(&[1, 5]; "run without an end")]
#[test_case(&[1, 0, 3, 0, 1]; "runs that touch")]
#[test_case(&[1, 0x80, 0x80, 0x01, 0]; "number that is too long")]
#[test_case(&[1, 0xff, 0x7f, 1]; "run over the end")]
#[test_case(&[3, 1, 1]; "another version")]
fn no_block(row: &[u8]) {
    assert_eq!(Block::decode(row), None);
}

#[test]
fn a_million_letters_without_a_gap_take_a_few_kilobytes() {
    let set: UidSet = (1..=1_000_000).map(uid).collect();
    assert_eq!(set.blocks().count(), 62);
    let rows: usize = set.blocks().map(|(_, block)| block.encode().unwrap().len()).sum();
    assert!(rows <= 62 * 5, "{rows}");
    assert_eq!(set.ranges().collect::<Vec<_>>(), [1..=1_000_000]);
    assert_eq!((set.rank(uid(777_777)), set.nth(777_776)), (777_776, Some(uid(777_777))));
}

#[test]
fn the_largest_uids_do_not_overflow() {
    let mut set: UidSet = [u32::MAX - 1, u32::MAX, 1].map(uid).into_iter().collect();
    assert_eq!(set.ranges().collect::<Vec<_>>(), [1..=1, u32::MAX - 1..=u32::MAX]);
    assert_eq!(set.within([2..=u32::MAX]).len(), 2);
    assert_eq!((set.rank(uid(u32::MAX)), set.nth(2), set.nth(3)), (2, Some(uid(u32::MAX)), None));
    assert!(set.remove(uid(u32::MAX)) && !set.remove(uid(u32::MAX)));
    assert_eq!(set.last(), Some(uid(u32::MAX - 1)));
}

/// UIDs around the borders of the first blocks, and some far away.
fn arbitrary_uid() -> impl Strategy<Value = u32> {
    prop_oneof![
        1..200_u32,
        BLOCK_UIDS - 60..BLOCK_UIDS + 60,
        2 * BLOCK_UIDS - 30..2 * BLOCK_UIDS + 30,
        900_000..900_040_u32
    ]
}

fn arbitrary_set() -> impl Strategy<Value = BTreeSet<u32>> {
    let ranges = prop::collection::vec((arbitrary_uid(), 0..40_u32), 0..12);
    ranges.prop_map(|ranges| ranges.into_iter().flat_map(|(first, more)| first..=first + more).collect())
}

fn of(model: &BTreeSet<u32>) -> UidSet {
    model.iter().copied().map(uid).collect()
}

fn listed(set: &UidSet) -> Vec<u32> {
    set.iter().map(Uid::get).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_set_behaves_like_a_sorted_list(
        mut model in arbitrary_set(),
        changes in prop::collection::vec((any::<bool>(), arbitrary_uid()), 0..60),
        asked in prop::collection::vec(arbitrary_uid(), 20),
    ) {
        let mut set = of(&model);
        for (comes, number) in changes {
            if comes {
                prop_assert_eq!(set.insert(uid(number)), model.insert(number));
            } else {
                prop_assert_eq!(set.remove(uid(number)), model.remove(&number));
            }
        }
        let list: Vec<u32> = model.iter().copied().collect();
        prop_assert_eq!(listed(&set), list.clone());
        prop_assert_eq!((set.len(), set.is_empty()), (list.len(), list.is_empty()));
        prop_assert_eq!(set.first().zip(set.last()), list.first().zip(list.last()).map(|(a, b)| (uid(*a), uid(*b))));
        prop_assert_eq!(&set, &of(&model));
        let gaps = set.ranges().collect::<Vec<_>>().windows(2).all(|two| two[0].end() + 1 < *two[1].start());
        prop_assert!(gaps);
        for number in asked {
            let rank = list.partition_point(|one| *one < number);
            prop_assert_eq!(set.contains(uid(number)), list.get(rank) == Some(&number));
            prop_assert_eq!(set.rank(uid(number)), rank);
            prop_assert_eq!(set.nth(rank).map(Uid::get), list.get(rank).copied());
            let rest: Vec<u32> = set.ranges_from(uid(number)).flatten().collect();
            prop_assert_eq!(&rest[..], &list[rank..]);
        }
    }

    #[test]
    fn sets_are_combined_as_sets_are(one in arbitrary_set(), other in arbitrary_set()) {
        let combined = |change: fn(&mut UidSet, &UidSet)| {
            let mut set = of(&one);
            change(&mut set, &of(&other));
            set
        };
        prop_assert_eq!(combined(UidSet::unite), of(&(&one | &other)));
        prop_assert_eq!(combined(UidSet::intersect), of(&(&one & &other)));
        prop_assert_eq!(combined(UidSet::subtract), of(&(&one - &other)));
        prop_assert_eq!(of(&one).within(of(&other).ranges()), of(&(&one & &other)));
        prop_assert_eq!(of(&one).within([]), UidSet::new());
    }
}
