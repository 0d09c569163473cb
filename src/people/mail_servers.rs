//! Where mail programs connect, and the names by which they find that out (RFC 6186, RFC 8314).

use super::cabinet::Settings;

/// Where mail programs connect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailServers {
    /// The host.
    pub host: String,
    /// The domains of the addresses; the first is where a login becomes an address.
    pub domains: Vec<String>,
    /// IMAP, TLS from the first byte (RFC 8314 §3.2).
    pub imaps: u16,
    /// Submission, TLS from the first byte (RFC 8314 §3.3).
    pub submissions: u16,
}

/// What a server listens on: ports that the configuration may name differently for the outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bound {
    /// IMAP with TLS.
    pub imaps: Option<u16>,
    /// Submission with TLS.
    pub submissions: Option<u16>,
}

impl MailServers {
    /// As the settings and the server's own name and ports say.
    #[must_use]
    pub fn of(settings: &Settings, hostname: &str, domains: &[String], bound: Bound) -> Self {
        let port = |chosen: u16, bound: Option<u16>| if chosen == 0 { bound.unwrap_or(0) } else { chosen };
        let host = if settings.mail_host.is_empty() { hostname } else { &settings.mail_host };
        MailServers {
            host: host.to_owned(),
            domains: domains.to_vec(),
            imaps: port(settings.imaps_port, bound.imaps),
            submissions: port(settings.submissions_port, bound.submissions),
        }
    }

    /// The first domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.domains.first().map_or("", String::as_str)
    }

    /// The lines of the zones of all domains by which mail programs find this server; RFC 2782: a service with the target
    /// `.` is not there.
    #[must_use]
    pub fn dns_records(&self) -> Vec<String> {
        let host = &self.host;
        let services = [
            ("_imaps", 1, self.imaps, host.as_str()),
            ("_submissions", 1, self.submissions, host.as_str()),
            ("_autodiscover", 1, 443, host.as_str()),
            ("_imap", 0, 0, ""),
            ("_submission", 0, 0, ""),
            ("_pop3", 0, 0, ""),
            ("_pop3s", 0, 0, ""),
        ];
        let zone = |domain: &String| {
            let names = ["autoconfig", "autodiscover"].map(|name| format!("{name}.{domain}. IN CNAME {host}."));
            let services = services.map(|(name, weight, port, target)| {
                format!("{name}._tcp.{domain}. IN SRV 0 {weight} {port} {target}.")
            });
            names.into_iter().chain(services).collect::<Vec<_>>()
        };
        self.domains.iter().flat_map(zone).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(settings: &Settings) -> MailServers {
        let bound = Bound { imaps: Some(2993), submissions: Some(2465) };
        MailServers::of(settings, "mx.post.example", &["post.example".into()], bound)
    }

    #[test]
    fn programs_are_led_to_what_is_seen_from_outside() {
        let own = servers(&Settings::default());
        assert_eq!((own.host.as_str(), own.imaps, own.submissions), ("mx.post.example", 2993, 2465));
        let settings = Settings {
            mail_host: "mail.post.example".into(),
            imaps_port: 993,
            submissions_port: 465,
            ..Settings::default()
        };
        let named = servers(&settings);
        assert_eq!((named.host.as_str(), named.imaps, named.submissions), ("mail.post.example", 993, 465));
    }

    #[test]
    fn rfc6186_services_are_named_and_those_that_are_not_there_too() {
        let records = servers(&Settings::default()).dns_records();
        assert!(
            records.contains(&"_imaps._tcp.post.example. IN SRV 0 1 2993 mx.post.example.".to_owned()),
            "{records:?}"
        );
        assert!(records.contains(&"_submission._tcp.post.example. IN SRV 0 0 0 .".to_owned()), "{records:?}");
        assert!(records.contains(&"autoconfig.post.example. IN CNAME mx.post.example.".to_owned()), "{records:?}");
    }
}
