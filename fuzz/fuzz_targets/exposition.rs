//! Any bytes as what a target says: a line that names the format, and a text. It is read, or refused
//! in one of its lines, and it makes no difference in which pieces it comes.
#![no_main]

use headcount_scraper::exposition::{Exposition, ExpositionError, Format, Sample};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (format, text) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => return,
    };
    let format = if format.starts_with(b"o") {
        Format::OpenMetrics
    } else {
        Format::Text
    };
    let (samples, error) = read(format, &[text]);
    let lines = text.iter().filter(|byte| **byte == b'\n').count() as u64;
    assert!(samples <= lines + 1);
    if let Some(error) = &error {
        assert!((1..=lines + 1).contains(&error.line), "{error}");
    }
    let pieces: Vec<&[u8]> = text.chunks(bytes.len() % 17 + 1).collect();
    assert_eq!(read(format, &pieces), (samples, error));
});

fn read(format: Format, pieces: &[&[u8]]) -> (u64, Option<ExpositionError>) {
    let mut samples = 0;
    let mut look = |sample: &Sample<'_>| {
        samples += 1;
        (sample.name(), sample.labels().count());
        sample.labels().for_each(drop);
        Ok(())
    };
    let mut exposition = Exposition::new(format);
    let read = pieces.iter().try_for_each(|piece| exposition.push(piece, &mut look));
    let read = read.and_then(|()| exposition.finish(&mut look));
    (samples, read.err())
}
