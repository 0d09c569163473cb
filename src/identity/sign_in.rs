//! What is signed to prove who somebody is: one short text, the same in whatever language the page is.
//!
//! The invariant: no text of one kind is one of another. The first line names the kind (an application, a confirmation
//! of data and this one each have their own), the second what for, and the nonce makes every text differ; so a
//! signature says one thing, to one browser, once.

use crate::clock::Timestamp;

/// The first line; a later form of the text gets another number.
const HEADING: &str = "poshta-sign-in: 1";

/// What it is proved for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// To get in.
    SignIn,
    /// To go on, before a dangerous act.
    ProveAgain,
}

/// A text to be signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Statement<'a> {
    /// What for.
    pub purpose: Purpose,
    /// Whose pages: a signature for another operator's opens nothing here.
    pub domain: &'a str,
    /// When it was made.
    pub issued: Timestamp,
    /// Until when its signature is taken.
    pub until: Timestamp,
    /// Stands in no other text.
    pub nonce: &'a str,
}

impl Purpose {
    /// As the text and the nonce have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Purpose::SignIn => "sign-in",
            Purpose::ProveAgain => "prove-again",
        }
    }

    /// For whoever reads what the signing program shows, in the three languages.
    fn told(self) -> &'static str {
        match self {
            Purpose::SignIn => "Пошта жәшігіне кіру / Вход в почтовый ящик / Sign in to the mailbox",
            Purpose::ProveAgain => "Жәшік иесін растау / Подтверждение владельца ящика / Confirm the mailbox owner",
        }
    }
}

impl Statement<'_> {
    /// The text: UTF-8, one line a field, each ended by a line feed.
    #[must_use]
    pub fn text(&self) -> String {
        let Statement { purpose, domain, issued, until, nonce } = self;
        format!(
            "{HEADING}\npurpose: {}\ndomain: {domain}\nissued: {issued}\nsign-before: {until}\nnonce: {nonce}\n\
             statement: {}: {domain}\n",
            purpose.name(),
            purpose.told()
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATEMENT: Statement<'_> = Statement {
        purpose: Purpose::SignIn,
        domain: "poshta.example",
        issued: Timestamp::UNIX_EPOCH,
        until: Timestamp::UNIX_EPOCH,
        nonce: "AAAA",
    };

    #[test]
    fn the_text_is_seven_lines_of_utf_8() {
        let text = STATEMENT.text();
        let names: Vec<&str> = text.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect();
        let expected = ["poshta-sign-in", "purpose", "domain", "issued", "sign-before", "nonce", "statement"];
        assert_eq!(names, expected);
        assert!(text.ends_with(": poshta.example\n") && !text.contains('\r'), "{text}");
    }

    fn statements() -> impl Strategy<Value = (bool, String, i32, i32, String)> {
        (any::<bool>(), "[a-z]{1,8}\\.kz", any::<i32>(), any::<i32>(), "[A-Za-z0-9_-]{4,54}")
    }

    fn text((is_first, domain, issued, until, nonce): &(bool, String, i32, i32, String)) -> String {
        let at = |second: i32| Timestamp::from_second(second.into()).unwrap();
        let purpose = if *is_first { Purpose::SignIn } else { Purpose::ProveAgain };
        Statement { purpose, domain, issued: at(*issued), until: at(*until), nonce }.text()
    }

    proptest! {
        #[test]
        fn two_texts_are_the_same_only_if_all_in_them_is(one in statements(), other in statements()) {
            prop_assert_eq!(text(&one) == text(&other), one == other);
        }

        #[test]
        fn a_text_is_none_of_another_kind(one in statements()) {
            prop_assert!(crate::identity::application::number_in(text(&one).as_bytes()).is_none());
            prop_assert!(!text(&one).starts_with("poshta-profile"));
        }
    }
}
