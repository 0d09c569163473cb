//! Every page in one table: method, path, who may, what it takes. The router and the guard are made from it, and
//! `docs/roles.md` is tested against it.
//!
//! Each folder of pages has its own rows, beside its handlers; here they come together.

#![allow(dead_code, reason = "what pages are made of; each folder of pages takes what it needs")]

use axum::Router;
use axum::routing::{MethodRouter, get};

use super::super::Api;
use super::super::access::Role;
use super::{agreement, assets, cabinet, home, mail_programs, register, sign_in, verify};

/// Who may see a page or send a form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::http) enum Who {
    /// Anybody, signed in or not.
    Everybody,
    /// Whoever is signed in.
    User,
    /// Whoever is signed in and was granted one of these roles.
    Staff(&'static [Role]),
}

/// What a request may carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::http) enum Body {
    /// Nothing.
    None,
    /// A form without files: the handler takes `Checked<T>`.
    Form,
    /// A form with files: the handler takes `CheckedUpload`.
    Upload,
    /// What a program sends and no browser: it changes nothing, and the handler bounds it.
    Foreign,
}

/// One page, or one form that is sent.
pub(in crate::http) struct Page {
    pub(in crate::http) method: &'static str,
    pub(in crate::http) path: &'static str,
    pub(in crate::http) who: Who,
    pub(in crate::http) body: Body,
    pub(in crate::http) handler: fn() -> MethodRouter<Api>,
}

/// The rows of all folders.
const TABLES: &[&[Page]] =
    &[PUBLIC, sign_in::PAGES, home::PAGES, agreement::PAGES, register::PAGES, cabinet::PAGES, mail_programs::PAGES];

const PUBLIC: &[Page] = &[
    Page { method: "get", path: "/verify", who: Who::Everybody, body: Body::None, handler: || get(verify::page) },
    Page {
        method: "get",
        path: "/assets/{name}",
        who: Who::Everybody,
        body: Body::None,
        handler: || get(assets::asset),
    },
];

/// Every row.
pub(in crate::http) fn all() -> impl Iterator<Item = &'static Page> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// The row of a request that the router matched. RFC 9110 §9.3.2: HEAD is GET without the content.
pub(in crate::http) fn find(method: &str, path: &str) -> Option<&'static Page> {
    let method = if method.eq_ignore_ascii_case("head") { "get" } else { method };
    all().find(|page| page.method.eq_ignore_ascii_case(method) && page.path == path)
}

/// The methods of a path.
pub(super) fn methods(path: &str) -> impl Iterator<Item = &'static str> {
    all().filter(move |page| page.path == path).map(|page| page.method)
}

/// A router with every row.
pub(super) fn router() -> Router<Api> {
    all().fold(Router::new(), |router, page| router.route(page.path, (page.handler)()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_fits_into_the_router_and_stands_once() {
        let _ = router();
        for page in all() {
            let same = all().filter(|other| (other.method, other.path) == (page.method, page.path)).count();
            assert_eq!(same, 1, "{} {}", page.method, page.path);
        }
        assert!(find("HEAD", "/verify").is_some() && find("POST", "/verify").is_none());
    }

    /// A GET that changes something would be sent by any picture on any page.
    #[test]
    fn only_posts_carry_something_and_each_is_checked() {
        for page in all() {
            assert_eq!(page.body == Body::None, page.method == "get", "{} {}", page.method, page.path);
            assert!(matches!(page.method, "get" | "post"), "{} {}", page.method, page.path);
        }
    }

    #[test]
    fn a_role_of_a_page_is_one_that_an_account_can_have() {
        for page in all() {
            if let Who::Staff(roles) = page.who {
                assert!(!roles.is_empty() && roles.iter().all(|role| Role::OF_STAFF.contains(role)), "{}", page.path);
            }
        }
    }
}
