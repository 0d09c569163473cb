//! A bar for people who wait.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use crate::store::Done;

const WIDTH: usize = 30;

/// How often the bar is drawn.
const EVERY: Duration = Duration::from_millis(100);

/// Draws on the standard error stream, if a person looks at it.
#[derive(Debug)]
pub(super) struct Bar {
    what: &'static str,
    begun: Instant,
    drawn: Option<Instant>,
    is_shown: bool,
}

impl Bar {
    pub(super) fn new(what: &'static str) -> Self {
        Bar { what, begun: Instant::now(), drawn: None, is_shown: std::io::stderr().is_terminal() }
    }

    pub(super) fn draw(&mut self, done: Done) {
        if !self.is_shown || self.drawn.is_some_and(|drawn| drawn.elapsed() < EVERY) {
            return;
        }
        self.drawn = Some(Instant::now());
        // Nobody is harmed when the bar cannot be seen.
        let _ = write!(std::io::stderr(), "\r{}\x1b[K", line(self.what, done, self.begun.elapsed()));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(what: &str, done: Done, elapsed: Duration) -> String {
    let part = if done.of == 0 { 1.0 } else { (done.bytes as f64 / done.of as f64).min(1.0) };
    let filled = (part * WIDTH as f64) as usize;
    let speed = done.bytes as f64 / elapsed.as_secs_f64().max(0.001);
    let left = Duration::from_secs_f64((done.of.saturating_sub(done.bytes) as f64 / speed.max(1.0)).min(1e6));
    format!(
        "{what} [{}{}] {:3.0} %  {} of {}  {}/s  {} left",
        "#".repeat(filled),
        ".".repeat(WIDTH - filled),
        part * 100.0,
        size(done.bytes),
        size(done.of),
        size(speed as u64),
        clock(left),
    )
}

/// Bytes for people: three digits and a unit.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut amount = bytes as f64;
    let mut units = UNITS.into_iter();
    let mut unit = units.next().unwrap_or_default();
    while amount >= 999.5
        && let Some(next) = units.next()
    {
        amount /= 1000.0;
        unit = next;
    }
    if unit == "B" || amount >= 99.95 { format!("{amount:.0} {unit}") } else { format!("{amount:.1} {unit}") }
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    #[test_case(0, "0 B")]
    #[test_case(999, "999 B")]
    #[test_case(1_000, "1.0 kB")]
    #[test_case(99_960, "100 kB")]
    #[test_case(999_700, "1.0 MB")]
    #[test_case(5_400_000_000, "5.4 GB")]
    fn sizes_have_a_unit(bytes: u64, expected: &str) {
        assert_eq!(size(bytes), expected);
    }

    #[test]
    fn the_bar_says_how_far_how_fast_and_how_long() {
        let done = Done { bytes: 50_000_000, of: 200_000_000 };
        let shown = line("tidying", done, Duration::from_secs(5));
        assert_eq!(shown, "tidying [#######.......................]  25 %  50.0 MB of 200 MB  10.0 MB/s  0:15 left");
    }

    #[test]
    fn nothing_to_do_is_all_done() {
        assert!(line("x", Done::default(), Duration::ZERO).contains("100 %"));
    }
}
