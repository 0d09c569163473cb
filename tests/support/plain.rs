//! SMTP and IMAP without TLS and without a library: every command and its answer, as short as they can be said.

use std::io::{self, BufRead, BufReader, Read as _, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine as _;

/// A client that waits longer than this has found a fault.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection, line by line.
pub struct Lines(BufReader<TcpStream>);

impl Lines {
    fn connect(to: SocketAddr) -> io::Result<Lines> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Lines(BufReader::new(stream)))
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        if self.0.read_until(b'\n', &mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }
}

/// A user who submits letters.
pub struct Submission(Lines);

impl Submission {
    pub fn login(to: SocketAddr, login: &str, password: &str) -> io::Result<Submission> {
        let mut client = Submission(Lines::connect(to)?);
        client.reply()?;
        client.expect("EHLO client.example", "250")?;
        let token = base64::engine::general_purpose::STANDARD.encode(format!("\0{login}\0{password}"));
        client.expect(&format!("AUTH PLAIN {token}"), "235")?;
        Ok(client)
    }

    /// Submits a letter; the reply to its content. No line of it begins with a dot.
    pub fn letter(&mut self, from: &str, to: &[&str], content: &[u8]) -> io::Result<String> {
        self.expect(&format!("MAIL FROM:<{from}>"), "250")?;
        for to in to {
            self.expect(&format!("RCPT TO:<{to}>"), "250")?;
        }
        self.expect("DATA", "354")?;
        self.0.send(&[content, b".\r\n"].concat())?;
        self.reply()
    }

    /// The first reply that is no success ends it; the next letter begins anew.
    pub fn try_letter(&mut self, from: &str, to: &str, content: &[u8]) -> io::Result<String> {
        for (command, good) in
            [(format!("MAIL FROM:<{from}>"), "250"), (format!("RCPT TO:<{to}>"), "250"), ("DATA".into(), "354")]
        {
            let reply = self.ask(&command)?;
            if !reply.starts_with(good) {
                self.ask("RSET")?;
                return Ok(reply);
            }
        }
        self.0.send(&[content, b".\r\n"].concat())?;
        self.reply()
    }

    /// The server answers, and so has done whatever was asked before.
    pub fn is_still_there(&mut self) -> io::Result<()> {
        self.expect("NOOP", "250")
    }

    /// Another reply is an error of the kind `Other`, in its own words.
    fn expect(&mut self, command: &str, code: &str) -> io::Result<()> {
        let reply = self.ask(command)?;
        if reply.starts_with(code) { Ok(()) } else { Err(io::Error::other(reply)) }
    }

    fn ask(&mut self, command: &str) -> io::Result<String> {
        self.0.send(format!("{command}\r\n").as_bytes())?;
        self.reply()
    }

    /// The last line of a reply.
    fn reply(&mut self) -> io::Result<String> {
        loop {
            let line = self.0.line()?;
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line);
            }
        }
    }
}

/// A mail program.
pub struct Imap {
    lines: Lines,
    /// What its tags begin with.
    pub name: String,
    pub next: u32,
}

/// What a command was answered.
pub struct Answer {
    pub tag: String,
    pub untagged: Vec<String>,
    /// The tagged line, without its tag.
    pub end: String,
}

impl Imap {
    pub fn login(to: SocketAddr, name: &str, login: &str, password: &str) -> io::Result<Imap> {
        let mut client = Imap { lines: Lines::connect(to)?, name: name.to_owned(), next: 0 };
        client.lines.line()?;
        let answer = client.run(&format!("LOGIN {login} {{{}+}}\r\n{password}", password.len()))?;
        if answer.end.starts_with("OK") { Ok(client) } else { Err(io::Error::other(answer.end)) }
    }

    /// As [`Imap::run`]; the server must say OK.
    pub fn ok(&mut self, command: &str) -> io::Result<Answer> {
        let answer = self.run(command)?;
        assert!(answer.end.starts_with("OK"), "{command}: {}", answer.end);
        Ok(answer)
    }

    pub fn append(&mut self, folder: &str, flags: &str, content: &[u8]) -> io::Result<Answer> {
        let tag = self.begin(&format!("APPEND {folder} ({flags}) {{{}}}", content.len()))?;
        let line = self.lines.line()?;
        if let Some(end) = line.strip_prefix(&format!("{tag} ")) {
            return Ok(Answer { end: end.to_owned(), tag, untagged: Vec::new() });
        }
        assert!(line.starts_with('+'), "{line}");
        self.lines.send(&[content, b"\r\n"].concat())?;
        self.end(tag)
    }

    /// The bytes of a message of the open folder.
    pub fn message(&mut self, uid: u32) -> io::Result<Vec<u8>> {
        let tag = self.begin(&format!("UID FETCH {uid} BODY.PEEK[]"))?;
        let line = self.lines.line()?;
        let len = line.rsplit_once('{').and_then(|(_, len)| len.strip_suffix('}')?.parse().ok());
        let mut message = vec![0; len.unwrap_or_else(|| panic!("message {uid}: {line}"))];
        self.lines.0.read_exact(&mut message)?;
        let end = self.end(tag)?.end;
        assert!(end.starts_with("OK"), "message {uid}: {end}");
        Ok(message)
    }

    pub fn run(&mut self, command: &str) -> io::Result<Answer> {
        let tag = self.begin(command)?;
        self.end(tag)
    }

    fn begin(&mut self, command: &str) -> io::Result<String> {
        let tag = format!("{}t{}", self.name, self.next);
        self.next += 1;
        self.lines.send(format!("{tag} {command}\r\n").as_bytes())?;
        Ok(tag)
    }

    fn end(&mut self, tag: String) -> io::Result<Answer> {
        let mut untagged = Vec::new();
        loop {
            let line = self.lines.line()?;
            if let Some(end) = line.strip_prefix(&format!("{tag} ")) {
                return Ok(Answer { end: end.to_owned(), tag, untagged });
            }
            untagged.push(line);
        }
    }
}

impl Answer {
    /// The last UID of a response code: `[APPENDUID 7 12]`, `[COPYUID 7 3 12]`.
    pub fn uid(&self, code: &str) -> u32 {
        let lines = self.untagged.iter().chain([&self.end]);
        let found = lines.filter_map(|line| line.split_once(code)?.1.split_once(']')).next();
        let found = found.unwrap_or_else(|| panic!("no {code} in {} {:?}", self.end, self.untagged));
        found.0.split_whitespace().last().unwrap().parse().unwrap()
    }
}
