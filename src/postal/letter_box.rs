//! P23: the date of ordinary letters that come from a letter box.

use jiff::civil;

use super::facility::name_type;

name_type! {
    /// A letter box (tag `lb` of a mark).
    LetterBoxId
}

/// A letter box with the collection time that is written on it. A print centre has a virtual one for
/// unregistered hybrid letters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LetterBox {
    /// Its name in marks.
    pub id: LetterBoxId,
    /// Where it hangs, in the state language.
    pub place_kk: String,
    /// The collection time shown on it, in its facility's zone.
    pub collection: civil::Time,
    /// It hangs nowhere: ordinary hybrid letters are dropped into it.
    pub is_virtual: bool,
}

impl LetterBox {
    /// P23: order 57 cl. 9. Dropped in before the collection time: that calendar date. After it: the next
    /// calendar date, be it a working day or not. The text says "дейін" and "кейін" and leaves the exact moment
    /// open; here it still counts as before.
    #[must_use]
    pub fn date_of(&self, dropped: civil::DateTime) -> civil::Date {
        let date = dropped.date();
        if dropped.time() <= self.collection { date } else { date.tomorrow().unwrap_or(date) }
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    fn letter_box(collection: &str) -> LetterBox {
        LetterBox {
            id: "box-1".parse().unwrap(),
            place_kk: "Абай көшесі, 5".into(),
            collection: collection.parse().unwrap(),
            is_virtual: false,
        }
    }

    #[test_case("2026-11-23T16:59:59", "17:00" => "2026-11-23"; "dropped before collection")]
    #[test_case("2026-11-23T17:00:00", "17:00" => "2026-11-23"; "exactly at collection counts as before")]
    #[test_case("2026-11-23T17:00:01", "17:00" => "2026-11-24"; "dropped after gets the next calendar date")]
    #[test_case("2026-11-27T18:00:00", "17:00" => "2026-11-28"; "friday evening gives saturday, not monday")]
    #[test_case("2026-12-31T18:00:00", "17:00" => "2027-01-01"; "crosses the year")]
    #[test_case("2028-02-28T18:00:00", "17:00" => "2028-02-29"; "leap day")]
    #[test_case("2026-11-23T00:00:00", "00:00" => "2026-11-23"; "midnight collection at midnight")]
    #[test_case("2026-11-23T00:00:01", "00:00" => "2026-11-24"; "midnight collection just after")]
    fn p23_letter_box_date(dropped: &str, collection: &str) -> String {
        letter_box(collection).date_of(dropped.parse().unwrap()).to_string()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn p23_date_is_that_day_or_the_next(day in 0i64..36_500, second in 0i64..86_400, cut in 0i8..24) {
            let midnight = civil::date(2000, 1, 1).at(0, 0, 0, 0) + day.days();
            let dropped = midnight + second.seconds();
            let collection = civil::time(cut, 0, 0, 0);
            let letter_box = LetterBox { collection, ..letter_box("12:00") };
            let expected = if second <= i64::from(cut) * 3600 { midnight.date() } else { (midnight + 1.day()).date() };
            prop_assert_eq!(letter_box.date_of(dropped), expected);
        }
    }
}
