//! As much of SMTP and IMAP as measuring needs.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A letter of about so many bytes.
pub fn letter(bytes: usize) -> Vec<u8> {
    let mut letter = b"From: <load@elsewhere.example>\r\nTo: <user@poshta.example>\r\nSubject: measured\r\n\
        Date: Sat, 21 Nov 2026 12:00:00 +0500\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        .to_vec();
    let mut state = 88_172_645_463_325_252_u64;
    while letter.len() < bytes {
        for _ in 0..11 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            letter.extend_from_slice(&format!("{:05x} ", state & 0xf_ffff).into_bytes());
        }
        letter.extend_from_slice(b"\r\n");
    }
    letter
}

/// A session that sends.
pub struct Smtp {
    reader: BufReader<TcpStream>,
    stream: TcpStream,
}

impl Smtp {
    pub fn connect(to: SocketAddr) -> Smtp {
        let stream = connect(to);
        let mut smtp = Smtp { reader: BufReader::new(stream.try_clone().unwrap()), stream };
        smtp.expect("220");
        smtp.stream.write_all(b"EHLO localhost\r\n").unwrap();
        smtp.expect("250");
        smtp
    }

    /// Sends a letter; how long the server took from the final dot to its 250.
    pub fn send(&mut self, recipients: &[String], letter: &[u8]) -> Duration {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let mut commands = String::from("MAIL FROM:<load@elsewhere.example>\r\n");
        for recipient in recipients {
            commands.push_str(&format!("RCPT TO:<{recipient}>\r\n"));
        }
        commands.push_str("DATA\r\n");
        self.stream.write_all(commands.as_bytes()).unwrap();
        (0..=recipients.len()).for_each(|_| self.expect("250"));
        self.expect("354");
        // Each letter is another one, so that none is stored for another's sake.
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let id = format!("Message-ID: <{}.{number}@elsewhere.example>\r\n", std::process::id());
        let data = [id.as_bytes(), letter, b".\r\n"].concat();
        self.stream.write_all(&data).unwrap();
        let begun = Instant::now();
        self.expect("250");
        begun.elapsed()
    }

    fn expect(&mut self, code: &str) {
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).unwrap();
            assert!(line.starts_with(code), "instead of {code}: {line:?}");
            if line.as_bytes().get(3) != Some(&b'-') {
                return;
            }
        }
    }
}

/// A session that counts.
pub struct Imap {
    reader: BufReader<TcpStream>,
    stream: TcpStream,
}

impl Imap {
    pub fn login(to: SocketAddr, user: &str, password: &str) -> Imap {
        let stream = connect(to);
        let mut imap = Imap { reader: BufReader::new(stream.try_clone().unwrap()), stream };
        imap.line();
        imap.run(&format!("LOGIN {user} {password}"));
        imap
    }

    /// How many messages are in the inbox.
    pub fn messages(&mut self) -> u64 {
        let status = self.run("STATUS INBOX (MESSAGES)");
        let (_, count) = status.split_once("(MESSAGES ").unwrap_or_else(|| panic!("{status}"));
        count.split(')').next().unwrap().parse().unwrap()
    }

    fn run(&mut self, command: &str) -> String {
        self.stream.write_all(format!("a {command}\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        loop {
            let line = self.line();
            if line.starts_with("a OK") {
                return answer;
            }
            assert!(line.starts_with('*'), "{command}: {line}");
            answer.push_str(&line);
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.reader.read_line(&mut line).unwrap() > 0, "the server hung up");
        line
    }
}

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}
