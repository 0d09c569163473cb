//! Characters that look alike, for telling whether two logins could be mistaken for each other (M8, M21).

/// The small Latin letter or digit that a small letter is mistaken for, else the letter itself.
///
/// The skeleton is only compared, never shown. Digits are folded onto letters where common fonts make them the
/// same: `0` and `o`; `1`, `l` and `i`, which Kazakh `і` joins.
pub(super) fn skeleton(c: char) -> char {
    match c {
        // Cyrillic that looks Latin.
        'а' | 'ӑ' | 'ӓ' => 'a',
        'в' => 'b',
        'с' => 'c',
        'ԁ' => 'd',
        'е' | 'ё' | 'ѐ' => 'e',
        'ғ' => 'f',
        'һ' => 'h',
        'н' | 'ң' => 'h',
        'і' | 'ї' | 'ӏ' | 'ı' | 'l' | '1' | '|' => 'i',
        'ј' => 'j',
        'к' | 'қ' | 'ҝ' => 'k',
        'м' => 'm',
        'п' => 'n',
        'о' | 'ө' | '0' | 'ο' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'ѕ' => 's',
        'т' => 't',
        'ү' | 'ұ' | 'у' => 'y',
        'ѵ' | 'ν' => 'v',
        'ԝ' => 'w',
        'х' | 'ҳ' | 'χ' => 'x',
        'ә' => 'ə',
        'з' | '3' => '3',
        'б' | '6' => '6',
        'ч' | '4' => '4',
        // Greek that looks Latin.
        'α' => 'a',
        'ε' => 'e',
        'ι' => 'i',
        'κ' => 'k',
        'τ' => 't',
        'υ' => 'y',
        // Cyrillic letters that differ by a stroke from each other.
        'й' => 'и',
        'щ' => 'ш',
        'ъ' => 'ь',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m21_skeleton_is_a_fixed_point() {
        for c in ('\u{20}'..'\u{7f}').chain('\u{370}'..'\u{530}').flat_map(char::to_lowercase) {
            assert_eq!(skeleton(skeleton(c)), skeleton(c), "{c}");
        }
    }
}
