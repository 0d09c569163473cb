//! The table that a person sees when the demo is ready.

use std::fmt::Display;

use super::{Facts, User};

/// Users that are named; all others are called alike.
const NAMED_USERS: usize = 2;

/// Addresses, secrets, and commands to copy. The commands work in any other terminal, without the variables too.
pub(super) fn text(facts: &Facts) -> String {
    let mut lines = vec!["Poshta demo is ready. Everything stays on this machine; Ctrl-C ends it.".to_owned()];
    lines.push(String::new());
    lines.extend(table(facts).into_iter().map(|(name, value)| format!("  {name:<18} {value}")));
    lines.push(String::new());
    lines.push("For the commands of the README, in another terminal:".to_owned());
    lines.extend(variables(facts));
    if let [first, others @ ..] = facts.users.as_slice() {
        let second = others.first().unwrap_or(first);
        lines.extend(["Send a letter:".to_owned(), send(facts, first, second)]);
        lines.extend(["Read it, postmarks and all:".to_owned(), read(facts, second)]);
        lines.extend(["Write a letter that goes to paper:".to_owned(), write_paper(facts, first)]);
    }
    lines.extend(["Lease it as the print centre:".to_owned(), lease(facts)]);
    lines.push(String::new());
    lines.join("\n")
}

fn table(facts: &Facts) -> Vec<(&'static str, String)> {
    let password = facts.users.first().map(|user| user.password.as_str()).unwrap_or_default();
    vec![
        ("Users", users(&facts.users)),
        ("Password", format!("{password} (of every user; the login is the part before the @)")),
        ("Send", format!("smtps://{} (TLS), smtp://{} (STARTTLS)", facts.submissions, facts.submission)),
        ("Read", format!("imaps://{} (TLS), imap://{} (STARTTLS)", facts.imaps, facts.imap)),
        ("Other servers", format!("smtp://{}", facts.smtp)),
        (
            "Letters on paper",
            format!("letter@{} with \"Postal-To: name; street; index settlement\"", facts.hybrid_domain),
        ),
        ("Payment signs", facts.dir.join("payment-signs.csv").display().to_string()),
        ("Print and scan", facts.http.clone()),
        ("Print centre", format!("{}, token {}", facts.print_centre.id, facts.print_centre.token)),
        ("Scan centre", format!("{}, token {}", facts.scan_centre.id, facts.scan_centre.token)),
        ("Government peer", format!("{}, certificate {}", facts.peer.name, facts.peer.cert.display())),
        ("Health, metrics", format!("{0}/health/ready, {0}/metrics", facts.operator)),
        ("Test CA", facts.ca.display().to_string()),
        ("Data", facts.dir.display().to_string()),
    ]
}

fn users(users: &[User]) -> String {
    let mut names: Vec<&str> = users.iter().take(NAMED_USERS).map(|user| user.address.as_str()).collect();
    if users.len() > NAMED_USERS
        && let Some(last) = users.last()
    {
        names.extend(["…", last.address.as_str()]);
    }
    names.join(" ")
}

fn variables(facts: &Facts) -> Vec<String> {
    let mut lines = Vec::new();
    if let Ok(program) = std::env::current_exe()
        && let Some(folder) = program.parent()
    {
        lines.push(format!("  export PATH={}:\"$PATH\"", quoted(folder.display())));
    }
    lines.push(format!("  export DIR={} CA={}", quoted(facts.dir.display()), quoted(facts.ca.display())));
    let password = facts.users.first().map(|user| user.password.as_str()).unwrap_or_default();
    lines.push(format!("  export PASSWORD={password}"));
    lines.push(format!("  export PRINT_TOKEN={}", facts.print_centre.token));
    lines.push(format!("  export SCAN_TOKEN={}", facts.scan_centre.token));
    lines.push(String::new());
    lines
}

fn send(facts: &Facts, from: &User, to: &User) -> String {
    let (sender, recipient) = (&from.address, &to.address);
    submit(facts, from, recipient, &format!("From: {sender}\\nTo: {recipient}\\nSubject: Salem\\n\\nAmansyz ba?\\n"))
}

fn write_paper(facts: &Facts, from: &User) -> String {
    let recipient = format!("letter@{}", facts.hybrid_domain);
    submit(
        facts,
        from,
        &recipient,
        &format!(
            "From: {}\\nTo: {recipient}\\nSubject: On paper\\nPostal-To: A. Omarova; Abay 10; 020000 Kokshetau\\n\\nSalem!\\n",
            from.address
        ),
    )
}

fn submit(facts: &Facts, from: &User, recipient: &str, message: &str) -> String {
    let (ca, sender) = (quoted(facts.ca.display()), &from.address);
    format!(
        "  printf '{message}' |\n    curl -sS --crlf --cacert {ca} --user {}:{} --url smtps://{} \\\n      --mail-from {sender} --mail-rcpt {recipient} --upload-file -",
        from.login, from.password, facts.submissions
    )
}

fn read(facts: &Facts, user: &User) -> String {
    format!(
        "  curl -sS --cacert {} --user {}:{} --url 'imaps://{}/INBOX;MAILINDEX=1'",
        quoted(facts.ca.display()),
        user.login,
        user.password,
        facts.imaps
    )
}

fn lease(facts: &Facts) -> String {
    format!(
        "  curl -sS --cacert {} -H 'Authorization: Bearer {}' -H \"Idempotency-Key: $(date +%s%N)\" \\\n    -H 'Content-Type: application/json' --data '{{\"wait_s\":10}}' {}/api/v1/print/lease",
        quoted(facts.ca.display()),
        facts.print_centre.token,
        facts.http
    )
}

/// As a shell takes it for one word.
fn quoted(value: impl Display) -> String {
    let text = value.to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
