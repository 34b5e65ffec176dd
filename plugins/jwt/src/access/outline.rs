//! Finds names that some server may confuse with each other.

use super::characters::is_joiner;
use super::marks::is_mark;

/// A name without everything that some server ignores: case, accents and other marks, the form in which a character is
/// written (`ｈｒ`, a decomposed `é`), and dots, spaces, and `+` at both ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outline(Vec<char>);

impl Outline {
    pub(super) fn of(name: &str) -> Self {
        let mut chars: Vec<char> = name
            .chars()
            // Convert both ways: `ſ` and `ı` are lower-case letters whose capitals are `S` and `I`.
            .flat_map(char::to_uppercase)
            .flat_map(char::to_lowercase)
            .filter(|&char| !is_mark(char) && !is_joiner(char))
            .flat_map(parts)
            .collect();
        let is_trimmed = |char: &char| matches!(char, '.' | ' ' | '+');
        let end = chars
            .iter()
            .rposition(|char| !is_trimmed(char))
            .map_or(0, |last| last + 1);
        chars.truncate(end);
        let start = chars
            .iter()
            .position(|char| !is_trimmed(char))
            .unwrap_or_default();
        chars.drain(..start);
        Self(chars)
    }

    /// Returns whether some server may take one name for the other.
    pub(super) fn may_be(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self
                .0
                .iter()
                .zip(&other.0)
                .all(|(one, other)| may_be(*one, *other))
    }
}

fn may_be(one: char, other: char) -> bool {
    // Servers that convert to ASCII may turn any non-ASCII Latin letter into some ASCII letter.
    let latin = |from: char, to: char| is_latin(from) && (to.is_ascii_alphabetic() || is_latin(to));
    // A letter with a built-in mark can also be written as a plain letter of its script and a mark.
    let composed = |from: char, to: char| Script::composed(from).is_some_and(|script| script.has(to));
    one == other || latin(one, other) || latin(other, one) || composed(one, other) || composed(other, one)
}

const fn is_latin(char: char) -> bool {
    matches!(
        char,
        '\u{c0}'..='\u{2af}'
            | '\u{1d00}'..='\u{1dbf}'
            | '\u{1e00}'..='\u{1eff}'
            | '\u{2c60}'..='\u{2c7f}'
            | '\u{a720}'..='\u{a7ff}'
            | '\u{ab30}'..='\u{ab6f}'
    )
}

/// Scripts that have letters with built-in marks.
#[derive(Clone, Copy)]
enum Script {
    Greek,
    Cyrillic,
    Arabic,
    Indic,
    Burmese,
    Kana,
}

impl Script {
    /// Returns the script of a letter with a built-in mark. The ranges include some letters without one, which only
    /// makes more names alike.
    const fn composed(char: char) -> Option<Self> {
        Some(match char {
            '\u{386}'..='\u{390}'
            | '\u{3aa}'..='\u{3b0}'
            | '\u{3ca}'..='\u{3ce}'
            | '\u{1f00}'..='\u{1fff}' => Self::Greek,
            '\u{439}'
            | '\u{450}'..='\u{451}'
            | '\u{453}'
            | '\u{457}'
            | '\u{45c}'..='\u{45e}'
            | '\u{477}'
            | '\u{4c2}'
            | '\u{4d1}'..='\u{4f9}' => Self::Cyrillic,
            '\u{622}'..='\u{626}' | '\u{6c0}'..='\u{6c2}' | '\u{6d3}' => Self::Arabic,
            '\u{929}'
            | '\u{931}'
            | '\u{934}'
            | '\u{958}'..='\u{95f}'
            | '\u{9dc}'..='\u{9df}'
            | '\u{a33}'..='\u{a36}'
            | '\u{a59}'..='\u{a5e}'
            | '\u{b5c}'..='\u{b5d}'
            | '\u{b94}' => Self::Indic,
            '\u{1026}' => Self::Burmese,
            '\u{304b}'..='\u{307d}'
            | '\u{3094}'..='\u{309e}'
            | '\u{30ab}'..='\u{30dd}'
            | '\u{30f4}'..='\u{30fe}' => Self::Kana,
            _ => return None,
        })
    }

    const fn has(self, char: char) -> bool {
        match self {
            Self::Greek => matches!(char, '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' | 'a'..='z'),
            Self::Cyrillic => matches!(char, '\u{400}'..='\u{52f}'),
            Self::Arabic => matches!(char, '\u{600}'..='\u{6ff}'),
            Self::Indic => matches!(char, '\u{900}'..='\u{dff}'),
            Self::Burmese => matches!(char, '\u{1000}'..='\u{109f}'),
            Self::Kana => matches!(char, '\u{3040}'..='\u{30ff}'),
        }
    }
}

/// Returns the other ways to write a character: the parts of a Korean syllable, or the ASCII letters for a letter.
fn parts(char: char) -> impl Iterator<Item = char> {
    let parts = match char {
        '\u{ac00}'..='\u{d7a3}' => korean(char),
        'æ' | 'ǣ' | 'ǽ' => [Some('a'), Some('e'), None],
        'ß' => [Some('s'), Some('s'), None],
        'œ' => [Some('o'), Some('e'), None],
        'þ' => [Some('t'), Some('h'), None],
        'և' => [Some('ե'), Some('ւ'), None],
        'ຳ' => [Some('າ'), None, None],
        'ำ' => [Some('า'), None, None],
        'ໜ' => [Some('ຫ'), Some('ນ'), None],
        'ໝ' => [Some('ຫ'), Some('ມ'), None],
        // Greek letters and one Cyrillic letter, from Microsoft's best-fit table for code page 1252.
        'α' => [Some('a'), None, None],
        'γ' => [Some('g'), None, None],
        'δ' => [Some('d'), None, None],
        'ε' => [Some('e'), None, None],
        'θ' | 'τ' => [Some('t'), None, None],
        'π' => [Some('p'), None, None],
        'σ' | 'ς' => [Some('s'), None, None],
        'φ' => [Some('f'), None, None],
        'ω' => [Some('o'), None, None],
        'һ' => [Some('h'), None, None],
        'ª' => [Some('a'), None, None],
        'º' => [Some('o'), None, None],
        '‐'..='―' => [Some('-'), None, None],
        '‘'..='‛' => [Some('\''), None, None],
        '\u{ff01}'..='\u{ff5e}' => [char::from_u32(u32::from(char) - 0xfee0), None, None],
        other => [Some(other), None, None],
    };
    parts.into_iter().flatten()
}

/// Splits a Korean syllable into its two or three parts (Unicode, section 3.12).
fn korean(syllable: char) -> [Option<char>; 3] {
    let index = u32::from(syllable).saturating_sub(0xac00);
    let (initial, rest) = (index / 588, index % 588);
    let (vowel, last) = (rest / 28, rest % 28);
    [
        char::from_u32(0x1100 + initial),
        char::from_u32(0x1161 + vowel),
        (last != 0).then_some(0x11a7 + last).and_then(char::from_u32),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::characters::has_one_meaning;
    use unicode_normalization::UnicodeNormalization as _;

    #[test]
    fn names_that_differ_in_what_servers_ignore_may_be_each_other() {
        for (one, other) in [
            ("hr", "HR"),
            ("hr", " hr"),
            ("hr", "+hr. "),
            ("hr", "hř"),
            ("hr", "ｈｒ"),
            ("hr", "ＨＲ"),
            ("müller", "muller"),
            ("müller", "mu\u{308}ller"),
            ("é", "e\u{301}"),
            ("straße", "STRASSE"),
            ("søk", "sok"),
            ("łódź", "lodz"),
            ("ærø", "aero"),
            ("it", "ıt"),
            ("it", "İT"),
            ("sap", "ſap"),
            ("data", "dατα"),
            ("한국", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}"),
            ("が", "か\u{3099}"),
            ("й", "и\u{306}"),
            ("क़", "क\u{93c}"),
            ("آ", "ا\u{653}"),
            ("میخواهم", "می\u{200c}خواهم"),
            ("l'an", "l’an"),
            ("a-b", "a–b"),
        ] {
            for (one, other) in [(one, other), (other, one)] {
                assert!(Outline::of(one).may_be(&Outline::of(other)), "{one} {other}");
            }
        }
    }

    #[test]
    fn other_names_are_others() {
        for (one, other) in [
            ("hr", "it"),
            ("hr", "hrx"),
            ("hr", "h"),
            ("hr", "東京"),
            ("hr", "हि"),
            ("hr", "мо"),
            ("日本", "東京"),
            ("müller", "möbler"),
            ("мир", "мор"),
            ("hr", "hr.json"),
            ("øl", "mail"),
        ] {
            for (one, other) in [(one, other), (other, one)] {
                assert!(!Outline::of(one).may_be(&Outline::of(other)), "{one} {other}");
            }
        }
    }

    #[test]
    fn every_accepted_character_may_be_what_any_unicode_form_and_any_case_makes_of_it() {
        let mut wrong = Vec::new();
        for char in ('\u{80}'..=char::MAX).filter(|char| has_one_meaning(*char)) {
            let is_alone =
                |mut form: Box<dyn Iterator<Item = char>>| form.next() == Some(char) && form.next().is_none();
            if is_alone(Box::new(char.to_uppercase()))
                && is_alone(Box::new(char.to_lowercase()))
                && is_alone(Box::new(std::iter::once(char).nfkd()))
            {
                continue;
            }
            let text = format!("a{char}b");
            let outline = Outline::of(&text);
            let forms = [
                text.nfc().collect::<String>(),
                text.nfd().collect(),
                text.nfkc().collect(),
                text.nfkd().collect(),
                text.to_lowercase(),
                text.to_uppercase(),
                text.to_uppercase().nfkd().collect(),
            ];
            for form in forms {
                if !outline.may_be(&Outline::of(&form)) {
                    wrong.push(format!("{:x}: {text} {form}", u32::from(char)));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
