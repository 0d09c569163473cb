use std::io::Write;

use proptest::prelude::*;
use test_case::test_case;

use super::coding::Encoded;
use super::*;

fn planned(span: &mut Span, bytes: Vec<u8>) -> Planned {
    span.plan(Content::Encoded(Encoded::new(Kind::Bytes, &bytes, Compression::Off, None).unwrap())).unwrap()
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index * 31 + index / 251) as u8).collect()
}

fn written(dir: &Path, lens: &[usize]) -> (Arc<Packs>, PackWriter, Vec<RecordRef>) {
    let packs = Arc::new(Packs::open(dir.into()).unwrap());
    let mut writer = PackWriter::new(Arc::clone(&packs), 1 << 30, Compression::Off);
    let mut span = writer.span().unwrap();
    let records: Vec<_> = lens.iter().map(|len| planned(&mut span, pattern(*len))).collect();
    writer.write(&records).unwrap();
    (packs, writer, records.iter().map(|record| record.place).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_range_of_any_record_reads_back(
        lens in prop::collection::vec(0_usize..200_000, 1..4),
        offset in 0_usize..220_000,
        len in 0_usize..150_000,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (packs, _, places) = written(dir.path(), &lens);
        for (place, total) in places.iter().zip(&lens) {
            let expected = pattern(*total);
            let from = offset.min(*total);
            let until = (offset + len).min(*total).max(from);
            prop_assert_eq!(&packs.read(*place, offset as u64..(offset + len) as u64, None).unwrap()[..], &expected[from..until]);
            prop_assert_eq!(&packs.read_whole(*place, None).unwrap()[..], &expected[..]);
        }
    }

    #[test]
    fn places_survive_as_sixteen_bytes(pack: u32, offset: u32, len: u32, stored: u32) {
        let place = RecordRef { pack, offset: u64::from(offset), len, stored };
        prop_assert_eq!(RecordRef::from_bytes(place.to_bytes()), place);
    }
}

#[test]
fn a_flipped_bit_is_found_and_other_chunks_still_read() {
    let dir = tempfile::tempdir().unwrap();
    let (packs, _, places) = written(dir.path(), &[200_000]);
    let file = File::options().write(true).open(packs.path(places[0].pack)).unwrap();
    file.write_all_at(&[0xff], places[0].offset + HEADER_BYTES + (64 << 10) + 108).unwrap();
    assert!(matches!(packs.read(places[0], 70_000..70_010, None), Err(Error::Damaged(_))));
    assert_eq!(&packs.read(places[0], 0..10, None).unwrap()[..], &pattern(10)[..]);
    assert!(matches!(packs.read_whole(places[0], None), Err(Error::Damaged(_))));
}

#[test_case(b"" as &[u8], 1 ; "a clean end is written on")]
#[test_case(b"torn half record", 2 ; "a torn end is left alone")]
fn reopening_goes_on_behind_a_clean_end_only(tail: &[u8], packs_after: usize) {
    let dir = tempfile::tempdir().unwrap();
    let (packs, _, places) = written(dir.path(), &[10, 100_000]);
    File::options().append(true).open(packs.path(places[0].pack)).unwrap().write_all(tail).unwrap();
    let packs = Arc::new(Packs::open(dir.path().into()).unwrap());
    let mut writer = PackWriter::new(Arc::clone(&packs), 1 << 30, Compression::Off);
    writer.resume().unwrap();
    let record = planned(&mut writer.span().unwrap(), pattern(500));
    writer.write(std::slice::from_ref(&record)).unwrap();
    assert_eq!(packs.numbers().unwrap().len(), packs_after);
    for (place, len) in [(places[0], 10), (places[1], 100_000), (record.place, 500)] {
        assert_eq!(&packs.read_whole(place, None).unwrap()[..], &pattern(len)[..]);
    }
}

#[test]
fn a_full_pack_is_followed_by_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let packs = Arc::new(Packs::open(dir.path().into()).unwrap());
    let mut writer = PackWriter::new(Arc::clone(&packs), 1_000, Compression::Off);
    for _ in 0..3 {
        let record = planned(&mut writer.span().unwrap(), pattern(1_000));
        writer.write(&[record]).unwrap();
    }
    assert_eq!(packs.numbers().unwrap(), [1, 2, 3]);
}
