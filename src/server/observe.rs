//! Logs and numbers: what an operator sees of a running server (DESIGN 18).

use std::io::IsTerminal as _;
use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use parking_lot::Mutex;

use crate::config::{LogFormat, LogSettings};

/// Sends logs to the standard error stream from now on; the first call in a process decides.
pub fn log(settings: &LogSettings) {
    let filter = settings.filter().unwrap_or_default();
    let stderr = std::io::stderr;
    // Colours are for a terminal; in a file or a journal they are noise.
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(stderr().is_terminal()).with_writer(stderr);
    // An error means that somebody else installed a subscriber: then that one is wanted.
    let _ = match settings.format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).try_init(),
    };
}

/// What `/metrics` shows. There is one collection of numbers in a process.
#[must_use]
pub fn metrics() -> Option<PrometheusHandle> {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _turn = INSTALLING.lock();
    if let Some(handle) = HANDLE.get() {
        return Some(handle.clone());
    }
    let handle = PrometheusBuilder::new().install_recorder().ok()?;
    Some(HANDLE.get_or_init(|| handle).clone())
}
