//! A letter's way to paper over a real store and real worker processes: checked, drawn, leased, handed over.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use test_case::test_case;
use tokio_util::sync::CancellationToken;

use super::queue::{CentreEvent, FacilityEvent, LeaseRequest, QueueError};
use super::workers::{Launch, Settings as WorkerSettings, Workers};
use super::{Given, Paper, PaperItem, PaperLetter, Parts, Settings, Telling};
use crate::address::{Address, ReversePath};
use crate::clock::{Clock, SystemEntropy, Timestamp, World};
use crate::devices::Devices;
use crate::ids::{AccountId, ImpressionId, ItemId};
use crate::intake::{BodyType, Entrance, Envelope, Origin, Recipient, Refusal, ReportWishes, Sender};
use crate::message::{Caps, Scanner};
use crate::payment::{LetterName, tests::payments};
use crate::postal::{
    self, BodyHasher, Contents, Details, Handover, HeaderInput, Impression, Kind, Mark, Occasion, Registry, Verdict,
    verify, with_marks,
};
use crate::store::print_jobs::{Offer, PrintDocument, PrintJob, State, add_job};
use crate::store::{Batch, Store};

/// A clock that tests move.
#[derive(Debug)]
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

pub(super) struct Office {
    pub(super) paper: Paper,
    registry: Arc<Registry>,
    pub(super) devices: Devices,
    clock: Arc<HandClock>,
    world: World,
    pub(super) store: Store,
    _dir: tempfile::TempDir,
}

pub(super) const ASTANA: &str = "010000";

pub(super) fn office() -> Office {
    office_with(Settings::default())
}

pub(super) fn office_with(settings: Settings) -> Office {
    let arguments = ["hybrid::workers::tests::worker_process", "--exact", "--ignored"];
    let launch = Launch {
        program: std::env::current_exe().unwrap(),
        arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
    };
    office_of(settings, launch)
}

fn office_of(settings: Settings, launch: Launch) -> Office {
    let dir = tempfile::tempdir().unwrap();
    let store_settings = crate::store::Settings { watermark_bytes: 0, ..Default::default() };
    let store = Store::open(dir.path(), &crate::store::tests::as_chosen(store_settings)).unwrap();
    let clock = Arc::new(HandClock(AtomicI64::new(1_795_266_180)));
    let world = World { clock: clock.clone(), entropy: Arc::new(SystemEntropy) };
    let registry = Arc::new(Registry::parse(include_str!("../../conf/facilities.toml")).unwrap());
    let devices = crate::devices::tests::devices(&store, &registry, &world, dir.path());
    let paper = Paper::new(Parts {
        settings: Arc::new(settings),
        facilities: Arc::new(postal::Settings::default()),
        registry: Arc::clone(&registry),
        devices: devices.clone(),
        payments: payments(&store, &registry, &world),
        store: store.clone(),
        workers: Workers::new(WorkerSettings::default(), launch),
        world: world.clone(),
        mail_domain: "poshta.example".into(),
    });
    Office { paper, registry, devices, clock, world, store, _dir: dir }
}

pub(super) fn message(address_header: &str, text: &str) -> String {
    format!(
        "From: =?utf-8?B?0J3Rg9GA0LvQsNC9?= <user001@poshta.example>\r\nSubject: x\r\nMessage-ID: <m1@x>\r\n\
         {address_header}MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}"
    )
}

pub(super) fn postal_to(index: &str) -> String {
    format!("Postal-To: Aigul Otegalieva; Abai 12-34; {index} Astana\r\n")
}

impl Office {
    /// What intake does with a letter for paper.
    pub(super) async fn accept(&self, local_part: &str, message: &str) -> Result<ItemId, Refusal> {
        let mut scanner = Scanner::new(Caps::default());
        scanner.push(message.as_bytes());
        let structure = scanner.finish();
        let mut writer = self.store.stage();
        writer.write(message.as_bytes()).unwrap();
        let body = writer.finish().unwrap();
        let header = body.read_at(0, structure.root.body.start as usize).unwrap();
        let user: Address = "user001@poshta.example".parse().unwrap();
        let origin = Origin {
            entrance: Entrance::Submission,
            sender: Sender::Account { id: AccountId(7), address: user.clone() },
            connection: None,
        };
        let recipient = Address::new(local_part, "hat.poshta.example").unwrap();
        let envelope = Envelope {
            reverse_path: ReversePath::Address(user),
            recipients: vec![Recipient::new(recipient.clone())],
            body: BodyType::EightBitMime,
            smtputf8: false,
            wishes: ReportWishes::default(),
        };
        let item = ItemId::generate(&self.world);
        let letter = LetterName::of("", std::iter::empty(), body.id());
        let letter = PaperLetter {
            payment: Given { item, signs: &[], letter },
            origin: &origin,
            envelope: &envelope,
            recipient: &recipient,
            body: &body,
            structure: &structure,
            header: &header,
        };
        let plan = self.paper.check(&letter).await?;
        let instant = self.world.now();
        let facility = postal::Settings::default().submission_facility.parse().unwrap();
        let mut strikes = self.devices.begin();
        let strike = strikes.strike(&facility, Kind::Accept).await.unwrap();
        let workplace = self.registry.workplace_with(&facility, strike.device(), instant).unwrap();
        let occasion = Occasion { id: ImpressionId::generate(&self.world), item, kind: Kind::Accept, instant };
        let details = Details { s10: Some(plan.s10()), ..Details::default() };
        let accept = Impression::make(workplace, occasion, details).unwrap();
        let below = format!("Postal-Item-Id: {item}\r\nReceived: by mx.poshta.example\r\n");
        let (_, content) = message.split_once("\r\n\r\n").unwrap();
        let mut hash = BodyHasher::default();
        hash.update(content.as_bytes());
        let contents = Contents::new(HeaderInput::to_sign(&[below.as_bytes(), &header]), hash.finish());
        let signed = accept.clone().sign(&contents, &strike.signer(), None).unwrap();
        let mut batch = Batch::new();
        batch.journal_with(|line| signed.write_journal_line(line));
        let body_bytes = body.len();
        let body = batch.body(body);
        let item_prefix = format!("{}{below}", signed.header()).into_bytes();
        let (surcharge, receipt, telling) = (None, None, Telling::ByStatus);
        let place = PaperItem { item, instant, item_prefix, body, body_bytes, accept, surcharge, receipt, telling };
        self.paper.add_to_batch(&mut batch, plan, place)?;
        strikes.commit(batch).await?;
        Ok(item)
    }

    pub(super) async fn queued(&self) -> ItemId {
        let item = self.accept("letter", &message(&postal_to(ASTANA), "Сәлем!\r\n")).await.unwrap();
        self.paper.draw_due().await.unwrap();
        assert_eq!(self.job(item).await.state, State::Queued);
        item
    }

    pub(super) async fn job(&self, item: ItemId) -> PrintJob {
        self.paper.queue().job(item).await.unwrap().unwrap().job
    }

    async fn centres(&self, item: ItemId) -> Vec<String> {
        self.job(item).await.offers.into_iter().map(|offer| offer.centre).collect()
    }

    async fn lease(&self, centre: &str) -> Vec<PrintJob> {
        self.paper.queue().lease(centre, request(0), &CancellationToken::new()).await.unwrap()
    }

    fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(super) async fn pdf(&self, document: &PrintDocument) -> Vec<u8> {
        let (body, bytes, wrapped) = (document.body, document.bytes as usize, document.data_key);
        let read = self.store.read(move |view| {
            let key = view.data_key(body, wrapped.as_ref())?;
            view.body(body, 0, bytes, key.as_ref())
        });
        read.await.unwrap().to_vec()
    }

    /// The marks of an item's events, the newest first, as a block of fields.
    async fn marks(&self, item: ItemId) -> String {
        let events = self.store.read(move |view| view.item_events(item)).await.unwrap();
        let marks = events.into_iter().rev().filter_map(|(_, event)| event.mark);
        let marks: String = marks.map(|mark| Mark::folded(&mark).unwrap()).collect();
        format!("{marks}Postal-Item-Id: {item}\r\n")
    }

    async fn events(&self, item: ItemId) -> Vec<String> {
        let events = self.store.read(move |view| view.item_events(item)).await.unwrap();
        events.into_iter().map(|(_, event)| event.name).collect()
    }
}

pub(super) fn request(wait_s: u64) -> LeaseRequest {
    LeaseRequest { max: 10, wait: Duration::from_secs(wait_s), colour: true, duplex: true }
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_impressions_on_the_paper_way_are_signed_over_the_letter() {
    let office = office();
    let letter = message(&postal_to(ASTANA), "Сәлем!\r\n");
    let item = office.accept("registered", &letter).await.unwrap();
    office.paper.draw_due().await.unwrap();
    let centre = office.centres(item).await.remove(0);
    let [job] = office.lease(&centre).await.try_into().unwrap();
    let queue = office.paper.queue();
    let sheets = job.document.as_ref().unwrap().sheets;
    let fence = job.fence;
    office.pass(60);
    queue.report(&centre, item, fence, CentreEvent::Printed { sheets }).await.unwrap();
    queue.report(&centre, item, fence, CentreEvent::HandedToPost).await.unwrap();
    office.pass(3600);
    queue.track("astana-1", item, FacilityEvent::Delivered(None)).await.unwrap();

    // The sender's own copy and the marks of the events: nothing else is needed.
    let keys = office.devices.marks();
    let marks = office.marks(item).await;
    let whole = with_marks(letter.as_bytes(), marks.as_bytes());
    let report = verify(&whole, Some(&keys));
    assert_eq!(report.verdict, Verdict::Valid, "{report:?}");
    let kinds: Vec<_> = report.marks.iter().filter_map(|mark| mark.kind).collect();
    assert_eq!(kinds, ["deliver", "receive", "accept"]);
    let handed = marks.split("Postal-Mark:").nth(1).unwrap();
    assert!(handed.contains("dk=handed") && handed.contains("id="), "{handed}");
    assert_eq!(report.marks[1].facility.as_deref(), Some(centre.as_str()));

    // Each has its number and its digest in the journal, from which the log is made.
    let journal = journal(&office.store);
    for mark in marks.split("Postal-Mark:").skip(1) {
        let value = mark.split("Postal-Item-Id").next().unwrap();
        let mark = Mark::parse(value).unwrap();
        let line = journal.iter().find(|line| line["impression"] == mark.id.to_string()).unwrap();
        assert_eq!(line["mark"], mark.digest().to_string());
        assert!(line["seq"].as_u64().is_some(), "{line}");
        assert_eq!(mark.signature.as_ref().unwrap().sequence, None);
    }

    // Of another letter they say that it is another one.
    let other = message(&postal_to(ASTANA), "Сәлем, Болат!\r\n").replace("Subject: x", "Subject: y");
    let report = verify(&with_marks(other.as_bytes(), marks.as_bytes()), Some(&keys));
    assert_eq!(report.verdict, Verdict::Forged);
    assert!(report.marks.iter().all(|mark| mark.findings.iter().any(|it| it.name() == "other_message")), "{report:?}");
}

#[test_case("letter", None, "delivered"; "laid into a letter box, if nothing else is said")]
#[test_case("registered", None, "handed"; "somebody signed for it")]
#[test_case("letter", Some(Handover::Handed), "handed"; "fetched at the counter")]
#[test_case("registered", Some(Handover::Both), "both"; "brought and given into hands")]
#[tokio::test(flavor = "multi_thread")]
async fn p6_a_letter_on_paper_is_delivered_handed_over_or_both(class: &str, said: Option<Handover>, shown: &str) {
    let office = office();
    let letter = message(&postal_to(ASTANA), "Сәлем!\r\n");
    let item = office.accept(class, &letter).await.unwrap();
    office.paper.draw_due().await.unwrap();
    let centre = office.centres(item).await.remove(0);
    let [job] = office.lease(&centre).await.try_into().unwrap();
    let (queue, sheets) = (office.paper.queue(), job.document.as_ref().unwrap().sheets);
    queue.report(&centre, item, job.fence, CentreEvent::Printed { sheets }).await.unwrap();
    queue.report(&centre, item, job.fence, CentreEvent::HandedToPost).await.unwrap();
    queue.track("astana-1", item, FacilityEvent::Delivered(said)).await.unwrap();

    let mark = Mark::parse(office.marks(item).await.split("Postal-Mark:").nth(1).unwrap()).unwrap();
    assert_eq!(mark.kind.handover(), Some(shown));
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_letter_of_an_older_version_gets_its_impressions_unsigned() {
    let office = office();
    let item = office.queued().await;
    let stored = office.paper.queue().job(item).await.unwrap().unwrap();
    let mut strikes = office.devices.begin();
    // There is no receipt yet that a delivery could point to.
    let made =
        office.paper.queue().stamp(&mut strikes, "astana-1", Kind::Deliver(Handover::Handed), &stored).await.unwrap();
    assert_eq!(made.mark, None);
    assert!(made.line.contains("\"kind\":\"deliver\""), "{}", made.line);
}

fn journal(store: &Store) -> Vec<serde_json::Value> {
    let mut lines = Vec::new();
    let read = store.read_blocking(|view| {
        view.journal_lines(|line| {
            lines.push(serde_json::from_str(line).unwrap());
            std::ops::ControlFlow::Continue(())
        })
    });
    read.unwrap();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn m2_a_letter_becomes_paper() {
    let office = office();
    let item = office.queued().await;
    let centre = office.centres(item).await.remove(0);
    let jobs = office.lease(&centre).await;
    let [job] = jobs.as_slice() else { panic!("{jobs:?}") };
    assert_eq!((job.item, job.fence, job.postal_index.as_str()), (item, 1, ASTANA));
    let document = office.paper.queue().document(&centre, item).await.unwrap();
    let pdf = office.pdf(&document).await;
    if let Ok(dir) = std::env::var("POSHTA_SHOW_LETTERS") {
        std::fs::write(format!("{dir}/whole.pdf"), &pdf).unwrap();
    }
    let pdf = lopdf::Document::load_mem(&pdf).unwrap();
    let carrier = pdf.extract_text(&[1]).unwrap();
    assert!(carrier.contains("Aigul Otegalieva") && carrier.contains(&job.s10), "{carrier}");
    assert!(pdf.extract_text(&[2]).unwrap().contains("Сәлем!"));

    let queue = office.paper.queue();
    queue.report(&centre, item, 1, CentreEvent::Printed { sheets: document.sheets }).await.unwrap();
    queue.report(&centre, item, 1, CentreEvent::Inserted).await.unwrap();
    queue.report(&centre, item, 1, CentreEvent::HandedToPost).await.unwrap();
    assert!(matches!(queue.document(&centre, item).await, Err(QueueError::Gone)));
    queue.track(&centre, item, FacilityEvent::InTransit).await.unwrap();
    queue.track(&centre, item, FacilityEvent::Returned { reason: "көшіп кеткен".into() }).await.unwrap();
    assert_eq!(
        office.events(item).await,
        ["accepted", "queued", "claimed", "printed", "inserted", "handed_to_post", "in_transit", "returned"]
    );
    let notices = office.store.read(|view| view.notices(10)).await.unwrap();
    assert_eq!(notices.iter().map(|notice| notice.event).collect::<Vec<_>>(), [1, 6, 8]);
}

#[tokio::test(flavor = "multi_thread")]
async fn f11_of_two_claims_one_wins() {
    let office = office();
    let item = office.queued().await;
    let centre = office.centres(item).await.remove(0);
    let queue = office.paper.queue();
    let stop = CancellationToken::new();
    let claims = (0..8).map(|_| queue.lease(&centre, request(0), &stop));
    let leased = futures_util::future::join_all(claims).await;
    let winners: usize = leased.into_iter().map(|jobs| jobs.unwrap().len()).sum();
    assert_eq!(winners, 1);
    assert_eq!(office.job(item).await.fence, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn f11_an_expired_lease_goes_back_and_the_late_report_is_fenced() {
    let office = office();
    let item = office.queued().await;
    let centre = office.centres(item).await.remove(0);
    assert_eq!(office.lease(&centre).await.len(), 1);
    office.pass(899);
    assert!(office.lease(&centre).await.is_empty(), "still held");
    office.pass(1);
    let queue = office.paper.queue();
    let late = queue.report(&centre, item, 1, CentreEvent::Printed { sheets: 2 }).await;
    assert!(matches!(late, Err(QueueError::StaleLease)), "{late:?}");
    let again = office.lease(&centre).await;
    assert_eq!(again.first().map(|job| job.fence), Some(2));
    let late = queue.report(&centre, item, 1, CentreEvent::Printed { sheets: 2 }).await;
    assert!(matches!(late, Err(QueueError::StaleLease)), "{late:?}");
    assert_eq!(office.job(item).await.state, State::Claimed);
    queue.report(&centre, item, 2, CentreEvent::Printed { sheets: 2 }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extended_lease_lasts() {
    let office = office();
    let item = office.queued().await;
    let centre = office.centres(item).await.remove(0);
    office.lease(&centre).await;
    office.pass(800);
    office.paper.queue().extend(&centre, item, 1).await.unwrap();
    office.pass(800);
    assert!(office.lease(&centre).await.is_empty());
    office.paper.queue().report(&centre, item, 1, CentreEvent::Printed { sheets: 2 }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_centre_sees_nothing_until_the_job_is_reassigned() {
    let office = office();
    let item = office.queued().await;
    let centres = office.centres(item).await;
    let queue = office.paper.queue();
    assert!(matches!(queue.document("nowhere", item).await, Err(QueueError::NotFound)));
    assert!(matches!(queue.extend("nowhere", item, 1).await, Err(QueueError::NotFound)));
    let [_, second, ..] = centres.as_slice() else { panic!("{centres:?}") };
    assert!(office.lease(second).await.is_empty());
    office.pass(4 * 3600);
    assert_eq!(office.lease(second).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_disabled_centre_is_open_to_the_next_at_once() {
    let office = office();
    let item = office.queued().await;
    let centres = office.centres(item).await;
    let [first, second, ..] = centres.as_slice() else { panic!("{centres:?}") };
    let settings = Settings { disabled_centres: vec![first.clone()], ..Settings::default() };
    let registry = Arc::clone(&office.registry);
    let devices = crate::devices::tests::devices(&office.store, &registry, &office.world, office._dir.path());
    let (store, world) = (office.store.clone(), office.world.clone());
    let queue = super::queue::PrintQueue::new(store, world, registry, devices, Arc::new(settings));
    let stop = CancellationToken::new();
    assert!(queue.lease(second, request(0), &stop).await.unwrap().is_empty());
    queue.release_disabled().await.unwrap();
    assert!(queue.lease(first, request(0), &stop).await.unwrap().is_empty());
    assert_eq!(queue.lease(second, request(0), &stop).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_out_of_order_change_nothing() {
    let office = office();
    let item = office.queued().await;
    let centre = office.centres(item).await.remove(0);
    office.lease(&centre).await;
    let queue = office.paper.queue();
    let early = queue.report(&centre, item, 1, CentreEvent::HandedToPost).await;
    assert!(matches!(early, Err(QueueError::WrongState { .. })), "{early:?}");
    let early = queue.track(&centre, item, FacilityEvent::Delivered(None)).await;
    assert!(matches!(early, Err(QueueError::WrongState { .. })), "{early:?}");
    assert_eq!(office.job(item).await.state, State::Claimed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_lease_wakes_when_work_comes() {
    let office = office();
    let probe = office.queued().await;
    let centre = office.centres(probe).await.remove(0);
    assert_eq!(office.lease(&centre).await.len(), 1);
    let stop = CancellationToken::new();
    // The lease is asked for first, when there is no work.
    let waiting = office.paper.queue().lease(&centre, request(30), &stop);
    let working = async {
        let item = office.accept("letter", &message(&postal_to(ASTANA), "Сәлем!\r\n")).await.unwrap();
        office.paper.draw_due().await.unwrap();
        item
    };
    let both = async { tokio::join!(biased; waiting, working) };
    let (jobs, item) = tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
    assert_eq!(jobs.unwrap().first().map(|job| job.item), Some(item));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_lease_ends_when_the_server_drains() {
    let office = office();
    let stop = CancellationToken::new();
    let waiting = office.paper.queue().lease("astana-print", request(60), &stop);
    let both = async { tokio::join!(waiting, async { stop.cancel() }) };
    let (jobs, ()) = tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
    assert!(jobs.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_centre_without_colour_does_not_starve_behind_letters_in_colour() {
    let office = office();
    let grey = office.queued().await;
    let job = office.job(grey).await;
    let centre = job.offers[0].centre.clone();
    let mut batch = Batch::new();
    for number in 0..500u32 {
        let s10 = format!("coloured {number}");
        let mut coloured = PrintJob { item: ItemId(u128::from(number)), s10, colour: true, ..job.clone() };
        let draft = batch.record(vec![0]);
        add_job(&mut batch, &mut coloured, draft, 0).unwrap();
    }
    office.store.commit(batch).await.unwrap();
    let mut batch = Batch::new();
    for number in 0..500u32 {
        let stored = office.paper.queue().job(ItemId(u128::from(number))).await.unwrap().unwrap();
        let offers = vec![Offer { centre: centre.clone(), due_ms: 0 }];
        let open = PrintJob { state: State::Queued, offers, ..stored.job.clone() };
        stored.change(&mut batch, &open).unwrap();
    }
    office.store.commit(batch).await.unwrap();
    let request = LeaseRequest { colour: false, ..request(0) };
    let jobs = office.paper.queue().lease(&centre, request, &CancellationToken::new()).await.unwrap();
    assert_eq!(jobs.iter().map(|job| job.item).collect::<Vec<_>>(), [grey]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_waits_for_a_worker_however_long_none_can_be_started() {
    let launch = Launch { program: "/nonexistent/worker".into(), arguments: Vec::new() };
    let office = office_of(Settings { max_render_attempts: 1, ..Settings::default() }, launch);
    let item = office.accept("letter", &message(&postal_to(ASTANA), "Сәлем!\r\n")).await.unwrap();
    office.paper.draw_due().await.unwrap();
    assert_eq!(office.job(item).await.state, State::Accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_is_not_refused_for_good_while_its_centres_are_disabled() {
    let disabled_centres = vec!["astana-print".to_owned(), "almaty-print".to_owned()];
    let office = office_with(Settings { disabled_centres, ..Settings::default() });
    let refused = office.accept("letter", &message(&postal_to(ASTANA), "Сәлем!\r\n")).await;
    assert!(matches!(refused, Err(Refusal::Temporary(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_that_come_at_once_do_not_share_the_last_place_of_the_day() {
    let office = office_with(Settings { max_letters_per_day: 1, ..Settings::default() });
    let letter = message(&postal_to(ASTANA), "Сәлем!\r\n");
    let (one, two) = tokio::join!(office.accept("letter", &letter), office.accept("letter", &letter));
    assert_eq!([one.is_ok(), two.is_ok()].into_iter().filter(|taken| *taken).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_in_the_text_is_left_out_of_the_letter() {
    let office = office();
    let text = "Айгүл Өтеғалиева\r\nАбай көшесі 12\r\n010000 Астана\r\n\r\nҚұрметті Айгүл!\r\n";
    let item = office.accept("registered+duplex", &message("", text)).await.unwrap();
    office.paper.draw_due().await.unwrap();
    let job = office.job(item).await;
    assert!(job.s10.starts_with("RR") && job.duplex && job.class == "registered");
    let document = job.document.unwrap();
    let pdf = office.pdf(&document).await;
    let pdf = lopdf::Document::load_mem(&pdf).unwrap();
    assert!(pdf.extract_text(&[1]).unwrap().contains("Айгүл Өтеғалиева"));
    let text = pdf.extract_text(&[3]).unwrap();
    assert!(text.contains("Құрметті Айгүл!") && !text.contains("Абай көшесі"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_drawn_is_check_failed_and_its_sender_is_owed_a_message() {
    let office = office();
    let item = office.accept("letter", &message(&postal_to(ASTANA), "Сәлем 😀\r\n")).await.unwrap();
    office.paper.draw_due().await.unwrap();
    assert_eq!(office.job(item).await.state, State::CheckFailed);
    let events = office.store.read(move |view| view.item_events(item)).await.unwrap();
    let reason = events.last().and_then(|(_, event)| event.reason.clone()).unwrap();
    assert!(reason.contains("U+1F600"), "{reason}");
    assert_eq!(office.store.read(|view| view.notices(10)).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_letters_are_refused_while_the_sender_is_on_the_line() {
    let office = office_with(Settings { max_letters_per_day: 1, ..Settings::default() });
    let two = format!("{}{}", postal_to(ASTANA), postal_to(ASTANA));
    assert!(matches!(office.accept("letter", &message(&two, "x")).await, Err(Refusal::BadPaperAddress(_))));
    assert!(matches!(office.accept("letter", &message("", "Hello")).await, Err(Refusal::BadPaperAddress(_))));
    assert!(matches!(office.accept("fax", &message(&postal_to(ASTANA), "x")).await, Err(Refusal::BadPaperAddress(_))));
    assert!(matches!(
        office.accept("letter", &message(&postal_to(ASTANA), "")).await,
        Err(Refusal::BadPaperContent(_))
    ));
    office.accept("letter", &message(&postal_to(ASTANA), "one")).await.unwrap();
    assert!(matches!(office.accept("letter", &message(&postal_to(ASTANA), "two")).await, Err(Refusal::OverQuota(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn c4_s10_numbers_are_never_used_twice_even_after_a_restart() {
    let office = office_with(Settings { s10_block: 2, ..Settings::default() });
    let range = postal::S10Range { service: "RR".into(), first: 1, last: 5 };
    let mut seen = std::collections::HashSet::new();
    for _ in 0..2 {
        let numbers = super::s10_numbers::S10Numbers::new(office.store.clone(), 2);
        assert!(seen.insert(numbers.take(&range).await.unwrap()));
    }
    let numbers = super::s10_numbers::S10Numbers::new(office.store.clone(), 2);
    assert!(seen.insert(numbers.take(&range).await.unwrap()));
    assert!(numbers.take(&range).await.is_err(), "the range is used up");
}
