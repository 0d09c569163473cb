//! Flags and keywords as files tell them: letters in the name of a Maildir file, header lines in an mbox.

use crate::message::headers::fields;
use crate::store::mailboxes::Flags;

/// The keyword that Maildir calls P, "passed" (RFC 5788 registers it as `$Forwarded`).
const FORWARDED: &str = "$Forwarded";

/// Maildir: letter and flag, in the order of letters, in which they have to stand.
const MAILDIR: [(char, Flags); 5] =
    [('D', Flags::DRAFT), ('F', Flags::FLAGGED), ('R', Flags::ANSWERED), ('S', Flags::SEEN), ('T', Flags::DELETED)];

/// mbox, `X-Status`.
const X_STATUS: [(char, Flags); 4] =
    [('A', Flags::ANSWERED), ('F', Flags::FLAGGED), ('T', Flags::DRAFT), ('D', Flags::DELETED)];

/// Keywords that a Maildir folder can name with a letter: a to z (the `dovecot-keywords` file).
const MAX_LETTERS: usize = 26;

/// What a message is labelled with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Labels {
    /// System flags.
    pub flags: Flags,
    /// Keywords, by name.
    pub keywords: Vec<String>,
}

impl Labels {
    /// From the info of a Maildir file (`2,FS`); `names` are the keywords of the letters a, b, c…
    pub(super) fn of_maildir(info: &str, names: &[Option<String>]) -> Labels {
        let mut labels = Labels::default();
        let letters = info.strip_prefix("2,").unwrap_or_default();
        // Behind another comma programs write what is their own.
        for letter in letters.chars().take_while(|letter| *letter != ',') {
            if let Some((_, flag)) = MAILDIR.iter().find(|(known, _)| *known == letter) {
                labels.flags = labels.flags.with(*flag);
            } else if letter == 'P' {
                labels.add_keyword(FORWARDED);
            } else if let Some(Some(name)) = letter_index(letter).and_then(|index| names.get(index)) {
                labels.add_keyword(name);
            }
        }
        labels
    }

    /// From the header of a message in an mbox that some other program wrote.
    pub(super) fn of_header(header: &[u8]) -> Labels {
        let mut labels = Labels::default();
        for field in fields(header) {
            for (name, kind) in [("Status", Line::Status), ("X-Status", Line::XStatus), ("X-Keywords", Line::Keywords)]
            {
                if field.is(name) {
                    labels.add_line(kind, &field.text());
                }
            }
        }
        labels
    }

    pub(super) fn add_line(&mut self, line: Line, value: &str) {
        match line {
            Line::Status if value.contains('R') => self.flags = self.flags.with(Flags::SEEN),
            Line::Status => {}
            Line::XStatus => {
                let set = X_STATUS.iter().filter(|(letter, _)| value.contains(*letter));
                set.for_each(|(_, flag)| self.flags = self.flags.with(*flag));
            }
            Line::Keywords => value.split_whitespace().for_each(|keyword| self.add_keyword(keyword)),
        }
    }

    fn add_keyword(&mut self, name: &str) {
        if is_keyword(name) && !self.keywords.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            self.keywords.push(name.to_owned());
        }
    }

    /// The three lines that an exported message of an mbox has on top.
    pub(super) fn to_mbox(&self, line_end: &str) -> String {
        let seen = if self.flags.contains(Flags::SEEN) { "RO" } else { "O" };
        let set = X_STATUS.iter().filter(|(_, flag)| self.flags.contains(*flag)).map(|(letter, _)| *letter);
        let x_status: String = set.collect();
        let values = [seen, &x_status, &self.keywords.join(" ")];
        Line::ALL.iter().zip(values).fold(String::new(), |text, (line, value)| {
            let space = if value.is_empty() { "" } else { " " };
            text + line.name() + space + value + line_end
        })
    }

    /// The info of a Maildir file, and the keywords that found no letter.
    pub(super) fn to_maildir(&self, letters: &mut Letters) -> (String, Vec<&str>) {
        let mut info: Vec<char> =
            MAILDIR.iter().filter(|(_, flag)| self.flags.contains(*flag)).map(|(letter, _)| *letter).collect();
        let mut left_out = Vec::new();
        for name in &self.keywords {
            if name == FORWARDED {
                info.push('P');
            } else if let Some(letter) = letters.of(name) {
                info.push(letter);
            } else {
                left_out.push(name.as_str());
            }
        }
        info.sort_unstable();
        (format!("2,{}", info.iter().collect::<String>()), left_out)
    }
}

/// A header line of an mbox that says something about its message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Line {
    Status,
    XStatus,
    Keywords,
}

impl Line {
    /// In the order in which an export writes them.
    pub(super) const ALL: [Line; 3] = [Line::Status, Line::XStatus, Line::Keywords];

    /// Its name, with the colon.
    pub(super) fn name(self) -> &'static str {
        match self {
            Line::Status => "Status:",
            Line::XStatus => "X-Status:",
            Line::Keywords => "X-Keywords:",
        }
    }
}

/// The letters of a Maildir folder's keywords, given out in the order in which they come up.
#[derive(Debug, Default)]
pub(super) struct Letters(Vec<String>);

impl Letters {
    fn of(&mut self, name: &str) -> Option<char> {
        let index = match self.0.iter().position(|known| known == name) {
            Some(index) => index,
            None if self.0.len() < MAX_LETTERS => {
                self.0.push(name.to_owned());
                self.0.len() - 1
            }
            None => return None,
        };
        u8::try_from(index).ok().map(|index| char::from(b'a' + index))
    }

    /// The `dovecot-keywords` file: a number and a name a line.
    pub(super) fn file(&self) -> Option<String> {
        let lines = self.0.iter().enumerate().map(|(index, name)| format!("{index} {name}\n"));
        (!self.0.is_empty()).then(|| lines.collect())
    }

    /// What such a file says; lines that say nothing are left out.
    pub(super) fn parse(file: &str) -> Vec<Option<String>> {
        let mut names = vec![None; MAX_LETTERS];
        for line in file.lines() {
            let Some((index, name)) = line.split_once(' ') else { continue };
            if let Some(place) = index.parse::<usize>().ok().and_then(|index| names.get_mut(index)) {
                *place = Some(name.trim().to_owned());
            }
        }
        names
    }
}

fn letter_index(letter: char) -> Option<usize> {
    letter.is_ascii_lowercase().then(|| usize::from(letter as u8 - b'a'))
}

/// RFC 9051 §9: a keyword is an atom; others would spoil the answers of IMAP.
fn is_keyword(name: &str) -> bool {
    let is_atom_byte = |byte: u8| byte.is_ascii_graphic() && !br#"(){%*"\]"#.contains(&byte);
    !name.is_empty() && name.bytes().all(is_atom_byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use test_case::test_case;

    use super::*;

    #[test_case("2,", 0, &[]; "nothing")]
    #[test_case("2,FS", 5, &[]; "flagged and seen")]
    #[test_case("2,DRTa", 26, &["work"]; "draft, answered, deleted, a keyword")]
    #[test_case("2,Sbz", 1, &[]; "letters without a name")]
    #[test_case("2,PS", 1, &["$Forwarded"]; "passed")]
    #[test_case("2,S,a", 1, &["\0"]; "what is behind a comma is somebody else's")]
    #[test_case("1,S", 0, &[]; "experimental info")]
    fn maildir_info(info: &str, flags: u8, keywords: &[&str]) {
        let labels = Labels::of_maildir(info, &[Some("work".to_owned()), None]);
        let keywords: Vec<&str> = keywords.iter().copied().filter(|name| is_keyword(name)).collect();
        assert_eq!((labels.flags.0, labels.keywords), (flags, keywords.iter().map(ToString::to_string).collect()));
    }

    #[test]
    fn mbox_lines_of_other_programs_are_read_anywhere_in_the_header() {
        let header = b"Subject: x\r\nX-Status: AF\r\nStatus: RO\r\nX-Keywords: work (bad)\r\n  $later work\r\n\r\n";
        let labels = Labels::of_header(header);
        assert_eq!(labels.flags, Flags::SEEN.with(Flags::ANSWERED).with(Flags::FLAGGED));
        assert_eq!(labels.keywords, ["work", "$later"]);
    }

    #[test]
    fn the_keywords_file_is_read_with_its_gaps() {
        let names = Letters::parse("0 work\n2 $later\nnonsense\n99 far\n");
        assert_eq!(names[..3], [Some("work".to_owned()), None, Some("$later".to_owned())]);
        assert_eq!(names.len(), 26);
    }

    #[test]
    fn the_27th_keyword_finds_no_letter() {
        let mut letters = Letters::default();
        let labels = |number: u32| Labels { flags: Flags::SEEN, keywords: vec![format!("k{number}")] };
        assert!((0..26).all(|number| labels(number).to_maildir(&mut letters).1.is_empty()));
        assert_eq!(labels(26).to_maildir(&mut letters), ("2,S".to_owned(), vec!["k26"]));
        assert_eq!(labels(25).to_maildir(&mut letters), ("2,Sz".to_owned(), vec![]));
    }

    proptest! {
        #[test]
        fn labels_come_back(flags in 0_u8..32, count in 0_usize..5, forwarded: bool) {
            let mut keywords: Vec<String> = (0..count).map(|number| format!("$k{number}")).collect();
            keywords.extend(forwarded.then(|| FORWARDED.to_owned()));
            let labels = Labels { flags: Flags(flags), keywords };
            let mut letters = Letters::default();
            let (info, left_out) = labels.to_maildir(&mut letters);
            prop_assert!(left_out.is_empty());
            let mut read = Labels::of_maildir(&info, &Letters::parse(&letters.file().unwrap_or_default()));
            read.keywords.sort_unstable();
            let mut expected = labels.clone();
            expected.keywords.sort_unstable();
            prop_assert_eq!(read, expected);
            prop_assert_eq!(Labels::of_header(labels.to_mbox("\r\n").as_bytes()), labels);
        }
    }
}
