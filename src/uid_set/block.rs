//! The UIDs of one block: a set of numbers below [`BLOCK_UIDS`].
//!
//! In memory it is a list of runs while they are few, and a bitmap when they are many, so a block never needs more
//! than 2 KiB. Which of the two follows from the set alone, so equal sets are equal values.
//!
//! As a row it is whichever is smaller:
//!
//! | first byte | then |
//! |---|---|
//! | 1 | runs: how many numbers are left out, then how many follow, less one; LEB128 both |
//! | 2 | a bitmap, the lowest number in the lowest bit of the first byte; it ends with the last byte that is not zero |

/// UIDs in one block.
pub const BLOCK_UIDS: u32 = 1 << 14;

/// The largest row of a block, bytes.
pub const MAX_BLOCK_BYTES: usize = 1 + BITMAP_BYTES;

const BITMAP_BYTES: usize = BLOCK_UIDS as usize / 8;
const WORDS: usize = BLOCK_UIDS as usize / 64;
const END: u16 = BLOCK_UIDS as u16;

/// Runs that are kept as a list.
const MAX_RUNS: usize = 256;

const AS_RUNS: u8 = 1;
const AS_BITMAP: u8 = 2;

pub(super) type Bits = [u64; WORDS];

/// See the module's text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// How many numbers.
    len: u16,
    form: Form,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Form {
    /// Ascending, with gaps between them.
    Runs(Vec<Run>),
    /// The bitmap, and how many runs there are in it.
    Bitmap(Box<Bits>, usize),
}

/// Numbers that follow one another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Run {
    pub(super) first: u16,
    pub(super) last: u16,
}

impl Default for Block {
    fn default() -> Self {
        Block { len: 0, form: Form::Runs(Vec::new()) }
    }
}

impl Block {
    /// How many numbers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len.into()
    }

    /// No number at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Memory that it takes besides its own size, bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        match &self.form {
            Form::Runs(runs) => runs.capacity() * size_of::<Run>(),
            Form::Bitmap(..) => BITMAP_BYTES,
        }
    }

    /// Whether the number is in the set.
    #[must_use]
    pub fn contains(&self, number: u16) -> bool {
        match &self.form {
            Form::Runs(runs) => find(runs, number).is_ok(),
            Form::Bitmap(bits, _) => has(bits, number),
        }
    }

    /// Adds a number below [`BLOCK_UIDS`]; tells whether it was new.
    pub fn insert(&mut self, number: u16) -> bool {
        if number >= END || self.contains(number) {
            return false;
        }
        match &mut self.form {
            Form::Runs(runs) => insert_into(runs, number),
            Form::Bitmap(bits, runs) => {
                set(bits, number);
                // A number that joins two runs makes one of them, one beside none makes a new one.
                *runs = *runs + 1 - neighbours(bits, number);
            }
        }
        self.len += 1;
        self.choose_form();
        true
    }

    /// Takes a number out; tells whether it was there.
    pub fn remove(&mut self, number: u16) -> bool {
        if !self.contains(number) {
            return false;
        }
        match &mut self.form {
            Form::Runs(runs) => remove_from(runs, number),
            Form::Bitmap(bits, runs) => {
                clear(bits, number);
                *runs = *runs + neighbours(bits, number) - 1;
            }
        }
        self.len -= 1;
        self.choose_form();
        true
    }

    /// How many numbers of the set are below this one.
    #[must_use]
    pub fn rank(&self, number: u16) -> usize {
        match &self.form {
            Form::Runs(runs) => {
                let below = runs.iter().take_while(|run| run.first < number);
                below.map(|run| usize::from(run.last.min(number - 1) - run.first) + 1).sum()
            }
            Form::Bitmap(bits, _) => {
                let (word, bit) = at(number);
                let whole: u32 = bits.iter().take(word).map(|word| word.count_ones()).sum();
                let part = bits.get(word).map_or(0, |word| (word & ((1 << bit) - 1)).count_ones());
                (whole + part) as usize
            }
        }
    }

    /// The number that has so many of the set below it.
    #[must_use]
    pub fn nth(&self, mut index: usize) -> Option<u16> {
        match &self.form {
            Form::Runs(runs) => runs.iter().find_map(|run| {
                let len = usize::from(run.last - run.first) + 1;
                if index < len {
                    return Some(run.first + index as u16);
                }
                index -= len;
                None
            }),
            Form::Bitmap(bits, _) => bits.iter().enumerate().find_map(|(at, word)| {
                let len = word.count_ones() as usize;
                if index < len {
                    return Some((at * 64) as u16 + nth_bit(*word, index));
                }
                index -= len;
                None
            }),
        }
    }

    /// The runs, ascending, without what is below `from`.
    pub(super) fn runs_from(&self, from: u16) -> impl Iterator<Item = Run> + '_ {
        let mut position = from;
        let mut listed = match &self.form {
            Form::Runs(runs) => runs.get(runs.partition_point(|run| run.last < from)..).unwrap_or_default().iter(),
            Form::Bitmap(..) => [].iter(),
        };
        std::iter::from_fn(move || match &self.form {
            Form::Runs(_) => listed.next().map(|run| Run { first: run.first.max(from), last: run.last }),
            Form::Bitmap(bits, _) => {
                let first = next_set(bits, position)?;
                position = next_clear(bits, first);
                Some(Run { first, last: position - 1 })
            }
        })
    }

    /// The numbers for which `keep` says so, word by word.
    pub(super) fn combined(&self, other: &Block, keep: impl Fn(u64, u64) -> u64) -> Block {
        let mut bits = self.bits();
        let others = other.bits();
        bits.iter_mut().zip(others.iter()).for_each(|(word, other)| *word = keep(*word, *other));
        Block::from_bits(&bits)
    }

    fn bits(&self) -> Box<Bits> {
        match &self.form {
            Form::Bitmap(bits, _) => bits.clone(),
            Form::Runs(runs) => {
                let mut bits = Box::new([0; WORDS]);
                runs.iter().for_each(|run| fill(&mut bits, *run));
                bits
            }
        }
    }

    pub(super) fn from_bits(bits: &Bits) -> Block {
        let len: u32 = bits.iter().map(|word| word.count_ones()).sum();
        let mut block = Block { len: len as u16, form: Form::Bitmap(Box::new(*bits), count_runs(bits)) };
        block.choose_form();
        block
    }

    fn choose_form(&mut self) {
        match &self.form {
            Form::Runs(runs) if runs.len() > MAX_RUNS => self.form = Form::Bitmap(self.bits(), runs.len()),
            Form::Bitmap(_, runs) if *runs <= MAX_RUNS => self.form = Form::Runs(self.runs_from(0).collect()),
            _ => {}
        }
    }

    /// The row of the set; `None` when it is empty: then there is none.
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        let last = self.last()?;
        let bitmap_bytes = usize::from(last) / 8 + 1;
        let runs = match &self.form {
            Form::Runs(runs) => runs.len(),
            Form::Bitmap(_, runs) => *runs,
        };
        // A run takes at least two bytes.
        if 2 * runs <= bitmap_bytes {
            let row = self.encode_runs();
            if row.len() <= 1 + bitmap_bytes {
                return Some(row);
            }
        }
        let bits = self.bits();
        let bytes = bits.iter().flat_map(|word| word.to_le_bytes()).take(bitmap_bytes);
        Some([AS_BITMAP].into_iter().chain(bytes).collect())
    }

    fn encode_runs(&self) -> Vec<u8> {
        let mut row = vec![AS_RUNS];
        let mut end = 0;
        for Run { first, last } in self.runs_from(0) {
            push_number(&mut row, first - end);
            push_number(&mut row, last - first);
            end = last + 1;
        }
        row
    }

    /// Reads a row; `None` when it is damaged.
    #[must_use]
    pub fn decode(row: &[u8]) -> Option<Block> {
        match row.split_first()? {
            (&AS_RUNS, runs) => decode_runs(runs),
            (&AS_BITMAP, bytes) if bytes.len() <= BITMAP_BYTES && bytes.last().is_some_and(|last| *last != 0) => {
                let mut bits = [0; WORDS];
                for (word, bytes) in bits.iter_mut().zip(bytes.chunks(8)) {
                    *word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
                }
                Some(Block::from_bits(&bits))
            }
            _ => None,
        }
    }

    /// The smallest number.
    #[must_use]
    pub fn first(&self) -> Option<u16> {
        self.runs_from(0).next().map(|run| run.first)
    }

    /// The largest number.
    #[must_use]
    pub fn last(&self) -> Option<u16> {
        match &self.form {
            Form::Runs(runs) => runs.last().map(|run| run.last),
            Form::Bitmap(bits, _) => {
                let (at, word) = bits.iter().enumerate().rfind(|(_, word)| **word != 0)?;
                Some((at * 64) as u16 + 63 - word.leading_zeros() as u16)
            }
        }
    }
}

fn decode_runs(mut bytes: &[u8]) -> Option<Block> {
    let mut runs = Vec::new();
    let (mut end, mut len) = (0_u16, 0);
    while !bytes.is_empty() {
        let first = end.checked_add(take_number(&mut bytes)?)?;
        let last = first.checked_add(take_number(&mut bytes)?)?;
        if last >= END || (first == end && end > 0) {
            return None;
        }
        runs.push(Run { first, last });
        len += last - first + 1;
        end = last + 1;
    }
    let mut block = Block { len, form: Form::Runs(runs) };
    block.choose_form();
    (!block.is_empty()).then_some(block)
}

fn push_number(row: &mut Vec<u8>, mut number: u16) {
    while number >= 0x80 {
        row.push(number as u8 | 0x80);
        number >>= 7;
    }
    row.push(number as u8);
}

fn take_number(bytes: &mut &[u8]) -> Option<u16> {
    let mut number = 0_u16;
    // Numbers below 2^14 have two bytes at most.
    for shift in [0, 7] {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u16::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// The run that has the number, or where one with it would stand.
fn find(runs: &[Run], number: u16) -> Result<usize, usize> {
    let at = runs.partition_point(|run| run.last < number);
    if runs.get(at).is_some_and(|run| run.first <= number) { Ok(at) } else { Err(at) }
}

fn insert_into(runs: &mut Vec<Run>, number: u16) {
    let Err(at) = find(runs, number) else { return };
    let follows = at.checked_sub(1).filter(|before| runs.get(*before).is_some_and(|run| run.last + 1 == number));
    let precedes = runs.get(at).is_some_and(|run| run.first == number + 1);
    match (follows, precedes) {
        (Some(before), true) => {
            let joined = runs.remove(at);
            runs.get_mut(before).into_iter().for_each(|run| run.last = joined.last);
        }
        (Some(before), false) => runs.get_mut(before).into_iter().for_each(|run| run.last = number),
        (None, true) => runs.get_mut(at).into_iter().for_each(|run| run.first = number),
        (None, false) => runs.insert(at, Run { first: number, last: number }),
    }
}

fn remove_from(runs: &mut Vec<Run>, number: u16) {
    let Ok(at) = find(runs, number) else { return };
    let Run { first, last } = runs.remove(at);
    let below = (first < number).then(|| Run { first, last: number - 1 });
    let above = (number < last).then(|| Run { first: number + 1, last });
    runs.splice(at..at, below.into_iter().chain(above));
}

fn at(number: u16) -> (usize, u32) {
    (usize::from(number) / 64, u32::from(number) % 64)
}

fn has(bits: &Bits, number: u16) -> bool {
    let (word, bit) = at(number);
    bits.get(word).is_some_and(|word| word >> bit & 1 == 1)
}

fn set(bits: &mut Bits, number: u16) {
    let (word, bit) = at(number);
    bits.get_mut(word).into_iter().for_each(|word| *word |= 1 << bit);
}

fn clear(bits: &mut Bits, number: u16) {
    let (word, bit) = at(number);
    bits.get_mut(word).into_iter().for_each(|word| *word &= !(1 << bit));
}

/// How many of the two numbers beside this one are there.
fn neighbours(bits: &Bits, number: u16) -> usize {
    let below = number.checked_sub(1).is_some_and(|below| has(bits, below));
    usize::from(below) + usize::from(has(bits, number + 1))
}

pub(super) fn fill(bits: &mut Bits, run: Run) {
    let ((first_word, first_bit), (last_word, last_bit)) = (at(run.first), at(run.last));
    for (index, word) in bits.iter_mut().enumerate().take(last_word + 1).skip(first_word) {
        let low = if index == first_word { u64::MAX << first_bit } else { u64::MAX };
        let high = if index == last_word { u64::MAX >> (63 - last_bit) } else { u64::MAX };
        *word |= low & high;
    }
}

fn count_runs(bits: &Bits) -> usize {
    let mut carry = 0;
    let mut runs = 0;
    for word in bits {
        runs += (word & !(word << 1 | carry)).count_ones();
        carry = word >> 63;
    }
    runs as usize
}

fn next_set(bits: &Bits, from: u16) -> Option<u16> {
    next_one(bits.iter().copied(), from)
}

/// The end of the block counts as clear.
fn next_clear(bits: &Bits, from: u16) -> u16 {
    next_one(bits.iter().map(|word| !word), from).unwrap_or(END)
}

fn next_one(words: impl Iterator<Item = u64>, from: u16) -> Option<u16> {
    let (first, bit) = at(from);
    words.enumerate().skip(first).find_map(|(index, word)| {
        let word = if index == first { word & u64::MAX << bit } else { word };
        (word != 0).then(|| (index * 64) as u16 + word.trailing_zeros() as u16)
    })
}

/// The place of the bit in a word that has so many below it.
fn nth_bit(mut word: u64, index: usize) -> u16 {
    (0..index).for_each(|_| word &= word - 1);
    word.trailing_zeros() as u16
}
