//! Calls of the API that show what belongs to somebody, and so leave an entry in the audit before they are served
//! (M20). What changes something writes its own entry in the batch of the change.

use super::access::{Principal, Role};
use super::routes::Route;

/// Method, path, and what is written down.
const AUDITED: &[(&str, &str, &str)] = &[
    // The letter itself, to the print centre that holds its lease: the one place where somebody else's machine gets it.
    ("get", "/api/v1/print/jobs/{id}/document", "print.document"),
    ("get", "/api/v1/print/batches/{number}/bundle", "print.bundle"),
    ("get", "/api/v1/items/{item_id}", "item.show"),
    ("get", "/api/v1/scan/letters", "scan.list"),
];

/// What is written down of this call; nothing where somebody looks at what is their own.
pub(super) fn action(route: &Route, principal: &Principal) -> Option<&'static str> {
    if principal.role == Role::Sender {
        return None;
    }
    AUDITED
        .iter()
        .find(|(method, path, _)| *method == route.method && *path == route.path)
        .map(|(_, _, action)| *action)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::routes::ROUTES;
    use super::*;

    #[test]
    fn m20_what_is_written_down_is_a_call_that_there_is() {
        for (method, path, _) in AUDITED {
            assert!(ROUTES.iter().any(|route| route.method == *method && route.path == *path), "{method} {path}");
        }
    }

    /// M7: roles of people. Machines of print and scan centres handle letters; no person does.
    pub(crate) const PEOPLE: [Role; 6] =
        [Role::Facility, Role::Operator, Role::Controller, Role::FacilityHead, Role::Clerk, Role::Administrator];

    /// What calls that people of the staff may make can show. A new one has to say what that is.
    const SHOWN_TO_STAFF: &[(&str, &str)] = &[
        ("/api/v1/items/{item_id}/events", "reports what became of an item; answers its state"),
        ("/api/v1/items/{item_id}", "events of an item, its S10 number and state"),
        ("/api/v1/audit", "the audit"),
        ("/api/v1/scan/letters", "sender, recipient, pages and codes of scans that wait"),
        ("/api/v1/scan/letters/{id}/assign", "names the recipient; answers the same facts"),
        ("/api/v1/scan/letters/{id}/reject", "rejects a scan"),
        ("/api/v1/closings", "counts of a device"),
        ("/api/v1/closings/{device}/{day}", "counts of a device"),
    ];

    #[test]
    fn m7_no_call_of_staff_reaches_a_letter() {
        for route in ROUTES.iter().filter(|route| route.roles.iter().any(|role| PEOPLE.contains(role))) {
            let is_known = SHOWN_TO_STAFF.iter().any(|(path, _)| *path == route.path);
            assert!(is_known, "{} {}: say what staff sees there, which is never a letter", route.method, route.path);
        }
        let document = ROUTES.iter().find(|route| route.path.ends_with("/document")).unwrap();
        assert_eq!(
            document.roles,
            [Role::PrintCentre],
            "a letter goes to the centre that prints it, and to nobody else"
        );
    }
}
