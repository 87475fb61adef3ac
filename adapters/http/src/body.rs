//! Reading an answer's body: piece by piece, decompressed, and never more of it than is allowed.
//!
//! The one rule: **the limit holds after decompression and while streaming**, so neither a long
//! body nor a small one that unfolds takes more memory than the limit.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use headcount_core::planted;
use headcount_discoverer::env::{Cause, HttpError};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};

use crate::connection::broken;

/// Compressed bytes that are unfolded at once: at most a thousand times as many come of them.
const UNFOLDED_AT_ONCE: usize = 1024;

/// Whether the body is compressed with gzip.
pub(crate) fn is_gzip(headers: &HeaderMap) -> bool {
    let encoding = headers
        .get(CONTENT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let encoding = encoding.trim();
    encoding.eq_ignore_ascii_case("gzip") || encoding.eq_ignore_ascii_case("x-gzip")
}

/// Reads all of a body of at most `limit` bytes. `host` is for errors.
pub(crate) async fn read<B>(body: B, headers: &HeaderMap, limit: u64, host: &str) -> Result<Vec<u8>, HttpError>
where
    B: Body<Data = Bytes, Error = hyper::Error> + Unpin,
{
    let mut pieces = Pieces::new(body, headers, limit, host);
    let mut whole = Vec::new();
    while let Some(piece) = pieces.next().await? {
        whole.extend_from_slice(piece);
    }
    Ok(whole)
}

/// A body that is read piece by piece.
pub(crate) struct Pieces<B> {
    body: B,
    unpacker: Unpacker,
    limit: u64,
    /// A server that says the truth about a body that is too large saves everybody the transfer.
    is_too_large: bool,
    host: String,
}

impl<B: Body<Data = Bytes, Error = hyper::Error> + Unpin> Pieces<B> {
    /// A body of at most `limit` bytes. `host` is for errors.
    pub(crate) fn new(body: B, headers: &HeaderMap, limit: u64, host: &str) -> Self {
        let length = headers
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.parse().ok());
        let length: Option<u64> = body.size_hint().exact().or(length);
        Self {
            is_too_large: !is_gzip(headers) && !body.is_end_stream() && length.is_some_and(|length| length > limit),
            body,
            unpacker: Unpacker::new(is_gzip(headers), limit),
            limit,
            host: host.to_owned(),
        }
    }

    /// The next piece, which is not empty; `None` at the end. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<&[u8]>, HttpError> {
        if self.is_too_large {
            return Err(self.explain(UnpackError::Full));
        }
        loop {
            match self.unpacker.unpack() {
                Ok(true) => return Ok(Some(self.unpacker.unpacked())),
                Ok(false) => {}
                Err(error) => return Err(self.explain(error)),
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    // What is not data is trailers, which nobody here asks for.
                    if let Ok(data) = frame.into_data() {
                        self.unpacker.push(data);
                    }
                }
                Some(Err(error)) => return Err(broken(&self.host, error)),
                None => {
                    return match self.unpacker.finish() {
                        Ok(true) => Ok(Some(self.unpacker.unpacked())),
                        Ok(false) => Ok(None),
                        Err(error) => Err(self.explain(error)),
                    };
                }
            }
        }
    }

    /// The piece that was read last.
    pub(crate) fn piece(&self) -> &[u8] {
        self.unpacker.unpacked()
    }

    /// The body itself.
    pub(crate) fn body_mut(&mut self) -> &mut B {
        &mut self.body
    }

    fn explain(&self, error: UnpackError) -> HttpError {
        let host = self.host.clone();
        match error {
            UnpackError::Full => HttpError::BodyTooLarge {
                host,
                limit: self.limit,
            },
            UnpackError::Gzip(error) => HttpError::Protocol {
                host,
                cause: Cause::new(NotGzip(error)),
            },
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the body is not valid gzip")]
struct NotGzip(#[source] io::Error);

enum UnpackError {
    Full,
    Gzip(io::Error),
}

/// Takes bytes as they come, and gives them as they are meant.
struct Unpacker {
    packed: Bytes,
    how: How,
    /// What was given last stands here, or, compressed, in the decoder's writer.
    plain: Bytes,
    left: u64,
}

enum How {
    Plain,
    // Boxed: a decoder is some tens of kilobytes. The flag says that something arrived at all.
    Gzip(Box<MultiGzDecoder<Limited>>, bool),
}

impl Unpacker {
    fn new(gzip: bool, limit: u64) -> Self {
        let limited = Limited {
            bytes: Vec::new(),
            left: limit,
            full: false,
        };
        Self {
            packed: Bytes::new(),
            how: match gzip {
                true => How::Gzip(Box::new(MultiGzDecoder::new(limited)), false),
                false => How::Plain,
            },
            plain: Bytes::new(),
            left: limit,
        }
    }

    /// Takes bytes, once those before are unpacked.
    fn push(&mut self, packed: Bytes) {
        self.packed = packed;
    }

    /// Unpacks some of what was taken; whether something came of it.
    fn unpack(&mut self) -> Result<bool, UnpackError> {
        match &mut self.how {
            How::Plain => {
                self.plain = std::mem::take(&mut self.packed);
                let length = u64::try_from(self.plain.len()).unwrap_or(u64::MAX);
                let left = self.left.checked_sub(length).ok_or(UnpackError::Full)?;
                self.left = planted!(left, LimitIsForEachPiece, self.left);
                Ok(!self.plain.is_empty())
            }
            How::Gzip(decoder, started) => {
                decoder.get_mut().bytes.clear();
                while !self.packed.is_empty() && decoder.get_ref().bytes.is_empty() {
                    *started = true;
                    let some = self.packed.split_to(self.packed.len().min(UNFOLDED_AT_ONCE));
                    // Without the flush the last of it would wait for what comes next.
                    let written = decoder.write_all(&some).and_then(|()| decoder.flush());
                    written.map_err(|error| decoder.get_ref().explain(error))?;
                }
                Ok(!decoder.get_ref().bytes.is_empty())
            }
        }
    }

    /// What was unpacked last.
    fn unpacked(&self) -> &[u8] {
        match &self.how {
            How::Plain => &self.plain,
            How::Gzip(decoder, _) => &decoder.get_ref().bytes,
        }
    }

    /// There is no more to take; whether something came of that.
    fn finish(&mut self) -> Result<bool, UnpackError> {
        match &mut self.how {
            // The answer to HEAD, or 304: the header speaks of a body that is not there.
            How::Plain | How::Gzip(_, false) => Ok(false),
            How::Gzip(decoder, started) => {
                decoder.get_mut().bytes.clear();
                *started = false;
                let finished = planted!(decoder.try_finish(), HalfIsAWhole, Ok(()));
                finished.map_err(|error| decoder.get_ref().explain(error))?;
                Ok(!decoder.get_ref().bytes.is_empty())
            }
        }
    }
}

/// Bytes up to a limit.
struct Limited {
    bytes: Vec<u8>,
    left: u64,
    full: bool,
}

impl Limited {
    fn explain(&self, error: io::Error) -> UnpackError {
        match self.full {
            true => UnpackError::Full,
            false => UnpackError::Gzip(error),
        }
    }
}

impl Write for Limited {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
        match self.left.checked_sub(length) {
            Some(left) => self.left = left,
            None => {
                self.full = true;
                return Err(io::Error::other("larger than the limit"));
            }
        }
        self.bytes.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn through(gzip: bool, chunks: &[&[u8]], limit: u64) -> Result<Vec<u8>, UnpackError> {
        let mut bytes = Vec::new();
        let mut unpacker = Unpacker::new(gzip, limit);
        for chunk in chunks {
            unpacker.push(Bytes::copy_from_slice(chunk));
            while unpacker.unpack()? {
                bytes.extend_from_slice(unpacker.unpacked());
            }
        }
        if unpacker.finish()? {
            bytes.extend_from_slice(unpacker.unpacked());
        }
        Ok(bytes)
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(data in prop::collection::vec(any::<u8>(), 0..5000), cut in 0usize..6000) {
            let compressed = gzip(&data);
            let (first, second) = compressed.split_at(cut.min(compressed.len()));
            let length = u64::try_from(data.len()).unwrap();
            prop_assert_eq!(through(true, &[first, second], length).ok(), Some(data.clone()));
            if length > 0 {
                prop_assert!(matches!(through(true, &[first, second], length - 1), Err(UnpackError::Full)));
                prop_assert!(matches!(through(false, &[&data], length - 1), Err(UnpackError::Full)));
            }
        }

        #[test]
        fn half_of_it_is_an_error(data in prop::collection::vec(any::<u8>(), 0..500), cut in 1usize..500) {
            let compressed = gzip(&data);
            prop_assume!(cut < compressed.len());
            prop_assert!(matches!(through(true, &[&compressed[..cut]], 1000), Err(UnpackError::Gzip(_))));
        }
    }

    #[test]
    fn the_limit_is_for_all_pieces_together() {
        let pieces: [&[u8]; 2] = [b"12345", b"67890"];
        assert!(through(false, &pieces, 10).is_ok_and(|whole| whole == b"1234567890"));
        assert!(matches!(through(false, &pieces, 9), Err(UnpackError::Full)));
    }

    #[test]
    fn what_is_compressed_as_it_comes_is_given_as_it_comes() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let mut unpacker = Unpacker::new(true, 1000);
        for line in ["one\n", "two\n", "three\n"] {
            encoder.write_all(line.as_bytes()).unwrap();
            encoder.flush().unwrap();
            unpacker.push(std::mem::take(encoder.get_mut()).into());
            assert!(matches!(unpacker.unpack(), Ok(true)), "{line}");
            assert_eq!(unpacker.unpacked(), line.as_bytes());
            assert!(matches!(unpacker.unpack(), Ok(false)));
        }
    }

    #[test]
    fn what_unfolds_is_given_in_small_pieces() {
        let mut unpacker = Unpacker::new(true, u64::MAX);
        unpacker.push(gzip(&vec![0; 50 << 20]).into());
        let mut whole = 0;
        while matches!(unpacker.unpack(), Ok(true)) {
            assert!(unpacker.unpacked().len() <= 2 << 20);
            whole += unpacker.unpacked().len();
        }
        assert!(matches!(unpacker.finish(), Ok(false)));
        assert_eq!(whole, 50 << 20);
    }
}
