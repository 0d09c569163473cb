//! The tokio driver: opens sessions on connections, carries bytes and answers between the pure core and the
//! services, and keeps the time.

use std::sync::Arc;

use tracing::Instrument as _;

use crate::address::Domain;
use crate::auth::Authenticator;
use crate::clock::World;
use crate::intake::Intake;
use crate::message::Caps;
use crate::server::listener::{Drain, Listener};
use crate::server::tls::Tls;

use super::Settings;
use super::connection::Connection;
use super::counts::ReplyCounts;
use super::peers::{Peer, PeerTable};
use super::proto::{Door, LoginRule, ReportsRule, Site};
use super::service::{Service, Services};

/// What a client hears for which there is no room.
pub const FAREWELL: &str = "421 4.7.0 too many connections; try again later\r\n";

/// What the front door is built from.
#[derive(Debug)]
pub struct Parts {
    /// The name in greetings.
    pub hostname: String,
    /// The domain of a `<Postmaster>` without one.
    pub domain: Domain,
    /// Ports, budgets and times.
    pub settings: Settings,
    /// Where letters go.
    pub intake: Intake,
    /// Who knows the users.
    pub authenticator: Authenticator,
    /// How much of a message is looked into.
    pub caps: Caps,
    /// Who is known on port 25.
    pub peers: Arc<PeerTable>,
    /// TLS of port 25, which asks for client certificates (`ClientCertificates::Requested`).
    pub mx_tls: Option<Tls>,
    /// TLS of the submission ports.
    pub submission_tls: Option<Tls>,
    /// Clock and randomness.
    pub world: World,
}

/// Which of the three kinds of listener a connection came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Port {
    /// 25: from other servers; STARTTLS.
    Mx,
    /// 587: from users; STARTTLS.
    Submission,
    /// 465: from users; TLS from the first byte.
    Submissions,
}

impl Port {
    /// The name of its listener in logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Port::Mx => "smtp",
            Port::Submission => "submission",
            Port::Submissions => "submissions",
        }
    }

    /// What a client hears at this port for which there is no room: nothing where TLS has the first word.
    #[must_use]
    pub fn farewell(self) -> &'static str {
        match self {
            Port::Mx | Port::Submission => FAREWELL,
            Port::Submissions => "",
        }
    }

    pub(super) fn door(self) -> Door {
        match self {
            Port::Mx => Door::Mx,
            Port::Submission | Port::Submissions => Door::Submission,
        }
    }
}

/// The SMTP front door. Clones share it.
#[derive(Clone, Debug)]
pub struct Server {
    house: Arc<House<Services>>,
}

impl Server {
    /// Puts the front door together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let service = Services { intake: parts.intake, authenticator: parts.authenticator, caps: parts.caps };
        let house = House {
            hostname: parts.hostname,
            domain: parts.domain,
            settings: parts.settings,
            service,
            peers: parts.peers,
            mx_tls: parts.mx_tls,
            submission_tls: parts.submission_tls,
            world: parts.world,
            replies: ReplyCounts::default(),
        };
        Server { house: Arc::new(house) }
    }

    /// Serves a listener until the drain begins. Connections that stand then finish their transaction as tasks
    /// of the drain.
    pub async fn serve(&self, port: Port, listener: Listener, drain: Drain) {
        serve(Arc::clone(&self.house), port, listener, drain).await;
    }
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct House<S> {
    pub(super) hostname: String,
    pub(super) domain: Domain,
    pub(super) settings: Settings,
    pub(super) service: S,
    pub(super) peers: Arc<PeerTable>,
    pub(super) mx_tls: Option<Tls>,
    pub(super) submission_tls: Option<Tls>,
    pub(super) world: World,
    pub(super) replies: ReplyCounts,
}

impl<S: Service> House<S> {
    pub(super) fn tls(&self, port: Port) -> Option<&Tls> {
        match port.door() {
            Door::Mx => self.mx_tls.as_ref(),
            Door::Submission => self.submission_tls.as_ref(),
        }
    }

    /// What a session at this port is told, with the limits of a peer that is known already.
    pub(super) fn site(&self, port: Port, peer: Option<&Peer>) -> Arc<Site> {
        let login = match port.door() {
            // Port 25 knows no users; peers with a login may use it there.
            Door::Mx if !self.peers.has_credentials() => LoginRule::Never,
            Door::Mx => LoginRule::OverTls,
            Door::Submission if self.settings.plaintext_auth => LoginRule::Always,
            Door::Submission => LoginRule::OverTls,
        };
        let mut limits = self.settings.limits();
        if let Some(own) = peer.map(Peer::limits) {
            limits.max_message_bytes = own.max_message_bytes.unwrap_or(limits.max_message_bytes);
            limits.max_recipients = own.max_recipients.unwrap_or(limits.max_recipients);
        }
        Arc::new(Site {
            hostname: self.hostname.clone(),
            domain: self.domain.to_string(),
            door: port.door(),
            starttls: self.tls(port).is_some(),
            login,
            reports: match (port.door(), peer) {
                (Door::Mx, None) => ReportsRule::Withheld,
                (Door::Submission, _) | (Door::Mx, Some(_)) => ReportsRule::Offered,
            },
            limits,
        })
    }
}

pub(super) async fn serve<S: Service>(house: Arc<House<S>>, port: Port, listener: Listener, drain: Drain) {
    let token = drain.token().clone();
    let handler = move |accepted: crate::server::listener::Accepted| {
        let span = tracing::info_span!("smtp", connection = accepted.id, port = port.name(), client = %accepted.client);
        let connection = Connection::new(Arc::clone(&house), port, accepted, token.clone());
        connection.run().instrument(span)
    };
    listener.run(drain, handler).await;
}
