use std::io::Read as _;

use proptest::prelude::*;
use test_case::test_case;

use super::*;

const KEY: &str = include_str!("../../tests/vectors/age/key.txt");
const OTHER: &str = include_str!("../../tests/vectors/age/other.txt");
const SHORT: &[u8] = include_bytes!("../../tests/vectors/age/short.age");
const EMPTY: &[u8] = include_bytes!("../../tests/vectors/age/empty.age");
const PIECE: &[u8] = include_bytes!("../../tests/vectors/age/piece.age");

fn key(file: &str) -> Identity {
    Identity::from_file(file).unwrap()
}

fn open(file: &[u8], identity: &Identity) -> Result<Vec<u8>, String> {
    let mut reader = Reader::open(file, identity).map_err(|error| error.to_string())?;
    let mut content = Vec::new();
    reader.read_to_end(&mut content).map_err(|error| error.to_string())?;
    Ok(content)
}

fn write(readers: &[Recipient], content: &[u8], step: usize) -> Vec<u8> {
    let (mut writer, mut file) = Writer::new(readers).unwrap();
    content.chunks(step).for_each(|piece| file.extend(writer.update(piece)));
    file.extend(writer.finish());
    file
}

#[test_case(KEY; "the second reader of two")]
#[test_case(OTHER; "the first reader")]
fn opens_what_another_program_wrote(reader: &str) {
    assert_eq!(open(SHORT, &key(reader)).unwrap(), "Қалың дәптер: one short file\n".as_bytes());
}

#[test]
fn opens_an_empty_file_and_a_full_piece_of_another_program() {
    let full: Vec<u8> = (0..65_536u32).map(|at| (at * 7 % 251) as u8).collect();
    assert!(open(EMPTY, &key(KEY)).unwrap().is_empty());
    assert_eq!(open(PIECE, &key(KEY)).unwrap(), full);
    assert!(open(EMPTY, &key(OTHER)).unwrap_err().contains("not for this key"));
}

#[test]
fn keys_are_written_as_others_write_them() {
    let public = KEY.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    assert_eq!(key(KEY).recipient().to_string(), public);
    assert_eq!(public.parse::<Recipient>().unwrap(), key(KEY).recipient());
    assert!(KEY.contains(&**key(KEY).expose()));
    assert!(!format!("{:?}", key(KEY)).contains("SECRET"));
    for wrong in
        ["", "age1", &public[..61], &public.replace('1', "q"), &format!("{public}q"), &public.replacen('q', "Q", 1)]
    {
        assert_eq!(wrong.parse::<Recipient>(), Err(NotAKey::Public), "{wrong}");
    }
    assert!(matches!(Identity::from_file("# nothing\n\n"), Err(NotAKey::Secret)));
}

#[test_case(0; "nothing")]
#[test_case(1; "a byte")]
#[test_case(65_535; "a byte less than a piece")]
#[test_case(65_536; "a piece")]
#[test_case(65_537; "a byte more")]
#[test_case(131_072; "two pieces")]
#[test_case(200_000; "more")]
fn what_was_written_is_opened_and_has_the_bytes_that_were_told_before(length: usize) {
    let content: Vec<u8> = (0..length).map(|at| (at % 253) as u8).collect();
    let (one, two) = (Identity::generate(), Identity::generate());
    for readers in [vec![one.recipient()], vec![two.recipient(), one.recipient()]] {
        let file = write(&readers, &content, 10_007);
        assert_eq!(file.len() as u64, file_bytes(readers.len(), length as u64));
        assert!(open(&file, &one).unwrap() == content, "{length} bytes");
    }
}

#[test]
fn pieces_cannot_be_left_out_moved_or_cut_off() {
    let reader = Identity::generate();
    let file = write(&[reader.recipient()], &[7; 200_000], 65_536);
    let header = file.len() - (200_000 + 4 * 16);
    let sealed = 65_536 + 16;
    let piece = |number: usize| &file[header + number * sealed..file.len().min(header + (number + 1) * sealed)];
    let of = |pieces: &[&[u8]]| [&file[..header], &pieces.concat()].concat();
    assert!(open(&of(&[piece(0), piece(1), piece(2), piece(3)]), &reader).is_ok());
    let wrong = [
        of(&[piece(0), piece(1), piece(2)]),
        of(&[piece(1), piece(0), piece(2), piece(3)]),
        of(&[piece(0), piece(2), piece(3)]),
        of(&[piece(0), piece(1), piece(2), piece(3), b"x"]),
        of(&[]),
    ];
    for file in wrong {
        assert!(open(&file, &reader).unwrap_err().contains("altered or cut off"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn one_altered_bit_anywhere_keeps_it_shut(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let reader = key(KEY);
        let mut file = SHORT.to_vec();
        let at = at.index(file.len());
        file[at] ^= 1 << bit;
        prop_assert!(open(&file, &reader).is_err(), "byte {at}");
    }

    #[test]
    fn nothing_that_is_read_makes_it_fall(file in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = open(&file, &key(KEY));
        let _ = open(&[b"age-encryption.org/v1\n".as_slice(), &file].concat(), &key(KEY));
    }
}
