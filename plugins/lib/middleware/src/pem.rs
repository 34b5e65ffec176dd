//! PEM text (RFC 7468), read the same way for every option.
//!
//! The text has often come a long way: through an environment file that writes `\n` as two characters, through YAML
//! that indents it or joins its lines, from Windows, or from a tool that describes each block before it. None of that
//! changes what a block holds, so none of it matters here.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// One block. Its content may be a private key, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Block {
    /// What the block claims to contain, such as `CERTIFICATE`.
    pub label: String,
    /// The content, decoded.
    pub der: Vec<u8>,
}

/// Why text is not PEM. Continues a sentence that an option's name begins; holds nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// No block begins.
    #[error("is not PEM (-----BEGIN …-----); for a file write file:/path")]
    NoBlock,
    /// Base64 alone, as some consoles show a key.
    #[error("is base64 without the lines -----BEGIN …----- and -----END …----- around it: add them")]
    Bare,
    /// A block that does not end, or whose END line has another label.
    #[error("is PEM without the END line of a block: it may have been cut off")]
    Unterminated,
    /// The content of a block is not base64.
    #[error("is PEM with a block that is not base64: it may have been damaged")]
    Damaged,
    /// A private key that is protected by a password.
    #[error("holds a key under a password: write it without one by `openssl pkey -in KEY -out NEW_KEY`")]
    Encrypted,
}

/// The form of a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrivateKeyForm {
    /// `PRIVATE KEY` (RFC 5958).
    Pkcs8,
    /// `RSA PRIVATE KEY` (RFC 8017).
    Pkcs1,
    /// `EC PRIVATE KEY` (RFC 5915).
    Sec1,
}

/// Why no certificate can be taken from text. Continues a sentence that an option's name begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The text cannot be read at all.
    #[error("{0}")]
    Pem(#[from] PemError),
    /// There are only blocks of other kinds.
    #[error("is PEM but holds no certificate (-----BEGIN CERTIFICATE-----)")]
    Missing,
}

/// Why no private key can be taken from text. Continues a sentence that an option's name begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrivateKeyError {
    /// The text cannot be read at all.
    #[error("{0}")]
    Pem(#[from] PemError),
    /// There are only blocks of other kinds.
    #[error("is PEM but holds no private key (-----BEGIN PRIVATE KEY-----)")]
    Missing,
    /// There is more than one private key.
    #[error("holds several private keys; keep the one that is meant")]
    Several,
    /// OpenSSH's own form.
    #[error("holds a key in the form of OpenSSH: write it as PEM by `ssh-keygen -p -m PKCS8 -f KEY`")]
    OpenSsh,
}

/// Returns the blocks of `text`, at least one. Ignores the text before, between and after them.
///
/// # Errors
/// [`PemError`].
pub fn blocks(text: &str) -> Result<Vec<Block>, PemError> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, begun)) = rest.split_once(BEGIN) {
        let (label, content) = begun.split_once(DASHES).ok_or(PemError::Unterminated)?;
        let (body, ended) = content.split_once(END).ok_or(PemError::Unterminated)?;
        let after = ended
            .strip_prefix(label)
            .and_then(|ended| ended.strip_prefix(DASHES))
            .ok_or(PemError::Unterminated)?;
        if label == "ENCRYPTED PRIVATE KEY" || body.contains("ENCRYPTED") {
            return Err(PemError::Encrypted);
        }
        blocks.push(Block {
            label: label.to_owned(),
            der: decode(body).ok_or(PemError::Damaged)?,
        });
        rest = after;
    }
    if !blocks.is_empty() {
        return Ok(blocks);
    }
    match decode(text) {
        // Every DER structure here is a SEQUENCE of more than 127 bytes, or a short key of an elliptic curve.
        Some(der) if der.first() == Some(&0x30) => Err(PemError::Bare),
        _ => Err(PemError::NoBlock),
    }
}

/// Returns the certificates in `text` in DER, at least one, in their order. Ignores blocks of other kinds.
///
/// # Errors
/// [`CertificateError`].
pub fn certificates(text: &str) -> Result<Vec<Vec<u8>>, CertificateError> {
    let certificates: Vec<_> = blocks(text)?
        .into_iter()
        .filter(|block| matches!(block.label.as_str(), "CERTIFICATE" | "X509 CERTIFICATE"))
        .map(|block| block.der)
        .collect();
    match certificates.is_empty() {
        true => Err(CertificateError::Missing),
        false => Ok(certificates),
    }
}

/// Returns the only private key in `text`, in DER. Ignores blocks of other kinds, such as certificates and `EC
/// PARAMETERS`.
///
/// # Errors
/// [`PrivateKeyError`].
pub fn private_key(text: &str) -> Result<(PrivateKeyForm, Vec<u8>), PrivateKeyError> {
    let mut found = None;
    for block in blocks(text)? {
        let form = match block.label.as_str() {
            "PRIVATE KEY" => PrivateKeyForm::Pkcs8,
            "RSA PRIVATE KEY" => PrivateKeyForm::Pkcs1,
            "EC PRIVATE KEY" => PrivateKeyForm::Sec1,
            "OPENSSH PRIVATE KEY" => return Err(PrivateKeyError::OpenSsh),
            _ => continue,
        };
        if found.replace((form, block.der)).is_some() {
            return Err(PrivateKeyError::Several);
        }
    }
    found.ok_or(PrivateKeyError::Missing)
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// Base64 with blanks anywhere in it. A backslash followed by `n`, `r` or `t` is a blank too, however many backslashes
/// there are: each program on the way may have escaped the text once more. Base64 itself has no backslash.
fn decode(body: &str) -> Option<Vec<u8>> {
    let mut base64 = String::with_capacity(body.len());
    let mut characters = body.chars();
    while let Some(character) = characters.next() {
        if character == '\\' {
            let escaped = characters.find(|character| *character != '\\')?;
            if !matches!(escaped, 'n' | 'r' | 't') && !escaped.is_whitespace() {
                return None;
            }
        } else if !character.is_whitespace() && character != '\u{feff}' {
            base64.push(character);
        }
    }
    BASE64.decode(base64).ok()
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "-----BEGIN A KEY-----\nAQID\nBAUG\n-----END A KEY-----\n";

    fn read(text: &str) -> Result<Vec<(String, Vec<u8>)>, PemError> {
        let blocks = blocks(text)?;
        Ok(blocks.into_iter().map(|block| (block.label, block.der)).collect())
    }

    #[test]
    fn a_block_is_the_same_however_it_has_travelled() {
        let expected = Ok(vec![("A KEY".to_owned(), vec![1, 2, 3, 4, 5, 6])]);
        let escaped = |with: &str| ONE.replace('\n', with);
        for text in [
            ONE.to_owned(),
            ONE.trim().to_owned(),
            escaped("\r\n"),
            escaped("\r"),
            escaped(" "),
            escaped(""),
            escaped("\n    "),
            escaped("\n\t"),
            escaped("\n\n"),
            escaped(r"\n"),
            escaped(r"\r\n"),
            escaped(r"\\n"),
            escaped("\\\n"),
            escaped("\u{a0}\n"),
            format!("\u{feff}{ONE}"),
            format!("\"{}\"", escaped(r"\n")),
            format!("subject=CN = a\nissuer=CN = b\n{ONE}"),
            format!("Bag Attributes\n    localKeyID: 01 02\nKey Attributes: <No Attributes>\n{ONE}the end\n"),
            ONE.replace("BAUG", "BAUG\u{feff}"),
        ] {
            assert_eq!(read(&text), expected, "{text:?}");
        }
    }

    #[test]
    fn several_blocks_are_read_in_their_order_whatever_is_between_them() {
        let other = "-----BEGIN OTHER-----\nBw\n-----END OTHER-----";
        let both = vec![
            ("A KEY".to_owned(), vec![1, 2, 3, 4, 5, 6]),
            ("OTHER".to_owned(), vec![7]),
        ];
        for between in ["", "\n", r"\n", " ", "\n# a comment\n", "\u{feff}"] {
            assert_eq!(
                read(&format!("{ONE}{between}{other}")).as_ref(),
                Ok(&both),
                "{between:?}"
            );
        }
    }

    #[test]
    fn what_is_not_pem_says_why() {
        for (text, expected) in [
            ("", PemError::NoBlock),
            ("hunter2", PemError::NoBlock),
            ("AQIDBAUG", PemError::NoBlock),
            ("MIIBIjANBgkqhkiG9w0BAQEF", PemError::Bare),
            ("MIIBIjANBgkq\nhkiG9w0BAQEF\n", PemError::Bare),
            ("-----BEGIN A KEY", PemError::Unterminated),
            ("-----BEGIN A KEY-----\nAQID", PemError::Unterminated),
            (
                "-----BEGIN A KEY-----\nAQID\n-----END B KEY-----",
                PemError::Unterminated,
            ),
            (
                "-----BEGIN A KEY-----\nAQID\n-----END A KEY",
                PemError::Unterminated,
            ),
            (
                "-----BEGIN A KEY-----\nAQ%D\n-----END A KEY-----",
                PemError::Damaged,
            ),
            (
                r"-----BEGIN A KEY-----\xAQID\n-----END A KEY-----",
                PemError::Damaged,
            ),
            (
                "-----BEGIN A KEY-----\nComment: x\n\nAQID\n-----END A KEY-----",
                PemError::Damaged,
            ),
            (
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAQID\n-----END ENCRYPTED PRIVATE KEY-----",
                PemError::Encrypted,
            ),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAQID\n\
                 -----END RSA PRIVATE KEY-----",
                PemError::Encrypted,
            ),
        ] {
            assert_eq!(read(text), Err(expected), "{text:?}");
        }
        for (text, told) in [
            ("x", "is not PEM"),
            (
                "-----BEGIN PRIVATE KEY-----\nAQID\n-----END PRIVATE KEY-----",
                "holds no certificate",
            ),
        ] {
            let error = certificates(text).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        let broken_later = format!("{ONE}-----BEGIN A KEY-----\nAQID");
        assert_eq!(read(&broken_later), Err(PemError::Unterminated));
    }

    fn block(label: &str) -> String {
        ONE.replace("A KEY", label)
    }

    #[test]
    fn certificates_are_found_among_others() {
        let certificate = block("CERTIFICATE");
        for (text, expected) in [
            (certificate.clone(), Some(1)),
            (
                format!("{certificate}{}{certificate}", block("PRIVATE KEY")),
                Some(2),
            ),
            (block("X509 CERTIFICATE"), Some(1)),
            (block("CERTIFICATE REQUEST"), None),
            (block("ENCRYPTED PRIVATE KEY"), None),
            ("MIIBIjANBgkqhkiG9w0BAQEF".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(
                certificates(&text).ok().map(|found| found.len()),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn exactly_one_private_key_is_wanted() {
        let (pkcs8, certificate) = (block("PRIVATE KEY"), block("CERTIFICATE"));
        for (text, expected) in [
            (pkcs8.clone(), Ok(PrivateKeyForm::Pkcs8)),
            (block("RSA PRIVATE KEY"), Ok(PrivateKeyForm::Pkcs1)),
            (
                format!("{}{}", block("EC PARAMETERS"), block("EC PRIVATE KEY")),
                Ok(PrivateKeyForm::Sec1),
            ),
            (format!("{certificate}{pkcs8}"), Ok(PrivateKeyForm::Pkcs8)),
            (format!("{pkcs8}{pkcs8}"), Err(PrivateKeyError::Several)),
            (certificate, Err(PrivateKeyError::Missing)),
            (block("OPENSSH PRIVATE KEY"), Err(PrivateKeyError::OpenSsh)),
            (
                block("ENCRYPTED PRIVATE KEY"),
                Err(PrivateKeyError::Pem(PemError::Encrypted)),
            ),
            ("x".to_owned(), Err(PrivateKeyError::Pem(PemError::NoBlock))),
        ] {
            assert_eq!(private_key(&text).map(|(form, _)| form), expected, "{text}");
        }
    }
}
