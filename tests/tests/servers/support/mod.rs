//! Processes, servers and small helpers that the tests share.

#[macro_use]
pub(crate) mod required;
#[macro_use]
pub(crate) mod network;

mod binary;
mod browser;
mod certificates;
mod config;
mod consul;
mod docker;
mod exposition_server;
mod fake_aws;
mod fault_server;
mod folder;
mod headcount;
mod http;
mod knot;
mod kubernetes;
mod moto;
mod nginx;
mod once;
pub(crate) mod openstack;
mod ports;
mod process;
mod prometheus;
pub(crate) mod puppetdb;
mod targets;
mod tinyproxy;
mod vmagent;
mod wait;
mod zookeeper;

pub(crate) use binary::headcount_binary;
pub(crate) use browser::Browser;
pub(crate) use certificates::Certificates;
pub(crate) use config::{change_remote, run_remote};
pub(crate) use consul::{Consul, ROOT_TOKEN};
pub(crate) use docker::{Docker, require_docker};
pub(crate) use exposition_server::ExpositionServer;
pub(crate) use fake_aws::FakeAws;
pub(crate) use fault_server::{FaultServer, whole_answer};
pub(crate) use folder::Folder;
pub(crate) use headcount::Headcount;
pub(crate) use http::{Answer, request, request_by_name, send};
pub(crate) use knot::Knot;
pub(crate) use kubernetes::{ADMIN, Kubernetes, PODS_ONLY, kube_apiserver};
pub(crate) use moto::Moto;
pub(crate) use nginx::Nginx;
pub(crate) use once::{printed, prints_what_promtool_prints};
pub(crate) use openstack::OpenStack;
pub(crate) use ports::free_port;
pub(crate) use process::Process;
pub(crate) use prometheus::{
    LATER_LABELS, Prometheus, Seen, check_config, check_service_discovery, check_service_discovery_with,
    check_service_discovery_within, promtool_knows, seen, service_discovery_with_log,
};
pub(crate) use puppetdb::PuppetDb;
pub(crate) use targets::{Labels, target_list};
pub(crate) use tinyproxy::Tinyproxy;
pub(crate) use vmagent::Vmagent;
pub(crate) use wait::until;
pub(crate) use zookeeper::{ZooKeeper, require_zookeeper};
