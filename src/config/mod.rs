//! What the operator decided: one TOML file, composed of each module's own settings.
//!
//! The invariant: a [`Config`] that was loaded can be run with; what cannot is refused here, with the file,
//! line and key, and with what to write instead.

mod error;
mod locate;
mod log;
mod server;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::address::Domain;
use crate::clock::Timestamp;
use crate::postal::Registry;
use crate::server::tls;
use crate::{accounts, auth, http, hybrid, imap, intake, message, outbound, postal, smtp, store, trust};

pub use self::error::{ConfigError, Problem};
pub use self::log::{LogFormat, LogSettings};
pub use self::server::ServerSettings;

/// The whole configuration. Every key has a default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the server lives and what it is called.
    pub server: ServerSettings,
    /// What is logged, and how.
    pub log: LogSettings,
    /// Certificate and key.
    pub tls: tls::Settings,
    /// The data directory.
    pub store: store::Settings,
    /// Who has mailboxes here.
    pub accounts: accounts::Settings,
    /// Passwords and guessing.
    pub auth: auth::Settings,
    /// Mail coming in.
    pub smtp: smtp::Settings,
    /// Mail being read.
    pub imap: imap::Settings,
    /// Print and scan centres, and the operator's own listener.
    pub http: http::Settings,
    /// How much of a message is looked into.
    pub message: message::Caps,
    /// What a letter may be.
    pub intake: intake::Settings,
    /// Which facility makes which mark.
    pub postal: postal::Settings,
    /// DNS, SPF, DKIM, ARC and DMARC.
    pub trust: trust::Settings,
    /// Letters to other domains.
    pub outbound: outbound::Settings,
    /// Letters on paper.
    pub hybrid: hybrid::Settings,
}

impl Config {
    /// Reads and checks a configuration file. Relative paths in it are taken from its folder.
    ///
    /// # Errors
    /// The file cannot be read, is no TOML, has an unknown key, a value of the wrong kind or one that cannot be
    /// run with; see [`ConfigError`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable { file: path.to_owned(), error })?;
        let mut config = Config::parse(path, &text)?;
        config.resolve_paths(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// The configuration in `text`, which came from `file`; paths stay as they are written.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        let refuse = |problem: Problem| ConfigError::Refused { file: file.to_owned(), problems: vec![problem] };
        let config: Config = toml::from_str(text).map_err(|error| refuse(locate::explain(text, &error)))?;
        let mut problems = config.problems();
        if problems.is_empty() {
            return Ok(config);
        }
        for problem in &mut problems {
            problem.line = locate::line_of_key(text, &problem.key);
        }
        problems.sort_by_key(|problem| problem.line);
        Err(ConfigError::Refused { file: file.to_owned(), problems })
    }

    /// The configuration of a data directory without a file of its own: its `poshta.toml` if there is one,
    /// else the defaults.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn of_dir(dir: &Path) -> Result<Self, ConfigError> {
        let file = dir.join("poshta.toml");
        let mut config = if file.exists() { Config::load(&file)? } else { Config::default() };
        config.resolve_paths(dir);
        config.server.dir = dir.to_owned();
        Ok(config)
    }

    /// The facilities file, and whether every facility that `[postal]` names is in it.
    ///
    /// # Errors
    /// The file cannot be read or is wrong; a facility is missing.
    pub fn registry(&self, now: Timestamp) -> Result<Registry, ConfigError> {
        let file = &self.postal.facilities_file;
        let refuse = |problems| ConfigError::Refused { file: file.clone(), problems };
        let registry = Registry::load(file)
            .map_err(|error| refuse(vec![Problem::new("", error.to_string(), "see postal.facilities_file")]))?;
        let named = self.postal.problems(&registry, now).into_iter();
        let problems: Vec<_> = named.map(|(key, what)| Problem::new(format!("postal.{key}"), what, "")).collect();
        if problems.is_empty() { Ok(registry) } else { Err(refuse(problems)) }
    }

    /// Every address that the configuration listens on, with its key.
    pub fn listeners(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        let http = [("http.listen", self.http.listen), ("http.operator_listen", self.http.operator_listen)];
        let many = [
            ("smtp.mx_listen", &self.smtp.mx_listen),
            ("smtp.submission_listen", &self.smtp.submission_listen),
            ("smtp.submissions_listen", &self.smtp.submissions_listen),
            ("imap.listen", &self.imap.listen),
            ("imap.listen_tls", &self.imap.listen_tls),
        ];
        many.into_iter().flat_map(|(key, list)| list.iter().map(move |address| (key, *address))).chain(http)
    }

    /// What cannot be run with, although each value is of the right kind.
    fn problems(&self) -> Vec<Problem> {
        let mut problems = self.server.problems();
        problems.extend(self.log.problems());
        if let Err(error) = self.accounts.parsed_domains() {
            let remedy = "write a domain name such as \"poshta.example\"";
            problems.push(Problem::new("accounts.domains", error.to_string(), remedy));
        }
        if self.accounts.domains.is_empty() {
            let remedy = "name the domain whose mail is for your users, such as [\"poshta.example\"]";
            problems.push(Problem::new("accounts.domains", "there is no domain", remedy));
        }
        if let Err(error) = self.auth.hasher() {
            problems.push(Problem::new("auth.argon2_memory_kib", error.to_string(), "the defaults are a good choice"));
        }
        if let Err(error) = Domain::new(&self.hybrid.domain) {
            let what = format!("{:?} is no domain: {error}", self.hybrid.domain);
            problems.push(Problem::new("hybrid.domain", what, "write a name such as \"hat.poshta.example\""));
        }
        if let Err(error) = http::access::Principals::new(&self.http.tokens) {
            problems.push(Problem::new("http.tokens", error.to_string(), ""));
        }
        problems.extend(self.listener_problems());
        problems
    }

    /// Passwords travel in the clear only where nobody can listen, and a port has one owner.
    fn listener_problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let exposed = self.listeners().find(|(_, address)| !address.ip().is_loopback());
        let switches = [
            ("smtp.plaintext_auth", self.smtp.plaintext_auth),
            ("imap.protocol.plaintext_auth", self.imap.protocol.plaintext_auth),
        ];
        if let Some((key, address)) = exposed {
            for (switch, _) in switches.into_iter().filter(|(_, on)| *on) {
                let what = format!("it is on, and {key} has {address}, which is not on loopback");
                problems.push(Problem::new(switch, what, "switch it off, or listen on 127.0.0.1 only"));
            }
        }
        let mut taken: Vec<(&str, SocketAddr)> = Vec::new();
        for (key, address) in self.listeners().filter(|(_, address)| address.port() != 0) {
            match taken.iter().find(|(_, other)| *other == address) {
                Some((first, _)) => {
                    problems.push(Problem::new(
                        key,
                        format!("{address} stands in {first} too"),
                        "give it another port",
                    ));
                }
                None => taken.push((key, address)),
            }
        }
        problems
    }

    fn resolve_paths(&mut self, base: &Path) {
        let paths: [&mut PathBuf; 5] = [
            &mut self.server.dir,
            &mut self.server.peers_file,
            &mut self.tls.certificate_file,
            &mut self.tls.key_file,
            &mut self.postal.facilities_file,
        ];
        for path in paths {
            if path.is_relative() {
                *path = base.join(&path);
            }
        }
    }
}

#[cfg(test)]
mod tests;
