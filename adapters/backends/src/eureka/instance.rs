//! Instances as Eureka describes them.

use std::sync::Arc;

use headcount_core::{Batch, GroupError};
use headcount_discoverer::address::host_port;

use crate::answers::put;
use crate::label_name::label_name;
use crate::xml::{Xml, XmlError};

/// The port of an instance that names none; Prometheus's.
const DEFAULT_PORT: i64 = 80;

/// One instance.
#[derive(Debug, Default)]
pub(super) struct Instance {
    app: Arc<str>,
    /// Each text by the end of its label's name.
    texts: Vec<(&'static str, String)>,
    host: String,
    ip: String,
    id: String,
    port: Option<Port>,
    secure_port: Option<Port>,
    country: i64,
    data_center: Option<DataCenter>,
    metadata: Vec<(String, String)>,
}

/// Numbers and switches that make no sense are nothing.
#[derive(Debug)]
struct Port {
    number: Option<i64>,
    is_enabled: Option<bool>,
}

#[derive(Debug, Default)]
struct DataCenter {
    name: String,
    metadata: Vec<(String, String)>,
}

/// All instances of an answer.
pub(super) fn read(answer: &[u8]) -> Result<Vec<Instance>, XmlError> {
    let mut all = Vec::new();
    Xml::read(answer, "applications", |name, xml| {
        if name != "application" {
            return Ok(());
        }
        // The name may come after the instances.
        let (mut app, first) = (String::new(), all.len());
        xml.children(|name, xml| {
            match name {
                "name" => app = xml.text()?,
                "instance" => all.push(instance(xml)?),
                _ => {}
            }
            Ok(())
        })?;
        let app: Arc<str> = app.into();
        let of_app = all.get_mut(first..).unwrap_or_default();
        of_app.iter_mut().for_each(|instance| instance.app = Arc::clone(&app));
        Ok(())
    })?;
    Ok(all)
}

fn instance(xml: &mut Xml<'_>) -> Result<Instance, XmlError> {
    let mut found = Instance::default();
    xml.children(|name, xml| {
        let text = match name {
            "homePageUrl" => "homepage_url",
            "statusPageUrl" => "statuspage_url",
            "healthCheckUrl" => "healthcheck_url",
            "vipAddress" => "vip_address",
            "secureVipAddress" => "secure_vip_address",
            "status" => "status",
            _ => "",
        };
        if !text.is_empty() {
            found.texts.push((text, xml.text()?));
            return Ok(());
        }
        match name {
            "hostName" => found.host = xml.text()?,
            "ipAddr" => found.ip = xml.text()?,
            "instanceId" => found.id = xml.text()?,
            "port" => found.port = Some(port(xml)?),
            "securePort" => found.secure_port = Some(port(xml)?),
            "countryId" => found.country = xml.text()?.parse().unwrap_or_default(),
            "dataCenterInfo" => found.data_center = Some(data_center(xml)?),
            "metadata" => found.metadata.append(&mut metadata(xml)?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(found)
}

fn port(xml: &mut Xml<'_>) -> Result<Port, XmlError> {
    // As Go reads switches.
    let is_enabled = match xml.attribute("enabled").as_deref() {
        None => Some(false),
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Some(true),
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Some(false),
        Some(_) => None,
    };
    let number = xml.text()?.parse().ok();
    Ok(Port { number, is_enabled })
}

fn data_center(xml: &mut Xml<'_>) -> Result<DataCenter, XmlError> {
    let mut found = DataCenter::default();
    xml.children(|name, xml| {
        match name {
            "name" => found.name = xml.text()?,
            "metadata" => found.metadata.append(&mut metadata(xml)?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(found)
}

/// Each element and what is written in it.
fn metadata(xml: &mut Xml<'_>) -> Result<Vec<(String, String)>, XmlError> {
    let mut found = Vec::new();
    xml.children(|name, xml| {
        found.push((name.to_owned(), xml.raw()?));
        Ok(())
    })?;
    Ok(found)
}

impl Instance {
    /// Where it is scraped, if that is known.
    pub(super) fn address(&self) -> Option<String> {
        let host = [&self.host, &self.ip].into_iter().find(|host| !host.is_empty())?;
        let port = match &self.port {
            Some(port) => port.number?,
            None => DEFAULT_PORT,
        };
        Some(host_port(host, port))
    }

    /// Adds its target to the open group.
    pub(super) fn encode(&self, batch: &mut Batch<'_>) -> Result<(), GroupError> {
        batch.begin_target()?;
        put(batch, "__address__", &self.address().unwrap_or_default())?;
        put(batch, "instance", &self.id)?;
        put(batch, "__meta_eureka_app_name", &self.app)?;
        let mut label = |name: &str, value: &str| put(batch, &format!("__meta_eureka_app_instance_{name}"), value);
        label("country_id", &self.country.to_string())?;
        label("hostname", &self.host)?;
        label("id", &self.id)?;
        label("ip_addr", &self.ip)?;
        for (name, text) in &self.texts {
            label(name, text)?;
        }
        for (name, port) in [("port", &self.port), ("secure_port", &self.secure_port)] {
            let Some(port) = port else { continue };
            label(name, &port.number.map(|number| number.to_string()).unwrap_or_default())?;
            let is_enabled = port.is_enabled.map(|is_enabled| is_enabled.to_string());
            label(&format!("{name}_enabled"), &is_enabled.unwrap_or_default())?;
        }
        if let Some(data_center) = &self.data_center {
            label("datacenterinfo_name", &data_center.name)?;
            for (name, value) in &data_center.metadata {
                label(&label_name("datacenterinfo_metadata_", name), value)?;
            }
        }
        for (name, value) in &self.metadata {
            label(&label_name("metadata_", name), value)?;
        }
        Ok(())
    }
}
