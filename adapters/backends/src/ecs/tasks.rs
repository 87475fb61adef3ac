//! The tasks of a cluster, with what is looked up for them.

use std::collections::{BTreeMap, BTreeSet};

use headcount_discoverer::rest::{Ask, ReadError};
use serde_json::json;

use super::answer::{self, Cluster, Service, Task};
use super::{Ecs, MOST};
use crate::aws_api::{EC2, Filter, Page, Query, Service as AwsService, Session, Xml, XmlError, filters};
use crate::ec2::{Instance, VERSION, instances};

/// As many services as one request may be about.
const MOST_SERVICES: usize = 10;
/// As many values as a filter of EC2 may have.
const MOST_VALUES: usize = 200;
/// The entry's endpoint is ECS's.
const EC2_BESIDE: AwsService = EC2.beside();

/// What was found of a cluster.
#[derive(Default)]
pub(super) struct Found {
    pub(super) tasks: Vec<Task>,
    /// By name.
    pub(super) services: BTreeMap<String, Service>,
    /// The ids of EC2's instances by the ARNs of ECS's.
    pub(super) hosts: BTreeMap<String, String>,
    /// By id.
    pub(super) instances: BTreeMap<String, Instance>,
    /// Public addresses of network interfaces.
    pub(super) public_ips: BTreeMap<String, String>,
}

impl Ecs {
    /// All tasks of a cluster that have an address.
    pub(super) async fn tasks(&self, session: &Session, ask: &Ask<'_>, cluster: &Cluster) -> Result<Found, ReadError> {
        let mut found = Found::default();
        if cluster.is_gone() {
            return Ok(found);
        }
        let arn = &cluster.cluster_arn;
        let listed = self.list(session, ask, "ListTasks", "taskArns", json!({ "cluster": arn }));
        let arns: Vec<String> = listed.await?;
        let chunks = arns.chunks(MOST);
        let parameters = chunks.map(|chunk| json!({"cluster": arn, "tasks": chunk, "include": ["TAGS"]}));
        let described = self.ask_each(session, ask, "DescribeTasks", parameters.collect(), answer::tasks);
        found.tasks = described.await?;
        found.services = self.services(session, ask, arn, &found.tasks).await?;
        found.hosts = self.hosts(session, ask, arn, &found.tasks).await?;
        let ids: BTreeSet<&str> = found.hosts.values().map(String::as_str).collect();
        let read = self.of_ec2(session, ask, ("DescribeInstances", "instance-id"), ids, instances);
        let instances = read.await?.into_iter();
        found.instances = instances.map(|instance| (instance.id.clone(), instance)).collect();
        let interfaces = found.tasks.iter().filter_map(Task::interface);
        let ids = interfaces.filter_map(|interface| interface.detail("networkInterfaceId"));
        let what = ("DescribeNetworkInterfaces", "network-interface-id");
        let read = self.of_ec2(session, ask, what, ids.collect(), public_ips);
        found.public_ips = read.await?.into_iter().collect();
        let before = found.tasks.len();
        let mut tasks = std::mem::take(&mut found.tasks);
        tasks.retain(|task| found.address(task).is_some());
        let skipped = before.saturating_sub(tasks.len());
        ask.env().metrics.add(self.skipped, &[], skipped as f64);
        found.tasks = tasks;
        Ok(found)
    }

    async fn services(
        &self,
        session: &Session,
        ask: &Ask<'_>,
        cluster: &str,
        tasks: &[Task],
    ) -> Result<BTreeMap<String, Service>, ReadError> {
        let names: BTreeSet<&str> = tasks.iter().filter_map(Task::service).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let chunks = names.chunks(MOST_SERVICES);
        let parameters = chunks.map(|chunk| json!({"cluster": cluster, "services": chunk, "include": ["TAGS"]}));
        let described = self.ask_each(session, ask, "DescribeServices", parameters.collect(), answer::services);
        let services = described.await?.into_iter();
        let named = services.filter_map(|service| Some((service.service_name.clone()?, service)));
        Ok(named.collect())
    }

    async fn hosts(
        &self,
        session: &Session,
        ask: &Ask<'_>,
        cluster: &str,
        tasks: &[Task],
    ) -> Result<BTreeMap<String, String>, ReadError> {
        let arns: BTreeSet<&str> = tasks.iter().filter_map(Task::instance).collect();
        let arns: Vec<&str> = arns.into_iter().collect();
        let chunks = arns.chunks(MOST);
        let parameters = chunks.map(|chunk| json!({"cluster": cluster, "containerInstances": chunk}));
        let name = "DescribeContainerInstances";
        let described = self.ask_each(session, ask, name, parameters.collect(), answer::container_instances);
        let hosts = described.await?.into_iter();
        let known = hosts.filter_map(|host| Some((host.container_instance_arn?, host.ec2_instance_id?)));
        Ok(known.collect())
    }

    /// Asks EC2 for what has these ids. What is no longer there is not there.
    async fn of_ec2<T>(
        &self,
        session: &Session,
        ask: &Ask<'_>,
        (action, filter): (&str, &str),
        ids: BTreeSet<&str>,
        read: impl Fn(&[u8]) -> Result<Page<T>, XmlError> + Copy,
    ) -> Result<Vec<T>, ReadError> {
        let ids: Vec<String> = ids.into_iter().map(str::to_owned).collect();
        let mut found = Vec::new();
        for chunk in ids.chunks(MOST_VALUES) {
            let filter = Filter {
                name: filter.to_owned(),
                values: chunk.to_vec(),
            };
            let query = filters(Query::new(action, VERSION), "Filter", "Value", [&filter]);
            let request =
                |endpoint: &str, mark: Option<&str>| query.clone().with_some("NextToken", mark).request(endpoint);
            found.extend(self.aws.pages(session, ask, &EC2_BESIDE, request, read).await?);
        }
        Ok(found)
    }
}

impl Found {
    /// The instance of EC2 that a task is on, and its id.
    pub(super) fn host(&self, task: &Task) -> (Option<&str>, Option<&Instance>) {
        let id = task.instance().and_then(|arn| self.hosts.get(arn)).map(String::as_str);
        // Prometheus knows nothing of one without a private address.
        let instance = id.and_then(|id| self.instances.get(id));
        (id, instance.filter(|instance| !instance.private_ip.is_empty()))
    }

    /// What a task is reached by: its own address, or that of its host.
    pub(super) fn address<'t>(&'t self, task: &'t Task) -> Option<&'t str> {
        match task.interface() {
            Some(interface) => interface.detail("privateIPv4Address"),
            None => self.host(task).1.map(|instance| instance.private_ip.as_str()),
        }
    }
}

/// The answer to `DescribeNetworkInterfaces`: interfaces that have a public address, and that.
fn public_ips(body: &[u8]) -> Result<Page<(String, String)>, XmlError> {
    let (mut found, mut next, mut is_there) = (Vec::new(), None, false);
    Xml::read(body, "DescribeNetworkInterfacesResponse", |name, xml| match name {
        "networkInterfaceSet" => {
            is_there = true;
            xml.children(|name, xml| {
                let interface = xml.element(name)?;
                if let (Some(id), Some(ip)) = (interface.at("networkInterfaceId"), interface.at("association/publicIp"))
                {
                    found.push((id.to_owned(), ip.to_owned()));
                }
                Ok(())
            })
        }
        "nextToken" => {
            next = Some(xml.text()?);
            Ok(())
        }
        _ => Ok(()),
    })?;
    match is_there {
        true => Ok((found, next)),
        false => Err(XmlError::Missing("networkInterfaceSet")),
    }
}
