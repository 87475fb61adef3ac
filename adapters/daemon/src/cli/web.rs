//! Options of `run` about who may ask what.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use headcount_service::{ConnectionLimits, CorsOrigin, ExternalUrl, RoutePrefix, ServiceBuilder};

/// Names and meaning are Prometheus's, where it has them.
#[derive(Debug, Args)]
pub(crate) struct WebOptions {
    /// Serves as this file says: Prometheus's web-config.yml, with TLS, client certificates, users, headers and a limit.
    ///
    /// The file and what it names are read again when they change; what is wrong then changes nothing.
    /// `headcount check --web-config FILE` says beforehand what is wrong.
    #[arg(long = "web.config.file", value_name = "FILE")]
    pub(crate) config_file: Option<PathBuf>,

    /// The URL by which others know headcount, behind a proxy for example. Its host is one by which clients may ask, and its
    /// path is what all paths begin with.
    ///
    /// It stands in `globalUrl` of /api/v1/targets where a target is on this machine; without it the machine's name does.
    /// Clients may ask by any address, by `localhost`, by the machine's own name, by that of --listen, and by those of
    /// `web.allowed_hosts` in headcount.yml: a page could have another name point here. Where headcount listens to more
    /// than this machine, and neither this nor `allowed_hosts` is set, lists, metrics and probes are answered under any name.
    #[arg(long = "web.external-url", value_name = "URL")]
    pub(crate) external_url: Option<ExternalUrl>,

    /// What all paths begin with; the path of --web.external-url without it. `/` where a proxy takes that away.
    #[arg(long = "web.route-prefix", value_name = "PATH")]
    pub(crate) route_prefix: Option<RoutePrefix>,

    /// Whether clients may change something: reload, confirm a drop, refresh. Without it they may where only this machine
    /// can ask, or where they have to say who they are.
    #[arg(
        long = "web.enable-lifecycle",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub(crate) enable_lifecycle: Option<bool>,

    /// The origins whose pages may read what headcount serves, as a regular expression for all of
    /// scheme://host:port; none without it. They may change nothing.
    #[arg(long = "web.cors.origin", value_name = "REGEX")]
    pub(crate) cors_origin: Option<CorsOrigin>,

    /// Lets so many clients be connected at a time. When there are more, the connection on which nothing was asked for the
    /// longest is closed; where all are being answered, new ones are told so, but for /-/healthy and /-/ready.
    #[arg(long = "web.max-connections", value_name = "NUMBER", default_value_t = most_connections())]
    pub(crate) max_connections: NonZeroUsize,

    /// Lets so many of them come from one address (of IPv6, one /64 network); half of all if it is not said. A proxy that
    /// all clients come through needs more.
    #[arg(long = "web.max-connections-per-address", value_name = "NUMBER")]
    pub(crate) max_connections_per_address: Option<NonZeroUsize>,
}

fn most_connections() -> NonZeroUsize {
    NonZeroUsize::new(ConnectionLimits::default().connections).unwrap_or(NonZeroUsize::MIN)
}

impl WebOptions {
    /// Tells a service.
    pub(crate) fn tell(&self, mut builder: ServiceBuilder) -> ServiceBuilder {
        if let Some(file) = &self.config_file {
            builder = builder.web_config(file);
        }
        if let Some(url) = &self.external_url {
            builder = builder.external_url(url.clone());
        }
        if let Some(prefix) = &self.route_prefix {
            builder = builder.route_prefix(prefix.clone());
        }
        if let Some(is_on) = self.enable_lifecycle {
            builder = builder.lifecycle(is_on);
        }
        if let Some(origin) = &self.cors_origin {
            builder = builder.cors_origin(origin.clone());
        }
        let mut limits = ConnectionLimits::default();
        limits.connections = self.max_connections.get();
        limits.per_address = self.max_connections_per_address.map(NonZeroUsize::get);
        builder.connections(limits)
    }
}
