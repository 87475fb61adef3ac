//! Where entries end: at a line's end that is not within quotes within braces.
//!
//! What is between is not understood here; a malformed entry may end anywhere.

use headcount_core::planted;

/// Finds ends of entries in pieces of a text.
#[derive(Debug, Default)]
pub(super) struct Splitter(State);

#[derive(Debug, Clone, Copy, Default)]
enum State {
    /// Only blanks so far.
    #[default]
    Start,
    /// Before the braces of a sample.
    Name,
    /// In the braces.
    Braces,
    /// In quotes in the braces.
    Quotes,
    /// After a backslash there.
    Escape,
    /// Where quotes mean nothing: in a comment, after the braces.
    Rest,
}

impl Splitter {
    /// Where the first entry ends that goes on or begins in this piece, if it ends in it. What
    /// comes after that is for the next call.
    pub(super) fn find_end(&mut self, piece: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(&byte) = piece.get(at) {
            self.0 = match (self.0, byte) {
                (State::Start | State::Name | State::Braces | State::Rest, b'\n') => {
                    self.0 = State::Start;
                    return Some(at + 1);
                }
                (State::Rest, _) => {
                    at += skip(piece, at, |byte| byte == b'\n');
                    continue;
                }
                (State::Quotes, b'"') | (State::Start | State::Name, b'{') => State::Braces,
                (State::Quotes, b'\\') => State::Escape,
                (State::Quotes, _) => {
                    at += skip(piece, at, |byte| matches!(byte, b'"' | b'\\'));
                    continue;
                }
                (State::Escape, b'"') => planted!(State::Quotes, EscapedQuoteEnds, State::Braces),
                (State::Escape, _) | (State::Braces, b'"') => State::Quotes,
                (State::Start, b' ' | b'\t') => State::Start,
                (State::Start, b'#') | (State::Braces, b'}') => State::Rest,
                (State::Start | State::Name, _) => State::Name,
                (State::Braces, _) => State::Braces,
            };
            at += 1;
        }
        None
    }
}

/// How many bytes from `at` on are before the first that stops; all of them if none does.
fn skip(piece: &[u8], at: usize, stops: impl Fn(u8) -> bool) -> usize {
    let rest = piece.get(at..).unwrap_or_default();
    rest.iter().position(|&byte| stops(byte)).unwrap_or(rest.len())
}
