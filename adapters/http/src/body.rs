//! Reading an answer's body: decompressed, and never more of it than is allowed.
//!
//! The one rule: **the limit holds after decompression and while streaming**, so neither a long
//! body nor a small one that unfolds takes more memory than the limit.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use headcount_discoverer::env::{Cause, HttpError};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};

use crate::connection::broken;

/// Whether the body is compressed with gzip.
pub(crate) fn is_gzip(headers: &HeaderMap) -> bool {
    let encoding = headers
        .get(CONTENT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let encoding = encoding.trim();
    encoding.eq_ignore_ascii_case("gzip") || encoding.eq_ignore_ascii_case("x-gzip")
}

/// Takes pieces of a body.
pub(crate) type Out<'a> = &'a mut (dyn FnMut(&[u8]) + Send);

/// Gives a body of at most `limit` bytes to `out` as it comes. `host` is for errors.
pub(crate) async fn read<B>(
    mut body: B,
    headers: &HeaderMap,
    limit: u64,
    host: &str,
    out: Out<'_>,
) -> Result<(), HttpError>
where
    B: Body<Data = Bytes, Error = hyper::Error> + Unpin,
{
    let too_large = || HttpError::BodyTooLarge {
        host: host.to_owned(),
        limit,
    };
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok());
    // A server that says the truth about a body that is too large saves everybody the transfer.
    if !is_gzip(headers)
        && body
            .size_hint()
            .exact()
            .or(length)
            .is_some_and(|length: u64| length > limit)
        && !body.is_end_stream()
    {
        return Err(too_large());
    }
    let mut sink = Sink::new(is_gzip(headers), limit, out);
    while let Some(frame) = body.frame().await {
        // What is not data is trailers, which nobody here asks for.
        let Ok(data) = frame.map_err(|error| broken(host, error))?.into_data() else {
            continue;
        };
        sink.write(&data).map_err(|error| match error {
            SinkError::Full => too_large(),
            SinkError::Gzip(error) => gzip_error(host, error),
        })?;
    }
    sink.finish().map_err(|error| match error {
        SinkError::Full => too_large(),
        SinkError::Gzip(error) => gzip_error(host, error),
    })
}

fn gzip_error(host: &str, error: io::Error) -> HttpError {
    HttpError::Protocol {
        host: host.to_owned(),
        cause: Cause::new(NotGzip(error)),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the body is not valid gzip")]
struct NotGzip(#[source] io::Error);

enum SinkError {
    Full,
    Gzip(io::Error),
}

enum Sink<'a> {
    Plain(Limited<'a>),
    // Boxed: a decoder is some tens of kilobytes. The flag says that something arrived at all.
    Gzip(Box<MultiGzDecoder<Limited<'a>>>, bool),
}

impl<'a> Sink<'a> {
    fn new(gzip: bool, limit: u64, out: Out<'a>) -> Self {
        let limited = Limited {
            out,
            left: limit,
            full: false,
        };
        if gzip {
            Self::Gzip(Box::new(MultiGzDecoder::new(limited)), false)
        } else {
            Self::Plain(limited)
        }
    }

    fn write(&mut self, data: &[u8]) -> Result<(), SinkError> {
        match self {
            Self::Plain(limited) => limited.write_all(data).map_err(|_| SinkError::Full),
            Self::Gzip(decoder, started) => {
                *started |= !data.is_empty();
                let written = decoder.write_all(data);
                written.map_err(|error| {
                    if decoder.get_ref().full {
                        SinkError::Full
                    } else {
                        SinkError::Gzip(error)
                    }
                })
            }
        }
    }

    fn finish(self) -> Result<(), SinkError> {
        match self {
            // The answer to HEAD, or 304: the header speaks of a body that is not there.
            Self::Plain(_) | Self::Gzip(_, false) => Ok(()),
            Self::Gzip(mut decoder, true) => match decoder.try_finish() {
                Ok(()) => Ok(()),
                Err(_) if decoder.get_ref().full => Err(SinkError::Full),
                Err(error) => Err(SinkError::Gzip(error)),
            },
        }
    }
}

/// Bytes up to a limit.
struct Limited<'a> {
    out: Out<'a>,
    left: u64,
    full: bool,
}

impl Write for Limited<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
        match self.left.checked_sub(length) {
            Some(left) => self.left = left,
            None => {
                self.full = true;
                return Err(io::Error::other("larger than the limit"));
            }
        }
        (self.out)(data);
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

    fn through(gzip: bool, chunks: &[&[u8]], limit: u64) -> Result<Vec<u8>, SinkError> {
        let mut bytes = Vec::new();
        let mut out = |piece: &[u8]| bytes.extend_from_slice(piece);
        let mut sink = Sink::new(gzip, limit, &mut out);
        for chunk in chunks {
            sink.write(chunk)?;
        }
        sink.finish()?;
        Ok(bytes)
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(data in prop::collection::vec(any::<u8>(), 0..500), cut in 0usize..600) {
            let compressed = gzip(&data);
            let (first, second) = compressed.split_at(cut.min(compressed.len()));
            let length = u64::try_from(data.len()).unwrap();
            prop_assert_eq!(through(true, &[first, second], length).ok(), Some(data.clone()));
            if length > 0 {
                prop_assert!(matches!(through(true, &[first, second], length - 1), Err(SinkError::Full)));
                prop_assert!(matches!(through(false, &[&data], length - 1), Err(SinkError::Full)));
            }
        }

        #[test]
        fn half_of_it_is_an_error(data in prop::collection::vec(any::<u8>(), 0..500), cut in 1usize..500) {
            let compressed = gzip(&data);
            prop_assume!(cut < compressed.len());
            prop_assert!(matches!(through(true, &[&compressed[..cut]], 1000), Err(SinkError::Gzip(_))));
        }
    }
}
