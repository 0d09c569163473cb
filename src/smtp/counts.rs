//! How often each reply was given: the counters are looked for once, not for every reply.

use std::collections::HashMap;
use std::fmt;

use metrics::Counter;
use parking_lot::RwLock;

use super::server::Port;

/// Counters of replies, by port and code.
#[derive(Default)]
pub(super) struct ReplyCounts(RwLock<HashMap<(Port, u16), Counter>>);

impl ReplyCounts {
    /// One more reply of this code.
    pub(super) fn count(&self, port: Port, code: u16) {
        if let Some(counter) = self.0.read().get(&(port, code)) {
            return counter.increment(1);
        }
        let labels = [("port", port.name().to_owned()), ("code", code.to_string())];
        let counter = metrics::counter!("poshta_smtp_replies_total", &labels);
        counter.increment(1);
        self.0.write().insert((port, code), counter);
    }
}

impl fmt::Debug for ReplyCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.read().keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn each_reply_is_counted_by_its_port_and_code() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let counts = ReplyCounts::default();
        metrics::with_local_recorder(&recorder, || {
            counts.count(Port::Mx, 250);
            counts.count(Port::Mx, 250);
            counts.count(Port::Submission, 354);
        });
        let shown = recorder.handle().render();
        let line = |port: &str, code: u16, times: u64| {
            format!("poshta_smtp_replies_total{{port=\"{port}\",code=\"{code}\"}} {times}\n")
        };
        assert!(shown.contains(&line("smtp", 250, 2)), "{shown}");
        assert!(shown.contains(&line("submission", 354, 1)), "{shown}");
    }
}
