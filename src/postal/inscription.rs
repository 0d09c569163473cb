//! What is engraved on a device: the six parts of P14, with P15, P16, P17, P25 and P26.

use std::borrow::Cow;

use jiff::civil::Date;

use crate::clock::Timestamp;

use super::{DateToken, Device, DeviceKind, DeviceMark, Facility, Operator, is_oblast_shown};

/// An inscription in one line takes about so many bytes.
const USUAL_BYTES: usize = 256;

/// The letters an inscription is written in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Script {
    /// P25: order 57 cl. 11 ¶1. The state language.
    Kazakh,
    /// P26: order 57 cl. 11 ¶2. Exchange places.
    Latin,
}

impl Script {
    /// The state, as it is engraved.
    #[must_use]
    pub fn state(self) -> &'static str {
        match self {
            Script::Kazakh => "Қазақстан Республикасы",
            Script::Latin => "Republic of Kazakhstan",
        }
    }
}

/// P14: order 57 cl. 5. State, oblast, settlement, operator, facility and its number, in this order.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Inscription {
    /// Its letters.
    pub script: Script,
    /// The state.
    pub state: &'static str,
    /// The oblast; left out as P15 says.
    pub oblast: Option<&'static str>,
    /// The settlement.
    pub settlement: String,
    /// P17: the operator, always.
    pub operator: String,
    /// The facility's name.
    pub facility: String,
    /// The facility's number, if the settlement has several.
    pub number: Option<u16>,
}

impl Inscription {
    /// What the devices of `facility` bear on the day `on`.
    #[must_use]
    pub fn of(facility: &Facility, operator: &Operator, on: Date) -> Self {
        let script = facility.script();
        let pick = |kazakh: &str, latin: &Option<String>| match script {
            Script::Kazakh => kazakh.to_owned(),
            Script::Latin => latin.clone().unwrap_or_else(|| super::ascii_fold(kazakh)),
        };
        let oblast =
            is_oblast_shown(facility.oblast, &facility.settlement_kk, on).then(|| facility.oblast.name(script));
        Inscription {
            script,
            state: script.state(),
            oblast,
            settlement: pick(&facility.settlement_kk, &facility.settlement_lat),
            operator: pick(&operator.name_kk, &operator.name_lat),
            facility: pick(&facility.name_kk, &facility.name_lat),
            number: facility.number,
        }
    }

    /// The parts that are there, in the order of P14. A facility that is called like its settlement bears the
    /// name once, as real postmarks do: «Аягөз · … · №2».
    #[must_use]
    pub fn parts(&self) -> Vec<String> {
        self.each_part().map(Cow::into_owned).collect()
    }

    fn each_part(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let number = self.number.map(|number| match self.script {
            Script::Kazakh => format!("№{number}"),
            Script::Latin => format!("No {number}"),
        });
        let name = (self.facility != self.settlement).then_some(self.facility.as_str());
        let names = [Some(self.state), self.oblast, Some(&*self.settlement), Some(&*self.operator), name];
        names.into_iter().flatten().map(Cow::Borrowed).chain(number.map(Cow::Owned))
    }

    /// The human line of a mark: the parts, the device's letter and the date token.
    #[must_use]
    pub fn line(&self, device: Option<&DeviceMark>, token: DateToken) -> String {
        let mut line = String::with_capacity(USUAL_BYTES);
        for part in self.each_part().chain(device.map(|device| Cow::Borrowed(device.as_str()))) {
            line.push_str(&part);
            line.push_str(" · ");
        }
        token.write_to(&mut line);
        line
    }
}

/// What is engraved on a device (P5, P10-P14, P16): the parts of its facility's inscription, its letter, and what its
/// kind has besides.
#[must_use]
pub fn engraving(facility: &Facility, operator: &Operator, device: &Device, at: Timestamp) -> String {
    // P10: sealing pliers have letters on one side and the facility's digits on the other.
    if let Some(plomb) = &device.plomb {
        return format!("{} / {}", plomb.letters, plomb.digits);
    }
    // P13: the number of a control-transfer seal is the index.
    if let Some(number) = &device.money_order_number {
        return number.clone();
    }
    let mut parts = Inscription::of(facility, operator, facility.date_at(at)).parts();
    // P9: the seal says what it is for.
    if device.kind == DeviceKind::Insurance {
        parts.push("«Сақтандыру»".to_owned());
    }
    parts.extend(device.event_kk.clone());
    parts.extend(device.mark.as_ref().map(ToString::to_string));
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::super::registry::tests::sample;
    use super::*;

    fn line(facility: &str, at: &str) -> String {
        let registry = sample();
        let instant = at.parse().unwrap();
        let facility = registry.facility(&facility.parse().unwrap(), instant).unwrap();
        let operator = registry.operator(&facility.operator).unwrap();
        Inscription::of(facility, operator, facility.date_at(instant)).parts().join(" · ")
    }

    #[test_case("kokshetau" => "Қазақстан Республикасы · Көкшетау · «Қазпошта» АҚ · Көкшетау пошта байланысы торабы"; "p15 oblast centre leaves the oblast out, one facility has no number")]
    #[test_case("ayagoz-2" => "Қазақстан Республикасы · Абай облысы · Аягөз · «Қазпошта» АҚ · №2"; "p14 oblast and number are shown")]
    #[test_case("almaty-intl" => "Republic of Kazakhstan · Almaty · Kazpost JSC · International Mail Exchange · No 1"; "p26 exchange place in latin letters")]
    fn p14_inscription_has_its_parts_in_order(facility: &str) -> String {
        line(facility, "2026-11-21T04:00:00Z")
    }

    #[test]
    fn p15_semey_shows_its_oblast_until_it_became_a_centre() {
        assert!(line("semey", "2022-06-07T12:00:00Z").contains("облысы"));
        assert!(!line("semey", "2022-06-08T12:00:00Z").contains("облысы"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn p14_number_is_shown_if_and_only_if_there_is_one(number in proptest::option::of(1u16..999), name in "[А-Я][а-я]{1,20}") {
            let registry = sample();
            let instant = "2026-11-21T04:00:00Z".parse().unwrap();
            let facility = registry.facility(&"ayagoz-2".parse().unwrap(), instant).unwrap();
            let facility = Facility { number, name_kk: name.clone(), ..facility.clone() };
            let operator = registry.operator(&facility.operator).unwrap();
            let parts = Inscription::of(&facility, operator, facility.date_at(instant)).parts();
            prop_assert_eq!(parts.len(), 5 + usize::from(number.is_some()));
            prop_assert_eq!(&parts[4], &name);
            prop_assert_eq!(parts.get(5).cloned(), number.map(|number| format!("№{number}")));
        }
    }
}
