//! A server that knows a story, and tells it of many objects.
//!
//! **It answers who asks for an object with that of the story's, marked as that one**; who asks for lists, with as many of each
//! as there are. What it does not know it answers as the last that asked for the same path was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headcount_discoverer::env::HttpRequest;
use headcount_discoverer::testing::{Answer, World};
use serde_json::Value;

use super::Story;
use super::documents::{Document, Format, children, tag};
use super::marks::{Template, is_known_by, strip};

/// How long who waits for a change waits.
const CHANGES_AFTER: Duration = Duration::from_secs(20);

/// What was said: how often, the body, the lists of many objects in it, and of which object it is, if it is of one.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) times: usize,
    pub(crate) body: String,
    pub(crate) lists: Vec<List>,
    pub(crate) about: BTreeSet<usize>,
}

/// A list of many objects: where it is, and how many there are of each number.
#[derive(Debug, Clone)]
pub(crate) struct List {
    pub(crate) at: String,
    pub(crate) each: usize,
}

/// An answer of the story.
#[derive(Debug)]
struct Known {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    document: Option<Document>,
}

/// The server of a story.
#[derive(Debug)]
pub(crate) struct Server {
    count: usize,
    /// What objects of the story are known by, where that is a number.
    numbers: BTreeSet<i64>,
    /// By what was asked for, and by its path.
    known: BTreeMap<String, Arc<Known>>,
    last: Arc<Known>,
    answers: AtomicU64,
    said: Mutex<BTreeMap<String, Said>>,
    /// What is said in the place of what was said.
    instead: Mutex<Option<(String, Vec<u8>)>>,
    instead_times: AtomicU64,
}

impl Server {
    /// That of a story, with so many of each object.
    pub(crate) fn new(story: &Story, count: usize) -> Arc<Self> {
        let (world, good) = story.begin().expect("a story");
        world.http.keep_answers();
        let (world, ..) = story.go_on(world, good).expect("something is found");
        let (mut known, mut numbers) = (BTreeMap::new(), BTreeSet::new());
        let mut last = None;
        for (request, answer) in world.http.take_answered() {
            let Some((status, headers, body)) = answer.parts() else {
                continue;
            };
            let document = Document::read(&body).filter(|_| !is_a_watch(&request.url));
            if let Some(document) = &document {
                numbers.extend(Template::new(document.format, "", &document.tree).numbers());
            }
            let answer = Arc::new(Known {
                status,
                headers,
                body,
                document,
            });
            for key in keys(&request) {
                known.entry(key).or_insert_with(|| answer.clone());
            }
            last = Some(answer);
        }
        Arc::new(Self {
            count,
            numbers,
            known,
            last: last.expect("an answer"),
            answers: AtomicU64::new(1_000),
            said: Mutex::default(),
            instead: Mutex::default(),
            instead_times: AtomicU64::default(),
        })
    }

    /// Answers whatever is asked for in a world.
    pub(crate) fn serve(self: &Arc<Self>, world: &World) {
        for start in ["http:/", "https:/"] {
            let server = self.clone();
            world.http.serve(start, move |request| server.answer(request));
        }
    }

    /// What was said since the last time, by what was asked for.
    pub(crate) fn take_said(&self) -> BTreeMap<String, Said> {
        std::mem::take(&mut self.said.lock().expect("nobody panics"))
    }

    /// How often that was said since it has to be.
    pub(crate) fn times_instead(&self) -> u64 {
        self.instead_times.load(Ordering::Relaxed)
    }

    /// From now on this is said to who asks for that.
    pub(crate) fn say_instead(&self, instead: Option<(String, Vec<u8>)>) {
        self.instead_times.store(0, Ordering::Relaxed);
        *self.instead.lock().expect("nobody panics") = instead;
    }

    fn answer(&self, request: &HttpRequest) -> Answer {
        let number = self.answers.fetch_add(1, Ordering::Relaxed);
        if is_a_watch(&request.url) {
            // Everything is listed again.
            let gone = r#"{"type": "ERROR", "object": {"kind": "Status", "code": 410}}"#;
            return Answer::new(200).piece(CHANGES_AFTER, gone);
        }
        let full = keys(request).swap_remove(0);
        let (stripped, about) = strip(&full, self.count, &self.numbers);
        let mut bare = request.clone();
        bare.url = strip(&request.url, self.count, &self.numbers).0;
        bare.body = strip(&String::from_utf8_lossy(&request.body), self.count, &self.numbers)
            .0
            .into_bytes();
        let by_path = keys(&bare);
        let by_path = by_path.iter().skip(1).find_map(|key| self.known.get(key));
        let known = self.known.get(&stripped).or(by_path).unwrap_or(&self.last);
        let mut answer = Answer::new(known.status);
        for (name, value) in &known.headers {
            // An index that is another one each time says that there is something new.
            answer = match name.as_str() {
                "x-consul-index" => answer.header(name, &number.to_string()),
                "etag" | "content-length" => answer,
                _ => answer.header(name, value),
            };
        }
        if request.url.contains("index=") {
            answer = answer.after(CHANGES_AFTER);
        }
        if let Some((key, body)) = &*self.instead.lock().expect("nobody panics")
            && *key == full
        {
            self.instead_times.fetch_add(1, Ordering::Relaxed);
            return answer.body(body.clone());
        }
        let Some(document) = &known.document else {
            return answer.body(known.body.clone());
        };
        // What begins behind all that there are is empty.
        let count = if is_behind(&request.url) { 0 } else { self.count };
        let mut said = document.of_many(count, about);
        let body = said.body.clone();
        // Of very many it is not looked at.
        if self.count < 100 {
            let mut all = self.said.lock().expect("nobody panics");
            said.times += all.get(&full).map_or(0, |said| said.times);
            all.insert(full, said);
        }
        answer.body(body)
    }
}

/// What is asked for, as exactly as it is the same each time, and then less exactly.
fn keys(request: &HttpRequest) -> Vec<String> {
    let body = String::from_utf8_lossy(&request.body);
    let action = body
        .split(['&', '>', '<'])
        .find(|part| part.starts_with("Action=") || part.contains('.') && part.len() < 60 && !part.starts_with('?'))
        .unwrap_or_default();
    let mut headers = request.headers.iter();
    let target = headers.find(|(name, _)| name.eq_ignore_ascii_case("x-amz-target"));
    let target = target.map_or("", |(_, target)| target.as_str());
    // Some ask one of several servers, whichever.
    let (path, query) = request.url.split_once('?').unwrap_or((&request.url, ""));
    let path = path_of(path);
    // What says since when something is known.
    let query = query.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        ![
            "index",
            "wait",
            "resourceVersion",
            "resourceVersionMatch",
            "timeoutSeconds",
        ]
        .contains(&name)
    });
    let query = query.collect::<Vec<_>>().join("&");
    let method = &request.method;
    vec![
        format!("{method} {path}?{query} {target} {body}"),
        format!("{method} {path}?{query} {target} {action}"),
        format!("{method} {path} {target} {action}"),
        format!("{method} {path} {target}"),
    ]
}

/// The path of a URL, whoever is asked.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("", |at| &rest[at..])
}

/// Whether a list is asked for from a place on that is not its beginning.
fn is_behind(url: &str) -> bool {
    let offset = url.split(['?', '&']).find_map(|pair| pair.strip_prefix("offset="));
    offset.is_some_and(|offset| offset != "0")
}

fn is_a_watch(url: &str) -> bool {
    url.contains("watch=")
}

impl Document {
    /// The same about one object, or with so many in each list of objects.
    fn of_many(&self, count: usize, about: BTreeSet<usize>) -> Said {
        let mut many = Many {
            format: self.format,
            numbers: match about.len() {
                0 => (0..count).collect(),
                _ => about.iter().copied().collect(),
            },
            body: String::new(),
            lists: Vec::new(),
        };
        match about.iter().next() {
            Some(number) if about.len() == 1 => {
                Template::new(self.format, "", &self.tree).write(*number, &mut many.body);
            }
            _ => many.write("", "", &self.tree),
        }
        Said {
            times: 1,
            body: many.body,
            lists: many.lists,
            about,
        }
    }
}

/// A document of many objects while it is written.
struct Many {
    format: Format,
    numbers: Vec<usize>,
    body: String,
    lists: Vec<List>,
}

impl Many {
    fn write(&mut self, at: &str, key: &str, part: &Value) {
        match part {
            Value::Array(items) if self.is_of_objects(key, items) => {
                self.body.push('[');
                self.list(at, key, items, ",");
                self.body.push(']');
            }
            Value::Object(_) if self.format == Format::Xml => self.element(at, part),
            Value::Object(entries) => {
                self.body.push('{');
                for (place, (key, value)) in entries.iter().enumerate() {
                    self.body.push_str(if place == 0 { "" } else { "," });
                    if is_known_by(key, value) {
                        let entry = Value::Object([(key.clone(), value.clone())].into_iter().collect());
                        let template = Template::new(self.format, "", &entry);
                        let mut written = Vec::new();
                        for number in &self.numbers {
                            let mut entry = String::new();
                            template.write(*number, &mut entry);
                            written.push(entry[1..entry.len() - 1].to_owned());
                        }
                        self.body.push_str(&written.join(","));
                    } else {
                        self.body.push_str(&format!("{}:", Value::from(key.as_str())));
                        self.write(&format!("{at}/{}", escaped(key)), key, value);
                    }
                }
                self.body.push('}');
            }
            other => self.body.push_str(&self.format.write(other)),
        }
    }

    fn element(&mut self, at: &str, element: &Value) {
        let (name, inner) = (tag(element), children(element));
        let start = element["<"].as_str().unwrap_or_default();
        self.body.push_str(&format!("<{start}>"));
        let first = inner.first().map(tag).unwrap_or_default();
        // Of XML-RPC's parameters there is one, which holds all.
        let is_a_list = !first.is_empty()
            && name != "params"
            && inner.iter().all(|child| tag(child) == first)
            && (name.ends_with("Set") || name.starts_with(first) && name.ends_with('s') || name == "data");
        let at = format!("{at}/in");
        if is_a_list && self.is_of_objects(first, inner) {
            self.list(&at, first, inner, "");
        } else {
            for (place, child) in inner.iter().enumerate() {
                self.write(&format!("{at}/{place}"), "", child);
            }
        }
        self.body.push_str(&format!("</{name}>"));
    }

    fn is_of_objects(&self, key: &str, items: &[Value]) -> bool {
        items
            .iter()
            .any(|item| !Template::new(self.format, key, item).is_the_same())
    }

    /// The items of each number, and then those that have none.
    fn list(&mut self, at: &str, key: &str, items: &[Value], between: &str) {
        let templates = items.iter().map(|item| Template::new(self.format, key, item));
        let (same, marked): (Vec<_>, Vec<_>) = templates.partition(Template::is_the_same);
        self.lists.push(List {
            at: at.to_owned(),
            each: marked.len(),
        });
        let mut is_first = true;
        let of_numbers = self
            .numbers
            .iter()
            .flat_map(|number| marked.iter().map(|item| (*number, item)));
        for (number, item) in of_numbers.chain(same.iter().map(|item| (0, item))) {
            self.body.push_str(if is_first { "" } else { between });
            is_first = false;
            item.write(number, &mut self.body);
        }
    }
}

/// A key as it stands in a pointer.
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
