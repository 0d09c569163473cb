//! How a mailbox comes into the unified base (M23): applied, accepted, created, authorised, in the base.
//!
//! Only forwards: each step is made from the one before it, and no instant lies before that of the step before, even
//! if the clock was set back between them.

use jiff::Timestamp;

/// How a mailbox began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Beginning {
    filed: Option<Filed>,
    created: Timestamp,
}

/// The application behind a mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Filed {
    applied: Timestamp,
    accepted: Timestamp,
}

/// How far a mailbox has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It is there, and its user has not signed in yet.
    Created(Beginning),
    /// The user was authorised. The base has only mailboxes whose person is known (M24), and this one's is not.
    Authorised(Beginning, Timestamp),
    /// It is in the base.
    InBase(Beginning, Entry),
    /// It was closed; before that it may have been in the base.
    Left(Beginning, Option<Entry>, Timestamp),
}

/// How a mailbox got into the base.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// When its user was first authorised.
    pub authorised: Timestamp,
    /// When it was entered.
    pub entered: Timestamp,
}

/// Whether it is known whose a mailbox is: by IIN or BIN (M24).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Person {
    /// By IIN or BIN.
    Known,
    /// A mailbox made by command for nobody in particular.
    Unknown,
}

/// A step on the way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Step {
    /// M12: the application was filed.
    Applied,
    /// M15: it was accepted.
    Accepted,
    /// M15: the mailbox was made.
    Created,
    /// M21: the user was authorised for the first time.
    Authorised,
    /// M23: the mailbox was entered.
    InBase,
    /// The mailbox was closed.
    Left,
}

impl Step {
    /// What it is called in rows of the audit, in JSON and in the keys of texts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Step::Applied => "applied",
            Step::Accepted => "accepted",
            Step::Created => "created",
            Step::Authorised => "authorised",
            Step::InBase => "in_base",
            Step::Left => "left",
        }
    }
}

impl Filed {
    /// An application and its acceptance (M15: creation follows at once, both instants are kept).
    #[must_use]
    pub fn new(applied: Timestamp, accepted: Timestamp) -> Self {
        Filed { applied, accepted: accepted.max(applied) }
    }
}

impl Beginning {
    /// By an application.
    #[must_use]
    pub fn filed(filed: Filed, created: Timestamp) -> Self {
        Beginning { filed: Some(filed), created: created.max(filed.accepted) }
    }

    /// By command, for the operator's own work: without an application.
    #[must_use]
    pub fn by_command(created: Timestamp) -> Self {
        Beginning { filed: None, created }
    }
}

impl Standing {
    /// The user was authorised: login and password, or what stands for them, were right (M21).
    #[must_use]
    pub fn authorised(self, at: Timestamp, person: Person) -> Self {
        match (self, person) {
            (Standing::Created(beginning), Person::Unknown) => {
                Standing::Authorised(beginning, at.max(beginning.created))
            }
            (Standing::Created(beginning), Person::Known) => {
                let authorised = at.max(beginning.created);
                Standing::InBase(beginning, Entry { authorised, entered: authorised })
            }
            (Standing::Authorised(beginning, authorised), Person::Known) => {
                Standing::InBase(beginning, Entry { authorised, entered: at.max(authorised) })
            }
            (Standing::Authorised(..), Person::Unknown) | (Standing::InBase(..) | Standing::Left(..), _) => self,
        }
    }

    /// The mailbox was closed, from whatever step.
    #[must_use]
    pub fn closed(self, at: Timestamp) -> Self {
        match self {
            Standing::Created(beginning) => Standing::Left(beginning, None, at.max(beginning.created)),
            Standing::Authorised(beginning, authorised) => Standing::Left(beginning, None, at.max(authorised)),
            Standing::InBase(beginning, entry) => Standing::Left(beginning, Some(entry), at.max(entry.entered)),
            Standing::Left(..) => self,
        }
    }

    /// Whether the national directory knows it.
    #[must_use]
    pub fn is_in_base(&self) -> bool {
        matches!(self, Standing::InBase(..))
    }

    /// The last step that was made.
    #[must_use]
    pub fn step(&self) -> Step {
        match self {
            Standing::Created(_) => Step::Created,
            Standing::Authorised(..) => Step::Authorised,
            Standing::InBase(..) => Step::InBase,
            Standing::Left(..) => Step::Left,
        }
    }

    /// Every step that was made, with its instant, in order.
    #[must_use]
    pub fn steps(&self) -> Vec<(Step, Timestamp)> {
        let (beginning, authorised, entered, left) = match *self {
            Standing::Created(beginning) => (beginning, None, None, None),
            Standing::Authorised(beginning, authorised) => (beginning, Some(authorised), None, None),
            Standing::InBase(beginning, entry) => (beginning, Some(entry.authorised), Some(entry.entered), None),
            Standing::Left(beginning, entry, left) => {
                (beginning, entry.map(|entry| entry.authorised), entry.map(|entry| entry.entered), Some(left))
            }
        };
        let filed = beginning.filed;
        let steps = [
            (Step::Applied, filed.map(|filed| filed.applied)),
            (Step::Accepted, filed.map(|filed| filed.accepted)),
            (Step::Created, Some(beginning.created)),
            (Step::Authorised, authorised),
            (Step::InBase, entered),
            (Step::Left, left),
        ];
        steps.into_iter().filter_map(|(step, at)| Some((step, at?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn filed() -> Beginning {
        Beginning::filed(Filed::new(at(10), at(20)), at(30))
    }

    #[test]
    fn m23_a_mailbox_goes_from_application_to_the_base() {
        let standing = Standing::Created(filed()).authorised(at(40), Person::Known);
        assert!(standing.is_in_base());
        let steps = [
            (Step::Applied, at(10)),
            (Step::Accepted, at(20)),
            (Step::Created, at(30)),
            (Step::Authorised, at(40)),
            (Step::InBase, at(40)),
        ];
        assert_eq!(standing.steps(), steps);
    }

    #[test]
    fn m23_a_mailbox_whose_person_is_not_known_is_authorised_and_not_in_the_base() {
        let standing = Standing::Created(Beginning::by_command(at(1))).authorised(at(2), Person::Unknown);
        assert_eq!((standing.step(), standing.is_in_base()), (Step::Authorised, false));
        let later = standing.authorised(at(5), Person::Known);
        assert_eq!(later.steps().last(), Some(&(Step::InBase, at(5))));
    }

    #[test]
    fn m23_closing_takes_a_mailbox_out_of_the_base_for_ever() {
        let left = Standing::Created(filed()).authorised(at(40), Person::Known).closed(at(50));
        assert!(!left.is_in_base());
        assert_eq!(left.authorised(at(60), Person::Known), left);
        assert_eq!(left.closed(at(70)), left);
        assert_eq!(left.steps().last(), Some(&(Step::Left, at(50))));
    }

    #[test]
    fn m23_only_the_first_authorisation_counts() {
        let first = Standing::Created(filed()).authorised(at(40), Person::Known);
        assert_eq!(first.authorised(at(90), Person::Known), first);
    }

    proptest! {
        #[test]
        fn m23_steps_go_only_forwards_whatever_the_clock_shows(
            instants in prop::array::uniform3(0_i64..100),
            acts in prop::collection::vec((0_u8..3, 0_i64..100), 0..8),
        ) {
            let [applied, accepted, created] = instants.map(at);
            let mut standing = Standing::Created(Beginning::filed(Filed::new(applied, accepted), created));
            let mut before = standing.step();
            for (act, second) in acts {
                standing = match act {
                    0 => standing.authorised(at(second), Person::Known),
                    1 => standing.authorised(at(second), Person::Unknown),
                    _ => standing.closed(at(second)),
                };
                prop_assert!(standing.step() >= before);
                before = standing.step();
                let steps = standing.steps();
                prop_assert!(steps.is_sorted_by_key(|(step, _)| *step));
                prop_assert!(steps.is_sorted_by_key(|(_, at)| *at));
            }
        }
    }
}
