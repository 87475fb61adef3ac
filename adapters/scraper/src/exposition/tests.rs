use std::fmt::Write;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;

/// Reads a text that comes in these pieces: how many samples, and the error if there is one.
fn read<'a>(format: Format, pieces: impl IntoIterator<Item = &'a [u8]>) -> (usize, Option<ExpositionError>) {
    let mut samples = 0;
    let mut count = |_: &Sample<'_>| {
        samples += 1;
        Ok(())
    };
    let mut exposition = Exposition::new(format);
    let mut pieces = pieces.into_iter();
    let read = pieces.try_for_each(|piece| exposition.push(piece, &mut count));
    let read = read.and_then(|()| exposition.finish(&mut count));
    (samples, read.err())
}

/// The fuzzer's corpus: a format's name on the first line, and a text.
fn corpus() -> Vec<(String, Format, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/exposition");
    let file = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        let bytes = fs::read(entry.path()).unwrap();
        let (format, text) = bytes.split_at(bytes.iter().position(|byte| *byte == b'\n').unwrap());
        let format = match format {
            b"text" => Format::Text,
            b"openmetrics" => Format::OpenMetrics,
            other => panic!("{other:?} is no format"),
        };
        (entry.file_name().into_string().unwrap(), format, text[1..].to_vec())
    };
    // What a run of the fuzzer has left here has a hash for a name, and is nobody's.
    let is_named = |entry: &std::io::Result<fs::DirEntry>| {
        let name = entry.as_ref().unwrap().file_name().into_string().unwrap();
        name.len() != 40 || !name.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let entries = fs::read_dir(folder).unwrap().filter(is_named);
    let mut files: Vec<_> = entries.map(file).collect();
    files.sort_by(|one, other| one.0.cmp(&other.0));
    files
}

#[test]
fn what_is_said_of_the_corpus() {
    let mut said = String::new();
    for (name, format, text) in corpus() {
        match read(format, [&text[..]]) {
            (samples, None) => writeln!(said, "{name}: {samples}").unwrap(),
            (samples, Some(error)) => writeln!(said, "{name}: {samples}, {error}").unwrap(),
        }
    }
    insta::assert_snapshot!(said);
}

#[test]
fn a_text_is_the_same_in_any_pieces() {
    for (name, format, text) in corpus() {
        let whole = read(format, [&text[..]]);
        for size in [1, 2, 3, 7, 64, 1_000] {
            assert_eq!(read(format, text.chunks(size)), whole, "{name} in pieces of {size}");
        }
    }
}

#[test]
fn an_entry_without_end_is_not_kept() {
    let piece = vec![b'a'; 64 << 10];
    for format in [Format::Text, Format::OpenMetrics] {
        let mut exposition = Exposition::new(format);
        let mut pushed = 0;
        let error = loop {
            pushed += piece.len();
            if let Err(error) = exposition.push(&piece, &mut |_: &Sample<'_>| Ok::<_, ExpositionError>(())) {
                break error;
            }
        };
        assert_eq!(error.problem, ExpositionProblem::TooLong);
        assert!(pushed <= LONGEST_ENTRY + piece.len());
    }
}

#[test]
fn a_sample_is_read_without_its_escapes() {
    let mut seen = Vec::new();
    let mut keep = |sample: &Sample<'_>| {
        let text = |bytes: std::borrow::Cow<'_, [u8]>| String::from_utf8(bytes.into_owned()).unwrap();
        let labels: Vec<_> = sample.labels().map(|(name, value)| (text(name), text(value))).collect();
        seen.push((text(sample.name()), labels));
        Ok::<_, ExpositionError>(())
    };
    let mut exposition = Exposition::new(Format::Text);
    let text = "# HELP x y\na{b=\"\\\\n\\\"\\n\\q\"} 1\n{c=\"1\",\"d.e\",\"f\\ng\"=\"2\"} 2";
    exposition.push(text.as_bytes(), &mut keep).unwrap();
    exposition.finish(&mut keep).unwrap();
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        seen,
        [
            ("a".to_owned(), vec![label("b", "\\n\"\n\\q")]),
            ("d.e".to_owned(), vec![label("c", "1"), label("f\ng", "2")]),
        ]
    );
}

/// A quoted text as it is written.
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{text}\"")
}

fn line(is_openmetrics: bool) -> impl Strategy<Value = (String, usize)> {
    let label =
        ("[a-z_][a-z0-9_]{0,5}", "[^\\x00]{0,10}").prop_map(|(name, value)| format!("{name}={}", quoted(&value)));
    let labels = prop::collection::vec(label, 0..4).prop_map(|labels| labels.join(","));
    let value = prop_oneof![
        any::<f64>().prop_map(|number| number.to_string()),
        Just("+Inf".to_owned())
    ];
    let sample = (
        "[a-z_:][a-z0-9_:]{0,8}",
        labels,
        value,
        prop::option::of(0_i64..1_000_000),
    );
    let sample = sample.prop_map(|(name, labels, value, time)| {
        let time = time.map_or(String::new(), |time| format!(" {time}"));
        (format!("{name}{{{labels}}} {value}{time}"), 1)
    });
    let comment = if is_openmetrics {
        "# HELP [a-z]{1,5} [a-z]{0,9}"
    } else {
        "# [a-z ]{0,9}"
    };
    prop_oneof![4 => sample, 1 => comment.prop_map(|comment| (comment, 0))]
}

proptest! {
    #[test]
    fn what_is_written_is_counted(is_openmetrics in any::<bool>(), lines in any::<bool>().prop_flat_map(|_| {
        (prop::collection::vec(line(false), 0..20), prop::collection::vec(line(true), 0..20))
    }), size in 1_usize..50) {
        let (format, lines) = if is_openmetrics { (Format::OpenMetrics, lines.1) } else { (Format::Text, lines.0) };
        let mut text: String = lines.iter().map(|(line, _)| format!("{line}\n")).collect();
        if is_openmetrics {
            text.push_str("# EOF\n");
        }
        let samples = lines.iter().map(|(_, samples)| samples).sum();
        prop_assert_eq!(read(format, text.as_bytes().chunks(size)), (samples, None));
    }

    #[test]
    fn any_bytes_are_answered_and_the_same_in_any_pieces(
        text in prop::collection::vec(prop::sample::select(b"ab:_{}\"\\=, \t\n#01.+-EOFHLPTYNaI\0\xff".to_vec()), 0..200),
        size in 1_usize..20,
        is_openmetrics in any::<bool>(),
    ) {
        let format = if is_openmetrics { Format::OpenMetrics } else { Format::Text };
        let whole = read(format, [&text[..]]);
        if let Some(error) = &whole.1 {
            let lines = text.iter().filter(|byte| **byte == b'\n').count() as u64;
            prop_assert!((1..=lines + 1).contains(&error.line));
        }
        prop_assert_eq!(read(format, text.chunks(size)), whole);
    }
}
