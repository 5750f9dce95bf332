package pipeline

import (
	"encoding/json"
	"os"
	"runtime"
	"strings"

	"github.com/agentaudit/agentaudit/schema"
)

// machine tells what a machine knows of itself, from its files and its environment: the network is never asked.
type machine struct {
	root     string // of its file system, "" for "/"
	getenv   func(string) string
	hostname func() (string, error)
}

// nodeNames are the variables by which pods are told the name of their node (the downward API; there is no standard).
var nodeNames = []string{"NODE_NAME", "K8S_NODE_NAME", "KUBERNETES_NODE_NAME", "MY_NODE_NAME"}

// fields returns what is known, and for fields that are not simply the machine's, where they are from. In a container the
// machine is its node, if that is told; its own name stands in for it, noted as what it is. Its machine id is that of an
// image, and no machine's.
func (m machine) fields() (a schema.Action, notes map[string]string) {
	i := &a.Infrastructure
	notes = map[string]string{}
	i.HostArch, i.HostOS = runtime.GOARCH, osType(runtime.GOOS)
	inside := m.inContainer()
	for _, k := range nodeNames {
		if node := m.getenv(k); node != "" && inside && i.HostName == "" {
			i.HostName, notes["host.name"] = node, "environment "+k
		}
	}
	if i.HostName == "" {
		i.HostName, _ = m.hostname()
		if inside {
			notes["host.name"] = "container"
		}
	}
	if !inside {
		i.HostID = m.read("/etc/machine-id")
		if i.HostID == "" {
			i.HostID = m.read("/var/lib/dbus/machine-id")
		}
	}
	if m.getenv("KUBERNETES_SERVICE_HOST") != "" {
		i.OrchestratorType, notes["orchestrator.type"] = "kubernetes", "environment"
		if name := m.getenv("K8S_CLUSTER_NAME"); name != "" {
			i.OrchestratorCluster, notes["orchestrator.cluster.name"] = name, "environment K8S_CLUSTER_NAME"
		}
	}
	m.cloud(i)
	return a, notes
}

// osType is an operating system by its name in ECS.
func osType(goos string) string {
	if goos == "darwin" {
		return "macos"
	}
	return goos
}

func (m machine) inContainer() bool {
	for _, mark := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(m.root + mark); err == nil {
			return true
		}
	}
	return m.getenv("KUBERNETES_SERVICE_HOST") != "" || m.getenv("container") != ""
}

// read is the text of a small file, "" without one.
func (m machine) read(path string) string {
	b, err := os.ReadFile(m.root + path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// cloud asks what AWS tells its containers, then what cloud-init has written, then the firmware.
func (m machine) cloud(i *schema.Infrastructure) {
	if m.getenv("AWS_EXECUTION_ENV") != "" {
		i.CloudProvider, i.CloudRegion = "aws", m.getenv("AWS_REGION")
		return
	}
	var init struct {
		V1 struct {
			Name       string `json:"cloud_name"`
			Region     string `json:"region"`
			InstanceID string `json:"instance_id"`
		} `json:"v1"`
	}
	text := m.read("/run/cloud-init/instance-data.json")
	if err := json.Unmarshal([]byte(text), &init); err == nil && !noCloud[init.V1.Name] {
		i.CloudProvider, i.CloudRegion, i.CloudHostID = init.V1.Name, init.V1.Region, init.V1.InstanceID
		if i.CloudProvider == "gce" {
			i.CloudProvider = "gcp"
		}
		return
	}
	const azureTag = "7783-7084-3265-9085-8269-3286-77" // of every machine of Azure, and no other of its maker
	switch vendor := m.read("/sys/class/dmi/id/sys_vendor"); {
	case vendor == "Amazon EC2":
		i.CloudProvider = "aws"
		if id := m.read("/sys/class/dmi/id/board_asset_tag"); strings.HasPrefix(id, "i-") {
			i.CloudHostID = id
		}
	case vendor == "Google" && m.read("/sys/class/dmi/id/product_name") == "Google Compute Engine":
		i.CloudProvider = "gcp"
	case vendor == "Microsoft Corporation" && m.read("/sys/class/dmi/id/chassis_asset_tag") == azureTag:
		i.CloudProvider = "azure"
	case vendor == "DigitalOcean" || vendor == "Hetzner":
		i.CloudProvider = strings.ToLower(vendor)
	}
}

// noCloud are names by which cloud-init says that it is in none.
var noCloud = map[string]bool{"": true, "none": true, "nocloud": true, "unknown": true, "lxd": true}
