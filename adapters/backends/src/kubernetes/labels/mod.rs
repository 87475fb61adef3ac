//! From objects to groups of targets, with Prometheus's labels: one group an object, one module a role.
//!
//! The one rule: **a group is made of its object and of what was looked up for it**, and each look is noted
//! ([`Surroundings`]), be there something or not, so that whatever changes it makes the group anew.
//!
//! An empty label is no label, and is not written. What Prometheus leaves to chance has an order here: ports of pods that
//! are in no service come in the order of their pods and containers, and of two labels that become one name the one
//! counts whose own name comes last.

mod endpoints;
mod ingress;
mod join;
mod node;
mod pod;
mod service;
mod slice;

use crate::label_name::push_sanitized;
use headcount_core::{Batch, GroupError};

use super::kind::Kind;
use super::object::{Meta, Object, Pairs};
use super::settings::Attach;

pub(super) use join::{Families, Look, Looks, Surroundings};

/// How all labels of this mechanism begin.
const PREFIX: &str = "__meta_kubernetes_";

/// Adds the group of an object; its source is `source`. Without targets it says that there are none.
pub(super) fn add_group(
    batch: &mut Batch<'_>,
    source: &str,
    object: &Object,
    attach: Attach,
    around: &mut Surroundings<'_>,
) -> Result<(), GroupError> {
    let added = fill(batch, source, object, attach, around);
    if added.is_err() {
        batch.abandon();
    }
    added
}

fn fill(
    batch: &mut Batch<'_>,
    source: &str,
    object: &Object,
    attach: Attach,
    around: &mut Surroundings<'_>,
) -> Result<(), GroupError> {
    batch.begin(source)?;
    match object {
        Object::Node(node) => node::fill(batch, node)?,
        Object::Service(service) => service::fill(batch, service, attach, around)?,
        Object::Pod(pod) => pod::fill(batch, pod, attach, around)?,
        Object::Endpoints(endpoints) => endpoints::fill(batch, endpoints, attach, around)?,
        Object::Slice(slice) => slice::fill(batch, slice, attach, around)?,
        Object::Ingress(ingress) => ingress::fill(batch, ingress, attach, around)?,
        // They are no targets.
        Object::Namespace(_) | Object::Owned(_) => {}
    }
    batch.end()
}

/// Where labels go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// All targets of the group.
    Group,
    /// The target that was begun last.
    Target,
}

/// Labels on their way into a batch.
struct Labels<'l, 'b> {
    batch: &'l mut Batch<'b>,
    level: Level,
    /// A name in the making.
    name: String,
    /// A text as a name can have it.
    text: String,
}

impl<'l, 'b> Labels<'l, 'b> {
    fn of_group(batch: &'l mut Batch<'b>) -> Self {
        Self::new(batch, Level::Group)
    }

    /// Begins a target with this address.
    fn of_target(batch: &'l mut Batch<'b>, address: &str) -> Result<Self, GroupError> {
        batch.begin_target()?;
        batch.label("__address__", address)?;
        Ok(Self::new(batch, Level::Target))
    }

    fn new(batch: &'l mut Batch<'b>, level: Level) -> Self {
        Self {
            batch,
            level,
            name: String::with_capacity(64),
            text: String::new(),
        }
    }

    /// Adds a label that says something.
    fn put(&mut self, name: &str, value: &str) -> Result<(), GroupError> {
        self.put_parts(&[name], "", value)
    }

    /// The same, if there is a value.
    fn put_some(&mut self, name: &str, value: Option<&str>) -> Result<(), GroupError> {
        self.put(name, value.unwrap_or_default())
    }

    /// Adds a label whose name is made of these parts, and of a text that a name can't have as it is.
    fn put_parts(&mut self, parts: &[&str], text: &str, value: &str) -> Result<(), GroupError> {
        self.text.clear();
        push_sanitized(&mut self.text, text);
        self.put_with_text(parts, value)
    }

    /// The same, with the text that was made last.
    fn put_with_text(&mut self, parts: &[&str], value: &str) -> Result<(), GroupError> {
        if value.is_empty() {
            return Ok(());
        }
        self.name.clear();
        self.name.push_str(PREFIX);
        parts.iter().for_each(|part| self.name.push_str(part));
        self.name.push_str(&self.text);
        match self.level {
            Level::Group => self.batch.group_label(&self.name, value),
            Level::Target => self.batch.label(&self.name, value),
        }
    }

    /// Adds a label that is no `__meta_` one.
    fn put_plain(&mut self, name: &str, value: &str) -> Result<(), GroupError> {
        match self.level {
            _ if value.is_empty() => Ok(()),
            Level::Group => self.batch.group_label(name, value),
            Level::Target => self.batch.label(name, value),
        }
    }

    fn put_flag(&mut self, name: &str, flag: bool) -> Result<(), GroupError> {
        self.put(name, if flag { "true" } else { "false" })
    }

    /// The labels and annotations of an object, and that they are there.
    fn put_texts(&mut self, of: &str, meta: &Meta) -> Result<(), GroupError> {
        self.put_pairs(&[of, "_label_"], &[of, "_labelpresent_"], &meta.labels)?;
        self.put_pairs(&[of, "_annotation_"], &[of, "_annotationpresent_"], &meta.annotations)
    }

    fn put_pairs(&mut self, prefix: &[&str], present: &[&str], pairs: &Pairs) -> Result<(), GroupError> {
        for (name, value) in pairs.iter() {
            // Both labels have the same text in their names.
            self.text.clear();
            push_sanitized(&mut self.text, name);
            self.put_with_text(prefix, value)?;
            self.put_with_text(present, "true")?;
        }
        Ok(())
    }

    /// The name of an object with its labels and annotations.
    fn put_meta(&mut self, of: Kind, meta: &Meta) -> Result<(), GroupError> {
        self.put_parts(&[of.name(), "_name"], "", &meta.name)?;
        self.put_texts(of.name(), meta)
    }

    /// What is attached of a namespace.
    fn put_namespace(&mut self, attach: Attach, name: &str, around: &mut Surroundings<'_>) -> Result<(), GroupError> {
        if !attach.namespace {
            return Ok(());
        }
        match around.get(Kind::Namespace, name).as_deref() {
            Some(Object::Namespace(meta)) => self.put_texts("namespace", meta),
            _ => Ok(()),
        }
    }

    /// What is attached of a node.
    fn put_node(&mut self, attach: Attach, name: &str, around: &mut Surroundings<'_>) -> Result<(), GroupError> {
        if !attach.node {
            return Ok(());
        }
        match around.get(Kind::Node, name).as_deref() {
            Some(Object::Node(node)) => self.put_meta(Kind::Node, &node.meta),
            _ => Ok(()),
        }
    }
}
