//! Clients that note every acknowledgement, and what must be there because of it.
//!
//! Each connection does one thing after the other, and what it does next follows from how much it did. So after any
//! crash its folders must be as they were after what was acknowledged to it, or one step further.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::plain::{Imap, Submission};
use crate::support::served::Served;

/// The accounts that letters are submitted to; the first one submits them, and has the folders.
pub const LOGINS: [&str; 2] = ["user001", "user002"];

const DOMAIN: &str = "poshta.example";

/// Bodies above `store.max_memory_body_bytes` go another way than smaller ones.
const LARGE: usize = 150_000;

/// Each one rewrites all rows too, which is most of what a recording holds.
const MAX_COMPACTIONS: usize = 5;

/// How much there is to do.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    pub submitters: usize,
    pub mail_programs: usize,
    pub letters: usize,
}

/// What was acknowledged to one connection, in order.
#[derive(Clone, Debug, Default)]
pub struct Acknowledged {
    /// What the answer contained, and what nothing else that the server sent did; with the UID that it told.
    pub answers: Vec<(String, Option<u32>)>,
}

/// Everything that was acknowledged.
pub struct Done {
    /// A connection that submits letters to both accounts.
    pub submitters: Vec<Acknowledged>,
    /// A connection that appends, flags, moves, copies and expunges in its folders.
    pub mail_programs: Vec<Acknowledged>,
    /// How often the store was compacted and its rows rewritten meanwhile.
    pub compactions: usize,
}

/// Does all of it, while the store is compacted again and again.
pub fn run(server: &Served, amount: Amount) -> Done {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let compacting = scope.spawn(|| {
            let mut times = 0;
            while times < MAX_COMPACTIONS && !done.load(Ordering::Relaxed) {
                server.poshta(&["store", "compact"]);
                times += 1;
            }
            times
        });
        let submitting: Vec<_> =
            (0..amount.submitters).map(|number| scope.spawn(move || submit(server, number, amount.letters))).collect();
        let changing: Vec<_> = (0..amount.mail_programs)
            .map(|number| scope.spawn(move || change(server, number, amount.letters)))
            .collect();
        let submitters = submitting.into_iter().map(|thread| thread.join().unwrap()).collect();
        let mail_programs = changing.into_iter().map(|thread| thread.join().unwrap()).collect();
        done.store(true, Ordering::Relaxed);
        Done { submitters, mail_programs, compactions: compacting.join().unwrap() }
    })
}

fn submit(server: &Served, number: usize, letters: usize) -> Acknowledged {
    let mut client = Submission::login(server.submission(), LOGINS[0], &server.password).unwrap();
    let to = LOGINS.map(|login| format!("{login}@{DOMAIN}"));
    let to = to.each_ref().map(String::as_str);
    let mut acknowledged = Acknowledged::default();
    for letter in 0..letters {
        let reply = client.letter(to[0], &to, &content("s", number, letter)).unwrap();
        assert!(reply.starts_with("250 "), "{reply}");
        let id = reply.split("queued as ").nth(1).unwrap_or_else(|| panic!("{reply}"));
        acknowledged.answers.push((id.to_owned(), None));
    }
    acknowledged
}

fn change(server: &Served, number: usize, letters: usize) -> Acknowledged {
    let mut client = Imap::login(server.imap(), &format!("m{number}"), LOGINS[0], &server.password).unwrap();
    let [folder, archive] = folders(number);
    client.ok(&format!("CREATE {folder}")).unwrap();
    client.ok(&format!("CREATE {archive}")).unwrap();
    client.ok(&format!("SELECT {folder}")).unwrap();
    let mut acknowledged = Acknowledged::default();
    for letter in 0..letters {
        let mut uid = 0;
        for step in steps(letter) {
            let answer = match step {
                Step::Append => client.append(&folder, "\\Seen", &content("m", number, letter)).unwrap(),
                Step::Flag => client.ok(&format!("UID STORE {uid} +FLAGS (\\Flagged)")).unwrap(),
                Step::Delete => client.ok(&format!("UID STORE {uid} +FLAGS (\\Deleted)")).unwrap(),
                Step::Expunge => client.ok(&format!("UID EXPUNGE {uid}")).unwrap(),
                Step::Move => client.ok(&format!("UID MOVE {uid} {archive}")).unwrap(),
                Step::Copy => client.ok(&format!("UID COPY {uid} {archive}")).unwrap(),
            };
            assert!(answer.end.starts_with("OK"), "{}", answer.end);
            let told = match step {
                Step::Append => Some(answer.uid("APPENDUID")),
                Step::Move | Step::Copy => Some(answer.uid("COPYUID")),
                _ => None,
            };
            if *step == Step::Append {
                uid = told.unwrap();
            }
            acknowledged.answers.push((answer.tag, told));
        }
    }
    acknowledged
}

/// The folders of a mail program.
pub fn folders(number: usize) -> [String; 2] {
    [format!("work-{number}"), format!("kept-{number}")]
}

/// A letter whose bytes follow from its number: like no other, and with bytes that a lost sector would change.
pub fn content(kind: &str, connection: usize, letter: usize) -> Vec<u8> {
    let name = format!("{kind}{connection}-{letter}");
    let length = if letter % 8 == 3 { LARGE } else { 300 + letter * 7919 % 9_000 };
    let mut text = format!(
        "From: {from}@{DOMAIN}\r\nTo: {from}@{DOMAIN}\r\nSubject: {name}\r\nMessage-ID: <{name}@client.example>\r\n\
         Date: Sat, 21 Nov 2026 10:00:00 +0500\r\n\r\n",
        from = LOGINS[0]
    );
    for line in 0.. {
        if text.len() >= length {
            break;
        }
        text.push_str(&format!("{name} line {line} of a letter that must be whole\r\n"));
    }
    text.into_bytes()
}

/// What a mail program does with a letter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Append,
    Flag,
    Delete,
    Expunge,
    Move,
    Copy,
}

fn steps(letter: usize) -> &'static [Step] {
    match letter % 3 {
        0 => &[Step::Append, Step::Flag, Step::Move],
        1 => &[Step::Append, Step::Flag, Step::Delete, Step::Expunge],
        _ => &[Step::Append, Step::Flag, Step::Copy],
    }
}

/// A letter in one of the two folders of a mail program.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Copy {
    pub folder: usize,
    pub letter: usize,
}

/// What is known of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State {
    pub is_flagged: bool,
    pub is_deleted: bool,
    /// Where the answer told it.
    pub uid: Option<u32>,
}

impl Acknowledged {
    /// The two folders of a mail program after its first steps. Of the step behind what was acknowledged nobody
    /// knows the UID.
    pub fn folders_after(&self, count: usize) -> BTreeMap<Copy, State> {
        let mut copies = BTreeMap::new();
        let mut all = (0..).flat_map(|letter| steps(letter).iter().map(move |step| (letter, *step)));
        for index in 0..count {
            let (letter, step) = all.next().unwrap();
            let uid = self.answers.get(index).and_then(|(_, uid)| *uid);
            let [here, there] = [0, 1].map(|folder| Copy { folder, letter });
            match step {
                Step::Append => drop(copies.insert(here, State { is_flagged: false, is_deleted: false, uid })),
                Step::Flag => copies.get_mut(&here).unwrap().is_flagged = true,
                Step::Delete => copies.get_mut(&here).unwrap().is_deleted = true,
                Step::Expunge => drop(copies.remove(&here)),
                Step::Move => {
                    let state = copies.remove(&here).unwrap();
                    copies.insert(there, State { uid, ..state });
                }
                Step::Copy => {
                    let state = copies[&here];
                    copies.insert(there, State { uid, ..state });
                }
            }
        }
        copies
    }

    /// The highest UID that was told in each of the two folders by the first answers.
    pub fn highest_uids(&self, count: usize) -> [u32; 2] {
        let mut highest = [0; 2];
        let all = (0..).flat_map(|letter| steps(letter).iter().copied());
        for (step, (_, uid)) in all.zip(self.answers.iter().take(count)) {
            let folder = if step == Step::Append { 0 } else { 1 };
            highest[folder] = highest[folder].max(uid.unwrap_or(0));
        }
        highest
    }
}
