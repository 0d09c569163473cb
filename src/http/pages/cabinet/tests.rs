//! The table of the cabinet.

use super::super::table::{Body, Who};
use super::{PAGES, PARTS};

#[test]
fn m20_nothing_of_the_cabinet_is_for_who_is_not_signed_in() {
    for page in PAGES.iter().filter(|page| page.path.starts_with("/cabinet")) {
        assert_eq!(page.who, Who::User, "{}", page.path);
        assert_eq!(page.body == Body::None, page.method == "get", "{}", page.path);
    }
    assert!(PAGES.iter().any(|page| page.path == "/cabinet"));
}

#[test]
fn every_page_of_the_cabinet_is_found_from_every_other() {
    for page in PAGES.iter().filter(|page| page.method == "get" && !page.path.contains('{') && page.who == Who::User) {
        assert!(PARTS.iter().any(|(path, _)| *path == page.path), "{} has no link", page.path);
    }
}
