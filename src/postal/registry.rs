//! All operators, facilities and devices this node knows, as the facilities file gives them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::clock::Timestamp;

use super::face::Faces;
use super::facility::longest_match;
use super::registry_check::check;
use super::registry_file::{Contents, Problem, read};
use super::{
    DeviceId, DeviceKind, Facility, FacilityId, FacilityKind, Kind, NotStamped, Operator, OperatorId, PostalIndex,
    Workplace,
};

/// The facilities and their versions; every rule of order 57 on them holds.
#[derive(Clone, PartialEq, Debug)]
pub struct Registry {
    operators: Vec<Operator>,
    /// By id, then by first day.
    facilities: Vec<Facility>,
    /// Of each of those, in their order, the faces of its devices.
    faces: Vec<Vec<Faces>>,
    offices: Offices,
}

/// Why a facilities file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}; check `facilities_file` in the configuration")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no TOML, or has keys that nobody knows.
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    /// It breaks rules; each problem names line, table, key and remedy.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Rules(Vec<Problem>),
}

/// Fewer characters of an index in common than these name the oblast, and do not make a home.
const HOME_PREFIX: usize = 2;

impl Registry {
    /// Reads and checks a facilities file.
    ///
    /// # Errors
    /// When it cannot be read or breaks a rule; all problems are listed.
    pub fn load(path: &Path) -> Result<Self, RegistryError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| RegistryError::Read { path: path.to_owned(), source })?;
        Registry::parse(&text)
    }

    /// Checks the text of a facilities file.
    ///
    /// # Errors
    /// As [`Registry::load`].
    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        let contents = read(text)?;
        let mut problems = contents.problems.clone();
        problems.extend(check(&contents));
        if !problems.is_empty() {
            return Err(RegistryError::Rules(problems));
        }
        let Contents { operators, facilities, .. } = contents;
        let mut facilities: Vec<_> = facilities.into_iter().map(|located| located.facility).collect();
        facilities.sort_by(|a, b| (&a.id, a.period.from).cmp(&(&b.id, b.period.from)));
        let operators = operators.into_iter().map(|(operator, _)| operator).collect();
        let faces = facilities.iter().map(|facility| vec![Faces::default(); facility.devices.len()]).collect();
        Ok(Registry { operators, offices: Offices::of(&facilities), facilities, faces })
    }

    /// The operators, in the order of the file.
    #[must_use]
    pub fn operators(&self) -> &[Operator] {
        &self.operators
    }

    /// The operator with this id.
    #[must_use]
    pub fn operator(&self, id: &OperatorId) -> Option<&Operator> {
        self.operators.iter().find(|operator| operator.id == *id)
    }

    /// Every version of every facility, by id and first day.
    #[must_use]
    pub fn versions(&self) -> &[Facility] {
        &self.facilities
    }

    /// The facilities as they are at this instant, by id.
    pub fn facilities(&self, at: Timestamp) -> impl Iterator<Item = &Facility> {
        self.facilities.iter().filter(move |facility| facility.is_there(at))
    }

    /// The facility with this id as it is at this instant.
    #[must_use]
    pub fn facility(&self, id: &FacilityId, at: Timestamp) -> Option<&Facility> {
        self.facilities.get(self.place(id, at)?)
    }

    /// Where that one stands among all.
    fn place(&self, id: &FacilityId, at: Timestamp) -> Option<usize> {
        let first = self.facilities.partition_point(|facility| facility.id < *id);
        let mut versions = self.facilities.iter().enumerate().skip(first).take_while(|(_, it)| it.id == *id);
        versions.find(|(_, facility)| facility.is_there(at)).map(|(place, _)| place)
    }

    /// Operator, facility and device for an impression of this kind (P4).
    ///
    /// # Errors
    /// No such facility now, or no device of the kind in use there.
    pub fn workplace(&self, id: &FacilityId, kind: Kind, at: Timestamp) -> Result<Workplace<'_>, NotStamped> {
        self.workplace_of(id, kind.device(), at)
    }

    /// Operator, facility and its device of this kind (P4).
    ///
    /// # Errors
    /// As [`Registry::workplace`].
    pub fn workplace_of(
        &self,
        id: &FacilityId,
        device: DeviceKind,
        at: Timestamp,
    ) -> Result<Workplace<'_>, NotStamped> {
        let unknown = || NotStamped::NoFacility(id.to_string());
        let facility = self.facility(id, at).ok_or_else(unknown)?;
        let operator = self.operator(&facility.operator).ok_or_else(unknown)?;
        let device =
            facility.device(device, at).ok_or_else(|| NotStamped::NoDevice { facility: id.to_string(), device })?;
        Ok(Workplace::new(operator, facility, device))
    }

    /// Operator and facility with one device of theirs, for an impression of that device.
    ///
    /// # Errors
    /// No such facility now, or the device is not one of its own.
    pub fn workplace_with(
        &self,
        id: &FacilityId,
        device: &DeviceId,
        at: Timestamp,
    ) -> Result<Workplace<'_>, NotStamped> {
        let unknown = || NotStamped::NoFacility(id.to_string());
        let place = self.place(id, at).ok_or_else(unknown)?;
        let facility = self.facilities.get(place).ok_or_else(unknown)?;
        let operator = self.operator(&facility.operator).ok_or_else(unknown)?;
        let faces = self.faces.get(place).into_iter().flatten();
        let (device, faces) = facility
            .devices
            .iter()
            .zip(faces)
            .find(|(other, _)| other.id == *device)
            .ok_or_else(|| NotStamped::DeviceNotInUse(id.to_string()))?;
        Ok(Workplace::new(operator, facility, device).with_faces(faces))
    }

    /// The post office at which an addressee with this index is at home: the one with this very index, else the
    /// one with the longest configured beginning, else the one whose index has the longest beginning in common.
    #[must_use]
    pub fn home_facility(&self, index: &PostalIndex, at: Timestamp) -> Option<&Facility> {
        let nearness = |facility: &Facility| {
            let served = longest_match(&facility.serves, index).unwrap_or(0);
            (facility.index == *index, served, facility.index.common_prefix(index))
        };
        let is_near = |(exact, served, common): (bool, usize, usize)| exact || served > 0 || common >= HOME_PREFIX;
        // `max_by_key` takes the last of equals; in reverse order that is the first id.
        let near = self.offices.near(index).into_iter().filter_map(|place| self.facilities.get(place));
        let nearest = near.rev().filter(|facility| facility.is_there(at)).max_by_key(|facility| nearness(facility))?;
        is_near(nearness(nearest)).then_some(nearest)
    }

    /// The print centres for an index, the one with the longest matching beginning first. Centres that do not
    /// match are left out; one with the prefix `""` takes everything.
    #[must_use]
    pub fn print_centres(&self, index: &PostalIndex, at: Timestamp) -> Vec<&Facility> {
        let matching = |facility: &'_ Facility| facility.print.as_ref().and_then(|print| print.match_length(index));
        let mut centres: Vec<_> =
            self.facilities(at).filter_map(|facility| Some((matching(facility)?, facility))).collect();
        centres.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
        centres.into_iter().map(|(_, facility)| facility).collect()
    }

    /// The facilities of one kind.
    pub fn of_kind(&self, kind: FacilityKind, at: Timestamp) -> impl Iterator<Item = &Facility> {
        self.facilities(at).filter(move |facility| facility.kind == kind)
    }
}

/// Where the post offices stand in the registry, by the beginning of the indices that may be at home there: every
/// letter asks, and a national operator has thousands.
#[derive(Clone, PartialEq, Debug, Default)]
struct Offices(HashMap<String, Vec<usize>>);

impl Offices {
    fn of(facilities: &[Facility]) -> Self {
        let mut offices = Offices::default();
        for (place, facility) in facilities.iter().enumerate() {
            if matches!(facility.kind, FacilityKind::Counter | FacilityKind::Node) {
                for index in facility.serves.iter().map(String::as_str).chain([facility.index.as_str()]) {
                    offices.0.entry(beginning(index).to_owned()).or_default().push(place);
                }
            }
        }
        offices
    }

    /// In the order of the registry, each once.
    fn near(&self, index: &PostalIndex) -> Vec<usize> {
        let beginning = beginning(index.as_str());
        let beginnings = (1..=beginning.len()).filter_map(|length| beginning.get(..length));
        let mut near: Vec<usize> = beginnings.filter_map(|it| self.0.get(it)).flatten().copied().collect();
        near.sort_unstable();
        near.dedup();
        near
    }
}

/// As much of an index as a home has in common, or less where a facility serves all that begin so.
fn beginning(index: &str) -> &str {
    index.get(..HOME_PREFIX).unwrap_or(index)
}

#[cfg(test)]
pub(super) mod tests {
    use test_case::test_case;

    use super::*;
    use crate::postal::Zone;

    /// The facilities of the example configuration.
    pub(in crate::postal) fn sample() -> Registry {
        Registry::parse(EXAMPLE).unwrap()
    }

    /// An ordinary post office in this zone.
    pub(in crate::postal) fn facility_in(zone: &str) -> Facility {
        let registry = sample();
        let office = registry.facility(&"kokshetau".parse().unwrap(), now()).unwrap();
        Facility { zone: Zone::named(zone).unwrap(), ..office.clone() }
    }

    pub(in crate::postal) fn now() -> Timestamp {
        "2026-11-21T04:00:00Z".parse().unwrap()
    }

    const EXAMPLE: &str = include_str!("../../conf/facilities.toml");

    /// Problems of the example with one text replaced.
    fn problems_after(from: &str, to: &str) -> String {
        assert!(EXAMPLE.contains(from), "the example has no {from:?}");
        Registry::parse(&EXAMPLE.replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn example_covers_every_case() {
        let registry = sample();
        let facilities: Vec<_> = registry.facilities(now()).collect();
        assert!(facilities.len() >= 8);
        let has = |check: &dyn Fn(&&&Facility) -> bool| facilities.iter().any(|facility| check(&facility));
        assert!(has(&|f| f.settlement_kk == "Көкшетау") && has(&|f| f.oblast.to_string() == "KZ-71"));
        assert!(has(&|f| f.number == Some(2)) && has(&|f| f.devices.len() > 1) && has(&|f| f.low_volume));
        assert_eq!(registry.of_kind(FacilityKind::MailWagon, now()).count(), 1);
        assert_eq!(registry.of_kind(FacilityKind::IntlExchange, now()).count(), 1);
        assert_eq!(registry.of_kind(FacilityKind::PrintCentre, now()).count(), 2);
        assert!(registry.of_kind(FacilityKind::ScanCentre, now()).count() >= 1);
    }

    #[test]
    fn p5_example_has_all_eight_kinds_of_devices() {
        let registry = sample();
        let devices = registry.versions().iter().flat_map(|facility| &facility.devices);
        let kinds: std::collections::BTreeSet<String> = devices.map(|device| format!("{:?}", device.kind)).collect();
        assert_eq!(kinds.len(), 8);
    }

    #[test]
    fn p4_a_facility_has_versions() {
        let registry = sample();
        let id: FacilityId = "semey".parse().unwrap();
        let oblast = |at: &str| registry.facility(&id, at.parse().unwrap()).unwrap().oblast.to_string();
        assert_eq!(oblast("2022-06-07T12:00:00Z"), "KZ-63");
        assert_eq!(oblast("2022-06-08T12:00:00Z"), "KZ-10");
    }

    #[test_case("020000" => Some("kokshetau"); "exact")]
    #[test_case("010017" => Some("astana-1"); "configured beginning")]
    #[test_case("Z05T3F5" => Some("astana-1"); "configured beginning of the new form")]
    #[test_case("070299" => Some("ayagoz-1"); "longest beginning in common, first id of equals")]
    #[test_case("070201" => Some("ayagoz-2"); "exact before common")]
    #[test_case("990000" => None; "nobody")]
    fn home_facility_by_index(index: &str) -> Option<&'static str> {
        let registry = sample();
        let home = registry.home_facility(&index.parse().unwrap(), now())?;
        let names = ["kokshetau", "astana-1", "ayagoz-1", "ayagoz-2"];
        names.into_iter().find(|name| *name == home.id.as_str())
    }

    /// The rule once more, over all facilities.
    fn nearest_of_all(registry: &Registry, index: &PostalIndex) -> Option<FacilityId> {
        let is_office = |facility: &&Facility| matches!(facility.kind, FacilityKind::Counter | FacilityKind::Node);
        let nearness = |facility: &Facility| {
            let served = longest_match(&facility.serves, index).unwrap_or(0);
            (facility.index == *index, served, facility.index.common_prefix(index))
        };
        let offices: Vec<&Facility> = registry.facilities(now()).filter(is_office).collect();
        let nearest = offices.into_iter().rev().max_by_key(|facility| nearness(facility))?;
        let (exact, served, common) = nearness(nearest);
        (exact || served > 0 || common >= HOME_PREFIX).then(|| nearest.id.clone())
    }

    #[test]
    fn every_index_has_the_home_that_a_look_at_all_facilities_finds() {
        let text = EXAMPLE.replacen("serves = [", "serves = [\"9\", ", 1);
        assert_ne!(text, EXAMPLE);
        let registry = Registry::parse(&text).unwrap();
        let last = ["00", "01", "17", "99"];
        let six = (0..10_000).map(|first| format!("{first:04}"));
        let six = six.flat_map(|first| last.map(|last| format!("{first}{last}")));
        let seven = ('A'..='Z').flat_map(|letter| (0..100).map(move |number| format!("{letter}{number:02}T3F5")));
        for index in six.chain(seven) {
            let index = index.parse().unwrap();
            let home = registry.home_facility(&index, now()).map(|facility| facility.id.clone());
            assert_eq!(home, nearest_of_all(&registry, &index), "{index:?}");
        }
    }

    #[test_case("020000" => vec!["astana-print", "almaty-print"]; "north first, the other one after it")]
    #[test_case("050000" => vec!["almaty-print"]; "south only")]
    fn print_centres_by_index(index: &str) -> Vec<String> {
        let registry = sample();
        registry.print_centres(&index.parse().unwrap(), now()).iter().map(|centre| centre.id.to_string()).collect()
    }

    #[test]
    fn every_problem_is_listed_with_its_line() {
        let text = EXAMPLE.replacen("zone = \"Asia/Aqtau\"", "zone = \"Asia/Mars\"", 1).replacen(
            "number = 2\nzone",
            "zone",
            1,
        );
        let error = Registry::parse(&text).unwrap_err().to_string();
        let line = |needle: &str| text.lines().position(|line| line.contains(needle)).unwrap() + 1;
        assert!(error.contains(&format!("line {}: ", line("Asia/Mars"))), "{error}");
        assert!(error.contains("key zone") && error.contains("key number"), "{error}");
    }

    /// A national operator has about as many offices.
    #[test]
    fn p4_thousands_of_facilities_are_read_and_the_last_one_is_checked_as_the_first() {
        let village = |number: usize| {
            format!(
                "[[facility]]\nid = \"village-{number}\"\noperator = \"kazpost\"\nkind = \"counter\"\n\
                 name_kk = \"Ауыл пошта бөлімшесі\"\nindex = \"{:06}\"\noblast = \"KZ-11\"\n\
                 settlement_kk = \"Ауыл {number}\"\nzone = \"Asia/Almaty\"\n\
                 [[facility.device]]\nid = \"village-{number}-1\"\nkind = \"postmark\"\n",
                30_000 + number
            )
        };
        let text = EXAMPLE.to_owned() + &(0..4_000).map(village).collect::<String>();
        let registry = Registry::parse(&text).unwrap();
        assert_eq!(registry.versions().len(), sample().versions().len() + 4_000);
        let home = registry.home_facility(&"033999".parse().unwrap(), now()).unwrap();
        assert_eq!(home.id.as_str(), "village-3999");
        let next_door = village(4_000).replace("Ауыл 4000", "Ауыл 3999");
        let error = Registry::parse(&(text.clone() + &next_door)).unwrap_err().to_string();
        let line = |of: &str| text.lines().position(|line| line == of).unwrap() + 1;
        let of_both = [line("id = \"village-3999\"") - 1, text.lines().count() + 1];
        for (said, line) in error.lines().zip(of_both) {
            assert!(
                said.starts_with(&format!("line {line}: ")) && said.contains("several facilities (P14)"),
                "{error}"
            );
        }
        assert_eq!(error.lines().count(), 2, "{error}");
        let twice = text.clone() + &village(0);
        assert!(Registry::parse(&twice).unwrap_err().to_string().contains("two facilities with this id"));
    }

    #[test]
    fn unknown_key_is_refused() {
        assert!(problems_after("low_volume = true", "low_volumes = true").contains("low_volumes"));
    }

    #[test_case("id = \"ayagoz-1\"", "id = \"ayagoz-2\"", "two facilities with this id"; "p4 ids")]
    #[test_case("number = 2\n", "", "(P14)"; "p14 number is missing")]
    #[test_case("number = 2\n", "number = 1000\n", "from 1 to 999"; "p14 number has more digits than the tag")]
    #[test_case("settlement_kk = \"Көкшетау\"", "settlement_kk = \"Көкшетау\"\nnumber = 1", "remove the number"; "p14 number without need")]
    #[test_case("letter = \"Б\"\n", "", "(P16)"; "p16 p27 letter is missing")]
    #[test_case("letter = \"Б\"", "letter = \"А\"", "(P16)"; "p16 p27 letter twice")]
    #[test_case("letter = \"Б\"", "letter = \"B\"", "(P25)"; "p25 latin letter")]
    #[test_case("id = \"zerendi-1\"\nkind = \"postmark\"", "id = \"zerendi-1\"\nkind = \"postmark\"\nletter = \"А\"", "remove the letter"; "p16 p27 letter without need")]
    #[test_case("operator = \"kazpost\"\n", "", "(P17)"; "p17 operator is missing")]
    #[test_case("operator = \"kazpost\"", "operator = \"nobody\"", "(P17)"; "p17 operator is unknown")]
    #[test_case("name_lat = \"International Mail Exchange\"\n", "", "(P26)"; "p26 latin name is missing")]
    #[test_case("name_kk = \"Көкшетау пошта байланысы торабы\"\n", "", "(P25)"; "p25 name is missing")]
    #[test_case("name_kk = \"Көкшетау пошта байланысы торабы\"", "name_kk = \"Kokshetau\"", "(P25)"; "p25 name is latin")]
    #[test_case("money_order_number = \"020000\"", "money_order_number = \"020001\"", "(P13)"; "p13 money order number")]
    #[test_case("event_kk = ", "# ", "(P8)"; "p8 event is missing")]
    #[test_case("plomb_digits = ", "# ", "(P10)"; "p10 digits are missing")]
    #[test_case("ink = \"red\"", "ink = \"black\"", "(P28)"; "p28 wagon in black")]
    #[test_case("kind = \"node\"", "kind = \"node\"\nlow_volume = true", "(P30)"; "p30 node without hour")]
    #[test_case("id = \"zerendi-1\"\nkind = \"postmark\"", "id = \"zerendi-1\"\nkind = \"rotary\"", "(P4)"; "p4 no postmark")]
    fn p4_p30_breach_is_named(from: &str, to: &str, said: &str) {
        let error = problems_after(from, to);
        assert!(error.contains(said) && error.starts_with("line "), "{error}");
    }

    #[test]
    fn p17_operators_differ_by_name() {
        assert!(problems_after("«Дала Экспресс» ЖШС", "«Қазпошта» АҚ").contains("(P17)"));
    }

    #[test]
    fn marks_file_has_every_facility_once() {
        let file = super::super::MarksFile::of(&sample());
        let kazpost = file.operator("kazpost").unwrap();
        let semey = kazpost.facility("semey").unwrap();
        assert_eq!(semey.versions.len(), 2);
        assert_eq!(semey.devices.len(), 1);
        let text = serde_json::to_string(&file).unwrap();
        assert_eq!(serde_json::from_str::<super::super::MarksFile>(&text).unwrap(), file);
    }
}
