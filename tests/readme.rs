//! The tour of README.md: every command in it works as it stands there, and says what stands there.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Demo, poshta, succeeded, terminate};

/// The ports of the README, and the facts that replace them.
const PORTS: &[(&str, &str)] = &[
    ("127.0.0.1:2525", "/smtp"),
    ("127.0.0.1:2587", "/submission"),
    ("127.0.0.1:2465", "/submissions"),
    ("127.0.0.1:2143", "/imap"),
    ("127.0.0.1:2993", "/imaps"),
    ("https://127.0.0.1:2443", "/http"),
    ("http://127.0.0.1:2980", "/operator"),
];

/// A block of commands, and the lines that must be in what they print.
struct Step<'a> {
    line: usize,
    commands: String,
    expected: Vec<&'a str>,
}

#[test]
fn the_five_minute_tour_works_as_written() {
    let readme = include_str!("../README.md");
    let steps = steps(readme);
    assert!(steps.len() >= 8, "the tour has only {} blocks of commands", steps.len());
    let demo = Demo::start();
    let folder = tempfile::tempdir().unwrap();
    for step in steps {
        let printed = run(&demo, folder.path(), &step);
        let mut lines = printed.lines();
        for expected in &step.expected {
            assert!(
                lines.any(|line| fits(line, expected)),
                "README.md, block at line {}: this is not printed, or not in this order:\n{expected}\n--- printed:\n{printed}",
                step.line
            );
        }
    }
}

#[test]
fn the_commands_of_the_demos_table_work_as_printed() {
    let mut demo = Command::new(poshta())
        .args(["demo", "--port-base", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut commands = String::new();
    let mut table = BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(table.any(|line| line.starts_with("For the commands of the README")));
    // Commands are indented, the last of them leases a letter.
    while !commands.contains("/api/v1/print/lease") {
        let line = table.next().expect("the table ends with a lease");
        if line.starts_with("  ") {
            commands += &format!("{line}\n");
        }
    }
    commands +=
        "test -f \"$CA\" && test -d \"$DIR\" && test -n \"$PASSWORD$PRINT_TOKEN$SCAN_TOKEN\"\nposhta --version\n";
    let ran = Command::new("bash").args(["-euo", "pipefail", "-c", &commands]).output();
    // SIGTERM and not SIGKILL: the demo takes its directory with it.
    terminate(&demo);
    assert!(demo.wait().unwrap().success());
    let printed = succeeded(&commands, ran.unwrap());
    for expected in ["Postal-Mark: ", "Amansyz ba?", "\"jobs\":[{", "poshta 0."] {
        assert!(printed.contains(expected), "{expected} is not printed:\n{printed}");
    }
}

#[test]
fn the_picture_of_the_tour_is_there_and_small() {
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures/letter.png");
    assert!(include_str!("../README.md").contains("docs/pictures/letter.png"));
    assert!(picture.metadata().unwrap().len() <= 150 * 1024);
    let page = image::open(picture).unwrap();
    assert!(page.height() * 210 / 297 / 10 == page.width() / 10, "not A4: {}x{}", page.width(), page.height());
}

#[test]
fn links_lead_to_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for page in [
        "README.md",
        "certs/README.md",
        "docs/operator.md",
        "docs/print-centre.md",
        "docs/rules.md",
        "docs/standards.md",
        "docs/status.md",
    ] {
        let file = root.join(page);
        let text = std::fs::read_to_string(&file).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target) {
            let target = target.split('#').next().unwrap();
            let local = !target.is_empty() && !target.contains("://");
            assert!(!local || file.parent().unwrap().join(target).exists(), "{page} links to {target}");
        }
    }
}

/// The fenced blocks between the two comments: `sh` begins a step, `text` is what it prints.
fn steps(readme: &str) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    let mut lines = readme.lines().enumerate().skip_while(|(_, line)| !line.starts_with("<!-- tour"));
    while let Some((number, line)) = lines.next() {
        match line {
            "<!-- end of the tour -->" => return steps,
            "```sh" => {
                let commands: Vec<&str> =
                    lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
                steps.push(Step { line: number + 1, commands: commands.join("\n"), expected: Vec::new() });
            }
            "```text" => {
                let step = steps.last_mut().expect("output without commands");
                step.expected.extend(lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```"));
            }
            other => assert!(!other.starts_with("```"), "line {}: no block of the tour is {other}", number + 1),
        }
    }
    panic!("README.md has no tour, or it has no end");
}

fn run(demo: &Demo, folder: &Path, step: &Step<'_>) -> String {
    let mut commands = step.commands.clone();
    for (written, fact) in PORTS {
        commands = commands.replace(written, demo.fact(fact));
    }
    let programs = Path::new(poshta()).parent().unwrap().display().to_string();
    let mut shell = Command::new("bash");
    shell
        .args(["-euo", "pipefail", "-c", &commands])
        .current_dir(folder)
        .env("PATH", format!("{programs}:{}", std::env::var("PATH").unwrap()))
        .env("DIR", demo.dir())
        .env("CA", demo.fact("/ca"))
        .env("PASSWORD", demo.fact("/users/0/password"))
        .env("PRINT_TOKEN", demo.fact("/print_centre/token"))
        .env("SCAN_TOKEN", demo.fact("/scan_centre/token"));
    succeeded(&format!("README.md, block at line {}", step.line), shell.output().unwrap())
}

/// `…` stands for anything; ids, instants, and long numbers may be others.
fn fits(printed: &str, expected: &str) -> bool {
    let printed = masked(printed);
    let mut rest = printed.as_str();
    let mut anywhere = false;
    for piece in masked(expected).split('…') {
        let Some(at) = rest.find(piece).filter(|at| anywhere || *at == 0) else { return false };
        rest = &rest[at + piece.len()..];
        anywhere = true;
    }
    rest.is_empty() || expected.ends_with('…')
}

/// The line without what differs from run to run, and with single spaces.
fn masked(line: &str) -> String {
    let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut masked = String::new();
    let mut word = String::new();
    for c in words.chars().chain(['\n']) {
        if c.is_ascii_alphanumeric() || "-:.".contains(c) && word.starts_with("20") {
            word.push(c);
            continue;
        }
        masked.push_str(mask(&word));
        word.clear();
        masked.push(c);
    }
    masked.trim_end().to_owned()
}

fn mask(word: &str) -> &str {
    let upper = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase();
    let digits = word.chars().filter(char::is_ascii_digit).count();
    match word.len() {
        26 if word.starts_with('0') && word.chars().all(upper) => "<id>",
        13 if word.ends_with("KZ") && digits == 9 => "<s10>",
        20..=30 if word.ends_with('Z') && word.contains('T') && word.starts_with("20") => "<instant>",
        8 if digits == 8 => "<date token>",
        _ => word,
    }
}

#[test]
fn what_fits_and_what_does_not() {
    assert!(fits("a  01M80054QZFCMW63HMAY7MDKX3; k=deliver", "a 01M7ZZQP3M3SP8X31CSE0X3Z8P; k=deliver"));
    assert!(!fits("a  01M80054QZFCMW63HMAY7MDKX3; k=receive", "a 01M7ZZQP3M3SP8X31CSE0X3Z8P; k=deliver"));
    assert!(fits(r#"{"jobs":[{"pages":1,"sheets":2}]}"#, r#"{"jobs":[…"sheets":2}]}"#));
    assert!(!fits(r#"{"jobs":[]}"#, r#"{"jobs":[…"sheets":2}]}"#));
    assert!(fits("at 2026-11-21T21:28:18Z 22112602", "at 2027-01-02T03:04:05.678Z 02012703"));
    assert!(!fits("problem count 3", "problem count 0"));
}
