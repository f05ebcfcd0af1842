package devcluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
)

// Advice tells a person what to try next, of what is there.
func (c *Cluster) Advice() string {
	var text strings.Builder
	fmt.Fprintf(&text, "\nTry next:\n  export KUBECONFIG=%s PATH=%s:$PATH\n", c.Kubeconfig, c.Bin)
	switch {
	case c.PIDs[build.Server] != 0:
		fmt.Fprintf(&text, "  kubectl get clusters,awsclusters,awsmanagedcontrolplanes\n")
	case c.PIDs[build.CoreManager] != 0:
		fmt.Fprintf(&text, "  kubectl get clusters -A\n")
	default:
		fmt.Fprintf(&text, "  kubectl get namespaces\n")
	}
	if _, err := os.Stat(filepath.Join(c.Bin, build.Clusterctl)); err == nil {
		for _, name := range c.Clusters {
			fmt.Fprintf(&text, "  clusterctl describe cluster %s\n", name)
		}
	}
	if c.WorkloadKubeconfig != "" {
		fmt.Fprintf(&text, "  kubectl --kubeconfig=%s get nodes\n", c.WorkloadKubeconfig)
		c.adviseWorkers(&text)
	}
	if c.Debugger != "" {
		fmt.Fprintf(&text, "  dlv connect %s      # or in an IDE: attach to Delve (Go remote) at this address; the server runs on until a breakpoint\n", c.Debugger)
	}
	if c.AWSEndpointURL != "" {
		fmt.Fprintf(&text, "  set -a; . %s; set +a      # then any AWS tool%s\n", c.AWSEnv, forInstance())
	}
	fmt.Fprintf(&text, "Logs are in %s; \"%s\" stops it all.\n", filepath.Clean(c.Logs), c.Down)
	return text.String()
}

// adviseWorkers has the workers of the first cluster come and go.
func (c *Cluster) adviseWorkers(text *strings.Builder) {
	workers := c.Clusters[0] + "-md-0"
	fmt.Fprintf(text, "  kubectl scale machinedeployment %s --replicas=4      # one more\n", workers)
	instance := fmt.Sprintf("$(kubectl get awsmachines -l cluster.x-k8s.io/deployment-name=%s -o 'jsonpath={.items[0].spec.instanceID}')", workers)
	command := ""
	if _, err := exec.LookPath("aws"); err == nil {
		command = fmt.Sprintf("(set -a; . %s; aws ec2 terminate-instances --instance-ids %s)", c.AWSEnv, instance)
	} else if _, err := exec.LookPath("curl"); err == nil {
		command = fmt.Sprintf("(. %s; curl -s --aws-sigv4 aws:amz:%s:ec2 --user $AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY $AWS_ENDPOINT_URL/ -d Action=TerminateInstances -d Version=2016-11-15 -d InstanceId.1=%s)",
			c.AWSEnv, emulatedRegion, instance)
	}
	if c.WorkloadProxy != "" {
		fmt.Fprintf(text, "  HTTPS_PROXY=%s kubectl --kubeconfig=FILE get nodes      # for clusters of your own, FILE of clusterctl get kubeconfig\n", c.WorkloadProxy)
	}
	if command != "" {
		fmt.Fprintf(text, "  %s\n  kubectl get machines -w      # AWS lost a worker; the health check has it replaced\n", command)
	}
}

// forInstance names AWS's own tool where it is installed.
func forInstance() string {
	if _, err := exec.LookPath("aws"); err != nil {
		return ""
	}
	return ", for instance: aws ec2 describe-vpcs"
}

// downCommand is how the cluster in a folder is stopped: the command itself is on nobody's PATH.
func downCommand(dir, repo string) string {
	if repo == "" {
		return "devcluster down --dir " + dir
	}
	if dir == filepath.Join(repo, "_run") {
		return "make -C " + repo + " down"
	}
	return "go -C " + filepath.Join(repo, "hack") + " run ./cmd/devcluster down --dir " + dir
}
