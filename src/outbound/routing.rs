//! Which servers a letter for a domain goes to: a configured hop, or the hosts of its MX records.

use std::net::SocketAddr;

use tokio::net::lookup_host;

use super::Settings;
use crate::address::Domain;
use crate::trust::{Dns, DnsError, Targets};

/// A server to try.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Hop {
    /// Its name.
    pub(super) name: String,
    /// Its addresses with port.
    pub(super) addresses: Vec<SocketAddr>,
}

/// Finds the servers for `domain`, best first; `own_name` is that of this one. A configured hop may be anywhere, for the
/// operator wrote it.
///
/// # Errors
/// What the DNS said.
pub(super) async fn hops(
    settings: &Settings,
    dns: &Dns,
    domain: &Domain,
    own_name: &str,
) -> Result<Vec<Hop>, DnsError> {
    if let Some(configured) = configured(settings, domain) {
        return resolve_configured(dns, configured, domain).await.map(|hop| vec![hop]);
    }
    let targets = if settings.allow_private_targets { Targets::All } else { Targets::Public };
    let hosts = dns.mail_hosts(domain, own_name, targets).await?;
    let with_port = |host: crate::trust::MailHost| Hop {
        addresses: host.addresses.iter().map(|ip| SocketAddr::new(*ip, settings.port)).collect(),
        name: host.name,
    };
    Ok(hosts.into_iter().map(with_port).collect())
}

/// The most specific route that covers the domain, else the hop for everything.
fn configured<'a>(settings: &'a Settings, domain: &Domain) -> Option<&'a str> {
    let name = domain.as_str();
    let covers = |suffix: &str| name == suffix || name.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'));
    // A domain has no case, however it was typed into the configuration.
    let routes = settings.routes.iter().filter(|(suffix, _)| covers(&suffix.to_lowercase()));
    let route = routes.max_by_key(|(suffix, _)| suffix.len()).map(|(_, hop)| hop);
    route.or(settings.next_hop.as_ref()).map(String::as_str)
}

async fn resolve_configured(dns: &Dns, hop: &str, domain: &Domain) -> Result<Hop, DnsError> {
    let temporary = |why: String| DnsError::Temporary(domain.clone(), why);
    if let Ok(address) = hop.parse::<SocketAddr>() {
        return Ok(Hop { name: address.ip().to_string(), addresses: vec![address] });
    }
    let (name, port) = hop.rsplit_once(':').ok_or_else(|| temporary(format!("the hop {hop:?} is not host:port")))?;
    let port: u16 = port.parse().map_err(|_| temporary(format!("the hop {hop:?} has no port number")))?;
    // The operator's own hosts may stand in the DNS only as addresses: ask for exactly this host.
    let host: Domain = name.parse().map_err(|_| temporary(format!("the hop {hop:?} has no host name")))?;
    let mut addresses = match dns.host_addresses(&host).await {
        Ok(found) => found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect(),
        Err(_) => Vec::new(),
    };
    if addresses.is_empty() && name == "localhost" {
        addresses = lookup_host((name, port)).await.map_err(|error| temporary(error.to_string()))?.collect();
    }
    if addresses.is_empty() {
        return Err(temporary(format!("the hop {name} has no address")));
    }
    Ok(Hop { name: name.to_owned(), addresses })
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case("gov.kz" => Some("gate:25"); "the domain itself")]
    #[test_case("mail.gov.kz" => Some("gate:25"); "below it")]
    #[test_case("court.gov.kz" => Some("court:25"); "the most specific route wins")]
    #[test_case("tax.gov.kz" => Some("tax:25"); "in whatever case it was typed")]
    #[test_case("notgov.kz" => Some("all:25"); "a suffix of letters is no suffix of labels")]
    fn routes_cover_their_domain_and_what_is_below(domain: &str) -> Option<&'static str> {
        let route = |domain: &str, hop: &str| (domain.to_owned(), hop.to_owned());
        let settings = Settings {
            routes: [route("gov.kz", "gate:25"), route("court.gov.kz", "court:25"), route("Tax.Gov.KZ", "tax:25")]
                .into(),
            next_hop: Some("all:25".into()),
            ..Settings::default()
        };
        let found = configured(&settings, &domain.parse().unwrap()).map(str::to_owned);
        ["gate:25", "court:25", "tax:25", "all:25"].into_iter().find(|hop| Some(*hop) == found.as_deref())
    }
}
