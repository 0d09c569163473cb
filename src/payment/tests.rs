//! Signs, balances and contracts over a real store.

use std::sync::Arc;

use test_case::test_case;

use super::*;
use crate::clock::{Clock, SystemEntropy};
use crate::postal::Standing;
use crate::store::payments::OwnWay;

/// Payments of a test's store, as the example configuration has them.
pub(crate) fn payments(store: &Store, registry: &Arc<Registry>, world: &World) -> Payments {
    with(Settings::default(), store, registry, world)
}

fn with(settings: Settings, store: &Store, registry: &Arc<Registry>, world: &World) -> Payments {
    let (registry, store, world) = (Arc::clone(registry), store.clone(), world.clone());
    Payments::new(Parts { settings, registry, facility: "astana-2".into(), store, world })
}

/// Saturday, 21 November 2026.
#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-11-21T07:00:00Z".parse().unwrap()
    }
}

struct Till {
    payments: Payments,
    store: Store,
    _dir: tempfile::TempDir,
}

const ANNA: AccountId = AccountId(7);

/// A price of 350.00 tenge for an ordinary letter of one sheet, 950.00 for a registered one.
fn till(accounts: Way) -> Till {
    till_in(tempfile::tempdir().unwrap(), accounts)
}

fn store_settings() -> crate::store::Settings {
    crate::store::Settings { watermark_bytes: 0, ..Default::default() }
}

fn till_in(dir: tempfile::TempDir, accounts: Way) -> Till {
    let store = Store::open(dir.path(), &store_settings()).unwrap();
    let registry = Arc::new(Registry::parse(include_str!("../../conf/facilities.toml")).unwrap());
    let world = World { clock: Arc::new(Noon), entropy: Arc::new(SystemEntropy) };
    let settings = Settings { accounts, ..Settings::default() };
    Till { payments: with(settings, &store, &registry, &world), store, _dir: dir }
}

/// `A` to `Z` make different codes.
fn code(letter: char) -> String {
    format!("KZ26-TEST-{0}{0}{0}{0}-{0}{0}{0}{0}", letter)
}

fn hash(letter: char) -> SignHash {
    SignHash::of_code(&code(letter)).unwrap()
}

const FILE: &str = "code,kind,issuer,value_tiyn,valid_from,valid_to\n";

fn line(letter: char, rest: &str) -> String {
    format!("{FILE}{},{rest}\n", code(letter))
}

impl Till {
    async fn import(&self, file: &str) -> Result<Imported, OfficeError> {
        self.payments.import(read_signs(file).unwrap(), "test").await
    }

    async fn settle(&self, item: u128, local: &str, signs: &[SignHash]) -> Result<Settlement, PaymentError> {
        let bill = Bill {
            item: ItemId(item),
            payer: Payer::Account(ANNA),
            options: local.parse().unwrap(),
            sheets: 1,
            signs,
            letter: name(item),
        };
        self.payments.settle(&bill).await
    }

    async fn take(&self, settlement: &Settlement, item: u128) -> Result<(), store::Error> {
        let mut batch = Batch::new();
        settlement.add_to_batch(&mut batch, ItemId(item), Noon.now(), None)?;
        self.store.commit(batch).await.map(drop)
    }

    async fn standing(&self, letter: char) -> Standing {
        self.payments.sign(hash(letter)).await.unwrap().sign.standing
    }

    async fn paid(&self, item: u128) -> ItemPayment {
        self.store.read(move |view| view.item_payment(ItemId(item))).await.unwrap().unwrap()
    }

    async fn is_sound(&self) -> bool {
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || store.check().unwrap()).await.unwrap().is_sound()
    }
}

fn name(item: u128) -> LetterName {
    LetterName::of(&item.to_string(), std::iter::empty(), BodyId([0; 32]))
}

#[tokio::test]
async fn p20_a_sign_pays_once_and_for_one_item() {
    let till = till(Way::Prepaid);
    till.import(&line('A', "state,KZ,35000,2026-01-01,2026-12-31")).await.unwrap();
    let first = till.settle(1, "letter", &[hash('A')]).await.unwrap();
    assert_eq!(first.due(), Tiyn(0));
    assert_eq!(till.standing('A').await, Standing::Issued, "nothing is taken before the commit");
    let racing = till.settle(2, "letter", &[hash('A')]).await.unwrap();
    till.take(&first, 1).await.unwrap();
    assert_eq!(till.standing('A').await, Standing::Cancelled(ItemId(1)));
    let lost = till.take(&racing, 2).await;
    assert!(matches!(lost, Err(store::Error::Conflict(_))), "{lost:?}");
    let again = till.settle(2, "letter", &[hash('A')]).await.unwrap();
    assert_eq!(again.due(), Tiyn(35_000), "P22: for another item it pays nothing");
    let paid = till.paid(1).await;
    assert_eq!((paid.by_signs, paid.due, paid.signs), (Tiyn(35_000), Tiyn(0), vec![hash('A')]));
    assert!(till.is_sound().await);
}

#[tokio::test]
async fn p20_the_same_letter_is_known_when_it_comes_again() {
    let till = till(Way::Prepaid);
    till.import(&line('A', "state,KZ,35000,,")).await.unwrap();
    let signs = [hash('A')];
    assert_eq!(till.payments.accepted_before(&signs, name(1)).await.unwrap(), None);
    let settlement = till.settle(1, "letter", &signs).await.unwrap();
    till.take(&settlement, 1).await.unwrap();
    assert_eq!(till.payments.accepted_before(&signs, name(1)).await.unwrap(), Some(ItemId(1)));
    assert_eq!(till.payments.accepted_before(&signs, name(2)).await.unwrap(), None, "another letter");
    assert_eq!(till.payments.accepted_before(&[], name(1)).await.unwrap(), None);
}

#[test_case("state,KZ,20000,," => Ok((20_000, 15_000)); "underpaid")]
#[test_case("state,KZ,35000,," => Ok((35_000, 0)); "paid")]
#[test_case("operator,kazpost,40000,," => Ok((40_000, 0)); "the operator's own, more than it costs")]
#[test_case("state,KG,35000,," => Ok((0, 35_000)); "of another state")]
#[test_case("operator,dala-express,35000,," => Ok((0, 35_000)); "of another operator")]
#[test_case("state,KZ,35000,2026-11-22," => Ok((0, 35_000)); "from tomorrow on")]
#[test_case("state,KZ,35000,,2026-11-20" => Ok((0, 35_000)); "until yesterday")]
#[tokio::test]
async fn p7_p22_what_is_not_paid_is_due(sign: &str) -> Result<(u64, u64), String> {
    let till = till(Way::Prepaid);
    till.import(&line('A', sign)).await.unwrap();
    let settlement = till.settle(1, "letter", &[hash('A')]).await.map_err(|error| error.to_string())?;
    till.take(&settlement, 1).await.unwrap();
    let paid = till.paid(1).await;
    let is_cancelled = till.standing('A').await != Standing::Issued;
    assert_eq!(is_cancelled, paid.by_signs > Tiyn(0), "P22: what is not valid is not cancelled");
    Ok((paid.by_signs.0, paid.due.0))
}

#[tokio::test]
async fn p7_registered_is_refused_with_price_and_what_is_missing() {
    let till = till(Way::Prepaid);
    till.import(&line('A', "state,KZ,35000,,")).await.unwrap();
    till.import(&line('B', "state,KG,60000,,")).await.unwrap();
    let refused = till.settle(1, "registered", &[hash('A'), hash('B'), hash('C')]).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "a registered letter of 1 sheet(s) costs 950.00 tenge, 350.00 given, 600.00 missing; payment sign 2 is not in \
         circulation here; payment sign 3 is unknown; name signs in Postal-Payment: sign=<code>[,<code>...]"
    );
    assert_eq!(till.standing('A').await, Standing::Issued);
    let valued = till.settle(1, "valued", &[]).await;
    assert!(matches!(valued, Err(PaymentError::Missing(_))));
}

#[tokio::test]
async fn p22_a_withdrawn_sign_stays_uncancelled() {
    let till = till(Way::Prepaid);
    till.import(&line('A', "state,KZ,35000,,")).await.unwrap();
    assert_eq!(till.payments.withdraw(&[hash('A'), hash('A')], "misprint", "test").await.unwrap(), 1);
    assert_eq!(till.payments.withdraw(&[hash('A')], "misprint", "test").await.unwrap(), 0, "again");
    let settlement = till.settle(1, "letter", &[hash('A')]).await.unwrap();
    till.take(&settlement, 1).await.unwrap();
    assert_eq!((till.standing('A').await, till.paid(1).await.due), (Standing::Withdrawn, Tiyn(35_000)));
    let nobody = till.payments.withdraw(&[hash('B')], "x", "test").await;
    assert!(matches!(nobody, Err(OfficeError::NoSuchSign(_))));
    assert!(till.is_sound().await);
}

#[tokio::test]
async fn an_import_is_all_or_nothing_and_may_be_repeated() {
    let till = till(Way::Prepaid);
    let file = format!("{}{},operator,kazpost,10000,,\n", line('A', "state,KZ,35000,,"), code('B'));
    assert_eq!(till.import(&file).await.unwrap(), Imported { new: 2, known: 0 });
    assert_eq!(till.import(&file).await.unwrap(), Imported { new: 0, known: 2 });
    let other = format!("{}{},state,KZ,1,,\n", line('C', "state,KZ,35000,,"), code('A'));
    assert!(matches!(till.import(&other).await, Err(OfficeError::Differs(_))));
    assert!(matches!(till.payments.sign(hash('C')).await, Err(OfficeError::NoSuchSign(_))), "nothing of it is there");
    assert_eq!(till.payments.signs(None, 10).await.unwrap().len(), 2);
    let audit = till.store.read(|view| view.audit_entries(10)).await.unwrap();
    assert_eq!((audit.len(), audit[0].details.as_deref()), (1, Some("2 signs")));
    assert!(till.is_sound().await);
}

#[test_case("", "line 1: the first line names the columns"; "empty")]
#[test_case("code,kind\n", "line 1: the first line names"; "other columns")]
#[test_case("#\ncode,kind,issuer,value_tiyn,valid_from,valid_to\nSECRET,state,KZ,1,,\n", "line 3: a code of a payment sign has"; "short code")]
#[test_case("code,kind,issuer,value_tiyn,valid_from,valid_to\nSECRETSECRETSECRET,stat,KZ,1,,\n", "line 2: kind is"; "kind")]
#[test_case("code,kind,issuer,value_tiyn,valid_from,valid_to\nSECRETSECRETSECRET,state,KZ,0,,\n", "line 2: value_tiyn is"; "value")]
#[test_case("code,kind,issuer,value_tiyn,valid_from,valid_to\nSECRETSECRETSECRET,state,KZ,1,,\nSECRETSECRETSECRET,state,KZ,1,1.1.26,\n", "line 3: \"1.1.26\" is no date"; "day")]
#[test_case("code,kind,issuer,value_tiyn,valid_from,valid_to\nSECRETSECRETSECRET,state,KZ,1,2026-02-01,2026-01-01\n", "line 2: valid_to lies before"; "period")]
#[test_case("code,kind,issuer,value_tiyn,valid_from,valid_to\nSECRETSECRETSECRET,state\n", "line 2: it has 2 columns"; "columns")]
fn what_is_wrong_with_a_file_is_said_without_a_code(file: &str, expected: &str) {
    let error = read_signs(file).unwrap_err().to_string();
    assert!(error.starts_with(expected) && !error.contains("SECRET"), "{error}");
}

#[test_case(Way::Contract, None => (35_000, 0, 0); "all have contracts")]
#[test_case(Way::Prepaid, None => (0, 0, 35_000); "nothing was agreed")]
#[test_case(Way::Prepaid, Some(TermsChange::Contract("7/2026".into())) => (35_000, 0, 0); "this one has a contract")]
#[test_case(Way::Contract, Some(TermsChange::Prepaid) => (0, 0, 35_000); "this one has none")]
#[test_case(Way::Prepaid, Some(TermsChange::Deposit(Tiyn(50_000))) => (0, 35_000, 0); "from the balance")]
#[test_case(Way::Prepaid, Some(TermsChange::Deposit(Tiyn(5_000))) => (0, 5_000, 30_000); "what is left of the balance")]
#[tokio::test]
async fn m3_by_contract_or_from_the_balance(accounts: Way, change: Option<TermsChange>) -> (u64, u64, u64) {
    let till = till(accounts);
    if let Some(change) = change {
        till.payments.change_terms(ANNA, change, "test").await.unwrap();
    }
    let before = till.payments.terms_of(ANNA).await.unwrap();
    let settlement = till.settle(1, "letter", &[]).await.unwrap();
    till.take(&settlement, 1).await.unwrap();
    let (after, paid) = (till.payments.terms_of(ANNA).await.unwrap(), till.paid(1).await);
    assert_eq!(before.balance.0 - after.balance.0, paid.by_balance.0);
    assert_eq!(before.way, after.way);
    assert!(till.is_sound().await);
    (paid.by_contract.0, paid.by_balance.0, paid.due.0)
}

#[tokio::test]
async fn a_balance_is_spent_once() {
    let till = till(Way::Prepaid);
    till.payments.change_terms(ANNA, TermsChange::Deposit(Tiyn(35_000)), "test").await.unwrap();
    let bills = [till.settle(1, "letter", &[]).await.unwrap(), till.settle(2, "letter", &[]).await.unwrap()];
    till.take(&bills[0], 1).await.unwrap();
    assert!(matches!(till.take(&bills[1], 2).await, Err(store::Error::Conflict(_))));
    let terms = till.payments.terms_of(ANNA).await.unwrap();
    assert_eq!((terms.balance, terms.way), (Tiyn(0), OwnWay::AsConfigured));
}

#[tokio::test]
async fn p20_of_two_tasks_one_gets_the_sign() {
    let till = Arc::new(till(Way::Prepaid));
    for (letter, round) in ['A', 'B', 'C', 'D', 'E'].into_iter().zip(0u128..) {
        till.import(&line(letter, "state,KZ,35000,,")).await.unwrap();
        let tasks = [round * 2 + 1, round * 2 + 2].map(|item| {
            let till = Arc::clone(&till);
            tokio::spawn(async move {
                let settlement = till.settle(item, "letter", &[hash(letter)]).await.unwrap();
                let is_paid = settlement.due() == Tiyn(0);
                till.take(&settlement, item).await.is_ok() && is_paid
            })
        });
        let mut paid = 0;
        for task in tasks {
            paid += u32::from(task.await.unwrap());
        }
        assert_eq!(paid, 1);
    }
    assert!(till.is_sound().await);
}

#[tokio::test]
async fn p20_the_same_letter_that_was_accepted_meanwhile_is_told_to_try_again() {
    let till = till(Way::Contract);
    till.import(&line('A', "state,KZ,35000,,")).await.unwrap();
    let settlement = till.settle(1, "letter", &[hash('A')]).await.unwrap();
    till.take(&settlement, 1).await.unwrap();
    let (item, payer, options) = (ItemId(2), Payer::Account(ANNA), "letter".parse().unwrap());
    let bill = Bill { item, payer, options, sheets: 1, signs: &[hash('A')], letter: name(1) };
    let again = till.payments.settle(&bill).await;
    assert!(matches!(again, Err(PaymentError::SameLetter)), "{again:?}");
}

#[tokio::test]
async fn p20_a_sign_stays_cancelled_when_the_rows_are_made_anew() {
    use crate::store::rebuild::{Rebuild, rebuild};
    let till = till(Way::Prepaid);
    till.import(&line('A', "state,KZ,35000,,")).await.unwrap();
    let settlement = till.settle(1, "letter", &[hash('A')]).await.unwrap();
    till.take(&settlement, 1).await.unwrap();
    let Till { payments, store, _dir: dir } = till;
    drop((payments, store));
    std::fs::remove_dir_all(dir.path().join("rows")).unwrap();
    let (settings, caps) = (store_settings(), crate::message::Caps::default());
    let request = Rebuild { dir: dir.path(), backup: None, settings: &settings, caps: &caps, now: Noon.now() };
    rebuild(&request, &mut |_| std::ops::ControlFlow::Continue(())).unwrap();
    let till = till_in(dir, Way::Prepaid);
    assert_eq!(till.standing('A').await, Standing::Cancelled(ItemId(1)));
    assert_eq!(till.settle(2, "letter", &[hash('A')]).await.unwrap().due(), Tiyn(35_000));
    assert!(till.is_sound().await);
}
