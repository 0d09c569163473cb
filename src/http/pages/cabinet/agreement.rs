//! `/cabinet/agreement`: to which versions the user consented, and consent to a new one (M10).

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::identity::agreement::{Block, VersionHash};
use crate::people::agreements::{PublishError, instant};
use crate::store::agreements::{AgreementConsent, AgreementVersion, Channel, ConsentEvidence};

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::visitor::SignedIn;
use super::super::{Asked, Frame, show};
use super::{Notice, Shell};

const PATH: &str = "/cabinet/agreement";

#[derive(Template)]
#[template(path = "cabinet/agreement.html")]
struct Agreement {
    frame: Frame,
    shell: Shell,
    notice: Option<Notice>,
    asked_of: Option<NewVersion>,
    consents: Vec<Row>,
}

/// A version that the user has not agreed to yet.
struct NewVersion {
    number: u32,
    from: String,
    hash: String,
    paragraphs: Vec<Paragraph>,
}

struct Paragraph {
    text: String,
    is_heading: bool,
}

struct Row {
    version: Option<u32>,
    hash: String,
    at: String,
    channel: String,
}

#[derive(Deserialize)]
pub(super) struct Consent {
    /// Names the text that was shown.
    hash: String,
}

pub(super) async fn page(State(api): State<Api>, signed_in: SignedIn, asked: Asked) -> Result<Response, Fault> {
    let agreements = &api.cabinet().agreements;
    let versions = agreements.versions().await?;
    let consents = agreements.consents(signed_in.account).await?;
    let asked_of = agreements.asked_of(signed_in.account).await?;
    let shell = Shell::new(asked, PATH);
    let frame = shell.frame.clone();
    let asked_of = match asked_of {
        Some(version) => new_version(&api, &frame, version).await?,
        None => None,
    };
    let row = |consent: &AgreementConsent| Row {
        version: versions.iter().find(|version| version.hash == consent.hash).map(|version| version.number),
        hash: consent.hash.to_string(),
        at: api.cabinet().shown(instant(consent.at_us)),
        channel: frame.text(channel_key(consent.channel)),
    };
    let consents = consents.iter().rev().map(row).collect();
    let page = Agreement { frame: frame.clone(), shell, notice: None, asked_of, consents };
    Ok(show(&frame, &page))
}

/// Consent to the text that was shown; when another one came into force meanwhile, that is shown.
pub(super) async fn consent(
    State(api): State<Api>,
    signed_in: SignedIn,
    Checked(form): Checked<Consent>,
) -> Result<Response, Fault> {
    let hash: VersionHash = form.hash.parse().map_err(|_| Fault::bad_form())?;
    let evidence = ConsentEvidence::Session(signed_in.ip.to_string());
    match api.cabinet().agreements.consent(signed_in.account, hash, evidence).await {
        Ok(()) | Err(PublishError::NotCurrent) => Ok(Redirect::to(PATH).into_response()),
        Err(PublishError::Store(error)) => Err(error.into()),
        Err(other) => Err(Fault::inside(&other)),
    }
}

async fn new_version(api: &Api, frame: &Frame, version: AgreementVersion) -> Result<Option<NewVersion>, Fault> {
    let published = api.cabinet().agreements.published(version.number).await?;
    let paragraph = |block: Block<'_>| match block {
        Block::Heading(text) => Paragraph { text: text.to_owned(), is_heading: true },
        Block::Paragraph(text) => Paragraph { text: text.to_owned(), is_heading: false },
    };
    Ok(published.map(|published| NewVersion {
        number: version.number,
        from: api.cabinet().shown(instant(version.from_us)),
        hash: version.hash.to_string(),
        paragraphs: published.text.blocks(frame.lang()).map(paragraph).collect(),
    }))
}

fn channel_key(channel: Channel) -> &'static str {
    match channel {
        Channel::Online => "consent-online",
        Channel::Counter => "consent-counter",
        Channel::Cabinet => "consent-cabinet",
    }
}
