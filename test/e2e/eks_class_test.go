package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// eksClass is a ClusterClass of EKS clusters with managed node groups.
const eksClass = `
apiVersion: cluster.x-k8s.io/v1beta2
kind: ClusterClass
metadata: {name: eks}
spec:
  infrastructure: {templateRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSManagedClusterTemplate, name: eks}}
  controlPlane: {templateRef: {apiVersion: controlplane.cluster.x-k8s.io/v2beta1, kind: AWSManagedControlPlaneTemplate, name: eks}}
  workers:
    machinePools:
    - class: nodes
      bootstrap: {templateRef: {apiVersion: bootstrap.cluster.x-k8s.io/v2beta1, kind: NodeadmConfigTemplate, name: eks}}
      infrastructure: {templateRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSManagedMachinePoolTemplate, name: eks}}
  variables:
  - name: maxSize
    required: true
    schema: {openAPIV3Schema: {type: integer, default: 3}}
  - name: role
    required: true
    schema: {openAPIV3Schema: {type: string, default: worker}}
  patches:
  - name: nodes
    definitions:
    - selector: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSManagedMachinePoolTemplate, matchResources: {machinePoolClass: {names: [nodes]}}}
      jsonPatches:
      - {op: add, path: /spec/template/spec/scaling, valueFrom: {template: "{minSize: 1, maxSize: {{ .maxSize }}}"}}
      - {op: add, path: /spec/template/spec/labels, valueFrom: {template: "{example.com/role: {{ .role }}}"}}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSManagedClusterTemplate
metadata: {name: eks}
spec: {template: {spec: {}}}
---
apiVersion: controlplane.cluster.x-k8s.io/v2beta1
kind: AWSManagedControlPlaneTemplate
metadata: {name: eks}
spec: {template: {spec: {region: us-east-1}}}
---
apiVersion: bootstrap.cluster.x-k8s.io/v2beta1
kind: NodeadmConfigTemplate
metadata: {name: eks}
spec: {template: {spec: {}}}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSManagedMachinePoolTemplate
metadata: {name: eks}
spec: {template: {spec: {amiType: AL2023_x86_64_STANDARD, instanceType: m5.large}}}
`

// The versions that the nodes will say. Cluster API compares a topology's version with these as they are, and takes a pool
// whose nodes say another one, be it by EKS's suffix, for one that is still upgrading.
const firstVersion, nextVersion = "v1.34.3-eks-cb19647", "v1.35.3-eks-cb19647"

// eksTopology is a Cluster of the class.
func eksTopology(name, version, role string) string {
	return fmt.Sprintf(`
apiVersion: cluster.x-k8s.io/v1beta2
kind: Cluster
metadata: {name: %s}
spec:
  topology:
    classRef: {name: eks}
    version: %s
    variables: [{name: maxSize, value: 4}, {name: role, value: %s}]
    workers: {machinePools: [{class: nodes, name: np, replicas: 2}]}
`, name, version, role)
}

// asTopologyDoes marks templates as Cluster API's topology controller does in its dry runs, which may change them.
func asTopologyDoes(manifest string) string {
	return strings.ReplaceAll(manifest, "Template\nmetadata: {name: eks}", `Template
metadata: {name: eks, annotations: {topology.cluster.x-k8s.io/dry-run: ""}}`)
}

// stored are the versions of all that a namespace has of ours and of Cluster API's.
func (e *eksCluster) stored() string {
	return e.w.kubectl("get", "clusterclass,awsmanagedcluster,awsmanagedclustertemplate,awsmanagedcontrolplane,awsmanagedcontrolplanetemplate,awsmanagedmachinepool,"+
		"awsmanagedmachinepooltemplate,nodeadmconfig,nodeadmconfigtemplate", "-n", e.namespace, "-o", `jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.uid} {.metadata.generation}{"\n"}{end}`)
}

// TestEKSClusterClass takes a cluster of a ClusterClass with managed node groups through its life. Dry runs, of which
// Cluster API makes many, write nothing.
func TestEKSClusterClass(t *testing.T) {
	w := newWorld(t)
	e := w.newEKSCluster("topology")
	if out := w.apply(e.namespace, eksClass, "--dry-run=server"); strings.Contains(out, "Warning") {
		t.Errorf("the class is warned of: %s", out)
	}
	if out := e.stored(); out != "" || w.mutations() != 0 {
		t.Errorf("a dry run wrote %q and made %d calls that change AWS", out, w.mutations())
	}
	w.apply(e.namespace, eksClass)
	w.apply(e.namespace, eksTopology(e.cluster, firstVersion, "worker"))
	timed(t, "the cluster is available", e.waitAvailable)
	kubeconfig := e.kubeconfig()
	var old []node
	timed(t, "2 nodes join", func() { old = e.waitNodes(kubeconfig, 2, "v1.34", "example.com/role=worker") })
	stored, calls := e.stored(), w.mutations()
	w.apply(e.namespace, eksTopology(e.cluster, nextVersion, "web"), "--dry-run=server")
	w.apply(e.namespace, asTopologyDoes(strings.ReplaceAll(eksClass, "m5.large", "m5.xlarge")), "--dry-run=server", "--server-side", "--field-manager=plan", "--force-conflicts")
	if now := e.stored(); now != stored || w.mutations() != calls {
		t.Errorf("dry runs made %d calls that change AWS, and of\n%s\nthis:\n%s", w.mutations()-calls, stored, now)
	}
	timed(t, "a variable reaches the nodes", func() {
		w.apply(e.namespace, eksTopology(e.cluster, firstVersion, "web"))
		e.waitNodes(kubeconfig, 2, "v1.34", "example.com/role=web")
	})
	timed(t, "control plane and nodes are of the next version", func() {
		w.apply(e.namespace, eksTopology(e.cluster, nextVersion, "web"))
		e.waitVersion(nextVersion)
		if nodes := e.waitNodes(kubeconfig, 2, "v1.35", "example.com/role=web"); !none(nodes, old) {
			t.Errorf("nodes %v are of before: %v", nodes, old)
		}
	})
	timed(t, "all is gone", func() { w.deleteCluster(e.namespace, e.cluster) })
}
