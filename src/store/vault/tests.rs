use std::path::Path;

use super::super::Settings;
use super::*;

/// A file with operator keys beside a data directory; the first of `numbers` is the current one.
pub(in crate::store) fn key_file(dir: &Path, numbers: &[u8]) -> PathBuf {
    let lines: Vec<_> =
        numbers.iter().map(|number| format!("{number:08x}:{}", format!("{number:02x}").repeat(32))).collect();
    let path = dir.join("operator.keys");
    fs::write(&path, lines.join("\n")).unwrap();
    path
}

pub(in crate::store) fn settings(dir: &Path, numbers: &[u8]) -> Settings {
    Settings { encryption: true, operator_key_file: key_file(dir, numbers), ..super::super::tests::settings() }
}

fn open(dir: &Path, numbers: &[u8]) -> Result<Vault> {
    Vault::open(dir, &settings(dir, numbers)).map(Option::unwrap)
}

fn refusal(dir: &Path, numbers: &[u8]) -> String {
    match open(dir, numbers) {
        Err(Error::NotPossible(text)) => text,
        other => panic!("{other:?}"),
    }
}

fn data_key() -> DataKey {
    DataKey::from_bytes([9; 32])
}

const BODY: BodyId = BodyId([3; 32]);
const ACCOUNT: Owner = Owner::Account(AccountId(1 << 48 | 77));

#[test]
fn a_data_key_is_unwrapped_by_its_owner_and_for_its_body_only() {
    let dir = tempfile::tempdir().unwrap();
    let vault = open(dir.path(), &[1]).unwrap();
    let wrapped = vault.wrap(ACCOUNT, BODY, &data_key()).unwrap();
    assert_eq!(vault.wrap(ACCOUNT, BODY, &data_key()).unwrap(), wrapped);
    vault.wrap(Owner::Account(AccountId(5)), BODY, &data_key()).unwrap();
    for vault in [vault, open(dir.path(), &[1]).unwrap()] {
        assert_eq!(vault.unwrap(BODY, &wrapped).unwrap().as_bytes(), &[9; 32]);
        assert!(matches!(vault.unwrap(BodyId([4; 32]), &wrapped), Err(Error::Damaged(_))));
        for owner in [Owner::System, Owner::Account(AccountId(5)), Owner::Account(AccountId(6))] {
            assert!(matches!(vault.unwrap(BODY, &WrappedKey { owner, ..wrapped }), Err(Error::Damaged(_))));
        }
    }
}

#[test]
fn without_encryption_and_keys_there_is_no_vault() {
    let dir = tempfile::tempdir().unwrap();
    let off = Settings { encryption: false, ..Settings::default() };
    assert!(Vault::open(dir.path(), &off).unwrap().is_none());
    drop(open(dir.path(), &[1]).unwrap());
    let off = Settings { encryption: false, ..settings(dir.path(), &[1]) };
    let vault = Vault::open(dir.path(), &off).unwrap().unwrap();
    assert!(!vault.seals());
}

#[test]
fn a_missing_or_wrong_operator_key_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let none = Settings { operator_key_file: dir.path().join("none"), ..settings(dir.path(), &[1]) };
    assert!(Vault::open(dir.path(), &none).unwrap_err().to_string().contains("store.operator_key_file"));
    drop(open(dir.path(), &[1]).unwrap());
    assert!(refusal(dir.path(), &[2]).contains("wrapped with operator key 00000001"));
    let other = format!("00000001:{}", "ab".repeat(32));
    let settings = settings(dir.path(), &[1]);
    fs::write(&settings.operator_key_file, other).unwrap();
    let refusal = Vault::open(dir.path(), &settings).unwrap_err().to_string();
    assert!(refusal.contains("not the one"), "{refusal}");
}

#[test]
fn after_a_rotation_only_the_new_operator_key_is_needed() {
    let dir = tempfile::tempdir().unwrap();
    let vault = open(dir.path(), &[1]).unwrap();
    let wrapped = vault.wrap(ACCOUNT, BODY, &data_key()).unwrap();
    let name = vault.name(&[1; 32], b"scope");
    key_file(dir.path(), &[2, 1]);
    let rotated = vault.rotate().unwrap();
    assert_eq!(rotated, Rotated { operator_key: "00000002".into(), keys: 3, damaged: 0 });
    let later = vault.wrap(Owner::Account(AccountId(8)), BODY, &data_key()).unwrap();
    drop(vault);
    let vault = open(dir.path(), &[2]).unwrap();
    assert_eq!(vault.unwrap(BODY, &wrapped).unwrap().as_bytes(), &[9; 32]);
    assert_eq!(vault.unwrap(BODY, &later).unwrap().as_bytes(), &[9; 32]);
    assert_eq!(vault.name(&[1; 32], b"scope"), name);
    drop(vault);
    assert!(refusal(dir.path(), &[1]).contains("00000002"));
}

#[test]
fn a_rotation_that_lacks_a_key_changes_nothing_that_it_cannot_unwrap() {
    let dir = tempfile::tempdir().unwrap();
    let vault = open(dir.path(), &[1]).unwrap();
    let wrapped = vault.wrap(ACCOUNT, BODY, &data_key()).unwrap();
    key_file(dir.path(), &[2]);
    assert!(vault.rotate().unwrap_err().to_string().contains("00000001"));
    drop(vault);
    assert_eq!(open(dir.path(), &[1]).unwrap().unwrap(BODY, &wrapped).unwrap().as_bytes(), &[9; 32]);
}

#[test]
fn a_destroyed_key_never_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let vault = open(dir.path(), &[1]).unwrap();
    let account = AccountId(7);
    let wrapped = vault.wrap(Owner::Account(account), BODY, &data_key()).unwrap();
    assert!(vault.destroy(account).unwrap());
    assert!(!vault.destroy(account).unwrap());
    key_file(dir.path(), &[2, 1]);
    vault.rotate().unwrap();
    for vault in [vault, open(dir.path(), &[2]).unwrap()] {
        let refusals = [
            vault.unwrap(BODY, &wrapped).map(drop),
            vault.wrap(Owner::Account(account), BODY, &data_key()).map(drop),
            vault.account_data_key(account, &[1; 32]).map(drop),
        ];
        for refusal in refusals {
            assert!(matches!(refusal, Err(Error::NotPossible(text)) if text.contains("account 7 was destroyed")));
        }
    }
}

#[test]
fn keys_that_are_not_kept_open_are_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { max_open_keys: 2, ..settings(dir.path(), &[1]) };
    let vault = Vault::open(dir.path(), &settings).unwrap().unwrap();
    let owners: Vec<_> = (1..=5).map(|number| Owner::Account(AccountId(number))).collect();
    let wrapped: Vec<_> = owners.iter().map(|owner| vault.wrap(*owner, BODY, &data_key()).unwrap()).collect();
    for wrapped in &wrapped {
        assert_eq!(vault.unwrap(BODY, wrapped).unwrap().as_bytes(), &[9; 32]);
    }
}

#[test]
fn keys_go_into_a_backup_and_come_back_wrapped_as_they_are() {
    let (dir, backup, again) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let vault = open(dir.path(), &[1]).unwrap();
    let wrapped = vault.wrap(ACCOUNT, BODY, &data_key()).unwrap();
    vault.copy_to(backup.path()).unwrap();
    vault.copy_to(backup.path()).unwrap();
    restore_keys(backup.path(), again.path()).unwrap();
    assert_eq!(open(again.path(), &[1]).unwrap().unwrap(BODY, &wrapped).unwrap().as_bytes(), &[9; 32]);
    assert!(refusal(again.path(), &[2]).contains("00000001"));
}

#[test]
fn what_was_sealed_for_one_owner_is_opened_by_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let vault = open(dir.path(), &[1]).unwrap();
    let sealed = vault.seal(ACCOUNT, b"context", b"plain").unwrap();
    assert_ne!(vault.seal(ACCOUNT, b"context", b"plain").unwrap(), sealed);
    assert_eq!(vault.unseal(ACCOUNT, b"context", &sealed).unwrap(), b"plain");
    assert!(vault.unseal(ACCOUNT, b"another", &sealed).is_err());
    assert!(vault.unseal(Owner::System, b"context", &sealed).is_err());
    assert!(vault.unseal(ACCOUNT, b"context", &sealed[..10]).is_err());
}

#[test]
fn names_tell_nothing_without_the_secret_and_are_the_same_in_the_same_scope() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, other) = (open(one.path(), &[1]).unwrap(), open(other.path(), &[1]).unwrap());
    let hash = *blake3::hash(b"a letter").as_bytes();
    assert_eq!(one.name(&hash, b""), one.name(&hash, b""));
    assert_ne!(one.name(&hash, b""), one.name(&hash, b"scope"));
    assert_ne!(one.name(&hash, b""), other.name(&hash, b""));
    assert_ne!(one.name(&hash, b"").0, hash);
}
