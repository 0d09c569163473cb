//! Section `[postal]` of the configuration: which facility makes which mark.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

use super::{FacilityId, Registry, S10Range};

/// Keys of `[postal]`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The facilities file; relative to the configuration file.
    pub facilities_file: PathBuf,
    /// Facility whose acceptance mark letters from our users get.
    pub submission_facility: String,
    /// Facility whose acceptance mark letters from other servers get.
    pub mx_facility: String,
    /// Facility of mailboxes whose owner has no postal index, or one that no post office serves.
    pub mailbox_facility: String,
    /// Exchange place that marks letters from and to abroad (P26).
    pub intl_exchange_facility: String,
    /// What other operators publish of their marks (`poshta-marks.json`); relative to the configuration file. Their
    /// marks on letters that come in stay when they hold.
    pub operator_files: Vec<PathBuf>,
    /// S10 numbers for ordinary letters on paper, used in order, each once.
    pub s10_ordinary: S10Range,
    /// S10 numbers for registered and valued letters on paper.
    pub s10_registered: S10Range,
}

impl Default for Settings {
    fn default() -> Self {
        let range = |service: &str| S10Range { service: service.into(), first: 1, last: 99_999_999 };
        Settings {
            facilities_file: "facilities.toml".into(),
            submission_facility: "astana-2".into(),
            mx_facility: "astana-2".into(),
            mailbox_facility: "astana-1".into(),
            intl_exchange_facility: "almaty-intl".into(),
            operator_files: Vec::new(),
            s10_ordinary: range("UA"),
            s10_registered: range("RR"),
        }
    }
}

impl Settings {
    /// The facilities that are named here.
    #[must_use]
    pub fn facilities(&self) -> Vec<FacilityId> {
        self.named().into_iter().filter_map(|(_, name)| name.parse().ok()).collect()
    }

    fn named(&self) -> [(&'static str, &String); 4] {
        [
            ("submission_facility", &self.submission_facility),
            ("mx_facility", &self.mx_facility),
            ("mailbox_facility", &self.mailbox_facility),
            ("intl_exchange_facility", &self.intl_exchange_facility),
        ]
    }

    /// Every facility that is named here exists now; gives key and remedy of each that does not.
    #[must_use]
    pub fn problems(&self, registry: &Registry, now: Timestamp) -> Vec<(&'static str, String)> {
        let is_known = |name: &str| name.parse::<FacilityId>().is_ok_and(|id| registry.facility(&id, now).is_some());
        let missing = self.named().into_iter().filter(|(_, name)| !is_known(name));
        let mut problems: Vec<_> = missing
            .map(|(key, name)| (key, format!("there is no facility {name:?}; `poshta facility list` shows all")))
            .collect();
        for (key, range) in [("s10_ordinary", &self.s10_ordinary), ("s10_registered", &self.s10_registered)] {
            if range.size() == 0 {
                problems.push((key, "`last` lies before `first`; write the first number of the range first".into()));
            } else if let Err(error) = range.number(range.size() - 1) {
                problems.push((key, error.to_string()));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::super::registry::tests::{now, sample};
    use super::*;

    #[test]
    fn defaults_fit_the_example_facilities() {
        assert_eq!(Settings::default().problems(&sample(), now()), Vec::new());
    }

    #[test]
    fn unknown_facility_and_bad_range_are_named() {
        let mut settings = Settings { mx_facility: "nowhere".into(), ..Settings::default() };
        settings.s10_ordinary.service = "ua".into();
        let keys: Vec<_> = settings.problems(&sample(), now()).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["mx_facility", "s10_ordinary"]);
        let mut settings = Settings::default();
        (settings.s10_registered.first, settings.s10_registered.last) = (200, 100);
        let keys: Vec<_> = settings.problems(&sample(), now()).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["s10_registered"], "a range that ends before it begins");
    }
}
