package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// quickStart is what users have in Git: a Cluster whose references name old
// versions, and an AWSCluster with the commonest settings.
func quickStart(name string) string {
	return quickStartIn(name, region, "")
}

// quickStartIn adds lines to the AWSCluster's spec.
func quickStartIn(name, region, more string) string {
	return fmt.Sprintf(`apiVersion: cluster.x-k8s.io/v1beta1
kind: Cluster
metadata:
  labels: {ccm: external, csi: external}
  name: %[1]s
spec:
  clusterNetwork:
    pods:
      cidrBlocks: [192.168.0.0/16]
  infrastructureRef:
    apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
    kind: AWSCluster
    name: %[1]s
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSCluster
metadata:
  name: %[1]s
spec:
  controlPlaneLoadBalancer:
    loadBalancerType: nlb
    healthCheckProtocol: HTTPS
  region: %[2]s
  sshKeyName: default
%[3]s`, name, region, indent(more))
}

func indent(lines string) string {
	if lines == "" {
		return ""
	}
	return "  " + strings.ReplaceAll(strings.TrimSpace(lines), "\n", "\n  ") + "\n"
}

// corpusTemplate is the Cluster and AWSCluster of a published template, as they
// are, where the checkout has such templates beside it.
func corpusTemplate(t *testing.T, name string) (string, bool) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(corpus(), "cluster-template.yaml"))
	if err != nil {
		return "", false
	}
	filled := os.Expand(string(text), func(variable string) string {
		return map[string]string{
			"CLUSTER_NAME": name, "AWS_REGION": region, "AWS_SSH_KEY_NAME": "default", "KUBERNETES_VERSION": "v1.34.2",
			"CONTROL_PLANE_MACHINE_COUNT": "3", "WORKER_MACHINE_COUNT": "3",
			"AWS_CONTROL_PLANE_MACHINE_TYPE": "t3.large", "AWS_NODE_MACHINE_TYPE": "t3.large",
		}[variable]
	})
	var wanted []string
	kind := regexp.MustCompile(`(?m)^kind: (Cluster|AWSCluster)$`)
	for _, document := range strings.Split(filled, "\n---\n") {
		if kind.MatchString(document) {
			wanted = append(wanted, document)
		}
	}
	return strings.Join(wanted, "\n---\n"), true
}

// corpus is the folder of published templates, which may be there or not.
func corpus() string {
	if dir := os.Getenv("CAPA_CORPUS_DIR"); dir != "" {
		return dir
	}
	return filepath.Join(suite.root, "..", "shared", "corpus")
}
