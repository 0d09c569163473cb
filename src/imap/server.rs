//! The front door: opens the ports and gives every connection to a [`connection`](super::connection).

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::announcements::Announcements;
use crate::auth::Authenticator;
use crate::clock::World;
use crate::message::Caps;
use crate::quota;
use crate::receipts::Fetches;
use crate::server::listener::{Accepted, BindError, ConnectionIds, Drain, Gate, Listener};
use crate::server::tls::{Tls, Wire};
use crate::store::Store;

use super::Settings;
use super::connection::Connection;
use super::output::Output;

/// What a client hears for which there is no room.
const FAREWELL: &str = "* BYE [UNAVAILABLE] too many connections, try again later\r\n";

/// Everything the verbs need; one for all sessions.
#[derive(Clone, Debug)]
pub struct Services {
    /// The data directory.
    pub store: Store,
    /// Who may log in.
    pub authenticator: Authenticator,
    /// Clock and randomness.
    pub world: World,
    /// How much of an appended message is looked into.
    pub caps: Caps,
    /// What a mailbox may hold.
    pub quota: quota::Settings,
    /// Where it is said that a letter was fetched (P6).
    pub fetches: Fetches,
    /// Planned work (M16).
    pub announcements: Announcements,
    /// `[imap]`.
    pub settings: Settings,
}

/// When TLS begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Security {
    /// With STARTTLS (RFC 9051 §6.2.1).
    StartTls,
    /// With the first byte (RFC 8314 §3.2).
    Implicit,
}

/// The open ports, with the real numbers where port 0 was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Addresses {
    /// With STARTTLS.
    pub imap: Vec<SocketAddr>,
    /// With TLS from the first byte.
    pub imaps: Vec<SocketAddr>,
}

/// The IMAP server. Clones share everything.
#[derive(Clone, Debug)]
pub struct Server {
    services: Arc<Services>,
    tls: Option<Tls>,
}

impl Server {
    /// A server for these services. Without `tls` there is no STARTTLS, and `listen_tls` cannot be opened.
    #[must_use]
    pub fn new(services: Services, tls: Option<Tls>) -> Self {
        Server { services: Arc::new(services), tls }
    }

    /// Opens every port of the configuration and serves until the drain begins.
    ///
    /// # Errors
    /// A port cannot be opened; says which, and the remedy.
    pub async fn listen(&self, ids: &ConnectionIds, drain: &Drain) -> Result<Addresses, BindError> {
        let settings = &self.services.settings;
        let gate = Gate::new(settings.connections.clone());
        let mut addresses = Addresses::default();
        for address in &settings.listen {
            let listener = Listener::bind("imap", *address, gate.clone(), ids.clone(), FAREWELL).await?;
            addresses.imap.push(listener.address());
            self.accept(listener, Security::StartTls, drain);
        }
        for address in &settings.listen_tls {
            let listener = Listener::bind("imaps", *address, gate.clone(), ids.clone(), "").await?;
            addresses.imaps.push(listener.address());
            self.accept(listener, Security::Implicit, drain);
        }
        Ok(addresses)
    }

    fn accept(&self, listener: Listener, security: Security, drain: &Drain) {
        let (server, stop) = (self.clone(), drain.token().clone());
        let handler = move |accepted| {
            let (server, stop) = (server.clone(), stop.clone());
            async move { server.serve(accepted, security, stop).await }
        };
        drain.spawn(listener.run(drain.clone(), handler));
    }

    /// Serves one connection until it ends or `stop` fires.
    async fn serve(&self, accepted: Accepted, security: Security, stop: CancellationToken) {
        let Accepted { id, stream, client, permit } = accepted;
        let span = tracing::info_span!("imap", connection = id, client = %client);
        let work = async {
            let _permit = permit;
            let wire = match (security, &self.tls) {
                (Security::StartTls, _) => Ok(Wire::Plain(stream)),
                (Security::Implicit, Some(tls)) => Wire::Plain(stream).upgrade(tls).await,
                (Security::Implicit, None) => return tracing::error!("no certificate for a listener with TLS"),
            };
            match wire {
                Ok(wire) => {
                    let output = Output::new(wire, self.services.settings.write_timeout());
                    Connection::new(Arc::clone(&self.services), self.tls.clone(), client.ip(), output).run(stop).await;
                }
                Err(error) => tracing::info!(%error, "TLS handshake failed"),
            }
        };
        metrics::gauge!("poshta_imap_sessions").increment(1);
        work.instrument(span).await;
        metrics::gauge!("poshta_imap_sessions").decrement(1);
    }
}
