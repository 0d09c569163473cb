//! The whole way of a receipt over a real store: from the letter to the report in the sender's mailbox.

use std::path::PathBuf;

use test_case::test_case;

use super::*;
use crate::hybrid::queue::FacilityEvent;
use crate::hybrid::workers::{self, Launch};
use crate::ids::ItemId;
use crate::intake::tests::{Letter, Post, envelope, letter, stranger};
use crate::intake::{Notify, Origin, ReportWishes, Sender, Submission};
use crate::message::Caps;
use crate::postal::{Handover, Kind, Mark, Verdict};
use crate::publisher;
use crate::store::items::{ItemEvent, add_event};
use crate::store::mailboxes::{INBOX, Message};
use crate::store::print_jobs::State;
use crate::store::receipts::{Consent, Stage};

const AIGUL: &str = "aigul@poshta.example";
const BOLAT: &str = "bolat@poshta.example";
const PAPER: &str = "letter@hat.poshta.example";
const SOMEBODY: &str = "somebody@elsewhere.kz";
const TO_PAPER: &str = "Postal-To: A. Omarova; Abay 10; 010000 Astana\r\n";

/// A post office with receipts; its worker draws nothing, so receipts go without their page.
struct Office {
    post: Post,
    receipts: Receipts,
    fetches: Fetches,
    dir: tempfile::TempDir,
}

impl Office {
    async fn open() -> Office {
        let post = Post::open().await;
        let dir = tempfile::tempdir().unwrap();
        let (fetches, fetched) = Fetches::channel(10);
        let receipts = Receipts::new(parts(&post, dir.path().to_owned(), fetched));
        Office { post, receipts, fetches, dir }
    }

    async fn send(&self, origin: Origin, to: &[(&str, Option<Notify>)], message: &str) -> ItemId {
        let addresses: Vec<&str> = to.iter().map(|(address, _)| *address).collect();
        let mut envelope = envelope(AIGUL, &addresses);
        for (recipient, (_, notify)) in envelope.recipients.iter_mut().zip(to) {
            recipient.notify = *notify;
            recipient.original = Some(format!("rfc822;Old+{}", recipient.address));
        }
        envelope.wishes = ReportWishes { returned: None, envelope_id: Some("QQ 314".into()) };
        let mut writer = self.post.intake.stage();
        writer.write(message.as_bytes()).unwrap();
        let body = writer.finish().unwrap();
        let mut scanner = crate::message::Scanner::new(Caps::default());
        scanner.push(message.as_bytes());
        let submission = Submission { origin, envelope, body, structure: scanner.finish() };
        self.post.intake.accept(submission).await.unwrap().item
    }

    /// From aigul.
    async fn submit(&self, to: &[(&str, Option<Notify>)], message: &str) -> ItemId {
        self.send(self.post.user("aigul").await, to, message).await
    }

    async fn publish(&self) {
        let publisher = self.receipts.inner.parts.publisher.clone();
        tokio::task::spawn_blocking(move || publisher.publish(|| true).unwrap()).await.unwrap();
    }

    /// The receipts that aigul gets when all of it is in the log.
    async fn receipts(&self) -> Vec<Letter> {
        self.publish().await;
        self.receipts.write_due().await.unwrap();
        self.post.inbox("aigul").await
    }

    /// The pages of the receipts that aigul got.
    async fn pages(&self) -> Vec<(Stage, ReceiptPage)> {
        let id = self.post.accounts.find_login("aigul").await.unwrap().unwrap().id;
        let kept = self.post.store.read(move |view| kept(view, id, None, 10)).await.unwrap();
        kept.into_iter().map(|(id, kept)| (id.stage, kept.page)).collect()
    }

    async fn rows(&self, login: &str) -> Vec<Message> {
        let id = self.post.accounts.find_login(login).await.unwrap().unwrap().id;
        let read = self.post.store.read(move |view| {
            let inbox = view.folder_named(id, INBOX)?.unwrap();
            view.messages(id, inbox.id, crate::ids::Uid::new(1).unwrap(), 100)
        });
        read.await.unwrap()
    }

    /// The post has the letter on paper, and a mark says so: to a delivery, any receipt will do as the one before it.
    async fn hand_to_post(&self, item: ItemId, receive: String) {
        let stored = self.post.paper.queue().job(item).await.unwrap().unwrap();
        let mut job = stored.job.clone();
        job.state = State::HandedToPost;
        let mut batch = Batch::new();
        stored.change(&mut batch, &job).unwrap();
        let event = ItemEvent {
            at_us: self.post.world.now().as_microsecond(),
            name: job.state.name().into(),
            actor: "astana-print".into(),
            reason: None,
            sheets: None,
            mark: Some(receive),
        };
        add_event(&mut batch, item, &event).unwrap();
        self.post.store.commit(batch).await.unwrap();
    }

    /// bolat fetches everything in the inbox.
    async fn fetch(&self) {
        let id = self.post.accounts.find_login("bolat").await.unwrap().unwrap().id;
        self.rows("bolat").await.iter().for_each(|row| self.fetches.note(id, row));
        self.receipts.note_said().await;
    }
}

fn parts(post: &Post, dir: PathBuf, fetched: FetchesQueue) -> Parts {
    let launch = Launch { program: "/bin/true".into(), arguments: Vec::new() };
    Parts {
        settings: Settings { public_url: "https://post.example".into(), ..Settings::default() },
        facilities: postal::Settings::default(),
        store: post.store.clone(),
        accounts: post.accounts.clone(),
        intake: post.intake.clone(),
        publisher: Publisher::new(publisher::Parts {
            settings: publisher::Settings::default(),
            origin: "poshta.example/log".into(),
            dir,
            store: post.store.clone(),
            world: post.world.clone(),
        }),
        publishes: true,
        devices: post.devices.clone(),
        registry: Arc::new(Registry::parse(include_str!("../../conf/facilities.toml")).unwrap()),
        workers: Workers::new(workers::Settings::default(), launch),
        fetched,
        world: post.world.clone(),
        host_name: "mx.poshta.example".into(),
        mail_domain: "poshta.example".into(),
    }
}

const SUCCESS: Option<Notify> = Some(Notify { success: true, ..Notify::NEVER });

/// The fields of the part for programs.
fn status(letter: &Letter) -> String {
    part(letter, "delivery-status")
}

/// The part of a report with this media subtype.
fn part(letter: &Letter, subtype: &str) -> String {
    let parsed = mail_parser::MessageParser::default().parse(&letter.0).unwrap();
    let part = parsed.parts.iter().find(|part| {
        use mail_parser::MimeHeaders as _;
        part.content_type().is_some_and(|kind| kind.subtype() == Some(subtype))
    });
    String::from_utf8_lossy(part.unwrap().contents()).into_owned()
}

/// The values of a field there, unfolded.
fn values(status: &str, name: &str) -> Vec<String> {
    let groups = status.split("\r\n\r\n");
    let fields = groups.flat_map(|group| {
        let block = format!("{group}\r\n");
        let found = crate::message::headers::fields(block.as_bytes()).filter(|field| field.is(name));
        found.map(|field| field.text()).collect::<Vec<_>>()
    });
    fields.collect()
}

#[tokio::test]
async fn rfc3461_notify_success_gives_one_receipt_that_names_the_marks_of_the_letter() {
    let office = Office::open().await;
    let item = office.submit(&[(BOLAT, SUCCESS)], &letter(AIGUL, "")).await;
    let receipts = office.receipts().await;
    let [receipt] = &receipts[..] else { panic!("{} receipts", receipts.len()) };
    assert_eq!(receipt.values("Return-Path"), ["<>"]);
    assert_eq!(receipt.values("Auto-Submitted"), ["auto-generated"]);
    assert_eq!(receipt.values("In-Reply-To"), ["<1@client.example>"]);
    let status = status(receipt);
    assert_eq!(values(&status, "Original-Envelope-Id"), ["QQ 314"]);
    assert_eq!(values(&status, "Original-Recipient"), [format!("rfc822; Old+{BOLAT}")]);
    assert_eq!(values(&status, "Final-Recipient"), [format!("rfc822; {BOLAT}")]);
    assert_eq!(values(&status, "Action"), ["delivered"]);
    assert_eq!(values(&status, "Postal-Item-Id"), [item.to_string()]);
    // P18: the marks are those of the letter, each with the proof that it is in the log.
    let told: Vec<Mark> = values(&status, "Postal-Mark").iter().map(|value| Mark::parse(value).unwrap()).collect();
    let there = office.post.only("bolat").await;
    let there: Vec<Mark> = there.values("Postal-Mark").iter().map(|value| Mark::parse(value).unwrap()).collect();
    assert_eq!(told.len(), 3);
    assert!(told.iter().all(|mark| there.iter().any(|other| other.digest() == mark.digest())));
    assert_eq!(told[0].kind, Kind::Accept);
    for (mark, proof) in told.iter().zip(values(&status, "Postal-Mark-Proof")) {
        let (url, proof) = proof.split_once("; p=").unwrap();
        assert_eq!(url, format!("i={0}; u=https://post.example/log/proof?i={0}", mark.id));
        use base64::Engine as _;
        let proof = base64::engine::general_purpose::STANDARD.decode(proof.replace(' ', "")).unwrap();
        let proof: crate::tlog::proof::Proof = String::from_utf8(proof).unwrap().parse().unwrap();
        let view = office.receipts.inner.parts.publisher.view().unwrap();
        proof.verify(&crate::tlog::Entry(mark.digest().0), view.verifier()).unwrap();
    }
    // Nothing comes twice.
    assert_eq!(office.receipts().await.len(), 1);
    let verdict = office.post.store.check().unwrap();
    assert!(verdict.is_sound(), "{:#?}", verdict.problems);
    drop(office.dir);
}

// RFC 3461 §4.1: one receipt where acceptance and delivery are one moment, two where others deliver later.
#[test_case(BOLAT, SUCCESS => vec!["delivered"]; "a mailbox here")]
#[test_case(SOMEBODY, SUCCESS => vec!["accepted"]; "another server, which tells of the delivery")]
#[test_case(PAPER, SUCCESS => vec!["accepted"]; "paper")]
#[test_case(SOMEBODY, None => Vec::<&str>::new(); "another server, and nothing asked")]
#[test_case(PAPER, Some(Notify::default()) => Vec::<&str>::new(); "paper, and failures asked for")]
#[tokio::test]
async fn rfc3461_notify_success_tells_at_once(to: &'static str, notify: Option<Notify>) -> Vec<&'static str> {
    let office = Office::open().await;
    office.submit(&[(to, notify)], &letter(AIGUL, TO_PAPER)).await;
    let receipts = office.receipts().await;
    let pages = office.pages().await;
    assert_eq!(receipts.len(), pages.len());
    pages.iter().map(|(stage, _)| stage_name(*stage)).collect()
}

#[tokio::test]
async fn rfc3461_each_recipient_has_the_receipt_of_its_own_way() {
    let office = Office::open().await;
    office.submit(&[(BOLAT, SUCCESS), (SOMEBODY, SUCCESS)], &letter(AIGUL, "")).await;
    let told = office.receipts().await.iter().map(status).collect::<Vec<_>>();
    let told = told.iter().map(|status| ["Final-Recipient", "Postal-Event"].map(|name| values(status, name).concat()));
    let mut told: Vec<_> = told.map(|[recipient, event]| format!("{recipient} {event}")).collect();
    told.sort();
    assert_eq!(told, [format!("rfc822; {BOLAT} delivered"), format!("rfc822; {SOMEBODY} accepted")]);
}

#[tokio::test]
async fn p18_the_page_draws_every_mark_of_the_copy_from_the_acceptance_on() {
    let office = Office::open().await;
    office.submit(&[(BOLAT, None)], &letter(AIGUL, "Postal-Class: registered\r\n")).await;
    office.receipts().await;
    office.fetch().await;
    office.receipts().await;
    let mut there: Vec<_> = material::marks_of(&office.post.only("bolat").await.0);
    there.reverse();
    let lines: Vec<_> = there.into_iter().map(|shown| shown.line).collect();
    let pages = office.pages().await;
    let drawn = |stage: Stage| {
        let (_, page) = pages.iter().find(|(known, _)| *known == stage).unwrap();
        page.stamps.iter().map(|(_, line)| line.clone()).collect::<Vec<_>>()
    };
    assert_eq!(drawn(Stage::Accepted), lines[..1]);
    assert_eq!(drawn(Stage::Delivered), lines);
    assert_eq!(drawn(Stage::Handed)[..3], lines);
    assert_eq!(drawn(Stage::Handed).len(), 4);
}

#[tokio::test]
async fn p18_where_not_all_marks_fit_the_page_says_how_many_more_there_are() {
    let office = Office::open().await;
    office.submit(&[(BOLAT, SUCCESS)], &letter(AIGUL, "")).await;
    let owed = office.post.store.read(|view| view.owed_receipts(u64::MAX, None, 10)).await.unwrap().remove(0);
    let mut material = office.receipts.material(&owed).await.unwrap();
    let named = |line: &str| material::Shown { line: line.into(), ..material.others[1].clone() };
    let older = ["third", "second", "first"].map(named);
    let [accept, newest] = [&material.accept.as_ref().unwrap().line, &material.others[0].line].map(String::clone);
    material.others.splice(1.., older);
    let parts = &office.receipts.inner.parts;
    let page = Composer { owed: &owed, material: &material, parts, url: "https://post.example" }.page();
    let lines: Vec<_> = page.stamps.iter().map(|(_, line)| line.as_str()).collect();
    assert_eq!(lines, [&accept, "second", "third", &newest]);
    let (label, more) = page.facts.last().unwrap();
    assert_eq!((label.contains("More postmarks"), more.as_str()), (true, "1"));
}

#[tokio::test]
async fn p18_a_registered_letter_has_a_receipt_of_acceptance_and_one_of_delivery() {
    let office = Office::open().await;
    office.submit(&[(BOLAT, None)], &letter(AIGUL, "Postal-Class: registered\r\n")).await;
    let mut events: Vec<_> =
        office.receipts().await.iter().flat_map(|receipt| values(&status(receipt), "Postal-Event")).collect();
    events.sort();
    assert_eq!(events, ["accepted", "delivered"]);
}

#[tokio::test]
async fn rfc3461_never_is_never() {
    let office = Office::open().await;
    let registered = letter(AIGUL, "Postal-Class: registered\r\n");
    office.submit(&[(BOLAT, Some(Notify::NEVER))], &registered).await;
    office.fetch().await;
    assert!(office.receipts().await.is_empty());
}

#[tokio::test]
async fn rfc3461_who_asks_for_nothing_gets_nothing() {
    let office = Office::open().await;
    office.submit(&[(BOLAT, None)], &letter(AIGUL, "")).await;
    assert!(office.receipts().await.is_empty());
}

#[tokio::test]
async fn a_stranger_can_make_no_receipt_go_anywhere() {
    let office = Office::open().await;
    office.send(stranger(), &[(BOLAT, SUCCESS)], &letter(AIGUL, "Postal-Class: registered\r\n")).await;
    office.fetch().await;
    assert!(office.receipts().await.is_empty());
}

#[tokio::test]
async fn blind_copies_are_not_in_the_receipts_of_others() {
    let office = Office::open().await;
    office.submit(&[(BOLAT, SUCCESS), ("postmaster@poshta.example", SUCCESS)], &letter(AIGUL, "")).await;
    let receipts = office.receipts().await;
    assert_eq!(receipts.len(), 2);
    let status_of = |own: &str| {
        let mut all = receipts.iter().map(status);
        all.find(|status| values(status, "Final-Recipient")[0].contains(own)).unwrap()
    };
    for (own, other) in [("bolat", "postmaster"), ("postmaster", "bolat")] {
        let status = status_of(own);
        assert!(!status.contains(&format!("{other}@")), "{status}");
        let owner: crate::address::Address = format!("{own}@poshta.example").parse().unwrap();
        let marks = values(&status, "Postal-Mark");
        let tags = marks.iter().filter_map(|value| Mark::parse(value).unwrap().recipient);
        assert!(tags.clone().count() == 2 && tags.into_iter().all(|tag| tag.names(&owner)));
    }
}

#[tokio::test]
async fn p24_the_receipt_says_when_the_letter_was_accepted_however_late_it_is_written() {
    let office = Office::open().await;
    office.submit(&[(BOLAT, SUCCESS)], &letter(AIGUL, "")).await;
    // The log does not come: the receipt waits, and then goes with the address of the proof alone.
    assert_eq!(office.receipts.write_due().await.unwrap(), GLANCE);
    assert!(office.post.inbox("aigul").await.is_empty());
    office.post.clock.advance_s(3 * 24 * 3600);
    office.receipts.write_due().await.unwrap();
    let receipt = office.post.only("aigul").await;
    let status = status(&receipt);
    assert_eq!(values(&status, "Arrival-Date"), ["Sat, 21 Nov 2026 04:15:00 +0000"]);
    assert!(
        values(&status, "Postal-Mark-Proof").iter().all(|proof| proof.contains("u=https://") && !proof.contains("p="))
    );
    let parsed = mail_parser::MessageParser::default().parse(&receipt.0).unwrap();
    assert!(parsed.body_text(0).unwrap().contains("21.11.2026 09:15:00 +05:00"));
}

#[tokio::test]
async fn p24_the_date_of_a_letter_box_never_stands_in_a_receipt() {
    let office = Office::open().await;
    office.submit(&[(BOLAT, SUCCESS)], &letter(AIGUL, "")).await;
    let own = office.post.only("bolat").await.values("Postal-Mark").pop().unwrap();
    // Dropped after the collection: the item shows the next day.
    let item = own.replace("ts=21112609", "ts=221126").replace(" d=poshta", " lb=box-1; d=poshta");
    assert!(Mark::parse(&item).unwrap().letter_box.is_some());
    let record = |value: &str| format!("Postal-Mark: {value}\r\n").into_bytes();
    let without = Material::of(Stage::Delivered, [Vec::new(), record(&item), Vec::new(), Vec::new()]);
    assert!(without.accept.is_none());
    let with = Material::of(Stage::Delivered, [Vec::new(), record(&item), Vec::new(), record(&own)]);
    assert_eq!(with.accept.unwrap().mark.token.to_string(), "21112609");
    // Nor in the header that comes back: of what stands above the letter the marks stay away, and nothing else.
    let below = b"Postal-Mark-Text: ASTANA\r\nReceived: here\r\n".to_vec();
    let header_with = |mark: &str| {
        let prefix = [record(mark), below.clone()].concat();
        let records = [Vec::new(), prefix, b"Subject: x\r\n\r\n".to_vec(), Vec::new()];
        String::from_utf8(Material::of(Stage::Returned, records).header.unwrap()).unwrap()
    };
    assert_eq!(header_with(&item), "Received: here\r\nSubject: x\r\n\r\n");
    assert!(header_with(&own).starts_with("Postal-Mark: "));
}

const FAILURE: Option<Notify> = Some(Notify { failure: true, ..Notify::NEVER });

#[test_case(SUCCESS, FacilityEvent::Delivered(None), &["accepted"],
    &[Kind::Accept, Kind::Deliver(Handover::Delivered), Kind::Receive]; "delivered, as NOTIFY asks")]
#[test_case(FAILURE, FacilityEvent::Returned { reason: "moved".into() }, &[], &[Kind::Accept, Kind::Receive];
    "returned, and a status message tells of the acceptance")]
#[tokio::test]
async fn p24_the_receipts_of_a_letter_from_a_box_show_its_actual_acceptance(
    wanted: Option<Notify>,
    event: FacilityEvent,
    accepted: &[&str],
    kinds: &[Kind],
) {
    const BOX: &str = "astana-print-box";
    let office = Office::open().await;
    office.submit(&[(BOLAT, None)], &letter(AIGUL, "")).await;
    let other = office.post.only("bolat").await.values("Postal-Mark");
    let receive = other.into_iter().find(|value| Mark::parse(value).unwrap().kind == Kind::Receive).unwrap();
    // 19:15 there, after the collection: the item shows the next day.
    office.post.clock.advance_s(10 * 3600);
    let item = office.submit(&[(PAPER, wanted)], &letter(AIGUL, TO_PAPER)).await;
    let journal = office.post.journal_of(item).await;
    assert!(journal.iter().any(|line| line["letter_box"] == BOX && line["token"] == "221126"), "{journal:?}");
    let payment = office.post.store.read(move |view| view.item_payment(item)).await.unwrap().unwrap();
    let own = payment.receipt.unwrap();

    // The one message that it was accepted.
    office.post.paper.send_notices(&office.post.intake).await.unwrap();
    let told = office.receipts().await;
    let [told] = &told[..] else { panic!("{} messages", told.len()) };
    assert_eq!(values(&status(told), "Postal-Event"), accepted);
    let marks: Vec<Mark> = values(&status(told), "Postal-Mark").iter().map(|it| Mark::parse(it).unwrap()).collect();
    assert_eq!(marks.iter().map(|mark| (mark.id, mark.kind)).collect::<Vec<_>>(), [(own.impression, Kind::Accept)]);
    assert!(!told.text().contains(BOX));

    // What became of it.
    office.hand_to_post(item, receive).await;
    office.post.paper.queue().track("astana-1", item, event).await.unwrap();
    let receipts = office.receipts().await;
    assert_eq!(receipts.len(), 2);
    let receipt = receipts.last().unwrap();
    let status = status(receipt);
    let marks: Vec<Mark> = values(&status, "Postal-Mark").iter().map(|it| Mark::parse(it).unwrap()).collect();
    assert_eq!(marks.iter().map(|mark| mark.kind).collect::<Vec<_>>(), kinds);
    assert_eq!((marks[0].id, marks[0].token.to_string().as_str()), (own.impression, "21112619"));
    assert!(marks.iter().all(|mark| mark.letter_box.is_none()) && !receipt.text().contains(BOX));
    let parsed = mail_parser::MessageParser::default().parse(&receipt.0).unwrap();
    let text = parsed.body_text(0).unwrap();
    assert!(text.contains("21.11.2026 19:15:00 +05:00") && !text.contains("+00:00"), "{text}");
    assert!(text.contains(&own.line), "by whom: {text}");
    let header = part(receipt, "rfc822-headers");
    assert!(header.contains(&format!("Postal-Item-Id: {item}")) && header.contains("Subject: x"), "{header}");
    assert!(!header.contains("Postal-Mark"), "{header}");
}

#[tokio::test]
async fn p6_what_is_fetched_is_handed_over_once_and_the_mark_verifies_on_the_letter() {
    let office = Office::open().await;
    let item = office.submit(&[(BOLAT, None)], &letter(AIGUL, "")).await;
    office.fetch().await;
    office.fetch().await;
    let row = office.rows("bolat").await.remove(0);
    let id = office.post.accounts.find_login("bolat").await.unwrap().unwrap().id;
    let email = row.email;
    let mark = office.post.store.read(move |view| view.handed(id, email)?.unwrap().mark(view)).await.unwrap();
    let letter = office.post.only("bolat").await;
    let marked = [mark.clone(), letter.0.clone()].concat();
    let keys = office.post.devices.marks();
    let report = postal::verify(&marked, Some(&keys));
    assert_eq!(report.verdict, Verdict::Valid, "{report:?}");
    let handed = Mark::parse(&Letter(mark).values("Postal-Mark")[0]).unwrap();
    let delivered = Mark::parse(&letter.values("Postal-Mark")[0]).unwrap();
    assert_eq!(handed.kind, Kind::Deliver(Handover::Handed));
    assert_eq!(handed.signature.as_ref().unwrap().previous.as_deref(), Some(&delivered.digest().0[..]));
    assert_eq!(handed.facility, delivered.facility);
    let journal = office.post.journal_of(item).await;
    assert_eq!(journal.iter().filter(|line| line["handover"] == "handed").count(), 1, "{journal:?}");
    // M7: the sender hears nothing.
    assert!(office.receipts().await.is_empty());
}

/// P6: a client keeps what it has fetched and does not come again.
#[tokio::test]
async fn p6_a_handing_over_that_no_device_could_stamp_is_stamped_when_one_can() {
    let office = Office::open().await;
    let item = office.submit(&[(BOLAT, None)], &letter(AIGUL, "")).await;
    office.post.clock.advance_s(-3600);
    office.fetch().await;
    let handed = async || {
        let journal = office.post.journal_of(item).await;
        journal.iter().filter(|line| line["handover"] == "handed").count()
    };
    office.receipts.note_kept().await;
    assert_eq!(handed().await, 0, "the clock went back");
    office.post.clock.advance_s(7200);
    office.receipts.note_kept().await;
    office.receipts.note_kept().await;
    assert_eq!(handed().await, 1);
}

/// What sessions said before they ended is noted before the server does.
#[tokio::test]
async fn p6_what_was_fetched_just_before_a_stop_is_handed_over() {
    let office = Office::open().await;
    let item = office.submit(&[(BOLAT, None)], &letter(AIGUL, "")).await;
    let id = office.post.accounts.find_login("bolat").await.unwrap().unwrap().id;
    office.rows("bolat").await.iter().for_each(|row| office.fetches.note(id, row));
    let stop = CancellationToken::new();
    stop.cancel();
    office.receipts.clone().run(stop).await;
    assert!(office.post.journal_of(item).await.iter().any(|line| line["handover"] == "handed"));
}

#[tokio::test]
async fn m7_the_sender_hears_of_it_only_while_the_addressee_agrees() {
    let office = Office::open().await;
    let id = office.post.accounts.find_login("bolat").await.unwrap().unwrap().id;
    office.post.accounts.set_consent(id, Consent::Given).await.unwrap();
    office.submit(&[(BOLAT, None)], &letter(AIGUL, "")).await;
    office.fetch().await;
    let receipts = office.receipts().await;
    assert_eq!(values(&status(&receipts[0]), "Postal-Event"), ["handed"]);
    assert_eq!(receipts.len(), 1);
    // Who changes their mind is not told of, also for letters that came before.
    office.submit(&[(BOLAT, None)], &letter(AIGUL, "")).await;
    office.post.accounts.set_consent(id, Consent::Withheld).await.unwrap();
    office.fetch().await;
    assert_eq!(office.receipts().await.len(), 1);
}

#[tokio::test]
async fn p6_the_sender_of_a_registered_letter_hears_that_it_was_handed_over() {
    let office = Office::open().await;
    office.submit(&[(BOLAT, None)], &letter(AIGUL, "Postal-Class: registered\r\n")).await;
    assert_eq!(office.receipts().await.len(), 2);
    office.fetch().await;
    let receipts = office.receipts().await;
    let status = status(receipts.last().unwrap());
    assert_eq!(values(&status, "Postal-Event"), ["handed"]);
    let kinds: Vec<_> =
        values(&status, "Postal-Mark").iter().map(|value| Mark::parse(value).unwrap().kind.handover()).collect();
    assert_eq!(kinds, [None, Some("handed"), Some("delivered"), None]);
}

/// M7: whoever writes as a state body learns of it, whatever the addressee wants; any other peer does not.
#[test_case(true, true; "official")]
#[test_case(false, false; "not official")]
#[tokio::test]
async fn m7_a_state_body_hears_that_its_letter_was_handed_over(official: bool, hears: bool) {
    let office = Office::open().await;
    let origin = Origin { sender: Sender::Peer { name: "egov-gateway".into(), official }, ..stranger() };
    office.send(origin, &[(BOLAT, None)], &letter(AIGUL, "")).await;
    office.fetch().await;
    let receipts = office.receipts().await;
    let told = receipts.iter().any(|receipt| values(&status(receipt), "Postal-Event") == ["handed"]);
    assert_eq!(told, hears);
}

#[test_case(0 => 30; "at once")]
#[test_case(45 => 45; "as long again")]
#[test_case(600 => 600; "and again")]
#[test_case(86_400 => 3600; "never longer")]
fn a_receipt_that_waits_long_is_tried_seldom(waited_s: u64) -> u64 {
    super::pause_ms(&super::Settings::default(), waited_s * 1000) / 1000
}
