package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// The boundaries in the life of an EKS cluster, in the order in which each becomes possible.
var (
	eksCreationKills = []kill{
		{"CreateCluster", emulator.Hold},
		{"CreateCluster", emulator.HoldAfter},
		{"CreateAddon", emulator.HoldAfter},
		{"CreateAccessEntry", emulator.HoldAfter},
		{"AssociateAccessPolicy", emulator.HoldAfter},
		{"CreateOpenIDConnectProvider", emulator.HoldAfter},
	}
	eksUpdateKills = []kill{
		{"UpdateClusterConfig", emulator.Hold},
		{"UpdateClusterConfig", emulator.HoldAfter},
		{"UpdateClusterVersion", emulator.HoldAfter},
		{"UpdateAddon", emulator.HoldAfter},
	}
	eksDeletionKills = []kill{
		{"DeleteCluster", emulator.Hold},
		{"DeleteCluster", emulator.HoldAfter},
		{"DeleteOpenIDConnectProvider", emulator.HoldAfter},
	}
)

// eksWithParts is an EKS cluster with something of each kind below it.
const eksWithParts = `
apiVersion: cluster.x-k8s.io/v1beta2
kind: Cluster
metadata: {name: eks}
spec:
  infrastructureRef: {apiGroup: controlplane.cluster.x-k8s.io, kind: AWSManagedControlPlane, name: eks-control-plane}
  controlPlaneRef: {apiGroup: controlplane.cluster.x-k8s.io, kind: AWSManagedControlPlane, name: eks-control-plane}
---
apiVersion: controlplane.cluster.x-k8s.io/v2beta1
kind: AWSManagedControlPlane
metadata: {name: eks-control-plane}
spec:
  region: us-east-1
  version: v1.33
  associateOIDCProvider: true
  logging: {audit: true}
  accessConfig: {authenticationMode: api_and_config_map}
  addons: [{name: vpc-cni}, {name: eks-pod-identity-agent}]
  accessEntries:
  - principalARN: arn:aws:iam::123456789012:role/alice
    type: standard
    accessPolicies: [{policyARN: "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy", accessScope: {type: cluster}}]
`

// changedEKS asks for an update of each kind.
const changedEKS = `{"spec": {"version": "v1.34", "logging": {"audit": true, "apiServer": true}, "additionalTags": {"team": "a"},
	"addons": [{"name": "vpc-cni", "configuration": "{\"env\":{\"WARM_IP_TARGET\":\"3\"}}"}, {"name": "eks-pod-identity-agent"}]}}`

// eks is a client of the emulated account like any AWS tool's.
func (w *world) eks() *awseks.Client { return awseks.NewFromConfig(w.awsConfig()) }

func (w *world) aRole(name string) {
	w.t.Helper()
	_, err := iam.NewFromConfig(w.awsConfig()).CreateRole(context.Background(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
	must(w.t, err)
}

// awsCluster is the EKS cluster as AWS has it.
func (e *eksCluster) awsCluster() *ekstypes.Cluster {
	e.w.t.Helper()
	out, err := e.w.eks().DescribeCluster(context.Background(), &awseks.DescribeClusterInput{Name: aws.String(e.eksName())})
	must(e.w.t, err)
	return out.Cluster
}

func (e *eksCluster) eksName() string { return e.namespace + "_" + e.cluster + "-control-plane" }

// waitAsWanted waits until everything is as the spec says, add-ons and access included.
func (e *eksCluster) waitAsWanted(also func() error) {
	e.w.t.Helper()
	e.w.eventually("the control plane is as wanted", func(ctx context.Context) error {
		cp, err := e.awsControlPlane(ctx)
		if err != nil {
			return err
		}
		if err := allWell(cp.Status.Conditions); err != nil {
			return err
		}
		return also()
	})
}

// TestSIGKILLAtEveryBoundaryOfAnEKSClusterMakesOneOfEverything kills the server again and
// again while an EKS cluster comes up, is changed, and goes.
func TestSIGKILLAtEveryBoundaryOfAnEKSClusterMakesOneOfEverything(t *testing.T) {
	w := newWorld(t, "--creation-grace=5s", "--sweep-period=5s", "--eks-sweep-period=10s")
	e := w.newEKSCluster("eks")
	w.aRole("alice")
	before := w.inventory()
	// Updates last longer than a restart, so that the next process finds them under way.
	w.aws.Configure(func(c *emulatorConfig) { c.ClusterUpdateDelay = 10 * time.Second })

	w.survive(eksCreationKills, func() { w.apply(e.namespace, eksWithParts) })
	e.waitAsWanted(func() error { return nil })
	w.survive(eksUpdateKills, func() {
		w.kubectl("patch", "awsmanagedcontrolplane", "-n", e.namespace, e.cluster+"-control-plane", "--type=merge", "-p", changedEKS)
	})
	e.waitAsWanted(func() error {
		if c := e.awsCluster(); *c.Version != "1.34" || c.Tags["team"] != "a" {
			return fmt.Errorf("the cluster is %s", pretty(c))
		}
		return nil
	})
	counts := w.inventory()
	for _, kind := range []string{"eks/cluster", "ec2/vpc"} {
		if n := counts[kind] - before[kind]; n != 1 {
			t.Errorf("%d of %s, want 1", n, kind)
		}
	}
	if n := counts["eks/addon"]; n != 2 {
		t.Errorf("%d add-ons, want 2", n)
	}
	for operation, want := range map[string]int{"CreateCluster": 1, "UpdateClusterConfig": 1, "UpdateClusterVersion": 1} {
		if n := w.effects(operation); n != want {
			t.Errorf("%s was done %d times, want %d", operation, n, want)
		}
	}
	w.survive(eksDeletionKills, func() { w.kubectl("delete", "cluster", "-n", e.namespace, e.cluster, "--wait=false") })
	e.eventually("the account is as before", func(context.Context) error {
		for kind, n := range w.inventory() {
			if n != before[kind] {
				return fmt.Errorf("there are %d of %s, before there were %d", n, kind, before[kind])
			}
		}
		return nil
	})
}

// effects are how many updates of a kind, or clusters, AWS made: a request that came again
// with its token made none.
func (w *world) effects(operation string) int {
	ids := map[string]bool{}
	for _, entry := range w.aws.Log() {
		if entry.Service == "eks" && entry.Operation == operation && (entry.Outcome == "ok" || entry.Outcome == "dropped-after-effect") {
			ids[fmt.Sprint(entry.Resources)] = true
		}
	}
	return len(ids)
}
