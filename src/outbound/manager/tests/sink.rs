//! A mail server that answers by script and remembers what it heard.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What the server says.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) greeting: &'static str,
    /// Keywords of EHLO.
    pub(super) ehlo: Vec<&'static str>,
    /// The answer to STARTTLS.
    pub(super) ready: &'static str,
    /// Without it a handshake fails.
    pub(super) tls: Option<Arc<ServerConfig>>,
    /// Beginnings of recipients, and the answers they get.
    pub(super) refused: &'static [(&'static str, &'static str)],
    pub(super) ready_for_data: &'static str,
    /// The answer to the letter; empty: none, the connection ends.
    pub(super) end: &'static str,
}

impl Default for Script {
    fn default() -> Self {
        Script {
            greeting: "220 sink ESMTP",
            ehlo: vec!["SIZE 1000000", "8BITMIME"],
            ready: "220 go",
            tls: None,
            refused: &[],
            ready_for_data: "354 go on",
            end: "250 2.0.0 taken",
        }
    }
}

/// One connection.
#[derive(Clone, Default, Debug)]
pub(super) struct Heard {
    pub(super) commands: Vec<String>,
    /// The letter, its dots as they were.
    pub(super) letter: Option<Vec<u8>>,
    pub(super) tls: bool,
}

type Ears = Arc<Mutex<Vec<Heard>>>;

/// The server; it ends with this value.
pub(super) struct Sink {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
    ears: Ears,
    task: JoinHandle<()>,
}

impl Sink {
    pub(super) async fn start(script: Script) -> Sink {
        Sink::at(([127, 0, 0, 1], 0).into(), script).await
    }

    pub(super) async fn at(address: SocketAddr, script: Script) -> Sink {
        let listener = TcpListener::bind(address).await.unwrap();
        let (address, script, ears) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(script)), Ears::default());
        let (now, heard) = (script.clone(), ears.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let script = now.lock().clone();
                let ears = heard.clone();
                let number = {
                    let mut heard = heard.lock();
                    heard.push(Heard::default());
                    heard.len() - 1
                };
                tokio::spawn(async move {
                    let session = Session { script, number, ears };
                    // A client that goes away is nothing to report.
                    drop(session.serve(stream).await);
                });
            }
        });
        Sink { address, script, ears, task }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// One entry for each connection so far.
    pub(super) fn heard(&self) -> Vec<Heard> {
        self.ears.lock().clone()
    }

    pub(super) fn change(&self, script: Script) {
        *self.script.lock() = script;
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A certificate that nobody vouches for.
pub(super) fn self_signed() -> Arc<ServerConfig> {
    let made = rcgen::generate_simple_self_signed(vec!["sink.example".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    Arc::new(config)
}

/// What comes after a dialogue.
#[derive(PartialEq)]
enum Next {
    Over,
    Tls,
}

struct Session {
    script: Script,
    number: usize,
    ears: Ears,
}

impl Session {
    async fn serve(self, stream: TcpStream) -> std::io::Result<()> {
        let mut plain = BufStream::new(stream);
        say(&mut plain, self.script.greeting).await?;
        if self.dialogue(&mut plain).await? == Next::Over {
            return Ok(());
        }
        let Some(tls) = &self.script.tls else { return Ok(()) };
        let stream = TlsAcceptor::from(tls.clone()).accept(plain.into_inner()).await?;
        self.hear(|heard| heard.tls = true);
        self.dialogue(&mut BufStream::new(stream)).await.map(drop)
    }

    fn hear(&self, note: impl FnOnce(&mut Heard)) {
        note(&mut self.ears.lock()[self.number]);
    }

    async fn dialogue<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut BufStream<S>) -> std::io::Result<Next> {
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(Next::Over);
            }
            let line = line.trim_end().to_owned();
            self.hear(|heard| heard.commands.push(line.clone()));
            match line.split([' ', ':']).next().unwrap() {
                "EHLO" => self.hello(stream).await?,
                "STARTTLS" => {
                    say(stream, self.script.ready).await?;
                    if self.script.ready.starts_with("220") {
                        return Ok(Next::Tls);
                    }
                }
                "RCPT" => {
                    let address = line.trim_start_matches("RCPT TO:<");
                    let refused = self.script.refused.iter().find(|(who, _)| address.starts_with(who));
                    say(stream, refused.map_or("250 ok", |(_, answer)| answer)).await?;
                }
                "DATA" if !self.data(stream).await? => return Ok(Next::Over),
                "DATA" => {}
                "QUIT" => {
                    say(stream, "221 bye").await?;
                    return Ok(Next::Over);
                }
                _ => say(stream, "250 ok").await?,
            }
        }
    }

    async fn hello<S: AsyncWrite + AsyncRead + Unpin>(&self, stream: &mut BufStream<S>) -> std::io::Result<()> {
        let lines: Vec<&str> = ["sink"].into_iter().chain(self.script.ehlo.iter().copied()).collect();
        let (last, more) = lines.split_last().unwrap();
        let answer: String = more.iter().map(|line| format!("250-{line}\r\n")).collect();
        say(stream, &format!("{answer}250 {last}")).await
    }

    /// False when the connection is to end without an answer.
    async fn data<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut BufStream<S>) -> std::io::Result<bool> {
        say(stream, self.script.ready_for_data).await?;
        if !self.script.ready_for_data.starts_with("354") {
            return Ok(true);
        }
        let letter = content(stream).await?;
        self.hear(|heard| heard.letter = Some(letter));
        if self.script.end.is_empty() {
            return Ok(false);
        }
        say(stream, self.script.end).await.map(|()| true)
    }
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufStream<S>, text: &str) -> std::io::Result<()> {
    stream.write_all(format!("{text}\r\n").as_bytes()).await?;
    stream.flush().await
}

/// Up to the line with the single dot; doubled dots are made one.
async fn content<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufStream<S>) -> std::io::Result<Vec<u8>> {
    let mut letter = Vec::new();
    loop {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).await?;
        if line == b".\r\n" || line.is_empty() {
            return Ok(letter);
        }
        letter.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}
