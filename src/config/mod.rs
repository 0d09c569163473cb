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
use crate::postal::{MarksFile, Registry, RegistryError};
use crate::server::tls;
use crate::smtp::peers::{PeerTable, PeersError};
use crate::{
    accounts, announcements, audit, auth, closings, devices, http, hybrid, imap, intake, message, outbound, payment,
    people, postal, publisher, quota, receipts, registers, retention, sessions, smtp, store, trust,
};

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
    /// What a mailbox may hold.
    pub quota: quota::Settings,
    /// When Trash and Junk are emptied.
    pub retention: retention::Settings,
    /// Passwords and guessing.
    pub auth: auth::Settings,
    /// Who is signed in to the pages.
    pub sessions: sessions::Settings,
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
    /// Keys and numbers of the devices that make them.
    pub devices: devices::Settings,
    /// Whether the clock is right.
    pub clock: devices::ClockSettings,
    /// The daily closings of those devices.
    pub closings: closings::Settings,
    /// The transparency log of all marks.
    pub tlog: publisher::Settings,
    /// Who did what.
    pub audit: audit::Settings,
    /// When people are told of planned work.
    pub notices: announcements::Settings,
    /// What state systems may ask of the unified base.
    pub base: people::Settings,
    /// DNS, SPF, DKIM, ARC and DMARC.
    pub trust: trust::Settings,
    /// Receipts for senders.
    pub receipts: receipts::Settings,
    /// Letters to other domains.
    pub outbound: outbound::Settings,
    /// Letters on paper.
    pub hybrid: hybrid::Settings,
    /// What they cost.
    pub payment: payment::Settings,
    /// Whose electronic signatures are believed.
    pub eds: people::signatures::Settings,
    /// The personal cabinet.
    pub cabinet: people::cabinet::Settings,
    /// How people get mailboxes.
    pub registration: people::registration::Settings,
    /// Where state registers are asked.
    pub registers: registers::Settings,
    /// How clerks register people at the counter.
    pub desk: people::counter::Settings,
}

impl Config {
    /// Reads and checks a configuration file. Relative paths in it are taken from its folder.
    ///
    /// # Errors
    /// The file cannot be read, is no TOML, has an unknown key, a value of the wrong kind or one that cannot be
    /// run with; see [`ConfigError`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let mut config = Config::parse(path, &read(path)?)?;
        config.resolve_paths(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// As [`Config::load`], and checks the files of facilities and peers that it names: what a server would refuse to
    /// start with is told with its place.
    ///
    /// # Errors
    /// As [`Config::load`], [`Config::registry`] and [`PeerTable::load`].
    pub fn check(path: &Path, now: Timestamp) -> Result<Self, ConfigError> {
        let config = Config::load(path)?;
        let registry = config.facilities()?;
        let mut problems = config.facility_problems(&registry, now);
        if !problems.is_empty() {
            locate::place(&read(path)?, &mut problems);
            return Err(ConfigError::Refused { file: path.to_owned(), problems });
        }
        config.check_peers()?;
        config.operators()?;
        let mut problems = config.register_problems();
        problems.extend(config.dkim_problems());
        if !problems.is_empty() {
            locate::place(&read(path)?, &mut problems);
            return Err(ConfigError::Refused { file: path.to_owned(), problems });
        }
        Ok(config)
    }

    /// The configuration in `text`, which came from `file`; paths stay as they are written.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        let refuse = |problem: Problem| ConfigError::Refused { file: file.to_owned(), problems: vec![problem] };
        let mut config: Config = toml::from_str(text).map_err(|error| refuse(locate::explain(text, &error)))?;
        let mut problems = config.problems();
        if problems.is_empty() {
            config.hybrid.domain = config.hybrid.domain.trim_end_matches('.').to_lowercase();
            return Ok(config);
        }
        locate::place(text, &mut problems);
        Err(ConfigError::Refused { file: file.to_owned(), problems })
    }

    /// The configuration of a data directory without a file of its own: its `poshta.toml` if there is one,
    /// else the defaults.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn of_dir(dir: &Path) -> Result<Self, ConfigError> {
        let file = dir.join("poshta.toml");
        let mut config = if file.exists() {
            Config::load(&file)?
        } else {
            let mut defaults = Config::default();
            defaults.resolve_paths(dir);
            defaults
        };
        config.server.dir = dir.to_owned();
        Ok(config)
    }

    /// The facilities file, and whether every facility that `[postal]` names is in it.
    ///
    /// # Errors
    /// The file cannot be read or is wrong; a facility is missing.
    pub fn registry(&self, now: Timestamp) -> Result<Registry, ConfigError> {
        let registry = self.facilities()?;
        let problems = self.facility_problems(&registry, now);
        if !problems.is_empty() {
            return Err(ConfigError::Refused { file: self.postal.facilities_file.clone(), problems });
        }
        Ok(registry)
    }

    /// The facilities file.
    fn facilities(&self) -> Result<Registry, ConfigError> {
        let file = &self.postal.facilities_file;
        Registry::load(file).map_err(|error| {
            let problems = match error {
                RegistryError::Syntax(error) => vec![locate::explain_in(file, &error)],
                RegistryError::Rules(broken) => broken.into_iter().map(Problem::from).collect(),
                other => vec![Problem::new("", other.to_string(), "see postal.facilities_file")],
            };
            ConfigError::Refused { file: file.clone(), problems }
        })
    }

    /// What other operators publish of their marks.
    ///
    /// # Errors
    /// A file cannot be read, or is none of that kind.
    pub fn operators(&self) -> Result<Vec<MarksFile>, ConfigError> {
        let load = |file: &PathBuf| {
            serde_json::from_str(&read(file)?).map_err(|error| {
                let what = format!("it is no file of published marks: {error}");
                let problem = Problem::new("", what, "see postal.operator_files");
                ConfigError::Refused { file: file.clone(), problems: vec![problem] }
            })
        };
        self.postal.operator_files.iter().map(load).collect()
    }

    /// Facilities that `[postal]` names and that are not there.
    fn facility_problems(&self, registry: &Registry, now: Timestamp) -> Vec<Problem> {
        let named = self.postal.problems(registry, now).into_iter();
        let named = named.map(|(key, what)| Problem::new(format!("postal.{key}"), what, ""));
        let is_centre = |id: &String| {
            let facility = id.parse().ok().and_then(|id| registry.facility(&id, now));
            facility.is_some_and(|facility| facility.print.is_some())
        };
        let strangers = self.hybrid.bundle_keys.keys().filter(|id| !is_centre(id));
        let stranger = |id: &String| {
            let what = format!("{id:?} is no print centre of the facilities file");
            Problem::new(format!("hybrid.bundle_keys.{id}"), what, "")
        };
        named.chain(strangers.map(stranger)).collect()
    }

    /// Whether the file of peers can be used.
    fn check_peers(&self) -> Result<(), ConfigError> {
        let file = &self.server.peers_file;
        let problem = match PeerTable::load(file) {
            Ok(_) => return Ok(()),
            Err(PeersError::Syntax { source, .. }) => locate::explain_in(file, &source),
            Err(PeersError::Entry { peer, problem }) => Problem {
                line: read(file).ok().and_then(|text| locate::line_of_entry(&text, "peer", &peer)),
                ..Problem::new(format!("peer {peer:?}"), problem, "")
            },
            Err(PeersError::Unreadable { source, .. }) => {
                Problem::new("", format!("cannot read it: {source}"), "see server.peers_file")
            }
        };
        Err(ConfigError::Refused { file: file.clone(), problems: vec![problem] })
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
        for domain in &self.accounts.domains {
            if let Err(error) = Domain::new(domain) {
                let (what, remedy) =
                    (format!("{domain:?} is no domain: {error}"), "write a name such as \"poshta.example\"");
                problems.push(Problem::new("accounts.domains", what, remedy));
            }
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
        let ours = self.accounts.parsed_domains().unwrap_or_default();
        if Domain::new(&self.hybrid.domain).is_ok_and(|domain| ours.contains(&domain)) {
            let what = "it stands in accounts.domains too, and nobody there would get letters";
            problems.push(Problem::new("hybrid.domain", what, "give letters on paper a domain of their own"));
        }
        if let Err(error) = self.accounts.check() {
            let (key, remedy) = match error {
                accounts::SettingsError::NoOperator => ("operator_number", "write a number from 1 to 65535"),
                accounts::SettingsError::Postmaster(_) => ("postmaster", "write a login such as \"postmaster\""),
                accounts::SettingsError::Domain { .. } => ("domains", "write names such as \"poshta.example\""),
            };
            problems.push(Problem::new(format!("accounts.{key}"), error.to_string(), remedy));
        }
        if let Err(error) = http::access::Principals::new(&self.http.tokens) {
            problems.push(Problem::new("http.tokens", error.to_string(), ""));
        }
        let quota = self.quota.problems().into_iter();
        problems.extend(quota.map(|(key, what, remedy)| Problem::new(format!("quota.{key}"), what, remedy)));
        let sessions = self.sessions.problems().into_iter();
        problems.extend(sessions.map(|(key, what, remedy)| Problem::new(format!("sessions.{key}"), what, remedy)));
        let clock = self.clock.problems().into_iter();
        problems.extend(clock.map(|(key, what, remedy)| Problem::new(format!("clock.{key}"), what, remedy)));
        let audit = self.audit.problems().into_iter();
        problems.extend(audit.map(|(key, what, remedy)| Problem::new(format!("audit.{key}"), what, remedy)));
        let base = self.base.problems().into_iter();
        problems.extend(base.map(|(key, what, remedy)| Problem::new(format!("base.{key}"), what, remedy)));
        let tlog = self.tlog.problems().into_iter();
        problems.extend(tlog.map(|(key, what, remedy)| Problem::new(format!("tlog.{key}"), what, remedy)));
        let receipts = self.receipts.problems().into_iter();
        problems.extend(receipts.map(|(key, what, remedy)| Problem::new(format!("receipts.{key}"), what, remedy)));
        let registers = self.registers.problems().into_iter();
        problems.extend(registers.map(|(key, what, remedy)| Problem::new(format!("registers.{key}"), what, remedy)));
        let tariff = self.payment.tariff.problems().into_iter();
        problems.extend(tariff.map(|(key, what)| Problem::new(format!("payment.tariff.{key}"), what, "")));
        let desk = self.desk.problems().into_iter();
        problems.extend(desk.map(|(key, what, remedy)| Problem::new(format!("desk.{key}"), what, remedy)));
        let eds = self.eds.problems().into_iter();
        problems.extend(eds.map(|(key, what, remedy)| Problem::new(format!("eds.{key}"), what, remedy)));
        let cabinet = self.cabinet.problems().into_iter();
        problems.extend(cabinet.map(|(key, what, remedy)| Problem::new(format!("cabinet.{key}"), what, remedy)));
        let dkim = self.outbound.dkim.problems().into_iter();
        problems.extend(dkim.map(|(key, what, remedy)| Problem::new(format!("outbound.dkim.{key}"), what, remedy)));
        problems.extend(self.hop_problems());
        problems.extend(self.order_problems());
        problems.extend(self.listener_problems());
        problems
    }

    /// Keys and certificates with which state registers are asked.
    fn register_problems(&self) -> Vec<Problem> {
        let problems = self.registers.file_problems().into_iter();
        problems.map(|(key, what)| Problem::new(format!("registers.{key}"), what, "see docs/registers.md")).collect()
    }

    /// Keys that sign letters.
    fn dkim_problems(&self) -> Vec<Problem> {
        let domains = self.accounts.parsed_domains().unwrap_or_default();
        let problems = self.outbound.dkim.file_problems(&domains).into_iter();
        problems.map(|(key, what, remedy)| Problem::new(format!("outbound.dkim.{key}"), what, remedy)).collect()
    }

    /// Servers that letters are handed to.
    fn hop_problems(&self) -> Vec<Problem> {
        let is_port = |port: &str| port.parse::<u16>().is_ok();
        let is_hop = |hop: &str| {
            let named = || hop.rsplit_once(':').is_some_and(|(host, port)| Domain::new(host).is_ok() && is_port(port));
            hop.parse::<SocketAddr>().is_ok() || named()
        };
        let routes = self.outbound.routes.iter().map(|(domain, hop)| (format!("outbound.routes.{domain}"), hop));
        let hops = routes.chain(self.outbound.next_hop.iter().map(|hop| ("outbound.next_hop".to_owned(), hop)));
        hops.filter(|(_, hop)| !is_hop(hop))
            .map(|(key, hop)| {
                Problem::new(key, format!("{hop:?} is no server"), "write host:port, such as \"relay.example:25\"")
            })
            .collect()
    }

    /// One limit that leaves no room for another.
    fn order_problems(&self) -> Vec<Problem> {
        let upload = u64::try_from(self.http.max_upload_bytes).unwrap_or(u64::MAX);
        let pairs = [
            ("http.max_upload_bytes", upload, "hybrid.max_scan_bytes", self.hybrid.max_scan_bytes),
            ("http.request_timeout_s", self.http.request_timeout_s, "hybrid.max_wait_s", self.hybrid.max_wait_s),
        ];
        let wrong = pairs.into_iter().filter(|(_, larger, _, smaller)| larger <= smaller);
        wrong
            .map(|(key, larger, other, smaller)| {
                let what = format!("{larger} is not more than {other}, which is {smaller}");
                Problem::new(key, what, format!("raise it, or lower {other}"))
            })
            .collect()
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
        let eds = &mut self.eds;
        let eds = eds.anchor_files.iter_mut().chain(&mut eds.intermediate_files).chain(&mut eds.crl_files);
        for path in paths.into_iter().chain(&mut self.postal.operator_files).chain(eds) {
            if path.is_relative() {
                *path = base.join(&path);
            }
        }
        self.registers.resolve_paths(base);
        self.outbound.dkim.resolve_paths(base);
        // Empty is no path: the keys are in the environment then, and there are no time stamps.
        let stamps = &mut self.tlog.timestamps;
        let keys = &mut self.store.operator_key_file;
        for path in [keys, &mut self.audit.key_file, &mut stamps.authorities_file, &mut stamps.tls_authorities_file] {
            if !path.as_os_str().is_empty() && path.is_relative() {
                *path = base.join(&path);
            }
        }
    }
}

fn read(file: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(file).map_err(|error| ConfigError::Unreadable { file: file.to_owned(), error })
}

#[cfg(test)]
mod tests;
