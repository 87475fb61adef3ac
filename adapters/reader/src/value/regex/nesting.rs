//! How deep an expression is, and how often it repeats: what Go bounds, whatever the machine.
//!
//! | bound | of Go | example |
//! |---|---|---|
//! | [`MOST_REPEATS`] | counts that stand in each other, multiplied | `(a{100}){11}` is 1,100 |
//! | [`MOST_HEIGHT`] | the height of the tree that it parses an expression into | 1,000 parentheses in each other |

use super::RegexError;

/// Go refuses to repeat more often than this.
pub(super) const MOST_REPEATS: u32 = 1_000;
/// How high an expression's tree may be.
pub(super) const MOST_HEIGHT: usize = 1_000;

/// What has been read of a group that is open, or of the whole expression.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Level {
    /// Whether it is a node of its own: a group that only groups is not.
    captures: bool,
    /// The highest alternative before this one, and whether there is one.
    before: Option<usize>,
    /// How many pieces this alternative has, and the height of the highest.
    pieces: usize,
    height: usize,
    /// How often the most repeated piece but the last one is repeated.
    repeats: u64,
    last: Piece,
}

/// Something that can be repeated.
#[derive(Debug, Clone, Copy, Default)]
struct Piece {
    height: usize,
    repeats: u64,
}

impl Level {
    pub(super) fn new(captures: bool) -> Self {
        Self {
            captures,
            ..Self::default()
        }
    }

    /// A character, a class, or another single thing.
    pub(super) fn atom(&mut self) {
        self.piece(Piece { height: 1, repeats: 1 });
    }

    /// A group that ended.
    pub(super) fn group(&mut self, inner: &Self) -> Result<(), RegexError> {
        let height = inner.whole() + usize::from(inner.captures);
        check(height)?;
        self.piece(Piece {
            height,
            repeats: inner.repeats.max(inner.last.repeats).max(1),
        });
        Ok(())
    }

    /// What stands before `*`, `+` or `?`.
    pub(super) fn repeated(&mut self) {
        let Piece { height, repeats } = self.last;
        self.again(Piece {
            height: height + 1,
            repeats,
        });
    }

    /// What stands before `{low,high}`.
    pub(super) fn counted(&mut self, low: u32, high: Option<u32>) -> Result<(), RegexError> {
        if low > MOST_REPEATS || high.is_some_and(|high| high > MOST_REPEATS || high < low) {
            return Err(RegexError::RepeatCount);
        }
        let Piece { height, repeats } = self.last;
        let repeats = match high {
            // Nothing of it is left.
            Some(0) => 1,
            Some(high) => repeats.saturating_mul(high.into()),
            None => repeats.saturating_mul(low.max(1).into()),
        };
        if (low >= 2 || high.is_some_and(|high| high >= 2)) && repeats > MOST_REPEATS.into() {
            return Err(RegexError::NestedCounts);
        }
        self.again(Piece {
            height: height + 1,
            repeats,
        });
        Ok(())
    }

    /// Another alternative begins.
    pub(super) fn alternative(&mut self) {
        self.before = Some(self.branch().max(self.before.unwrap_or(0)));
        (self.pieces, self.height) = (0, 0);
    }

    /// The height of all of it.
    pub(super) fn whole(&self) -> usize {
        match self.before {
            Some(before) => before.max(self.branch()) + 1,
            None => self.branch(),
        }
    }

    fn branch(&self) -> usize {
        match self.pieces {
            0 => 1,
            1 => self.height,
            _ => self.height + 1,
        }
    }

    fn piece(&mut self, piece: Piece) {
        self.pieces += 1;
        self.repeats = self.repeats.max(self.last.repeats);
        self.again(piece);
    }

    /// The last piece is this one.
    fn again(&mut self, piece: Piece) {
        self.last = piece;
        self.height = self.height.max(piece.height);
    }
}

/// Whether a tree is not too high.
pub(super) fn check(height: usize) -> Result<(), RegexError> {
    if height > MOST_HEIGHT {
        return Err(RegexError::TooDeep);
    }
    Ok(())
}
