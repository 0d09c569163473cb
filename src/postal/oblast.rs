//! The oblasts of Kazakhstan, their centres with dates, and the rule of P15: where the oblast is left out.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;

use super::Script;

/// An oblast or a city of republican significance by its ISO 3166-2 code, `KZ-11`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OblastCode(u8);

/// The code stands for no oblast.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no oblast of Kazakhstan; write its ISO 3166-2 code, for example \"KZ-11\"")]
pub struct UnknownOblast(String);

/// P15: order 57 cl. 5 ¶2. Facilities in oblast centres and in cities that belong to no oblast leave it out.
/// The centre is that of the day: Семей shows its oblast before 8 June 2022 and not after.
#[must_use]
pub fn is_oblast_shown(oblast: OblastCode, settlement_kk: &str, on: Date) -> bool {
    let is_centre = |centre: &Centre| {
        centre.oblast == oblast.0
            && centre.settlement_kk == settlement_kk
            && day(centre.from).is_none_or(|from| from <= on)
            && day(centre.until).is_none_or(|until| on < until)
    };
    !oblast.is_city() && !CENTRES.iter().any(is_centre)
}

impl OblastCode {
    /// True for Астана, Алматы and Шымкент, which belong to no oblast. The order names the first two; Шымкент
    /// has been without an oblast since 19 June 2018 and is treated alike.
    #[must_use]
    pub fn is_city(self) -> bool {
        self.row().is_some_and(|oblast| oblast.rank == Rank::City)
    }

    /// The name in the state language, as it is engraved: `Ақмола облысы`.
    #[must_use]
    pub fn name_kk(self) -> &'static str {
        self.row().map_or("", |oblast| oblast.name_kk)
    }

    /// The name in Latin letters (P26).
    #[must_use]
    pub fn name_lat(self) -> &'static str {
        self.row().map_or("", |oblast| oblast.name_lat)
    }

    /// The name in these letters.
    #[must_use]
    pub fn name(self, script: Script) -> &'static str {
        match script {
            Script::Kazakh => self.name_kk(),
            Script::Latin => self.name_lat(),
        }
    }

    fn row(self) -> Option<&'static Oblast> {
        OBLASTS.iter().find(|oblast| oblast.code == self.0)
    }
}

impl fmt::Display for OblastCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KZ-{:02}", self.0)
    }
}

impl FromStr for OblastCode {
    type Err = UnknownOblast;

    fn from_str(text: &str) -> Result<Self, UnknownOblast> {
        let unknown = || UnknownOblast(text.into());
        let digits = text.strip_prefix("KZ-").filter(|digits| digits.len() == 2).ok_or_else(unknown)?;
        let code = OblastCode(digits.parse().map_err(|_| unknown())?);
        code.row().map(|_| code).ok_or_else(unknown)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rank {
    Oblast,
    City,
}

struct Oblast {
    code: u8,
    rank: Rank,
    name_kk: &'static str,
    name_lat: &'static str,
}

const fn oblast(code: u8, name_kk: &'static str, name_lat: &'static str) -> Oblast {
    Oblast { code, rank: Rank::Oblast, name_kk, name_lat }
}

const fn city(code: u8, name_kk: &'static str, name_lat: &'static str) -> Oblast {
    Oblast { code, rank: Rank::City, name_kk, name_lat }
}

/// ISO 3166-2:KZ.
const OBLASTS: &[Oblast] = &[
    oblast(10, "Абай облысы", "Abay oblysy"),
    oblast(11, "Ақмола облысы", "Aqmola oblysy"),
    oblast(15, "Ақтөбе облысы", "Aqtobe oblysy"),
    oblast(19, "Алматы облысы", "Almaty oblysy"),
    oblast(23, "Атырау облысы", "Atyrau oblysy"),
    oblast(27, "Батыс Қазақстан облысы", "Batys Qazaqstan oblysy"),
    oblast(31, "Жамбыл облысы", "Zhambyl oblysy"),
    oblast(33, "Жетісу облысы", "Zhetisu oblysy"),
    oblast(35, "Қарағанды облысы", "Qaraghandy oblysy"),
    oblast(39, "Қостанай облысы", "Qostanay oblysy"),
    oblast(43, "Қызылорда облысы", "Qyzylorda oblysy"),
    oblast(47, "Маңғыстау облысы", "Mangghystau oblysy"),
    oblast(55, "Павлодар облысы", "Pavlodar oblysy"),
    oblast(59, "Солтүстік Қазақстан облысы", "Soltustik Qazaqstan oblysy"),
    oblast(61, "Түркістан облысы", "Turkistan oblysy"),
    oblast(62, "Ұлытау облысы", "Ulytau oblysy"),
    oblast(63, "Шығыс Қазақстан облысы", "Shyghys Qazaqstan oblysy"),
    city(71, "Астана", "Astana"),
    city(75, "Алматы", "Almaty"),
    city(79, "Шымкент", "Shymkent"),
];

/// A centre from a day on, until the day before another.
struct Centre {
    oblast: u8,
    settlement_kk: &'static str,
    from: Option<(i16, i8, i8)>,
    until: Option<(i16, i8, i8)>,
}

const fn centre(oblast: u8, settlement_kk: &'static str) -> Centre {
    Centre { oblast, settlement_kk, from: None, until: None }
}

/// The reform of 2022: the oblasts Абай, Жетісу and Ұлытау, and a new centre for Алматы облысы.
const REFORM_2022: Option<(i16, i8, i8)> = Some((2022, 6, 8));
/// The centre of the southern oblast moved from Шымкент to Түркістан.
const REFORM_2018: Option<(i16, i8, i8)> = Some((2018, 6, 19));

const CENTRES: &[Centre] = &[
    Centre { oblast: 10, settlement_kk: "Семей", from: REFORM_2022, until: None },
    centre(11, "Көкшетау"),
    centre(15, "Ақтөбе"),
    Centre { oblast: 19, settlement_kk: "Талдықорған", from: None, until: REFORM_2022 },
    Centre { oblast: 19, settlement_kk: "Қонаев", from: REFORM_2022, until: None },
    centre(23, "Атырау"),
    centre(27, "Орал"),
    centre(31, "Тараз"),
    Centre { oblast: 33, settlement_kk: "Талдықорған", from: REFORM_2022, until: None },
    centre(35, "Қарағанды"),
    centre(39, "Қостанай"),
    centre(43, "Қызылорда"),
    centre(47, "Ақтау"),
    centre(55, "Павлодар"),
    centre(59, "Петропавл"),
    Centre { oblast: 61, settlement_kk: "Шымкент", from: None, until: REFORM_2018 },
    Centre { oblast: 61, settlement_kk: "Түркістан", from: REFORM_2018, until: None },
    Centre { oblast: 62, settlement_kk: "Жезқазған", from: REFORM_2022, until: None },
    centre(63, "Өскемен"),
];

fn day(date: Option<(i16, i8, i8)>) -> Option<Date> {
    date.and_then(|(year, month, day)| Date::new(year, month, day).ok())
}

#[cfg(test)]
mod tests {
    use test_case::test_case;

    use super::*;

    /// The page that checks marks has this table in its own language.
    #[test]
    fn p15_pages_have_the_same_oblasts_and_centres() {
        let script = include_str!("../http/pages/postmark/oblasts.mjs");
        let part = |begin: &str| script.split_once(begin).and_then(|(_, rest)| rest.split_once("\n}")).unwrap().0;
        let names: Vec<String> = OBLASTS
            .iter()
            .map(|it| format!("  \"KZ-{:02}\": [\"{}\", \"{}\"],", it.code, it.name_kk, it.name_lat))
            .collect();
        assert_eq!(part("OBLASTS = {\n"), names.join("\n"));
        let cities: Vec<String> =
            OBLASTS.iter().filter(|it| it.rank == Rank::City).map(|it| format!("\"KZ-{:02}\"", it.code)).collect();
        assert!(script.contains(&format!("CITIES = [{}];", cities.join(", "))));
        let date = |date| day(date).map_or("null".to_owned(), |date| format!("\"{date}\""));
        let centres = CENTRES.iter().map(|it| {
            format!("  [\"KZ-{:02}\", \"{}\", {}, {}],", it.oblast, it.settlement_kk, date(it.from), date(it.until))
        });
        let listed = script.split_once("CENTRES = [\n").and_then(|(_, rest)| rest.split_once("\n];")).unwrap().0;
        assert_eq!(listed, centres.collect::<Vec<_>>().join("\n"));
    }

    #[test_case("KZ-11", "Көкшетау", "2026-11-21" => false; "oblast centre")]
    #[test_case("KZ-71", "Астана", "2026-11-21" => false; "astana")]
    #[test_case("KZ-75", "Алматы", "2016-08-26" => false; "almaty")]
    #[test_case("KZ-79", "Шымкент", "2026-11-21" => false; "shymkent has no oblast since 2018")]
    #[test_case("KZ-61", "Шымкент", "2018-06-18" => false; "shymkent as the centre of its oblast")]
    #[test_case("KZ-61", "Түркістан", "2018-06-18" => true; "turkistan the day before it became a centre")]
    #[test_case("KZ-61", "Түркістан", "2018-06-19" => false; "turkistan as a centre")]
    #[test_case("KZ-10", "Аягөз", "2026-11-21" => true; "ordinary town")]
    #[test_case("KZ-63", "Семей", "2022-06-07" => true; "semey under its old oblast")]
    #[test_case("KZ-10", "Семей", "2022-06-07" => true; "semey the day before")]
    #[test_case("KZ-10", "Семей", "2022-06-08" => false; "semey as a centre")]
    #[test_case("KZ-19", "Талдықорған", "2022-06-07" => false; "taldyqorghan as the old centre of almaty oblast")]
    #[test_case("KZ-33", "Талдықорған", "2022-06-08" => false; "taldyqorghan as the centre of zhetisu")]
    #[test_case("KZ-19", "Қонаев", "2022-06-08" => false; "qonaev as the new centre of almaty oblast")]
    #[test_case("KZ-11", "Қонаев", "2026-11-21" => true; "a centre only of its own oblast")]
    fn p15_oblast_is_left_out_in_its_centre(oblast: &str, settlement: &str, on: &str) -> bool {
        is_oblast_shown(oblast.parse().unwrap(), settlement, on.parse().unwrap())
    }

    #[test]
    fn b4_every_oblast_has_exactly_one_centre_on_any_day() {
        for on in ["2016-08-26", "2018-06-18", "2018-06-19", "2022-06-07", "2022-06-08", "2026-11-21"] {
            let on: Date = on.parse().unwrap();
            for oblast in OBLASTS.iter().filter(|oblast| oblast.rank == Rank::Oblast) {
                let young = matches!(oblast.code, 10 | 33 | 62) && Some(on) < day(REFORM_2022);
                let centres = CENTRES.iter().filter(|centre| {
                    centre.oblast == oblast.code && !is_oblast_shown(OblastCode(oblast.code), centre.settlement_kk, on)
                });
                assert_eq!(centres.count(), usize::from(!young), "{} on {on}", oblast.name_kk);
            }
        }
    }

    #[test_case("KZ-99"; "not given out")]
    #[test_case("KZ-1"; "too short")]
    #[test_case("11"; "without country")]
    #[test_case("RU-11"; "another country")]
    fn iso3166_unknown_oblast_is_refused(text: &str) {
        assert_eq!(text.parse::<OblastCode>(), Err(UnknownOblast(text.into())));
    }
}
