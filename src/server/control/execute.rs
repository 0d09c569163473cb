//! From a request to an answer.

use std::error::Error;
use std::fmt::Display;

use serde::Serialize;
use serde_json::Value;

use crate::publisher::Checked;
use crate::retention::Speed;
use crate::server::Services;
use crate::store::check::Verdict;
use crate::store::compact::{Compacted, Thoroughness};
use crate::store::rewrite::Rewritten;

use super::audited::{Deed, deed};
use super::{
    ACTOR, Answer, Failure, Letters, Meter, Request, accounts, agreements, audit, closings, desk, devices, log,
    mail_files, notices, payment, staff,
};

/// Does what is asked.
///
/// # Errors
/// A negative answer, in words.
pub async fn execute(services: &Services, request: Request, meter: &Meter) -> Answer {
    // M20: what belongs to somebody is not shown or changed before it is written down.
    if let Deed::Before(action, object) = deed(&request) {
        let object = object.named(&services.accounts).await?;
        let noted = services.audit.note(ACTOR, action, &object, None).await;
        noted.map_err(|error| Failure::from_error(&error))?;
    }
    match request {
        Request::AccountAdd(new) => accounts::add(services, new).await,
        Request::AccountList(page) => accounts::list(services, page).await,
        Request::AccountShow(name) => accounts::show(services, &name.name).await,
        Request::AccountPassword { name, password } => accounts::set_password(services, &name, &password).await,
        Request::AccountQuota { name, change } => accounts::set_quota(services, &name, change).await,
        Request::AccountReceipts { name, consent } => accounts::receipts(services, &name, consent).await,
        Request::AccountClose { name, letters: Letters::AsConfigured } => accounts::close(services, &name).await,
        Request::AccountClose { name, letters: Letters::Destroyed } => accounts::destroy(services, &name).await,
        Request::StaffChange { name, role, change } => staff::change(services, &name, &role, change).await,
        Request::StaffList { limit } => staff::list(services, limit).await,
        Request::QueueList(list) => desk::queue_list(services, list).await,
        Request::QueueShow(item) => desk::queue_show(services, &item.item).await,
        Request::QueueChange { item, action } => desk::queue_change(services, &item, action).await,
        Request::PrintList(wanted) => desk::print_list(services, wanted).await,
        Request::PrintShow(item) => desk::print_show(services, &item.item).await,
        Request::PrintCancel(item) => desk::print_cancel(services, &item.item).await,
        Request::PaymentImport { signs } => payment::import(services, signs).await,
        Request::PaymentList { after, limit } => payment::list(services, after.as_deref(), limit).await,
        Request::PaymentShow { sign } => payment::show(services, &sign).await,
        Request::PaymentWithdraw { signs, reason } => payment::withdraw(services, &signs, &reason).await,
        Request::PaymentTerms { name, change } => payment::terms(services, &name, change).await,
        Request::ScanList(list) => desk::scan_list(services, list).await,
        Request::ScanShow(item) => desk::scan_show(services, &item.item).await,
        Request::ScanAssign { item, address } => desk::scan_assign(services, &item, &address).await,
        Request::ScanReject { item, reason } => desk::scan_reject(services, &item, &reason).await,
        Request::PublishedMarks => json(&*services.devices.marks()),
        Request::DeviceRotate { device, key_file } => devices::rotate(services, &device, key_file).await,
        Request::DeviceStates => json(services.devices.shown()),
        Request::DeviceHandle { device, handling } => devices::handle(services, &device, handling).await,
        Request::DeviceUnlock { device, reason } => devices::unlock(services, &device, &reason).await,
        Request::ClosingList(wanted) => closings::list(services, wanted).await,
        Request::AgreementList => agreements::list(services).await,
        Request::AgreementShow { version } => agreements::show(services, version).await,
        Request::AgreementPublish(wanted) => agreements::publish(services, wanted).await,
        Request::ClosingShow { device, day } => closings::show(services, &device, &day).await,
        Request::MailFiles { direction, files } => mail_files(services, direction, files, meter.clone()).await,
        Request::NoticeAdd(wanted) => notices::add(services, wanted).await,
        Request::NoticeList => notices::list(services),
        Request::NoticeWithdraw { number } => notices::withdraw(services, number).await,
        Request::AuditList(wanted) => audit::list(services, wanted).await,
        Request::AuditVerify { head, key } => audit::verify(services, head, key).await,
        Request::AuditHead => audit::head(services).await,
        Request::LogShow => log::show(services).await,
        Request::LogProof { impression } => log::prove(services, &impression).await,
        Request::LogCheck => log::check(services).await,
        Request::LogResume { checkpoint } => log::resume(services, checkpoint).await,
        Request::StoreStats => blocking(services, |services| services.store.stats()).await,
        Request::StoreCheck => check(services).await,
        Request::StoreCompact => compact(services, meter.clone()).await,
        Request::StoreExpire(mode) => {
            let expired = services.retention.sweep(mode, Speed::Full, |done| meter.note(done)).await;
            expired.map_err(|error| Failure::from_error(&error)).and_then(json)
        }
        Request::StoreRotateKey => blocking(services, |services| services.store.rotate_keys()).await,
        Request::StoreBackup { dir } => {
            let meter = meter.clone();
            let back_up = move |services: Services| {
                services.store.backup(&dir, services.world.now(), &mut |done| meter.note(done))
            };
            blocking(services, back_up).await
        }
    }
}

/// What `store check` found.
#[derive(Serialize)]
struct Found {
    #[serde(flatten)]
    store: Verdict,
    log: Checked,
}

async fn check(services: &Services) -> Answer {
    let check = |services: Services| {
        Ok::<_, Box<dyn Error + Send + Sync>>(Found {
            store: services.store.check()?,
            log: services.publisher.check()?,
        })
    };
    blocking(services, check).await
}

/// What `store compact` did.
#[derive(Serialize)]
struct Tidied {
    #[serde(flatten)]
    packs: Compacted,
    rows: Rewritten,
}

/// What a person asks for is done as thoroughly and as fast as it goes.
async fn compact(services: &Services, meter: Meter) -> Answer {
    let all = Thoroughness { dead_percent: 1, bytes_per_s: 0 };
    let tidy = move |services: Services| {
        let packs = services.store.compact(all, &mut |done| meter.note(done))?;
        let rows = services.store.rewrite_rows(0, &mut |done| meter.note(done))?;
        Ok::<_, crate::store::Error>(Tidied { packs, rows })
    };
    blocking(services, tidy).await
}

/// Runs what reads the whole directory off the threads that serve everybody.
pub(super) async fn blocking<T: Serialize + Send + 'static, E: Display + Send + 'static>(
    services: &Services,
    work: impl FnOnce(Services) -> Result<T, E> + Send + 'static,
) -> Answer {
    let services = services.clone();
    let done = tokio::task::spawn_blocking(move || work(services)).await;
    done.map_err(|error| Failure::from_error(&error))?.map_err(|error| Failure::from_error(&error)).and_then(json)
}

pub(super) fn json<T: Serialize>(data: T) -> Answer {
    serde_json::to_value(data).map_err(|error| Failure::from_error(&error))
}

/// The item that a command names.
pub(super) fn item_id<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|error: T::Err| Failure::from_error(&error))
}

/// An answer that says only that it is done.
pub(super) fn done() -> Answer {
    Ok(Value::Object(serde_json::Map::from_iter([("done".to_owned(), Value::Bool(true))])))
}
