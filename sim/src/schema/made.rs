//! How the schema is made of the types.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{Ratio, Scenario, Size, Span, SpanRange, ThrottleSetting};

/// The schema's text.
pub(super) fn schema() -> String {
    let mut settings = SchemaSettings::draft07();
    settings.transforms.push(Box::new(tightened));
    let mut schema = settings.into_generator().into_root_schema_for::<Scenario>();
    schema.insert("title".to_owned(), "A scenario of headcount's simulator".into());
    serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n"
}

/// Says of numbers what their types say, and takes texts as one line each.
fn tightened(schema: &mut Schema) {
    transform_subschemas(&mut tightened, schema);
    let most = match schema.get("format").and_then(|format| format.as_str()) {
        Some("uint16") => Some(u64::from(u16::MAX)),
        Some("uint32") => Some(u64::from(u32::MAX)),
        _ => None,
    };
    if let Some(most) = most {
        schema.insert("maximum".to_owned(), most.into());
    }
    schema.remove("format");
    // What is text is read as such also where YAML sees a number or a truth value.
    let is_free = ["enum", "const", "pattern"]
        .iter()
        .all(|word| schema.get(*word).is_none());
    if is_free && schema.get("type").is_some_and(|kind| kind == "string") {
        schema.insert("type".to_owned(), serde_json::json!(["string", "number", "boolean"]));
    }
    if is_free
        && schema
            .get("type")
            .is_some_and(|kind| *kind == serde_json::json!(["string", "null"]))
    {
        schema.insert(
            "type".to_owned(),
            serde_json::json!(["string", "number", "boolean", "null"]),
        );
    }
    if let Some(text) = schema.get("description").and_then(|text| text.as_str()) {
        let text = plain(text);
        schema.insert("description".to_owned(), text.into());
    }
}

/// What a type's documentation says, without what only rustdoc makes sense of.
fn plain(text: &str) -> String {
    let prose = text.split("```").next().unwrap_or_default();
    let words: Vec<&str> = prose.split_whitespace().collect();
    words.join(" ").replace("[`", "`").replace("`]", "`")
}

/// A span, without what stands around it: units from large to small, or nothing at all.
const SPAN: &str = "(0|(?:[0-9]+d)?(?:[0-9]+h)?(?:[0-9]+m)?(?:[0-9]+s)?(?:[0-9]+ms)?(?:[0-9]+us)?(?:[0-9]+ns)?)";

macro_rules! text {
    ($type:ty, $name:literal, $describes:literal, $example:expr, $pattern:expr) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let pattern = format!("^{}$", $pattern);
                json_schema!({
                    "description": $describes,
                    "examples": $example,
                    "anyOf": [{ "type": "string", "minLength": 1, "pattern": pattern }, { "const": 0 }],
                })
            }
        }
    };
}

text!(
    Span,
    "Span",
    "A length of time: whole numbers with d, h, m, s, ms, us or ns, largest first.",
    ["30s", "250ms", "1h30m"],
    SPAN
);
text!(
    SpanRange,
    "SpanRange",
    "A length of time, or a range of lengths of which one is drawn each time.",
    ["30s", "5ms..50ms"],
    format!(r"{SPAN}(\.\.{SPAN})?")
);

impl JsonSchema for Ratio {
    fn schema_name() -> Cow<'static, str> {
        "Ratio".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A share from none to all: a percentage, or a fraction.",
            "examples": ["1%", "0.5%", "1/60"],
            "anyOf": [
                { "type": "string", "pattern": r"^((100(\.0{1,5})?|[0-9]{1,2}(\.[0-9]{1,5})?) *%|[0-9]+ */ *[0-9]+|[01])$" },
                { "enum": [0, 1] },
            ],
        })
    }
}

text!(
    Size,
    "Size",
    "So many bytes: a whole number with a unit.",
    ["64MiB", "500kB"],
    "[0-9]{1,9}(B|kB|MB|GB|KiB|MiB|GiB)"
);

impl JsonSchema for ThrottleSetting {
    fn schema_name() -> Cow<'static, str> {
        "Throttle".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "How often the manager may emit: at the ticks of a clock (as Prometheus 2), or soon and then ever less often while changes keep coming (as Prometheus 3).",
            "examples": ["ticker:5s", "backoff:100ms..5s"],
            "type": "string",
            "pattern": format!(r"^(ticker:{SPAN}|backoff:{SPAN}(\.\.{SPAN})?)$"),
        })
    }
}
