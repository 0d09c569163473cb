//! `/agreement` and `/agreement/{version}`: the user agreement, every version for ever (M11).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;

use crate::identity::agreement::Block;
use crate::people::agreements::{Published, instant};
use crate::store::agreements::AgreementVersion;

use super::super::Api;
use super::fault::Fault;
use super::table::{Body, Page, Who};
use super::{Asked, Frame, show};

pub(super) const PAGES: &[Page] = &[
    Page { method: "get", path: "/agreement", who: Who::Everybody, body: Body::None, handler: || get(current) },
    Page {
        method: "get",
        path: "/agreement/{version}",
        who: Who::Everybody,
        body: Body::None,
        handler: || get(version),
    },
];

#[derive(Template)]
#[template(path = "agreement/agreement.html")]
struct AgreementPage {
    frame: Frame,
    published: Published,
    /// Number, and from when it is in force.
    said: String,
    versions: Vec<Other>,
}

/// A version in the list of all.
struct Other {
    number: u32,
    said: String,
    /// The key of what it is now.
    standing: &'static str,
    is_shown: bool,
}

impl AgreementPage {
    fn blocks(&self) -> Vec<Block<'_>> {
        self.published.text.blocks(self.frame.lang()).collect()
    }
}

/// `GET /agreement`
async fn current(State(api): State<Api>, asked: Asked) -> Result<Response, Fault> {
    let current = api.registration().agreements().current().await?;
    show_version(&api, asked, current.number).await
}

/// `GET /agreement/{version}`
async fn version(State(api): State<Api>, asked: Asked, Path(number): Path<String>) -> Result<Response, Fault> {
    let number = number.parse().map_err(|_| Fault::not_found())?;
    show_version(&api, asked, number).await
}

async fn show_version(api: &Api, asked: Asked, number: u32) -> Result<Response, Fault> {
    let agreements = api.registration().agreements();
    let published = agreements.published(number).await?.ok_or_else(Fault::not_found)?;
    let current = agreements.current().await?.number;
    let versions = agreements.versions().await?;
    let frame = Frame::new(asked, "agreement-title");
    let versions = versions.iter().rev().map(|version| Other {
        number: version.number,
        said: said(api, &frame, version),
        standing: match version.number.cmp(&current) {
            std::cmp::Ordering::Equal => "agreement-current",
            std::cmp::Ordering::Greater => "agreement-future",
            std::cmp::Ordering::Less => "agreement-past",
        },
        is_shown: version.number == number,
    });
    let said = said(api, &frame, &published.version);
    let page = AgreementPage { frame: frame.clone(), said, versions: versions.collect(), published };
    Ok(show(&frame, &page))
}

fn said(api: &Api, frame: &Frame, version: &AgreementVersion) -> String {
    let from = api.registration().shown(instant(version.from_us));
    frame.text_with("agreement-version", &[("number", &version.number.to_string()), ("from", &from)])
}
