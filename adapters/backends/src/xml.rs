//! XML as APIs answer with it: elements in elements, with text in the innermost, and little else that counts.
//!
//! The one rule: **an answer is understood as a whole or not at all**. It is read as a stream ([`Xml`]), over the answer's
//! own bytes; what has many fields of which some become labels is read as a small tree ([`Element`]), one thing at a
//! time.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// No answer of AWS, or of whoever else answers with XML, is deeper than a third of this.
const DEEPEST: usize = 48;

/// Why an answer can't be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum XmlError {
    #[error("it is not XML: {0}")]
    Syntax(String),
    #[error("it ends in the middle")]
    Cut,
    #[error("it is a <{found}>, not a <{expected}>")]
    Other { expected: &'static str, found: String },
    #[error("it has no <{0}>")]
    Missing(&'static str),
    #[error("it is nested deeper than {DEEPEST} levels")]
    TooDeep,
}

/// An answer that is read from its beginning to its end; it stands inside of an element.
pub(crate) struct Xml<'a> {
    reader: Reader<&'a [u8]>,
    bytes: &'a [u8],
    /// How many elements are open.
    depth: usize,
    /// How the element began in which this stands, until something in it is read.
    started: Option<BytesStart<'a>>,
}

/// An element with all that is in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl<'a> Xml<'a> {
    /// Reads an answer, whose outermost element has to be `root`. `each` is given what stands in it.
    pub(crate) fn read(
        bytes: &'a [u8],
        root: &'static str,
        each: impl FnMut(&str, &mut Self) -> Result<(), XmlError>,
    ) -> Result<(), XmlError> {
        let mut xml = Self::begin(bytes);
        let found = xml.root()?;
        if found != root {
            return Err(XmlError::Other { expected: root, found });
        }
        xml.children(each)
    }

    fn begin(bytes: &'a [u8]) -> Self {
        let mut reader = Reader::from_reader(bytes);
        reader.config_mut().expand_empty_elements = true;
        Self {
            reader,
            bytes,
            depth: 0,
            started: None,
        }
    }

    /// Goes into the outermost element; gives its name.
    fn root(&mut self) -> Result<String, XmlError> {
        loop {
            match self.next()? {
                Event::Start(start) => {
                    self.depth = 1;
                    return Ok(start.local_name().as_ref().to_owned());
                }
                Event::Eof => return Err(XmlError::Cut),
                _ => {}
            }
        }
    }

    /// Reads the element in which this stands to its end. `each` is given the name of each element in it, and reads that
    /// by [`children`](Self::children), [`text`](Self::text) or [`element`](Self::element); one that it does not read is
    /// passed over.
    pub(crate) fn children(
        &mut self,
        mut each: impl FnMut(&str, &mut Self) -> Result<(), XmlError>,
    ) -> Result<(), XmlError> {
        let outside = self.depth.saturating_sub(1);
        loop {
            match self.next()? {
                Event::Start(start) => {
                    self.depth += 1;
                    if self.depth > DEEPEST {
                        return Err(XmlError::TooDeep);
                    }
                    self.started = Some(start.clone());
                    each(start.local_name().as_ref(), self)?;
                    self.leave_to(outside + 1)?;
                }
                Event::End(_) => {
                    self.depth = outside;
                    return Ok(());
                }
                Event::Eof => return Err(XmlError::Cut),
                _ => {}
            }
        }
    }

    /// Reads the element in which this stands to its end, as a list: `each` is called in each of its elements.
    pub(crate) fn items(&mut self, mut each: impl FnMut(&mut Self) -> Result<(), XmlError>) -> Result<(), XmlError> {
        self.children(|_, xml| each(xml))
    }

    /// The text of the element in which this stands, without white space at its ends.
    pub(crate) fn text(&mut self) -> Result<String, XmlError> {
        let outside = self.depth.saturating_sub(1);
        let mut text = String::new();
        loop {
            match self.next()? {
                Event::Start(_) => {
                    self.depth += 1;
                    self.leave_to(outside + 1)?;
                }
                Event::End(_) => {
                    self.depth = outside;
                    return Ok(trimmed(text));
                }
                Event::Eof => return Err(XmlError::Cut),
                event => add_text(&mut text, &event)?,
            }
        }
    }

    /// An attribute of the element in which this stands; nothing once something in it was read.
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        let mut attributes = self.started.as_ref()?.attributes().flatten();
        let found = attributes.find(|attribute| attribute.key.local_name().as_ref() == name)?;
        Some(found.value.into_owned())
    }

    /// All that is written in the element in which this stands, as it is written.
    pub(crate) fn raw(&mut self) -> Result<String, XmlError> {
        let outside = self.depth.saturating_sub(1);
        let place = |xml: &Self| usize::try_from(xml.reader.buffer_position()).unwrap_or(usize::MAX);
        let start = place(self);
        loop {
            let end = place(self);
            match self.next()? {
                Event::Start(_) => {
                    self.depth += 1;
                    self.leave_to(outside + 1)?;
                }
                Event::End(_) => {
                    self.depth = outside;
                    let bytes = self.bytes.get(start..end).unwrap_or_default();
                    return Ok(String::from_utf8_lossy(bytes).into_owned());
                }
                Event::Eof => return Err(XmlError::Cut),
                _ => {}
            }
        }
    }

    /// All that is in the element in which this stands, which is called `name`.
    pub(crate) fn element(&mut self, name: &str) -> Result<Element, XmlError> {
        let outside = self.depth.saturating_sub(1);
        let mut element = Element {
            name: name.to_owned(),
            ..Element::default()
        };
        loop {
            match self.next()? {
                Event::Start(start) => {
                    self.depth += 1;
                    if self.depth > DEEPEST {
                        return Err(XmlError::TooDeep);
                    }
                    let child = self.element(start.local_name().as_ref())?;
                    element.children.push(child);
                }
                Event::End(_) => {
                    self.depth = outside;
                    element.text = trimmed(element.text);
                    return Ok(element);
                }
                Event::Eof => return Err(XmlError::Cut),
                event => add_text(&mut element.text, &event)?,
            }
        }
    }

    /// Passes over what is deeper than this.
    fn leave_to(&mut self, depth: usize) -> Result<(), XmlError> {
        while self.depth > depth {
            match self.next()? {
                Event::Start(_) => self.depth += 1,
                Event::End(_) => self.depth -= 1,
                Event::Eof => return Err(XmlError::Cut),
                _ => {}
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Event<'a>, XmlError> {
        let event = self.reader.read_event();
        event.map_err(|error| XmlError::Syntax(error.to_string()))
    }
}

/// A page of a list as the older services answer with it: `<Response><Result><List>…</List><Mark>`. `names` are those of
/// the outermost element, of the one in it and of the list; `mark` is the element that says where the list goes on.
pub(crate) fn list(
    body: &[u8],
    names: [&'static str; 3],
    mark: &str,
) -> Result<(Vec<Element>, Option<String>), XmlError> {
    let [root, result, list] = names;
    let (mut items, mut next, mut is_there) = (Vec::new(), None, false);
    Xml::read(body, root, |name, xml| {
        if name != result {
            return Ok(());
        }
        xml.children(|name, xml| {
            if name == list {
                is_there = true;
                return xml.children(|name, xml| {
                    items.push(xml.element(name)?);
                    Ok(())
                });
            }
            if name == mark {
                next = Some(xml.text()?);
            }
            Ok(())
        })
    })?;
    match is_there {
        true => Ok((items, next)),
        false => Err(XmlError::Missing(list)),
    }
}

impl Element {
    /// Reads a whole text as one element. Nothing if it is not XML.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let mut xml = Xml::begin(bytes);
        let name = xml.root().ok()?;
        xml.element(&name).ok()
    }

    /// The text of an element in this one, by the names on the way to it: `Endpoint/Address`. Nothing if there is no such
    /// element, or no text in it.
    pub(crate) fn at(&self, path: &str) -> Option<&str> {
        let mut element = self;
        for name in path.split('/') {
            element = element.child(name)?;
        }
        Some(element.text.as_str()).filter(|text| !text.is_empty())
    }

    /// The elements of a list in this one, by the names on the way to it.
    pub(crate) fn list(&self, path: &str) -> &[Element] {
        let mut element = Some(self);
        for name in path.split('/') {
            element = element.and_then(|element| element.child(name));
        }
        element.map_or(&[], |element| &element.children)
    }

    /// What this element says, if it says something.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The first element of this name, wherever it stands in this one.
    pub(crate) fn find(&self, name: &str) -> Option<&Element> {
        let inside = || self.children.iter().find_map(|child| child.find(name));
        self.child(name).or_else(inside)
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The elements in it.
    pub(crate) fn children(&self) -> &[Element] {
        &self.children
    }

    /// The first element of this name that stands in it.
    pub(crate) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }
}

fn add_text(text: &mut String, event: &Event<'_>) -> Result<(), XmlError> {
    match event {
        Event::Text(part) => text.push_str(part),
        Event::CData(part) => text.push_str(part),
        Event::GeneralRef(reference) => add_reference(text, reference)?,
        _ => {}
    }
    Ok(())
}

/// `&amp;`, `&#38;` and their like.
fn add_reference(text: &mut String, reference: &BytesRef<'_>) -> Result<(), XmlError> {
    let wrong = |error: quick_xml::Error| XmlError::Syntax(error.to_string());
    if let Some(letter) = reference.resolve_char_ref().map_err(wrong)? {
        text.push(letter);
        return Ok(());
    }
    match resolve_predefined_entity(reference) {
        Some(meaning) => text.push_str(meaning),
        None => return Err(XmlError::Syntax(format!("nobody says what &{}; is", &**reference))),
    }
    Ok(())
}

fn trimmed(text: String) -> String {
    match text.trim() {
        same if same.len() == text.len() => text,
        shorter => shorter.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANSWER: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
        <!-- a comment -->
        <Answer xmlns="http://example/">
            <unknown><deep a="b"><name>no</name></deep></unknown>
            <set><item><name>a &amp; b&#33;</name><empty/></item><item><name><![CDATA[<c>]]></name></item></set>
            <end>yes</end>
        </Answer>"#;

    fn names(answer: &str) -> Result<(Vec<String>, String), XmlError> {
        let (mut names, mut end) = (Vec::new(), String::new());
        Xml::read(answer.as_bytes(), "Answer", |name, xml| match name {
            "set" => xml.items(|xml| {
                xml.children(|name, xml| {
                    if name == "name" {
                        names.push(xml.text()?);
                    }
                    Ok(())
                })
            }),
            "end" => {
                end = xml.text()?;
                Ok(())
            }
            _ => Ok(()),
        })?;
        Ok((names, end))
    }

    #[test]
    fn what_is_not_asked_for_is_passed_over_and_text_is_what_it_means() {
        let expected = (vec!["a & b!".to_owned(), "<c>".to_owned()], "yes".to_owned());
        assert_eq!(names(ANSWER), Ok(expected));
    }

    #[test]
    fn a_tree_is_asked_by_path() {
        let answer = Element::of(ANSWER.as_bytes()).expect("XML");
        assert_eq!(answer.at("end"), Some("yes"));
        assert_eq!(answer.at("unknown/deep/name"), Some("no"));
        assert_eq!(answer.at("set/item/empty"), None);
        assert_eq!(answer.list("set").len(), 2);
        assert_eq!(answer.list("nothing/here"), []);
        assert_eq!(answer.find("deep").and_then(|deep| deep.at("name")), Some("no"));
    }

    #[test]
    fn half_an_answer_is_none() {
        for end in 1..ANSWER.len() - 1 {
            assert!(names(&ANSWER[..end]).is_err(), "{}", &ANSWER[..end]);
        }
    }

    #[test]
    fn another_answer_is_none() {
        for (answer, says) in [
            ("<html><body>hello</body></html>", "it is a <html>, not a <Answer>"),
            ("", "it ends in the middle"),
            ("{}", "it ends in the middle"),
            (
                "<Answer><end>&nbsp;</end></Answer>",
                "it is not XML: nobody says what &nbsp; is",
            ),
            ("<Answer></Reply>", "it is not XML"),
        ] {
            let error = names(answer).expect_err("it is not one").to_string();
            assert!(error.starts_with(says), "{answer}: {error}");
        }
        let deep = format!("<Answer>{}", "<a>".repeat(100_000));
        assert_eq!(
            names(&deep),
            Err(XmlError::Cut),
            "what is passed over may be as deep as it likes"
        );
        assert_eq!(Element::of(deep.as_bytes()), None);
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "[ -~äß€]{0,40}") {
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&#x3E;");
            let answer = format!("<Answer><end>{escaped}</end></Answer>");
            prop_assert_eq!(names(&answer), Ok((Vec::new(), text.trim().to_owned())));
        }

        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            Xml::read(&bytes, "Answer", |_, xml| xml.text().map(drop)).ok();
            Element::of(&bytes);
        }
    }
}
