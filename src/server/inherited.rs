//! Ports that whoever started this process had opened before (sd_listen_fds(3): socket units of systemd). They stay
//! open from the end of one process to the start of the next, so who connects during a restart waits and is not
//! refused (M16, M19).

use std::net::{SocketAddr, TcpListener};
use std::sync::LazyLock;

use listenfd::ListenFd;
use parking_lot::Mutex;

/// They belong to the process, as its environment does, which says how many there are.
static INHERITED: LazyLock<Mutex<Vec<TcpListener>>> = LazyLock::new(|| {
    let mut handed = ListenFd::from_env();
    let sockets = (0..handed.len()).filter_map(|at| match handed.take_tcp_listener(at) {
        Ok(socket) => socket,
        Err(error) => {
            tracing::warn!(%error, "a socket that was handed over cannot be used");
            None
        }
    });
    Mutex::new(sockets.collect())
});

/// The port at exactly this address, if it was handed over.
pub(super) fn take(address: SocketAddr) -> Option<TcpListener> {
    let mut sockets = INHERITED.lock();
    let at = sockets.iter().position(|socket| socket.local_addr().is_ok_and(|local| local == address))?;
    Some(sockets.swap_remove(at))
}

/// Names the ports that no section of the configuration has taken: whoever connects there waits in vain.
pub(super) fn warn_of_the_rest() {
    for socket in INHERITED.lock().iter() {
        if let Ok(address) = socket.local_addr() {
            tracing::warn!(%address, "a port was handed over that no section of the configuration listens on");
        }
    }
}
