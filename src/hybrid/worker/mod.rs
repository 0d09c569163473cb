//! The worker process: opens documents of others and draws letters where a crash, a leak or an endless loop
//! hurts nobody (DESIGN 17).
//!
//! It limits itself before it reads a byte, speaks [`protocol`] over the socket that is its standard input,
//! and ends when that socket is closed. It opens no connection and no file, its own `/proc/self/stat` aside.

#[cfg(any(feature = "typeset", feature = "scan"))]
pub(crate) mod barcode;
#[cfg(any(feature = "typeset", feature = "scan"))]
mod pages;
#[cfg(feature = "typeset")]
mod places;
pub mod protocol;
#[cfg(feature = "typeset")]
mod receipt;
#[cfg(feature = "typeset")]
mod report;
#[cfg(feature = "typeset")]
mod typeset;

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use protocol::{Answer, Document, Request, read_frame, write_frame};

/// Environment variables by which the pool tells a worker its limits.
pub(crate) mod environment {
    /// Address space, bytes.
    pub(crate) const MEMORY_BYTES: &str = "POSHTA_WORKER_MEMORY_BYTES";
    /// Processor time of one job, seconds.
    pub(crate) const CPU_S: &str = "POSHTA_WORKER_CPU_S";
    /// Largest request, bytes.
    pub(crate) const FRAME_BYTES: &str = "POSHTA_WORKER_FRAME_BYTES";
}

/// What a worker allows itself.
#[derive(Clone, Copy, Debug)]
struct Limits {
    memory_bytes: u64,
    cpu_s: u64,
    frame_bytes: usize,
}

/// `poshta worker`: serves jobs until its standard input, a connected socket, is closed.
#[must_use]
pub fn main() -> ExitCode {
    let Some(limits) = Limits::from_environment() else {
        // Started by hand: there is nobody to talk to.
        return ExitCode::from(2);
    };
    match limits.confine().and_then(|()| serve(&limits)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve(limits: &Limits) -> std::io::Result<()> {
    let stdin = std::io::stdin();
    let fd: BorrowedFd<'_> = stdin.as_fd();
    let mut socket = UnixStream::from(fd.try_clone_to_owned()?);
    while let Some(request) = read_frame::<Request>(&mut socket, limits.frame_bytes)? {
        limits.renew_cpu()?;
        write_frame(&mut socket, &perform(request))?;
    }
    Ok(())
}

/// Does one job.
#[must_use]
pub(crate) fn perform(request: Request) -> Answer {
    match request {
        Request::Inspect(document) => inspect(&document),
        Request::Render { letter, max_sheets } => render(&letter, max_sheets),
        Request::Receipt(page) => receipt(&page),
        Request::Report(page) => report(&page),
        Request::Coverage(text) => coverage(&text),
        Request::ReadCodes(document) => read_codes(&document),
        Request::ToPdf(document) => to_pdf(&document),
    }
}

#[cfg(any(feature = "typeset", feature = "scan"))]
fn inspect(document: &Document) -> Answer {
    pages::inspect(document).map_or_else(Answer::Failed, Answer::Facts)
}

#[cfg(not(any(feature = "typeset", feature = "scan")))]
fn inspect(_: &Document) -> Answer {
    Answer::NotBuilt("typeset or scan".into())
}

#[cfg(feature = "typeset")]
fn render(letter: &crate::hybrid::letter::Letter, max_sheets: u32) -> Answer {
    typeset::render(letter, max_sheets).map_or_else(Answer::Failed, Answer::Letter)
}

#[cfg(not(feature = "typeset"))]
fn render(_: &crate::hybrid::letter::Letter, _: u32) -> Answer {
    Answer::NotBuilt("typeset".into())
}

#[cfg(feature = "typeset")]
fn receipt(page: &crate::hybrid::receipt::ReceiptPage) -> Answer {
    receipt::render(page).map_or_else(Answer::Failed, Answer::Pdf)
}

#[cfg(not(feature = "typeset"))]
fn receipt(_: &crate::hybrid::receipt::ReceiptPage) -> Answer {
    Answer::NotBuilt("typeset".into())
}

#[cfg(feature = "typeset")]
fn report(page: &crate::hybrid::report::ReportPage) -> Answer {
    report::render(page).map_or_else(Answer::Failed, Answer::Pdf)
}

#[cfg(not(feature = "typeset"))]
fn report(_: &crate::hybrid::report::ReportPage) -> Answer {
    Answer::NotBuilt("typeset".into())
}

#[cfg(feature = "typeset")]
fn coverage(text: &str) -> Answer {
    Answer::Missing(typeset::missing(text))
}

#[cfg(not(feature = "typeset"))]
fn coverage(_: &str) -> Answer {
    Answer::NotBuilt("typeset".into())
}

#[cfg(feature = "scan")]
fn read_codes(document: &Document) -> Answer {
    pages::grey_first_page(document).map_or_else(Answer::Failed, |page| Answer::Codes(barcode::read(&page)))
}

#[cfg(not(feature = "scan"))]
fn read_codes(_: &Document) -> Answer {
    Answer::NotBuilt("scan".into())
}

#[cfg(feature = "scan")]
fn to_pdf(document: &Document) -> Answer {
    pages::to_pdf(document).map_or_else(Answer::Failed, Answer::Pdf)
}

#[cfg(not(feature = "scan"))]
fn to_pdf(_: &Document) -> Answer {
    Answer::NotBuilt("scan".into())
}

impl Limits {
    fn from_environment() -> Option<Self> {
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        Some(Limits {
            memory_bytes: number(environment::MEMORY_BYTES)?,
            cpu_s: number(environment::CPU_S)?,
            frame_bytes: usize::try_from(number(environment::FRAME_BYTES)?).ok()?,
        })
    }

    /// Takes away what a worker does not need: memory, time, written files, further descriptors, core dumps.
    fn confine(&self) -> std::io::Result<()> {
        let both = |limit: u64| Rlimit { current: Some(limit), maximum: Some(limit) };
        setrlimit(Resource::As, both(self.memory_bytes))?;
        setrlimit(Resource::Fsize, both(0))?;
        setrlimit(Resource::Core, both(0))?;
        setrlimit(Resource::Nofile, both(16))?;
        self.renew_cpu()
    }

    /// Processor time is counted over the life of the process, so the limit moves on with each job.
    fn renew_cpu(&self) -> std::io::Result<()> {
        let limit = cpu_seconds_used()?.saturating_add(self.cpu_s);
        setrlimit(Resource::Cpu, Rlimit { current: Some(limit), maximum: getrlimit(Resource::Cpu).maximum })?;
        Ok(())
    }
}

/// proc(5): utime and stime are fields 14 and 15 of `/proc/self/stat`, in ticks of 1/100 s.
fn cpu_seconds_used() -> std::io::Result<u64> {
    const TICKS_PER_SECOND: u64 = 100;
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The second field, the name, may hold spaces: count from its closing bracket.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(ticks.div_ceil(TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests;
