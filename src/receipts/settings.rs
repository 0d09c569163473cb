//! `[receipts]` of the configuration.

use serde::{Deserialize, Serialize};

/// How receipts are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where people reach the pages of this server; empty: `https://` and `server.hostname`.
    pub public_url: String,
    /// So long a receipt waits until its marks are in a checkpoint of the transparency log, seconds. After that it goes
    /// without the proof, and with the address at which it will be.
    pub wait_for_proof_s: u64,
    /// A receipt that could not be written is tried again after this time, seconds; then after twice that, and so on.
    pub retry_s: u64,
    /// The longest time between two tries, seconds.
    pub max_retry_s: u64,
    /// Receipts that are written at once.
    pub max_at_once: usize,
    /// Fetched letters that wait to be noted as handed over; what is beyond is noted when it is fetched again.
    pub max_fetched_waiting: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            public_url: String::new(),
            wait_for_proof_s: 10,
            retry_s: 30,
            max_retry_s: 3600,
            max_at_once: 4,
            max_fetched_waiting: 10_000,
        }
    }
}

impl Settings {
    /// The beginning of all addresses of pages of this server, without a slash at its end.
    #[must_use]
    pub fn public_url(&self, hostname: &str) -> String {
        match self.public_url.trim_end_matches('/') {
            "" => format!("https://{hostname}"),
            url => url.to_owned(),
        }
    }

    /// What cannot be run with: key, what is wrong, and what to write instead.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String, &'static str)> {
        let mut problems = Vec::new();
        let is_url = self.public_url.starts_with("https://")
            && self.public_url.len() <= 200
            && self.public_url.bytes().all(|byte| byte.is_ascii_graphic());
        if !self.public_url.is_empty() && !is_url {
            let what = format!("{:?} is no address of pages", self.public_url);
            problems.push(("public_url", what, "write one such as \"https://post.example\""));
        }
        if self.max_at_once == 0 {
            problems.push(("max_at_once", "no receipt would ever be written".to_owned(), "write a number such as 4"));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("" => "https://mx.poshta.example"; "from the host name")]
    #[test_case("https://post.example/" => "https://post.example"; "as it is written")]
    fn public_address(url: &str) -> String {
        Settings { public_url: url.into(), ..Settings::default() }.public_url("mx.poshta.example")
    }

    #[test_case("ftp://x")]
    #[test_case("https://x y")]
    fn an_address_that_is_none_is_refused(url: &str) {
        assert_eq!(Settings { public_url: url.into(), ..Settings::default() }.problems().len(), 1);
    }
}
