//! A government system hands in an official letter over port 25 with its client certificate.

use crate::support::Demo;

#[test]
fn a_peers_letter_is_official_and_the_journal_names_the_peer() {
    let demo = Demo::start();
    demo.python("government_letter.py", &[]);
    let journal: String = std::fs::read_dir(demo.dir().join("journal"))
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    let official: Vec<&str> = journal.lines().filter(|line| line.contains("gov.example")).collect();
    assert_eq!(official.len(), 1, "one accept impression names the peer:\n{journal}");
    assert!(official[0].contains("accept"), "{}", official[0]);
}
