//! Machines and services as clouds and Consul list them.

use serde_json::{Value, json};

/// Where a machine is.
pub(super) fn ip(number: usize) -> String {
    format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255)
}

pub(super) fn name(number: usize) -> String {
    format!("web-{number:05}.prod.example")
}

/// As `DescribeInstances` answers, a reservation for each instance.
pub(super) fn ec2(machines: usize) -> String {
    let instance = |number: usize| {
        let (ip, name) = (ip(number), name(number));
        let public = format!("203.0.{}.{}", number / 250, number % 250);
        let tags = [
            ("Name", name.as_str()),
            ("team", "payments"),
            ("env", "prod"),
            ("cost-center", "4711"),
        ];
        let tags: String = tags
            .iter()
            .map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>"))
            .collect();
        format!(
            "<item><reservationId>r-{number:017x}</reservationId><ownerId>123456789012</ownerId><groupSet/><instancesSet><item>\
             <instanceId>i-{number:017x}</instanceId><imageId>ami-{:017x}</imageId><instanceState><code>16</code><name>running</name>\
             </instanceState><privateDnsName>ip-{}.eu-west-1.compute.internal</privateDnsName><dnsName>ec2-{}.eu-west-1.compute.amazonaws.com\
             </dnsName><reason/><keyName>ops</keyName><amiLaunchIndex>0</amiLaunchIndex><productCodes/><instanceType>m7g.large</instanceType>\
             <launchTime>2026-03-01T08:15:30.000Z</launchTime><placement><availabilityZone>eu-west-1{}</availabilityZone><groupName/>\
             <tenancy>default</tenancy></placement><monitoring><state>disabled</state></monitoring><subnetId>subnet-{:017x}</subnetId>\
             <vpcId>vpc-0123456789abcdef0</vpcId><privateIpAddress>{ip}</privateIpAddress><ipAddress>{public}</ipAddress>\
             <sourceDestCheck>true</sourceDestCheck><groupSet><item><groupId>sg-0123456789abcdef0</groupId><groupName>web</groupName></item>\
             </groupSet><architecture>arm64</architecture><rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/xvda</rootDeviceName>\
             <blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs><volumeId>vol-{number:017x}</volumeId><status>attached</status>\
             <attachTime>2026-03-01T08:15:31.000Z</attachTime><deleteOnTermination>true</deleteOnTermination></ebs></item></blockDeviceMapping>\
             <virtualizationType>hvm</virtualizationType><clientToken/><tagSet>{tags}</tagSet><hypervisor>xen</hypervisor><networkInterfaceSet>\
             <item><networkInterfaceId>eni-{number:017x}</networkInterfaceId><subnetId>subnet-{:017x}</subnetId><vpcId>vpc-0123456789abcdef0</vpcId>\
             <description/><ownerId>123456789012</ownerId><status>in-use</status><macAddress>0a:00:00:00:00:01</macAddress><privateIpAddress>{ip}\
             </privateIpAddress><attachment><attachmentId>eni-attach-{number:017x}</attachmentId><deviceIndex>0</deviceIndex><status>attached\
             </status></attachment><ipv6AddressesSet/></item></networkInterfaceSet><ebsOptimized>true</ebsOptimized></item></instancesSet></item>",
            number % 5,
            ip.replace('.', "-"),
            public.replace('.', "-"),
            ["a", "b", "c"][number % 3],
            number % 6,
            number % 6,
        )
    };
    let instances: String = (0..machines).map(instance).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
         <requestId>8f7724cf-496f-496e-8fe3-000000000000</requestId><reservationSet>{instances}</reservationSet></DescribeInstancesResponse>"
    )
}

/// As `/v1/health/service/<service>` answers.
pub(super) fn consul(service: usize, machines: std::ops::Range<usize>) -> String {
    let entry = |number: usize| {
        let (ip, name) = (ip(number), name(number));
        json!({
            "Node": {"ID": format!("40e4a748-2192-161a-0510-{number:012x}"), "Node": name, "Address": ip, "Datacenter": "dc1",
                "TaggedAddresses": {"lan": ip, "lan_ipv4": ip, "wan": ip, "wan_ipv4": ip},
                "Meta": {"rack": format!("r{}", number % 40), "consul-network-segment": ""}, "CreateIndex": 100 + number, "ModifyIndex": 200 + number},
            "Service": {"ID": format!("service-{service}-{number}"), "Service": format!("service-{service}"), "Tags": ["prod", "v1"], "Address": ip,
                "TaggedAddresses": {"lan_ipv4": {"Address": ip, "Port": 8080}, "wan_ipv4": {"Address": ip, "Port": 8080}},
                "Meta": {"version": "1.2.3", "team": "payments"}, "Port": 8080, "Weights": {"Passing": 1, "Warning": 1}, "EnableTagOverride": false,
                "Proxy": {"Mode": "", "MeshGateway": {}, "Expose": {}}, "Connect": {}, "CreateIndex": 100 + number, "ModifyIndex": 200 + number},
            "Checks": [{"Node": name, "CheckID": "serfHealth", "Name": "Serf Health Status", "Status": "passing", "Notes": "",
                "Output": "Agent alive and reachable", "ServiceID": "", "ServiceName": "", "ServiceTags": [], "Type": "", "Definition": {},
                "CreateIndex": 100 + number, "ModifyIndex": 200 + number}],
        })
    };
    Value::from(machines.map(entry).collect::<Vec<_>>()).to_string()
}

/// As Hetzner Cloud lists its servers.
pub(super) fn hetzner(machines: usize) -> String {
    let server = |number: usize| {
        json!({
            "id": 40_000_000 + number, "name": name(number), "status": "running", "created": "2026-03-01T08:15:30+00:00",
            "public_net": {"ipv4": {"ip": ip(number), "blocked": false, "dns_ptr": format!("static.{number}.clients.example"), "id": number},
                "ipv6": {"ip": format!("2001:db8:{:x}:{:x}::/64", number >> 8, number & 255), "blocked": false, "dns_ptr": [], "id": number}, "floating_ips": [], "firewalls": []},
            "private_net": [], "server_type": {"id": 22, "name": "cpx22", "description": "CPX 22", "cores": 2, "memory": 4.0, "disk": 80, "deprecated": false,
                "prices": [{"location": "fsn1", "price_hourly": {"net": "0.0095", "gross": "0.0113"}, "price_monthly": {"net": "5.99", "gross": "7.13"}}],
                "storage_type": "local", "cpu_type": "shared", "architecture": "x86"},
            "location": {"id": 1, "name": "fsn1", "description": "Falkenstein DC Park 1", "country": "DE", "city": "Falkenstein", "latitude": 50.47, "longitude": 12.37, "network_zone": "eu-central"},
            "image": {"id": 114_690_387, "type": "system", "status": "available", "name": "debian-12", "description": "Debian 12", "disk_size": 5, "os_flavor": "debian", "os_version": "12", "rapid_deploy": true},
            "iso": null, "rescue_enabled": false, "locked": false, "backup_window": "22-02", "outgoing_traffic": 123_456, "ingoing_traffic": 123_456, "included_traffic": 654_321,
            "protection": {"delete": false, "rebuild": false}, "labels": {"env": "prod", "team": "payments", "role": format!("web-{}", number % 20)}, "volumes": [], "load_balancers": [],
        })
    };
    let servers: Vec<Value> = (0..machines).map(server).collect();
    json!({"servers": servers, "meta": {"pagination": {"page": 1, "next_page": null}}}).to_string()
}

/// As Compute Engine lists a zone's instances.
pub(super) fn gce(machines: usize) -> String {
    let base = "https://www.googleapis.com/compute/v1/projects/p";
    let instance = |number: usize| {
        json!({
            "kind": "compute#instance", "id": format!("{}", 4_000_000_000_000_000_000_u64 + number as u64), "creationTimestamp": "2026-03-01T08:15:30.000-08:00",
            "name": name(number), "tags": {"items": ["http-server", "prod"], "fingerprint": "x"}, "machineType": format!("{base}/zones/z/machineTypes/e2-standard-4"),
            "status": "RUNNING", "zone": format!("{base}/zones/z"), "canIpForward": false,
            "networkInterfaces": [{"kind": "compute#networkInterface", "network": format!("{base}/global/networks/default"), "subnetwork": format!("{base}/regions/r/subnetworks/default"),
                "networkIP": ip(number), "name": "nic0", "accessConfigs": [{"kind": "compute#accessConfig", "type": "ONE_TO_ONE_NAT", "name": "External NAT",
                "natIP": format!("203.0.{}.{}", number / 250, number % 250), "networkTier": "PREMIUM"}], "fingerprint": "x", "stackType": "IPV4_ONLY"}],
            "disks": [{"kind": "compute#attachedDisk", "type": "PERSISTENT", "mode": "READ_WRITE", "source": format!("{base}/zones/z/disks/{number}"), "deviceName": "boot", "index": 0, "boot": true, "autoDelete": true, "diskSizeGb": "50"}],
            "metadata": {"kind": "compute#metadata", "fingerprint": "x", "items": [{"key": "role", "value": format!("web-{}", number % 20)}]},
            "serviceAccounts": [{"email": "1-compute@developer.gserviceaccount.com", "scopes": ["https://www.googleapis.com/auth/cloud-platform"]}],
            "selfLink": format!("{base}/zones/z/instances/{number}"), "scheduling": {"onHostMaintenance": "MIGRATE", "automaticRestart": true, "preemptible": false},
            "cpuPlatform": "Intel Broadwell", "labels": {"env": "prod", "team": "payments"}, "labelFingerprint": "x", "startRestricted": false, "deletionProtection": false,
        })
    };
    let instances: Vec<Value> = (0..machines).map(instance).collect();
    json!({"kind": "compute#instanceList", "id": "x", "items": instances}).to_string()
}

/// As Azure lists virtual machines.
pub(super) fn azure_machines(machines: usize) -> String {
    let machine = |number: usize| {
        json!({
            "name": name(number), "id": format!("/subscriptions/s/resourceGroups/web/providers/Microsoft.Compute/virtualMachines/{number}"),
            "type": "Microsoft.Compute/virtualMachines", "location": "westeurope", "tags": {"env": "prod", "team": "payments"}, "zones": ["1"],
            "properties": {"vmId": format!("b7a098cc-b0b8-46e8-a205-{number:012x}"), "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
                "storageProfile": {"imageReference": {"publisher": "Debian", "offer": "debian-12", "sku": "12", "version": "latest"},
                    "osDisk": {"osType": "Linux", "name": format!("disk-{number}"), "createOption": "FromImage", "caching": "ReadWrite", "managedDisk": {"storageAccountType": "Premium_LRS"}}, "dataDisks": []},
                "osProfile": {"computerName": format!("web-{number}"), "adminUsername": "ops", "linuxConfiguration": {"disablePasswordAuthentication": true}, "secrets": []},
                "networkProfile": {"networkInterfaces": [{"id": nic(number), "properties": {"primary": true}}]}, "provisioningState": "Succeeded", "timeCreated": "2026-03-01T08:15:30Z"},
        })
    };
    json!({"value": (0..machines).map(machine).collect::<Vec<_>>()}).to_string()
}

/// As Azure lists their network interfaces.
pub(super) fn azure_interfaces(machines: usize) -> String {
    let interface = |number: usize| {
        json!({
            "name": format!("nic-{number}"), "id": nic(number), "etag": "W/\"0\"", "location": "westeurope", "type": "Microsoft.Network/networkInterfaces",
            "properties": {"provisioningState": "Succeeded", "resourceGuid": format!("0a0098cc-b0b8-46e8-a205-{number:012x}"), "primary": true, "macAddress": "00-0D-3A-00-00-01",
                "ipConfigurations": [{"name": "ipconfig1", "id": format!("{}/ipConfigurations/ipconfig1", nic(number)), "properties": {"provisioningState": "Succeeded",
                    "privateIPAddress": ip(number), "privateIPAllocationMethod": "Dynamic", "subnet": {"id": "/subscriptions/s/resourceGroups/web/providers/Microsoft.Network/virtualNetworks/v/subnets/s"}, "primary": true, "privateIPAddressVersion": "IPv4"}}],
                "dnsSettings": {"dnsServers": [], "appliedDnsServers": []}, "enableIPForwarding": false},
        })
    };
    json!({"value": (0..machines).map(interface).collect::<Vec<_>>()}).to_string()
}

fn nic(number: usize) -> String {
    format!("/subscriptions/s/resourceGroups/web/providers/Microsoft.Network/networkInterfaces/nic-{number}")
}
