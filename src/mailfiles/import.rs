//! Maildir and mbox into an account.

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::ops::ControlFlow;
use std::path::Path;

use serde::Serialize;

use super::deposit::{Deposit, Labelling, Outcome, Tally};
use super::labels::Labels;
use super::line_ends::ToWire;
use super::maildir::{self, Entry, Source};
use super::mbox::{BadMbox, Reader};
use super::{Error, Format, Job, Problems, Result, Services, about, names};
use crate::clock::Timestamp;
use crate::store::mailboxes::{INBOX, SEPARATOR, SpecialUse};
use crate::store::{self, Done, Progress};

/// Bytes read at a time.
const PIECE_BYTES: usize = 64 << 10;

/// What was imported.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Imported {
    /// Messages.
    pub messages: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Folders into which they went.
    pub folders: u64,
    /// Messages that an earlier import had brought.
    pub already_there: u64,
    /// What was left out.
    #[serde(flatten)]
    pub problems: Problems,
}

/// Imports a Maildir with its folders, or an mbox. Blocks; `progress` hears the bytes of files read.
///
/// A Maildir's own messages go to `INBOX` and its folders to folders of their names, `Sent Items` and the like to
/// the folder of that use; with `job.folder` all of it goes there and below. An mbox goes to `job.folder`. Missing
/// folders are made. A message that cannot be read is named among the problems, and the others are imported. What
/// an import has brought before is not brought again, so it can be run again after it was stopped.
///
/// # Errors
/// See [`Error`]; once something was imported it is `Stopped`, and says how much.
pub fn import(services: &Services, job: &Job, progress: Progress<'_>) -> Result<Imported> {
    let mut run = Run { services, job, progress, of: 0, read: 0, at: String::new(), tally: Imported::default() };
    let result = match job.format {
        Format::Maildir => run.maildir(),
        Format::Mbox => run.mbox(),
    };
    let Run { at, tally, .. } = run;
    let details = format!("{}: {} messages, {} bytes", job.place(), tally.messages, tally.bytes);
    match result {
        Ok(()) => {
            job.audit(services, "mail.imported", &details)?;
            Ok(tally)
        }
        // Nothing has happened yet.
        Err(why) if at.is_empty() => Err(why),
        Err(why) => {
            // The store may be what failed; then the entry of the beginning has to do.
            let _ = job.audit(services, "mail.imported", &format!("{details}; {why}"));
            let are = "are imported; run it again for the rest";
            Err(Error::Stopped { at, done: tally.messages, are, why: Box::new(why) })
        }
    }
}

struct Run<'a, 'p> {
    services: &'a Services,
    job: &'a Job,
    progress: Progress<'p>,
    /// Bytes of all files, and of those that were read.
    of: u64,
    read: u64,
    /// What is being imported, for people.
    at: String,
    tally: Imported,
}

impl Run<'_, '_> {
    fn begin(&mut self, at: &Path) -> Result<()> {
        self.job.audit(self.services, "mail.import", &self.job.place())?;
        self.at = at.display().to_string();
        self.tell(0)
    }

    fn maildir(&mut self) -> Result<()> {
        let dir = &self.job.path;
        let (sources, left_alone) = maildir::sources(dir).map_err(about(dir))?;
        if sources.is_empty() {
            return Err(Error::NotMaildir(dir.clone()));
        }
        for source in &sources {
            self.of += source.bytes().map_err(about(dir))?;
        }
        self.begin(dir)?;
        self.leave(left_alone);
        let folders: Vec<String> = sources.iter().map(|source| source.folder.clone()).collect();
        let uses = names::special_uses(&folders);
        for (source, special_use) in sources.iter().zip(uses) {
            let (name, special_use) = self.destination(&source.folder, special_use);
            match Deposit::open(self.services, self.job.account, &name, special_use) {
                Ok(deposit) => self.fill(deposit, |run, deposit| run.folder(source, deposit))?,
                // A name that no folder can have is no reason to leave the other folders out.
                Err(error @ Error::Folder { .. }) => self.tally.problems.add(error.to_string()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Where a folder of the Maildir goes.
    fn destination(&self, folder: &str, special_use: Option<SpecialUse>) -> (String, Option<SpecialUse>) {
        match &self.job.folder {
            None => (folder.to_owned(), special_use),
            Some(wished) if folder == INBOX => (wished.clone(), None),
            Some(wished) => (format!("{wished}{SEPARATOR}{folder}"), None),
        }
    }

    /// Runs `work` on a folder and counts what is committed, also when it fails.
    fn fill(
        &mut self,
        mut deposit: Deposit<'_>,
        work: impl FnOnce(&mut Self, &mut Deposit<'_>) -> Result<()>,
    ) -> Result<()> {
        let worked = work(self, &mut deposit);
        // What was read before it failed is as good as any.
        let committed = deposit.commit();
        let Tally { messages, bytes } = deposit.done;
        self.tally.messages += messages;
        self.tally.bytes += bytes;
        self.tally.folders += 1;
        worked.and(committed)
    }

    fn folder(&mut self, source: &Source, deposit: &mut Deposit<'_>) -> Result<()> {
        let (entries, left_alone) = source.entries().map_err(about(&self.job.path))?;
        self.leave(left_alone);
        let keywords = source.keywords();
        for entry in &entries {
            self.at = entry.path.display().to_string();
            self.file(entry, &keywords, deposit)?;
        }
        Ok(())
    }

    fn file(&mut self, entry: &Entry, keywords: &[Option<String>], deposit: &mut Deposit<'_>) -> Result<()> {
        let opened = match entry.open() {
            Ok(opened) => opened,
            Err(why) => {
                self.tally.problems.add(about(&entry.path)(why).to_string());
                return Ok(());
            }
        };
        let (mut incoming, mut seen) = (deposit.incoming(), 0);
        let read = read_lines(opened.file, opened.lines, |bytes| incoming.feed(bytes, &mut seen));
        self.tell(opened.bytes)?;
        match read {
            Ok(()) => {
                let outcome = deposit.add(incoming, seen, Labelling::Given(entry.labels(keywords)), opened.date)?;
                self.count(outcome, seen, &entry.path.display().to_string());
                Ok(())
            }
            Err(Fault::File(why)) => {
                self.tally.problems.add(about(&entry.path)(why).to_string());
                Ok(())
            }
            Err(Fault::Deposit(error)) => Err(error),
        }
    }

    fn mbox(&mut self) -> Result<()> {
        let path = &self.job.path;
        let folder = self.job.folder.as_deref().ok_or(Error::NeedsFolder)?;
        let file = File::open(path).map_err(about(path))?;
        let found = file.metadata().map_err(about(path))?;
        if !found.is_file() {
            return Err(Error::File { path: path.clone(), why: io::Error::other("it is no file") });
        }
        self.of = found.len();
        let mut reader = Reader::new(BufReader::with_capacity(PIECE_BYTES, file));
        let bad = |why| Error::BadMbox { path: path.clone(), why };
        // Before anything is made: what is no mbox leaves no folder behind.
        reader.start().map_err(bad)?;
        self.begin(path)?;
        let deposit = Deposit::open(self.services, self.job.account, folder, None)?;
        self.fill(deposit, |run, deposit| {
            let mut number = 0_u64;
            while let Some(start) = reader.start().map_err(bad)? {
                number += 1;
                run.at = format!("message {number} of {}", path.display());
                run.mbox_message(&mut reader, start.date, deposit)?;
            }
            Ok(())
        })
    }

    fn mbox_message(
        &mut self,
        reader: &mut Reader<impl io::BufRead>,
        date: Timestamp,
        deposit: &mut Deposit<'_>,
    ) -> Result<()> {
        let (mut incoming, mut seen) = (deposit.incoming(), 0);
        let labels: Option<Labels> = reader
            .content(|bytes| incoming.feed(bytes, &mut seen).map_err(Fault::Deposit))
            .map_err(|fault| match fault {
                Fault::File(why) => Error::BadMbox { path: self.job.path.clone(), why: BadMbox::Io(why) },
                Fault::Deposit(error) => error,
            })?;
        self.tell(reader.bytes().saturating_sub(self.read))?;
        let outcome = deposit.add(incoming, seen, labels.map_or(Labelling::OfHeader, Labelling::Given), date)?;
        let at = self.at.clone();
        self.count(outcome, seen, &at);
        Ok(())
    }

    fn count(&mut self, outcome: Outcome, bytes: u64, at: &str) {
        match outcome {
            Outcome::Added | Outcome::NoMessage => {}
            Outcome::AlreadyThere => self.tally.already_there += 1,
            Outcome::AddedWithout(why) => {
                self.tally.problems.add(format!("{at}: imported without some of its keywords: {why}"));
            }
            Outcome::NoRoom => {
                metrics::counter!("poshta_over_quota_total", "door" => "import").increment(1);
                self.tally.problems.add(format!("{at}: the mailbox is full (poshta account quota)"));
            }
            Outcome::TooLarge(limit) => {
                let why = format!("{at}: {bytes} bytes; the limit is {limit} (imap.protocol.max_message_bytes)");
                self.tally.problems.add(why);
            }
        }
    }

    fn leave(&mut self, left_alone: Vec<maildir::LeftAlone>) {
        for (path, why) in left_alone {
            self.tally.problems.add(format!("{}: {why}", path.display()));
        }
    }

    fn tell(&mut self, bytes: u64) -> Result<()> {
        self.read += bytes;
        match (self.progress)(Done { bytes: self.read, of: self.of }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(store::Error::Stopped.into()),
        }
    }
}

/// What failed: the file, which concerns one message, or the store, which ends the import.
enum Fault {
    File(io::Error),
    Deposit(Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Fault::File(error)
    }
}

fn read_lines(
    mut file: File,
    mut lines: ToWire,
    mut feed: impl FnMut(&[u8]) -> Result<()>,
) -> std::result::Result<(), Fault> {
    let (mut piece, mut message) = (vec![0; PIECE_BYTES], Vec::new());
    loop {
        let read = match file.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read == 0 {
            return Ok(());
        }
        message.clear();
        lines.push(piece.get(..read).unwrap_or_default(), &mut message);
        feed(&message).map_err(Fault::Deposit)?;
    }
}
