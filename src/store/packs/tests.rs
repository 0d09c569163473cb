use std::io::Write;

use proptest::prelude::*;
use test_case::test_case;

use super::coding::{Coding, Encoded};
use super::contexts::{Dictionary, Method};
use super::format::Checks;
use super::*;
use crate::ids::BodyId;
use crate::store::sealing::{DataKey, Seal};
use crate::store::tests::noise;

const CHUNK: usize = 64 << 10;
const ZSTD: Compression = Compression::Zstd { level: 3, min_bytes: 100 };

const COUNTED: Method = Method::Zstd(Dictionary::CountedPrefixes);

/// With phrases, where there are some.
const LOWEST: Compression = Compression::Zstd { level: 1, min_bytes: 100 };

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index * 31 + index / 251) as u8).collect()
}

/// Text and noise by turns, so that some chunks get smaller and others do not.
fn mixed(len: usize) -> Vec<u8> {
    let mut bytes = pattern(len);
    for (number, piece) in bytes.chunks_mut(90_000).enumerate().skip(1).step_by(2) {
        piece.copy_from_slice(&noise(number as u32, piece.len()));
    }
    bytes
}

/// As prefixes are.
fn above_letters(len: usize) -> Vec<u8> {
    contexts::PREFIXES.iter().copied().cycle().skip(len % 1_000).take(len).collect()
}

fn key() -> DataKey {
    DataKey::from_bytes([7; 32])
}

fn seal() -> Seal {
    Seal { name: [9; 32], key: key() }
}

/// Every way to keep a record.
fn any_coding() -> impl Strategy<Value = (Compression, Option<Seal>)> {
    let compression = prop_oneof![Just(Compression::Off), Just(ZSTD), Just(LOWEST)];
    (compression, prop::option::of(Just(seal())))
}

fn any_content(max_len: usize) -> impl Strategy<Value = Vec<u8>> {
    let make = prop_oneof![
        Just(pattern as fn(usize) -> Vec<u8>),
        Just(mixed as fn(usize) -> Vec<u8>),
        Just((|len| noise(1, len)) as fn(usize) -> Vec<u8>),
        Just(above_letters as fn(usize) -> Vec<u8>)
    ];
    (make, 0..max_len).prop_map(|(make, len)| make(len))
}

fn plan(span: &mut Span, content: &[u8], compression: Compression, seal: Option<&Seal>) -> Planned {
    span.plan(Content::Encoded(Encoded::bytes(content, compression, seal).unwrap())).unwrap()
}

fn planned(span: &mut Span, content: Vec<u8>) -> Planned {
    plan(span, &content, Compression::Off, None)
}

struct Fixture {
    packs: Arc<Packs>,
    writer: PackWriter,
    _dir: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let packs = Arc::new(Packs::open(dir.path().into()).unwrap());
        let writer = PackWriter::new(Arc::clone(&packs), 1 << 30, ZSTD);
        Fixture { packs, writer, _dir: dir }
    }

    fn write(&mut self, content: &[u8], compression: Compression, seal: Option<&Seal>) -> RecordRef {
        let planned = plan(&mut self.writer.span().unwrap(), content, compression, seal);
        self.writer.write(std::slice::from_ref(&planned)).unwrap();
        planned.place
    }

    fn overwrite(&self, place: RecordRef, at: u64, bytes: &[u8]) {
        let file = File::options().write(true).open(self.packs.path(place.pack)).unwrap();
        file.write_all_at(bytes, place.offset + at).unwrap();
    }

    fn stands(&self, place: RecordRef) -> Vec<u8> {
        let mut bytes = vec![0; place.stored_bytes() as usize];
        File::open(self.packs.path(place.pack)).unwrap().read_exact_at(&mut bytes, place.offset).unwrap();
        bytes
    }

    fn coding(&self, place: RecordRef) -> (bool, bool) {
        let Coding { compressed, is_sealed, .. } = self.packs.header(place.pack, place.offset).unwrap().unwrap().coding;
        (compressed.is_some(), is_sealed)
    }
}

fn is_damaged<T>(result: &Result<T>) -> bool {
    matches!(result, Err(Error::Damaged(_)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_range_of_any_record_reads_back_whatever_was_done_to_it(
        records in prop::collection::vec((any_content(300_000), any_coding()), 1..4),
        offset in 0_u64..320_000,
        len in 0_u64..200_000,
    ) {
        let mut fixture = Fixture::new();
        let mut span = fixture.writer.span().unwrap();
        let plan = |(content, (compression, seal)): &(Vec<u8>, (_, Option<Seal>))| {
            plan(&mut span, content, *compression, seal.as_ref())
        };
        let planned: Vec<_> = records.iter().map(plan).collect();
        fixture.writer.write(&planned).unwrap();
        for (Planned { place, .. }, (content, _)) in planned.iter().zip(&records) {
            let from = (offset as usize).min(content.len());
            let until = ((offset + len) as usize).min(content.len()).max(from);
            let packs = &fixture.packs;
            prop_assert_eq!(place.len() as usize, content.len());
            prop_assert_eq!(&packs.read(*place, offset..offset + len, Some(&key())).unwrap()[..], &content[from..until]);
            prop_assert_eq!(&packs.read_whole(*place, Some(&key())).unwrap()[..], &content[..]);
            packs.verify(*place, Kind::Bytes).unwrap();
            let copy = packs.copy(*place, &mut fixture.writer).unwrap();
            prop_assert_eq!(fixture.stands(copy), fixture.stands(*place));
            prop_assert_eq!(&fixture.packs.read_whole(copy, Some(&key())).unwrap()[..], &content[..]);
        }
        let mut walked = 0;
        let number = planned[0].place.pack;
        let end = fixture.packs.walk(number, |_, _| walked += 1).unwrap();
        prop_assert_eq!((walked, end.end), (2 * records.len(), end.length));
    }

    #[test]
    fn a_flipped_bit_is_an_error_with_and_without_the_key_and_never_other_bytes(
        content in any_content(200_000),
        (compression, seal) in any_coding(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u32..8), 1..6),
    ) {
        let mut fixture = Fixture::new();
        let place = fixture.write(&content, compression, seal.as_ref());
        let stands = fixture.stands(place);
        for (at, bit) in flips {
            let at = at.index(stands.len());
            fixture.overwrite(place, at as u64, &[stands[at] ^ 1 << bit]);
            prop_assert!(is_damaged(&fixture.packs.verify(place, Kind::Bytes)), "byte {}", at);
            let read = fixture.packs.read_whole(place, Some(&key()));
            prop_assert!(is_damaged(&read) || content.is_empty(), "byte {} of {}", at, stands.len());
            prop_assert!(is_damaged(&fixture.packs.copy(place, &mut fixture.writer)));
            fixture.overwrite(place, 0, &stands);
        }
        prop_assert_eq!(&fixture.packs.read_whole(place, Some(&key())).unwrap()[..], &content[..]);
    }

    #[test]
    fn a_body_written_in_one_pass_is_the_same_as_one_coded_in_memory(
        content in any_content(300_000),
        seal in prop::option::of(Just(seal())),
    ) {
        let mut fixture = Fixture::new();
        let dir = tempfile::tempdir().unwrap();
        let store = crate::store::tests::open(dir.path());
        let body = crate::store::batch::NewBody { staged: crate::store::tests::staged(&store, &content), seal };
        let (id, before) = (body.id().0, fixture.write(&pattern(10), ZSTD, None));
        let in_one_pass = fixture.writer.write_body(&body).unwrap();
        let in_memory = Encoded::body(body.id(), &content, ZSTD, body.seal.as_ref()).unwrap();
        prop_assert_eq!(in_one_pass.stored as usize, in_memory.stored.len());
        // As the committer writes one whose place must be planned.
        let mut span = fixture.writer.span().unwrap();
        let planned = span.plan(Content::Body(body)).unwrap();
        fixture.writer.write(std::slice::from_ref(&planned)).unwrap();
        for place in [in_one_pass, planned.place] {
            prop_assert_eq!(fixture.packs.verify(place, Kind::Body).unwrap(), id);
            prop_assert_eq!(&fixture.packs.read_whole(place, Some(&key())).unwrap()[..], &content[..]);
        }
        prop_assert_eq!(&fixture.packs.read_whole(before, None).unwrap()[..], pattern(10));
    }

    #[test]
    fn places_survive_as_sixteen_bytes(pack: u32, offset: u32, len: u32, stored: u32) {
        let place = RecordRef { pack, offset: u64::from(offset), len, stored };
        prop_assert_eq!(RecordRef::from_bytes(place.to_bytes()), place);
    }
}

#[test_case(1, 32 + 17, 36)]
#[test_case(3, 32 + 9, 26)]
#[test_case(19, 32 + 9, 26)]
fn what_stands_above_a_letter_takes_less_because_it_is_known(level: i32, coding: u8, percent: usize) {
    let letter = include_bytes!("../../../tests/vectors/postmark/valid.eml");
    let prefix = &letter[..letter.windows(6).position(|bytes| bytes == b"From: ").unwrap()];
    let zstd = Compression::Zstd { level, min_bytes: 100 };
    let with = Encoded::bytes(prefix, zstd, None).unwrap();
    let without = Encoded::body(BodyId([1; 32]), prefix, zstd, None).unwrap();
    assert!(with.stored.len() < without.stored.len(), "{} and {}", with.stored.len(), without.stored.len());
    assert!(with.stored.len() * 100 < prefix.len() * percent, "{} of {}", with.stored.len(), prefix.len());
    assert_eq!((with.coding.to_byte(), without.coding.to_byte()), (coding, 32 + 1));
    let mut fixture = Fixture::new();
    let place = fixture.write(prefix, zstd, None);
    assert_eq!(fixture.packs.read_whole(place, None).unwrap(), prefix);
}

#[test]
fn what_does_not_get_smaller_is_not_compressed_and_what_is_small_neither() {
    let mut fixture = Fixture::new();
    for (content, is_compressed) in
        [(pattern(200_000), true), (noise(1, 200_000), false), (pattern(99), false), (pattern(1_000), true)]
    {
        let place = fixture.write(&content, ZSTD, None);
        assert_eq!(fixture.coding(place), (is_compressed, false), "{} bytes", content.len());
        let plain = fixture.write(&content, Compression::Off, None);
        assert_eq!(fixture.coding(plain), (false, false));
        assert_eq!(place.stored < plain.stored, is_compressed);
        let sealed = fixture.write(&content, ZSTD, Some(&seal()));
        assert_eq!(fixture.coding(sealed), (is_compressed, true));
        let more = 32 + 16 * content.len().div_ceil(CHUNK) as u32;
        assert_eq!(sealed.stored, place.stored + more);
    }
}

#[test]
fn a_range_is_read_although_other_chunks_are_damaged() {
    let mut fixture = Fixture::new();
    for (compression, seal) in [(Compression::Off, None), (ZSTD, None), (ZSTD, Some(&seal()))] {
        let content = mixed(200_000);
        let place = fixture.write(&content, compression, seal);
        // The second chunk begins with noise, so that it stands far behind the beginning however it is kept.
        fixture.overwrite(place, u64::from(place.stored) / 2, &[0xff; 8]);
        let read = |range| fixture.packs.read(place, range, Some(&key()));
        assert_eq!(&read(0..10).unwrap()[..], &content[..10]);
        assert_eq!(&read(199_000..200_000).unwrap()[..], &content[199_000..]);
        assert!(is_damaged(&read(0..200_000)));
        assert!(fixture.packs.is_suspect(place));
    }
}

#[test]
fn a_sealed_record_shows_nothing_and_asks_for_its_key() {
    let mut fixture = Fixture::new();
    let text = b"Subject: a secret\r\n\r\nas long as it stays one\r\n";
    let place = fixture.write(text, Compression::Off, Some(&seal()));
    let again = fixture.write(text, Compression::Off, Some(&seal()));
    let stands = fixture.stands(place);
    assert!(!stands.windows(6).any(|window| window == b"secret"));
    assert!(!stands.windows(32).any(|window| window == blake3::hash(text).as_bytes()));
    assert_ne!(stands[HEADER_BYTES as usize..], fixture.stands(again)[HEADER_BYTES as usize..]);
    let refused = fixture.packs.read_whole(place, None);
    assert!(matches!(&refused, Err(Error::Sealed(what)) if what.contains("pack 1")), "{refused:?}");
    assert!(!fixture.packs.is_suspect(place));
    assert!(is_damaged(&fixture.packs.read_whole(place, Some(&DataKey::from_bytes([8; 32])))));
    assert_eq!(&fixture.packs.read_whole(place, Some(&key())).unwrap()[..], text);
}

/// Who can write to the packs can make all checks fit; without the key it does not help.
#[test]
fn chunks_of_other_places_and_records_do_not_open() {
    let mut fixture = Fixture::new();
    let (one, other) = (noise(1, 3 * CHUNK), noise(2, 3 * CHUNK));
    let place = fixture.write(&one, Compression::Off, Some(&seal()));
    let foreign = fixture.write(&other, Compression::Off, Some(&seal()));
    let (stands, foreign) = (fixture.stands(place), fixture.stands(foreign));
    let (first, stride) = (HEADER_BYTES as usize + 32, CHUNK + 24);
    let chunk = |of: &[u8], index: usize| of[first + index * stride..][..stride - 8].to_vec();
    let put = |index: usize, chunk: &[u8]| {
        let check = Checks::Sums.of_part(index as u64, chunk);
        fixture.overwrite(place, (first + index * stride) as u64, &[chunk, &check].concat());
    };
    let is_refused = || {
        assert!(fixture.packs.verify(place, Kind::Bytes).is_ok(), "the checks fit");
        assert!(is_damaged(&fixture.packs.read_whole(place, Some(&key()))));
        fixture.overwrite(place, 0, &stands);
        assert!(fixture.packs.read_whole(place, Some(&key())).is_ok());
    };
    put(1, &chunk(&foreign, 1));
    is_refused();
    put(0, &chunk(&stands, 1));
    put(1, &chunk(&stands, 0));
    is_refused();
    put(2, &chunk(&stands, 1));
    is_refused();
}

/// As programs wrote records until schema 11, and their checks until 12.
#[test]
fn a_record_that_has_the_hash_of_its_content_is_compared_with_it() {
    let mut fixture = Fixture::new();
    let content = noise(1, 300);
    let place = fixture.write(&content, Compression::Off, None);
    let header = fixture.packs.header(place.pack, place.offset).unwrap().unwrap();
    assert_eq!(header.id, format::NAMELESS);
    let coding = Coding { checks: Checks::Hashes, ..header.coding };
    let part = [&content[..], &Checks::Hashes.of_part(0, &content)].concat();
    assert_ne!(part, fixture.stands(place)[HEADER_BYTES as usize..]);
    for (id, is_its) in [(*blake3::hash(&content).as_bytes(), true), ([8; 32], false)] {
        let header = Header { id, coding, ..header.clone() };
        fixture.overwrite(place, 0, &[&header.to_bytes()[..], &part].concat());
        assert_eq!(fixture.packs.verify(place, Kind::Bytes).is_ok(), is_its);
        assert_eq!(fixture.packs.read_whole(place, None).unwrap(), content);
    }
}

/// As a processor that wrote something else than it read would leave it: all checks of what stands there fit.
#[test]
fn a_compressed_record_that_holds_other_bytes_than_were_compressed_is_damaged() {
    let mut fixture = Fixture::new();
    let content = mixed(1000);
    let place = fixture.write(&content, ZSTD, None);
    let stands = fixture.stands(place);
    let chunk = stands[HEADER_BYTES as usize..stands.len() - 8].to_vec();
    assert!(chunk.len() < content.len(), "it is compressed");
    let mut damaged = 0;
    for at in 0..chunk.len() {
        let mut other = chunk.clone();
        other[at] ^= 1;
        fixture.overwrite(place, HEADER_BYTES, &[&other[..], &Checks::Sums.of_part(0, &other)].concat());
        match fixture.packs.read_whole(place, None) {
            Ok(read) => assert_eq!(read, content, "byte {at}"),
            read => assert!(is_damaged(&read)),
        }
        damaged += usize::from(is_damaged(&fixture.packs.verify(place, Kind::Bytes)));
    }
    assert!(damaged * 10 > chunk.len() * 9, "{damaged} of {}", chunk.len());
}

/// Sealed or not, and what says nothing that is known is left to zstd.
#[test]
fn at_the_lowest_level_prefixes_are_phrases_and_other_texts_are_not() {
    let mut fixture = Fixture::new();
    let prefix = &contexts::PREFIXES[1_000..4_000];
    let text = include_bytes!("../../identity/agreement/ru.txt");
    for (content, expected) in [(prefix, Method::Phrases), (&text[..], COUNTED)] {
        for seal in [None, Some(&seal())] {
            let place = fixture.write(content, LOWEST, seal);
            let coding = fixture.packs.header(place.pack, place.offset).unwrap().unwrap().coding;
            assert_eq!((coding.compressed, coding.is_sealed), (Some(expected), seal.is_some()));
            assert_eq!(fixture.packs.read_whole(place, Some(&key())).unwrap(), content);
        }
    }
}

#[test]
fn a_body_without_a_name_is_damaged() {
    let mut fixture = Fixture::new();
    let place = fixture.write(&noise(1, 300), Compression::Off, None);
    let header = fixture.packs.header(place.pack, place.offset).unwrap().unwrap();
    fixture.overwrite(place, 0, &Header { kind: Kind::Body, ..header }.to_bytes());
    assert!(is_damaged(&fixture.packs.verify(place, Kind::Body)));
}

#[test]
fn a_sealed_record_that_was_cut_short_or_renamed_does_not_open() {
    let mut fixture = Fixture::new();
    let place = fixture.write(&noise(1, 3 * CHUNK), Compression::Off, Some(&seal()));
    let header = fixture.packs.header(place.pack, place.offset).unwrap().unwrap();
    let (len, stored) = (2 * CHUNK as u32, 32 + 2 * (CHUNK as u32 + 24));
    let (id, kind) = ([8; 32], Kind::Body);
    let lies = [
        Header { len, stored, ..header.clone() },
        Header { id, ..header.clone() },
        Header { kind, ..header.clone() },
        header.clone(),
    ];
    for (number, lie) in lies.iter().enumerate() {
        fixture.overwrite(place, 0, &lie.to_bytes());
        let place = lie.place(place.pack, place.offset);
        assert!(fixture.packs.verify(place, lie.kind).is_ok(), "the checks fit");
        let read = fixture.packs.read_whole(place, Some(&key()));
        assert_eq!(is_damaged(&read), number + 1 < lies.len(), "{lie:?}: {read:?}");
    }
}

#[test_case(b"" as &[u8], 1 ; "a clean end is written on")]
#[test_case(b"torn half record", 2 ; "a torn end is left alone")]
fn reopening_goes_on_behind_a_clean_end_only(tail: &[u8], packs_after: usize) {
    let dir = tempfile::tempdir().unwrap();
    let open = || {
        let packs = Arc::new(Packs::open(dir.path().into()).unwrap());
        let mut writer = PackWriter::new(Arc::clone(&packs), 1 << 30, Compression::Off);
        writer.resume().unwrap();
        (packs, writer)
    };
    let (packs, mut writer) = open();
    let mut span = writer.span().unwrap();
    let before: Vec<_> = [10, 100_000].iter().map(|len| plan(&mut span, &pattern(*len), ZSTD, None)).collect();
    writer.write(&before).unwrap();
    let places: Vec<_> = before.iter().map(|record| record.place).collect();
    File::options().append(true).open(packs.path(places[0].pack)).unwrap().write_all(tail).unwrap();
    let (packs, mut writer) = open();
    let record = planned(&mut writer.span().unwrap(), pattern(500));
    writer.write(std::slice::from_ref(&record)).unwrap();
    assert_eq!(packs.numbers().unwrap().len(), packs_after);
    for (place, len) in [(places[0], 10), (places[1], 100_000), (record.place, 500)] {
        assert_eq!(&packs.read_whole(place, None).unwrap()[..], &pattern(len)[..]);
    }
}

/// A large body whose header was not written when the power went: nothing is found there, and nothing is added.
#[test]
fn a_record_without_its_header_is_a_torn_end() {
    let mut fixture = Fixture::new();
    let place = fixture.write(&pattern(300), ZSTD, None);
    let torn = fixture.write(&mixed(100_000), ZSTD, None);
    fixture.overwrite(torn, 0, &[0; HEADER_BYTES as usize]);
    let mut found = Vec::new();
    let walked = fixture.packs.walk(place.pack, |place, _| found.push(place)).unwrap();
    assert_eq!((found, walked.end), (vec![place], torn.offset));
    let mut writer = PackWriter::new(Arc::clone(&fixture.packs), 1 << 30, ZSTD);
    writer.resume().unwrap();
    assert_eq!(writer.current(), None);
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
