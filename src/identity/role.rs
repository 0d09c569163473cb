//! What a principal may do, and the one list of it: tokens of the configuration, staff among the accounts, and the
//! owners of mailboxes all have a role of this enum (least privilege: a role opens what its table names, and no more).

use serde::{Deserialize, Serialize};

/// What a principal may do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Leases and prints letters.
    PrintCentre,
    /// Hands in scanned letters and sees the ones that wait.
    ScanCentre,
    /// Reports what happens to letters on their way.
    Facility,
    /// The operator's staff: the review desk, every item.
    Operator,
    /// P32: an official who controls the order: reads the daily closings of all devices, and the audit (M20).
    Controller,
    /// P32: the head of a facility: reads those of its own devices.
    FacilityHead,
    /// M14: the employee of a facility who registers people at the counter.
    Clerk,
    /// Runs the system: accounts, queues, health; never a letter (M7).
    Administrator,
    /// M23: an information system of a state body, which looks up addresses.
    StateSystem,
    /// The owner of a mailbox, by its login and password; never in the configuration.
    #[serde(skip)]
    Sender,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 10] = [
        Role::PrintCentre,
        Role::ScanCentre,
        Role::Facility,
        Role::Operator,
        Role::Controller,
        Role::FacilityHead,
        Role::Clerk,
        Role::Administrator,
        Role::StateSystem,
        Role::Sender,
    ];

    /// Those that an account may be given; all others belong to machines or follow from having a mailbox.
    pub const OF_STAFF: [Role; 4] = [Role::Clerk, Role::FacilityHead, Role::Controller, Role::Administrator];

    /// As the configuration and rows write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Role::PrintCentre => "print_centre",
            Role::ScanCentre => "scan_centre",
            Role::Facility => "facility",
            Role::Operator => "operator",
            Role::Controller => "controller",
            Role::FacilityHead => "facility_head",
            Role::Clerk => "clerk",
            Role::Administrator => "administrator",
            Role::StateSystem => "state_system",
            Role::Sender => "sender",
        }
    }

    /// The role that is written like this.
    #[must_use]
    pub fn named(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }

    /// It speaks for one facility, which has to be named with it.
    #[must_use]
    pub fn needs_facility(self) -> bool {
        !matches!(self, Role::Operator | Role::Controller | Role::Administrator | Role::StateSystem | Role::Sender)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_is_found_by_its_name_and_by_no_other() {
        for role in Role::ALL {
            assert_eq!(Role::named(role.name()), Some(role));
        }
        assert_eq!(Role::named("root"), None);
    }

    #[test]
    fn m14_a_clerk_belongs_to_a_facility_and_an_administrator_to_none() {
        let with: Vec<_> = Role::OF_STAFF.into_iter().filter(|role| role.needs_facility()).collect();
        assert_eq!(with, [Role::Clerk, Role::FacilityHead]);
    }
}
