//! `/verify/document` as a browser sees it: what anybody learns of a signed document, and what is not taken.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::signature::Visitor;
use super::*;
use crate::http::{Transport, serve};
use crate::identity::eds::tests::build::{Message, Plan};
use crate::server::listener::{ConnectionIds, Drain, Gate, Limits, Listener};

const PAGE: &str = "/verify/document";
const TEXT: &str = "Келісімшарт: екі данада жасалды.";
const ALWAYS: &str = "2099-12-31T00:00:00Z";

async fn bring(visitor: &mut Visitor<'_>, parts: &[(&str, &[u8])]) {
    visitor.get(&format!("{PAGE}?lang=en")).await;
    let token = ("csrf", visitor.hidden("csrf"));
    let sent = parts.iter().map(|(name, bytes)| {
        // Our test carries text; the page takes base64 as programs give it.
        let is_signature = *name == "signature";
        (*name, if is_signature { STANDARD.encode(bytes) } else { String::from_utf8(bytes.to_vec()).unwrap() })
    });
    let sent: Vec<_> = [token].into_iter().chain(sent).collect();
    visitor.post_parts(PAGE, sent).await;
}

fn says(visitor: &Visitor<'_>, text: &str) -> bool {
    visitor.page.contains(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn m5_anybody_learns_who_signed_a_document_and_when() {
    let office = office_with(Settings { max_document_checks_per_minute: 0, ..Settings::default() }).await;
    let first = office.authority.issue(&Plan { until: ALWAYS, ..Plan::person("Серікова Айгүл", "Root") });
    let second = Plan {
        iin: Some("791028302728"),
        bin: Some("060640000011"),
        until: ALWAYS,
        serial: 78,
        ..Plan::person("Ахметов Ерлан", "Root")
    };
    let second = office.authority.issue(&second);
    let mut visitor = Visitor::of(&office);
    let attached = first.message(TEXT).to_der();
    bring(&mut visitor, &[("signature", &attached)]).await;
    assert_eq!(visitor.status, StatusCode::OK);
    assert!(says(&visitor, "The signature is valid") && says(&visitor, "Серікова Айгүл"), "{}", visitor.page);
    assert!(says(&visitor, "20.11.2026 15:00"), "in Kazakhstan's time: {}", visitor.page);
    assert!(says(&visitor, "…0012") && !says(&visitor, "061211600012"), "{}", visitor.page);
    assert!(says(&visitor, "does not ask whether certificates were revoked"), "{}", visitor.page);
    // The document beside it; then another one.
    let detached = Message { is_detached: true, ..first.message(TEXT) };
    let both = detached.signed_with(&[&second.message(TEXT)]);
    bring(&mut visitor, &[("signature", &both), ("document", TEXT.as_bytes())]).await;
    assert!(says(&visitor, "The signature is valid") && says(&visitor, "Signature 2 of 2"), "{}", visitor.page);
    assert!(says(&visitor, "Серікова Айгүл") && says(&visitor, "Ахметов Ерлан"), "{}", visitor.page);
    assert!(says(&visitor, "060640000011") && !says(&visitor, "791028302728"), "{}", visitor.page);
    bring(&mut visitor, &[("signature", &both), ("document", "Келісімшарт: бір данада.".as_bytes())]).await;
    assert!(says(&visitor, "Not valid") && says(&visitor, "changed after it was signed"), "{}", visitor.page);
    bring(&mut visitor, &[("signature", &both)]).await;
    assert!(says(&visitor, "Not valid") && says(&visitor, "The document is not inside"), "{}", visitor.page);
    // One of two did not sign this.
    let forged = Message { is_damaged: true, ..second.message(TEXT) };
    bring(&mut visitor, &[("signature", &first.message(TEXT).signed_with(&[&forged]))]).await;
    assert!(says(&visitor, "Not valid") && says(&visitor, "is not of Ахметов Ерлан"), "{}", visitor.page);
    assert_eq!(office.store.read(|view| view.audit_entries(10)).await.unwrap(), [], "nothing of it is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn m5_a_page_says_it_in_three_languages() {
    let office = office().await;
    let signer = office.authority.issue(&Plan { until: ALWAYS, ..Plan::person("Серікова Айгүл", "Root") });
    let expired = office
        .authority
        .issue(&Plan { until: "2026-11-25T00:00:00Z", ..Plan::person("Серікова Айгүл", "Root") });
    let said = [
        ("kk", "Қолтаңба жарамды", "уақыт белгісі жоқ"),
        ("ru", "Подпись действительна", "нет метки времени"),
        ("en", "The signature is valid", "has no time stamp"),
    ];
    for (lang, valid, hint) in said {
        for (person, expected) in [(&signer, valid), (&expired, hint)] {
            let mut visitor = Visitor::of(&office);
            visitor.get(&format!("{PAGE}?lang={lang}")).await;
            assert!(!says(&visitor, ">document-"), "{}", visitor.page);
            let parts =
                [("csrf", visitor.hidden("csrf")), ("signature", STANDARD.encode(person.message(TEXT).to_der()))];
            visitor.post_parts(&format!("{PAGE}?lang={lang}"), parts).await;
            assert!(says(&visitor, expected) && !says(&visitor, ">document-"), "{lang}: {}", visitor.page);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m5_what_is_no_signature_and_too_much_are_not_taken() {
    let settings = Settings { max_document_checks_per_minute: 4, max_checked_bytes: 10_000, ..Settings::default() };
    let office = office_with(settings).await;
    let mut visitor = Visitor::of(&office);
    bring(&mut visitor, &[("signature", b"")]).await;
    assert_eq!(visitor.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(says(&visitor, "Choose the file with the signature."), "{}", visitor.page);
    bring(&mut visitor, &[("signature", b"a letter")]).await;
    assert!(says(&visitor, "neither a certificate nor a signature"), "{}", visitor.page);
    // A certificate holds, and is no signed document.
    bring(&mut visitor, &[("signature", office.authority.certificate.der())]).await;
    assert!(says(&visitor, "This is no signed document"), "{}", visitor.page);
    bring(&mut visitor, &[("signature", &[0x30; 10_001])]).await;
    assert_eq!(visitor.status, StatusCode::PAYLOAD_TOO_LARGE);
    bring(&mut visitor, &[("signature", b"a letter")]).await;
    assert_eq!(visitor.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(visitor.headers.contains_key(header::RETRY_AFTER));
    // Another site's form has no token.
    visitor.post_parts(PAGE, [("csrf", "x".to_owned()), ("signature", String::new())]).await;
    assert_eq!(visitor.status, StatusCode::FORBIDDEN);
}

/// A browser on a real socket, from an address of its own.
struct Sender {
    wire: TcpStream,
    token: String,
    cookie: String,
    lang: &'static str,
}

impl Sender {
    /// Has been shown the form.
    async fn new(server: SocketAddr, from: [u8; 4], lang: &'static str) -> Sender {
        let mut wire = connect(server, from).await;
        let asked = format!("GET {PAGE}?lang={lang} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        wire.write_all(asked.as_bytes()).await.unwrap();
        let mut page = String::new();
        wire.read_to_string(&mut page).await.unwrap();
        let after = |before: &str, end| page.split(before).nth(1).unwrap().split(end).next().unwrap().to_owned();
        let (token, cookie) = (after("name=\"csrf\" value=\"", '"'), after("set-cookie: ", ';'));
        Sender { wire: connect(server, from).await, token, cookie, lang }
    }

    /// Sends a form with a file up to the middle of the file.
    async fn begin(&mut self) {
        let form = format!(
            "--b\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{}\r\n--b\r\nContent-Disposition: form-data; \
             name=\"signature\"; filename=\"x\"\r\n\r\na let",
            self.token
        );
        let head = format!(
            "POST {PAGE}?lang={} HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\nConnection: close\r\n\
             Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {}\r\n\r\n",
            self.lang,
            self.cookie,
            form.len() + END.len()
        );
        self.wire.write_all(format!("{head}{form}").as_bytes()).await.unwrap();
    }

    /// Sends the rest of it.
    async fn end(&mut self) {
        self.wire.write_all(END.as_bytes()).await.unwrap();
    }

    /// The answer, head and page.
    async fn answer(mut self) -> String {
        let mut answer = Vec::new();
        let read = self.wire.read_to_end(&mut answer);
        // Whoever is refused in the middle of sending may find the connection reset behind the answer.
        let _ = tokio::time::timeout(Duration::from_secs(30), read).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// Whether nothing was answered yet.
    async fn waits(&self) -> bool {
        let mut first = [0];
        tokio::select! {
            biased;
            _ = self.wire.peek(&mut first) => false,
            () = std::future::ready(()) => true,
        }
    }
}

/// What whoever finds no place is told.
const SAID: [(&str, &str); 3] = [
    ("en", "Many documents are being checked at this moment."),
    ("kk", "Дәл қазір көп құжат тексеріліп жатыр."),
    ("ru", "Сейчас проверяется много документов."),
];

/// The rest of the form that [`Sender::begin`] begins.
const END: &str = "ter\r\n--b--\r\n";

async fn connect(server: SocketAddr, from: [u8; 4]) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    socket.connect(server).await.unwrap()
}

async fn served(office: &Office, settings: Settings) -> SocketAddr {
    let (gate, ids) = (Gate::new(Limits::default()), ConnectionIds::default());
    let listener = Listener::bind("test", "127.0.0.1:0".parse().unwrap(), gate, ids, "").await.unwrap();
    let address = listener.address();
    tokio::spawn(serve(listener, Transport::Plain, office.router.clone(), settings, Drain::default()));
    address
}

/// Sends a form again and again until there is a place for it.
async fn sent_once_there_is_a_place(server: SocketAddr, from: [u8; 4]) {
    let getting = async {
        loop {
            let mut sender = Sender::new(server, from, "en").await;
            sender.begin().await;
            sender.end().await;
            let answer = sender.answer().await;
            if !answer.starts_with("HTTP/1.1 503") {
                assert!(answer.contains("neither a certificate nor a signature"), "{answer}");
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), getting).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_many_slow_senders_send_is_not_read_beyond_the_places() {
    let settings =
        Settings { max_document_checks_per_minute: 0, max_anonymous_forms_per_minute: 0, ..Settings::default() };
    let office = office_with(settings.clone()).await;
    let server = served(&office, settings).await;
    let mut slow = Vec::new();
    for network in 1..=12 {
        let lang = SAID[usize::from(network) % SAID.len()].0;
        let mut sender = Sender::new(server, [127, 0, network, 1], lang).await;
        sender.begin().await;
        slow.push(sender);
    }
    // Those without a place are told at once, whatever they would still send.
    let mut waiting = Vec::new();
    let mut refused = 0;
    let sorted = async {
        while refused < 8 {
            for sender in std::mem::take(&mut slow) {
                if sender.waits().await {
                    waiting.push(sender);
                    continue;
                }
                let (_, said) = SAID.iter().find(|(lang, _)| *lang == sender.lang).unwrap();
                let answer = sender.answer().await;
                assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 5"), "{answer}");
                assert!(answer.contains(said), "{answer}");
                refused += 1;
            }
            slow.append(&mut waiting);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), sorted).await.unwrap();
    assert_eq!(slow.len(), 4, "as many as there are places");
    // One hangs up, and one finishes: two places.
    drop(slow.remove(0));
    sent_once_there_is_a_place(server, [127, 0, 20, 1]).await;
    let mut finished = slow.remove(0);
    finished.end().await;
    let answer = finished.answer().await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_too_slowly_loses_the_place() {
    let settings = Settings { checked_upload_timeout_s: 1, ..Settings::default() };
    let office = office_with(settings.clone()).await;
    let server = served(&office, settings).await;
    for _ in 0..3 {
        let mut sender = Sender::new(server, [127, 0, 1, 1], "en").await;
        sender.begin().await;
        let answer = sender.answer().await;
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("did not arrive in time"), "{answer}");
    }
}
