//! Who may connect, how many at once, and how everybody leaves: the accept loop that all front doors share.
//!
//! The invariant: a connection holds its place in the count until its handler has returned, so a limit can
//! never be passed by connections that are still closing.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::inherited;

/// Limits of one front door; stands in the section of each of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections at once, all clients together.
    pub max_connections: usize,
    /// Connections at once from one IPv4 address or one IPv6 /64.
    pub max_connections_per_address: usize,
    /// Whether 127.0.0.0/8 and ::1 are counted by address. The demo does not.
    pub count_loopback: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { max_connections: 10_000, max_connections_per_address: 200, count_loopback: true }
    }
}

/// Numbers the connections of a process, over all its listeners (DESIGN 18). Clones share the count.
#[derive(Clone, Debug, Default)]
pub struct ConnectionIds(Arc<AtomicU64>);

impl ConnectionIds {
    /// The next number, from 1 on.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// How a server stops: everyone who holds a clone is told, and the end waits for all of their tasks.
#[derive(Clone, Debug, Default)]
pub struct Drain {
    token: CancellationToken,
    tasks: TaskTracker,
}

impl Drain {
    /// Fires when the server is to stop.
    #[must_use]
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Runs a task that [`Drain::finish`] waits for.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(task);
    }

    /// Tells everyone to stop and waits for them, at most for `limit`. Gives the number of tasks that were
    /// still running then.
    pub async fn finish(&self, limit: Duration) -> usize {
        self.token.cancel();
        self.tasks.close();
        match tokio::time::timeout(limit, self.tasks.wait()).await {
            Ok(()) => 0,
            Err(_) => self.tasks.len(),
        }
    }
}

/// Counts the connections of one front door against its limits. Clones share the counts.
#[derive(Clone, Debug)]
pub struct Gate {
    limits: Arc<Limits>,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// A connection's place in the count; given back when dropped.
#[derive(Debug)]
pub struct Permit {
    counts: Arc<Mutex<Counts>>,
    network: Option<IpAddr>,
}

/// Why a connection is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// The limit of all connections.
    #[error("too many connections")]
    Total,
    /// The limit of one network.
    #[error("too many connections from your address")]
    Network,
}

impl Gate {
    /// A gate with nobody inside.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Gate { limits: Arc::new(limits), counts: Arc::default() }
    }

    /// Takes a place for a client.
    ///
    /// # Errors
    /// [`Full`].
    pub fn enter(&self, client: IpAddr) -> Result<Permit, Full> {
        let network = network_of(client);
        let counted = self.limits.count_loopback || !network.is_loopback();
        let mut counts = self.counts.lock();
        if counts.total >= self.limits.max_connections {
            return Err(Full::Total);
        }
        if counted {
            let here = counts.by_network.entry(network).or_insert(0);
            if *here >= self.limits.max_connections_per_address {
                return Err(Full::Network);
            }
            *here += 1;
        }
        counts.total += 1;
        Ok(Permit { counts: Arc::clone(&self.counts), network: counted.then_some(network) })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.counts.lock();
        counts.total = counts.total.saturating_sub(1);
        let Some(network) = self.network else { return };
        if let Some(here) = counts.by_network.get_mut(&network) {
            *here -= 1;
            if *here == 0 {
                counts.by_network.remove(&network);
            }
        }
    }
}

/// What is counted as one client: an IPv4 address, or the /64 that one IPv6 customer gets.
fn network_of(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let prefix = u128::from(address) & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from(prefix))
        }
        other => other,
    }
}

/// A new connection.
#[derive(Debug)]
pub struct Accepted {
    /// Its number.
    pub id: u64,
    /// The bytes.
    pub stream: TcpStream,
    /// Who calls; an IPv4-mapped address is shown as IPv4.
    pub client: SocketAddr,
    /// Its place in the count; keep it until the connection is closed.
    pub permit: Permit,
}

/// A listener cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for {name}: {source}; {}", remedy(source))]
pub struct BindError {
    /// What the listener is for.
    name: &'static str,
    /// Where.
    address: SocketAddr,
    /// What the system said.
    source: io::Error,
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program uses this port: stop it or configure another port",
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need the capability CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities)"
        }
        io::ErrorKind::AddrNotAvailable => "this machine has no such address: configure one that it has",
        _ => "check the address in the configuration",
    }
}

/// An open port.
#[derive(Debug)]
pub struct Listener {
    name: &'static str,
    socket: TcpListener,
    address: SocketAddr,
    gate: Gate,
    ids: ConnectionIds,
    farewell: &'static str,
}

impl Listener {
    /// Opens a port, or takes it over from whoever started the process. `name` appears in logs and metrics; `farewell` is what a client hears for which there is
    /// no room (empty where the first words belong to TLS).
    ///
    /// # Errors
    /// [`BindError`], with the remedy.
    pub async fn bind(
        name: &'static str,
        address: SocketAddr,
        gate: Gate,
        ids: ConnectionIds,
        farewell: &'static str,
    ) -> Result<Self, BindError> {
        let fail = |source| BindError { name, address, source };
        let socket = match inherited::take(address) {
            Some(socket) => socket.set_nonblocking(true).and_then(|()| TcpListener::from_std(socket)),
            None => TcpListener::bind(address).await,
        };
        let socket = socket.map_err(fail)?;
        let address = socket.local_addr().map_err(fail)?;
        Ok(Listener { name, socket, address, gate, ids, farewell })
    }

    /// Where it listens: with the real port when port 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts connections until the drain begins, and runs `handler` for each as a task of the drain.
    pub async fn run<H, F>(self, drain: Drain, handler: H)
    where
        H: Fn(Accepted) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        loop {
            let next = tokio::select! {
                biased;
                () = drain.token().cancelled() => return,
                next = self.socket.accept() => next,
            };
            match next {
                Ok((stream, client)) => self.admit(stream, client, &drain, &handler),
                Err(error) => {
                    // EMFILE and its kin last until some connection ends: no use in spinning on them.
                    tracing::warn!(listener = self.name, %error, "accept failed");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn admit<H, F>(&self, stream: TcpStream, client: SocketAddr, drain: &Drain, handler: &H)
    where
        H: Fn(Accepted) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let client = SocketAddr::new(client.ip().to_canonical(), client.port());
        match self.gate.enter(client.ip()) {
            Ok(permit) => {
                metrics::counter!("poshta_connections_total", "listener" => self.name).increment(1);
                // Small replies must not wait for more to come; a failure here costs speed only.
                let _ = stream.set_nodelay(true);
                let accepted = Accepted { id: self.ids.next(), stream, client, permit };
                drain.spawn(handler(accepted));
            }
            Err(full) => {
                metrics::counter!("poshta_connections_refused_total", "listener" => self.name).increment(1);
                tracing::info!(listener = self.name, client = %client, reason = %full, "connection refused");
                turn_away(stream, self.farewell, drain);
            }
        }
    }
}

/// Says good-bye without waiting long for anybody.
fn turn_away(mut stream: TcpStream, farewell: &'static str, drain: &Drain) {
    drain.spawn(async move {
        let goodbye = async {
            let _ = stream.write_all(farewell.as_bytes()).await;
            let _ = stream.shutdown().await;
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), goodbye).await;
    });
}

#[cfg(test)]
mod tests {
    use test_case::test_case;
    use tokio::io::AsyncReadExt;

    use super::*;

    fn limits(total: usize, per_address: usize) -> Limits {
        Limits { max_connections: total, max_connections_per_address: per_address, count_loopback: true }
    }

    #[test_case("192.0.2.1", "192.0.2.2" => true; "two ipv4 addresses")]
    #[test_case("192.0.2.1", "::ffff:192.0.2.1" => false; "the same one, mapped")]
    #[test_case("2001:db8::1", "2001:db8::2" => false; "one ipv6 customer")]
    #[test_case("2001:db8::1", "2001:db8:0:1::1" => true; "two ipv6 customers")]
    fn the_limit_counts_by_network(first: &str, second: &str) -> bool {
        let gate = Gate::new(limits(10, 1));
        let _held = gate.enter(first.parse().unwrap()).unwrap();
        gate.enter(second.parse().unwrap()).is_ok()
    }

    #[test]
    fn a_place_is_free_again_after_the_permit_is_dropped() {
        let gate = Gate::new(limits(1, 5));
        let client = "192.0.2.1".parse().unwrap();
        let held = gate.enter(client).unwrap();
        assert_eq!(gate.enter(client).unwrap_err(), Full::Total);
        drop(held);
        assert!(gate.enter(client).is_ok());
        assert!(gate.counts.lock().by_network.is_empty());
    }

    #[test]
    fn loopback_is_not_counted_where_the_demo_says_so() {
        let gate = Gate::new(Limits { count_loopback: false, ..limits(10, 1) });
        let held: Vec<_> = (0..5).map(|_| gate.enter("127.0.0.1".parse().unwrap()).unwrap()).collect();
        assert_eq!(gate.counts.lock().total, held.len());
    }

    #[test]
    fn the_default_lets_two_hundred_connections_of_one_address_in() {
        assert!(Limits::default().max_connections_per_address >= 200);
    }

    #[tokio::test]
    async fn drain_ends_the_loop_and_waits_for_handlers() {
        let address = "127.0.0.1:0".parse().unwrap();
        let gate = Gate::new(limits(1, 1));
        let listener = Listener::bind("test", address, gate, ConnectionIds::default(), "421 full\r\n").await.unwrap();
        let address = listener.address();
        let drain = Drain::default();
        let running = drain.clone();
        let token = drain.token().clone();
        let accepting = tokio::spawn(listener.run(running, move |mut accepted: Accepted| {
            let token = token.clone();
            async move {
                // Without this line only the stream would move in, and the place would be free at once.
                let _held = accepted.permit;
                let _ = accepted.stream.write_all(b"hello").await;
                token.cancelled().await;
                let _ = accepted.stream.write_all(b" bye").await;
            }
        }));
        let mut first = TcpStream::connect(address).await.unwrap();
        let mut hello = [0; 5];
        first.read_exact(&mut hello).await.unwrap();
        let mut refused = String::new();
        TcpStream::connect(address).await.unwrap().read_to_string(&mut refused).await.unwrap();
        assert_eq!(refused, "421 full\r\n");
        assert_eq!(drain.finish(Duration::from_secs(5)).await, 0);
        let mut rest = String::new();
        first.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, " bye");
        accepting.await.unwrap();
    }
}
