//! `/cabinet`: what a user sees of and does with the own mailbox (order 71), apart from letters.
//!
//! Whatever cannot be taken back asks for the password again, and every change is in the audit.

mod agreement;
mod browsers;
mod closing;
mod confirm;
mod export;
mod letters;
mod lookups;
mod overview;
mod password;
mod profile;
mod receipts;
mod scans;
mod sign_ins;
#[cfg(test)]
mod tests;

use axum::routing::{get, post};

use crate::people::confirmation::Holder;

use super::table::{self, Body, Page, Who};
use super::visitor::SignedIn;
use super::{Asked, Frame};

/// A page that somebody looks at.
const fn shown(path: &'static str, handler: fn() -> axum::routing::MethodRouter<super::Api>) -> Page {
    Page { method: "get", path, who: Who::User, body: Body::None, handler }
}

/// A form that somebody sends.
const fn sent(path: &'static str, handler: fn() -> axum::routing::MethodRouter<super::Api>) -> Page {
    Page { method: "post", path, who: Who::User, body: Body::Form, handler }
}

pub(super) const PAGES: &[Page] = &[
    shown("/cabinet", || get(overview::page)),
    shown("/cabinet/profile", || get(profile::page)),
    sent("/cabinet/profile", || post(profile::change)),
    shown("/cabinet/confirm", || get(confirm::page)),
    sent("/cabinet/confirm", || post(confirm::confirm)),
    shown("/cabinet/agreement", || get(agreement::page)),
    sent("/cabinet/agreement", || post(agreement::consent)),
    shown("/cabinet/letters", || get(letters::page)),
    shown("/cabinet/letters/{item}", || get(letters::letter)),
    sent("/cabinet/letters/{item}", || post(letters::cancel)),
    shown("/cabinet/receipts", || get(receipts::page)),
    shown("/cabinet/receipts/{receipt}", || get(receipts::pdf)),
    shown("/cabinet/scans", || get(scans::page)),
    shown("/cabinet/scans/{scan}", || get(scans::document)),
    shown("/cabinet/sign-ins", || get(sign_ins::page)),
    sent("/cabinet/sign-ins", || post(sign_ins::end)),
    shown("/cabinet/lookups", || get(lookups::page)),
    shown("/cabinet/export", || get(export::page)),
    sent("/cabinet/export", || post(export::export)),
    shown("/cabinet/close", || get(closing::page)),
    sent("/cabinet/close", || post(closing::close)),
    Page { method: "get", path: "/closed", who: Who::Everybody, body: Body::None, handler: || get(closing::closed) },
];

/// The parts of the cabinet, and the keys of their names. Parts that other folders of pages bring are shown once they
/// are in the table.
const PARTS: &[(&str, &str)] = &[
    ("/cabinet", "cabinet-title"),
    ("/cabinet/profile", "profile-title"),
    ("/cabinet/confirm", "confirm-title"),
    ("/cabinet/agreement", "consent-title"),
    ("/cabinet/letters", "letters-title"),
    ("/cabinet/receipts", "receipts-title"),
    ("/cabinet/scans", "scans-title"),
    ("/cabinet/app-passwords", "app-passwords-title"),
    ("/cabinet/second-factor", "factors-title"),
    ("/cabinet/sign-ins", "sign-ins-title"),
    ("/cabinet/lookups", "lookups-title"),
    ("/cabinet/export", "export-title"),
    ("/cabinet/close", "close-title"),
];

/// What stands around every page of the cabinet.
struct Shell {
    frame: Frame,
    current: &'static str,
}

struct Link {
    href: &'static str,
    text: String,
    is_current: bool,
}

impl Shell {
    /// The shell of the page with this path, which is one of [`PARTS`].
    fn new(asked: Asked, current: &'static str) -> Self {
        let title = PARTS.iter().find(|(path, _)| *path == current).map_or("cabinet-title", |(_, title)| title);
        Shell { frame: Frame::new(asked, title), current }
    }

    /// A page whose script also speaks with a program on the user's own computer.
    fn connecting(self, origin: &str) -> Self {
        Shell { frame: self.frame.connecting(origin), ..self }
    }

    fn links(&self) -> Vec<Link> {
        let shown = PARTS.iter().filter(|(path, _)| table::find("get", path).is_some());
        let link = |(href, key): &(&'static str, &str)| Link {
            href,
            text: self.frame.text(key),
            is_current: *href == self.current,
        };
        shown.map(link).collect()
    }
}

/// What went wrong, above a page.
struct Notice {
    text: String,
}

impl Notice {
    fn bad(text: String) -> Option<Self> {
        Some(Notice { text })
    }
}

/// The address of whoever is signed in, as signatures name it.
struct Own {
    account: crate::ids::AccountId,
    address: String,
}

impl Own {
    fn of(signed_in: &SignedIn) -> Self {
        Own { account: signed_in.account, address: signed_in.address.to_string() }
    }

    fn holder(&self) -> Holder<'_> {
        Holder { account: self.account, address: &self.address }
    }
}
