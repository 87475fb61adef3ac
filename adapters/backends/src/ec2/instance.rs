//! What EC2 says of instances and zones, as far as it becomes labels. What it does not say is empty.

use std::collections::BTreeMap;

use crate::aws_api::{Page, Xml, XmlError};

/// More network interfaces no instance has.
const MOST_INTERFACES: usize = 256;

/// An instance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) private_ip: String,
    pub(crate) public_ip: String,
    pub(crate) subnet: String,
    pub(crate) kind: String,
    /// Keys and values, as they came.
    pub(crate) tags: Vec<(String, String)>,
    pub(super) owner: String,
    pub(super) private_dns: String,
    pub(super) public_dns: String,
    pub(super) platform: String,
    pub(super) image: String,
    pub(super) zone: String,
    pub(super) state: String,
    pub(super) lifecycle: String,
    pub(super) architecture: String,
    pub(super) vpc: String,
    /// The subnets of its interfaces.
    pub(super) subnets: Vec<String>,
    /// The primary addresses, each at the place of its interface.
    pub(super) primary_ipv6: Vec<String>,
    pub(super) ipv6: Vec<String>,
}

#[derive(Default)]
struct Interface {
    subnet: String,
    place: Option<usize>,
    /// Addresses, and whether they are primary.
    ipv6: Vec<(String, bool)>,
}

impl Instance {
    /// What it is reached by from the inside.
    pub(crate) fn address(&self) -> Option<&str> {
        Some(self.private_ip.as_str())
            .filter(|ip| !ip.is_empty())
            .or(self.default_ipv6())
    }

    /// The first primary IPv6 address, or else the first one.
    pub(super) fn default_ipv6(&self) -> Option<&str> {
        let all = self.primary_ipv6.iter().chain(&self.ipv6);
        all.map(String::as_str).find(|address| !address.is_empty())
    }

    fn take(&mut self, interface: Interface) {
        // Prometheus takes them of a VPC's subnets only.
        if interface.subnet.is_empty() || self.vpc.is_empty() {
            return;
        }
        for (address, is_primary) in interface.ipv6 {
            if let Some(place) = interface.place.filter(|place| is_primary && *place < MOST_INTERFACES) {
                if self.primary_ipv6.len() <= place {
                    self.primary_ipv6.resize(place + 1, String::new());
                }
                if let Some(at) = self.primary_ipv6.get_mut(place) {
                    at.clone_from(&address);
                }
            }
            self.ipv6.push(address);
        }
        if !self.subnets.contains(&interface.subnet) {
            self.subnets.push(interface.subnet);
        }
    }
}

/// The answer to `DescribeInstances`.
pub(crate) fn instances(body: &[u8]) -> Result<Page<Instance>, XmlError> {
    let (mut instances, mut next, mut is_there) = (Vec::new(), None, false);
    Xml::read(body, "DescribeInstancesResponse", |name, xml| match name {
        "reservationSet" => {
            is_there = true;
            xml.items(|xml| reservation(xml, &mut instances))
        }
        "nextToken" => {
            next = Some(xml.text()?);
            Ok(())
        }
        _ => Ok(()),
    })?;
    match is_there {
        true => Ok((instances, next)),
        false => Err(XmlError::Missing("reservationSet")),
    }
}

/// The answer to `DescribeAvailabilityZones`: ids by names.
pub(super) fn zones(body: &[u8]) -> Result<BTreeMap<String, String>, XmlError> {
    let mut zones = BTreeMap::new();
    Xml::read(body, "DescribeAvailabilityZonesResponse", |name, xml| match name {
        "availabilityZoneInfo" => xml.items(|xml| {
            let (mut name, mut id) = (String::new(), String::new());
            xml.children(|field, xml| {
                match field {
                    "zoneName" => name = xml.text()?,
                    "zoneId" => id = xml.text()?,
                    _ => {}
                }
                Ok(())
            })?;
            if !name.is_empty() && !id.is_empty() {
                zones.insert(name, id);
            }
            Ok(())
        }),
        _ => Ok(()),
    })?;
    Ok(zones)
}

fn reservation(xml: &mut Xml<'_>, instances: &mut Vec<Instance>) -> Result<(), XmlError> {
    let (first, mut owner) = (instances.len(), String::new());
    xml.children(|name, xml| match name {
        "ownerId" => {
            owner = xml.text()?;
            Ok(())
        }
        "instancesSet" => xml.items(|xml| {
            instances.push(instance(xml)?);
            Ok(())
        }),
        _ => Ok(()),
    })?;
    for instance in instances.iter_mut().skip(first) {
        instance.owner.clone_from(&owner);
    }
    Ok(())
}

fn instance(xml: &mut Xml<'_>) -> Result<Instance, XmlError> {
    let mut instance = Instance::default();
    // The VPC may be named after them.
    let mut interfaces = Vec::new();
    xml.children(|name, xml| {
        let field = match name {
            "instanceId" => &mut instance.id,
            "privateIpAddress" => &mut instance.private_ip,
            "ipAddress" => &mut instance.public_ip,
            "subnetId" => &mut instance.subnet,
            "instanceType" => &mut instance.kind,
            "privateDnsName" => &mut instance.private_dns,
            "dnsName" => &mut instance.public_dns,
            "platform" => &mut instance.platform,
            "imageId" => &mut instance.image,
            "instanceLifecycle" => &mut instance.lifecycle,
            "architecture" => &mut instance.architecture,
            "vpcId" => &mut instance.vpc,
            "placement" => return inner(xml, "availabilityZone", &mut instance.zone),
            "instanceState" => return inner(xml, "name", &mut instance.state),
            "tagSet" => return xml.items(|xml| tag(xml, &mut instance.tags)),
            "networkInterfaceSet" => {
                return xml.items(|xml| {
                    interfaces.push(interface(xml)?);
                    Ok(())
                });
            }
            _ => return Ok(()),
        };
        *field = xml.text()?;
        Ok(())
    })?;
    interfaces.into_iter().for_each(|interface| instance.take(interface));
    Ok(instance)
}

fn interface(xml: &mut Xml<'_>) -> Result<Interface, XmlError> {
    let mut interface = Interface::default();
    xml.children(|name, xml| match name {
        "subnetId" => {
            interface.subnet = xml.text()?;
            Ok(())
        }
        "attachment" => {
            let mut place = String::new();
            inner(xml, "deviceIndex", &mut place)?;
            interface.place = place.parse().ok();
            Ok(())
        }
        "ipv6AddressesSet" => xml.items(|xml| {
            let (mut address, mut is_primary) = (String::new(), String::new());
            xml.children(|name, xml| {
                match name {
                    "ipv6Address" => address = xml.text()?,
                    "isPrimaryIpv6" => is_primary = xml.text()?,
                    _ => {}
                }
                Ok(())
            })?;
            if !address.is_empty() {
                interface.ipv6.push((address, is_primary == "true"));
            }
            Ok(())
        }),
        _ => Ok(()),
    })?;
    Ok(interface)
}

fn tag(xml: &mut Xml<'_>, tags: &mut Vec<(String, String)>) -> Result<(), XmlError> {
    let (mut key, mut value) = (String::new(), String::new());
    xml.children(|name, xml| {
        match name {
            "key" => key = xml.text()?,
            "value" => value = xml.text()?,
            _ => {}
        }
        Ok(())
    })?;
    tags.push((key, value));
    Ok(())
}

/// The text of one element inside of this one.
fn inner(xml: &mut Xml<'_>, wanted: &str, text: &mut String) -> Result<(), XmlError> {
    xml.children(|name, xml| {
        if name == wanted {
            *text = xml.text()?;
        }
        Ok(())
    })
}
