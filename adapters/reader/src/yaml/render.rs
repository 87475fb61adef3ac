//! Writes a tree as YAML again, in blocks, with aliases written out and secrets hidden.

use std::borrow::Cow;

use super::node::{Content, Entries, Items, Node, Scalar, Tag};
use super::redact::{MASK, View, redacted_url};

/// The whole document with every secret replaced by `<secret>`.
pub(super) fn render_redacted(root: Option<Node<'_>>) -> String {
    let mut out = String::new();
    if let Some(root) = root {
        match root.content() {
            Content::Scalar(_) => line(&mut out, &value_text(root, View::Open)),
            _ => block(root, 0, View::Open, &mut out),
        }
    }
    out
}

fn block(node: Node<'_>, indent: usize, view: View, out: &mut String) {
    match node.content() {
        Content::Map(entries) if !entries.is_empty() => map(entries, indent, view, false, out),
        Content::List(items) if !items.is_empty() => list(items, indent, view, out),
        _ => {
            pad(out, indent);
            line(out, &value_text(node, view));
        }
    }
}

fn map(entries: Entries<'_>, indent: usize, view: View, mut after_dash: bool, out: &mut String) {
    for (key, value) in entries.iter() {
        if !std::mem::take(&mut after_dash) {
            pad(out, indent);
        }
        let name = key.key_text();
        let value_view = name.map_or(view, |name| view.of_field(name, value));
        match (key.content(), name) {
            // A plain `<<` merges; quoted it would be a key.
            _ if key.is_merge_key() => out.push_str("<<"),
            (Content::Scalar(key), _) => out.push_str(&scalar(key, View::Open)),
            // A key that is a list or a mapping is refused everywhere, so how it looks matters little.
            _ => out.push_str("\"?\""),
        }
        out.push(':');
        match value.content() {
            Content::Map(entries) if !entries.is_empty() => {
                out.push('\n');
                map(entries, indent + 2, value_view, false, out);
            }
            Content::List(items) if !items.is_empty() => {
                out.push('\n');
                list(items, indent, value_view, out);
            }
            _ => {
                let text = value_text(value, value_view);
                if !text.is_empty() {
                    out.push(' ');
                }
                line(out, &text);
            }
        }
    }
}

fn list(items: Items<'_>, indent: usize, view: View, out: &mut String) {
    for item in items.iter() {
        pad(out, indent);
        out.push_str("- ");
        match item.content() {
            Content::Map(entries) if !entries.is_empty() => map(entries, indent + 2, view, true, out),
            Content::List(items) if !items.is_empty() => {
                // `- - x` needs no line of its own, but is harder to read.
                out.truncate(out.trim_end_matches(' ').len());
                out.push('\n');
                list(items, indent + 2, view, out);
            }
            _ => line(out, &value_text(item, view)),
        }
    }
}

/// A value that takes one line.
fn value_text(node: Node<'_>, view: View) -> Cow<'_, str> {
    match node.content() {
        Content::Scalar(value) => scalar(value, view),
        Content::List(_) => Cow::Borrowed("[]"),
        Content::Map(_) => Cow::Borrowed("{}"),
    }
}

/// A scalar on one line, of the same meaning as it was written with.
pub(super) fn scalar(scalar: Scalar<'_>, view: View) -> Cow<'_, str> {
    let is_nothing = scalar.is_null() || scalar.text.is_empty();
    match view {
        View::Hidden if !is_nothing => return Cow::Borrowed(MASK),
        _ if scalar.is_null() => return Cow::Borrowed("null"),
        _ => {}
    }
    let text = match scalar.tag {
        Tag::Binary => Cow::Owned(scalar.as_text()),
        _ => Cow::Borrowed(scalar.text),
    };
    let text = match redacted_url(&text) {
        Cow::Owned(redacted) => Cow::Owned(redacted),
        Cow::Borrowed(_) => text,
    };
    // Plain text was plain on one line, so it can be again. Other text is plain when it stays text.
    let is_safe = is_safe_plain(&text);
    let stays = match scalar.tag {
        Tag::None if scalar.is_plain => true,
        Tag::None | Tag::Text | Tag::Binary | Tag::Merge => is_text(&text),
        Tag::Null | Tag::Bool | Tag::Int | Tag::Float => true,
    };
    if is_safe && stays {
        text
    } else {
        Cow::Owned(quote(&text))
    }
}

/// A text as YAML, in quotes where it would be something else without them, or could not stand between brackets.
pub fn quoted_if_needed(text: &str) -> Cow<'_, str> {
    if is_safe_plain(text) && is_text(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(quote(text))
    }
}

fn is_text(text: &str) -> bool {
    let scalar = Scalar {
        text,
        is_plain: true,
        tag: Tag::None,
    };
    scalar.what() == "text" && text != "<<"
}

/// Whether this can stand without quotes, anywhere: in a block, as a key, and between brackets.
fn is_safe_plain(text: &str) -> bool {
    let is_word = |c| {
        matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9')
            || matches!(c, '_' | '.' | '/' | '+' | '$' | '%' | '(' | ')' | '^' | ';' | '=' | '-')
    };
    let is_first = |c| is_word(c) && !matches!(c, '%' | ')' | '=');
    // An entry of a list, and the begin and the end of a document, whatever follows on the line.
    let is_mark = matches!(text.split(' ').next(), Some("-" | "---" | "..."));
    let mut chars = text.chars().peekable();
    if !chars.peek().copied().is_some_and(is_first) || is_mark {
        return false;
    }
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        let is_fine = match c {
            // A colon or a space is part of the text when a word goes on after it.
            ':' | ' ' => next.is_some_and(is_word),
            c => is_word(c),
        };
        if !is_fine {
            return false;
        }
    }
    true
}

fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            ' '..='~' => out.push(c),
            c if c.is_alphanumeric() => out.push(c),
            c => match u32::from(c) {
                code @ 0..=0xff => out.push_str(&format!("\\x{code:02x}")),
                code @ 0x100..=0xffff => out.push_str(&format!("\\u{code:04x}")),
                code => out.push_str(&format!("\\U{code:08x}")),
            },
        }
    }
    out.push('"');
    out
}

/// Every level is two spaces.
fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n("  ", indent / 2));
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::super::{Sink, decode, read};
    use super::*;

    fn rendered(text: &str) -> Option<String> {
        let sink = Sink::new(Path::new("test.yml").into());
        let document = read(text, &sink)?;
        Some(document.redacted())
    }

    #[test]
    fn writes_blocks() {
        let text = "{a: [1, {b: yes, c: [[x], []]}], \"d: e\": {}, t: \"l1\\nl2\", n: , s: '5', k: &k v, *k : *k}";
        insta::assert_snapshot!(rendered(text).unwrap());
    }

    #[test]
    fn hides_secrets_everywhere() {
        let text = "
scrape_configs:
- basic_auth: {username: shown, password: hidden}
  bearer_token: hidden
  bearer_token_file: shown
  tls_config: {key: hidden, key_file: shown}
  http_headers: {X-A: {values: [shown], secrets: [hidden, hidden]}}
  proxy_url: http://shown:hidden@shown
  proxy_connect_header: {X-A: [hidden]}
  consul_sd_configs: [{server: shown, token: hidden}]
  static_configs: [{labels: {token: shown}}]
remote_write:
- url: https://shown:hidden@shown
  headers: {X-Key: hidden}
  sigv4: {secret_key: hidden}
  azuread: {oauth: {client_secret: hidden}}
  oauth2: {client_secret: hidden, token_url: http://shown}
";
        let rendered = rendered(text).unwrap();
        assert!(!rendered.contains("hidden"), "{rendered}");
        insta::assert_snapshot!(rendered);
    }

    #[test]
    fn the_corpus_rendered_twice_is_the_same() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/tests/corpus/accepted");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let once = rendered(&decode(&bytes).unwrap()).unwrap();
            assert_eq!(rendered(&once).as_deref(), Some(once.as_str()), "{}", path.display());
            seen += 1;
        }
        assert!(seen > 50, "the corpus is where it should be");
    }

    fn yaml_text() -> impl Strategy<Value = String> {
        let scalar = prop_oneof![
            "[a-z0-9.:#&*!%@,\\[\\]{}?|>~ -]{0,8}",
            "\\PC{0,6}",
            Just("a: b".to_owned()),
            Just("null".to_owned()),
            Just("<<".to_owned()),
        ];
        let quoted = scalar.prop_map(|text| quote(&text));
        quoted.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
                prop::collection::btree_map("[a-z~ :-]{0,6}", inner, 0..4).prop_map(|entries| {
                    let entry = |(key, value): (String, String)| format!("{}: {value}", quote(&key));
                    format!("{{{}}}", entries.into_iter().map(entry).collect::<Vec<_>>().join(", "))
                }),
            ]
        })
    }

    #[test]
    fn a_key_that_would_begin_or_end_a_document_is_in_quotes() {
        for key in ["--- -", "---", "... a", "- a", "-"] {
            let once = rendered(&format!("{{\"{key}\": a}}")).unwrap();
            assert_eq!(once, format!("\"{key}\": a\n"));
            assert_eq!(rendered(&once), Some(once));
        }
        assert_eq!(quoted_if_needed("---a"), "---a");
    }

    proptest! {
        #[test]
        fn rendered_twice_is_the_same(text in yaml_text()) {
            let once = rendered(&text).unwrap();
            prop_assert_eq!(rendered(&once), Some(once));
        }
    }
}
