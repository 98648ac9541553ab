//! The secret in the viewer's addresses: who does not know it gets nothing.

use std::fmt::{self, Write};
use std::hint::black_box;

/// 128 random bits, as 32 digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// Secrets are not for logs.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// A new one, from the system's randomness.
    ///
    /// # Errors
    /// The system has none to give.
    pub fn random() -> Result<Token, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Token(bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })))
    }

    /// The text of it, which is fit for a path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is it. How long that takes does not depend on where the two differ.
    pub fn is(&self, other: &[u8]) -> bool {
        let token = self.0.as_bytes();
        let differences = token.iter().zip(other).fold(0, |all, (one, other)| all | (one ^ other));
        black_box(differences) == 0 && token.len() == other.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_itself_and_nothing_else() {
        let token = Token::random().expect("randomness");
        let text = token.as_str().to_owned();
        assert!(text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit()), "{text}");
        assert!(token.is(text.as_bytes()));
        for place in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[place] ^= 1;
            assert!(!token.is(&other), "differs at {place}");
        }
        for other in ["", &text[1..], &text[..31], &format!("{text}0")] {
            assert!(!token.is(other.as_bytes()), "{other}");
        }
        assert_ne!(Token::random().expect("randomness").as_str(), text);
    }
}
