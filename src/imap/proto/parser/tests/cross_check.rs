//! A second opinion: commands written by the client side of `imap-codec` come out with the same meaning.

use std::num::NonZeroU32;

use imap_codec::CommandCodec;
use imap_codec::encode::Encoder;
use imap_codec::imap_types::command::{Command as Theirs, CommandBody};
use imap_codec::imap_types::core::{AString, Atom, Vec1};
use imap_codec::imap_types::fetch::{MacroOrMessageDataItemNames, MessageDataItemName, Part, Section as TheirSection};
use imap_codec::imap_types::flag::{Flag as TheirFlag, StoreResponse, StoreType};
use imap_codec::imap_types::mailbox::{ListMailbox, Mailbox};
use imap_codec::imap_types::search::SearchKey as TheirKey;
use imap_codec::imap_types::sequence::SequenceSet as TheirSet;
use imap_codec::imap_types::status::StatusDataItemName;
use proptest::prelude::*;

use super::*;

fn encoded(body: CommandBody<'_>) -> Vec<u8> {
    let command = Theirs::new("a1", body).unwrap();
    let mut bytes = CommandCodec::default().encode(&command).dump();
    assert!(bytes.ends_with(b"\r\n"));
    bytes.truncate(bytes.len() - 2);
    bytes
}

fn ours(body: CommandBody<'_>) -> Command {
    let bytes = encoded(body);
    parse(&bytes, Dialect::REV1, 30).unwrap_or_else(|e| panic!("{}: {e:?}", String::from_utf8_lossy(&bytes))).command
}

/// Sets in ascending order with gaps: the other side sorts and melts before it writes.
fn set_text() -> impl Strategy<Value = String> {
    prop_oneof![
        (1_u32..).prop_map(|number| number.to_string()),
        Just("*".to_owned()),
        (1_u32..).prop_map(|number| format!("{number}:*")),
        (1_u32..1000, 2_u32..1000, 1_u32..1000).prop_map(|(a, gap, len)| format!("{a},{}:{}", a + gap, a + gap + len)),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,8}", "[ -~]{0,12}", "[ -~\r\n]{0,12}"]
}

/// Names without `&`, which the other side does not encode, and not INBOX, which has its own test.
fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z/]{1,10}", "[ !#-%'-~]{1,12}"]
        .prop_filter("inbox", |name: &String| !name.split('/').next().unwrap_or_default().eq_ignore_ascii_case("inbox"))
}

fn flags() -> impl Strategy<Value = Vec<Flag>> {
    let flag = prop_oneof![
        Just(Flag::Seen),
        Just(Flag::Answered),
        Just(Flag::Flagged),
        Just(Flag::Deleted),
        Just(Flag::Draft),
        "[$a-z]{1,8}".prop_map(Flag::Keyword),
    ];
    proptest::collection::vec(flag, 0..5)
}

fn their_flag(flag: &Flag) -> TheirFlag<'static> {
    match flag {
        Flag::Seen => TheirFlag::Seen,
        Flag::Answered => TheirFlag::Answered,
        Flag::Flagged => TheirFlag::Flagged,
        Flag::Deleted => TheirFlag::Deleted,
        Flag::Draft => TheirFlag::Draft,
        Flag::Keyword(name) => TheirFlag::keyword(Atom::try_from(name.clone()).unwrap()),
    }
}

fn their_set(text: &str) -> TheirSet {
    TheirSet::try_from(text).unwrap()
}

fn their_text(text: &str) -> AString<'static> {
    AString::try_from(text.to_owned()).unwrap()
}

/// A search key of ours and the same of theirs.
fn key() -> impl Strategy<Value = (SearchKey, TheirKey<'static>)> {
    let leaf = prop_oneof![
        Just((SearchKey::All, TheirKey::All)),
        Just((SearchKey::Has(Flag::Seen), TheirKey::Seen)),
        Just((SearchKey::Lacks(Flag::Deleted), TheirKey::Undeleted)),
        Just((SearchKey::New, TheirKey::New)),
        any::<u32>().prop_map(|size| (SearchKey::Larger(size.into()), TheirKey::Larger(size))),
        set_text().prop_map(|text| (SearchKey::Uid(set(&text)), TheirKey::Uid(their_set(&text)))),
        set_text().prop_map(|text| (SearchKey::Sequence(set(&text)), TheirKey::SequenceSet(their_set(&text)))),
        text().prop_map(|text| (SearchKey::Body(text.clone()), TheirKey::Body(their_text(&text)))),
        text().prop_map(|text| (header("SUBJECT", &text), TheirKey::Subject(their_text(&text)))),
        (text(), text()).prop_map(|(name, value)| {
            (header(&name, &value), TheirKey::Header(their_text(&name), their_text(&value)))
        }),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|(a, b)| (not(a), TheirKey::Not(Box::new(b)))),
            (inner.clone(), inner.clone()).prop_map(|((a, x), (b, y))| {
                (SearchKey::Or(Box::new(a), Box::new(b)), TheirKey::Or(Box::new(x), Box::new(y)))
            }),
            proptest::collection::vec(inner, 2..4).prop_map(|keys| {
                let (ours, theirs): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
                (SearchKey::And(ours), TheirKey::And(Vec1::try_from(theirs).unwrap()))
            }),
        ]
    })
}

/// A fetch item of ours and the same of theirs.
fn item() -> impl Strategy<Value = (FetchItem, MessageDataItemName<'static>)> {
    let numbers = || proptest::collection::vec(1_u32.., 1..4);
    let whole = |ours, section, peek, partial: Option<(u32, NonZeroU32)>| {
        let range = partial.map(|(offset, length)| Partial { offset: offset.into(), length: length.get().into() });
        let peeking = if peek { Peek::Peek } else { Peek::MarkSeen };
        (
            FetchItem::Section { section: ours, peek: peeking, partial: range },
            MessageDataItemName::BodyExt { section, partial, peek },
        )
    };
    let partial = || proptest::option::of((any::<u32>(), (1_u32..).prop_map(|n| NonZeroU32::new(n).unwrap())));
    prop_oneof![
        Just((FetchItem::Flags, MessageDataItemName::Flags)),
        Just((FetchItem::Uid, MessageDataItemName::Uid)),
        Just((FetchItem::Envelope, MessageDataItemName::Envelope)),
        Just((FetchItem::Body, MessageDataItemName::Body)),
        Just((FetchItem::Rfc822Header, MessageDataItemName::Rfc822Header)),
        (any::<bool>(), partial()).prop_map(move |(peek, partial)| whole(Section::default(), None, peek, partial)),
        (numbers(), any::<bool>(), partial()).prop_map(move |(numbers, peek, partial)| {
            let theirs = Part(Vec1::try_from(part(&numbers)).unwrap());
            let ours = Section { part: part(&numbers), text: Some(SectionText::Mime) };
            whole(ours, Some(TheirSection::Mime(theirs)), peek, partial)
        }),
        (numbers(), proptest::collection::vec("[a-zA-Z-]{1,8}", 1..3)).prop_map(move |(numbers, names)| {
            let theirs = Part(Vec1::try_from(part(&numbers)).unwrap());
            let fields = names.iter().map(|name| their_text(name)).collect::<Vec<_>>();
            let section = TheirSection::HeaderFields(Some(theirs), Vec1::try_from(fields).unwrap());
            let ours = Section { part: part(&numbers), text: Some(SectionText::HeaderFields(names)) };
            whole(ours, Some(section), true, None)
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn search(keys in proptest::collection::vec(key(), 1..3), uid in any::<bool>()) {
        let (mine, theirs): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
        let body = CommandBody::Search { charset: None, criteria: Vec1::try_from(theirs).unwrap(), uid };
        let Command::Search(parsed) = ours(body) else { panic!() };
        let expected = if mine.len() == 1 { mine[0].clone() } else { SearchKey::And(mine) };
        // One key that is a list, and a list of keys, are written alike.
        prop_assert_eq!(parsed.key, expected);
        prop_assert_eq!(parsed.by == NumberedBy::Uid, uid);
    }

    #[test]
    fn fetch(text in set_text(), items in proptest::collection::vec(item(), 1..4), uid in any::<bool>()) {
        let (mine, theirs): (Vec<_>, Vec<_>) = items.into_iter().unzip();
        let body = CommandBody::Fetch {
            sequence_set: their_set(&text),
            macro_or_item_names: MacroOrMessageDataItemNames::MessageDataItemNames(theirs),
            uid,
        };
        let Command::Fetch(parsed) = ours(body) else { panic!() };
        prop_assert_eq!((parsed.items, parsed.set, parsed.by == NumberedBy::Uid), (mine, set(&text), uid));
    }

    #[test]
    fn store_and_copy(text in set_text(), flags in flags(), name in name(), uid in any::<bool>()) {
        let body = CommandBody::Store {
            sequence_set: their_set(&text),
            kind: StoreType::Add,
            response: StoreResponse::Silent,
            flags: flags.iter().map(their_flag).collect(),
            uid,
        };
        let by = if uid { NumberedBy::Uid } else { NumberedBy::Sequence };
        let expected =
            StoreFlags { by, set: set(&text), action: StoreAction::Add, answer: StoreAnswer::Silent, flags };
        prop_assert_eq!(ours(body), Command::Store(expected));

        let theirs = Mailbox::try_from(name.clone()).unwrap();
        let body = CommandBody::Copy { sequence_set: their_set(&text), mailbox: theirs, uid };
        prop_assert_eq!(ours(body), Command::Copy(Transfer { by, set: set(&text), mailbox: mailbox(&name) }));
    }

    #[test]
    fn names_and_patterns(name in name(), other in name(), pattern in "[a-z%*/]{1,8}") {
        let theirs = |name: &str| Mailbox::try_from(name.to_owned()).unwrap();
        let body = CommandBody::Rename { from: theirs(&name), to: theirs(&other) };
        prop_assert_eq!(ours(body), Command::Rename { from: mailbox(&name), to: mailbox(&other) });
        let body = CommandBody::List {
            reference: theirs(&name),
            mailbox_wildcard: ListMailbox::try_from(pattern.clone()).unwrap(),
        };
        let Command::List(parsed) = ours(body) else { panic!() };
        prop_assert_eq!((parsed.reference.name, &parsed.patterns[0].pattern), (name.clone(), &pattern));
        let items = vec![StatusDataItemName::Messages, StatusDataItemName::UidNext];
        let body = CommandBody::Status { mailbox: theirs(&name), item_names: items.into() };
        let expected = vec![StatusItem::Messages, StatusItem::UidNext];
        prop_assert_eq!(ours(body), Command::Status { mailbox: mailbox(&name), items: expected });
    }

    #[test]
    fn login(user in text(), password in text()) {
        let body = CommandBody::login(user.clone(), password.clone()).unwrap();
        let Command::Login(credentials) = ours(body) else { panic!() };
        prop_assert_eq!((credentials.user, credentials.password.to_string()), (user, password));
    }
}
