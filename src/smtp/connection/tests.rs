//! The driver over real sockets, with a double in place of the services.

use std::net::SocketAddr;
use std::path::Path;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::net::TcpStream;

use super::*;
use crate::accounts::UsedCredential;
use crate::address::{Address, Domain};
use crate::auth::Secret;
use crate::clock::World;
use crate::ids::{AccountId, ItemId};
use crate::intake::Recipient;
use crate::server::listener::{ConnectionIds, Drain, Gate, Limits, Listener};
use crate::server::tls::fixture::{self, SelfSigned, self_signed};
use crate::server::tls::{Application, ClientCertificates, Tls};
use crate::smtp::Settings;
use crate::smtp::counts::ReplyCounts;
use crate::smtp::peers::{PeerTable, PeersFile, fingerprint};
use crate::smtp::server::serve;
use crate::smtp::service::Sink;
use crate::store;

/// Keeps what it is given; the disk is full for messages that begin with `full`.
#[derive(Default)]
struct Double {
    accepted: Mutex<Vec<(Origin, Envelope, Vec<u8>)>>,
}

struct Memory(Vec<u8>);

impl Sink for Memory {
    fn write(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        self.0.extend_from_slice(piece);
        if self.0.starts_with(b"full") {
            return Err(Refusal::Store(store::Error::Full { free: 0, watermark: 1 }));
        }
        Ok(())
    }
}

impl Service for Double {
    type Sink = Memory;

    async fn check_sender(&self, _: &Origin, _: &ReversePath) -> Result<(), Refusal> {
        Ok(())
    }

    /// Mailboxes that have room for a thousand bytes.
    async fn check_recipient(
        &self,
        _: &Origin,
        _: &[Recipient],
        recipient: &Address,
        announced_bytes: Option<u64>,
    ) -> Result<(), Refusal> {
        match announced_bytes {
            Some(1001..) => {
                Err(Refusal::MailboxFull { recipient: recipient.clone(), again: crate::quota::WhenFull::Later })
            }
            _ => Ok(()),
        }
    }

    async fn login(&self, name: &str, password: &Secret, _: IpAddr) -> Result<Identity, AuthError> {
        if password.expose() != "right" {
            return Err(AuthError::Wrong);
        }
        let address = format!("{name}@poshta.example").parse().unwrap();
        let credential = UsedCredential { id: 0, version: 1 };
        Ok(Identity { account: AccountId(7), login: name.to_owned(), address, credential })
    }

    fn hold(&self, _: &Identity) -> Option<Hold> {
        None
    }

    fn open(&self) -> Memory {
        Memory(Vec::new())
    }

    async fn accept(&self, origin: Origin, envelope: Envelope, content: Memory) -> Result<ItemId, Refusal> {
        self.accepted.lock().push((origin, envelope, content.0));
        Ok(ItemId(1))
    }
}

struct Running {
    house: Arc<House<Double>>,
    address: SocketAddr,
    drain: Drain,
    files: fixture::Files,
}

async fn start(port: Port, settings: Settings, peers: &str) -> Running {
    let files = fixture::Files::new();
    let file: PeersFile = toml::from_str(peers).unwrap();
    let peers = Arc::new(PeerTable::build(file, Path::new(".")).unwrap());
    let requested = ClientCertificates::Requested { authorities: peers.authorities() };
    let house = Arc::new(House {
        hostname: "mx.poshta.example".to_owned(),
        domain: Domain::new("poshta.example").unwrap(),
        settings,
        service: Double::default(),
        peers,
        mx_tls: Some(Tls::load(&files.settings, requested, Application::Mail).unwrap()),
        submission_tls: Some(Tls::load(&files.settings, ClientCertificates::Ignored, Application::Mail).unwrap()),
        world: World::system(),
        replies: ReplyCounts::default(),
    });
    let gate = Gate::new(Limits::default());
    let any = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::bind(port.name(), any, gate, ConnectionIds::default(), port.farewell()).await.unwrap();
    let (address, drain) = (listener.address(), Drain::default());
    tokio::spawn(serve(Arc::clone(&house), port, listener, drain.clone()));
    Running { house, address, drain, files }
}

impl Running {
    async fn connect(&self) -> Client<TcpStream> {
        Client { stream: BufReader::new(TcpStream::connect(self.address).await.unwrap()) }
    }

    async fn tls<T: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: T,
        identity: Option<SelfSigned>,
    ) -> Client<tokio_rustls::client::TlsStream<T>> {
        Client { stream: BufReader::new(fixture::connect(stream, &self.files.root, identity).await.unwrap()) }
    }

    fn only_letter(&self) -> (Origin, Envelope, Vec<u8>) {
        let accepted = self.house.service.accepted.lock();
        assert_eq!(accepted.len(), 1);
        accepted[0].clone()
    }
}

struct Client<T> {
    stream: BufReader<T>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Client<T> {
    async fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).await.unwrap();
        self.stream.get_mut().flush().await.unwrap();
    }

    /// One whole reply; empty at the end of the connection.
    async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            tokio::io::AsyncBufReadExt::read_line(&mut self.stream, &mut line).await.unwrap();
            reply.push_str(&line);
            if line.is_empty() || line.as_bytes().get(3) != Some(&b'-') {
                return reply;
            }
        }
    }

    async fn ask(&mut self, command: &str) -> String {
        self.send(&format!("{command}\r\n")).await;
        self.reply().await
    }

    /// Up to `354`.
    async fn open_data(&mut self) {
        assert!(self.ask("MAIL FROM:<a@b.example>").await.starts_with("250"));
        assert!(self.ask("RCPT TO:<user001@poshta.example>").await.starts_with("250"));
        assert!(self.ask("DATA").await.starts_with("354"));
    }
}

const RECEIPT: &str = "250 2.0.0 Ok: queued as 00000000000000000000000001\r\n";

#[tokio::test]
async fn a_letter_of_many_pieces_arrives_whole() {
    let running = start(Port::Mx, Settings::default(), "").await;
    let mut client = running.connect().await;
    assert_eq!(client.reply().await, "220 mx.poshta.example ESMTP Poshta\r\n");
    client.ask("EHLO client.example").await;
    client.open_data().await;
    let content = format!("Subject: x\r\n\r\n{}", "0123456789 long letter\r\n".repeat(40_000));
    client.send(&format!("{content}.\r\n")).await;
    assert_eq!(client.reply().await, RECEIPT);
    assert!(client.ask("QUIT").await.starts_with("221"));
    assert_eq!(client.reply().await, "");
    let (origin, envelope, body) = running.only_letter();
    assert!(body == content.as_bytes());
    assert_eq!(envelope.recipients.len(), 1);
    assert_eq!((origin.entrance, origin.sender), (Entrance::Mx, Sender::Stranger));
    let connection = origin.connection.unwrap();
    assert_eq!((connection.helo.as_str(), connection.protocol, connection.tls), ("client.example", "ESMTP", None));
}

#[tokio::test]
async fn rfc1870_rcpt_knows_the_size_that_mail_announced() {
    let running = start(Port::Mx, Settings::default(), "").await;
    let mut client = running.connect().await;
    client.reply().await;
    client.ask("EHLO client.example").await;
    for (mail, rcpt) in [
        ("MAIL FROM:<a@b.example> SIZE=1001", "452 4.2.2 the mailbox of user001@poshta.example is full\r\n"),
        ("MAIL FROM:<a@b.example> SIZE=1000", "250 2.1.5 recipient ok\r\n"),
        ("MAIL FROM:<a@b.example>", "250 2.1.5 recipient ok\r\n"),
    ] {
        assert!(client.ask(mail).await.starts_with("250"));
        assert_eq!(client.ask("RCPT TO:<user001@poshta.example>").await, rcpt, "{mail}");
        client.ask("RSET").await;
    }
}

#[tokio::test]
async fn a_peer_is_recognised_by_its_certificate_after_starttls() {
    let made = self_signed("gov.example");
    let peers = format!(
        "[[peer]]\nname = 'gov'\ndomains = ['b.example']\n[[peer.certificate]]\nsha256 = '{}'",
        fingerprint(made.cert.der())
    );
    let running = start(Port::Mx, Settings::default(), &peers).await;
    let mut client = running.connect().await;
    client.reply().await;
    client.ask("EHLO gov.example").await;
    // What follows in the same breath must be thrown away (RFC 3207 §4.2).
    assert!(client.ask("STARTTLS\r\nNOOP\r\nNOOP").await.starts_with("220"));
    let mut client = running.tls(client.stream.into_inner(), Some(made)).await;
    assert!(client.ask("EHLO gov.example").await.starts_with("250-mx.poshta.example greets"));
    assert!(client.ask("MAIL FROM:<a@elsewhere.example>").await.starts_with("550 5.7.1"));
    client.open_data().await;
    client.send("Subject: x\r\n\r\n.\r\n").await;
    assert_eq!(client.reply().await, RECEIPT);
    let (origin, ..) = running.only_letter();
    assert_eq!(origin.sender, Sender::Peer { name: "gov".to_owned(), official: false });
    let connection = origin.connection.unwrap();
    assert_eq!(connection.protocol, "ESMTPS");
    assert!(connection.tls.unwrap().starts_with("TLSv1.3 TLS_"));
}

#[tokio::test]
async fn a_peer_is_recognised_by_its_address() {
    let peers = "[[peer]]\nname = 'neighbour'\naddress_ranges = ['127.0.0.0/8']\nlimits = { max_message_bytes = 77 }";
    let running = start(Port::Mx, Settings::default(), peers).await;
    let mut client = running.connect().await;
    client.reply().await;
    assert!(client.ask("EHLO x").await.contains("250-SIZE 77\r\n"));
    client.open_data().await;
    client.send("Subject: x\r\n\r\n.\r\n").await;
    client.reply().await;
    assert_eq!(running.only_letter().0.sender, Sender::Peer { name: "neighbour".to_owned(), official: false });
}

#[tokio::test]
async fn a_peer_that_logs_in_has_its_own_limits() {
    let peers = "[[peer]]\nname = 'gov'\nlimits = { max_message_bytes = 77 }\n[peer.credential]\nlogin = 'gov'\n\
        secret_sha256 = '2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b'";
    let running = start(Port::Submissions, Settings::default(), peers).await;
    let stream = TcpStream::connect(running.address).await.unwrap();
    let mut client = running.tls(stream, None).await;
    client.reply().await;
    client.ask("EHLO x").await;
    assert!(client.ask("AUTH PLAIN AGdvdgBzZWNyZXQ=").await.starts_with("235"));
    assert!(client.ask("MAIL FROM:<a@b.example> SIZE=78").await.starts_with("552 5.3.4"));
}

#[tokio::test]
async fn rfc8314_a_user_logs_in_on_465() {
    let running = start(Port::Submissions, Settings::default(), "").await;
    let stream = TcpStream::connect(running.address).await.unwrap();
    let mut client = running.tls(stream, None).await;
    assert!(client.reply().await.starts_with("220"));
    assert!(client.ask("EHLO x").await.contains("250-AUTH PLAIN LOGIN\r\n"));
    assert!(client.ask("MAIL FROM:<a@b.example>").await.starts_with("530 5.7.0"));
    assert!(client.ask("AUTH PLAIN AHVzZXIwMDEAd3Jvbmc=").await.starts_with("535 5.7.8"));
    assert!(client.ask("AUTH PLAIN AHVzZXIwMDEAcmlnaHQ=").await.starts_with("235"));
    client.open_data().await;
    client.send("Subject: x\r\n\r\n.\r\n").await;
    assert_eq!(client.reply().await, RECEIPT);
    let (origin, ..) = running.only_letter();
    let address = "user001@poshta.example".parse().unwrap();
    assert_eq!(origin.sender, Sender::Account { id: AccountId(7), address });
    assert_eq!((origin.entrance, origin.connection.unwrap().protocol), (Entrance::Submission, "ESMTPSA"));
}

#[tokio::test]
async fn a_full_disk_is_told_and_the_session_goes_on() {
    let running = start(Port::Mx, Settings::default(), "").await;
    let mut client = running.connect().await;
    client.reply().await;
    client.ask("EHLO x").await;
    for filler in [10, 200_000] {
        client.open_data().await;
        client.send(&format!("full\r\n{}.\r\n", "filler\r\n".repeat(filler))).await;
        assert!(client.reply().await.starts_with("452 4.3.1"));
    }
    client.open_data().await;
    client.send("fine\r\n.\r\n").await;
    assert_eq!(client.reply().await, RECEIPT);
}

#[tokio::test]
async fn rfc5321_a_silent_client_is_told_and_left() {
    let settings = Settings { command_timeout_s: 1, ..Settings::default() };
    let running = start(Port::Mx, settings, "").await;
    let mut client = running.connect().await;
    client.reply().await;
    // Bytes without a command are no progress.
    for _ in 0..3 {
        client.send("N").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert!(client.reply().await.starts_with("421 4.4.2"));
    assert_eq!(client.reply().await, "");
}

#[tokio::test]
async fn content_that_comes_by_drops_is_cut_off() {
    let settings = Settings { data_rate_grace_s: 0, min_data_bytes_per_s: 1000, ..Settings::default() };
    let running = start(Port::Mx, settings, "").await;
    let mut client = running.connect().await;
    client.reply().await;
    client.ask("EHLO x").await;
    client.open_data().await;
    for _ in 0..3 {
        client.send("slow\r\n").await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(client.reply().await.starts_with("421 4.4.2"));
    assert!(running.house.service.accepted.lock().is_empty());
}

#[tokio::test]
async fn rfc3030_a_chunk_that_is_read_past_has_its_time_too() {
    let settings = Settings { data_timeout_s: 1, ..Settings::default() };
    let running = start(Port::Mx, settings, "").await;
    let mut client = running.connect().await;
    client.reply().await;
    client.ask("EHLO x").await;
    client.send("BDAT 1000000\r\nonly this much").await;
    let reply = tokio::time::timeout(Duration::from_secs(30), client.reply()).await;
    assert!(reply.expect("the time is over").starts_with("421 4.4.2"));
}

#[tokio::test]
async fn a_drain_lets_the_running_transaction_finish() {
    let running = start(Port::Mx, Settings::default(), "").await;
    let (mut busy, mut idle) = (running.connect().await, running.connect().await);
    busy.reply().await;
    idle.reply().await;
    busy.ask("EHLO x").await;
    busy.open_data().await;
    let drain = running.drain.clone();
    let finished = tokio::spawn(async move { drain.finish(Duration::from_secs(10)).await });
    assert!(idle.reply().await.starts_with("421 4.3.2"));
    busy.send("Subject: x\r\n\r\n.\r\n").await;
    assert_eq!(busy.reply().await, RECEIPT);
    assert!(busy.reply().await.starts_with("421 4.3.2"));
    drop((busy, idle));
    assert_eq!(finished.await.unwrap(), 0);
}

#[tokio::test]
async fn rfc5321_a_client_that_talks_before_the_greeting_is_refused() {
    let settings = Settings { early_talk_wait_ms: 2000, ..Settings::default() };
    let running = start(Port::Mx, settings, "").await;
    let mut client = running.connect().await;
    client.send("EHLO spammer.example\r\n").await;
    assert!(client.reply().await.starts_with("554 5.5.0"));
    assert_eq!(client.reply().await, "");
}
