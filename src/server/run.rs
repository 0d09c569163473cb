//! The running server: listeners, workers, signals, and the orderly end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::clock::World;
use crate::config::Config;
use crate::http::access::BadToken;
use crate::http::operator::{self, Operator};
use crate::http::{self, Transport};
use crate::imap;
use crate::smtp::peers::{PeerTable, PeersError};
use crate::smtp::server::{self as smtp, Port};
use crate::store::Stuck;

use super::control::ControlSocket;
use super::inherited;
use super::listener::{BindError, ConnectionIds, Drain, Gate, Listener};
use super::services::{OpenError, Services};
use super::signals::{Asked, Signals};
use super::tls::{Application, ClientCertificates, Tls, TlsError};
use super::{control, observe, upkeep};

/// How often the numbers of `/metrics` are tidied.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// A server that is being put together.
#[derive(Debug)]
pub struct Server;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The services cannot be built.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A named device cannot be used.
    #[error("the named devices: {0}")]
    Devices(#[from] crate::devices::Error),
    /// There is no usable certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The table of peers is wrong.
    #[error(transparent)]
    Peers(#[from] PeersError),
    /// `[[http.tokens]]` is wrong.
    #[error(transparent)]
    Tokens(#[from] BadToken),
    /// A port cannot be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The control socket cannot be opened.
    #[error("{}: cannot open the control socket: {error}", path.display())]
    Control {
        /// Its path.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// Another recorder of metrics is installed in this process.
    #[error("the recorder of metrics cannot be installed")]
    Metrics,
}

/// Where the server listens, with the real ports where port 0 was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Addresses {
    /// From other servers.
    pub smtp: Vec<SocketAddr>,
    /// From users, STARTTLS.
    pub submission: Vec<SocketAddr>,
    /// From users, TLS from the first byte.
    pub submissions: Vec<SocketAddr>,
    /// IMAP with STARTTLS.
    pub imap: Vec<SocketAddr>,
    /// IMAP with TLS from the first byte.
    pub imaps: Vec<SocketAddr>,
    /// Print and scan centres.
    pub http: Option<SocketAddr>,
    /// Health and metrics.
    pub operator: Option<SocketAddr>,
}

/// A server that listens.
#[derive(Debug)]
pub struct Running {
    /// Where.
    pub addresses: Addresses,
    /// Over what.
    pub services: Services,
    drain: Drain,
    certificates: Vec<Tls>,
    _control: ControlSocket,
}

/// TLS of the three kinds of doors: the certificate is one, what is asked of clients is not.
struct Doors {
    mx: Tls,
    mail: Tls,
    http: Tls,
}

impl Server {
    /// Opens the data directory, builds every service and opens every listener. When this answers, everything
    /// listens.
    ///
    /// # Errors
    /// See [`StartError`]; each says what to do.
    pub async fn start(config: Config, world: World) -> Result<Running, StartError> {
        allow_open_files();
        let metrics = observe::metrics().ok_or(StartError::Metrics)?;
        let services = Services::open(config, world)?;
        let config = Arc::clone(&services.config);
        // P31: what the clock shows is known before the first impression.
        services.devices.check_clock().await;
        services.devices.open_postmarks(&config.postal.facilities()).await?;
        let peers = Arc::new(PeerTable::load(&config.server.peers_file)?);
        let doors = Doors::load(&config, &peers)?;
        let mut start =
            Start { services, ids: ConnectionIds::default(), drain: Drain::default(), addresses: Addresses::default() };
        let control = match start.open(&doors, peers, metrics).await {
            Ok(control) => control,
            Err(error) => {
                // What listens already holds the data directory; it lets go before the error is told.
                start.drain.finish(Duration::from_secs(config.server.drain_s)).await;
                return Err(error);
            }
        };
        let Start { services, drain, addresses, .. } = start;
        let certificates = vec![doors.mx, doors.mail, doors.http];
        tracing::info!(dir = %config.server.dir.display(), hostname = config.server.hostname, "ready");
        Ok(Running { addresses, services, drain, certificates, _control: control })
    }
}

/// Takes all the open files that the system allows this process: the usual soft limit of 1024 is far below the
/// connections that the configuration allows, and where files run out the store fails too.
fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => tracing::info!(open_files = limit.maximum, "limit raised"),
        Err(error) => tracing::warn!(%error, open_files = limit.current, "the limit of open files stays"),
    }
}

impl Running {
    /// Serves until SIGTERM or SIGINT, or until the store is stuck, then drains; a further signal ends the drain.
    /// SIGHUP reads the certificates again.
    ///
    /// Answers whether the store is stuck, which may show only later, when the last who has it lets it go.
    pub async fn until_stopped(self, mut signals: Signals) -> Stuck {
        let stuck = self.services.store.stuck();
        loop {
            tokio::select! {
                asked = signals.next() => match asked {
                    Asked::Reload => self.reload(),
                    Asked::Stop => break,
                },
                () = stuck.wait() => {
                    tracing::error!("the server ends, so that it is started anew");
                    break;
                }
            }
        }
        tokio::select! {
            () = self.stop() => {}
            () = signals.stop() => tracing::warn!("asked to stop again: what is under way is cut off"),
        }
        stuck
    }

    /// Reads the certificates again; one that cannot be used leaves the old one in place.
    pub fn reload(&self) {
        for tls in &self.certificates {
            match tls.reload() {
                Ok(()) => tracing::info!("certificate read again"),
                Err(error) => tracing::error!(%error, "the old certificate stays in use"),
            }
        }
    }

    /// Accepts nothing new, and lets what is under way finish within the configured time.
    pub async fn stop(self) {
        let limit = Duration::from_secs(self.services.config.server.drain_s);
        tracing::info!(limit_s = limit.as_secs(), "draining");
        match self.drain.finish(limit).await {
            0 => tracing::info!("drained"),
            left => tracing::warn!(left, "sessions were cut off"),
        }
        // P31: nobody stamps any more.
        if let Err(error) = self.services.devices.put_away().await {
            tracing::warn!(%error, "the numbers that devices had left stay unused");
        }
        // M20: nobody adds entries any more; what is cut off while nothing runs is missed at the next verification.
        self.services.audit.seal_or_warn().await;
    }
}

impl Doors {
    fn load(config: &Config, peers: &PeerTable) -> Result<Self, TlsError> {
        let load = |clients, application| Tls::load(&config.tls, clients, application);
        let requested = |authorities| ClientCertificates::Requested { authorities };
        Ok(Doors {
            mx: load(requested(peers.authorities()), Application::Mail)?,
            mail: load(ClientCertificates::Ignored, Application::Mail)?,
            http: load(requested(Vec::new()), Application::Http)?,
        })
    }
}

/// What the doors are opened with, one after the other.
struct Start {
    services: Services,
    ids: ConnectionIds,
    drain: Drain,
    addresses: Addresses,
}

impl Start {
    /// Opens every door and starts what works behind them.
    async fn open(
        &mut self,
        doors: &Doors,
        peers: Arc<PeerTable>,
        metrics: PrometheusHandle,
    ) -> Result<ControlSocket, StartError> {
        self.smtp(doors, peers).await?;
        self.imap(doors).await?;
        self.http(doors, metrics.clone()).await?;
        inherited::warn_of_the_rest();
        self.workers(metrics);
        control::listen(&self.services, &self.drain)
            .map_err(|error| StartError::Control { path: control::path(&self.services.config.server.dir), error })
    }

    async fn smtp(&mut self, doors: &Doors, peers: Arc<PeerTable>) -> Result<(), StartError> {
        let config = Arc::clone(&self.services.config);
        let server = smtp::Server::new(smtp::Parts {
            hostname: config.server.hostname.clone(),
            domain: self.services.accounts.main_domain().cloned().ok_or_else(no_domain)?,
            settings: config.smtp.clone(),
            intake: self.services.intake.clone(),
            authenticator: self.services.authenticator.clone(),
            caps: config.message.clone(),
            peers,
            mx_tls: Some(doors.mx.clone()),
            submission_tls: Some(doors.mail.clone()),
            world: self.services.world.clone(),
        });
        // Port 25 and the submission ports are two doors: strangers cannot take the users' places.
        let mx = Gate::new(config.smtp.connections.clone());
        let submission = Gate::new(config.smtp.connections.clone());
        let ports = [
            (Port::Mx, &config.smtp.mx_listen, &mx),
            (Port::Submission, &config.smtp.submission_listen, &submission),
            (Port::Submissions, &config.smtp.submissions_listen, &submission),
        ];
        for (port, addresses, gate) in ports {
            for address in addresses {
                let listener =
                    Listener::bind(port.name(), *address, gate.clone(), self.ids.clone(), port.farewell()).await?;
                let bound = match port {
                    Port::Mx => &mut self.addresses.smtp,
                    Port::Submission => &mut self.addresses.submission,
                    Port::Submissions => &mut self.addresses.submissions,
                };
                bound.push(listener.address());
                let (server, drain) = (server.clone(), self.drain.clone());
                self.drain.spawn(async move { server.serve(port, listener, drain).await });
            }
        }
        Ok(())
    }

    async fn imap(&mut self, doors: &Doors) -> Result<(), StartError> {
        let services = imap::Services {
            store: self.services.store.clone(),
            authenticator: self.services.authenticator.clone(),
            world: self.services.world.clone(),
            caps: self.services.config.message.clone(),
            quota: self.services.config.quota.clone(),
            fetches: self.services.fetches.clone(),
            announcements: self.services.announcements.clone(),
            settings: self.services.config.imap.clone(),
        };
        let server = imap::Server::new(services, Some(doors.mail.clone()));
        let bound = server.listen(&self.ids, &self.drain).await?;
        self.addresses.imap = bound.imap;
        self.addresses.imaps = bound.imaps;
        Ok(())
    }

    async fn http(&mut self, doors: &Doors, metrics: PrometheusHandle) -> Result<(), StartError> {
        let settings = self.services.config.http.clone();
        let api = self.services.api(&self.addresses)?;
        let bind = async |name, address| {
            Listener::bind(name, address, Gate::new(settings.limits.clone()), self.ids.clone(), "").await
        };
        let public = bind("http", settings.listen).await?;
        let inside = bind("operator", settings.operator_listen).await?;
        self.addresses.http = Some(public.address());
        self.addresses.operator = Some(inside.address());
        let operator = operator::router(Operator {
            store: self.services.store.clone(),
            devices: self.services.devices.clone(),
            metrics,
        });
        let transport = Transport::Tls(doors.http.clone());
        self.drain.spawn(http::serve(public, transport, api.router(), settings.clone(), self.drain.clone()));
        self.drain.spawn(http::serve(inside, Transport::Plain, operator, settings, self.drain.clone()));
        self.drain.spawn(api.run_janitor(self.drain.token().clone()));
        Ok(())
    }

    /// What happens after a commit: sending out, printing, telling; and keeping the store small.
    fn workers(&self, metrics: PrometheusHandle) {
        let stop = || self.drain.token().clone();
        self.drain.spawn(upkeep::rewrite(self.services.store.clone(), stop()));
        self.drain.spawn(upkeep::let_go(self.services.store.clone(), stop()));
        self.drain.spawn(upkeep::shorten_replay(self.services.store.clone(), stop()));
        self.drain.spawn(self.services.outbound.clone().run(stop()));
        self.drain.spawn(self.services.paper.clone().run_press(stop()));
        self.drain.spawn(self.services.paper.clone().run_notices(self.services.intake.clone(), stop()));
        self.drain.spawn(self.services.warnings.clone().run(stop()));
        self.drain.spawn(self.services.registration.clone().run(stop()));
        self.drain.spawn(self.services.receipts.clone().run(stop()));
        self.drain.spawn(self.services.retention.clone().run(stop()));
        self.drain.spawn(self.services.sessions.clone().run_janitor(stop()));
        self.drain.spawn(self.services.publisher.clone().run(stop()));
        self.drain.spawn(self.services.publisher.clone().run_stamps(stop()));
        self.drain.spawn(self.services.devices.clone().run_clock(stop()));
        let facilities = self.services.config.postal.facilities();
        self.drain.spawn(self.services.devices.clone().open_others(facilities, stop()));
        self.drain.spawn(self.services.closings.clone().run(stop()));
        self.drain.spawn(self.services.audit.clone().run(stop()));
        self.drain.spawn(upkeep::compact(self.services.store.clone(), stop()));
        let (pulse, shown) = (self.services.pulse.clone(), metrics.clone());
        self.drain.spawn(pulse.run(move || shown.render(), self.services.world.clone(), stop()));
        let stop = stop();
        self.drain.spawn(async move {
            while tokio::time::timeout(METRICS_UPKEEP, stop.cancelled()).await.is_err() {
                metrics.run_upkeep();
            }
        });
    }
}

fn no_domain() -> StartError {
    StartError::Open(OpenError::Config(crate::config::ConfigError::Refused {
        file: PathBuf::new(),
        problems: vec![crate::config::Problem::new("accounts.domains", "there is no domain", "name one")],
    }))
}
