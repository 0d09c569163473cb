//! docs/standards.md and docs/rules.md say the truth: the tables are compared with a running server and with the tree.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::Demo;

const STANDARDS: &str = include_str!("../docs/standards.md");
const RULES: &str = include_str!("../docs/rules.md");

/// The rows of all tables of a page, without heads.
fn rows(page: &str) -> Vec<Vec<&str>> {
    page.lines()
        .filter(|line| line.starts_with('|') && !line.starts_with("|---"))
        .map(|line| line.trim().trim_start_matches('|').trim_end_matches('|').split('|').map(str::trim).collect())
        .filter(|row: &Vec<&str>| !matches!(row[0], "standard" | "id"))
        .collect()
}

/// What stands between back quotes.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_standard_has_a_state_and_no_means_not_announced() {
    let demo = Demo::start();
    let said: Value = serde_json::from_str(demo.python("announced.py", &[]).lines().last().unwrap()).unwrap();
    for (section, doors) in [("## Mail transport", "smtp"), ("## Mail access", "imap")] {
        let page = STANDARDS.split_once(section).unwrap().1;
        let page = page.split("\n## ").next().unwrap();
        let (mut stands, mut denied) = (BTreeSet::new(), BTreeSet::new());
        for row in rows(page) {
            let [standard, _, state, announced, ..] = row[..] else { panic!("{row:?} has too few cells") };
            let names = quoted(announced).into_iter().map(str::to_owned);
            match state {
                "yes" | "partly" => stands.extend(names),
                "no" => denied.extend(names),
                other => panic!("{standard}: no state is {other:?}"),
            }
        }
        let announced: BTreeSet<String> = said[doors].as_object().unwrap().values().flat_map(names).collect();
        assert!(announced.len() >= 9, "{announced:?}");
        let unknown: Vec<_> = announced.difference(&stands).collect();
        assert!(
            unknown.is_empty(),
            "announced, but not in {section} of docs/standards.md as yes or partly: {unknown:?}"
        );
        let silent: Vec<_> = stands.difference(&announced).collect();
        assert!(silent.is_empty(), "in {section} of docs/standards.md, but nowhere announced: {silent:?}");
        let both: Vec<_> = announced.intersection(&denied).collect();
        assert!(both.is_empty(), "announced, but docs/standards.md says no: {both:?}");
    }
}

fn names(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_is_announced_depends_on_tls_and_login() {
    let demo = Demo::start();
    let said: Value = serde_json::from_str(demo.python("announced.py", &[]).lines().last().unwrap()).unwrap();
    let has = |door: &str, name: &str| names(said.pointer(door).unwrap()).contains(&name.to_owned());
    for door in ["/smtp/smtp plain", "/smtp/submission plain"] {
        assert!(has(door, "STARTTLS") && !has(door, "AUTH PLAIN"), "{door}");
    }
    for door in ["/smtp/submission TLS", "/smtp/submissions TLS"] {
        assert!(!has(door, "STARTTLS") && has(door, "AUTH PLAIN"), "{door}");
    }
    assert!(!has("/smtp/submissions login", "AUTH PLAIN"), "RFC 4954 §4: not again after a login");
    assert!(has("/imap/imap plain", "LOGINDISABLED") && !has("/imap/imap plain", "AUTH=PLAIN"));
    assert!(has("/imap/imaps TLS", "AUTH=PLAIN") && !has("/imap/imaps TLS", "STARTTLS"));
    assert!(has("/imap/imaps login", "IDLE") && !has("/imap/imaps login", "AUTH=PLAIN"));
}

#[test]
fn every_rule_is_there_once_with_a_state() {
    let mut expected: Vec<String> = (1..=32).map(|number| format!("P{number}")).collect();
    expected.extend((1..=27).map(|number| format!("M{number}")));
    let rows = rows(RULES);
    let ids: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(ids, expected);
    for row in &rows {
        let [id, _, code, tests, state] = row[..] else { panic!("{row:?} has not five cells") };
        let word = ["done", "partly", "not yet", "physical-only"].into_iter().find(|word| state.starts_with(word));
        let word = word.unwrap_or_else(|| panic!("{id}: no state is {state:?}"));
        let empty = quoted(code).is_empty() && quoted(tests).is_empty();
        assert!(empty == (word == "not yet" || state.contains("nothing to build")), "{id}: {state}");
        assert!(word != "done" || empty || !quoted(tests).is_empty(), "{id} is done without a test");
    }
}

#[test]
fn every_file_and_test_that_the_rules_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    collect(&root.join("src"), &mut sources);
    collect(&root.join("tests"), &mut sources);
    let text: String = sources.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let tests: BTreeSet<&str> = text
        .split("fn ")
        .skip(1)
        .map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap())
        .collect();
    for row in rows(RULES) {
        for path in quoted(row[2]).into_iter().filter(|name| name.contains('/') && !name.starts_with('/')) {
            assert!(root.join("src").join(path).exists(), "{}: there is no src/{path}", row[0]);
        }
        for name in quoted(row[2]).into_iter().filter(|name| !name.contains('/')) {
            let last = name.rsplit("::").next().unwrap();
            assert!(text.contains(last), "{}: nothing is called {name}", row[0]);
        }
        for name in quoted(row[3]) {
            let there = match name.strip_suffix('*') {
                Some(prefix) => tests.iter().any(|test| test.starts_with(prefix)),
                None => tests.contains(name),
            };
            assert!(there, "{}: there is no test {name}", row[0]);
        }
    }
}

fn collect(folder: &Path, sources: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
}
