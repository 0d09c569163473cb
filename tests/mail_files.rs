//! Mailboxes come from other mail programs and go to them; Python's `mailbox` module is the other program.

use crate::support::Demo;

#[test]
fn another_program_reads_what_is_exported_and_its_files_are_imported() {
    let demo = Demo::start();
    let files = tempfile::tempdir().unwrap();
    demo.python(
        "mail_files.py",
        &[crate::support::poshta(), demo.dir().to_str().unwrap(), files.path().to_str().unwrap()],
    );
}

#[test]
fn without_a_server_the_command_does_it_itself() {
    let kept = tempfile::tempdir().unwrap();
    let demo = Demo::start_in(&kept.path().join("data"), &[]);
    demo.python("deposit.py", &["INBOX", "kept through it all"]);
    let (_, dir) = demo.terminate();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(crate::support::poshta());
        command.args(arguments).args(["--account", "user001", "--json", "--dir"]).arg(&dir).current_dir(kept.path());
        let output = crate::support::succeeded(&arguments.join(" "), command.output().unwrap());
        serde_json::from_str::<serde_json::Value>(&output).unwrap()
    };
    // Paths are those of the caller's working directory.
    assert_eq!(run(&["export", "mbox", "out"])["messages"], 1);
    assert_eq!(run(&["import", "mbox", "out/INBOX.mbox", "--folder", "Copy"])["messages"], 1);
    assert_eq!(run(&["import", "mbox", "out/INBOX.mbox", "--folder", "Copy"])["already_there"], 1);
    assert!(kept.path().join("out/INBOX.mbox").is_file());
}

/// `make soak` does it with 100,000 messages: POSHTA_MAIL_FILES.
#[test]
fn many_messages_go_in_and_out_in_200_mb_of_memory() {
    let count = std::env::var("POSHTA_MAIL_FILES").unwrap_or_else(|_| "1500".to_owned());
    let demo = Demo::start();
    let files = tempfile::tempdir().unwrap();
    let (dir, files) = (demo.dir().to_str().unwrap(), files.path().to_str().unwrap());
    println!("{}", demo.python("mail_files_memory.py", &[crate::support::poshta(), dir, files, &count]));
}
