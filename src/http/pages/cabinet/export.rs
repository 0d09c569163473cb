//! `/cabinet/export`: everything that is here of a user, as one ZIP that is made while it is sent: letters as mbox files,
//! and what the cabinet knows as JSON (M17).

use std::io::{self, Write};
use std::path::PathBuf;

use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};

use crate::mailfiles::{self, Archive, Format, Job};
use crate::people::agreements::instant;
use crate::store::View;
use crate::store::agreements::ConsentEvidence;
use crate::store::audit::About;

use super::super::super::Api;
use super::super::fault::Fault;
use super::super::form::Checked;
use super::super::sign_in::SecondProved;
use super::super::visitor::SignedIn;
use super::super::{Asked, Frame, show_as};
use super::{Notice, Shell, password};

const PATH: &str = "/cabinet/export";

/// Bytes that are sent at a time, and how many such pieces wait for a slow reader.
const PIECE: usize = 64 << 10;
const PIECES: usize = 4;

/// Letters to paper, look-ups, and entries of the audit that are read at a time.
const CHUNK: usize = 500;

#[derive(Template)]
#[template(path = "cabinet/export.html")]
struct Export {
    frame: Frame,
    shell: Shell,
    notice: Option<Notice>,
}

#[derive(Deserialize)]
pub(super) struct Wish {
    password: String,
    /// Whether proofs go with the letters; browsers leave a box out that is not ticked.
    proofs: Option<String>,
}

pub(super) async fn page(_: SecondProved, asked: Asked) -> Response {
    shown(asked, None)
}

pub(super) async fn export(
    State(api): State<Api>,
    SecondProved(signed_in): SecondProved,
    asked: Asked,
    Checked(wish): Checked<Wish>,
) -> Result<Response, Fault> {
    let frame = Frame::new(asked.clone(), "export-title");
    if let Err(wrong) = password::require(&api, &signed_in, wish.password, &frame).await {
        return Ok(shown(asked, Notice::bad(wrong)));
    }
    let turn = std::sync::Arc::clone(&api.cabinet().exports).try_acquire_owned().map_err(|_| Fault::too_many(30))?;
    let facts = facts(&api, &signed_in).await?;
    let account = signed_in.account;
    let job = Job {
        format: Format::Mbox,
        path: PathBuf::from("export.zip"),
        account,
        folder: None,
        actor: format!("account {}", account.0),
    };
    let (to_browser, pieces) = mpsc::channel(PIECES);
    let (mut services, publisher) = (api.cabinet().mail_files.clone(), api.publisher().clone());
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        if wish.proofs.is_some() {
            services.log = publisher.view();
        }
        if let Err(error) = write(&services, &job, &facts, to_browser.clone()) {
            tracing::warn!(account = account.0, %error, "an export was cut off");
            // The browser sees that the file is not whole.
            let _ = to_browser.blocking_send(Err(io::Error::other("cut off")));
        }
    });
    let body = unfold(pieces, |mut pieces| async move { Some((pieces.recv().await?, pieces)) });
    let mut response = Body::from_stream(body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"mailbox.zip\""));
    Ok(response)
}

fn shown(asked: Asked, notice: Option<Notice>) -> Response {
    let shell = Shell::new(asked, PATH);
    let frame = shell.frame.clone();
    let status = if notice.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    show_as(status, &frame, &Export { frame: frame.clone(), shell, notice })
}

/// What the cabinet knows, by the name of its file.
async fn facts(api: &Api, signed_in: &SignedIn) -> Result<Vec<(&'static str, Value)>, Fault> {
    let (cabinet, account) = (api.cabinet(), signed_in.account);
    let profile = cabinet.people.profile(account).await?.map(|profile| {
        let fields: serde_json::Map<String, Value> =
            profile.form.values().map(|(field, value)| (field.name().to_owned(), Value::String(value))).collect();
        let confirmed = profile
            .confirmed
            .map(|confirmed| json!({ "at": confirmed.at.to_string(), "certificate": confirmed.certificate }));
        json!({ "fields": fields, "changed": profile.changed_at.to_string(), "confirmed": confirmed })
    });
    let consents = cabinet.agreements.consents(account).await?;
    let consents: Vec<Value> = consents
        .iter()
        .map(|consent| {
            let channel = format!("{:?}", consent.channel).to_lowercase();
            json!({ "agreement": consent.hash.to_string(), "at": instant(consent.at_us).to_string(), "channel": channel })
        })
        .collect();
    let sign_ins = api.sessions().sign_ins(account).await?;
    let sign_ins: Vec<Value> = sign_ins
        .iter()
        .map(|it| json!({ "at": it.at.to_string(), "from": it.browser.ip.to_string(), "browser": it.browser.agent }))
        .collect();
    let box_of = json!({ "login": signed_in.login, "address": signed_in.address.to_string() });
    Ok(vec![
        ("mailbox.json", box_of),
        ("profile.json", profile.unwrap_or(Value::Null)),
        ("consents.json", Value::Array(consents)),
        ("sign-ins.json", Value::Array(sign_ins)),
    ])
}

/// Writes the archive; blocks while the browser is slow, and ends when it has gone.
fn write(
    services: &mailfiles::Services,
    job: &Job,
    facts: &[(&str, Value)],
    to_browser: mpsc::Sender<io::Result<Bytes>>,
) -> Result<(), ExportError> {
    let mut archive = Zip { zip: ZipWriter::new_stream(Pieces { to_browser, piece: Vec::with_capacity(PIECE) }) };
    for (name, value) in facts {
        archive.begin(name)?;
        serde_json::to_writer_pretty(&mut archive, value).map_err(io::Error::from)?;
    }
    archive.begin("letters-on-paper.json")?;
    letters(services, job, &mut archive)?;
    archive.begin("look-ups.json")?;
    lookups(services, job, &mut archive)?;
    archive.begin("audit.json")?;
    audit(services, job, &mut archive)?;
    mailfiles::export_into(services, job, &mut archive)?;
    let mut pieces = archive.zip.finish().map_err(io::Error::from)?.into_inner();
    Ok(pieces.flush()?)
}

/// A list that is written row by row.
struct List<'a> {
    archive: &'a mut Zip,
    separator: &'static str,
}

impl<'a> List<'a> {
    fn begin(archive: &'a mut Zip) -> io::Result<Self> {
        archive.write_all(b"[")?;
        Ok(List { archive, separator: "\n" })
    }

    fn push(&mut self, row: &Value) -> io::Result<()> {
        write!(self.archive, "{}{row}", self.separator)?;
        self.separator = ",\n";
        Ok(())
    }

    fn end(self) -> io::Result<()> {
        self.archive.write_all(b"\n]\n")
    }
}

/// M20, M23: which state systems asked for the person, when and why.
fn lookups(services: &mailfiles::Services, job: &Job, archive: &mut Zip) -> Result<(), ExportError> {
    let (account, mut before, mut list) = (job.account, None, List::begin(archive)?);
    loop {
        let found = services.store.read_blocking(|view: &View<'_>| view.lookups(account, before, CHUNK))?;
        for (_, lookup) in &found {
            let at = instant(lookup.at_us).to_string();
            list.push(&json!({ "at": at, "system": lookup.system, "basis": lookup.basis }))?;
        }
        match found.last() {
            Some((last, _)) if found.len() == CHUNK => before = Some(*last),
            _ => return Ok(list.end()?),
        }
    }
}

/// M20: what stands in the audit about the mailbox of the user and the application for it, whoever did it. What the user
/// did as one of the staff is about others.
fn audit(services: &mailfiles::Services, job: &Job, archive: &mut Zip) -> Result<(), ExportError> {
    let account = job.account;
    let about = services.store.read_blocking(|view: &View<'_>| {
        let consents = view.agreement_consents(account)?.into_iter();
        let applications = consents.filter_map(|consent| match consent.evidence {
            ConsentEvidence::Application(serial) => Some(About::Application(serial)),
            _ => None,
        });
        Ok(std::iter::once(About::Account(account)).chain(applications).collect::<Vec<_>>())
    })?;
    let mut list = List::begin(archive)?;
    for about in about {
        let mut before = None;
        loop {
            let page = services.store.read_blocking(|view: &View<'_>| view.audit_about(about, before, CHUNK))?;
            for (number, entry) in &page.entries {
                let at = instant(entry.at_us).to_string();
                list.push(&json!({ "number": number, "at": at, "by": entry.actor, "action": entry.action,
                    "object": entry.object, "details": entry.details }))?;
            }
            match page.next {
                Some(next) => before = Some(next),
                None => break,
            }
        }
    }
    Ok(list.end()?)
}

/// The letters to paper with their events, one after the other.
fn letters(services: &mailfiles::Services, job: &Job, archive: &mut Zip) -> Result<(), ExportError> {
    let (account, mut before, mut list) = (job.account, None, List::begin(archive)?);
    loop {
        let read = |view: &View<'_>| {
            let letters = view.letters_of(account, before, CHUNK)?;
            let events = letters.into_iter().map(|stored| Ok((view.item_events(stored.job.item)?, stored.job)));
            events.collect::<crate::store::Result<Vec<_>>>()
        };
        let found = services.store.read_blocking(read)?;
        for (events, letter) in &found {
            let way: Vec<Value> = events
                .iter()
                .map(|(_, event)| json!({ "at": instant(event.at_us).to_string(), "event": event.name, "by": event.actor }))
                .collect();
            let row = json!({ "item": letter.item.to_string(), "s10": letter.s10, "state": letter.state.name(),
                "accepted": instant(letter.accepted_us).to_string(), "postal_index": letter.postal_index, "way": way });
            list.push(&row)?;
        }
        match found.last() {
            Some((_, last)) if found.len() == CHUNK => before = Some(last.item),
            _ => return Ok(list.end()?),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    Files(#[from] mailfiles::Error),
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    #[error("the browser has gone, or the archive: {0}")]
    Io(#[from] io::Error),
}

struct Zip {
    zip: ZipWriter<StreamWriter<Pieces>>,
}

impl Archive for Zip {
    fn begin(&mut self, name: &str) -> io::Result<()> {
        // A folder may be larger than 4 GiB, which is not known when it is begun.
        self.zip.start_file(name, SimpleFileOptions::default().large_file(true)).map_err(io::Error::from)
    }
}

impl Write for Zip {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.zip.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.zip.flush()
    }
}

/// What is written goes to the browser in pieces; never more than some of them are in memory.
struct Pieces {
    to_browser: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        if piece.is_empty() {
            return Ok(());
        }
        self.to_browser.blocking_send(Ok(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
