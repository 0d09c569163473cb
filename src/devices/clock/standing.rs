//! What is known of the clock, and whether the devices may stamp by it. Pure: what a source said goes in.

use serde_json::{Value, json};

use super::{Reading, Settings};
use crate::clock::Timestamp;
use crate::locale::{self, Lang};
use crate::store::clock_checks::ClockCheck;

const DRIFTED: &str = "drifted";

/// What is known of the clock (P31: order 57 cl. 14).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// There is nobody to ask.
    Unchecked,
    /// The source was not asked yet.
    Pending,
    /// Within the tolerance.
    Good { reading: Reading, at: Timestamp },
    /// Beyond the tolerance; it stays so until a source says otherwise.
    Drifted { reading: Reading, at: Timestamp },
    /// The source does not answer.
    Silent { since: Timestamp, at: Timestamp, problem: String },
}

/// Why no device may stamp (P31).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClockLock {
    /// The clock is wrong.
    Drifted {
        /// How far it is before the source's, milliseconds.
        drift_ms: i64,
        /// Who was asked.
        server: String,
        /// When.
        at: Timestamp,
        /// What is allowed.
        tolerance_ms: u64,
    },
    /// The source was silent for too long.
    Silent {
        /// Since when.
        since: Timestamp,
        /// What went wrong.
        problem: String,
    },
}

impl ClockLock {
    /// For people.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        match self {
            ClockLock::Drifted { drift_ms, server, at, tolerance_ms } => {
                let key = if *drift_ms > 0 { "clock-lock-fast" } else { "clock-lock-slow" };
                let (drift, tolerance) = (drift_ms.unsigned_abs().to_string(), tolerance_ms.to_string());
                let at = at.to_string();
                let args = [("drift", &*drift), ("server", server), ("at", &at), ("tolerance", &tolerance)];
                locale::text(lang, key, &args)
            }
            ClockLock::Silent { since, problem } => {
                locale::text(lang, "clock-lock-silent", &[("since", &since.to_string()), ("problem", problem)])
            }
        }
    }
}

/// For commands, logs and programs.
impl std::fmt::Display for ClockLock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl Standing {
    /// What a check that was written down found, where that still counts: a clock that was found wrong.
    pub(super) fn remembered(check: &ClockCheck) -> Option<Self> {
        let drift_ms = check.drift_ms.filter(|_| check.state == DRIFTED)?;
        let at = Timestamp::from_microsecond(check.at_us).ok()?;
        Some(Standing::Drifted { reading: Reading { drift_ms, server: check.server.clone().unwrap_or_default() }, at })
    }

    /// What is known after the source was asked.
    pub(super) fn after(&self, said: Result<Reading, String>, settings: &Settings, now: Timestamp) -> Standing {
        match said {
            Ok(reading) if reading.drift_ms.unsigned_abs() <= settings.tolerance_ms => {
                Standing::Good { reading, at: now }
            }
            Ok(reading) => Standing::Drifted { reading, at: now },
            // Silence does not make a clock right that was found wrong.
            Err(_) if matches!(self, Standing::Drifted { .. }) => self.clone(),
            Err(problem) => {
                let since = match self {
                    Standing::Silent { since, .. } => *since,
                    Standing::Good { at, .. } => *at,
                    _ => now,
                };
                Standing::Silent { since, at: now, problem }
            }
        }
    }

    /// Why no device may stamp; `None` when they may.
    pub(super) fn lock_reason(&self, settings: &Settings) -> Option<ClockLock> {
        match self {
            Standing::Drifted { reading, at } => Some(ClockLock::Drifted {
                drift_ms: reading.drift_ms,
                server: reading.server.clone(),
                at: *at,
                tolerance_ms: settings.tolerance_ms,
            }),
            Standing::Silent { since, at, problem } => {
                let silent_s = u64::try_from(at.as_second().saturating_sub(since.as_second())).unwrap_or(0);
                let is_over = settings.max_unchecked_s > 0 && silent_s >= settings.max_unchecked_s;
                is_over.then(|| ClockLock::Silent { since: *since, problem: problem.clone() })
            }
            Standing::Unchecked | Standing::Pending | Standing::Good { .. } => None,
        }
    }

    /// Whether a day may be closed by this clock. Silence is not knowledge: a closing is for ever, so it waits for the
    /// source.
    pub(super) fn may_close(&self, settings: &Settings) -> bool {
        !matches!(self, Standing::Silent { .. }) && self.lock_reason(settings).is_none()
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Standing::Unchecked | Standing::Pending => "unchecked",
            Standing::Good { .. } => "good",
            Standing::Drifted { .. } => DRIFTED,
            Standing::Silent { .. } => "silent",
        }
    }

    pub(super) fn reading(&self) -> Option<&Reading> {
        match self {
            Standing::Good { reading, .. } | Standing::Drifted { reading, .. } => Some(reading),
            _ => None,
        }
    }

    pub(super) fn problem(&self) -> Option<&str> {
        match self {
            Standing::Silent { problem, .. } => Some(problem),
            _ => None,
        }
    }

    /// For people and scripts.
    pub(super) fn shown(&self, settings: &Settings) -> Value {
        let at = match self {
            Standing::Good { at, .. } | Standing::Drifted { at, .. } | Standing::Silent { at, .. } => {
                Some(at.to_string())
            }
            _ => None,
        };
        json!({
            "state": self.name(),
            "checked_at": at,
            "drift_ms": self.reading().map(|reading| reading.drift_ms),
            "server": self.reading().map(|reading| reading.server.as_str()),
            "problem": self.problem(),
            "tolerance_ms": settings.tolerance_ms,
            "locked": self.lock_reason(settings).map(|lock| lock.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn said(drift_ms: i64) -> Result<Reading, String> {
        Ok(Reading { drift_ms, server: "ntp".into() })
    }

    const SILENCE: Result<i64, ()> = Err(());

    /// Answers of the source, one a minute: drift or silence.
    fn after(answers: &[Result<i64, ()>]) -> (&'static str, bool) {
        let settings = Settings { max_unchecked_s: 120, ..Settings::default() };
        let mut standing = Standing::Pending;
        for (minute, answer) in answers.iter().enumerate() {
            let answer = answer.map_or_else(|()| Err("no answer".to_owned()), said);
            standing = standing.after(answer, &settings, at(60 * i64::try_from(minute).unwrap()));
        }
        (standing.name(), standing.lock_reason(&settings).is_some())
    }

    #[test_case(&[] => ("unchecked", false); "not asked yet")]
    #[test_case(&[Ok(1000)] => ("good", false); "exactly the tolerance")]
    #[test_case(&[Ok(-1000)] => ("good", false); "exactly the tolerance behind")]
    #[test_case(&[Ok(1001)] => ("drifted", true); "beyond it")]
    #[test_case(&[Ok(-1001)] => ("drifted", true); "beyond it behind")]
    #[test_case(&[Ok(5000), Ok(3)] => ("good", false); "good again")]
    #[test_case(&[Ok(5000), SILENCE] => ("drifted", true); "silence does not unlock")]
    #[test_case(&[SILENCE] => ("silent", false); "silent from the beginning")]
    #[test_case(&[SILENCE, SILENCE] => ("silent", false); "silent for a minute")]
    #[test_case(&[SILENCE, SILENCE, SILENCE] => ("silent", true); "silent for too long")]
    #[test_case(&[Ok(0), SILENCE, SILENCE] => ("silent", true); "counted from the last answer")]
    #[test_case(&[SILENCE, SILENCE, SILENCE, Ok(0)] => ("good", false); "and heard again")]
    fn p31_f13_what_locks(answers: &[Result<i64, ()>]) -> (&'static str, bool) {
        after(answers)
    }

    #[test_case("drifted", Some(5000) => ("drifted", true); "what was found wrong")]
    #[test_case("good", Some(3) => ("silent", false); "what was found good is asked anew")]
    #[test_case("silent", None => ("silent", false); "so is silence")]
    fn p31_a_restart_makes_no_clock_right(state: &str, drift_ms: Option<i64>) -> (&'static str, bool) {
        let check = ClockCheck {
            at_us: 1,
            occasion: "change".into(),
            state: state.into(),
            drift_ms,
            server: Some("ntp".into()),
            problem: None,
        };
        let standing = Standing::remembered(&check).unwrap_or(Standing::Pending);
        let standing = standing.after(Err("no answer".into()), &Settings::default(), at(60));
        (standing.name(), standing.lock_reason(&Settings::default()).is_some())
    }

    #[test]
    fn p31_why_devices_are_locked_is_said_in_three_languages() {
        let settings = Settings { max_unchecked_s: 60, ..Settings::default() };
        let fast = Standing::Pending.after(said(5_000), &settings, at(60));
        let slow = Standing::Pending.after(said(-5_000), &settings, at(60));
        let silent = Standing::Silent { since: at(0), at: at(60), problem: "no answer".into() };
        for (standing, part) in [(fast, "5000"), (slow, "5000"), (silent, "no answer")] {
            let lock = standing.lock_reason(&settings).unwrap();
            let texts = Lang::ALL.map(|lang| lock.text(lang));
            assert!(texts.iter().all(|text| text.contains(part) && text.contains("1970-01-01")), "{texts:?}");
            assert!(texts[0] != texts[1] && texts[1] != texts[2], "{texts:?}");
        }
    }

    #[test]
    fn no_source_locks_nothing() {
        let standing = Standing::Unchecked;
        assert_eq!((standing.name(), standing.lock_reason(&Settings::default())), ("unchecked", None));
        assert!(standing.may_close(&Settings::default()));
    }

    #[test_case(Ok(1000) => true; "good")]
    #[test_case(Ok(1001) => false; "drifted")]
    #[test_case(SILENCE => false; "silent, though it locks nothing yet")]
    fn p31_what_a_day_is_closed_by(answer: Result<i64, ()>) -> bool {
        let answer = answer.map_or_else(|()| Err("no answer".to_owned()), said);
        Standing::Pending.after(answer, &Settings::default(), at(0)).may_close(&Settings::default())
    }
}
