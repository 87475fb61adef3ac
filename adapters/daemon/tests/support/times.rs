//! Texts without what depends on when they were made.

/// Hides moments and how long ago they were.
pub(crate) fn without_times(text: &str) -> String {
    let line = |line: &str| {
        let words: Vec<_> = line.split(' ').map(word).collect();
        let line = words.join(" ");
        match (line.find('('), line.find(" ago)")) {
            (Some(begin), Some(end)) if begin < end => format!("{}(AGO{}", &line[..begin], &line[end + 4..]),
            _ => line,
        }
    };
    text.lines().map(|text| line(text) + "\n").collect()
}

fn word(word: &str) -> String {
    let bare = word.trim_end_matches([',', ';']);
    // `2026-01-31T23:59:59Z`
    let is_time = bare.len() == 20 && bare.ends_with('Z') && bare.as_bytes()[10] == b'T';
    if is_time {
        format!("TIME{}", &word[bare.len()..])
    } else {
        word.to_owned()
    }
}
