//! XML-RPC (<http://xmlrpc.com/spec.md>), as far as Uyuni speaks it.
//!
//! **An answer is understood as a whole or not at all**; what stands in a value of another type than is wanted is nothing.

use std::fmt::Write;

use headcount_core::one_line;

use crate::xml::{Element, Xml, XmlError};

/// Longer reasons are cut.
const LONGEST: usize = 200;

/// What is sent with a call.
pub(super) enum Argument<'a> {
    Text(&'a str),
    Number(i64),
    Numbers(&'a [i64]),
}

/// A value of an answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Value {
    #[default]
    Nothing,
    Text(String),
    Number(i64),
    Flag(bool),
    List(Vec<Value>),
    /// Its members, in their order.
    Struct(Vec<(String, Value)>),
}

/// Why an answer is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum RpcError {
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The server says so itself.
    #[error("the server says {text:?} (fault {code})")]
    Fault { code: i64, text: String },
    #[error("the answer has no value")]
    NoValue,
}

/// A call as it is sent.
pub(super) fn call(method: &str, arguments: &[Argument<'_>]) -> String {
    let mut call = format!("<?xml version=\"1.0\"?><methodCall><methodName>{method}</methodName><params>");
    for argument in arguments {
        call.push_str("<param><value>");
        // Nothing fails to be written into text.
        match argument {
            Argument::Text(text) => write!(call, "<string>{}</string>", quick_xml::escape::escape(*text)).ok(),
            Argument::Number(number) => write!(call, "<int>{number}</int>").ok(),
            Argument::Numbers(numbers) => {
                call.push_str("<array><data>");
                for number in *numbers {
                    write!(call, "<value><int>{number}</int></value>").ok();
                }
                call.write_str("</data></array>").ok()
            }
        };
        call.push_str("</value></param>");
    }
    call.push_str("</params></methodCall>");
    call
}

/// What an answer says.
pub(super) fn answer(body: &[u8]) -> Result<Value, RpcError> {
    let (mut found, mut fault) = (None, None);
    Xml::read(body, "methodResponse", |name, xml| {
        match name {
            "params" => {
                let params = xml.element(name)?;
                found = params.child("param").and_then(|param| param.child("value")).map(value);
            }
            "fault" => fault = xml.element(name)?.child("value").map(value),
            _ => {}
        }
        Ok(())
    })?;
    if let Some(fault) = fault {
        let text = fault.get("faultString").text();
        let line = text.trim().lines().next().unwrap_or_default();
        let short: String = line.chars().take(LONGEST).collect();
        return Err(RpcError::Fault {
            code: fault.get("faultCode").number().unwrap_or_default(),
            text: one_line(&short).into_owned(),
        });
    }
    found.ok_or(RpcError::NoValue)
}

/// What stands in a `<value>`.
fn value(element: &Element) -> Value {
    let Some(inside) = element.children().first() else {
        // Without a type it is text.
        return Value::Text(element.text().to_owned());
    };
    let text = inside.text();
    match inside.name() {
        "string" => Value::Text(text.to_owned()),
        "int" | "i4" | "i8" => text.parse().map_or(Value::Nothing, Value::Number),
        "boolean" => match text {
            "1" | "true" => Value::Flag(true),
            "0" | "false" => Value::Flag(false),
            _ => Value::Nothing,
        },
        "array" => {
            let data = inside.child("data").map(Element::children).unwrap_or_default();
            Value::List(data.iter().filter(|item| item.name() == "value").map(value).collect())
        }
        "struct" => {
            let members = inside.children().iter().filter(|member| member.name() == "member");
            let named = members.map(|member| {
                let name = member.child("name").map(Element::text).unwrap_or_default();
                (name.to_owned(), member.child("value").map(value).unwrap_or_default())
            });
            Value::Struct(named.collect())
        }
        _ => Value::Nothing,
    }
}

impl Value {
    /// A member of a struct.
    pub(super) fn get(&self, name: &str) -> &Self {
        let Self::Struct(members) = self else {
            return &Self::Nothing;
        };
        let found = members.iter().find(|(member, _)| member == name);
        found.map_or(&Self::Nothing, |(_, value)| value)
    }

    /// The text, or nothing.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }

    pub(super) fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn flag(&self) -> bool {
        matches!(self, Self::Flag(true))
    }

    /// The values of a list, if it is one.
    pub(super) fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_written_as_the_specification_has_it() {
        let arguments = [
            Argument::Text("a<b>&\"c"),
            Argument::Number(600),
            Argument::Numbers(&[1, -2]),
        ];
        assert_eq!(
            call("auth.login", &arguments),
            "<?xml version=\"1.0\"?><methodCall><methodName>auth.login</methodName><params>\
             <param><value><string>a&lt;b&gt;&amp;&quot;c</string></value></param>\
             <param><value><int>600</int></value></param>\
             <param><value><array><data><value><int>1</int></value><value><int>-2</int></value></data></array></value></param>\
             </params></methodCall>"
        );
    }

    #[test]
    fn an_answer_is_read_with_all_that_is_in_it() {
        let found = answer(
            b"<?xml version='1.0'?><methodResponse><params><param><value><array><data>\
              <value>untyped &amp; <!-- x -->text</value><value><i4>-5</i4></value><value><boolean>1</boolean></value>\
              <value><nil/></value><value><int>five</int></value><value/>\
              <value><struct><member><name>a</name><value><string>b</string></value></member>\
              <member><name>c</name></member></struct></value></data></array></value></param></params></methodResponse>",
        );
        let found = found.expect("an answer");
        let list = found.list().expect("a list");
        assert_eq!(
            list[..6],
            [
                Value::Text("untyped & text".to_owned()),
                Value::Number(-5),
                Value::Flag(true),
                Value::Nothing,
                Value::Nothing,
                Value::Text(String::new()),
            ]
        );
        assert_eq!(
            (list[6].get("a").text(), list[6].get("c"), list[0].get("a")),
            ("b", &Value::Nothing, &Value::Nothing)
        );
    }

    #[test]
    fn what_is_no_answer_says_why() {
        let said = |body: &str| answer(body.as_bytes()).map_err(|error| error.to_string());
        let fault = "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>2950</int></value></member>\
                     <member><name>faultString</name><value>Either the password or username is incorrect.\nmore</value></member>\
                     </struct></value></fault></methodResponse>";
        let expected = "the server says \"Either the password or username is incorrect.\" (fault 2950)";
        assert_eq!(said(fault), Err(expected.to_owned()));
        assert_eq!(
            said("<html/>"),
            Err("it is a <html>, not a <methodResponse>".to_owned())
        );
        assert_eq!(said("<methodResponse/>"), Err("the answer has no value".to_owned()));
        assert_eq!(
            said("<methodResponse><params><param>"),
            Err("it ends in the middle".to_owned())
        );
    }
}
