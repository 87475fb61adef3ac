package main

type podList struct {
	Metadata struct {
		ResourceVersion string `json:"resourceVersion"`
		Continue        string `json:"continue"`
	} `json:"metadata"`
	Items []struct {
		Metadata struct {
			Namespace       string            `json:"namespace"`
			Name            string            `json:"name"`
			UID             string            `json:"uid"`
			ResourceVersion string            `json:"resourceVersion"`
			Labels          map[string]string `json:"labels"`
			Annotations     map[string]string `json:"annotations"`
			OwnerReferences []struct {
				Kind       string `json:"kind"`
				Name       string `json:"name"`
				Controller *bool  `json:"controller"`
			} `json:"ownerReferences"`
		} `json:"metadata"`
		Spec struct {
			NodeName       string         `json:"nodeName"`
			Containers     []podContainer `json:"containers"`
			InitContainers []podContainer `json:"initContainers"`
		} `json:"spec"`
		Status struct {
			Phase      string `json:"phase"`
			PodIP      string `json:"podIP"`
			HostIP     string `json:"hostIP"`
			Conditions []struct {
				Type   string `json:"type"`
				Status string `json:"status"`
			} `json:"conditions"`
			ContainerStatuses     []podStatus `json:"containerStatuses"`
			InitContainerStatuses []podStatus `json:"initContainerStatuses"`
		} `json:"status"`
	} `json:"items"`
}

type podContainer struct {
	Name  string `json:"name"`
	Image string `json:"image"`
	Ports []struct {
		Name          string `json:"name"`
		ContainerPort int32  `json:"containerPort"`
		Protocol      string `json:"protocol"`
	} `json:"ports"`
}

type podStatus struct {
	Name        string `json:"name"`
	ContainerID string `json:"containerID"`
}

type describeInstances struct {
	Reservations []struct {
		OwnerID   string `xml:"ownerId"`
		Instances []struct {
			ID           string `xml:"instanceId"`
			PrivateIP    string `xml:"privateIpAddress"`
			PublicIP     string `xml:"ipAddress"`
			Subnet       string `xml:"subnetId"`
			Kind         string `xml:"instanceType"`
			PrivateDNS   string `xml:"privateDnsName"`
			PublicDNS    string `xml:"dnsName"`
			Platform     string `xml:"platform"`
			Image        string `xml:"imageId"`
			Lifecycle    string `xml:"instanceLifecycle"`
			Architecture string `xml:"architecture"`
			VPC          string `xml:"vpcId"`
			Zone         string `xml:"placement>availabilityZone"`
			State        string `xml:"instanceState>name"`
			Tags         []struct {
				Key   string `xml:"key"`
				Value string `xml:"value"`
			} `xml:"tagSet>item"`
			Interfaces []struct {
				Subnet      string `xml:"subnetId"`
				DeviceIndex *int   `xml:"attachment>deviceIndex"`
				IPv6        []struct {
					Address   string `xml:"ipv6Address"`
					IsPrimary bool   `xml:"isPrimaryIpv6"`
				} `xml:"ipv6AddressesSet>item"`
			} `xml:"networkInterfaceSet>item"`
		} `xml:"instancesSet>item"`
	} `xml:"reservationSet>item"`
	NextToken string `xml:"nextToken"`
}

type consulEntry struct {
	Node struct {
		Node            string
		Address         string
		Datacenter      string
		Namespace       string
		Partition       string
		TaggedAddresses map[string]string
		Meta            map[string]string
	}
	Service struct {
		ID              string
		Service         string
		Tags            []string
		Address         string
		TaggedAddresses map[string]struct {
			Address string
			Port    int
		}
		Meta map[string]string
		Port int
	}
	Checks []struct {
		Status string
	}
}

type hetznerList struct {
	Servers []struct {
		ID        int64  `json:"id"`
		Name      string `json:"name"`
		Status    string `json:"status"`
		PublicNet struct {
			IPv4 hetznerAddress `json:"ipv4"`
			IPv6 hetznerAddress `json:"ipv6"`
		} `json:"public_net"`
		PrivateNet []struct {
			Network int64  `json:"network"`
			IP      string `json:"ip"`
		} `json:"private_net"`
		ServerType struct {
			Name    string  `json:"name"`
			Cores   int     `json:"cores"`
			CPUType string  `json:"cpu_type"`
			Memory  float64 `json:"memory"`
			Disk    int     `json:"disk"`
		} `json:"server_type"`
		Location   hetznerLocation `json:"location"`
		Datacenter *struct {
			Location hetznerLocation `json:"location"`
		} `json:"datacenter"`
		Image *struct {
			Name        string `json:"name"`
			Description string `json:"description"`
			OSFlavor    string `json:"os_flavor"`
			OSVersion   string `json:"os_version"`
		} `json:"image"`
		Labels map[string]string `json:"labels"`
	} `json:"servers"`
	Meta struct {
		Pagination struct {
			NextPage *int `json:"next_page"`
		} `json:"pagination"`
	} `json:"meta"`
}

type hetznerAddress struct {
	IP string `json:"ip"`
}

type hetznerLocation struct {
	Name        string `json:"name"`
	NetworkZone string `json:"network_zone"`
}

type azureReference struct {
	ID string `json:"id"`
}

type azureMachines struct {
	NextLink string `json:"nextLink"`
	Value    []struct {
		ID         string            `json:"id"`
		Name       string            `json:"name"`
		Location   string            `json:"location"`
		Tags       map[string]string `json:"tags"`
		Properties struct {
			HardwareProfile struct {
				VMSize string `json:"vmSize"`
			} `json:"hardwareProfile"`
			NetworkProfile struct {
				NetworkInterfaces []azureReference `json:"networkInterfaces"`
			} `json:"networkProfile"`
			OSProfile struct {
				ComputerName string `json:"computerName"`
			} `json:"osProfile"`
			StorageProfile struct {
				OSDisk struct {
					OSType string `json:"osType"`
				} `json:"osDisk"`
			} `json:"storageProfile"`
			VirtualMachineScaleSet *azureReference `json:"virtualMachineScaleSet"`
		} `json:"properties"`
	} `json:"value"`
}

type azureInterfaces struct {
	NextLink string `json:"nextLink"`
	Value    []struct {
		ID         string `json:"id"`
		Properties struct {
			Primary          *bool `json:"primary"`
			IPConfigurations []struct {
				Properties struct {
					Private string `json:"privateIPAddress"`
					Public  *struct {
						ID         string `json:"id"`
						Properties *struct {
							IPAddress string `json:"ipAddress"`
						} `json:"properties"`
					} `json:"publicIPAddress"`
				} `json:"properties"`
			} `json:"ipConfigurations"`
		} `json:"properties"`
	} `json:"value"`
}

type gceList struct {
	Kind          string `json:"kind"`
	NextPageToken string `json:"nextPageToken"`
	Warning       *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"warning"`
	Items []struct {
		ID                uint64 `json:"id,string"`
		Name              string `json:"name"`
		Status            string `json:"status"`
		Zone              string `json:"zone"`
		MachineType       string `json:"machineType"`
		NetworkInterfaces []struct {
			Name          string `json:"name"`
			Network       string `json:"network"`
			Subnetwork    string `json:"subnetwork"`
			NetworkIP     string `json:"networkIP"`
			IPv6Address   string `json:"ipv6Address"`
			AccessConfigs []struct {
				Type  string `json:"type"`
				NatIP string `json:"natIP"`
			} `json:"accessConfigs"`
			IPv6AccessConfigs []struct {
				ExternalIPv6 string `json:"externalIpv6"`
			} `json:"ipv6AccessConfigs"`
		} `json:"networkInterfaces"`
		Tags struct {
			Items []string `json:"items"`
		} `json:"tags"`
		Metadata struct {
			Items []struct {
				Key   string  `json:"key"`
				Value *string `json:"value"`
			} `json:"items"`
		} `json:"metadata"`
		Labels map[string]string `json:"labels"`
	} `json:"items"`
}
