//! Planned work that people are told of before it begins (M16: order 71 cl. 8-1, constant and uninterrupted access):
//! on every page some days before, and by mail programs in the last hour.
//!
//! The invariant: what is shown is what the store has. The list is read once and kept in memory, because every page
//! looks at it; only this process changes it, since one process has the directory.

use std::sync::Arc;

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use crate::clock::{Timestamp, World};
use crate::locale::{self, Lang};
use crate::store::announcements::{self as rows, Announced, Announcement};
use crate::store::audit::{AuditEntry, add_audit};
use crate::store::{self, Batch, Store};

/// Seconds before the work in which mail programs are told at login.
const ALERT_BEFORE_S: i64 = 3_600;

/// Announcements that are not over yet.
const MOST: usize = 20;

/// Characters of a text: it stands above every page.
const LONGEST: usize = 300;

/// Keys of `[notices]`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long before it begins planned work is shown on the pages, hours.
    pub shown_before_h: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { shown_before_h: 72 }
    }
}

/// The service. Clones share it.
#[derive(Clone, Debug)]
pub struct Announcements {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    store: Store,
    world: World,
    kept: RwLock<Arc<[Announcement]>>,
    /// Held by who changes them: the list in memory is replaced in the order of the commits.
    changing: tokio::sync::Mutex<()>,
}

/// What is to be announced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// When the work begins.
    pub from: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// What people are told, in Kazakh, Russian and English.
    pub texts: [String; 3],
}

/// Where an announcement stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Nobody is told yet.
    ToCome,
    /// The pages tell of it.
    Shown,
    /// The work is being done.
    UnderWay,
    /// It is over.
    Over,
}

/// Why something is not announced or withdrawn.
#[derive(Debug, thiserror::Error)]
pub enum AnnounceError {
    /// It ends before it begins, or has ended.
    #[error("the work ends at {0}, which is not after its beginning and after now")]
    NoTime(Timestamp),
    /// A text is missing, too long or has control characters.
    #[error("each of the three texts has 1 to {LONGEST} visible characters")]
    Text,
    /// Enough is announced.
    #[error("{MOST} announcements are open already; withdraw one first")]
    TooMany,
    /// There is none with this number.
    #[error("there is no announcement {0}; `poshta notice list` shows those there are")]
    Missing(u32),
    /// Store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Announcements {
    /// The service over a store, which is read. Blocks.
    ///
    /// # Errors
    /// Store.
    pub fn open(settings: Settings, store: Store, world: World) -> store::Result<Self> {
        let kept = store.read_blocking(|view| view.announced())?.unwrap_or_default().announcements;
        let (kept, changing) = (RwLock::new(kept.into()), tokio::sync::Mutex::default());
        Ok(Announcements { inner: Arc::new(Inner { settings, store, world, kept, changing }) })
    }

    /// Announces work. What is over is forgotten with it; the audit has it.
    ///
    /// # Errors
    /// See [`AnnounceError`].
    pub async fn add(&self, wanted: &Wanted, by: &str, why: Option<&str>) -> Result<Announcement, AnnounceError> {
        let Wanted { from, until, texts } = wanted;
        let now = self.inner.world.now();
        if until <= from || *until <= now {
            return Err(AnnounceError::NoTime(*until));
        }
        let texts = texts.clone().map(|text| text.trim().to_owned());
        let is_text =
            |text: &String| !text.is_empty() && text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
        if !texts.iter().all(is_text) {
            return Err(AnnounceError::Text);
        }
        let at_us = now.as_microsecond();
        let (from_us, until_us) = (from.as_microsecond(), until.as_microsecond());
        let done = self.change(by, "notice.add", why, |announced| {
            announced.announcements.retain(|open| open.until_us > at_us);
            if announced.announcements.len() >= MOST {
                return Err(AnnounceError::TooMany);
            }
            announced.given = announced.given.saturating_add(1);
            let number = announced.given;
            let made = Announcement { number, from_us, until_us, texts, by: by.to_owned(), at_us };
            announced.announcements.push(made.clone());
            Ok(made)
        });
        done.await
    }

    /// Takes an announcement back.
    ///
    /// # Errors
    /// There is none with this number; store.
    pub async fn withdraw(&self, number: u32, by: &str, why: Option<&str>) -> Result<Announcement, AnnounceError> {
        let done = self.change(by, "notice.withdraw", why, |announced| {
            let at = announced.announcements.iter().position(|open| open.number == number);
            at.map(|at| announced.announcements.remove(at)).ok_or(AnnounceError::Missing(number))
        });
        done.await
    }

    /// Every announcement that is kept, and where it stands.
    #[must_use]
    pub fn list(&self) -> Vec<(Announcement, Standing)> {
        let now = self.inner.world.now();
        let kept = Arc::clone(&self.inner.kept.read());
        kept.iter().map(|announcement| (announcement.clone(), self.inner.standing(announcement, now))).collect()
    }

    /// Those that the pages show now; the one that begins first stands first.
    #[must_use]
    pub fn shown(&self) -> Vec<Announcement> {
        let kept = Arc::clone(&self.inner.kept.read());
        if kept.is_empty() {
            return Vec::new();
        }
        let now = self.inner.world.now();
        let is_shown = |announcement: &&Announcement| {
            matches!(self.inner.standing(announcement, now), Standing::Shown | Standing::UnderWay)
        };
        let mut shown: Vec<_> = kept.iter().filter(is_shown).cloned().collect();
        shown.sort_by_key(|announcement| announcement.from_us);
        shown
    }

    /// What mail programs are told at login, where work is under way or begins within the hour. The server does not
    /// know a user's language, so it is said in all three; RFC 9051 §9: text that is not ASCII may come only after
    /// ENABLE IMAP4rev2, which no client sends before its login, so it is said in Latin letters.
    #[must_use]
    pub fn alert(&self) -> Option<String> {
        let now_us = self.inner.world.now().as_microsecond();
        let is_near = |announcement: &&Announcement| {
            let tells_from = announcement.from_us.saturating_sub(ALERT_BEFORE_S * 1_000_000);
            (tells_from..announcement.until_us).contains(&now_us)
        };
        let kept = Arc::clone(&self.inner.kept.read());
        let near: Vec<_> = kept.iter().filter(is_near).collect();
        let texts: Vec<String> = near
            .into_iter()
            .flat_map(|announcement| Lang::ALL.map(|lang| announcement.sentence(lang)))
            .map(|text| crate::postal::ascii_fold(&text))
            .collect();
        (!texts.is_empty()).then(|| texts.join(" / "))
    }

    async fn change(
        &self,
        by: &str,
        action: &str,
        why: Option<&str>,
        change: impl FnOnce(&mut Announced) -> Result<Announcement, AnnounceError>,
    ) -> Result<Announcement, AnnounceError> {
        let Inner { store, world, changing, kept, .. } = &*self.inner;
        let _turn = changing.lock().await;
        let old = store.read(|view| view.announced()).await?;
        let mut new = old.clone().unwrap_or_default();
        let changed = change(&mut new)?;
        let mut batch = Batch::new();
        rows::replace(&mut batch, old.as_ref(), &new)?;
        add_audit(&mut batch, &entry(&changed, by, action, why, world.now()))?;
        store.commit(batch).await?;
        *kept.write() = new.announcements.into();
        Ok(changed)
    }
}

impl Inner {
    fn standing(&self, announcement: &Announcement, now: Timestamp) -> Standing {
        let now_us = now.as_microsecond();
        let before_us = i64::from(self.settings.shown_before_h).saturating_mul(3_600_000_000);
        if now_us >= announcement.until_us {
            Standing::Over
        } else if now_us >= announcement.from_us {
            Standing::UnderWay
        } else if now_us >= announcement.from_us.saturating_sub(before_us) {
            Standing::Shown
        } else {
            Standing::ToCome
        }
    }
}

impl Standing {
    /// For lists of commands, and the keys of texts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Standing::ToCome => "to-come",
            Standing::Shown => "shown",
            Standing::UnderWay => "under-way",
            Standing::Over => "over",
        }
    }
}

impl Announcement {
    /// What people are told in this language.
    #[must_use]
    pub fn text(&self, lang: Lang) -> &str {
        let [kk, ru, en] = &self.texts;
        match lang {
            Lang::Kk => kk,
            Lang::Ru => ru,
            Lang::En => en,
        }
    }

    /// From when until when, in the time of Kazakhstan.
    #[must_use]
    pub fn period(&self, lang: Lang) -> String {
        let (from, until) = (locale::moment(instant(self.from_us)), locale::moment(instant(self.until_us)));
        locale::text(lang, "planned-period", &[("from", &from), ("until", &until)])
    }

    fn sentence(&self, lang: Lang) -> String {
        format!("{}: {}", self.period(lang), self.text(lang))
    }
}

/// An instant as rows keep it.
#[must_use]
pub fn instant(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn entry(announcement: &Announcement, by: &str, action: &str, why: Option<&str>, now: Timestamp) -> AuditEntry {
    let Announcement { number, from_us, until_us, .. } = announcement;
    let told = format!("{} to {}: {}", instant(*from_us), instant(*until_us), announcement.text(Lang::En));
    AuditEntry {
        at_us: now.as_microsecond(),
        actor: by.to_owned(),
        action: action.to_owned(),
        object: format!("notice {number}"),
        details: Some(why.map_or_else(|| told.clone(), |why| format!("{told}; {why}"))),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use test_case::test_case;

    use super::*;
    use crate::clock::Clock;
    use crate::store::tests::as_chosen;

    /// A clock that is moved by hand.
    #[derive(Debug, Default)]
    struct Hand(parking_lot::Mutex<Timestamp>);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            *self.0.lock()
        }
    }

    struct Fixture {
        announcements: Announcements,
        clock: Arc<Hand>,
        dir: tempfile::TempDir,
    }

    impl Fixture {
        fn open() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let clock = Arc::new(Hand(parking_lot::Mutex::new("2026-12-01T00:00:00Z".parse().unwrap())));
            let announcements = opened(dir.path(), &clock);
            Fixture { announcements, clock, dir }
        }

        fn at(&self, time: &str) -> &Announcements {
            *self.clock.0.lock() = time.parse().unwrap();
            &self.announcements
        }
    }

    fn opened(dir: &std::path::Path, clock: &Arc<Hand>) -> Announcements {
        let store = Store::open(dir, &as_chosen(store::Settings::default())).unwrap();
        let world = World { clock: Arc::clone(clock) as Arc<dyn Clock>, ..World::system() };
        Announcements::open(Settings::default(), store, world).unwrap()
    }

    pub(crate) fn wanted(from: &str, until: &str) -> Wanted {
        let texts = ["Жаңарту", "Обновление", "An update"].map(str::to_owned);
        Wanted { from: from.parse().unwrap(), until: until.parse().unwrap(), texts }
    }

    /// From 2 to 4 in the morning of 5 December, by Kazakhstan's clocks.
    fn night() -> Wanted {
        wanted("2026-12-05T02:00:00+05:00", "2026-12-05T04:00:00+05:00")
    }

    #[test_case("2026-12-01T20:59:59Z" => (Standing::ToCome, false, false); "more than 72 hours before")]
    #[test_case("2026-12-01T21:00:00Z" => (Standing::Shown, true, false); "72 hours before")]
    #[test_case("2026-12-04T19:59:59Z" => (Standing::Shown, true, false); "more than an hour before")]
    #[test_case("2026-12-04T20:00:00Z" => (Standing::Shown, true, true); "an hour before")]
    #[test_case("2026-12-04T21:00:00Z" => (Standing::UnderWay, true, true); "when it begins")]
    #[test_case("2026-12-04T22:59:59Z" => (Standing::UnderWay, true, true); "to the last second")]
    #[test_case("2026-12-04T23:00:00Z" => (Standing::Over, false, false); "when it is over")]
    #[tokio::test(flavor = "multi_thread")]
    async fn m16_planned_work_is_told_of_from_three_days_before_until_its_end(now: &str) -> (Standing, bool, bool) {
        let fixture = Fixture::open();
        fixture.announcements.add(&night(), "operator", None).await.unwrap();
        let announcements = fixture.at(now);
        let shown = announcements.shown();
        (announcements.list()[0].1, !shown.is_empty(), announcements.alert().is_some())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn rfc9051_9_what_mail_programs_are_told_is_ascii_in_three_languages() {
        let fixture = Fixture::open();
        fixture.announcements.add(&night(), "operator", None).await.unwrap();
        let said = fixture.at("2026-12-04T20:30:00Z").alert().unwrap();
        assert!(said.is_ascii() && !said.contains('?'), "{said}");
        for part in ["Zhangartu", "Obnovl", "An update", "05.12.2026 02:00", "05.12.2026 04:00"] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn m16_what_was_announced_is_there_after_a_restart_until_it_is_withdrawn() {
        let fixture = Fixture::open();
        let first = fixture.announcements.add(&night(), "operator", None).await.unwrap();
        let second = fixture.announcements.add(&night(), "administrator saule", Some("by letter 5")).await.unwrap();
        assert_eq!((first.number, second.number), (1, 2));
        let Fixture { announcements, clock, dir } = fixture;
        drop(announcements);
        let again = tokio::task::spawn_blocking({
            let path = dir.path().to_owned();
            move || {
                // The last holder of the directory lets it go a moment later.
                (0..100).find_map(|_| {
                    std::thread::sleep(Duration::from_millis(20));
                    Store::open(&path, &as_chosen(store::Settings::default())).ok()
                })
            }
        });
        let store = again.await.unwrap().unwrap();
        let world = World { clock: clock as Arc<dyn Clock>, ..World::system() };
        let again = Announcements::open(Settings::default(), store.clone(), world).unwrap();
        assert_eq!(again.list().iter().map(|(it, _)| it.clone()).collect::<Vec<_>>(), [first, second.clone()]);
        assert!(matches!(again.withdraw(3, "operator", None).await, Err(AnnounceError::Missing(3))));
        assert_eq!(again.withdraw(2, "administrator saule", Some("not needed")).await.unwrap(), second);
        let third = again.add(&night(), "operator", None).await.unwrap();
        assert_eq!(third.number, 3, "no number is given twice");
        let audit = store.read(|view| view.audit_entries(2)).await.unwrap();
        let last: Vec<_> = audit.iter().map(|entry| (entry.actor.as_str(), entry.action.as_str())).collect();
        assert_eq!(last, [("operator", "notice.add"), ("administrator saule", "notice.withdraw")]);
        assert!(audit[1].object == "notice 2" && audit[1].details.as_ref().unwrap().ends_with("; not needed"));
        assert_eq!(store.check().unwrap().problems, Vec::<String>::new());
    }

    #[test_case("2026-12-05T02:00:00Z", "2026-12-05T02:00:00Z"; "no time at all")]
    #[test_case("2026-11-30T02:00:00Z", "2026-12-01T00:00:00Z"; "over already")]
    #[tokio::test(flavor = "multi_thread")]
    async fn m16_work_without_time_is_not_announced(from: &str, until: &str) {
        let fixture = Fixture::open();
        let said = fixture.announcements.add(&wanted(from, until), "operator", None).await;
        assert!(matches!(said, Err(AnnounceError::NoTime(_))), "{said:?}");
    }

    #[test_case(""; "nothing")]
    #[test_case("one\ntwo"; "two lines")]
    #[tokio::test(flavor = "multi_thread")]
    async fn m16_each_language_has_its_text(text: &str) {
        let fixture = Fixture::open();
        for at in 0..3 {
            let mut wanted = night();
            wanted.texts[at] = text.to_owned();
            let said = fixture.announcements.add(&wanted, "operator", None).await;
            assert!(matches!(said, Err(AnnounceError::Text)), "{said:?}");
        }
    }
}
