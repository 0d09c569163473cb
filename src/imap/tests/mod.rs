//! The front door over real sockets and a real store, told in transcripts.

mod client;
mod damage;
mod fetching;
mod folders;
mod quota;
mod searching;
mod sessions;
mod writing;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::accounts::{self, Accounts, NewAccount};
use crate::announcements::Announcements;
use crate::auth::{self, Authenticator, Secret};
use crate::clock::World;
use crate::ids::AccountId;
use crate::message::Caps;
use crate::server::listener::{ConnectionIds, Drain};
use crate::store::quota::Usage;
use crate::store::space::Told;
use crate::store::{self, Store};

use self::client::Client;
use super::{Server, Services, Settings, proto};

const PASSWORD: &str = "хатшы-password-1";

/// A server with one account, `aliya`.
struct Post {
    address: SocketAddr,
    drain: Drain,
    store: Store,
    accounts: Accounts,
    announcements: Announcements,
    authenticator: Authenticator,
    account: AccountId,
    _dir: tempfile::TempDir,
}

/// A port of loopback, passwords in the clear.
fn settings() -> Settings {
    Settings {
        listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        listen_tls: Vec::new(),
        protocol: proto::Settings { plaintext_auth: true, ..proto::Settings::default() },
        ..Settings::default()
    }
}

impl Post {
    async fn open() -> Post {
        Post::with(settings()).await
    }

    /// Free bytes below which letters are refused.
    const WATERMARK_BYTES: u64 = 1 << 20;

    async fn with(settings: Settings) -> Post {
        Post::on(settings, crate::quota::Settings::default(), Arc::new(Told::plenty())).await
    }

    async fn on(settings: Settings, quota: crate::quota::Settings, disk: Arc<Told>) -> Post {
        let dir = tempfile::tempdir().unwrap();
        let world = World::system();
        let room = store::Settings { watermark_bytes: Post::WATERMARK_BYTES, ..store::Settings::default() };
        let store = Store::open_on(dir.path(), &store::tests::as_chosen(room), disk).unwrap();
        let accounts = Accounts::new(store.clone(), world.clone(), &accounts::Settings::default()).unwrap();
        // Cheap hashes: these tests are not about passwords.
        let cheap = auth::Settings { argon2_memory_kib: 64, argon2_passes: 1, ..auth::Settings::default() };
        let authenticator = Authenticator::start(accounts.clone(), world.clone(), &cheap).unwrap();
        let home = [127, 0, 0, 1].into();
        let password = authenticator.hash(&Secret::new(PASSWORD.to_owned()), home).await.unwrap();
        let new = NewAccount {
            login: "aliya".into(),
            address: None,
            kind: store::accounts::Kind::Individual,
            display_name: String::new(),
            person: None,
            postal_index: None,
            password,
        };
        let account = accounts.create(new).await.unwrap().id;
        let announcements = Announcements::open(Default::default(), store.clone(), world.clone()).unwrap();
        let (caps, (fetches, _)) = (Caps::default(), crate::receipts::Fetches::channel(1));
        let services = Services {
            store: store.clone(),
            authenticator: authenticator.clone(),
            world,
            caps,
            quota,
            fetches,
            announcements: announcements.clone(),
            settings,
        };
        let drain = Drain::default();
        let addresses = Server::new(services, None).listen(&ConnectionIds::default(), &drain).await.unwrap();
        Post { address: addresses.imap[0], drain, store, accounts, announcements, authenticator, account, _dir: dir }
    }

    /// What aliya's account holds.
    async fn usage(&self) -> Usage {
        let account = self.account;
        self.store.read(move |view| view.usage(account)).await.unwrap()
    }

    async fn check(&self) -> store::check::Verdict {
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || store.check().unwrap()).await.unwrap()
    }

    /// A session that is not logged in.
    async fn visitor(&self) -> Client {
        Client::connect(self.address).await
    }

    /// A session that is logged in.
    async fn client(&self) -> Client {
        let mut client = self.visitor().await;
        client.ok(&format!("LOGIN aliya {{{}+}}\r\n{PASSWORD}", PASSWORD.len())).await;
        client
    }

    /// A session that is logged in with a new password for a mail program, and the number of that.
    async fn mail_program(&self) -> (Client, u32) {
        let made = self.authenticator.make_app_password(self.account, "phone", store::accounts::Scope::IMAP);
        let (number, password) = made.await.unwrap();
        let mut client = self.visitor().await;
        client.ok(&format!("LOGIN aliya {}", password.expose())).await;
        (client, number)
    }

    /// A session that has INBOX selected, with these messages in it.
    async fn inbox(&self, messages: &[&[u8]]) -> Client {
        let mut client = self.client().await;
        for message in messages {
            let answer = client.append("INBOX", message).await;
            assert!(answer.starts_with("OK [APPENDUID "), "{answer}");
        }
        client.ok("SELECT INBOX").await;
        client
    }
}

/// A small letter.
fn letter(subject: &str) -> Vec<u8> {
    format!(
        "From: Aliya <aliya@poshta.example>\r\nTo: bolat@poshta.example\r\nSubject: {subject}\r\n\
         Date: Tue, 1 Sep 2026 12:00:00 +0500\r\nMessage-ID: <{subject}@poshta.example>\r\n\r\nHello {subject}\r\n"
    )
    .into_bytes()
}
