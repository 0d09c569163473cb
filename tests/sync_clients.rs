//! Round trips with programs that people use: mbsync and curl.

use std::fs;
use std::process::Command;

use crate::support::{Demo, succeeded};

#[test]
fn mbsync_takes_a_letter_home_and_brings_a_flag_back() {
    let demo = Demo::start();
    let home = tempfile::tempdir().unwrap();
    let maildir = home.path().join("mail");
    fs::create_dir(&maildir).unwrap();
    let port = demo.fact("/imaps").rsplit(':').next().unwrap().to_owned();
    let configuration = format!(
        "IMAPAccount poshta\nHost localhost\nPort {port}\nUser {}\nPass {}\nSSLType IMAPS\nCertificateFile {}\nAuthMechs LOGIN\n\n\
         IMAPStore far\nAccount poshta\n\nMaildirStore near\nPath @MAIL@/\nInbox @MAIL@/INBOX\nSubFolders Verbatim\n\n\
         Channel poshta\nFar :far:\nNear :near:\nPatterns INBOX Sent\nCreate Both\nExpunge Both\nSyncState *\n",
        demo.fact("/users/0/login"),
        demo.fact("/users/0/password"),
        demo.fact("/ca"),
    )
    .replace("@MAIL@", maildir.to_str().unwrap());
    let rc = home.path().join("mbsyncrc");
    fs::write(&rc, configuration).unwrap();
    demo.python("deposit.py", &["INBOX", "taken home"]);
    let mbsync = || succeeded("mbsync", Command::new("mbsync").arg("-c").arg(&rc).arg("poshta").output().unwrap());
    mbsync();

    let inbox = maildir.join("INBOX");
    let letter = fs::read_dir(inbox.join("new")).unwrap().chain(fs::read_dir(inbox.join("cur")).unwrap());
    let letter = letter.map(|entry| entry.unwrap().path()).next().expect("mbsync brought a letter");
    assert!(fs::read_to_string(&letter).unwrap().contains("taken home"));
    let name = letter.file_name().unwrap().to_str().unwrap();
    let base = name.split(":2,").next().unwrap();
    fs::rename(&letter, inbox.join("cur").join(format!("{base}:2,F"))).unwrap();
    mbsync();
    demo.python("flagged.py", &["INBOX", "taken home"]);
}

#[test]
fn curl_sends_finds_and_reads() {
    let demo = Demo::start();
    let user = format!("{}:{}", demo.fact("/users/0/login"), demo.fact("/users/0/password"));
    let address = demo.fact("/users/0/address");
    let letter = tempfile::NamedTempFile::new().unwrap();
    fs::write(
        letter.path(),
        format!("From: {address}\r\nTo: {address}\r\nSubject: by curl\r\n\r\nHello from curl\r\n"),
    )
    .unwrap();
    let curl = |arguments: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["-sS", "--max-time", "30", "--cacert", demo.fact("/ca"), "-u", &user]).args(arguments);
        succeeded("curl", command.output().unwrap())
    };
    let port = |name: &str| demo.fact(name).rsplit(':').next().unwrap().to_owned();
    let url = format!("smtps://localhost:{}/client.example", port("/submissions"));
    curl(&["--url", &url, "--mail-from", address, "--mail-rcpt", address, "-T", letter.path().to_str().unwrap()]);
    let inbox = format!("imap://localhost:{}/INBOX", port("/imap"));
    let found = curl(&["--ssl-reqd", &format!("{inbox}?SUBJECT%20curl")]);
    assert_eq!(found.trim_end(), "* SEARCH 1");
    assert!(curl(&["--ssl-reqd", &format!("{inbox};MAILINDEX=1")]).ends_with("Hello from curl\r\n"));
}
