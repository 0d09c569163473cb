//! Responders and lists over real sockets: whom is asked what, and what is believed.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use test_case::test_case;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::identity::eds::Step;
use crate::identity::eds::tests::build::{Key, Message, Plan, generalized, list, ocsp};
use crate::identity::eds::{Certificate, Check};
use crate::people::registration::tests::Noon;

const TEXT: &[u8] = "Келісімшарт".as_bytes();
/// The clock of these tests stands at noon.
const NOON: &str = "2026-11-29T12:00:00Z";
const MORNING: &str = "2026-11-29T11:59:00Z";

/// A server that answers each request with what a test makes of its body, and counts.
struct Server {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

/// What it says: status and body; nothing holds the connection open in silence.
type Said = Option<(u16, Vec<u8>)>;

impl Server {
    async fn new(answer: impl Fn(&[u8]) -> Said + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
        let (answer, counter) = (Arc::new(answer), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (answer, counter) = (Arc::clone(&answer), Arc::clone(&counter));
                tokio::spawn(async move {
                    let body = request(&mut stream).await;
                    counter.fetch_add(1, Ordering::SeqCst);
                    let Some((status, body)) = answer(&body) else { return std::future::pending().await };
                    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
                    // Who asks may have gone away: an answer can be too long for it.
                    let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
                });
            }
        });
        Server { address, asked, task }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads one request to its end; its body.
async fn request(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        stream.read_buf(&mut bytes).await.unwrap();
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
        let length = head.split("content-length: ").nth(1).map_or("0", |rest| rest.split("\r\n").next().unwrap());
        let body = &bytes[end + 4..];
        if body.len() >= length.parse::<usize>().unwrap() {
            return body.to_vec();
        }
    }
}

/// RFC 8954: the nonce of a question, 16 bytes in ours.
fn nonce_in(question: &[u8]) -> Vec<u8> {
    let name = [0x06, 0x09, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02];
    let at = question.windows(name.len()).position(|window| window == name).unwrap() + name.len();
    question[at + 4..at + 20].to_vec()
}

/// What a responder does with a question about the person.
#[derive(Clone, Copy)]
enum Behaviour {
    Good,
    Revoked,
    Unknown,
    /// The answer to another question.
    OldNonce,
    NoNonce,
    /// Of the day before yesterday.
    Stale,
    /// Signed by somebody who is no responder of the authority.
    Stranger,
    Garbage,
    Status(u16),
    TooLong,
    Silent,
}

/// An authority, its responder, and two persons.
struct Ground {
    authority_key: Key,
    authority: Certificate,
    responder_key: Key,
    responder: Certificate,
    persons: [(Key, Certificate); 2],
    dir: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        let authority_key = Key::p256();
        let authority = Plan::authority("Root", "Root").issue(&authority_key, &authority_key);
        let responder_key = Key::p256();
        let responder = Plan::responder("Root").issue(&responder_key, &authority_key);
        let persons = [(77, "061211600012"), (78, "791028302728")].map(|(serial, iin)| {
            let key = Key::p256();
            let plan = Plan { serial, iin: Some(iin), ..Plan::person("ТЕСТОВ ТЕСТ", "Root") };
            let certificate = plan.issue(&key, &authority_key);
            (key, certificate)
        });
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("root.der"), authority.der()).unwrap();
        Ground { authority_key, authority, responder_key, responder, persons, dir }
    }

    fn message(&self, person: usize) -> Message<'_> {
        let (key, certificate) = &self.persons[person];
        Message::new(key, certificate, &[], TEXT)
    }

    fn service(&self, change: impl FnOnce(&mut Settings)) -> Signatures {
        let mut settings = Settings {
            anchor_files: vec![self.dir.path().join("root.der")],
            fetch_timeout_s: 1,
            max_fetch_bytes: 20_000,
            ..Settings::default()
        };
        change(&mut settings);
        assert_eq!(settings.problems(), []);
        Signatures::new(&settings, Arc::new(Noon::default()).world()).unwrap()
    }

    /// What the responder says of the person whose certificate the question names.
    fn answer(&self, question: &[u8], behaviour: Behaviour) -> Said {
        let is_about = |certificate: &Certificate| question.windows(3).any(|it| it == [2, 1, certificate.serial()[0]]);
        let (_, person) = self.persons.iter().find(|(_, certificate)| is_about(certificate)).unwrap();
        let nonce = nonce_in(question);
        let since = |text: &str| [&[0xa1, 0x11][..], &generalized(text)].concat();
        let stranger = Key::p256();
        let says = |key: &Key, status: &[u8], at: &str, nonce: Option<&[u8]>| {
            Some((200, ocsp((key, &self.responder), (person, &self.authority), status, at, nonce)))
        };
        let key = &self.responder_key;
        match behaviour {
            Behaviour::Good => says(key, &[0x80, 0], MORNING, Some(&nonce)),
            Behaviour::Revoked => says(key, &since("2026-11-01T00:00:00Z"), MORNING, Some(&nonce)),
            Behaviour::Unknown => says(key, &[0x82, 0], MORNING, Some(&nonce)),
            Behaviour::OldNonce => says(key, &[0x80, 0], MORNING, Some(b"0123456789abcdef")),
            Behaviour::NoNonce => says(key, &[0x80, 0], MORNING, None),
            Behaviour::Stale => says(key, &[0x80, 0], "2026-11-27T12:00:00Z", Some(&nonce)),
            Behaviour::Stranger => says(&stranger, &[0x80, 0], MORNING, Some(&nonce)),
            Behaviour::Garbage => Some((200, b"<html>".to_vec())),
            Behaviour::Status(status) => Some((status, Vec::new())),
            Behaviour::TooLong => Some((200, vec![0x30; 30_000])),
            Behaviour::Silent => None,
        }
    }
}

async fn responder(ground: &Arc<Ground>, behaviour: Behaviour) -> Server {
    let ground = Arc::clone(ground);
    Server::new(move |question| ground.answer(question, behaviour)).await
}

fn noon() -> Timestamp {
    NOON.parse().unwrap()
}

fn told(result: &Result<Signer, SignatureError>) -> &'static str {
    match result {
        Ok(_) => "good",
        Err(SignatureError::Refused(refusal)) => refusal.code(),
        Err(SignatureError::RevocationUnknown(_)) => "not known",
        Err(error) => panic!("{error}"),
    }
}

fn verdict(judged: &Judged) -> &'static str {
    match &judged.verdict {
        Verdict::Valid => "good",
        Verdict::Refused(refusal) => refusal.code(),
        Verdict::RevocationUnknown => "not known",
    }
}

#[test_case(Behaviour::Good => "good"; "good")]
#[test_case(Behaviour::Revoked => "revoked"; "revoked")]
#[test_case(Behaviour::Unknown => "unknown-certificate"; "a certificate that it does not know")]
#[test_case(Behaviour::OldNonce => "not known"; "the answer to another question")]
#[test_case(Behaviour::NoNonce => "not known"; "no nonce")]
#[test_case(Behaviour::Stale => "not known"; "news of the day before yesterday")]
#[test_case(Behaviour::Stranger => "not known"; "signed by somebody else")]
#[test_case(Behaviour::Garbage => "not known"; "no answer at all")]
#[test_case(Behaviour::Status(500) => "not known"; "http status 500")]
#[test_case(Behaviour::Status(302) => "not known"; "nobody follows it elsewhere")]
#[test_case(Behaviour::TooLong => "not known"; "too long")]
#[test_case(Behaviour::Silent => "not known"; "silence")]
#[tokio::test(flavor = "multi_thread")]
async fn rfc6960_a_responder_is_asked_over_a_socket(behaviour: Behaviour) -> &'static str {
    let ground = Arc::new(Ground::new());
    let server = responder(&ground, behaviour).await;
    let service = ground.service(|settings| settings.ocsp_urls = vec![server.url()]);
    let cms = ground.message(0).to_der();
    let verified = service.verify(&cms, TEXT, noon(), SignerRules::default()).await;
    let judged = service.judge(cms, None, noon()).await.unwrap();
    assert_eq!(server.asked(), 2, "each time anew");
    assert_eq!(verdict(&judged), told(&verified));
    told(&verified)
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc6960_another_responder_is_asked_only_where_the_first_cannot_say() {
    let ground = Arc::new(Ground::new());
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let cms = ground.message(0).to_der();
    for (first, expected, asked) in
        [(Behaviour::Status(503), "good", 1), (Behaviour::Revoked, "revoked", 0), (Behaviour::Good, "good", 0)]
    {
        let (first, second) = (responder(&ground, first).await, responder(&ground, Behaviour::Good).await);
        let urls = vec![format!("http://{nobody}/"), first.url(), second.url()];
        let service = ground.service(|settings| settings.ocsp_urls = urls);
        let verified = service.verify(&cms, TEXT, noon(), SignerRules::default()).await;
        assert_eq!((told(&verified), second.asked()), (expected, asked));
    }
}

#[test_case(&[], MORNING => "good"; "not on it")]
#[test_case(&[(77, "2026-11-01T00:00:00Z")], MORNING => "revoked"; "on it")]
#[test_case(&[], "2026-11-27T12:00:00Z" => "not known"; "an old one")]
#[tokio::test(flavor = "multi_thread")]
async fn rfc5280_a_list_is_fetched_where_no_responder_answers(
    revoked: &'static [(u8, &'static str)],
    at: &'static str,
) -> &'static str {
    let ground = Arc::new(Ground::new());
    let down = responder(&ground, Behaviour::Status(503)).await;
    let of = Arc::clone(&ground);
    let lists = Server::new(move |_| Some((200, list(&of.authority_key, "Root", revoked, at)))).await;
    let service = ground.service(|settings| {
        (settings.ocsp_urls, settings.crl_urls) = (vec![down.url()], vec![lists.url()]);
    });
    let cms = ground.message(0).to_der();
    let first = service.verify(&cms, TEXT, noon(), SignerRules::default()).await;
    let again = service.verify(&cms, TEXT, noon(), SignerRules::default()).await;
    assert_eq!(told(&first), told(&again));
    assert_eq!((down.asked(), lists.asked()), (2, 1), "a list is kept for a while");
    told(&first)
}

/// M5: of a document that several signed each certificate is asked for; one that is revoked spoils it.
#[tokio::test(flavor = "multi_thread")]
async fn m5_everybody_who_signed_is_asked_about() {
    let ground = Arc::new(Ground::new());
    let of = Arc::clone(&ground);
    let server = Server::new(move |question| {
        let is_second = question.windows(3).any(|window| window == [2, 1, 78]);
        of.answer(question, if is_second { Behaviour::Revoked } else { Behaviour::Good })
    })
    .await;
    let service = ground.service(|settings| settings.ocsp_urls = vec![server.url()]);
    let outcomes = |judged: &Judged| -> Vec<Outcome> {
        let is_it = |check: &&Check| check.step == Step::Revocation;
        judged.report.checks.iter().filter(is_it).map(|check| check.outcome).collect()
    };
    let one = service.judge(ground.message(0).to_der(), None, noon()).await.unwrap();
    assert_eq!((verdict(&one), outcomes(&one)), ("good", vec![Outcome::Passed]));
    let both = ground.message(0).signed_with(&[&ground.message(1)]);
    let both = service.judge(both, None, noon()).await.unwrap();
    assert_eq!((verdict(&both), outcomes(&both)), ("revoked", vec![Outcome::Passed, Outcome::Failed]));
    // What is not valid anyway asks nobody anything.
    let asked = server.asked();
    let damaged = Message { is_damaged: true, ..ground.message(0) }.to_der();
    assert_eq!(verdict(&service.judge(damaged, None, noon()).await.unwrap()), "signature");
    assert_eq!(server.asked(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc6960_a_silent_responder_holds_nobody_longer_than_configured() {
    let ground = Arc::new(Ground::new());
    let server = responder(&ground, Behaviour::Silent).await;
    let service = ground.service(|settings| settings.ocsp_urls = vec![server.url()]);
    let cms = ground.message(0).to_der();
    let begun = std::time::Instant::now();
    let verified = service.verify(&cms, TEXT, noon(), SignerRules::default()).await;
    assert_eq!(told(&verified), "not known");
    assert!(begun.elapsed() >= Duration::from_secs(1) && begun.elapsed() < Duration::from_secs(30));
}
