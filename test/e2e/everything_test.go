package e2e

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// oneZone makes a network small.
const oneZone = "network: {vpc: {availabilityZoneUsageLimit: 1}}"

// everything is a cluster in one zone with all that an AWSCluster can have, and a bucket
// of the name.
func everything(cluster, bucket string) string {
	return quickStartIn(cluster, region, fmt.Sprintf("%s\nbastion: {enabled: true}\ns3Bucket: {name: %s, presignedURLDuration: 24h}", oneZone, bucket))
}

// kindsOfMachines are the names of machinesOfAllKinds.
var kindsOfMachines = []string{"cp-0", "w-pool", "w-host", "w-ssm", "w-ign"}

// machinesOfAllKinds are a control plane, and workers with an address of a pool, with a
// host of their own, with bootstrap data in parameters, and in the cluster's bucket.
func machinesOfAllKinds(cluster string) []string {
	return []string{
		machine(cluster, "cp-0", true),
		machine(cluster, "w-pool", false) + pooledAddress,
		onHosts(machine(cluster, "w-host", false)) + dynamicHost,
		machine(cluster, "w-ssm", false) + "  cloudInit: {secureSecretsBackend: ssm-parameter-store}\n",
		ignition(machine(cluster, "w-ign", false)),
	}
}

const (
	pooledAddress = "  publicIP: true\n  elasticIpPool: {publicIpv4Pool: ipv4pool-ec2-0123456789abcdef0, publicIpv4PoolFallbackOrder: amazon-pool}\n"
	dynamicHost   = "  tenancy: host\n  hostAffinity: host\n  dynamicHostAllocation: {}\n"
)

// onHosts turns a machine into one of a type that hosts are there for.
func onHosts(machine string) string {
	return strings.Replace(machine, "instanceType: t3.large", "instanceType: m5.large", 1)
}

// ignition turns a machine into one whose bootstrap data is in its cluster's bucket.
func ignition(machine string) string {
	return regexp.MustCompile(`(?m)^stringData: .*$`).ReplaceAllString(machine,
		`stringData: {value: '{"ignition": {"version": "3.4.0"}}', format: ignition}`) + "  ignition: {version: \"3.4\", storageType: ClusterObjectStore}\n"
}

// join gives the machines that have none a node in the management cluster, which stands
// in for their own, until the test ends.
func (w *world) join(ns string) {
	w.t.Helper()
	ctx := context.Background()
	for _, m := range w.storedMachines(ctx, ns) {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: ns + "-" + m.Name}, Spec: corev1.NodeSpec{ProviderID: *m.Spec.ProviderID}}
		if err := w.client.Create(ctx, node); err != nil && !apierrors.IsAlreadyExists(err) {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() { _ = w.client.Delete(context.Background(), node) })
	}
	w.eventually("all machines have nodes", func(ctx context.Context) error {
		list := &clusterv1.MachineList{}
		if err := w.client.List(ctx, list, client.InNamespace(ns)); err != nil {
			return err
		}
		for _, m := range list.Items {
			if !m.Status.NodeRef.IsDefined() {
				return fmt.Errorf("%s has none", m.Name)
			}
		}
		return nil
	})
}
