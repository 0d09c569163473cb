//! Requests about who is staff.

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::identity::Role;
use crate::postal::FacilityId;
use crate::server::Services;
use crate::sessions::Grant;

use super::accounts::find;
use super::{Answer, Failure, StaffChange};

/// Who the audit says did it: whoever may speak over the control socket or has the directory.
const OPERATOR: &str = "operator";

pub(super) async fn change(services: &Services, name: &str, role: &str, change: StaffChange) -> Answer {
    let account = find(services, name).await?;
    let role = Role::named(role).filter(|role| Role::OF_STAFF.contains(role)).ok_or_else(|| {
        let names = Role::OF_STAFF.map(Role::name).join(", ");
        Failure { message: format!("there is no role {role:?} of staff; there are {names}") }
    })?;
    let done = match change {
        StaffChange::Grant { facility } => {
            let facility = facility.map(|facility| known(services, &facility)).transpose()?;
            services.sessions.grant(account.id, role, facility.as_ref(), OPERATOR, None).await
        }
        StaffChange::Revoke => services.sessions.revoke(account.id, role, OPERATOR, None).await,
    };
    done.map_err(|error| Failure::from_error(&error))?;
    let id = account.id;
    let grants = services.store.read(move |view| view.grants(id)).await.map_err(|error| Failure::from_error(&error))?;
    Ok(Value::Array(grants.iter().map(|grant| shown(&account.login, grant)).collect()))
}

pub(super) async fn list(services: &Services, limit: usize) -> Answer {
    let staff = services.sessions.staff(limit).await.map_err(|error| Failure::from_error(&error))?;
    let rows = staff.iter().flat_map(|staffed| staffed.grants.iter().map(|grant| shown(&staffed.login, grant)));
    Ok(Value::Array(rows.collect()))
}

/// A clerk of a facility that is not there could do nothing.
fn known(services: &Services, text: &str) -> Result<FacilityId, Failure> {
    let id: FacilityId = text.parse().map_err(|error| Failure::from_error(&error))?;
    match services.registry.facility(&id, services.world.now()) {
        Some(_) => Ok(id),
        None => Err(Failure { message: format!("there is no facility {text:?}; `poshta facility list` shows all") }),
    }
}

fn shown(login: &str, grant: &Grant) -> Value {
    let granted = Timestamp::from_microsecond(grant.at_us).ok().map(|at| at.to_string());
    json!({
        "login": login, "role": grant.role().map(Role::name), "facility": grant.facility, "granted": granted,
        "by": grant.by,
    })
}
