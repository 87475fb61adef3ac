//! Service-discovery mechanisms, one folder each, and the registry that lists them.
//!
//! What a mechanism does is Prometheus's: the same requests, the same sources, the same `__meta_` labels,
//! so that relabelling rules written for Prometheus mean the same here. **No mechanism ever takes targets
//! away because something could not be read**: a failure is reported, and what was found before stays.
//!
//! A folder holds what an entry says and how it is read (`settings.rs`), what discovers, and the tests.
//! Each mechanism is a feature of this crate, all on by default.
//!
//! * [`registry`]: all of them, in order. A program of one's own adds its own.
//! * [`mod@static`]: targets written in the configuration.
//! * [`aws`]: what there is at AWS, by roles; each of them is a mechanism as well: [`ec2`], [`ecs`], [`elasticache`],
//!   [`lightsail`], [`msk`], [`rds`].
//! * [`azure`]: the virtual machines of an Azure subscription.
//! * [`consul`]: the services of a Consul catalog.
//! * [`consulagent`]: the services of one Consul agent. vmagent's and Alloy's.
//! * [`digitalocean`]: droplets and databases of DigitalOcean.
//! * [`dns`]: hosts and services that the DNS knows.
//! * [`docker`]: the containers of a Docker Engine.
//! * [`dockerswarm`]: the services, tasks and nodes of a Docker swarm.
//! * [`eureka`]: the instances of applications that a Eureka server knows.
//! * [`mod@file`]: lists of targets in JSON and YAML files that are watched.
//! * [`gce`]: the instances of a zone of Google Compute Engine.
//! * [`hetzner`]: the cloud and dedicated servers of Hetzner.
//! * [`http`]: lists of targets that a server sends as JSON.
//! * [`ionos`]: the servers of a data center of IONOS Cloud.
//! * [`kubelet`]: the pods of one Kubernetes node. Alloy's.
//! * [`kubernetes`]: nodes, services, pods, endpoints and ingresses of a Kubernetes cluster.
//! * [`kuma`]: the proxies of a Kuma mesh that are to be monitored.
//! * [`linode`]: the instances of a Linode account.
//! * [`local`]: what listens on this machine. headcount's own.
//! * [`marathon`]: the tasks of applications that Marathon runs.
//! * [`nerve`]: services that AirBnB's Nerve has registered in ZooKeeper.
//! * [`nomad`]: the services that a Nomad cluster has registered.
//! * [`oci`]: the compute instances of Oracle Cloud Infrastructure.
//! * [`openstack`]: instances, hypervisors and load balancers of an OpenStack cloud.
//! * [`outscale`]: the virtual machines of an Outscale account.
//! * [`ovhcloud`]: the VPS and dedicated servers of OVHcloud.
//! * [`process`]: the processes of this machine. Alloy's.
//! * [`proxmox`]: the virtual machines and containers of a Proxmox VE cluster. headcount's own.
//! * [`puppetdb`]: the resources that a PuppetDB knows.
//! * [`scaleway`]: the instances and bare-metal servers of Scaleway.
//! * [`serverset`]: members of serversets in ZooKeeper.
//! * [`stackit`]: the servers of a STACKIT project.
//! * [`triton`]: containers and compute nodes of Triton.
//! * [`uyuni`]: the monitored systems that a Uyuni server manages.
//! * [`vultr`]: the instances of a Vultr account.
//! * [`yandexcloud`]: the instances of Yandex Cloud. vmagent's.
//! * [`target_groups`]: the format that files and servers share.

#[cfg(feature = "answers")]
#[cfg_attr(
    not(all(
        feature = "digitalocean",
        feature = "hetzner",
        feature = "openstack",
        feature = "outscale",
        feature = "ovhcloud",
        feature = "puppetdb",
        feature = "stackit"
    )),
    allow(dead_code, unused_imports, reason = "not every mechanism needs all of it")
)]
mod answers;
#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "aws")]
mod aws_api;
#[cfg(feature = "azure")]
pub mod azure;
#[cfg(feature = "bearer")]
#[cfg_attr(
    not(all(feature = "azure", feature = "gce", feature = "oci")),
    allow(dead_code, unused_imports, reason = "not every mechanism needs all of it")
)]
mod bearer;
#[cfg(feature = "consul")]
pub mod consul;
#[cfg(feature = "consul-api")]
#[cfg_attr(
    not(all(feature = "consul", feature = "consulagent")),
    allow(dead_code, unused_imports, reason = "some of it is one of the two mechanisms' only")
)]
mod consul_api;
#[cfg(feature = "consulagent")]
pub mod consulagent;
#[cfg(any(feature = "http", feature = "puppetdb"))]
mod content_type;
#[cfg(feature = "decoding")]
pub mod decoding;
#[cfg(all(test, any(feature = "aws", feature = "gce")))]
mod described;
#[cfg(feature = "digitalocean")]
pub mod digitalocean;
#[cfg(feature = "dns")]
pub mod dns;
#[cfg(feature = "docker")]
pub mod docker;
#[cfg(feature = "docker-api")]
#[cfg_attr(
    not(all(feature = "docker", feature = "dockerswarm")),
    allow(dead_code, unused_imports, reason = "some of it is one of the two mechanisms' only")
)]
mod docker_api;
#[cfg(feature = "dockerswarm")]
pub mod dockerswarm;
#[cfg(feature = "aws")]
pub mod ec2;
#[cfg(feature = "aws")]
pub mod ecs;
#[cfg(feature = "aws")]
pub mod elasticache;
#[cfg(feature = "eureka")]
pub mod eureka;
#[cfg(feature = "file")]
pub mod file;
#[cfg(feature = "gce")]
pub mod gce;
#[cfg(all(test, any(feature = "answers", feature = "process")))]
#[cfg_attr(
    not(feature = "vultr"),
    allow(
        dead_code,
        unused_imports,
        unused_macros,
        reason = "not every mechanism is known to a promtool"
    )
)]
mod golden;
#[cfg(feature = "hetzner")]
pub mod hetzner;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "ionos")]
pub mod ionos;
#[cfg(any(
    feature = "answers",
    feature = "aws",
    feature = "consul-api",
    feature = "docker-api",
    feature = "kube-objects"
))]
#[cfg_attr(
    not(all(feature = "consul", feature = "kubernetes")),
    allow(dead_code, reason = "not every mechanism needs all of it")
)]
mod json;
#[cfg(feature = "kubelet")]
pub mod kubelet;
#[cfg(feature = "kube-objects")]
#[cfg_attr(
    not(feature = "kubernetes"),
    allow(dead_code, unused_imports, reason = "pods alone need little of it")
)]
pub mod kubernetes;
#[cfg(feature = "kuma")]
pub mod kuma;
#[cfg(any(
    feature = "answers",
    feature = "aws",
    feature = "consul-api",
    feature = "docker-api",
    feature = "kube-objects",
    feature = "serverset"
))]
#[cfg_attr(
    not(any(
        feature = "answers",
        feature = "consul-api",
        feature = "docker-api",
        feature = "serverset"
    )),
    allow(dead_code, reason = "some need no name of its own")
)]
mod label_name;
#[cfg(feature = "aws")]
pub mod lightsail;
#[cfg(feature = "linode")]
pub mod linode;
#[cfg(feature = "local")]
pub mod local;
#[cfg(feature = "marathon")]
pub mod marathon;
#[cfg(feature = "aws")]
pub mod msk;
#[cfg(feature = "nerve")]
pub mod nerve;
#[cfg(feature = "nomad")]
pub mod nomad;
#[cfg(feature = "oci")]
pub mod oci;
#[cfg(feature = "openstack")]
pub mod openstack;
#[cfg(feature = "outscale")]
pub mod outscale;
#[cfg(feature = "ovhcloud")]
pub mod ovhcloud;
#[cfg(feature = "proc")]
#[cfg_attr(
    not(all(feature = "local", feature = "process")),
    allow(dead_code, reason = "some of it is one of the two mechanisms' only")
)]
mod proc;
#[cfg(feature = "process")]
pub mod process;
#[cfg(feature = "proxmox")]
pub mod proxmox;
#[cfg(feature = "puppetdb")]
pub mod puppetdb;
#[cfg(feature = "aws")]
pub mod rds;
#[cfg(feature = "scaleway")]
pub mod scaleway;
#[cfg(feature = "serverset")]
pub mod serverset;
#[cfg(any(feature = "answers", feature = "consul-api"))]
mod short;
#[cfg(any(feature = "aws", feature = "outscale"))]
#[cfg_attr(not(feature = "aws"), allow(dead_code, reason = "AWS lends keys for a while"))]
mod sigv4;
#[cfg(feature = "stackit")]
pub mod stackit;
#[cfg(feature = "static")]
pub mod r#static;
#[cfg(feature = "target-groups")]
pub mod target_groups;
#[cfg(any(
    feature = "aws",
    feature = "gce",
    feature = "kube-objects",
    feature = "openstack",
    feature = "outscale",
    feature = "yandexcloud"
))]
#[cfg_attr(
    not(any(
        feature = "aws",
        feature = "gce",
        feature = "kube-objects",
        feature = "openstack",
        feature = "yandexcloud"
    )),
    allow(dead_code, reason = "who only signs reads no times")
)]
mod time;
#[cfg(feature = "triton")]
pub mod triton;
#[cfg(feature = "uyuni")]
pub mod uyuni;
#[cfg(feature = "vultr")]
pub mod vultr;
#[cfg(any(feature = "aws", feature = "eureka", feature = "uyuni"))]
#[cfg_attr(
    not(all(feature = "aws", feature = "eureka", feature = "uyuni")),
    allow(dead_code, reason = "each reads it in its own ways")
)]
mod xml;
#[cfg(feature = "yandexcloud")]
pub mod yandexcloud;
#[cfg(feature = "zookeeper")]
#[cfg_attr(
    not(all(feature = "nerve", feature = "serverset")),
    allow(dead_code, unused_imports, reason = "some of it is one of the two mechanisms' only")
)]
mod zookeeper;

use headcount_discoverer::mechanism::{Registry, RegistryError};

/// Every mechanism that was built in.
///
/// ```
/// let registry = headcount_backends::registry();
/// assert_eq!(registry.get("http").map(|entry| entry.field()), Some("http_sd_configs"));
/// ```
pub fn registry() -> Registry {
    #[allow(unused_mut, reason = "there is a build without any")]
    let mut registry = Registry::new();
    // Names differ, which a test sees to, so that nothing is refused.
    let _: [Result<(), RegistryError>; _] = [
        #[cfg(feature = "aws")]
        registry.register::<aws::AwsSd>(),
        #[cfg(feature = "azure")]
        registry.register::<azure::AzureSd>(),
        #[cfg(feature = "consul")]
        registry.register::<consul::ConsulSd>(),
        #[cfg(feature = "consulagent")]
        registry.register::<consulagent::ConsulAgentSd>(),
        #[cfg(feature = "digitalocean")]
        registry.register::<digitalocean::DigitalOceanSd>(),
        #[cfg(feature = "dns")]
        registry.register::<dns::DnsSd>(),
        #[cfg(feature = "docker")]
        registry.register::<docker::DockerSd>(),
        #[cfg(feature = "dockerswarm")]
        registry.register::<dockerswarm::DockerSwarmSd>(),
        #[cfg(feature = "aws")]
        registry.register::<ec2::Ec2Sd>(),
        #[cfg(feature = "aws")]
        registry.register::<ecs::EcsSd>(),
        #[cfg(feature = "aws")]
        registry.register::<elasticache::ElasticacheSd>(),
        #[cfg(feature = "eureka")]
        registry.register::<eureka::EurekaSd>(),
        #[cfg(feature = "file")]
        registry.register::<file::FileSd>(),
        #[cfg(feature = "gce")]
        registry.register::<gce::GceSd>(),
        #[cfg(feature = "hetzner")]
        registry.register::<hetzner::HetznerSd>(),
        #[cfg(feature = "http")]
        registry.register::<http::HttpSd>(),
        #[cfg(feature = "ionos")]
        registry.register::<ionos::IonosSd>(),
        #[cfg(feature = "kubelet")]
        registry.register::<kubelet::KubeletSd>(),
        #[cfg(feature = "kubernetes")]
        registry.register::<kubernetes::KubernetesSd>(),
        #[cfg(feature = "aws")]
        registry.register::<lightsail::LightsailSd>(),
        #[cfg(feature = "kuma")]
        registry.register::<kuma::KumaSd>(),
        #[cfg(feature = "linode")]
        registry.register::<linode::LinodeSd>(),
        #[cfg(feature = "local")]
        registry.register::<local::LocalSd>(),
        #[cfg(feature = "aws")]
        registry.register::<msk::MskSd>(),
        #[cfg(feature = "marathon")]
        registry.register::<marathon::MarathonSd>(),
        #[cfg(feature = "nerve")]
        registry.register::<nerve::NerveSd>(),
        #[cfg(feature = "nomad")]
        registry.register::<nomad::NomadSd>(),
        #[cfg(feature = "oci")]
        registry.register::<oci::OciSd>(),
        #[cfg(feature = "openstack")]
        registry.register::<openstack::OpenStackSd>(),
        #[cfg(feature = "outscale")]
        registry.register::<outscale::OutscaleSd>(),
        #[cfg(feature = "ovhcloud")]
        registry.register::<ovhcloud::OvhCloudSd>(),
        #[cfg(feature = "process")]
        registry.register::<process::ProcessSd>(),
        #[cfg(feature = "proxmox")]
        registry.register::<proxmox::ProxmoxSd>(),
        #[cfg(feature = "puppetdb")]
        registry.register::<puppetdb::PuppetDbSd>(),
        #[cfg(feature = "aws")]
        registry.register::<rds::RdsSd>(),
        #[cfg(feature = "scaleway")]
        registry.register::<scaleway::ScalewaySd>(),
        #[cfg(feature = "serverset")]
        registry.register::<serverset::ServersetSd>(),
        #[cfg(feature = "stackit")]
        registry.register::<stackit::StackitSd>(),
        #[cfg(feature = "static")]
        registry.register::<r#static::StaticSd>(),
        #[cfg(feature = "triton")]
        registry.register::<triton::TritonSd>(),
        #[cfg(feature = "uyuni")]
        registry.register::<uyuni::UyuniSd>(),
        #[cfg(feature = "vultr")]
        registry.register::<vultr::VultrSd>(),
        #[cfg(feature = "yandexcloud")]
        registry.register::<yandexcloud::YandexCloudSd>(),
    ];
    registry
}

#[cfg(test)]
mod tests {
    /// A line in `registry` for each folder of a mechanism.
    #[test]
    #[cfg(all(
        feature = "aws",
        feature = "azure",
        feature = "consul",
        feature = "consulagent",
        feature = "digitalocean",
        feature = "dns",
        feature = "docker",
        feature = "dockerswarm",
        feature = "eureka",
        feature = "file",
        feature = "gce",
        feature = "hetzner",
        feature = "http",
        feature = "ionos",
        feature = "kubelet",
        feature = "kubernetes",
        feature = "kuma",
        feature = "linode",
        feature = "local",
        feature = "marathon",
        feature = "nerve",
        feature = "nomad",
        feature = "oci",
        feature = "openstack",
        feature = "outscale",
        feature = "ovhcloud",
        feature = "process",
        feature = "proxmox",
        feature = "puppetdb",
        feature = "scaleway",
        feature = "serverset",
        feature = "stackit",
        feature = "static",
        feature = "triton",
        feature = "uyuni",
        feature = "vultr",
        feature = "yandexcloud"
    ))]
    fn every_folder_is_registered() {
        let registry = super::registry();
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut folders: Vec<String> = std::fs::read_dir(folder)
            .expect("the sources are there")
            .flatten()
            .filter(|entry| entry.path().join("settings.rs").exists())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        folders.sort_unstable();
        let mut names: Vec<&str> = registry.iter().map(|entry| entry.name()).collect();
        names.sort_unstable();
        assert_eq!(names, folders);
    }
}
