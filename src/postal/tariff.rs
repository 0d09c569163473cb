//! What a letter on paper costs, and whether what was given for it is enough (P7). Amounts are in tiyn, a hundredth
//! of a tenge, and whole.

use std::fmt;
use std::iter::Sum;

use serde::{Deserialize, Serialize};

use super::{Class, Colour, Form, LetterOptions};

/// An amount of money.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tiyn(pub u64);

/// The dearest that a price or a sign may be: a hundred million tenge. Sums of such amounts fit into every field.
pub const MAX_TIYN: u64 = 10_000_000_000;

/// Keys of `[payment.tariff]`, all in tiyn. Sheets are those of the sender's own text and documents; the carrier sheet
/// is the operator's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tariff {
    /// An ordinary letter of one sheet.
    pub letter_tiyn: u64,
    /// A post card.
    pub postcard_tiyn: u64,
    /// Each sheet after the first.
    pub further_sheet_tiyn: u64,
    /// Each sheet in colour, more than in grey.
    pub colour_sheet_tiyn: u64,
    /// A registered letter, more than an ordinary one.
    pub registered_tiyn: u64,
    /// A letter with declared value, more than an ordinary one.
    pub valued_tiyn: u64,
}

/// P7: order 57 cl. 4 ¶3.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PaymentState {
    /// All of the price.
    Paid,
    /// Some of it.
    Underpaid,
    /// Nothing.
    Unpaid,
}

/// Price and what was given for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Account {
    /// What it costs.
    pub price: Tiyn,
    /// What was given.
    pub given: Tiyn,
}

impl Default for Tariff {
    fn default() -> Self {
        Tariff {
            letter_tiyn: 35_000,
            postcard_tiyn: 25_000,
            further_sheet_tiyn: 5_000,
            colour_sheet_tiyn: 4_000,
            registered_tiyn: 60_000,
            valued_tiyn: 120_000,
        }
    }
}

impl Tariff {
    /// The price of a letter with so many sheets; none counts as one.
    #[must_use]
    pub fn price(&self, options: LetterOptions, sheets: u32) -> Tiyn {
        let sheets = match options.form {
            Form::Letter => u64::from(sheets.max(1)),
            Form::Postcard => 1,
        };
        let form = match options.form {
            Form::Letter => self.letter_tiyn,
            Form::Postcard => self.postcard_tiyn,
        };
        let class = match options.class {
            Class::Ordinary => 0,
            Class::Registered => self.registered_tiyn,
            Class::Valued => self.valued_tiyn,
        };
        let colour = match options.colour {
            Colour::Grey => 0,
            Colour::Colour => self.colour_sheet_tiyn.saturating_mul(sheets),
        };
        let further = self.further_sheet_tiyn.saturating_mul(sheets - 1);
        Tiyn([form, class, colour, further].into_iter().fold(0, u64::saturating_add))
    }

    /// Keys that are too dear to be meant.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let amounts = [
            ("letter_tiyn", self.letter_tiyn),
            ("postcard_tiyn", self.postcard_tiyn),
            ("further_sheet_tiyn", self.further_sheet_tiyn),
            ("colour_sheet_tiyn", self.colour_sheet_tiyn),
            ("registered_tiyn", self.registered_tiyn),
            ("valued_tiyn", self.valued_tiyn),
        ];
        let dear = amounts.into_iter().filter(|(_, amount)| *amount > MAX_TIYN);
        dear.map(|(key, amount)| (key, format!("{amount} is more than {MAX_TIYN}, a hundred million tenge"))).collect()
    }
}

impl Account {
    /// What is still to be paid.
    #[must_use]
    pub fn due(&self) -> Tiyn {
        Tiyn(self.price.0.saturating_sub(self.given.0))
    }

    /// Whether the price is paid.
    #[must_use]
    pub fn state(&self) -> PaymentState {
        match (self.due(), self.given) {
            (Tiyn(0), _) => PaymentState::Paid,
            (_, Tiyn(0)) => PaymentState::Unpaid,
            _ => PaymentState::Underpaid,
        }
    }
}

impl PaymentState {
    /// As commands and the API name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            PaymentState::Paid => "paid",
            PaymentState::Underpaid => "underpaid",
            PaymentState::Unpaid => "unpaid",
        }
    }
}

impl Sum for Tiyn {
    fn sum<I: Iterator<Item = Tiyn>>(amounts: I) -> Tiyn {
        Tiyn(amounts.fold(0, |sum, Tiyn(amount)| sum.saturating_add(amount)))
    }
}

impl fmt::Display for Tiyn {
    /// In tenge, `350.00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    const TARIFF: Tariff = Tariff {
        letter_tiyn: 35_000,
        postcard_tiyn: 25_000,
        further_sheet_tiyn: 5_000,
        colour_sheet_tiyn: 4_000,
        registered_tiyn: 60_000,
        valued_tiyn: 120_000,
    };

    #[test_case("letter", 1 => 35_000)]
    #[test_case("letter", 0 => 35_000; "no sheet counts as one")]
    #[test_case("letter", 3 => 45_000; "two further sheets")]
    #[test_case("letter+colour", 3 => 57_000; "every sheet in colour")]
    #[test_case("letter+duplex", 3 => 45_000; "sheets are counted, not sides")]
    #[test_case("postcard", 9 => 25_000; "a post card is one sheet")]
    #[test_case("postcard+colour", 1 => 29_000)]
    #[test_case("registered", 1 => 95_000)]
    #[test_case("valued", 2 => 160_000)]
    fn p7_price(local: &str, sheets: u32) -> u64 {
        TARIFF.price(local.parse().unwrap(), sheets).0
    }

    #[test_case(350, 350 => (PaymentState::Paid, 0))]
    #[test_case(350, 400 => (PaymentState::Paid, 0); "more than it costs")]
    #[test_case(350, 100 => (PaymentState::Underpaid, 250))]
    #[test_case(350, 0 => (PaymentState::Unpaid, 350))]
    #[test_case(0, 0 => (PaymentState::Paid, 0); "what is free is paid")]
    fn p7_state(price: u64, given: u64) -> (PaymentState, u64) {
        let account = Account { price: Tiyn(price), given: Tiyn(given) };
        (account.state(), account.due().0)
    }

    #[test]
    fn a_price_nobody_means_is_named() {
        assert_eq!(Tariff::default().problems(), []);
        let dear = Tariff { valued_tiyn: MAX_TIYN + 1, ..Tariff::default() };
        assert_eq!(dear.problems()[0].0, "valued_tiyn");
    }

    #[test]
    fn amounts_are_written_in_tenge() {
        assert_eq!([Tiyn(0), Tiyn(7), Tiyn(35_050)].map(|it| it.to_string()), ["0.00", "0.07", "350.50"]);
    }

    fn options() -> impl Strategy<Value = LetterOptions> {
        let local = prop_oneof!["letter", "postcard", "registered", "valued"];
        (local, any::<bool>()).prop_map(|(local, colour)| {
            let local = if colour { format!("{local}+colour") } else { local };
            local.parse().unwrap()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn p7_more_never_costs_less(options in options(), sheets in 0u32..1_000_000) {
            let price = TARIFF.price(options, sheets);
            prop_assert!(TARIFF.price(options, sheets + 1) >= price);
            let in_colour = LetterOptions { colour: Colour::Colour, ..options };
            let unregistered = LetterOptions { class: Class::Ordinary, ..options };
            prop_assert!(TARIFF.price(in_colour, sheets) >= price);
            prop_assert!(TARIFF.price(unregistered, sheets) <= price);
        }

        #[test]
        fn p7_given_and_due_make_the_price_or_more(price in any::<u64>(), given in any::<u64>()) {
            let account = Account { price: Tiyn(price), given: Tiyn(given) };
            prop_assert!(given.saturating_add(account.due().0) >= price);
            prop_assert_eq!(account.state() == PaymentState::Paid, given >= price);
            prop_assert_eq!(account.state() == PaymentState::Unpaid, given == 0 && price > 0);
        }
    }
}
