//! The whole system with real servers: the `headcount` binary between real Prometheus, nginx,
//! tinyproxy, knot, Consul and Chromium processes on the loopback.
//!
//! * `default_config`: what `headcount run` shows on its own.
//! * `conformance`, `metrics`: headcount's API and metrics say what Prometheus's do.
//! * `targets`: what became of targets that are wrong, twice there, or many.
//! * `page`: the web page, in a Chromium.
//! * `prometheus`, `promtool`: Prometheus takes what headcount serves and writes.
//! * `nginx`, `tinyproxy`: lists behind TLS, passwords, certificates, redirects and proxies.
//! * `http_backend`, `bad_input`: what breaks, and what goes on nevertheless.
//! * `adopted`, `examples`: Prometheus goes on with what `headcount adopt` prints.
//! * `dns`: targets out of the DNS, in a network of the test's own.
//! * `aws`: targets out of an AWS.
//! * `collectors`: OpenTelemetry's collectors have headcount for their target allocator.
//! * `consul`, `consulagent`: targets out of a Consul.
//! * `docker`: targets out of a Docker Engine and its swarm.
//! * `kubernetes`: targets out of a Kubernetes cluster.
//! * `members`: several Prometheus share targets out.
//! * `kit`: what is delivered beside the binary.
//! * `openstack`: targets out of an OpenStack, in the long mode.
//! * `puppetdb`: targets out of a PuppetDB.
//! * `scraping`: headcount finds of its targets what Prometheus finds.
//! * `web_config`: headcount behind its own TLS, certificates and passwords.
//! * `zookeeper`: targets out of a tree of ZooKeeper's.
//! * `attack`: what is malformed, slow, too much, and pages that mean harm.
//! * `scale`: 20,000 hosts.
//! * `chaos`: all of it at once, while everything breaks.
//!
//! The one rule: **nothing waits for luck.** A test waits for what it expects to see, with one
//! deadline for all, and what must not happen is looked for until something that comes later has
//! happened. Every test has its own processes, ports and folder, so all of them run at once.
//!
//! `tests/setup` installs the servers. A test whose server is missing says so and is skipped;
//! with `HEADCOUNT_REQUIRE_SERVERS=1` it fails.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is a test's report")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "so is what it prints")]

#[macro_use]
mod support;

mod adopted;
mod attack;
mod aws;
mod bad_input;
mod chaos;
mod collectors;
mod conformance;
mod consul;
mod consulagent;
mod default_config;
mod dns;
mod docker;
mod examples;
mod http_backend;
mod kit;
mod kubernetes;
mod members;
mod metrics;
mod nginx;
mod openstack;
mod openstack_recorded;
mod page;
mod prometheus;
mod promtool;
mod puppetdb;
mod scale;
mod scraping;
mod targets;
mod tinyproxy;
mod two;
mod vmagent;
mod web_config;
mod zookeeper;
