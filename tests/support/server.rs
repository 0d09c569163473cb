//! The services and an IMAP port inside this process, over the caller's store: for what must look behind the doors.
//! `benches/folder.rs` uses it too.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use poshta::accounts::NewAccount;
use poshta::auth::Secret;
use poshta::clock::World;
use poshta::config::Config;
use poshta::ids::{AccountId, FolderId};
use poshta::imap;
use poshta::server::Services;
use poshta::server::listener::{ConnectionIds, Drain};
use poshta::store::Store;
use poshta::store::accounts::Kind;

/// The address of the one account.
pub const ADDRESS: &str = "aliya@poshta.example";

const PASSWORD: &str = "хатшы-password-1";

/// A client that waits longer than this has found a fault.
const PATIENCE: Duration = Duration::from_secs(60);

/// Every service, one account, and IMAP on loopback.
pub struct Server {
    pub services: Services,
    pub account: AccountId,
    pub inbox: FolderId,
    imap: SocketAddr,
    drain: Drain,
}

impl Server {
    /// The configuration that [`Server::open`] wants, for a store in this directory.
    pub fn config(dir: &Path) -> Config {
        let mut config = Config::default();
        config.server.dir = dir.to_owned();
        config.postal.facilities_file = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/facilities.toml");
        // Cheap hashes: this is not about passwords.
        (config.auth.argon2_memory_kib, config.auth.argon2_passes) = (64, 1);
        config.imap.protocol.plaintext_auth = true;
        config.imap.listen = vec![([127, 0, 0, 1], 0).into()];
        config.imap.listen_tls = Vec::new();
        config
    }

    pub async fn open(config: Config, store: Store) -> Server {
        let services = Services::over(config, World::system(), store).unwrap();
        let account = account(&services).await;
        let inbox =
            services.store.read(move |view| Ok(view.folder_named(account, "INBOX")?.unwrap().id)).await.unwrap();
        let parts = imap::Services {
            store: services.store.clone(),
            authenticator: services.authenticator.clone(),
            world: services.world.clone(),
            caps: services.config.message.clone(),
            quota: services.config.quota.clone(),
            fetches: services.fetches.clone(),
            announcements: services.announcements.clone(),
            settings: services.config.imap.clone(),
        };
        let drain = Drain::default();
        let addresses = imap::Server::new(parts, None).listen(&ConnectionIds::default(), &drain).await.unwrap();
        Server { services, account, inbox, imap: addresses.imap[0], drain }
    }

    /// A session that is logged in.
    pub fn session(&self) -> Session {
        let stream = TcpStream::connect(self.imap).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut session = Session { stream: BufReader::with_capacity(1 << 20, stream) };
        assert!(session.line().starts_with("* OK "));
        session.run(&format!("LOGIN aliya {{{}+}}\r\n{PASSWORD}", PASSWORD.len()));
        session
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.drain.token().cancel();
    }
}

async fn account(services: &Services) -> AccountId {
    let home = [127, 0, 0, 1].into();
    let password = services.authenticator.hash(&Secret::new(PASSWORD.to_owned()), home).await.unwrap();
    let new = NewAccount {
        login: "aliya".into(),
        address: None,
        kind: Kind::Individual,
        display_name: String::new(),
        person: None,
        postal_index: None,
        password,
    };
    services.accounts.create(new).await.unwrap().id
}

/// An IMAP client. It looks into the answers no more than it must, so that a bench measures the server.
pub struct Session {
    stream: BufReader<TcpStream>,
}

impl Session {
    pub fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(format!("{text}\r\n").as_bytes()).unwrap();
    }

    pub fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.stream.read_line(&mut line).unwrap() > 0, "the server closed");
        line.trim_end().to_owned()
    }

    /// A line, if one comes in time.
    pub fn line_within(&mut self, limit: Duration) -> Option<String> {
        self.stream.get_mut().set_read_timeout(Some(limit)).unwrap();
        let mut line = String::new();
        let read = self.stream.read_line(&mut line);
        self.stream.get_mut().set_read_timeout(Some(PATIENCE)).unwrap();
        read.ok().map(|_| line)
    }

    /// The untagged answers to a command that must succeed, as they came.
    pub fn run(&mut self, command: &str) -> Vec<u8> {
        self.send(&format!("t {command}"));
        let mut answers = Vec::new();
        loop {
            let begin = answers.len();
            assert!(self.stream.read_until(b'\n', &mut answers).unwrap() > 0, "the server closed");
            if answers[begin..].starts_with(b"t ") {
                let end = String::from_utf8(answers.split_off(begin)).unwrap();
                assert!(end.starts_with("t OK"), "{command}: {end}");
                return answers;
            }
        }
    }

    /// As [`Session::run`], line by line.
    pub fn ok(&mut self, command: &str) -> Vec<String> {
        String::from_utf8(self.run(command)).unwrap().lines().map(str::to_owned).collect()
    }
}
