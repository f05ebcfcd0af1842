package devcluster

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
)

// Advice tells a person what to try next.
func (c *Cluster) Advice() string {
	var text strings.Builder
	fmt.Fprintf(&text, "\nTry next:\n  export KUBECONFIG=%s PATH=%s:$PATH\n", c.Kubeconfig, c.Bin)
	switch {
	case c.PIDs[build.Server] != 0:
		fmt.Fprintf(&text, "  kubectl get clusters,awsclusters\n  clusterctl describe cluster %s\n", quickstartName)
	case c.PIDs[build.CoreManager] != 0:
		fmt.Fprintf(&text, "  kubectl get clusters -A\n")
	default:
		fmt.Fprintf(&text, "  kubectl get namespaces\n")
	}
	if c.AWSEndpointURL != "" {
		fmt.Fprintf(&text, "  set -a; . %s; set +a      # then any AWS tool, for instance: aws ec2 describe-vpcs\n", c.AWSEnv)
	}
	fmt.Fprintf(&text, "Logs are in %s; \"devcluster down --dir %s\" stops it all.\n", filepath.Clean(c.Logs), c.Dir)
	return text.String()
}
