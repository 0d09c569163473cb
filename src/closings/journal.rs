//! What the device journal says of days that are not closed, kept in memory and read on from where it was read to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;

use jiff::civil::Date;

use super::calendar::{Calendar, Quarters, Span};
use super::{Error, Result};
use crate::clock::Timestamp;
use crate::postal::{ClockNote, Closing, Contradiction, DayBook, DeviceId, JournalLine, Registry};
use crate::store::closings::StoredClosing;
use crate::store::{self, Store};
use crate::tlog::folder::Place;

/// How often the journal is read although no day is over: midnight finds little left to read.
const READ_EVERY_S: i64 = 900;

/// The open pages of all devices.
#[derive(Debug)]
pub(super) struct Journal {
    place: Place,
    /// When it was read.
    read_at: Timestamp,
    devices: HashMap<String, Open>,
    clock: Vec<(Timestamp, ClockNote)>,
    quarters: Quarters<Place>,
    /// Devices that are not closed until the journal is opened anew.
    aside: HashSet<String>,
    /// What is wrong with them, in the order in which it was found.
    failures: Vec<(String, Error)>,
}

/// The open days of a device.
#[derive(Debug)]
pub(super) struct Open {
    id: DeviceId,
    calendar: Option<Calendar>,
    books: BTreeMap<Date, DayBook>,
    /// The closing before the first open day.
    pub(super) head: Option<Head>,
}

/// What of a closing is needed for the next one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub(super) digest: String,
    pub(super) upto: u64,
}

impl Head {
    pub(super) fn of(closing: &Closing) -> Self {
        Head { digest: closing.digest(), upto: closing.upto() }
    }
}

impl Journal {
    /// Goes on behind what is closed. Blocks.
    ///
    /// # Errors
    /// The store; a closing that cannot be read.
    pub(super) fn resume(
        store: &Store,
        registry: &Registry,
        devices: &[(Option<Timestamp>, DeviceId)],
    ) -> Result<Self> {
        let read = store.read_blocking(|view| {
            let last =
                |(_, device): &(_, DeviceId)| view.last_closing(device.as_str()).map(|last| (device.clone(), last));
            let found: Vec<(DeviceId, Option<StoredClosing>)> =
                devices.iter().map(last).collect::<store::Result<_>>()?;
            let lasts: Vec<&StoredClosing> = found.iter().filter_map(|(_, last)| last.as_ref()).collect();
            let is_new = |(from, _): &&(Option<Timestamp>, DeviceId)| {
                let from = from.map(|from| from.as_second());
                from.is_some_and(|from| lasts.iter().any(|last| last.until_s <= from))
            };
            // A device without a closing has all its lines behind the last closing of another one, or has to be looked
            // for from the beginning.
            let pairs = devices.iter().zip(&found);
            let is_known = pairs.into_iter().all(|(device, (_, last))| last.is_some() || is_new(&device));
            let place = lasts.iter().map(|last| last.place()).min().filter(|_| is_known).unwrap_or_default();
            // A journal that was restored or rebuilt may be another one: then all of it is read.
            let place = if view.is_in_journal(place)? { place } else { Place::default() };
            Ok((found, place))
        });
        let (found, place) = read?;
        let mut open = HashMap::new();
        for (id, last) in found {
            open.insert(id.to_string(), Open::behind(registry, id, last.as_ref())?);
        }
        Ok(Journal {
            place,
            read_at: Timestamp::MIN,
            devices: open,
            clock: Vec::new(),
            quarters: Quarters::default(),
            aside: HashSet::new(),
            failures: Vec::new(),
        })
    }

    /// Reads what is new. Blocks.
    ///
    /// # Errors
    /// The store; a line that cannot be. A device whose impressions contradict each other, or a closing, is set aside.
    pub(super) fn read(&mut self, store: &Store, registry: &Registry, now: Timestamp) -> Result<()> {
        let mut wrong = None;
        let mut before = self.place;
        let end = store.read_blocking(|view| {
            view.journal_lines_after(self.place, |line, behind| {
                let noted = JournalLine::parse(line).map_err(Error::Line);
                match noted.and_then(|line| self.note(line, before, registry)) {
                    Ok(()) => {
                        before = behind;
                        ControlFlow::Continue(())
                    }
                    Err(error) => {
                        wrong = Some(error);
                        ControlFlow::Break(())
                    }
                }
            })
        })?;
        match wrong {
            Some(error) => Err(error),
            None => {
                (self.place, self.read_at) = (end, now);
                Ok(())
            }
        }
    }

    /// No day that is known of is over, and the journal was read not long ago.
    pub(super) fn can_wait(&self, now: Timestamp) -> bool {
        let is_over = self.next().any(|(_, span)| span.to <= now);
        let since_s = now.as_second().saturating_sub(self.read_at.as_second());
        // A clock that was set right may be behind the last reading.
        !is_over && (0..READ_EVERY_S).contains(&since_s)
    }

    fn note(&mut self, line: JournalLine, before: Place, registry: &Registry) -> Result<()> {
        match line {
            JournalLine::Other => {}
            JournalLine::Clock { instant, note } => {
                self.quarters.note(instant, before);
                self.clock.push((instant, note));
            }
            JournalLine::Opened { device, instant } => {
                self.quarters.note(instant, before);
                if let Some(book) = self.book(&device, instant, registry) {
                    book.open(instant);
                }
            }
            JournalLine::Act { device, instant, note } => {
                self.quarters.note(instant, before);
                if let Some(book) = self.book(&device, instant, registry) {
                    book.act(note);
                }
            }
            JournalLine::Impression(struck) => {
                self.quarters.note(struck.instant, before);
                let noted = match self.book(&struck.device, struck.instant, registry) {
                    Some(book) => book.strike(&struck),
                    None => self.require_closed(&struck.device, struck.number),
                };
                // The other devices' days are closed all the same.
                if let Err(contradiction) = noted {
                    self.set_aside(&struck.device, Some(contradiction.into()));
                }
            }
        }
        Ok(())
    }

    /// The page of an instant; `None` when that day is closed.
    fn book(&mut self, device: &str, instant: Timestamp, registry: &Registry) -> Option<&mut DayBook> {
        let id: DeviceId = device.parse().ok()?;
        let open = self.devices.entry(device.to_owned()).or_insert_with(|| Open::new(id));
        if open.calendar.is_none() {
            open.calendar = Calendar::from(registry, &open.id, instant);
        }
        let day = open.calendar.as_mut()?.day_of(registry, &open.id, instant)?;
        Some(open.books.entry(day).or_default())
    }

    /// P31: an impression on a day that is closed is in its closing.
    fn require_closed(&self, device: &str, number: u64) -> Result<(), Contradiction> {
        let head = self.devices.get(device).and_then(|open| open.head.as_ref());
        match head {
            Some(head) if number > head.upto => {
                let (device, before) = (device.to_owned(), head.upto);
                Err(Contradiction::Closed { device, first: number, before })
            }
            _ => Ok(()),
        }
    }

    /// No day of this device is closed until the journal is opened anew; the first thing that was wrong is kept.
    pub(super) fn set_aside(&mut self, device: &str, error: Option<Error>) {
        if self.aside.insert(device.to_owned()) {
            self.failures.extend(error.map(|error| (device.to_owned(), error)));
        }
    }

    /// What is wrong with devices that were set aside. Told once.
    pub(super) fn take_failures(&mut self) -> Vec<(String, Error)> {
        std::mem::take(&mut self.failures)
    }

    /// The devices with their first open day, but for those that were set aside.
    pub(super) fn next(&self) -> impl Iterator<Item = (&DeviceId, Span)> {
        let open = self.devices.iter().filter(move |(device, _)| !self.aside.contains(*device));
        open.filter_map(|(_, open)| Some((&open.id, open.calendar.as_ref()?.next()?)))
    }

    /// The page of a device's first open day, and what is before it; `None` when it was set aside.
    pub(super) fn page(&self, device: &DeviceId) -> Option<(Span, DayBook, Option<&Head>)> {
        if self.aside.contains(device.as_str()) {
            return None;
        }
        let open = self.devices.get(device.as_str())?;
        let span = open.calendar.as_ref()?.next()?;
        let book = open.books.get(&span.day).cloned().unwrap_or_default();
        Some((span, book, open.head.as_ref()))
    }

    /// Checks of the clock from one instant to another.
    pub(super) fn clock(&self, span: Span) -> Vec<ClockNote> {
        let is_in = |(instant, _): &&(Timestamp, ClockNote)| (span.from..span.to).contains(instant);
        self.clock.iter().filter(is_in).map(|(_, note)| note.clone()).collect()
    }

    /// From where the journal has to be read when everything before `instant` is closed.
    pub(super) fn place_from(&self, instant: Timestamp) -> Place {
        self.quarters.first_from(instant).unwrap_or(self.place)
    }

    /// The first open day of a device is closed.
    pub(super) fn turn(&mut self, device: &DeviceId, registry: &Registry, closing: &Closing) {
        if let Some(open) = self.devices.get_mut(device.as_str())
            && let Some(calendar) = &mut open.calendar
        {
            if let Some(span) = calendar.next() {
                open.books.remove(&span.day);
            }
            calendar.turn(registry, &open.id);
            open.head = Some(Head::of(closing));
        }
        self.forget();
    }

    /// Forgets what no open day needs.
    fn forget(&mut self) {
        if let Some(oldest) = self.next().map(|(_, span)| span.from).min() {
            self.clock.retain(|(instant, _)| *instant >= oldest);
            self.quarters.forget_before(oldest);
        }
    }
}

impl Open {
    fn new(id: DeviceId) -> Self {
        Open { id, calendar: None, books: BTreeMap::new(), head: None }
    }

    fn behind(registry: &Registry, id: DeviceId, last: Option<&StoredClosing>) -> Result<Self> {
        let mut open = Open::new(id);
        if let Some(last) = last {
            let closing = Closing::parse(&last.document)?;
            let day: Option<Date> = closing.day.parse().ok();
            let to = Timestamp::from_second(last.until_s).ok();
            open.calendar = day.zip(to).and_then(|(day, to)| Calendar::behind(registry, &open.id, day, to));
            open.head = Some(Head::of(&closing));
        }
        Ok(open)
    }
}
