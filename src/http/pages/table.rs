//! Every page in one table: method, path, who may, what it takes. The router and the guard are made from it, and
//! `docs/roles.md` is tested against it.
//!
//! Each folder of pages has its own rows, beside its handlers; here they come together.

use axum::Router;
use axum::routing::{MethodRouter, get};

use super::super::Api;
use super::super::access::Role;
use super::{
    activate, admin, agreement, assets, cabinet, desk, document, home, mail_programs, register, sign_in, verify,
};

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
const TABLES: &[&[Page]] = &[
    PUBLIC,
    document::PAGES,
    sign_in::PAGES,
    sign_in::FACTOR_PAGES,
    sign_in::APP_PASSWORD_PAGES,
    admin::PAGES,
    home::PAGES,
    agreement::PAGES,
    register::PAGES,
    desk::PAGES,
    activate::PAGES,
    cabinet::PAGES,
    mail_programs::PAGES,
];

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

/// Whether the page of this request can be asked for with GET, so that somebody can come back to it.
pub(super) fn is_shown(parts: &axum::http::request::Parts) -> bool {
    let path = parts.extensions.get::<axum::extract::MatchedPath>();
    path.is_some_and(|path| find("get", path.as_str()).is_some())
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
    use super::super::super::routes::ROUTES;
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

    /// `docs/roles.md` says of every page and call who may, and names none that there is not.
    #[test]
    fn who_may_do_what_is_documented() {
        const DOCUMENT: &str = include_str!("../../../docs/roles.md");
        let names = |roles: &[Role]| roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
        let pages = all().map(|page| {
            let who = match page.who {
                Who::Everybody => "everybody".to_owned(),
                Who::User => "user".to_owned(),
                Who::Staff(roles) => names(roles),
            };
            format!("| {} | `{}` | {who} |", page.method, page.path)
        });
        let calls = ROUTES.iter().map(|route| {
            let who = if route.roles.is_empty() { "everybody".to_owned() } else { names(route.roles) };
            format!("| {} | `{}` | {who} |", route.method, route.path)
        });
        let real: Vec<String> = pages.chain(calls).collect();
        let is_row = |line: &&str| line.starts_with("| get | ") || line.starts_with("| post | ");
        let documented: Vec<&str> = DOCUMENT.lines().filter(is_row).collect();
        let missing: Vec<_> = real.iter().filter(|row| !documented.contains(&row.as_str())).collect();
        let invented: Vec<_> = documented.iter().filter(|row| !real.iter().any(|real| real == *row)).collect();
        assert!(missing.is_empty() && invented.is_empty(), "put in: {missing:#?}\ntake out: {invented:#?}");
        assert_eq!(documented.len(), real.len(), "each once");
    }
}
