//! M7, M20: encrypted letters come in over SMTP and out over IMAP as ever, and no file of the data directory has them
//! in plain text; without the operator key nobody reads them.

use std::fs;
use std::path::Path;
use std::process::Command;

use toml::Table;

use crate::support::plain::{Imap, Submission};
use crate::support::served::{Prepared, Served, section};
use crate::support::{poshta, succeeded};

#[test]
fn m20_encrypted_letters_come_back_byte_for_byte_and_lie_nowhere_in_plain_text() {
    let temporary = tempfile::tempdir().unwrap();
    let key_file = temporary.path().join("operator.keys");
    let key = new_key();
    fs::write(&key_file, &key).unwrap();
    // Nothing is hidden by compression, and the large letter goes through a staging file.
    let store = store(&format!("compression = false\nmax_memory_body_bytes = 10000\noperator_key_file = {key_file:?}"));
    let prepared = Prepared::new(&temporary.path().join("data"), store);

    let [before, small, large] =
        [letter("open", 1), letter("lit-de-justice", 1), letter("zhabyq-khat", 2_000)].map(String::into_bytes);
    let server = prepared.serve(&[]);
    submit(&server, &before);
    server.stop();
    assert!(is_in_a_file("open", &prepared.dir), "a letter that is not encrypted is found");

    prepared.configure_store(self::store("encryption = true"));
    // Nobody listens there: the letter waits.
    prepared.configure(|config| {
        section(config, "outbound").insert("next_hop".into(), "127.0.0.1:1".into());
    });
    let server = prepared.serve(&[]);
    submit(&server, &small);
    submit(&server, &large);
    // For whom a letter waits, and of whom somebody read in the audit.
    submit_to(&server, "qarlyghash@elsewhere.example", &small);
    server.poshta(&["audit", "list", "--actor", "sandughash"]);
    assert!(server.poshta(&["audit", "list"]).contains("sandughash"));
    assert!(server.poshta(&["queue", "list"]).contains("qarlyghash@elsewhere.example"));
    server.poshta(&["audit", "verify"]);
    assert_received(&server, &[&before, &small, &large]);
    let secrets = ["lit-de-justice", "zhabyq-khat", "qarlyghash", "sandughash"];
    let found = || secrets.map(|secret| is_in_a_file(secret, &prepared.dir));
    assert_eq!(found(), [false; 4], "{secrets:?}");
    server.stop();
    assert_eq!(found(), [false; 4], "{secrets:?}");

    fs::write(&key_file, new_key()).unwrap();
    let said = refusal(&prepared);
    let (id, _) = key.split_once(':').unwrap();
    assert!(
        said.contains(&format!("wrapped with operator key {id}, which is not in {}", key_file.display())),
        "{said}"
    );

    fs::write(&key_file, &key).unwrap();
    let server = prepared.serve(&[]);
    assert_received(&server, &[&before, &small, &large]);
    server.poshta(&["store", "check"]);
    server.stop();
}

fn store(text: &str) -> Table {
    text.parse().unwrap()
}

/// A line of the file of the operator's keys.
fn new_key() -> String {
    succeeded("store new-key", Command::new(poshta()).args(["store", "new-key"]).output().unwrap())
}

/// The phrase is in its subject, in its text and in the name of its attachment.
fn letter(phrase: &str, lines: usize) -> String {
    format!(
        "From: user001@poshta.example\r\nTo: user002@poshta.example\r\nSubject: About {phrase}\r\n\
         Message-ID: <{phrase}@client.example>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0500\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8; name=\"{phrase}.txt\"\r\n\r\n{}",
        format!("Nobody but its reader knows of {phrase}.\r\n").repeat(lines)
    )
}

fn submit(server: &Served, letter: &[u8]) {
    submit_to(server, "user002@poshta.example", letter);
}

fn submit_to(server: &Served, to: &str, letter: &[u8]) {
    let mut client = Submission::login(server.submission(), "user001", &server.password).unwrap();
    let reply = client.letter("user001@poshta.example", &[to], letter).unwrap();
    assert!(reply.starts_with("250 "), "{reply}");
}

/// Headers of the server stand above what was sent.
fn assert_received(server: &Served, letters: &[&[u8]]) {
    let mut client = Imap::login(server.imap(), "e", "user002", &server.password).unwrap();
    client.ok("EXAMINE INBOX").unwrap();
    for (number, letter) in (1..).zip(letters) {
        let received = client.message(number).unwrap();
        assert!(received.ends_with(letter), "message {number}: {}", String::from_utf8_lossy(&received));
    }
    // Also where the whole letter is not asked for.
    let answer = client.ok("FETCH 3 (ENVELOPE BODYSTRUCTURE BODY.PEEK[TEXT]<40.38>)").unwrap();
    assert!(answer.untagged.concat().contains("zhabyq-khat"), "{:?}", answer.untagged);
}

/// Why the server does not start.
fn refusal(prepared: &Prepared) -> String {
    let config = prepared.dir.join("poshta.toml");
    let output = Command::new(poshta()).args(["serve", "--config"]).arg(config).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    said.lines().last().unwrap_or_default().to_owned()
}

fn is_in_a_file(phrase: &str, dir: &Path) -> bool {
    fs::read_dir(dir).unwrap().any(|entry| {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        (kind.is_dir() && is_in_a_file(phrase, &entry.path()))
            || (kind.is_file()
                && fs::read(entry.path()).unwrap().windows(phrase.len()).any(|window| window == phrase.as_bytes()))
    })
}
