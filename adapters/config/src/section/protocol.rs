//! `scrape_protocols`: in which formats targets may answer.

use headcount_reader::{Cursor, ProblemKind, ScrapeProtocol};

/// A list of protocols; `None` when it is null.
pub(super) fn read_list(at: &Cursor<'_>) -> Option<Vec<ScrapeProtocol>> {
    let texts = at.texts()?;
    if texts.is_empty() {
        at.report(ProblemKind::EmptyList { what: "protocol" });
    }
    let mut protocols = Vec::new();
    for (index, (text, position)) in texts.into_iter().enumerate() {
        let suffix = format!("[{index}]");
        match ScrapeProtocol::parse(&text) {
            Some(protocol) if protocols.contains(&protocol) => {
                at.report_at(position, &suffix, ProblemKind::ListedTwice { found: text });
            }
            Some(protocol) => protocols.push(protocol),
            None => at.report_at(
                position,
                &suffix,
                ProblemKind::NotOneOf {
                    found: text,
                    allowed: ScrapeProtocol::NAMES,
                },
            ),
        }
    }
    Some(protocols)
}

/// A single protocol; `None` when it is empty.
pub(super) fn read_one(at: &Cursor<'_>) -> Option<ScrapeProtocol> {
    let text = at.text().filter(|text| !text.is_empty())?;
    let protocol = ScrapeProtocol::parse(&text);
    if protocol.is_none() {
        at.report(ProblemKind::NotOneOf {
            found: text,
            allowed: ScrapeProtocol::NAMES,
        });
    }
    protocol
}
