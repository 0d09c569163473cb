//! An account into Maildir or mbox.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::ops::ControlFlow;

use bytes::Bytes;
use serde::Serialize;

use super::labels::Labels;
use super::line_ends::{Shape, ToFile};
use super::maildir::{self, NewFile, Target};
use super::proofs::{self, Found, ProofFiles, Proofs};
use super::{Error, Format, Job, Problems, Result, Services, about, mbox, names};
use crate::ids::Uid;
use crate::store::mailboxes::{Folder, Message, MessageBytes};
use crate::store::{self, Done, Progress};

/// Rows read at a time.
const CHUNK: usize = 500;

/// Bytes read at a time; smaller messages are read once.
const PIECE_BYTES: usize = 256 << 10;

/// What was exported.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Exported {
    /// Messages.
    pub messages: u64,
    /// Bytes of those, as they are in the store.
    pub bytes: u64,
    /// Folders.
    pub folders: u64,
    /// What came of their marks, where proofs were asked for.
    #[serde(flatten)]
    pub proofs: Option<Proving>,
    /// What was left out.
    #[serde(flatten)]
    pub problems: Problems,
}

/// How many marks of the exported letters are proved to be in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Proving {
    /// Fields `Postal-Mark-Proof`, on top of the letters.
    pub proofs: u64,
    /// Marks without one: they are in no checkpoint yet, or of another log.
    pub marks_without_proof: u64,
}

/// Exports an account, or one folder of it, into a new or empty directory. Blocks; `progress` hears the bytes of
/// messages written. When it answers everything is on stable storage.
///
/// Maildir: the inbox is the directory itself, other folders are Maildir++ folders in it; one folder alone is the
/// directory itself. mbox: one file for each folder. A message whose bytes are damaged is named among the problems,
/// and the others are exported.
///
/// # Errors
/// See [`Error`]; once something was exported it is `Stopped`, and says how much.
pub fn export(services: &Services, job: &Job, progress: Progress<'_>) -> Result<Exported> {
    let folders = folders(services, job)?;
    prepare(job)?;
    job.audit(services, "mail.export", &job.place())?;
    let mut of = 0;
    for folder in &folders {
        let state = services.store.read_blocking(|view| view.folder_state(job.account, folder.id))?;
        of += state.bytes;
    }
    let mut run = Run::new(services, job, progress, of);
    if run.proofs.is_some() {
        run.proof_files = Some(ProofFiles::create(&job.path).map_err(about(&job.path))?);
    }
    let result = folders.iter().try_for_each(|folder| run.folder(folder)).and_then(|()| sync(job));
    let Run { at, tally, .. } = run;
    let details = format!("{}: {} messages, {} bytes", job.place(), tally.messages, tally.bytes);
    match result {
        Ok(()) => {
            job.audit(services, "mail.exported", &details)?;
            Ok(tally)
        }
        Err(why) => {
            // The store may be what failed; then the entry of the beginning has to do.
            let _ = job.audit(services, "mail.exported", &format!("{details}; {why}"));
            let are = "were written; the directory is not complete";
            Err(Error::Stopped { at, done: tally.messages, are, why: Box::new(why) })
        }
    }
}

/// Where the files of an export go, one after the other.
pub trait Archive: io::Write {
    /// What is written from now on belongs to a file of this name.
    ///
    /// # Errors
    /// It cannot be begun.
    fn begin(&mut self, name: &str) -> io::Result<()>;
}

/// Exports an account as mbox files into an archive, a folder after the other; `job.path` is only what errors call it.
/// Blocks, and holds no more than a piece of one message in memory.
///
/// # Errors
/// See [`Error`].
pub fn export_into(services: &Services, job: &Job, archive: &mut impl Archive) -> Result<Exported> {
    let folders = folders(services, job)?;
    job.audit(services, "mail.export", "archive")?;
    let mut go_on = |_| ControlFlow::Continue(());
    let mut run = Run::new(services, job, &mut go_on, 0);
    let result = folders.iter().try_for_each(|folder| run.archive(folder, archive));
    let Run { tally, .. } = run;
    let details = format!("archive: {} messages, {} bytes", tally.messages, tally.bytes);
    job.audit(services, "mail.exported", &details)?;
    result.map(|()| tally)
}

fn folders(services: &Services, job: &Job) -> Result<Vec<Folder>> {
    match &job.folder {
        None => Ok(services.store.read_blocking(|view| view.folders(job.account))?),
        Some(name) => {
            let found = services.store.read_blocking(|view| view.folder_named(job.account, name))?;
            Ok(vec![found.ok_or_else(|| Error::NoFolder(name.clone()))?])
        }
    }
}

fn prepare(job: &Job) -> Result<()> {
    maildir::create_dir(&job.path).map_err(about(&job.path))?;
    let mut entries = fs::read_dir(&job.path).map_err(about(&job.path))?;
    if entries.next().is_some() { Err(Error::NotEmpty(job.path.clone())) } else { Ok(()) }
}

/// One sync of the file system instead of one for each of a hundred thousand files: until the export has answered
/// nobody relies on any of them.
fn sync(job: &Job) -> Result<()> {
    let synced = File::open(&job.path).and_then(|dir| Ok(rustix::fs::syncfs(&dir)?));
    synced.map_err(about(&job.path))
}

struct Run<'a, 'p> {
    services: &'a Services,
    job: &'a Job,
    progress: Progress<'p>,
    of: u64,
    /// What is being exported, for people.
    at: String,
    tally: Exported,
    proofs: Option<Proofs>,
    proof_files: Option<ProofFiles>,
}

/// A message on its way into a file.
struct Outgoing<'a> {
    message: &'a Message,
    content: Content,
    labels: Labels,
    /// Goes on top of it.
    proofs: Found,
}

impl<'a, 'p> Run<'a, 'p> {
    fn new(services: &'a Services, job: &'a Job, progress: Progress<'p>, of: u64) -> Self {
        let proofs = services.log.clone().map(|log| Proofs::of(log, services.pages.clone()));
        let tally = Exported { proofs: proofs.as_ref().map(|_| Proving::default()), ..Exported::default() };
        Run { services, job, progress, of, at: job.path.display().to_string(), tally, proofs, proof_files: None }
    }
}

impl Run<'_, '_> {
    fn folder(&mut self, folder: &Folder) -> Result<()> {
        match self.job.format {
            Format::Maildir => self.maildir(folder)?,
            Format::Mbox => self.mbox(folder)?,
        }
        self.tally.folders += 1;
        Ok(())
    }

    fn maildir(&mut self, folder: &Folder) -> Result<()> {
        let dir = &self.job.path;
        let name = if self.job.folder.is_some() { None } else { names::to_maildir(&folder.name, folder.id.0) };
        let mut target = Target::create(dir, name.as_deref()).map_err(about(dir))?;
        let now = self.services.world.now();
        self.each_message(folder, |run, Outgoing { message, content, labels, proofs }| {
            let shape = content.shape()?;
            let form = shape.form();
            let number = run.tally.messages;
            let mut on_top = Vec::new();
            ToFile::new(form).push(&proofs.fields, &mut on_top);
            let proof_bytes = on_top.len();
            let new = NewFile { number, now, date: message.internal_date, form, proof_bytes, labels };
            target.add(&new, |mut file| {
                file.write_all(&on_top)?;
                let (mut lines, mut piece) = (ToFile::new(form), Vec::new());
                content.each(|bytes| {
                    piece.clear();
                    lines.push(bytes, &mut piece);
                    Ok(file.write_all(&piece)?)
                })?;
                piece.clear();
                lines.finish(&mut piece);
                Ok(file.write_all(&piece)?)
            })
        })?;
        if !target.left_out.is_empty() {
            let why = "keywords were left out, a Maildir folder has no more than 26";
            let names: Vec<&str> = target.left_out.iter().map(String::as_str).collect();
            self.tally.problems.add(format!("folder {:?}: {} {why}: {}", folder.name, names.len(), names.join(", ")));
        }
        target.finish().map_err(about(dir))
    }

    fn archive(&mut self, folder: &Folder, archive: &mut impl Archive) -> Result<()> {
        let path = &self.job.path;
        archive.begin(&names::to_mbox(&folder.name, folder.id.0)).map_err(about(path))?;
        self.each_message(folder, |_, Outgoing { message, content, labels, proofs }| {
            let mut writer = mbox::Writer::new(&mut *archive, content.shape()?);
            writer.begin(message.internal_date, &proofs.fields, labels)?;
            content.each(|bytes| Ok(writer.content(bytes)?))?;
            Ok(writer.end()?)
        })?;
        self.tally.folders += 1;
        Ok(())
    }

    fn mbox(&mut self, folder: &Folder) -> Result<()> {
        let path = self.job.path.join(names::to_mbox(&folder.name, folder.id.0));
        let file = maildir::create_file(&path).map_err(about(&path))?;
        let mut out = BufWriter::with_capacity(PIECE_BYTES, file);
        self.each_message(folder, |_, Outgoing { message, content, labels, proofs }| {
            let mut writer = mbox::Writer::new(&mut out, content.shape()?);
            writer.begin(message.internal_date, &proofs.fields, labels)?;
            content.each(|bytes| Ok(writer.content(bytes)?))?;
            Ok(writer.end()?)
        })?;
        out.flush().map_err(about(&path))
    }

    /// Hands every message of a folder to `write`, in the order of UIDs. Messages that come meanwhile may be left
    /// out.
    fn each_message(
        &mut self,
        folder: &Folder,
        mut write: impl FnMut(&Self, &Outgoing<'_>) -> std::result::Result<(), Fault>,
    ) -> Result<()> {
        let (account, id) = (self.job.account, folder.id);
        let mut from = Uid::new(1);
        while let Some(first) = from {
            let messages = self.services.store.read_blocking(|view| view.messages(account, id, first, CHUNK))?;
            for message in &messages {
                self.at = format!("message {} of folder {:?}", message.uid.get(), folder.name);
                self.message(folder, message, &mut write)?;
            }
            let last = messages.last().filter(|_| messages.len() == CHUNK);
            from = last.and_then(|last| Uid::new(last.uid.get().checked_add(1)?));
        }
        Ok(())
    }

    /// A log that cannot be read is no reason to keep the letter back.
    fn find_proofs(&mut self, letter: &[u8]) -> Found {
        let Some(proofs) = &self.proofs else { return Found::default() };
        proofs.find(letter).unwrap_or_else(|why| {
            self.tally.problems.add(format!("{}: no proofs: {why}", self.at));
            Found::default()
        })
    }

    fn count_proofs(&mut self, message: &Message, found: &Found) -> Result<()> {
        if let Some(tally) = &mut self.tally.proofs {
            tally.proofs += found.proved.len() as u64;
            tally.marks_without_proof += found.missing;
        }
        let handed = match self.proof_files {
            Some(_) => self.find_proofs(&self.handed(message)?),
            None => return Ok(()),
        };
        let mut proved = found.proved.iter().chain(&handed.proved);
        let written = self.proof_files.as_ref().map_or(Ok(()), |files| proved.try_for_each(|it| files.write(it)));
        written.map_err(about(&self.job.path.join(proofs::DIR)))
    }

    /// P6: the mark of a letter's handing over, which stands in no message.
    fn handed(&self, message: &Message) -> Result<Vec<u8>> {
        let (account, email) = (self.job.account, message.email);
        let read = move |view: &store::View<'_>| match view.handed(account, email)? {
            Some(handed) => handed.mark(view),
            None => Ok(Vec::new()),
        };
        Ok(self.services.store.read_blocking(read)?)
    }

    fn message(
        &mut self,
        folder: &Folder,
        message: &Message,
        write: &mut impl FnMut(&Self, &Outgoing<'_>) -> std::result::Result<(), Fault>,
    ) -> Result<()> {
        let labels = labels(folder, message);
        let written = Content::open(self.services.store.message_bytes(message)).and_then(|content| {
            let proofs = self.find_proofs(&content.first);
            let outgoing = Outgoing { message, content, labels, proofs };
            write(self, &outgoing).map(|()| outgoing.proofs)
        });
        match written {
            Ok(found) => {
                self.tally.messages += 1;
                self.tally.bytes += message.size();
                self.count_proofs(message, &found)?;
            }
            Err(Fault::Message(why @ (store::Error::Damaged(_) | store::Error::Sealed(_)))) => {
                self.tally.problems.add(format!("{}: {why}", self.at));
                self.of = self.of.saturating_sub(message.size());
            }
            Err(Fault::Message(error)) => return Err(error.into()),
            Err(Fault::File(why)) => return Err(about(&self.job.path)(why)),
        }
        match (self.progress)(Done { bytes: self.tally.bytes, of: self.of }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(store::Error::Stopped.into()),
        }
    }
}

fn labels(folder: &Folder, message: &Message) -> Labels {
    let name = |index: &u16| folder.keywords.get(usize::from(*index)).cloned();
    Labels { flags: message.flags, keywords: message.keywords.iter().filter_map(name).collect() }
}

/// What failed: a message, or the files.
enum Fault {
    Message(store::Error),
    File(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Fault::File(error)
    }
}

/// The bytes of a message, from the first to the last, more than once.
struct Content {
    bytes: MessageBytes,
    /// The first piece, which of most messages is all.
    first: Bytes,
}

impl Content {
    fn open(bytes: MessageBytes) -> std::result::Result<Self, Fault> {
        let first = bytes.read_at_blocking(0, PIECE_BYTES).map_err(Fault::Message)?;
        Ok(Content { bytes, first })
    }

    fn each(&self, mut take: impl FnMut(&[u8]) -> std::result::Result<(), Fault>) -> std::result::Result<(), Fault> {
        take(&self.first)?;
        let mut at = self.first.len() as u64;
        while at < self.bytes.len() {
            let piece = self.bytes.read_at_blocking(at, PIECE_BYTES).map_err(Fault::Message)?;
            if piece.is_empty() {
                let why = "a message is shorter than its row says".to_owned();
                return Err(Fault::Message(store::Error::Damaged(why)));
            }
            take(&piece)?;
            at += piece.len() as u64;
        }
        Ok(())
    }

    /// Looks at all of it, so that of a damaged message no byte is written.
    fn shape(&self) -> std::result::Result<Shape, Fault> {
        let mut shape = Shape::default();
        self.each(|bytes| {
            shape.push(bytes);
            Ok(())
        })?;
        Ok(shape)
    }
}
