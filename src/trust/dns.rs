//! Questions to the DNS: which hosts take mail for a domain (RFC 5321 §5.1).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData};
use mail_auth::MessageAuthenticator;

use super::Settings;
use super::public::is_public;
use crate::address::{Address, Domain};
use crate::clock::{Entropy as _, SystemEntropy};

/// Hosts of one domain that are tried.
const MAX_HOSTS: usize = 10;
/// MX records of one domain whose addresses are asked for.
const MAX_EXCHANGES: usize = 30;

/// The resolver of this server. Clones share its cache.
#[derive(Clone)]
pub struct Dns {
    authenticator: MessageAuthenticator,
}

impl std::fmt::Debug for Dns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dns")
    }
}

/// A host that takes mail for a domain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailHost {
    /// Its name, for TLS and for people.
    pub name: String,
    /// Where it can be reached.
    pub addresses: Vec<IpAddr>,
}

/// Which hosts may be named to us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Targets {
    /// Only those with a public address: whoever has a domain could else have us talk to ports inside our network.
    Public,
    /// Any.
    All,
}

/// Why the DNS gave no hosts.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DnsError {
    /// The domain does not exist, or has neither MX nor address (RFC 3463 X.1.2).
    #[error("the domain {0} does not exist or takes no mail")]
    NoSuchDomain(Domain),
    /// The domain says that it takes no mail (RFC 7505).
    #[error("the domain {0} says that it takes no mail")]
    NullMx(Domain),
    /// We are the host that takes its mail, and have no mailboxes there (RFC 5321 §5.1).
    #[error("the mail of the domain {0} would come back to this server, which has no mailboxes there")]
    Loop(Domain),
    /// What takes its mail is on a private network, or on this machine.
    #[error("the mail servers of the domain {0} have no public address")]
    NotPublic(Domain),
    /// No answer now.
    #[error("the DNS gave no answer for {0}: {1}")]
    Temporary(Domain, String),
    /// The resolver cannot be set up.
    #[error("the resolver cannot be set up: {0}")]
    Setup(String),
}

impl Dns {
    /// A resolver that asks the configured name servers, and nobody else.
    ///
    /// # Errors
    /// `/etc/resolv.conf` cannot be read where no name server is configured.
    pub fn new(settings: &Settings) -> Result<Self, DnsError> {
        let setup = |error: NetError| DnsError::Setup(error.to_string());
        let mut options = ResolverOpts::default();
        options.timeout = Duration::from_secs(settings.dns_timeout_s);
        options.attempts = 2;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        if settings.name_servers.is_empty() {
            let builder = TokioResolver::builder_tokio().map_err(setup)?;
            let resolver = builder.with_options(options).build().map_err(setup)?;
            return Ok(Dns { authenticator: MessageAuthenticator(resolver) });
        }
        // Where the operator names the servers, the machine's hosts file has no say either.
        options.use_hosts_file = ResolveHosts::Never;
        let servers = settings.name_servers.iter().copied().map(name_server).collect();
        let config = ResolverConfig::from_name_servers(servers);
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let resolver = builder.with_options(options).build().map_err(setup)?;
        Ok(Dns { authenticator: MessageAuthenticator(resolver) })
    }

    /// For SPF, DKIM and DMARC.
    pub(super) fn authenticator(&self) -> &MessageAuthenticator {
        &self.authenticator
    }

    /// The hosts that take mail for `domain`, best first; at most ten. `own_name` is what this server is called: those
    /// that are no better than itself are left out.
    ///
    /// # Errors
    /// See [`DnsError`].
    pub async fn mail_hosts(
        &self,
        domain: &Domain,
        own_name: &str,
        targets: Targets,
    ) -> Result<Vec<MailHost>, DnsError> {
        if domain.is_literal() {
            return Err(DnsError::NoSuchDomain(domain.clone()));
        }
        let mut hosts = Vec::new();
        let (mut unanswered, mut has_private) = (None, false);
        for name in self.exchanges(domain, own_name).await? {
            let Found { mut addresses, unknown } = self.addresses(&name).await;
            let found = addresses.len();
            addresses.retain(|address| targets == Targets::All || is_public(*address));
            has_private |= addresses.len() < found;
            if !addresses.is_empty() {
                hosts.push(MailHost { name: plain(&name), addresses });
            } else if let Some(error) = unknown {
                tracing::debug!(host = %name, %error, "no answer for the address");
                unanswered = Some(error.to_string());
            }
            if hosts.len() == MAX_HOSTS {
                break;
            }
        }
        match unanswered {
            _ if !hosts.is_empty() => Ok(hosts),
            // RFC 5321 §5.1: a question without an answer is no proof that there is nothing.
            Some(why) => Err(DnsError::Temporary(domain.clone(), why)),
            None if has_private => Err(DnsError::NotPublic(domain.clone())),
            None => Err(DnsError::NoSuchDomain(domain.clone())),
        }
    }

    /// The addresses of one host, without asking for MX records.
    ///
    /// # Errors
    /// See [`DnsError`].
    pub async fn host_addresses(&self, host: &Domain) -> Result<Vec<IpAddr>, DnsError> {
        let Found { addresses, unknown } = self.addresses(&fully_qualified(host)?).await;
        match unknown {
            _ if !addresses.is_empty() => Ok(addresses),
            Some(error) => Err(DnsError::Temporary(host.clone(), error.to_string())),
            None => Err(DnsError::NoSuchDomain(host.clone())),
        }
    }

    /// The texts under a name (TXT), the strings of each put together; none where there are none.
    ///
    /// # Errors
    /// See [`DnsError`].
    pub async fn texts(&self, name: &Domain) -> Result<Vec<String>, DnsError> {
        let lookup = match self.authenticator.resolver().txt_lookup(fully_qualified(name)?).await {
            Ok(lookup) => lookup,
            Err(error) if error.is_no_records_found() => return Ok(Vec::new()),
            Err(error) => return Err(DnsError::Temporary(name.clone(), error.to_string())),
        };
        let text = |data: &RData| match data {
            RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
            _ => None,
        };
        Ok(lookup.answers().iter().filter_map(|record| text(&record.data)).collect())
    }

    /// The names of the MX records by preference, or the domain itself without any (RFC 5321 §5.1).
    async fn exchanges(&self, domain: &Domain, own_name: &str) -> Result<Vec<Name>, DnsError> {
        let itself = fully_qualified(domain)?;
        let is_us = |name: &Name| Domain::new(own_name).ok().and_then(|own| a_labels(&own)) == Some(plain(name));
        let without_records =
            || if is_us(&itself) { Err(DnsError::Loop(domain.clone())) } else { Ok(vec![itself.clone()]) };
        let lookup = match self.authenticator.resolver().mx_lookup(itself.clone()).await {
            Ok(lookup) => lookup,
            Err(error) if error.is_nx_domain() => return Err(DnsError::NoSuchDomain(domain.clone())),
            Err(error) if error.is_no_records_found() => return without_records(),
            Err(error) => return Err(DnsError::Temporary(domain.clone(), error.to_string())),
        };
        let mut records: Vec<(u16, [u8; 8], Name)> = lookup
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::MX(mx) => Some((mx.preference, dice(), mx.exchange.clone())),
                _ => None,
            })
            .collect();
        if records.is_empty() {
            return without_records();
        }
        // RFC 7505 §3: the root as exchange says "none"; beside real hosts it says nothing.
        records.retain(|(.., exchange)| !exchange.is_root());
        if records.is_empty() {
            return Err(DnsError::NullMx(domain.clone()));
        }
        // RFC 5321 §5.1: behind ourselves in the list we would only find who hands the letter back to us.
        if let Some(ours) = records.iter().filter(|(.., name)| is_us(name)).map(|(preference, ..)| *preference).min() {
            records.retain(|(preference, ..)| *preference < ours);
            if records.is_empty() {
                return Err(DnsError::Loop(domain.clone()));
            }
        }
        // RFC 5321 §5.1: the order among equals is random, so that they share the load.
        records.sort();
        Ok(records.into_iter().map(|(.., exchange)| exchange).take(MAX_EXCHANGES).collect())
    }

    /// Both kinds are asked for apart: an answer for both would hide that one of them has none.
    async fn addresses(&self, name: &Name) -> Found {
        let resolver = self.authenticator.resolver();
        let (v4, v6) = tokio::join!(resolver.ipv4_lookup(name.clone()), resolver.ipv6_lookup(name.clone()));
        let mut found = Found { addresses: Vec::new(), unknown: None };
        for lookup in [v4, v6] {
            match lookup {
                Ok(lookup) => found.addresses.extend(lookup.answers().iter().filter_map(|it| it.data.ip_addr())),
                Err(error) if error.is_no_records_found() => {}
                Err(error) => found.unknown = Some(error),
            }
        }
        found
    }
}

/// The addresses of a host.
struct Found {
    addresses: Vec<IpAddr>,
    /// Why there may be more of them.
    unknown: Option<NetError>,
}

fn dice() -> [u8; 8] {
    let mut bytes = [0; 8];
    SystemEntropy.fill(&mut bytes);
    bytes
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let mut udp = ConnectionConfig::udp();
    let mut tcp = ConnectionConfig::tcp();
    (udp.port, tcp.port) = (address.port(), address.port());
    NameServerConfig::new(address.ip(), true, vec![udp, tcp])
}

fn fully_qualified(domain: &Domain) -> Result<Name, DnsError> {
    let mut name = Name::from_str_relaxed(domain.as_str()).map_err(|_| DnsError::NoSuchDomain(domain.clone()))?;
    name.set_fqdn(true);
    Ok(name)
}

/// A domain as it stands in the DNS: in lower case, what is not ASCII in A-labels (RFC 5890 §2.3.2.1).
pub(crate) fn a_labels(domain: &Domain) -> Option<String> {
    fully_qualified(domain).ok().map(|name| plain(&name))
}

/// An address as servers without RFC 6531 take it, its domain in A-labels; `None` when its local part is not ASCII.
pub(crate) fn ascii_address(address: &Address) -> Option<Address> {
    if !address.is_internationalized() {
        return Some(address.clone());
    }
    let domain = a_labels(address.domain())?;
    Address::new(address.local(), &domain).ok().filter(|address| !address.is_internationalized())
}

fn plain(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_lowercase()
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::super::zone::{Zone, ZoneServer};
    use super::*;

    const OWN: &str = "mx.poshta.example";

    async fn dns() -> (ZoneServer, Dns) {
        let zone = Zone::parse(
            "mail.example MX 20 backup.mail.example\n\
             mail.example MX 10 first.mail.example\n\
             first.mail.example A 127.0.0.2\n\
             backup.mail.example A 127.0.0.3\n\
             bare.example A 127.0.0.4\n\
             none.example MX 0 .\n\
             odd.example MX 0 .\n\
             odd.example MX 5 first.mail.example\n\
             twins.example MX 10 first.mail.example\n\
             twins.example MX 10 backup.mail.example\n\
             broken.example MX 10 nowhere.example\n\
             mx.poshta.example A 127.0.0.5\n\
             alone.example MX 10 MX.Poshta.example\n\
             equal.example MX 10 mx.poshta.example\n\
             equal.example MX 10 first.mail.example\n\
             before.example MX 5 mx.poshta.example\n\
             before.example MX 10 first.mail.example\n\
             between.example MX 5 first.mail.example\n\
             between.example MX 10 mx.poshta.example\n\
             between.example MX 20 backup.mail.example\n\
             mixed.example MX 10 mixed.example\n\
             mixed.example A 10.0.0.1\n\
             mixed.example A 8.8.8.8\n\
             v6only.example TXT there\n\
             v6only.example AAAA SERVFAIL\n\
             half.example A 8.8.4.4\n\
             half.example AAAA SERVFAIL\n\
             hidden.example AAAA fd00::1\n\
             hidden.example A SERVFAIL\n",
        )
        .unwrap();
        let server = ZoneServer::start(zone, "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let settings = Settings { name_servers: vec![server.address()], dns_timeout_s: 1, ..Settings::default() };
        let dns = Dns::new(&settings).unwrap();
        (server, dns)
    }

    #[test_case("a@b.kz" => Some("a@b.kz".into()); "ascii")]
    #[test_case("aliya@Пошта.қаз" => Some("aliya@xn--80a1acn3a.xn--80ao21a".into()); "an international domain")]
    #[test_case("\"a b\"@пошта.қаз" => Some("\"a b\"@xn--80a1acn3a.xn--80ao21a".into()); "a quoted local part")]
    #[test_case("әлия@b.kz" => None; "an international local part")]
    fn rfc6531_only_a_local_part_needs_smtputf8(address: &str) -> Option<String> {
        ascii_address(&address.parse().unwrap()).map(|address| address.to_string())
    }

    #[test_case("mail.example", &["first.mail.example", "backup.mail.example"]; "best preference first")]
    #[test_case("odd.example", &["first.mail.example"]; "rfc7505 a null mx beside another means nothing")]
    #[test_case("bare.example", &["bare.example"]; "the address serves where there is no mx")]
    #[test_case("between.example", &["first.mail.example"]; "those behind ourselves are left out")]
    #[tokio::test]
    async fn rfc5321_mail_hosts(domain: &str, hosts: &[&str]) {
        let (_server, dns) = dns().await;
        let found = dns.mail_hosts(&domain.parse().unwrap(), OWN, Targets::All).await.unwrap();
        assert_eq!(found.iter().map(|host| host.name.as_str()).collect::<Vec<_>>(), hosts);
    }

    #[tokio::test]
    async fn rfc5321_hosts_of_one_preference_share_the_load() {
        let (_server, dns) = dns().await;
        let domain: Domain = "twins.example".parse().unwrap();
        let mut first = std::collections::BTreeSet::new();
        for _ in 0..64 {
            first.insert(dns.mail_hosts(&domain, OWN, Targets::All).await.unwrap()[0].name.clone());
        }
        assert_eq!(first.len(), 2);
    }

    #[tokio::test]
    async fn rfc7505_null_mx_takes_no_mail() {
        let (_server, dns) = dns().await;
        let domain: Domain = "none.example".parse().unwrap();
        assert_eq!(dns.mail_hosts(&domain, OWN, Targets::All).await, Err(DnsError::NullMx(domain)));
    }

    #[test_case("alone.example"; "the only one")]
    #[test_case("equal.example"; "with another of the same preference")]
    #[test_case("before.example"; "before the others")]
    #[test_case("mx.poshta.example"; "by its own name without records")]
    #[tokio::test]
    async fn rfc5321_5_1_what_would_come_back_to_us_is_a_loop(domain: &str) {
        let (_server, dns) = dns().await;
        let domain: Domain = domain.parse().unwrap();
        assert_eq!(dns.mail_hosts(&domain, OWN, Targets::All).await, Err(DnsError::Loop(domain.clone())));
        let other = dns.mail_hosts(&domain, "mx.other.example", Targets::All).await;
        assert!(other.is_ok(), "only for the server of that name: {other:?}");
    }

    #[tokio::test]
    async fn a_strangers_domain_cannot_have_us_talk_to_our_own_network() {
        let (_server, dns) = dns().await;
        let inside: Domain = "mail.example".parse().unwrap();
        assert_eq!(dns.mail_hosts(&inside, OWN, Targets::Public).await, Err(DnsError::NotPublic(inside)));
        let hosts = dns.mail_hosts(&"mixed.example".parse().unwrap(), OWN, Targets::Public).await.unwrap();
        let addresses: Vec<IpAddr> = hosts.into_iter().flat_map(|host| host.addresses).collect();
        assert_eq!(addresses, ["8.8.8.8".parse::<IpAddr>().unwrap()], "what is public is left");
    }

    #[test_case("v6only.example"; "no address of one kind")]
    #[test_case("hidden.example"; "only a private one of one kind")]
    #[tokio::test]
    async fn rfc5321_5_1_a_question_that_failed_is_no_permanent_failure(domain: &str) {
        let (_server, dns) = dns().await;
        let hosts = dns.mail_hosts(&domain.parse().unwrap(), OWN, Targets::Public).await;
        assert!(matches!(hosts, Err(DnsError::Temporary(..))), "{hosts:?}");
    }

    #[tokio::test]
    async fn an_address_of_one_kind_is_enough() {
        let (_server, dns) = dns().await;
        let hosts = dns.mail_hosts(&"half.example".parse().unwrap(), OWN, Targets::Public).await.unwrap();
        assert_eq!(hosts[0].addresses, ["8.8.4.4".parse::<IpAddr>().unwrap()]);
    }

    #[tokio::test]
    async fn a_literal_is_no_domain() {
        let (_server, dns) = dns().await;
        let domain: Domain = "[8.8.8.8]".parse().unwrap();
        assert_eq!(dns.mail_hosts(&domain, OWN, Targets::All).await, Err(DnsError::NoSuchDomain(domain)));
    }

    #[test_case("unknown.example"; "no such name")]
    #[test_case("broken.example"; "its mx has no address")]
    #[tokio::test]
    async fn rfc5321_domain_without_hosts_is_a_permanent_failure(domain: &str) {
        let (_server, dns) = dns().await;
        let domain: Domain = domain.parse().unwrap();
        assert_eq!(dns.mail_hosts(&domain, OWN, Targets::Public).await, Err(DnsError::NoSuchDomain(domain)));
    }

    #[tokio::test]
    async fn rfc5321_a_host_that_cannot_be_looked_up_now_is_no_permanent_failure() {
        let (server, dns) = dns().await;
        let domain: Domain = "mail.example".parse().unwrap();
        // The MX records are known from now on; then nobody answers for their addresses.
        dns.exchanges(&domain, OWN).await.unwrap();
        drop(server);
        let hosts = dns.mail_hosts(&domain, OWN, Targets::All).await;
        assert!(matches!(hosts, Err(DnsError::Temporary(..))), "{hosts:?}");
    }
}
