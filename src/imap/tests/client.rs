//! A client that plays transcripts: `C:` lines are sent, `S:` lines must come, `…` in them stands for any text.

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};

const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Client {
    stream: BufReader<TcpStream>,
    tags: u32,
}

impl Client {
    pub(super) async fn connect(address: std::net::SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut client = Client { stream: BufReader::new(stream), tags: 0 };
        client.expect("* OK …").await;
        client
    }

    /// Plays a transcript.
    pub(super) async fn play(&mut self, transcript: &str) {
        for line in transcript.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match line.split_once(' ') {
                Some(("C:", text)) => self.send(&format!("{text}\r\n")).await,
                Some(("S:", text)) => self.expect(text).await,
                _ => panic!("no line of a transcript: {line}"),
            }
        }
    }

    pub(super) async fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes()).await;
    }

    pub(super) async fn send_bytes(&mut self, bytes: &[u8]) {
        timeout(PATIENCE, self.stream.get_mut().write_all(bytes)).await.unwrap().unwrap();
    }

    /// One line without its CRLF; a literal in it is read and shown in place, as text.
    pub(super) async fn line(&mut self) -> String {
        let mut whole = Vec::new();
        loop {
            let mut line = Vec::new();
            let read = timeout(PATIENCE, self.stream.read_until(b'\n', &mut line));
            assert!(read.await.expect("the server answers in time").unwrap() > 0, "closed after {}", lossy(&whole));
            let line = line.strip_suffix(b"\r\n").expect("lines end with CRLF");
            let Some(size) = literal_size(line) else {
                whole.extend_from_slice(line);
                return lossy(&whole);
            };
            whole.extend_from_slice(line);
            whole.extend_from_slice(b"\n");
            let at = whole.len();
            whole.resize(at + size, 0);
            timeout(PATIENCE, self.stream.read_exact(&mut whole[at..])).await.unwrap().unwrap();
        }
    }

    pub(super) async fn expect(&mut self, wanted: &str) {
        let line = self.line().await;
        assert!(fits(wanted, &line), "expected {wanted:?}\n     got {line:?}");
    }

    /// Sends a command and gives all answers up to the tagged one, which must be OK.
    pub(super) async fn ok(&mut self, command: &str) -> Vec<String> {
        let (answers, end) = self.run(command).await;
        assert!(end.starts_with("OK"), "{command}: {end}");
        answers
    }

    /// Sends a command; gives the untagged answers and the tagged one without its tag.
    pub(super) async fn run(&mut self, command: &str) -> (Vec<String>, String) {
        self.tags += 1;
        let tag = format!("t{}", self.tags);
        self.send(&format!("{tag} {command}\r\n")).await;
        self.answers(&tag).await
    }

    async fn answers(&mut self, tag: &str) -> (Vec<String>, String) {
        let mut answers = Vec::new();
        loop {
            let line = self.line().await;
            match line.strip_prefix(tag) {
                Some(end) => return (answers, end.trim_start().to_owned()),
                None => answers.push(line),
            }
        }
    }

    /// Sends a command on which the server ends the session without a word.
    pub(super) async fn run_until_closed(&mut self, command: &str) {
        self.send(&format!("end {command}\r\n")).await;
        let mut all = Vec::new();
        timeout(PATIENCE, self.stream.read_to_end(&mut all)).await.expect("the server ends the session").unwrap();
        assert!(!lossy(&all).contains("\r\nend "), "{}", lossy(&all));
    }

    /// APPEND with a literal that waits; gives the tagged answer.
    pub(super) async fn append(&mut self, before_literal: &str, message: &[u8]) -> String {
        self.tags += 1;
        let tag = format!("t{}", self.tags);
        self.send(&format!("{tag} APPEND {before_literal} {{{}}}\r\n", message.len())).await;
        let line = self.line().await;
        if !line.starts_with('+') {
            return line.strip_prefix(&tag).expect("an answer to APPEND").trim_start().to_owned();
        }
        self.send_bytes(message).await;
        self.send("\r\n").await;
        self.answers(&tag).await.1
    }

    /// The bytes of the first literal in the answer to a command.
    pub(super) async fn literal(&mut self, command: &str) -> Vec<u8> {
        self.tags += 1;
        let tag = format!("t{}", self.tags);
        self.send(&format!("{tag} {command}\r\n")).await;
        let mut line = Vec::new();
        timeout(PATIENCE, self.stream.read_until(b'\n', &mut line)).await.unwrap().unwrap();
        let size = literal_size(line.strip_suffix(b"\r\n").unwrap()).expect("a literal in the first line");
        let mut bytes = vec![0; size];
        timeout(PATIENCE, self.stream.read_exact(&mut bytes)).await.unwrap().unwrap();
        self.answers(&tag).await;
        bytes
    }

    /// Whether the server closed.
    pub(super) async fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        timeout(PATIENCE, self.stream.read_to_end(&mut rest)).await.unwrap().unwrap_or(0) == 0
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn literal_size(line: &[u8]) -> Option<usize> {
    let line = std::str::from_utf8(line).ok()?;
    line.strip_suffix('}')?.rsplit_once('{')?.1.parse().ok()
}

/// `…` stands for any text.
fn fits(wanted: &str, line: &str) -> bool {
    let mut parts = wanted.split('…');
    let Some(mut rest) = parts.next().and_then(|start| line.strip_prefix(start)) else { return false };
    let mut last = None;
    for part in parts {
        last = Some(part);
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    match last {
        None => rest.is_empty(),
        Some(part) => line.ends_with(part),
    }
}
