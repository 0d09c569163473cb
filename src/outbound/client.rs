//! One SMTP conversation with another server, as its client (RFC 5321, 3207, 1870, 6152, 6531, 2920, 3461).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Settings;
use super::routing::Hop;
use crate::address::{Address, ReversePath};
use crate::smtp::proto::response::{BadResponse, Response, ResponseLimits, ResponseParser, Severity};
use crate::smtp::proto::xtext;
use crate::store::mailboxes::MessageBytes;
use crate::store::queue::{Notify, Returned};
use crate::trust::ascii_address;

/// Why the conversation ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    /// Connecting, reading or writing failed, or took too long.
    #[error("{0}")]
    Network(String),
    /// What came is no SMTP.
    #[error(transparent)]
    Protocol(#[from] BadResponse),
    /// Something stood behind the answer to STARTTLS: an injection (RFC 3207 §5).
    #[error("the server sent more than the answer to STARTTLS")]
    Injection,
    /// The connection could not be encrypted although the server offers it.
    #[error("{0}")]
    Tls(String),
    /// The greeting, or the answer to EHLO, says that this host does not serve us.
    #[error("the server does not serve us: {}", .0.summary())]
    NoService(Response),
    /// The server refused the transaction; its answer decides whether for good.
    #[error("the server said {}", .0.summary())]
    Refused(Response),
    /// The whole letter was sent and no answer came: it may have been taken.
    #[error("no answer to the letter: {0}")]
    Unanswered(String),
    /// The server lacks what this letter needs (RFC 6152, RFC 6531): permanent. Status and text.
    #[error("{1}")]
    Unsupported(&'static str, &'static str),
    /// Our own store could not be read.
    #[error("the letter cannot be read: {0}")]
    Store(#[from] crate::store::Error),
}

impl ClientError {
    /// Whether another host, or another address of the same one, may take the letter (RFC 5321 §5.1). A refusal for
    /// good needs no other; a letter that may have been taken must not be handed out twice at once; and what
    /// cannot be read here can be sent nowhere.
    pub(super) fn leaves_it_to_others(&self) -> bool {
        match self {
            ClientError::Network(_)
            | ClientError::Protocol(_)
            | ClientError::Injection
            | ClientError::Tls(_)
            | ClientError::NoService(_) => true,
            ClientError::Refused(response) => response.severity() != Severity::Permanent,
            ClientError::Unanswered(_) | ClientError::Unsupported(..) | ClientError::Store(_) => false,
        }
    }

    /// Of what goes wrong once the end of the data is on its way, nobody knows whether the letter was taken.
    fn behind_the_end(self) -> Self {
        match self {
            ClientError::Network(_) | ClientError::Protocol(_) => ClientError::Unanswered(self.to_string()),
            other => other,
        }
    }
}

/// What the server offered in its answer to EHLO.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Offered {
    starttls: bool,
    eight_bit_mime: bool,
    smtputf8: bool,
    size: bool,
    pipelining: bool,
    dsn: bool,
}

/// The envelope and content of one transaction.
#[derive(Debug)]
pub(super) struct Transaction<'a> {
    /// MAIL FROM.
    pub(super) reverse_path: &'a ReversePath,
    /// RCPT TO.
    pub(super) recipients: &'a [Recipient<'a>],
    /// RET (RFC 3461).
    pub(super) returned: Option<Returned>,
    /// ENVID (RFC 3461).
    pub(super) envelope_id: Option<&'a str>,
    /// The content has bytes above 127.
    pub(super) eight_bit: bool,
    /// RFC 6531 is needed.
    pub(super) smtputf8: bool,
    /// The fields that go above it.
    pub(super) signatures: &'a str,
    /// The letter.
    pub(super) content: &'a MessageBytes,
}

/// One RCPT.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recipient<'a> {
    /// To whom.
    pub(super) address: &'a Address,
    /// NOTIFY (RFC 3461).
    pub(super) notify: Notify,
    /// ORCPT (RFC 3461): `type;address`.
    pub(super) original: Option<&'a str>,
}

/// Who reports a delivery to the sender, if the sender wants that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reports {
    /// The other server, which got our sender's wishes (RFC 3461 §5.2.1).
    Theirs,
    /// We, that the letter went to a server that does not report (RFC 3461 §5.2.2).
    Ours,
}

/// What the server said to each recipient, and to the letter.
#[derive(Debug)]
pub(super) struct Outcome {
    /// In the order of the recipients: accepted, or the refusal.
    pub(super) recipients: Vec<Result<(), Response>>,
    /// The answer to the letter (or to DATA, where it was a refusal); `None` when no recipient was accepted.
    pub(super) data: Option<Response>,
    /// TLS version and cipher, where there was TLS.
    pub(super) tls: Option<String>,
    /// Whether the server took over reporting.
    pub(super) reports: Reports,
}

/// The client side of this server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client<'a> {
    /// Deadlines.
    pub(super) settings: &'a Settings,
    /// Opportunistic TLS.
    pub(super) tls: &'a Arc<ClientConfig>,
    /// What we say in EHLO.
    pub(super) our_name: &'a str,
}

/// Whether STARTTLS is used where it is offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Encryption {
    WhereOffered,
    Never,
}

/// Addresses of one host that are tried in an attempt.
const MAX_ADDRESSES: usize = 5;

impl Client<'_> {
    /// Hands one letter to the first address of a hop that serves us.
    ///
    /// # Errors
    /// See [`ClientError`]; answers to single recipients and to the data stand in the outcome.
    pub(super) async fn deliver(&self, hop: &Hop, transaction: &Transaction<'_>) -> Result<Outcome, ClientError> {
        let mut last = ClientError::Network(format!("{} has no address", hop.name));
        for address in hop.addresses.iter().take(MAX_ADDRESSES) {
            match self.deliver_to(hop, *address, transaction).await {
                Err(error) if error.leaves_it_to_others() => last = error,
                outcome => return outcome,
            }
        }
        Err(last)
    }

    async fn deliver_to(
        &self,
        hop: &Hop,
        address: SocketAddr,
        transaction: &Transaction<'_>,
    ) -> Result<Outcome, ClientError> {
        let stream = self.connect(hop, address).await?;
        let first = self.converse(hop, stream, transaction, Encryption::WhereOffered).await;
        let Err(ClientError::Tls(why)) = first else { return first };
        // RFC 7435 §3: encryption that cannot be had is no reason to keep a letter back.
        tracing::info!(host = %hop.name, %address, %why, "TLS failed; going on without it");
        let stream = self.connect(hop, address).await?;
        self.converse(hop, stream, transaction, Encryption::Never).await
    }

    async fn connect(&self, hop: &Hop, address: SocketAddr) -> Result<TcpStream, ClientError> {
        let limit = Duration::from_secs(self.settings.connect_timeout_s);
        let place = || format!("connecting to {} [{address}]", hop.name);
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Only a matter of speed.
                drop(stream.set_nodelay(true));
                Ok(stream)
            }
            Ok(Err(error)) => Err(ClientError::Network(format!("{}: {error}", place()))),
            Err(_) => Err(ClientError::Network(format!("{} took too long", place()))),
        }
    }

    async fn converse(
        &self,
        hop: &Hop,
        stream: TcpStream,
        transaction: &Transaction<'_>,
        encryption: Encryption,
    ) -> Result<Outcome, ClientError> {
        let mut plain = Dialogue::new(stream, self.settings);
        plain.expect_greeting().await?;
        let offered = plain.hello(self.our_name).await?;
        if !offered.starttls || encryption == Encryption::Never || !plain.start_tls().await? {
            return plain.transact(offered, transaction, None).await;
        }
        let stream = self.secure(hop, plain.into_stream()?).await?;
        let description = describe(&stream);
        // RFC 3207 §4.2: nothing that was learnt before the handshake is believed.
        let mut secure = Dialogue::new(stream, self.settings);
        let offered = secure.hello(self.our_name).await?;
        secure.transact(offered, transaction, Some(description)).await
    }

    async fn secure(&self, hop: &Hop, stream: TcpStream) -> Result<TlsStream<TcpStream>, ClientError> {
        let peer = stream.peer_addr().map_err(|error| broken(&error))?;
        let name = ServerName::try_from(hop.name.clone()).unwrap_or(ServerName::IpAddress(peer.ip().into()));
        let limit = Duration::from_secs(self.settings.command_timeout_s);
        match timeout(limit, TlsConnector::from(self.tls.clone()).connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(ClientError::Tls(format!("TLS with {}: {error}", hop.name))),
            Err(_) => Err(ClientError::Tls(format!("TLS with {} took too long", hop.name))),
        }
    }
}

fn describe(stream: &TlsStream<TcpStream>) -> String {
    let session = &stream.get_ref().1;
    let version = session.protocol_version().map(|version| format!("{version:?}")).unwrap_or_default();
    let cipher = session.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite())).unwrap_or_default();
    format!("{version} {cipher}")
}

fn broken(error: &std::io::Error) -> ClientError {
    ClientError::Network(format!("the connection broke: {error}"))
}

/// Commands and answers over one stream, each with its deadline.
struct Dialogue<'a, S> {
    stream: S,
    parser: ResponseParser,
    settings: &'a Settings,
}

/// How long a server may take over QUIT: nothing depends on its answer.
const FAREWELL: Duration = Duration::from_secs(5);

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Dialogue<'a, S> {
    fn new(stream: S, settings: &'a Settings) -> Self {
        Dialogue { stream, parser: ResponseParser::new(ResponseLimits::default()), settings }
    }

    /// The bare stream, if the server said nothing that was not asked for.
    fn into_stream(self) -> Result<S, ClientError> {
        if self.parser.is_drained() { Ok(self.stream) } else { Err(ClientError::Injection) }
    }

    async fn expect_greeting(&mut self) -> Result<(), ClientError> {
        let response = self.response(self.settings.command_timeout_s).await?;
        if response.code == 220 { Ok(()) } else { Err(ClientError::NoService(response)) }
    }

    /// EHLO, or HELO for servers that do not know it (RFC 5321 §3.2).
    async fn hello(&mut self, our_name: &str) -> Result<Offered, ClientError> {
        let response = self.command(&format!("EHLO {our_name}")).await?;
        if response.code == 250 {
            return Ok(Offered::read(&response));
        }
        if response.severity() != Severity::Permanent {
            return Err(ClientError::NoService(response));
        }
        let response = self.command(&format!("HELO {our_name}")).await?;
        if response.code == 250 { Ok(Offered::default()) } else { Err(ClientError::NoService(response)) }
    }

    /// Whether the server is ready for the handshake; if it changed its mind, the letter goes without.
    async fn start_tls(&mut self) -> Result<bool, ClientError> {
        Ok(self.command("STARTTLS").await?.code == 220)
    }

    async fn command(&mut self, command: &str) -> Result<Response, ClientError> {
        self.send(format!("{command}\r\n").as_bytes()).await?;
        self.response(self.settings.command_timeout_s).await
    }

    async fn transact(
        &mut self,
        offered: Offered,
        transaction: &Transaction<'_>,
        tls: Option<String>,
    ) -> Result<Outcome, ClientError> {
        let mail = mail_command(offered, transaction)?;
        let recipients = self.envelope(offered, &mail, transaction.recipients).await?;
        let data = if recipients.iter().any(Result::is_ok) { Some(self.data(transaction).await?) } else { None };
        // The outcome stands; how the server takes the farewell changes nothing.
        drop(timeout(FAREWELL, self.command("QUIT")).await);
        Ok(Outcome { recipients, data, tls, reports: if offered.dsn { Reports::Theirs } else { Reports::Ours } })
    }

    /// MAIL and every RCPT, in one write where the server takes that (RFC 2920).
    async fn envelope(
        &mut self,
        offered: Offered,
        mail: &str,
        recipients: &[Recipient<'_>],
    ) -> Result<Vec<Result<(), Response>>, ClientError> {
        let commands: Vec<String> = recipients.iter().map(|recipient| rcpt_command(offered, recipient)).collect();
        if offered.pipelining {
            self.send(format!("{mail}\r\n{}", commands.concat()).as_bytes()).await?;
        } else {
            self.send(format!("{mail}\r\n").as_bytes()).await?;
        }
        let response = self.response(self.settings.command_timeout_s).await?;
        if response.severity() != Severity::Done {
            return Err(ClientError::Refused(response));
        }
        let mut answers = Vec::with_capacity(recipients.len());
        for command in &commands {
            if !offered.pipelining {
                self.send(command.as_bytes()).await?;
            }
            let response = self.response(self.settings.command_timeout_s).await?;
            answers.push(if response.severity() == Severity::Done { Ok(()) } else { Err(response) });
        }
        Ok(answers)
    }

    /// DATA and the letter; the answer that decides.
    async fn data(&mut self, transaction: &Transaction<'_>) -> Result<Response, ClientError> {
        let ready = self.command("DATA").await?;
        match ready.severity() {
            Severity::Continue => {}
            Severity::Temporary | Severity::Permanent => return Ok(ready),
            // RFC 5321 §4.3.2: no such answer; it must not pass for the one to the letter.
            Severity::Done => return Err(ClientError::Protocol(BadResponse::Malformed)),
        }
        let end = self.content(transaction).await?;
        let answer = match self.send(end).await {
            Ok(()) => self.response(self.settings.end_of_data_timeout_s).await,
            Err(error) => Err(error),
        };
        answer.map_err(ClientError::behind_the_end)
    }

    /// The letter with dots doubled (RFC 5321 §4.5.2); gives the line that ends it.
    async fn content(&mut self, transaction: &Transaction<'_>) -> Result<&'static [u8], ClientError> {
        const PIECE: usize = 64 << 10;
        let content = transaction.content;
        let mut offset = 0;
        let mut stuffing = DotStuffing::default();
        let mut wire = Vec::with_capacity(PIECE + 1024);
        stuffing.write(transaction.signatures.as_bytes(), &mut wire);
        while offset < content.len() {
            let piece = content.read_at(offset, PIECE).await?;
            if piece.is_empty() {
                let damaged = "a letter is shorter than its row says".to_owned();
                return Err(ClientError::Store(crate::store::Error::Damaged(damaged)));
            }
            offset += piece.len() as u64;
            stuffing.write(&piece, &mut wire);
            self.send(&wire).await?;
            wire.clear();
        }
        Ok(stuffing.end())
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        let limit = Duration::from_secs(self.settings.command_timeout_s);
        let write = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match timeout(limit, write).await {
            Ok(written) => written.map_err(|error| broken(&error)),
            Err(_) => Err(ClientError::Network("the server took too long to read".into())),
        }
    }

    /// One answer of any number of lines (RFC 5321 §4.2.1), within the deadline.
    async fn response(&mut self, seconds: u64) -> Result<Response, ClientError> {
        match timeout(Duration::from_secs(seconds), self.next_response()).await {
            Ok(response) => response,
            Err(_) => Err(ClientError::Network("the server took too long to answer".into())),
        }
    }

    async fn next_response(&mut self) -> Result<Response, ClientError> {
        let mut buffer = [0; 1024];
        loop {
            if let Some(response) = self.parser.next_response() {
                return Ok(response);
            }
            let count = self.stream.read(&mut buffer).await.map_err(|error| broken(&error))?;
            if count == 0 {
                return Err(ClientError::Network("the server closed the connection".into()));
            }
            self.parser.push(buffer.get(..count).unwrap_or_default())?;
        }
    }
}

fn mail_command(offered: Offered, transaction: &Transaction<'_>) -> Result<String, ClientError> {
    let mut mail = format!("MAIL FROM:{}", transaction.reverse_path);
    if offered.size {
        let size = transaction.content.len().saturating_add(transaction.signatures.len() as u64);
        mail.push_str(&format!(" SIZE={size}"));
    }
    if transaction.smtputf8 {
        if !offered.smtputf8 {
            // RFC 6531 §3.2: such a letter must not be sent there.
            return Err(ClientError::Unsupported("5.6.7", "the server does not take internationalised addresses"));
        }
        mail.push_str(" SMTPUTF8");
    }
    if transaction.eight_bit {
        if !offered.eight_bit_mime {
            // RFC 6152 §3: neither sent as it is nor converted, which would break its signatures.
            return Err(ClientError::Unsupported("5.6.3", "the server does not take 8-bit content"));
        }
        mail.push_str(" BODY=8BITMIME");
    }
    if offered.dsn {
        // RFC 3461 §5.2.1: passed on as the sender gave them.
        if let Some(returned) = transaction.returned {
            mail.push_str(if returned == Returned::Full { " RET=FULL" } else { " RET=HDRS" });
        }
        if let Some(id) = transaction.envelope_id {
            mail.push_str(&format!(" ENVID={}", xtext::encode(id)));
        }
    }
    Ok(mail)
}

/// RFC 6531 §3.2: an international domain in A-labels is for every server. Not for the reverse-path, which comes back to
/// us: our own domains are known as they are configured.
fn on_the_wire(address: &Address) -> String {
    ascii_address(address).map_or_else(|| address.to_string(), |address| address.to_string())
}

/// RCPT with its line end.
fn rcpt_command(offered: Offered, recipient: &Recipient<'_>) -> String {
    let mut rcpt = format!("RCPT TO:<{}>", on_the_wire(recipient.address));
    if offered.dsn {
        // What holds without the parameter need not be said (RFC 3461 §4.1).
        if recipient.notify != Notify::default() {
            rcpt.push_str(&format!(" NOTIFY={}", notify_words(recipient.notify)));
        }
        if let Some((kind, address)) = recipient.original.and_then(|original| original.split_once(';')) {
            // RFC 6533 §3: an address of this type is kept encoded.
            let is_encoded = kind.eq_ignore_ascii_case("utf-8");
            let address = if is_encoded { address.to_owned() } else { xtext::encode(address) };
            rcpt.push_str(&format!(" ORCPT={kind};{address}"));
        }
    }
    rcpt.push_str("\r\n");
    rcpt
}

fn notify_words(notify: Notify) -> String {
    let words = [(notify.success, "SUCCESS"), (notify.failure, "FAILURE"), (notify.delay, "DELAY")];
    let words: Vec<&str> = words.iter().filter(|(asked, _)| *asked).map(|(_, word)| *word).collect();
    if words.is_empty() { "NEVER".into() } else { words.join(",") }
}

impl Offered {
    /// The keywords behind the greeting line (RFC 5321 §4.1.1.1).
    fn read(response: &Response) -> Self {
        let mut offered = Offered::default();
        for line in response.lines.iter().skip(1) {
            match line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase().as_str() {
                "STARTTLS" => offered.starttls = true,
                "8BITMIME" => offered.eight_bit_mime = true,
                "SMTPUTF8" => offered.smtputf8 = true,
                "SIZE" => offered.size = true,
                "PIPELINING" => offered.pipelining = true,
                "DSN" => offered.dsn = true,
                _ => {}
            }
        }
        offered
    }
}

/// Doubles the dots at the beginning of lines, across pieces.
#[derive(Default)]
struct DotStuffing {
    /// The last two bytes that were written; a message begins like a line.
    last: Option<[u8; 2]>,
}

impl DotStuffing {
    fn write(&mut self, piece: &[u8], wire: &mut Vec<u8>) {
        for byte in piece {
            let begins_line = self.last.is_none_or(|last| last == *b"\r\n");
            if *byte == b'.' && begins_line {
                wire.push(b'.');
            }
            wire.push(*byte);
            let [_, previous] = self.last.unwrap_or_default();
            self.last = Some([previous, *byte]);
        }
    }

    /// The end of the data; a letter without a final line end gets one, which SMTP cannot do without.
    fn end(&self) -> &'static [u8] {
        if self.last.is_none_or(|last| last == *b"\r\n") { b".\r\n" } else { b"\r\n.\r\n" }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    fn stuffed(pieces: &[&[u8]]) -> Vec<u8> {
        let (mut stuffing, mut wire) = (DotStuffing::default(), Vec::new());
        pieces.iter().for_each(|piece| stuffing.write(piece, &mut wire));
        wire.extend_from_slice(stuffing.end());
        wire
    }

    #[test_case(Notify::default(), None => "RCPT TO:<a@b.kz>\r\n"; "nothing asked")]
    #[test_case(Notify::NEVER, None => "RCPT TO:<a@b.kz> NOTIFY=NEVER\r\n"; "never")]
    #[test_case(Notify { success: true, failure: true, delay: false }, Some("rfc822;a+1@b.kz")
        => "RCPT TO:<a@b.kz> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2B1@b.kz\r\n"; "xtext again")]
    #[test_case(Notify::default(), Some("utf-8;\\x{430}@b.kz") => "RCPT TO:<a@b.kz> ORCPT=utf-8;\\x{430}@b.kz\r\n"; "rfc6533")]
    fn rfc3461_wishes_are_passed_on(notify: Notify, original: Option<&str>) -> String {
        let address: Address = "a@b.kz".parse().unwrap();
        let recipient = Recipient { address: &address, notify, original };
        assert_eq!(rcpt_command(Offered::default(), &recipient), "RCPT TO:<a@b.kz>\r\n", "not on offer");
        rcpt_command(Offered { dsn: true, ..Offered::default() }, &recipient)
    }

    #[test_case("aliya@пошта.қаз" => "RCPT TO:<aliya@xn--80a1acn3a.xn--80ao21a>\r\n"; "a domain in a labels")]
    #[test_case("әлия@пошта.қаз" => "RCPT TO:<әлия@пошта.қаз>\r\n"; "who knows one part of it knows the other")]
    fn rfc6531_a_server_without_smtputf8_gets_an_international_domain(address: &str) -> String {
        let address: Address = address.parse().unwrap();
        let recipient = Recipient { address: &address, notify: Notify::default(), original: None };
        rcpt_command(Offered::default(), &recipient)
    }

    #[test_case(&[b".a\r\n.\r\n"], b"..a\r\n..\r\n.\r\n"; "dots at the beginning of lines")]
    #[test_case(&[b"a\r", b"\n", b".b\r\n"], b"a\r\n..b\r\n.\r\n"; "a line end across pieces")]
    #[test_case(&[b"a.b"], b"a.b\r\n.\r\n"; "no final line end")]
    #[test_case(&[], b".\r\n"; "nothing at all")]
    fn rfc5321_dots_are_doubled(pieces: &[&[u8]], wire: &[u8]) {
        assert_eq!(stuffed(pieces), wire);
    }

    proptest! {
        #[test]
        fn rfc5321_the_end_stands_only_at_the_end(content in "[.a\r\n]{0,60}", cut in 0_usize..60) {
            let content = content.replace('\r', "").replace('\n', "\r\n").into_bytes();
            let (first, second) = content.split_at(cut.min(content.len()));
            let wire = stuffed(&[first, second]);
            let end = wire.windows(5).position(|window| window == b"\r\n.\r\n").map_or(wire.len(), |at| at + 5);
            prop_assert_eq!(end, wire.len());
        }
    }
}
