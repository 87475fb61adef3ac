//! Applications, and where their tasks are reached.
//!
//! A port is that of the mappings, of the definitions, or of the task, in this order; which of them there are depends on
//! Marathon's version and on the network: 1.5 moved the mappings out of `docker`.

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;
use serde::Deserialize;

use crate::answers::{Flag, List, Map, Number, Object, Text, put};
use crate::label_name::label_name;

/// An application.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct App {
    id: Text,
    tasks: Option<Vec<Object<Task>>>,
    labels: Map<Text>,
    container: Object<Container>,
    port_definitions: List<Object<PortDefinition>>,
    networks: List<Object<Network>>,
    require_ports: Flag,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Task {
    id: Text,
    host: Text,
    ports: List<Number>,
    ip_addresses: List<Object<IpAddress>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct IpAddress {
    ip_address: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Container {
    docker: Object<Docker>,
    port_mappings: List<Object<PortMapping>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Docker {
    image: Text,
    port_mappings: List<Object<PortMapping>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PortMapping {
    labels: Map<Text>,
    container_port: Number,
    host_port: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PortDefinition {
    labels: Map<Text>,
    port: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Network {
    mode: Text,
}

/// A port that an application declares.
struct Declared<'a> {
    /// 0 if the task has it.
    number: i64,
    labels: &'a Map<Text>,
}

/// Where a task is reached.
struct Port<'a> {
    task: &'a Task,
    index: usize,
    /// Nothing if it is not known.
    address: Option<String>,
    labels: Option<&'a Map<Text>>,
}

impl App {
    pub(super) fn id(&self) -> &str {
        self.id.as_str()
    }

    /// How many ports make no target, and how many tasks make no sense.
    pub(super) fn skipped(&self) -> usize {
        let (declared, _) = self.declared();
        let ports = self.ports(&declared).filter(|port| port.address.is_none());
        let nonsense = self.tasks.iter().flatten().filter(|task| task.0.is_none());
        ports.count().saturating_add(nonsense.count())
    }

    /// Adds its labels and targets to the open group.
    pub(super) fn encode(&self, id: &str, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        let image = self
            .container
            .0
            .as_ref()
            .and_then(|container| container.docker.0.as_ref());
        let image = image.map(|docker| docker.image.as_str()).unwrap_or_default();
        let mut label = |name: &str, value: &str| match value {
            "" => Ok(()),
            value => batch.group_label(name, value),
        };
        label("__meta_marathon_app", id)?;
        label("__meta_marathon_image", image)?;
        for (key, value) in &self.labels.0 {
            label(&label_name("__meta_marathon_app_label_", key), value.as_str())?;
        }
        let (declared, prefix) = self.declared();
        for port in self.ports(&declared) {
            let Some(address) = &port.address else { continue };
            batch.begin_target()?;
            put(batch, "__address__", address)?;
            put(batch, "__meta_marathon_task", port.task.id.as_str())?;
            put(batch, "__meta_marathon_port_index", &port.index.to_string())?;
            for (key, value) in port.labels.into_iter().flat_map(|labels| &labels.0) {
                put(batch, &label_name(prefix, key), value.as_str())?;
            }
        }
        Ok(())
    }

    /// The ports that it declares, and how names of their labels begin.
    fn declared(&self) -> (Vec<Declared<'_>>, &'static str) {
        let container = self.container.0.as_ref();
        let mappings = container.map(|container| &container.port_mappings.0);
        let former = container
            .and_then(|container| container.docker.0.as_ref())
            .map(|docker| &docker.port_mappings.0);
        let mappings = mappings.filter(|mappings| !mappings.is_empty()).or(former);
        static NOTHING: Map<Text> = Map(Vec::new());
        if let Some(mappings) = mappings.filter(|mappings| !mappings.is_empty()) {
            let is_inside = self.is_in_a_network();
            let declared = mappings.iter().map(|mapping| match &mapping.0 {
                Some(mapping) => Declared {
                    number: if is_inside {
                        mapping.container_port
                    } else {
                        mapping.host_port
                    }
                    .0
                    .unwrap_or_default(),
                    labels: &mapping.labels,
                },
                None => Declared {
                    number: 0,
                    labels: &NOTHING,
                },
            });
            return (declared.collect(), "__meta_marathon_port_mapping_label_");
        }
        let declared = self.port_definitions.0.iter().map(|definition| match &definition.0 {
            Some(definition) => Declared {
                // Otherwise it is the service's, and the task has another.
                number: definition.port.0.filter(|_| self.require_ports.0).unwrap_or_default(),
                labels: &definition.labels,
            },
            None => Declared {
                number: 0,
                labels: &NOTHING,
            },
        });
        (declared.collect(), "__meta_marathon_port_definition_label_")
    }

    /// All ports of all tasks.
    fn ports<'a>(&'a self, declared: &'a [Declared<'a>]) -> impl Iterator<Item = Port<'a>> {
        let is_inside = self.is_in_a_network();
        let tasks = self.tasks.iter().flatten().filter_map(|task| task.0.as_ref());
        tasks.flat_map(move |task| {
            let own = &task.ports.0;
            let count = if declared.is_empty() { own.len() } else { declared.len() };
            let host = task.host(is_inside);
            (0..count).map(move |index| {
                let declared = declared.get(index);
                let written = declared.map(|declared| declared.number).filter(|number| *number != 0);
                let of_task = || {
                    own.get(index)
                        .filter(|_| own.len() == count)
                        .and_then(|number| number.0)
                };
                let number = written.or_else(of_task).filter(|number| *number > 0);
                Port {
                    task,
                    index,
                    address: number
                        .filter(|_| !host.is_empty())
                        .map(|number| host_port(host, number)),
                    labels: declared.map(|declared| declared.labels),
                }
            })
        })
    }

    /// Whether its tasks have addresses of their own.
    fn is_in_a_network(&self) -> bool {
        let first = self.networks.0.first().and_then(|network| network.0.as_ref());
        first.is_some_and(|network| network.mode.as_str() == "container")
    }
}

impl Task {
    fn host(&self, is_in_a_network: bool) -> &str {
        let first = self.ip_addresses.0.first().filter(|_| is_in_a_network);
        let own = first
            .and_then(|address| address.0.as_ref())
            .map(|address| address.ip_address.as_str());
        own.filter(|address| !address.is_empty()).unwrap_or(self.host.as_str())
    }
}
