//! What is common to the mechanisms that ask AWS: who asks, where, how it is signed, and what is made of answers.
//!
//! **Who asks** ([`credentials`]): `access_key` and `secret_key`, else `profile`, else what AWS's own programs would
//! take: the environment, a web identity, the shared files, a container's credentials, the instance's (IMDSv2); then
//! `role_arn` on top of it. What is borrowed for a while is shared by all who borrow the same, and renewed before its end.
//!
//! **Where** ([`place`]): the region is that of the entry, of the environment, of the shared files or of the instance, and
//! then stays; the endpoint that of the entry, of the environment, or the region's.
//!
//! **How** ([`aws`]): each request is signed when it is sent. One that is throttled is sent a second time; if that is in
//! vain, what it was for is left alone for a while, and longer each time.
//!
//! Where Prometheus does otherwise:
//!
//! * The shared files are read at each refresh, so that keys that are rotated there are seen; it reads them once.
//! * The instance and the container are asked directly, past `proxy_url` and without the entry's own headers: what they
//!   answer is for this machine only.
//! * What AWS says of a wrong signature is cut short, because it repeats the session token.

mod account;
mod aws;
mod credentials;
mod encode;
mod failure;
mod json;
mod place;
mod query;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use crate::sigv4::escape;
pub(crate) use crate::xml::{Element, Xml, XmlError, list};
pub(crate) use account::{Account, Filter, Kind, read_clusters, read_concurrency, read_filters};
pub(crate) use aws::{Aws, CallError, EC2, ECS, ELASTICACHE, KAFKA, LIGHTSAIL, Page, Part, RDS, Service, Session};
pub(crate) use encode::{Labels, Table, To, add_group, comma_list, number_of, skipped_metric};
pub(crate) use json::{JsonError, Tag, action, read};
pub(crate) use query::{Query, filters};
