//! What goes out, byte by byte.

use test_case::test_case;

use crate::imap::proto::command::*;
use crate::imap::proto::sequence::NumberSet;
use crate::message::{AddressEntry, Content, Disposition, Envelope, Nested, Param, Part};

use super::*;

const ACCEPT: Dialect = Dialect { rev2: false, utf8_accept: true };

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

fn tag() -> Tag {
    crate::imap::proto::parser::tag_of(b"a1 ").unwrap()
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test_case(Status::ok("done") => "a1 OK done\r\n"; "ok")]
#[test_case(Status::no("x").with(Code::TryCreate) => "a1 NO [TRYCREATE] x\r\n"; "code")]
#[test_case(Status::bad("a\r\nb * OK") => "a1 BAD a  b * OK\r\n"; "text cannot end the line")]
#[test_case(Status::no("Ж") => "a1 NO ?\r\n"; "text is ascii")]
#[test_case(Status::ok("") => "a1 OK .\r\n"; "text is never empty")]
#[test_case(Status::ok("[ALERT] x") => "a1 OK .[ALERT] x\r\n"; "text is no code")]
#[test_case(Status::ok("x").with(Code::AppendUid { uid_validity: 5, uid: 7 }) => "a1 OK [APPENDUID 5 7] x\r\n"; "appenduid")]
#[test_case(Status::ok("x").with(Code::CopyUid { uid_validity: 5, from: vec![1, 2, 3, 9], to: vec![4, 5, 6, 7] })
    => "a1 OK [COPYUID 5 1:3,9 4:7] x\r\n"; "copyuid")]
#[test_case(Status::ok("x").with(Code::PermanentFlags(vec![Flag::Seen, Flag::Keyword("$A".into())], NewKeywords::Allowed))
    => "a1 OK [PERMANENTFLAGS (\\Seen $A \\*)] x\r\n"; "permanent flags")]
#[test_case(Status::ok("x").with(Code::PermanentFlags(vec![], NewKeywords::Refused))
    => "a1 OK [PERMANENTFLAGS ()] x\r\n"; "no permanent flags")]
#[test_case(Status::ok("x").with(Code::ReadOnly) => "a1 OK [READ-ONLY] x\r\n"; "read only")]
#[test_case(Status::no("x").with(Code::BadCharset(&["A", "B"])) => "a1 NO [BADCHARSET (A B)] x\r\n"; "badcharset")]
#[test_case(Status::ok("x").with(Code::UidNext(4)) => "a1 OK [UIDNEXT 4] x\r\n"; "uidnext")]
fn rfc9051_7_1_status(status: Status) -> String {
    written(|out| status.write_tagged(&tag(), out))
}

#[test]
fn rfc9051_7_3_1_list() {
    let entry = ListEntry {
        attributes: vec![Attribute::HasNoChildren, Attribute::Use(SpecialUse::Sent)],
        name: "Жіберілген".to_owned(),
        ..ListEntry::default()
    };
    let rev1 = "* LIST (\\HasNoChildren \\Sent) \"/\" &BBYEVgQxBDUEQARWBDsEMwQ1BD0-\r\n";
    assert_eq!(written(|out| write_list(&entry, Dialect::REV1, out)), rev1);
    let rev2 = "* LIST (\\HasNoChildren \\Sent) \"/\" \"Жіберілген\"\r\n";
    assert_eq!(written(|out| write_list(&entry, Dialect::REV2, out)), rev2);
    assert_eq!(written(|out| write_list(&entry, ACCEPT, out)), rev2);
    let extended = ListEntry { name: "a b".to_owned(), subscribed_below: true, ..ListEntry::default() };
    assert_eq!(
        written(|out| write_list(&extended, Dialect::REV2, out)),
        "* LIST () \"/\" \"a b\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"
    );
    assert_eq!(written(|out| write_lsub(&extended, Dialect::REV1, out)), "* LSUB () \"/\" \"a b\"\r\n");
    assert_eq!(written(write_list_root), "* LIST (\\Noselect) \"/\" \"\"\r\n");
}

#[test]
fn rfc9051_7_mailbox_data() {
    let data = [(StatusItem::Messages, 3), (StatusItem::Size, 1 << 40)].map(|(item, value)| StatusData { item, value });
    let status = written(|out| write_status("a", &data, Dialect::REV1, out));
    assert_eq!(status, "* STATUS a (MESSAGES 3 SIZE 1099511627776)\r\n");
    let set: NumberSet = [2, 3, 4, 9].into_iter().collect();
    assert_eq!(written(|out| write_search(&set, out)), "* SEARCH 2 3 4 9\r\n");
    assert_eq!(written(|out| write_search(&NumberSet::default(), out)), "* SEARCH\r\n");
    let all = Esearch { min: Some(2), max: Some(9), all: Some(&set), count: Some(4) };
    let esearch = written(|out| write_esearch(&tag(), NumberedBy::Uid, &all, out));
    assert_eq!(esearch, "* ESEARCH (TAG \"a1\") UID MIN 2 MAX 9 ALL 2:4,9 COUNT 4\r\n");
    let none = Esearch { all: Some(&NumberSet::default()), count: Some(0), ..Esearch::default() };
    let esearch = written(|out| write_esearch(&tag(), NumberedBy::Sequence, &none, out));
    assert_eq!(esearch, "* ESEARCH (TAG \"a1\") COUNT 0\r\n");
    assert_eq!(written(|out| write_recent(0, Dialect::REV1, out)), "* 0 RECENT\r\n");
    assert_eq!(written(|out| write_recent(0, Dialect::REV2, out)), "");
    assert_eq!(written(|out| write_exists(7, out)), "* 7 EXISTS\r\n");
    assert_eq!(written(|out| write_expunge(7, out)), "* 7 EXPUNGE\r\n");
    assert_eq!(written(|out| write_flags(&[Flag::Seen], out)), "* FLAGS (\\Seen)\r\n");
    assert_eq!(written(write_namespace), "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
    assert_eq!(written(|out| write_enabled(&[], out)), "* ENABLED\r\n");
}

fn someone() -> AddressEntry {
    AddressEntry::Mailbox {
        name: text("Әлия Ж"),
        route: None,
        local: "aliya".to_owned(),
        domain: "poshta.example".to_owned(),
    }
}

fn envelope() -> Envelope {
    Envelope {
        date: text("Mon, 7 Feb 2026 21:52:25 +0500"),
        subject: text("Re: қала"),
        from: vec![someone()],
        to: vec![AddressEntry::GroupStart("all".to_owned()), someone(), AddressEntry::GroupEnd],
        message_id: text("<a@b>"),
        ..Envelope::default()
    }
}

#[test]
fn rfc9051_7_5_2_envelope_for_utf8_clients() {
    let from = "((\"Әлия Ж\" NIL \"aliya\" \"poshta.example\"))";
    let to = "((NIL NIL \"all\" NIL)(\"Әлия Ж\" NIL \"aliya\" \"poshta.example\")(NIL NIL NIL NIL))";
    assert_eq!(
        written(|out| write_envelope(&envelope(), Dialect::REV2, out)),
        format!("(\"Mon, 7 Feb 2026 21:52:25 +0500\" \"Re: қала\" {from} {from} {from} {to} NIL NIL NIL \"<a@b>\")")
    );
}

#[test]
fn rfc3501_7_4_2_envelope_is_ascii_in_rev1() {
    let shown = written(|out| write_envelope(&envelope(), Dialect::REV1, out));
    assert!(shown.is_ascii());
    assert!(shown.contains("\"Re: =?utf-8?B?0pvQsNC70LA=?=\""), "{shown}");
    assert!(shown.contains("(\"=?utf-8?B?05jQu9C40Y8g0JY=?=\" NIL \"aliya\" \"poshta.example\")"), "{shown}");
}

fn param(name: &str, value: &str) -> Param {
    Param { name: name.to_owned(), value: value.to_owned() }
}

fn leaf(kind: &str, subtype: &str) -> Part {
    Part { body: 100..152, lines: 3, kind: kind.to_owned(), subtype: subtype.to_owned(), ..Part::default() }
}

#[test]
fn rfc9051_7_5_2_body_of_a_text() {
    let part = Part { params: vec![param("charset", "utf-8")], encoding: text("8bit"), ..leaf("text", "plain") };
    let basic = "(\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"8bit\" 52 3)";
    assert_eq!(written(|out| write_body(&part, Dialect::REV1, out)), basic);
    let extended = "(\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"8bit\" 52 3 NIL NIL NIL NIL)";
    assert_eq!(written(|out| write_body_structure(&part, Dialect::REV1, out)), extended);
}

#[test]
fn rfc9051_7_5_2_body_of_a_multipart() {
    let picture = Part {
        id: text("<p@x>"),
        description: text("сурет"),
        encoding: text("BASE64"),
        md5: text("abc=="),
        disposition: Some(Disposition { kind: "attachment".to_owned(), params: vec![param("filename", "a.png")] }),
        language: vec!["kk".to_owned(), "ru".to_owned()],
        location: text("http://x"),
        ..leaf("image", "png")
    };
    let mixed = Part {
        params: vec![param("boundary", "b")],
        language: vec!["kk".to_owned()],
        content: Content::Multipart(vec![leaf("text", "html"), picture]),
        ..leaf("multipart", "mixed")
    };
    assert_eq!(
        written(|out| write_body(&mixed, Dialect::REV2, out)),
        "((\"text\" \"html\" NIL NIL NIL \"7BIT\" 52 3)\
         (\"image\" \"png\" NIL \"<p@x>\" \"сурет\" \"BASE64\" 52) \"mixed\")"
    );
    assert_eq!(
        written(|out| write_body_structure(&mixed, Dialect::REV2, out)),
        "((\"text\" \"html\" NIL NIL NIL \"7BIT\" 52 3 NIL NIL NIL NIL)\
         (\"image\" \"png\" NIL \"<p@x>\" \"сурет\" \"BASE64\" 52 \"abc==\" \
         (\"attachment\" (\"filename\" \"a.png\")) (\"kk\" \"ru\") \"http://x\") \
         \"mixed\" (\"boundary\" \"b\") NIL \"kk\" NIL)"
    );
}

#[test]
fn rfc9051_7_5_2_body_of_a_message() {
    let nested = Nested { envelope: Envelope::default(), part: leaf("text", "plain") };
    let message = Part { content: Content::Message(Box::new(nested)), ..leaf("message", "global") };
    let none = "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)";
    assert_eq!(
        written(|out| write_body(&message, Dialect::REV2, out)),
        format!(
            "(\"message\" \"global\" NIL NIL NIL \"7BIT\" 52 {none} (\"text\" \"plain\" NIL NIL NIL \"7BIT\" 52 3) 3)"
        )
    );
    let rev1 = written(|out| write_body(&message, Dialect::REV1, out));
    assert!(rev1.starts_with("(\"message\" \"rfc822\" "), "rev1 knows no message/global");
}

#[test_case("multipart", "mixed"; "multipart that was not split")]
#[test_case("message", "rfc822"; "message that was not looked into")]
fn what_has_no_parts_is_shown_as_opaque(kind: &str, subtype: &str) {
    let shown = written(|out| write_body(&leaf(kind, subtype), Dialect::REV1, out));
    assert_eq!(shown, "(\"application\" \"octet-stream\" NIL NIL NIL \"7BIT\" 52)");
}

#[test]
fn rfc9051_7_5_2_fetch() {
    let mut writer = FetchWriter::new(12, Dialect::REV1);
    writer.flags(&[Flag::Seen, Flag::Keyword("$A".to_owned())]);
    writer.uid(7);
    writer.internal_date("2026-02-01T07:08:09.999Z".parse().unwrap());
    writer.size(44827);
    writer.binary_size(&vec![1.try_into().unwrap()], 5);
    assert_eq!(
        String::from_utf8(writer.finish()).unwrap(),
        "* 12 FETCH (FLAGS (\\Seen $A) UID 7 INTERNALDATE \"01-Feb-2026 07:08:09 +0000\" RFC822.SIZE 44827 \
         BINARY.SIZE[1] 5)\r\n"
    );
}

#[test]
fn rfc9051_7_5_2_fetch_sections() {
    let fields = Section {
        part: vec![1.try_into().unwrap(), 2.try_into().unwrap()],
        text: Some(SectionText::HeaderFields(vec!["Date".to_owned(), "From".to_owned()])),
    };
    let whole = Section::default();
    let part = vec![3.try_into().unwrap()];
    let mut writer = FetchWriter::new(1, Dialect::REV1);
    writer.section(SectionName::Body(&fields), None, b"a\r\n");
    writer.section(SectionName::Body(&whole), Some(10), b"xy");
    writer.section(SectionName::Binary(&part), None, b"a\0b");
    writer.section(SectionName::Rfc822Text, None, b"");
    writer.section_nil(SectionName::Binary(&part));
    writer.section_literal(SectionName::Rfc822, None, 4);
    let mut sent = writer.take();
    sent.extend_from_slice(b"body");
    sent.extend(writer.finish());
    assert_eq!(
        String::from_utf8(sent).unwrap(),
        "* 1 FETCH (BODY[1.2.HEADER.FIELDS (Date From)] {3}\r\na\r\n BODY[]<10> {2}\r\nxy BINARY[3] ~{3}\r\na\0b \
         RFC822.TEXT {0}\r\n BINARY[3] NIL RFC822 {4}\r\nbody)\r\n"
    );
}
