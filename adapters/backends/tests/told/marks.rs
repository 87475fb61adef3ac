//! Many objects of one: each gets a number, which all that tells it from others has in it.
//!
//! **What stands for an object is marked alike wherever it stands**: in its own list, in other answers that refer to it, and in
//! requests about it, from which the number is taken again. What that is follows from keys (`id`, `name`, `…Arn`) and from what
//! looks like an address; [`WORDS`] is what stands under such keys and means something.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use super::documents::{Format, children, tag};

/// What is between a name and its number.
const MARK: &str = "--";

/// What is between a number and the same number of the next object.
const STEP: i64 = 10_000;

/// Names that mean something to who asks, so that there is one of each.
const WORDS: [&str; 20] = [
    // States of EC2, and what ECS's attachments tell.
    "running",
    "privateIPv4Address",
    "networkInterfaceId",
    "subnetId",
    // Services of Yandex Cloud, and where they are.
    "compute",
    "iam",
    "organization-manager",
    "resource-manager",
    "compute.example:443",
    "iam.example:443",
    "organization-manager.example:443",
    "resource-manager.example:443",
    // How Docker's networks are called by those who use them.
    "front",
    // OpenStack's flavour, Consul's node, Uyuni's exporters and proxies.
    "1",
    "node_exporter",
    "apache_exporter",
    "postgres_exporter",
    "default",
    "dc1",
    // The compartment of OCI, each of which is asked for its instances.
    "q",
];

/// What of a text or number there is of each object, if it stands for one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Marked {
    /// A name: what is before its number, and what is behind it.
    Name(String, String),
    /// An address, and what is behind it.
    Address(IpAddr, String),
    /// A whole number.
    Number(i64),
}

impl Marked {
    /// What stands under this key, if it stands for an object.
    pub(crate) fn of(key: &str, leaf: &Value) -> Option<Self> {
        match leaf {
            Value::String(text) => Self::of_text(key, text),
            Value::Number(number) if stands_for_an_object(key) => number.as_i64().map(Self::Number),
            _ => None,
        }
    }

    fn of_text(key: &str, text: &str) -> Option<Self> {
        let (address, behind) = match text.find('/') {
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        if let Some(address) = address.parse().ok().filter(|address| can_be_another(*address)) {
            return Some(Self::Address(address, behind.to_owned()));
        }
        let port = text.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
        if let Some((host, port)) = port
            && let Ok(address) = host.parse()
        {
            return Some(Self::Address(address, format!(":{port}")));
        }
        if text.is_empty() || WORDS.contains(&text) || text.contains("://") || !stands_for_an_object(key) {
            return None;
        }
        if let Ok(number) = text.parse() {
            return Some(Self::Number(number));
        }
        let end = match port {
            _ if text.contains('/') => text.len(),
            Some((host, _)) => host.find('.').unwrap_or(host.len()),
            None => text.find('.').unwrap_or(text.len()),
        };
        let (before, behind) = text.split_at(end);
        Some(Self::Name(before.to_owned(), behind.to_owned()))
    }

    /// That of the object with this number, as it is written.
    pub(crate) fn write(&self, number: usize) -> String {
        match self {
            Self::Name(before, behind) => format!("{before}{MARK}{number}{behind}"),
            Self::Address(address, behind) => format!("{}{behind}", another(*address, number)),
            Self::Number(of_the_first) => (of_the_first + STEP * (number as i64 + 1)).to_string(),
        }
    }
}

/// Whether what stands under such a key stands for an object.
fn stands_for_an_object(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let key = key.trim_end_matches('s');
    let ends = [
        "id",
        "arn",
        "name",
        "uuid",
        "host",
        "addres",
        "certname",
        "target",
        "uid",
        "server_number",
        "identifier",
        "service",
    ];
    key.is_empty() || ends.iter().any(|end| key.ends_with(end))
}

fn can_be_another(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_unspecified() && !address.is_link_local() && !address.is_loopback(),
        IpAddr::V6(address) => !address.is_unspecified() && address.segments()[0] != 0xfe80,
    }
}

/// Another address for each number, which is as public or private as this one.
fn another(address: IpAddr, number: usize) -> IpAddr {
    let number = number as u32;
    match address {
        IpAddr::V4(address) => {
            let net = if address.is_private() { 10 } else { 20 };
            let [.., low] = address.octets();
            Ipv4Addr::from((net << 24) + (u32::from(low % 64) << 18) + number).into()
        }
        IpAddr::V6(address) => {
            let mut segments = address.segments();
            if address.is_loopback() {
                segments[0] = 0x2001;
            }
            segments[3] = (number >> 16) as u16;
            segments[4] = number as u16;
            if segments[7] == 0 {
                // What is behind it is a network: it differs before that.
                segments[2] = segments[2].wrapping_add(number as u16);
                segments[3] = 0;
                segments[4] = 0;
            }
            Ipv6Addr::from(segments).into()
        }
    }
}

/// A part of a document as it is for each object: what is the same, and what is before each of those parts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Template {
    parts: Vec<(String, Marked)>,
    end: String,
}

/// Characters that are in no answer: what is between them is the number of what is marked.
const BETWEEN: char = '\u{e000}';

impl Template {
    /// That of a part which stands under this key.
    pub(crate) fn new(format: Format, key: &str, part: &Value) -> Self {
        let mut marked = Vec::new();
        let placed = place(format, key, part, &mut marked);
        // A number's quotes are not written.
        let written = format.write(&placed);
        let written = written.replace(&format!("\"{BETWEEN}#"), &BETWEEN.to_string());
        let written = written.replace(&format!("#{BETWEEN}\""), &BETWEEN.to_string());
        let mut pieces = written.split(BETWEEN);
        let mut parts = Vec::new();
        let mut fixed = pieces.next().unwrap_or_default();
        while let (Some(which), Some(next)) = (pieces.next(), pieces.next()) {
            let which: usize = which.trim_matches('#').parse().expect("a number");
            parts.push((fixed.to_owned(), marked[which].clone()));
            fixed = next;
        }
        Self {
            parts,
            end: fixed.to_owned(),
        }
    }

    /// Whether there is nothing in it that stands for an object.
    pub(crate) fn is_the_same(&self) -> bool {
        self.parts.is_empty()
    }

    /// The numbers by which something is known in it.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = i64> {
        self.parts.iter().filter_map(|(_, marked)| match marked {
            Marked::Number(number) => Some(*number),
            _ => None,
        })
    }

    /// Writes it for an object.
    pub(crate) fn write(&self, number: usize, to: &mut String) {
        for (fixed, marked) in &self.parts {
            to.push_str(fixed);
            to.push_str(&marked.write(number));
        }
        to.push_str(&self.end);
    }
}

/// The part with numbers in the place of what stands for an object.
fn place(format: Format, key: &str, part: &Value, marked: &mut Vec<Marked>) -> Value {
    match part {
        Value::Array(items) => items.iter().map(|item| place(format, key, item, marked)).collect(),
        Value::Object(_) if format == Format::Xml => {
            // XML-RPC's members have their name beside their value.
            let name = match (tag(part), children(part)) {
                ("member", [name, _]) if tag(name) == "name" => Some(children(name)[0].as_str().unwrap_or_default()),
                _ => None,
            };
            let inner = children(part).iter().map(|child| match (name, tag(child)) {
                (Some(_), "name") => child.clone(),
                (Some(name), _) => place(format, name, child, marked),
                (None, "value" | "string" | "i4" | "int") => place(format, key, child, marked),
                (None, "") => place(format, key, child, marked),
                (None, tag) => place(format, tag, child, marked),
            });
            json!({"<": part["<"], "in": inner.collect::<Vec<_>>()})
        }
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                // What an object is known by in a map stands in it, too.
                let is_known_by = is_known_by(key, value);
                let key = match is_known_by.then(|| Marked::of_text("id", key)).flatten() {
                    Some(mark) => {
                        marked.push(mark);
                        format!("{BETWEEN}{}{BETWEEN}", marked.len() - 1)
                    }
                    None => key.clone(),
                };
                let value = place(format, &key, value, marked);
                (key, value)
            });
            Value::Object(entries.collect())
        }
        leaf => match Marked::of(key, leaf) {
            Some(mark) => {
                let is_number = leaf.is_number();
                marked.push(mark);
                let which = marked.len() - 1;
                match is_number {
                    true => json!(format!("{BETWEEN}#{which}#{BETWEEN}")),
                    false => json!(format!("{BETWEEN}{which}{BETWEEN}")),
                }
            }
            None => leaf.clone(),
        },
    }
}

/// Whether a map has this object under its own name.
pub(crate) fn is_known_by(key: &str, value: &Value) -> bool {
    let entries = value.as_object().into_iter().flatten();
    entries
        .into_iter()
        .any(|(name, value)| name.eq_ignore_ascii_case("id") && value.as_str() == Some(key))
}

/// A request without the numbers in it that are smaller than `count`, and those. What was known by a number is among `known`.
pub(crate) fn strip(text: &str, count: usize, known: &BTreeSet<i64>) -> (String, BTreeSet<usize>) {
    let (mut stripped, mut numbers) = (String::new(), BTreeSet::new());
    let mut rest = text;
    while let Some(at) = rest.find(MARK) {
        let behind = &rest[at + MARK.len()..];
        let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
        match behind[..digits].parse() {
            Ok(number) if number < count => {
                stripped.push_str(&rest[..at]);
                numbers.insert(number);
            }
            _ => stripped.push_str(&rest[..at + MARK.len() + digits]),
        }
        rest = &behind[digits..];
    }
    stripped.push_str(rest);
    let mut without = String::new();
    let mut rest = stripped.as_str();
    while let Some(at) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let (before, behind) = rest.split_at(at);
        let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
        let (written, after) = behind.split_at(digits);
        without.push_str(before);
        match written.parse::<i64>() {
            Ok(number) if (STEP..STEP * (count as i64 + 1)).contains(&number) && known.contains(&(number % STEP)) => {
                numbers.insert((number / STEP - 1) as usize);
                without.push_str(&(number % STEP).to_string());
            }
            _ => without.push_str(written),
        }
        rest = after;
    }
    without.push_str(rest);
    (without, numbers)
}
