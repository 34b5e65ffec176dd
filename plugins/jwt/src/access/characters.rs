//! The non-ASCII characters that a path may contain.

use super::marks::is_mark;

/// Returns whether every server keeps this non-ASCII character as it is and never treats it as a separator.
///
/// This holds for the usual letters, digits, and marks of all scripts, and for ordinary punctuation. Other characters
/// may turn into a slash, a dot, a space, other text, or nothing: by compatibility normalization (`／`, `‥`, `½`), by
/// conversion to an 8-bit character set (`∕`), or because they are invisible (a zero-width space).
pub(super) fn has_one_meaning(char: char) -> bool {
    let is_within = |ranges: &[(u32, u32)]| {
        let code = u32::from(char);
        ranges
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&code))
    };
    let is_of_a_word = char.is_alphanumeric() || is_mark(char) || is_joiner(char);
    (is_of_a_word && !is_within(&ANOTHER_FORM)) || is_within(&PUNCTUATION)
}

/// The zero-width joiners, which words in Persian and Hindi need.
pub(super) const fn is_joiner(char: char) -> bool {
    matches!(char, '\u{200c}' | '\u{200d}')
}

/// Common punctuation that no server treats as a separator.
const PUNCTUATION: [(u32, u32); 8] = [
    (0xa1, 0xa7),     // ¡ ¢ £ ¤ ¥ ¦ §
    (0xa9, 0xac),     // © ª « ¬
    (0xb0, 0xb1),     // ° ±
    (0xb6, 0xb7),     // ¶ ·
    (0xbb, 0xbb),     // »
    (0xbf, 0xbf),     // ¿
    (0x2010, 0x2015), // hyphens and dashes
    (0x2018, 0x201f), // quotation marks
];

/// Letters, digits, and marks that are compatibility forms of others, and invisible fillers. Real text uses the
/// ordinary forms.
///
/// Besides whole blocks, it lists the characters that the test below finds by comparison with Unicode's tables.
#[rustfmt::skip]
const ANOTHER_FORM: [(u32, u32); 57] = [
    (0xb2, 0xb3), (0xb5, 0xb5), (0xb9, 0xb9), (0xbc, 0xbe), // ² ³ µ ¹ ¼ ½ ¾
    (0x132, 0x133), (0x13f, 0x140), (0x149, 0x149), (0x1c4, 0x1cc), (0x1f1, 0x1f3), // two letters in one character
    (0x2b0, 0x2b8), (0x2e0, 0x2e4), // superscript letters
    (0x340, 0x344), (0x34f, 0x34f),
    (0x374, 0x37a), (0x3d2, 0x3d4), (0x3f2, 0x3f2), (0x3f9, 0x3f9), // Greek signs
    (0x675, 0x678), (0xf43, 0xf43), (0xf4d, 0xf4d), (0xf52, 0xf52), (0xf57, 0xf57), (0xf5c, 0xf5c), (0xf69, 0xf69),
    (0xf73, 0xf79), (0xf81, 0xf81), (0xf93, 0xf93), (0xf9d, 0xf9d), (0xfa2, 0xfa2), (0xfa7, 0xfa7), (0xfac, 0xfac),
    (0xfb9, 0xfb9), // Tibetan letters that Unicode discourages
    (0x10fc, 0x10fc), (0x115f, 0x1160), (0x17b4, 0x17b5), (0x180b, 0x180f),
    (0x1b00, 0x1b4f), // Balinese
    (0x1d2c, 0x1dbf), (0x1e9a, 0x1e9b), // phonetic letters
    (0x2070, 0x209f), (0x2100, 0x218f), (0x2460, 0x24ff), // superscripts, letterlike, Roman, circled
    (0x2c7c, 0x2c7d), (0x2d6f, 0x2d6f), (0x302a, 0x303f), (0x309f, 0x309f), (0x30ff, 0x30ff),
    (0x3131, 0x33ff), // Korean and Japanese compatibility forms
    (0xa69c, 0xa69d), (0xa770, 0xa770), (0xa7f1, 0xa7f9), (0xab5c, 0xab6f),
    (0xf900, 0xff0f), // compatibility ideographs, ligatures, presentation forms, variation selectors
    (0xff5b, 0xffff), // halfwidth forms; fullwidth letters and digits are accepted
    (0x10000, 0x1ffff), // historic scripts, mathematical letters, symbols
    (0x2f800, 0x2ffff), (0xe0000, 0x10_ffff),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_digits_and_marks_of_all_scripts_and_ordinary_punctuation_are_accepted() {
        for text in [
            "müllerÆßøł",
            "e\u{301}n\u{303}",
            "हिन्दी",
            "क\u{94d}\u{200d}ष",
            "বাংলা",
            "தமிழ்",
            "ภาษาไทยน้ำ",
            "ພາສາລາວ",
            "မြန်မာ",
            "ខ្មែរ",
            "العَرَبِيَّة",
            "می\u{200c}خواهم",
            "עִבְרִית",
            "東京カナがな한국어𠮷",
            "\u{1112}\u{1161}\u{11ab}",
            "Ελληνικάκириллицай",
            "հայերենև",
            "ქართული",
            "አማርኛ",
            "١٢٣",
            "’‘“”–—£§·¿",
            "ｈｒ１",
        ] {
            for char in text.chars().filter(|char| !char.is_ascii()) {
                assert!(has_one_meaning(char), "{text}: {char:?} {:x}", u32::from(char));
            }
        }
    }

    #[test]
    fn what_may_become_a_separator_or_vanish_is_refused() {
        for char in [
            '／',
            '＼',
            '．',
            '％',
            '；',
            '？',
            '＃',
            '‥',
            '…',
            '․',
            '﹒',
            '。',
            '｡',
            '∕',
            '⁄',
            '∖',
            '⧵',
            '⧸',
            '½',
            '⅓',
            '⒈',
            '⑴',
            '℀',
            '℅',
            '´',
            '¨',
            '¯',
            '¸',
            '\u{80}',
            '\u{85}',
            '\u{a0}',
            '\u{ad}',
            '\u{34f}',
            '\u{1680}',
            '\u{2003}',
            '\u{200b}',
            '\u{200e}',
            '\u{2028}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{3000}',
            '\u{3164}',
            '\u{fdfa}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{fffd}',
            '\u{e000}',
            '\u{e0061}',
            '\u{e0100}',
            '\u{10ffff}',
            '‰',
            '‹',
        ] {
            assert!(!has_one_meaning(char), "{char:?}");
        }
    }

    #[test]
    fn nothing_that_is_accepted_has_a_separator_in_any_unicode_form() {
        for char in ('\u{80}'..=char::MAX).filter(|char| has_one_meaning(*char)) {
            unicode_normalization::char::decompose_compatible(char, |part| {
                assert!(
                    !part.is_ascii() || part.is_ascii_alphanumeric(),
                    "{char:?} has {part:?}"
                );
                assert_ne!(part, '\u{2044}', "{char:?} has a fraction slash");
                assert!(
                    !part.is_whitespace() && !part.is_control(),
                    "{char:?} has {part:?}"
                );
            });
        }
    }
}
