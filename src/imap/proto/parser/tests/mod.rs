//! Every command in its forms, and what is said about the ones that are wrong.

mod cross_check;

use jiff::civil::date;
use proptest::prelude::*;
use test_case::test_case;

use super::*;
use crate::imap::proto::command::*;

fn parsed_in(input: &str, dialect: Dialect) -> Command {
    let line = format!("a1 {input}");
    match parse(line.as_bytes(), dialect, 20) {
        Ok(tagged) => {
            assert_eq!(tagged.tag.as_str(), "a1");
            tagged.command
        }
        Err(rejected) => panic!("{input}: {rejected:?}"),
    }
}

fn parsed(input: &str) -> Command {
    parsed_in(input, Dialect::REV1)
}

fn refused(input: &str) -> String {
    let rejected = parse(format!("a1 {input}").as_bytes(), Dialect::REV1, 20).expect_err(input);
    let mut out = Vec::new();
    rejected.status.write_tagged(&rejected.tag.expect("the tag is known"), &mut out);
    String::from_utf8(out).unwrap().trim_end().to_owned()
}

fn mailbox(name: &str) -> MailboxName {
    MailboxName { name: name.to_owned() }
}

fn set(text: &str) -> SequenceSet {
    Cursor::new(text.as_bytes(), Dialect::REV1).sequence_set().unwrap()
}

fn keyword(name: &str) -> Flag {
    Flag::Keyword(name.to_owned())
}

#[test_case("CAPABILITY" => Command::Capability)]
#[test_case("capability" => Command::Capability; "in any case")]
#[test_case("NOOP" => Command::Noop)]
#[test_case("LOGOUT" => Command::Logout)]
#[test_case("STARTTLS" => Command::StartTls)]
#[test_case("NAMESPACE" => Command::Namespace)]
#[test_case("IDLE" => Command::Idle)]
#[test_case("CHECK" => Command::Check)]
#[test_case("CLOSE" => Command::Close)]
#[test_case("UNSELECT" => Command::Unselect)]
#[test_case("EXPUNGE" => Command::Expunge(None))]
#[test_case("UID EXPUNGE 3:5" => Command::Expunge(Some(set("3:5"))))]
#[test_case("ID NIL" => Command::Id(vec![]))]
#[test_case("ID ()" => Command::Id(vec![]); "id of nothing")]
#[test_case("ID (\"name\" \"mutt\" \"os\" NIL)" =>
    Command::Id(vec![("name".into(), Some("mutt".into())), ("os".into(), None)]); "id of a client")]
#[test_case("ENABLE imap4rev2 X" => Command::Enable(vec!["IMAP4REV2".into(), "X".into()]))]
#[test_case("SELECT INBOX" => Command::Select(Select { mailbox: mailbox("INBOX"), access: Access::ReadWrite }))]
#[test_case("EXAMINE a" => Command::Select(Select { mailbox: mailbox("a"), access: Access::ReadOnly }))]
#[test_case("CREATE a/b" => Command::Create(Create { mailbox: mailbox("a/b"), special_use: vec![] }))]
#[test_case("CREATE s (USE (\\Sent \\drafts))" => Command::Create(Create {
    mailbox: mailbox("s"), special_use: vec![SpecialUse::Sent, SpecialUse::Drafts] }); "rfc6154")]
#[test_case("DELETE \"a b\"" => Command::Delete(mailbox("a b")))]
#[test_case("DELETE {3}\r\na b" => Command::Delete(mailbox("a b")); "literal name")]
#[test_case("DELETE {3+}\r\na b" => Command::Delete(mailbox("a b")); "literal name without waiting")]
#[test_case("DELETE \"a\\\"\\\\\"" => Command::Delete(mailbox("a\"\\")); "escapes")]
#[test_case("RENAME a b" => Command::Rename { from: mailbox("a"), to: mailbox("b") })]
#[test_case("SUBSCRIBE a]" => Command::Subscribe(mailbox("a]")); "astring may hold a bracket")]
#[test_case("UNSUBSCRIBE a" => Command::Unsubscribe(mailbox("a")))]
#[test_case("NAMESPACE" => Command::Namespace; "namespace")]
#[test_case("LSUB \"\" *" => Command::Lsub { reference: mailbox(""), pattern: ListPattern { pattern: "*".into() } })]
#[test_case("GETQUOTA \"\"" => Command::GetQuota(String::new()))]
#[test_case("GETQUOTA {4+}\r\nroot" => Command::GetQuota("root".into()); "quota root as a literal")]
#[test_case("GETQUOTAROOT inbox" => Command::GetQuotaRoot(mailbox("INBOX")))]
#[test_case("SETQUOTA \"\" (STORAGE 512 MESSAGE 7)" => Command::SetQuota)]
#[test_case("SETQUOTA \"\" ()" => Command::SetQuota; "no limits at all")]
#[test_case("STATUS a (DELETED-STORAGE)" => Command::Status {
    mailbox: mailbox("a"),
    items: vec![StatusItem::DeletedStorage],
}; "rfc9208 status")]
#[test_case("STATUS a (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE)" => Command::Status {
    mailbox: mailbox("a"),
    items: vec![StatusItem::Messages, StatusItem::Recent, StatusItem::UidNext, StatusItem::UidValidity,
        StatusItem::Unseen, StatusItem::Deleted, StatusItem::Size] })]
#[test_case("COPY 1,3:* a" => Command::Copy(Transfer {
    by: NumberedBy::Sequence, set: set("1,3:*"), mailbox: mailbox("a") }))]
#[test_case("UID COPY $ a" => Command::Copy(Transfer {
    by: NumberedBy::Uid, set: SequenceSet::Saved, mailbox: mailbox("a") }))]
#[test_case("MOVE 1 a" => Command::Move(Transfer { by: NumberedBy::Sequence, set: set("1"), mailbox: mailbox("a") }))]
#[test_case("uid move 1 a" => Command::Move(Transfer { by: NumberedBy::Uid, set: set("1"), mailbox: mailbox("a") }))]
fn rfc9051_6_commands(input: &str) -> Command {
    parsed(input)
}

#[test_case("inbox" => "INBOX"; "inbox in any case")]
#[test_case("InBox/a" => "INBOX/a"; "inbox as first level")]
#[test_case("inboxes" => "inboxes"; "only the whole level")]
#[test_case("&BBYEVgQxBDUEQARWBDsEMwQ1BD0-" => "Жіберілген"; "modified utf7")]
#[test_case("\"Жіберілген\"" => "Жіберілген"; "raw utf8 is let pass")]
#[test_case("&BDgDBg-" => "\u{439}"; "composed, so that a utf8 client finds it too")]
fn rfc3501_5_1_names(raw: &str) -> String {
    match parsed(&format!("DELETE {raw}")) {
        Command::Delete(mailbox) => mailbox.name,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rfc9051_5_1_rev2_names_are_utf8() {
    let Command::Delete(mailbox) = parsed_in("DELETE \"&-Ж\"", Dialect::REV2) else { panic!() };
    assert_eq!(mailbox.name, "&-Ж");
    // Net-Unicode: composed.
    let Command::Delete(mailbox) = parsed_in("DELETE \"и\u{306}\"", Dialect::REV2) else { panic!() };
    assert_eq!(mailbox.name, "й");
}

#[test]
fn rfc9051_6_2_3_login_forms() {
    for input in ["LOGIN user pass", "LOGIN \"user\" {4}\r\npass", "LOGIN {4+}\r\nuser {4+}\r\npass"] {
        let Command::Login(credentials) = parsed(input) else { panic!() };
        assert_eq!((credentials.user.as_str(), credentials.password.as_str()), ("user", "pass"));
        assert!(!format!("{credentials:?}").contains("pass\""));
    }
}

#[test_case("AUTHENTICATE PLAIN" => ("PLAIN".to_owned(), None); "no response")]
#[test_case("AUTHENTICATE plain =" => ("PLAIN".to_owned(), Some(vec![])); "empty response")]
#[test_case("AUTHENTICATE PLAIN AHUAcA==" => ("PLAIN".to_owned(), Some(b"\0u\0p".to_vec())); "response")]
fn rfc4959_initial_response(input: &str) -> (String, Option<Vec<u8>>) {
    match parsed(input) {
        Command::Authenticate(request) => (request.mechanism, request.initial.map(|bytes| bytes.to_vec())),
        other => panic!("{other:?}"),
    }
}

fn list(select: ListSelect, patterns: &[&str], returns: ListReturn, form: ListForm) -> Command {
    let patterns = patterns.iter().map(|pattern| ListPattern { pattern: (*pattern).to_owned() }).collect();
    Command::List(List { select, reference: mailbox(""), patterns, returns, form })
}

#[test]
fn rfc9051_6_3_9_list_forms() {
    let none = ListReturn::default;
    let all = ListSelect::default();
    let subscribed = ListSelect { subscribed: true, ..all };
    let cases = [
        ("LIST \"\" %", list(all, &["%"], none(), ListForm::Basic)),
        ("LIST \"\" \"\"", list(all, &[""], none(), ListForm::Basic)),
        ("LIST () \"\" (a %)", list(all, &["a", "%"], none(), ListForm::Extended)),
        ("LIST (SUBSCRIBED) \"\" *", list(subscribed, &["*"], none(), ListForm::Extended)),
        (
            "LIST (SUBSCRIBED RECURSIVEMATCH REMOTE SPECIAL-USE) \"\" *",
            list(
                ListSelect { subscribed: true, remote: true, recursive_match: true, special_use: true },
                &["*"],
                none(),
                ListForm::Extended,
            ),
        ),
        (
            "LIST \"\" % RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (MESSAGES SIZE))",
            list(
                all,
                &["%"],
                ListReturn {
                    subscribed: true,
                    children: true,
                    special_use: true,
                    status: Some(vec![StatusItem::Messages, StatusItem::Size]),
                },
                ListForm::Extended,
            ),
        ),
        ("LIST \"\" % RETURN ()", list(all, &["%"], none(), ListForm::Extended)),
    ];
    for (input, expected) in cases {
        assert_eq!(parsed(input), expected, "{input}");
    }
}

#[test]
fn rfc9051_6_3_9_a_pattern_that_fits_no_name_is_no_error() {
    for input in ["LIST \"\" &x", "LIST \"\" \"a\x01*\""] {
        let Command::List(list) = parsed(input) else { panic!() };
        assert_eq!(list.patterns, [ListPattern { pattern: "\0".to_owned() }], "{input}");
    }
    // RFC 6855 §3: but what is not UTF-8 is.
    assert!(parse(b"a1 LIST \"\" \"\xff*\"", Dialect::REV2, 20).is_err());
}

#[test]
fn a_list_has_only_so_many_patterns() {
    let with = |count: usize| format!("a LIST \"\" (%{})", " %".repeat(count - 1));
    assert!(parse(with(20).as_bytes(), Dialect::REV1, 20).is_ok());
    assert!(parse(with(21).as_bytes(), Dialect::REV1, 20).is_err());
}

fn store(set_text: &str, action: StoreAction, answer: StoreAnswer, flags: Vec<Flag>) -> Command {
    Command::Store(StoreFlags { by: NumberedBy::Sequence, set: set(set_text), action, answer, flags })
}

#[test_case("STORE 1 FLAGS (\\Seen $Work)" =>
    store("1", StoreAction::Replace, StoreAnswer::Told, vec![Flag::Seen, keyword("$Work")]))]
#[test_case("STORE 1 FLAGS ()" => store("1", StoreAction::Replace, StoreAnswer::Told, vec![]))]
#[test_case("STORE 1:2 +flags.silent \\Deleted \\draft" =>
    store("1:2", StoreAction::Add, StoreAnswer::Silent, vec![Flag::Deleted, Flag::Draft]))]
#[test_case("STORE * -FLAGS (\\Answered \\Flagged)" =>
    store("*", StoreAction::Remove, StoreAnswer::Told, vec![Flag::Answered, Flag::Flagged]))]
fn rfc9051_6_4_6_store(input: &str) -> Command {
    parsed(input)
}

fn part(numbers: &[u32]) -> PartPath {
    numbers.iter().map(|number| (*number).try_into().unwrap()).collect()
}

fn section(numbers: &[u32], text: Option<SectionText>) -> FetchItem {
    FetchItem::Section { section: Section { part: part(numbers), text }, peek: Peek::MarkSeen, partial: None }
}

#[test_case("ALL" => vec![FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size, FetchItem::Envelope])]
#[test_case("FAST" => vec![FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size])]
#[test_case("full" => vec![FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size, FetchItem::Envelope,
    FetchItem::Body]; "full")]
#[test_case("UID" => vec![FetchItem::Uid])]
#[test_case("(UID BODY BODYSTRUCTURE)" => vec![FetchItem::Uid, FetchItem::Body, FetchItem::BodyStructure])]
#[test_case("(RFC822 RFC822.HEADER RFC822.TEXT RFC822.SIZE)" => vec![FetchItem::Rfc822, FetchItem::Rfc822Header,
    FetchItem::Rfc822Text, FetchItem::Size]; "rfc822 family")]
#[test_case("BODY[]" => vec![section(&[], None)]; "whole")]
#[test_case("BODY[1]" => vec![section(&[1], None)]; "part")]
#[test_case("BODY[4.2.1]" => vec![section(&[4, 2, 1], None)]; "part of part")]
#[test_case("BODY[HEADER]" => vec![section(&[], Some(SectionText::Header))]; "header")]
#[test_case("BODY[TEXT]" => vec![section(&[], Some(SectionText::Text))]; "text")]
#[test_case("body[3.header]" => vec![section(&[3], Some(SectionText::Header))]; "header of part")]
#[test_case("BODY[4.1.MIME]" => vec![section(&[4, 1], Some(SectionText::Mime))]; "mime")]
#[test_case("BODY[HEADER.FIELDS (Date \"From\")]" =>
    vec![section(&[], Some(SectionText::HeaderFields(vec!["Date".into(), "From".into()])))]; "fields")]
#[test_case("BODY[1.HEADER.FIELDS.NOT (X)]" =>
    vec![section(&[1], Some(SectionText::HeaderFieldsNot(vec!["X".into()])))]; "fields not")]
#[test_case("BODY.PEEK[]<0.512>" => vec![FetchItem::Section { section: Section::default(), peek: Peek::Peek,
    partial: Some(Partial { offset: 0, length: 512 }) }]; "partial")]
#[test_case("BINARY[1]" => vec![FetchItem::Binary { part: part(&[1]), peek: Peek::MarkSeen, partial: None }])]
#[test_case("BINARY.PEEK[1.2]<5.6>" => vec![FetchItem::Binary { part: part(&[1, 2]), peek: Peek::Peek,
    partial: Some(Partial { offset: 5, length: 6 }) }]; "binary partial")]
#[test_case("BINARY.SIZE[]" => vec![FetchItem::BinarySize(vec![])]; "binary size of all")]
fn rfc9051_6_4_5_fetch(items: &str) -> Vec<FetchItem> {
    match parsed(&format!("FETCH 1 {items}")) {
        Command::Fetch(fetch) => fetch.items,
        other => panic!("{other:?}"),
    }
}

fn header(name: &str, value: &str) -> SearchKey {
    SearchKey::Header { name: name.to_owned(), value: value.to_owned() }
}

fn not(key: SearchKey) -> SearchKey {
    SearchKey::Not(Box::new(key))
}

#[test_case("ALL" => SearchKey::All)]
#[test_case("ANSWERED" => SearchKey::Has(Flag::Answered))]
#[test_case("DELETED" => SearchKey::Has(Flag::Deleted))]
#[test_case("DRAFT" => SearchKey::Has(Flag::Draft))]
#[test_case("FLAGGED" => SearchKey::Has(Flag::Flagged))]
#[test_case("SEEN" => SearchKey::Has(Flag::Seen))]
#[test_case("KEYWORD $Work" => SearchKey::Has(keyword("$Work")))]
#[test_case("UNANSWERED" => SearchKey::Lacks(Flag::Answered))]
#[test_case("UNDELETED" => SearchKey::Lacks(Flag::Deleted))]
#[test_case("UNDRAFT" => SearchKey::Lacks(Flag::Draft))]
#[test_case("UNFLAGGED" => SearchKey::Lacks(Flag::Flagged))]
#[test_case("UNSEEN" => SearchKey::Lacks(Flag::Seen))]
#[test_case("UNKEYWORD x" => SearchKey::Lacks(keyword("x")))]
#[test_case("NEW" => SearchKey::New)]
#[test_case("OLD" => SearchKey::Old)]
#[test_case("RECENT" => SearchKey::Recent)]
#[test_case("1:3,*" => SearchKey::Sequence(set("1:3,*")); "sequence numbers")]
#[test_case("$" => SearchKey::Sequence(SequenceSet::Saved); "saved")]
#[test_case("UID 7" => SearchKey::Uid(set("7")))]
#[test_case("BEFORE 1-Feb-2026" => SearchKey::Internal(DateRelation::Before, date(2026, 2, 1)))]
#[test_case("ON \"01-feb-2026\"" => SearchKey::Internal(DateRelation::On, date(2026, 2, 1)); "on")]
#[test_case("SINCE 31-Dec-1999" => SearchKey::Internal(DateRelation::Since, date(1999, 12, 31)))]
#[test_case("SENTBEFORE 1-Feb-2026" => SearchKey::Sent(DateRelation::Before, date(2026, 2, 1)))]
#[test_case("SENTON 1-Feb-2026" => SearchKey::Sent(DateRelation::On, date(2026, 2, 1)))]
#[test_case("SENTSINCE 1-Feb-2026" => SearchKey::Sent(DateRelation::Since, date(2026, 2, 1)))]
#[test_case("LARGER 4294967296" => SearchKey::Larger(1 << 32))]
#[test_case("SMALLER 10" => SearchKey::Smaller(10))]
#[test_case("BCC x" => header("BCC", "x"))]
#[test_case("CC x" => header("CC", "x"))]
#[test_case("FROM x" => header("FROM", "x"))]
#[test_case("TO x" => header("TO", "x"))]
#[test_case("SUBJECT \"a b\"" => header("SUBJECT", "a b"); "subject")]
#[test_case("HEADER X-Y \"\"" => header("X-Y", ""); "header is there")]
#[test_case("BODY x" => SearchKey::Body("x".into()))]
#[test_case("TEXT {2}\r\nab" => SearchKey::Text("ab".into()); "text by literal")]
#[test_case("NOT SEEN" => not(SearchKey::Has(Flag::Seen)))]
#[test_case("OR SEEN NOT DRAFT" =>
    SearchKey::Or(Box::new(SearchKey::Has(Flag::Seen)), Box::new(not(SearchKey::Has(Flag::Draft)))))]
#[test_case("(SEEN)" => SearchKey::Has(Flag::Seen); "list of one")]
#[test_case("(SEEN (DRAFT ALL)) 1" => SearchKey::And(vec![
    SearchKey::And(vec![SearchKey::Has(Flag::Seen), SearchKey::And(vec![SearchKey::Has(Flag::Draft), SearchKey::All])]),
    SearchKey::Sequence(set("1"))]); "nested lists")]
#[test_case("CHARSET UTF-8 TEXT {2+}\r\nЖ" => SearchKey::Text("Ж".into()); "utf8")]
fn rfc9051_6_4_4_search_keys(keys: &str) -> SearchKey {
    match parsed(&format!("SEARCH {keys}")) {
        Command::Search(search) => search.key,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rfc9051_6_4_4_search_charsets() {
    let koi8 = parse(b"a1 SEARCH CHARSET koi8-r TEXT {1}\r\n\xf6", Dialect::REV1, 20).unwrap();
    let Command::Search(search) = koi8.command else { panic!() };
    assert_eq!(search.key, SearchKey::Text("Ж".into()));
    assert!(refused("SEARCH CHARSET UTF-7 ALL").starts_with("a1 NO [BADCHARSET (US-ASCII UTF-8"));
    let accept = Dialect { rev2: false, utf8_accept: true };
    assert!(parse(b"a1 SEARCH CHARSET UTF-8 ALL", accept, 20).is_err(), "RFC 6855 §3");
    assert!(parse(b"a1 SEARCH TEXT {1}\r\n\xff", Dialect::REV1, 20).is_err(), "not UTF-8");
}

#[test_case("RETURN () ALL" => Some(vec![]); "nothing means all")]
#[test_case("RETURN (MIN MAX ALL COUNT SAVE) ALL" => Some(vec![SearchReturn::Min, SearchReturn::Max,
    SearchReturn::All, SearchReturn::Count, SearchReturn::Save]); "every option")]
#[test_case("RETURN (SAVE) CHARSET US-ASCII ALL" => Some(vec![SearchReturn::Save]); "before charset")]
#[test_case("ALL" => None; "no options")]
fn rfc9051_6_4_4_search_return(keys: &str) -> Option<Vec<SearchReturn>> {
    match parsed(&format!("UID SEARCH {keys}")) {
        Command::Search(Search { by: NumberedBy::Uid, returns, .. }) => returns,
        other => panic!("{other:?}"),
    }
}

#[test_case("BLURDYBLOOP" => "a1 BAD there is no command BLURDYBLOOP")]
#[test_case("" => "a1 BAD command: expected a command at column 4"; "nothing")]
#[test_case("UID NOOP" => "a1 BAD there is no command UID NOOP")]
#[test_case("NOOP x" => "a1 BAD NOOP: expected the end of the command at column 8")]
#[test_case("LOGIN user" => "a1 BAD LOGIN: expected a space at column 14"; "login without password")]
#[test_case("LOGIN \"user pass" => "a1 BAD LOGIN: expected the closing quote at column 20"; "open quote")]
#[test_case("LOGIN \"a\\b\" c" => "a1 BAD LOGIN: expected \" or \\ after \\ at column 13"; "bad escape")]
#[test_case("SELECT" => "a1 BAD SELECT: expected a space at column 10"; "select nothing")]
#[test_case("SELECT a b" => "a1 BAD SELECT: expected the end of the command at column 12"; "select two")]
#[test_case("SELECT aЖ" => "a1 BAD SELECT: expected the end of the command at column 12"; "eight bit atom")]
#[test_case("SELECT &x" => "a1 BAD SELECT: expected a mailbox name in modified UTF-7 without control characters at \
    column 11"; "bad utf7")]
#[test_case("FETCH 0 ALL" => "a1 BAD FETCH: expected a message number, \"*\" or \"$\" at column 10"; "number zero")]
#[test_case("FETCH 1:x ALL" => "a1 BAD FETCH: expected a message number, \"*\" or \"$\" at column 12"; "half a range")]
#[test_case("FETCH 4294967296 ALL" => "a1 BAD FETCH: expected a message number, \"*\" or \"$\" at column 10"; "33 bits")]
#[test_case("FETCH 1 BODY[MIME]" => "a1 BAD FETCH: expected a part number, HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT \
    or TEXT at column 17"; "mime of nothing")]
#[test_case("FETCH 1 BODY[1.]" => "a1 BAD FETCH: expected a part number, HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT or \
    TEXT at column 19"; "dangling dot")]
#[test_case("FETCH 1 BODY[]<1.0>" => "a1 BAD FETCH: expected a length above zero at column 21"; "empty range")]
#[test_case("FETCH 1 (UID" => "a1 BAD FETCH: expected a space or \")\" at column 16"; "open list")]
#[test_case("FETCH 1 ()" => "a1 BAD FETCH: expected a FETCH item at column 13"; "empty list")]
#[test_case("FETCH 1 BINARY" => "a1 BAD FETCH: expected a section in brackets at column 18"; "binary of nothing")]
#[test_case("STORE 1 FLAGS \\Recent" => "a1 BAD STORE: expected \\Answered, \\Flagged, \\Deleted, \\Seen, \\Draft or \
    a keyword at column 18"; "recent cannot be set")]
#[test_case("STORE 1 *FLAGS a" => "a1 BAD STORE: expected FLAGS, +FLAGS or -FLAGS, with or without .SILENT at \
    column 12"; "bad action")]
#[test_case("STORE 1 ++FLAGS a" => "a1 BAD STORE: expected FLAGS, +FLAGS or -FLAGS, with or without .SILENT at \
    column 13"; "two signs")]
#[test_case("SEARCH" => "a1 BAD SEARCH: expected a space at column 10"; "search nothing")]
#[test_case("SEARCH FOO" => "a1 BAD SEARCH: expected a search key at column 11"; "unknown key")]
#[test_case("SEARCH ON 30-Feb-2026" => "a1 BAD SEARCH: expected a date like 1-Feb-2026 at column 14"; "no such day")]
#[test_case("SEARCH OR ALL" => "a1 BAD SEARCH: expected a space at column 17"; "half an or")]
#[test_case("STATUS a ()" => "a1 BAD STATUS: expected MESSAGES, RECENT, UIDNEXT, UIDVALIDITY, UNSEEN, DELETED, \
    DELETED-STORAGE or SIZE at column 14"; "status of nothing")]
#[test_case("GETQUOTA" => "a1 BAD GETQUOTA: expected a space at column 12"; "quota of nothing")]
#[test_case("SETQUOTA a (STORAGE)" => "a1 BAD SETQUOTA: expected a space at column 23"; "a resource without limit")]
#[test_case("SETQUOTA a (STORAGE -1)" => "a1 BAD SETQUOTA: expected a limit at column 24"; "a limit below zero")]
#[test_case("UID GETQUOTA a" => "a1 BAD there is no command UID GETQUOTA"; "no uid getquota")]
#[test_case("LIST (RECURSIVEMATCH) \"\" *" => "a1 BAD LIST: expected SUBSCRIBED with RECURSIVEMATCH at column 9";
    "recursivematch alone")]
#[test_case("LIST (SPECIAL-USE RECURSIVEMATCH) \"\" *" => "a1 BAD LIST: expected SUBSCRIBED with RECURSIVEMATCH at \
    column 9"; "rfc6154 special use is no base option")]
#[test_case("LIST \"\" ()" => "a1 BAD LIST: expected a mailbox pattern at column 13"; "no pattern")]
#[test_case("APPEND a \"x\"" => "a1 BAD APPEND: expected a date like \"01-Feb-2026 12:34:56 +0500\" at column 14";
    "append with a quoted message")]
#[test_case("AUTHENTICATE PLAIN !" => "a1 BAD AUTHENTICATE: expected the initial response in base64 at column 23";
    "not base64")]
fn what_is_wrong_is_told_with_its_place(input: &str) -> String {
    refused(input)
}

#[test_case(b"" => None; "nothing")]
#[test_case(b"+ x" => None; "plus is no tag")]
#[test_case(b"a" => None; "no space")]
#[test_case(b"a b" => Some("a".to_owned()); "tag")]
#[test_case(b"a]. b" => Some("a].".to_owned()); "strange tag")]
#[test_case(b"\xff x" => None; "eight bit")]
fn rfc9051_9_tag(input: &[u8]) -> Option<String> {
    tag_of(input).map(|tag| tag.as_str().to_owned())
}

#[test]
fn search_keys_nest_only_so_deep() {
    let nested = |depth: usize| format!("a SEARCH {}ALL{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(nested(19).as_bytes(), Dialect::REV1, 20).is_ok());
    assert!(parse(nested(20).as_bytes(), Dialect::REV1, 20).is_err());
    let endless = format!("a SEARCH {}", "NOT ".repeat(50_000));
    assert!(parse(endless.as_bytes(), Dialect::REV1, 100).is_err());
    assert!(parse(endless.as_bytes(), Dialect::REV1, usize::MAX).is_err(), "whatever the configuration says");
}

fn head(so_far: &str) -> Option<Result<(Tag, Append), Rejected>> {
    append_head(so_far.as_bytes(), Dialect::REV1)
}

#[test]
fn rfc9051_6_3_12_append_head() {
    let plain = head("a1 APPEND a {310}\r\n").unwrap().unwrap().1;
    let expected =
        Append { mailbox: mailbox("a"), flags: vec![], internal_date: None, size: 310, form: AppendForm::Literal };
    assert_eq!(plain, expected);
    let full = head("a1 append \"a\" (\\Seen x) \" 1-Feb-2026 12:00:00 +0500\" ~{5+}\r\n").unwrap().unwrap().1;
    let expected = Append {
        flags: vec![Flag::Seen, keyword("x")],
        internal_date: Some("2026-02-01T07:00:00Z".parse().unwrap()),
        size: 5,
        form: AppendForm::Literal8,
        ..expected
    };
    assert_eq!(full, expected);
    let utf8 = head("a1 APPEND a UTF8 (~{7}\r\n").unwrap().unwrap().1;
    assert_eq!((utf8.form, utf8.size), (AppendForm::Utf8, 7));
    let by_literal = head("a1 APPEND {1}\r\na {9}\r\n").unwrap().unwrap().1;
    assert_eq!((by_literal.mailbox, by_literal.size), (mailbox("a"), 9));
}

#[test]
fn a_literal_that_is_no_message_is_an_argument() {
    assert!(head("a1 APPEND {3}\r\n").is_none(), "the mailbox");
    assert!(head("a1 LOGIN {3}\r\n").is_none());
    assert!(head("a1 APPENDX a {3}\r\n").is_none());
}

#[test_case("a1 APPEND a (\\Seen {3}\r\n"; "open flags")]
#[test_case("a1 APPEND a \"01-Feb-2026 25:00:00 +0500\" {3}\r\n"; "no such hour")]
#[test_case("a1 APPEND a \"01-Feb-2026 12:00:00 +0560\" {3}\r\n"; "no such zone")]
#[test_case("a1 APPEND a \"01-Jan-0000 00:00:00 +0500\" {3}\r\n"; "before the first year that can be written")]
#[test_case("a1 APPEND {1}\r\na{3}\r\n"; "no space behind a literal")]
#[test_case("a1 APPEND a x {3}\r\n"; "something else")]
fn a_bad_append_is_told_before_its_message(so_far: &str) {
    let rejected = head(so_far).unwrap().unwrap_err();
    assert_eq!(rejected.tag.unwrap().as_str(), "a1");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_bytes_panic(bytes in any::<Vec<u8>>(), rev2 in any::<bool>()) {
        let dialect = Dialect { rev2, utf8_accept: false };
        let _ = parse(&bytes, dialect, 20);
        let _ = append_head(&bytes, dialect);
    }

    #[test]
    fn no_scrambled_command_panics(
        words in proptest::collection::vec(proptest::sample::select(VOCABULARY), 0..12),
        dialect in proptest::sample::select(&[Dialect::REV1, Dialect::REV2][..]),
    ) {
        let input = format!("a {}", words.concat());
        let _ = parse(input.as_bytes(), dialect, 20);
        let _ = append_head(input.as_bytes(), dialect);
    }
}

/// Pieces of commands, to be put together wrongly.
const VOCABULARY: &[&str] = &[
    " ",
    " ",
    " ",
    "(",
    ")",
    "[",
    "]",
    "<",
    ">",
    ".",
    "1",
    "0",
    "*",
    "$",
    ":",
    ",",
    "\"",
    "\\",
    "{3}\r\n",
    "{1+}\r\n",
    "~{2}\r\n",
    "\"a\"",
    "NIL",
    "FETCH",
    "UID ",
    "SEARCH ",
    "STORE ",
    "LIST ",
    "APPEND ",
    "STATUS ",
    "GETQUOTA ",
    "GETQUOTAROOT ",
    "SETQUOTA ",
    "LOGIN ",
    "ID ",
    "BODY[",
    "BINARY[",
    "HEADER.FIELDS (",
    "RETURN (",
    "OR ",
    "NOT ",
    "CHARSET ",
    "UTF-8",
    "FLAGS",
    "\\Seen",
    "+",
    "1-Feb-2026",
    "\"01-Feb-2026 12:34:56 +0500\"",
    "&",
    "&-",
    "\0",
    "\r\n",
    "Ж",
    "UTF8 (",
    "USE (",
];
