//! What the server can do and what it cannot: one table, from which CAPABILITY and the greeting are made.

/// One line of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capability {
    /// As announced.
    pub name: &'static str,
    /// Where it is defined.
    pub source: &'static str,
    /// When it is announced.
    pub announced: Announced,
}

/// When a capability is announced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Announced {
    /// In every state.
    Always,
    /// Before login.
    BeforeLogin,
    /// Before login, where passwords are taken.
    WherePasswordsAreTaken,
    /// Before login, where passwords are not taken because there is no TLS.
    WherePasswordsAreRefused,
    /// Before login, where TLS can be begun.
    WhereTlsCanBegin,
    /// After login.
    AfterLogin,
    /// Not implemented, so never.
    Never,
}

/// What decides which capabilities are announced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Situation {
    /// Whether the client logged in.
    pub login: Login,
    /// Whether a password may be sent now.
    pub passwords: Passwords,
    /// Whether STARTTLS works now.
    pub starttls: StartTls,
}

/// Whether the client logged in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Login {
    /// Not yet.
    Before,
    /// It did.
    After,
}

/// Whether a password may be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Passwords {
    /// Under TLS, or where the configuration allows it in the clear.
    Taken,
    /// Without TLS.
    Refused,
}

/// Whether STARTTLS works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartTls {
    /// It does.
    Offered,
    /// TLS is on, or there is no certificate.
    NotOffered,
}

/// The table. Order is the order of announcement.
pub const CAPABILITIES: &[Capability] = &[
    Capability { name: "IMAP4rev2", source: "RFC 9051", announced: Announced::Always },
    Capability { name: "IMAP4rev1", source: "RFC 3501", announced: Announced::Always },
    Capability { name: "STARTTLS", source: "RFC 9051 §6.2.1", announced: Announced::WhereTlsCanBegin },
    Capability { name: "LOGINDISABLED", source: "RFC 9051 §6.2.3", announced: Announced::WherePasswordsAreRefused },
    Capability { name: "AUTH=PLAIN", source: "RFC 4616", announced: Announced::WherePasswordsAreTaken },
    Capability { name: "SASL-IR", source: "RFC 4959", announced: Announced::BeforeLogin },
    Capability { name: "LITERAL-", source: "RFC 7888", announced: Announced::Always },
    Capability { name: "ENABLE", source: "RFC 5161", announced: Announced::Always },
    Capability { name: "ID", source: "RFC 2971", announced: Announced::Always },
    Capability { name: "IDLE", source: "RFC 2177", announced: Announced::AfterLogin },
    Capability { name: "NAMESPACE", source: "RFC 2342", announced: Announced::AfterLogin },
    Capability { name: "UNSELECT", source: "RFC 3691", announced: Announced::AfterLogin },
    Capability { name: "UIDPLUS", source: "RFC 4315", announced: Announced::AfterLogin },
    Capability { name: "MOVE", source: "RFC 6851", announced: Announced::AfterLogin },
    Capability { name: "BINARY", source: "RFC 3516", announced: Announced::AfterLogin },
    Capability { name: "CHILDREN", source: "RFC 3348", announced: Announced::AfterLogin },
    Capability { name: "SPECIAL-USE", source: "RFC 6154", announced: Announced::AfterLogin },
    Capability { name: "CREATE-SPECIAL-USE", source: "RFC 6154 §3", announced: Announced::AfterLogin },
    Capability { name: "LIST-EXTENDED", source: "RFC 5258", announced: Announced::AfterLogin },
    Capability { name: "LIST-STATUS", source: "RFC 5819", announced: Announced::AfterLogin },
    Capability { name: "ESEARCH", source: "RFC 4731", announced: Announced::AfterLogin },
    Capability { name: "SEARCHRES", source: "RFC 5182", announced: Announced::AfterLogin },
    Capability { name: "STATUS=SIZE", source: "RFC 8438", announced: Announced::AfterLogin },
    Capability { name: "QUOTA", source: "RFC 9208", announced: Announced::AfterLogin },
    Capability { name: "QUOTA=RES-STORAGE", source: "RFC 9208 §3.1", announced: Announced::AfterLogin },
    Capability { name: "QUOTA=RES-MESSAGE", source: "RFC 9208 §3.1", announced: Announced::AfterLogin },
    Capability { name: "UTF8=ACCEPT", source: "RFC 6855", announced: Announced::AfterLogin },
    Capability { name: "CONDSTORE", source: "RFC 7162", announced: Announced::Never },
    Capability { name: "QRESYNC", source: "RFC 7162", announced: Announced::Never },
    Capability { name: "OBJECTID", source: "RFC 8474", announced: Announced::Never },
    Capability { name: "SAVEDATE", source: "RFC 8514", announced: Announced::Never },
    Capability { name: "WITHIN", source: "RFC 5032", announced: Announced::Never },
    Capability { name: "PREVIEW", source: "RFC 8970", announced: Announced::Never },
    Capability { name: "NOTIFY", source: "RFC 5465", announced: Announced::Never },
    Capability { name: "QUOTASET", source: "RFC 9208 §4.1.3", announced: Announced::Never },
    Capability { name: "SORT", source: "RFC 5256", announced: Announced::Never },
    Capability { name: "THREAD=REFERENCES", source: "RFC 5256", announced: Announced::Never },
    Capability { name: "MULTIAPPEND", source: "RFC 3502", announced: Announced::Never },
    Capability { name: "CATENATE", source: "RFC 4469", announced: Announced::Never },
    Capability { name: "URLAUTH", source: "RFC 4467", announced: Announced::Never },
    Capability { name: "REPLACE", source: "RFC 8508", announced: Announced::Never },
    Capability { name: "METADATA", source: "RFC 5464", announced: Announced::Never },
    Capability { name: "ACL", source: "RFC 4314", announced: Announced::Never },
    Capability { name: "COMPRESS=DEFLATE", source: "RFC 4978", announced: Announced::Never },
    Capability { name: "UNAUTHENTICATE", source: "RFC 8437", announced: Announced::Never },
    Capability { name: "LITERAL+", source: "RFC 7888", announced: Announced::Never },
];

impl Situation {
    /// The names announced now, with a space between.
    #[must_use]
    pub fn capabilities(self) -> String {
        let names: Vec<_> =
            CAPABILITIES.iter().filter(|line| self.announces(line.announced)).map(|line| line.name).collect();
        names.join(" ")
    }

    fn announces(self, when: Announced) -> bool {
        let before = self.login == Login::Before;
        match when {
            Announced::Always => true,
            Announced::BeforeLogin => before,
            Announced::WherePasswordsAreTaken => before && self.passwords == Passwords::Taken,
            Announced::WherePasswordsAreRefused => before && self.passwords == Passwords::Refused,
            Announced::WhereTlsCanBegin => before && self.starttls == StartTls::Offered,
            Announced::AfterLogin => !before,
            Announced::Never => false,
        }
    }
}
