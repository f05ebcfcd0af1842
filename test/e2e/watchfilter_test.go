package e2e

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// filtered gives all objects of ours in a manifest the label of a watch filter.
func filtered(filter, manifest string) string {
	const ours = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\n"
	documents := strings.Split(manifest, "---\n")
	for i, d := range documents {
		if !strings.HasPrefix(d, ours) {
			continue
		}
		label := clusterv1.WatchLabel + ": " + filter
		if labelled := strings.Replace(d, "labels: {", "labels: {"+label+", ", 1); labelled != d {
			documents[i] = labelled
			continue
		}
		documents[i] = strings.Replace(d, "metadata:\n", "metadata:\n  labels: {"+label+"}\n", 1)
	}
	return strings.Join(documents, "---\n")
}

// divided is a cluster that the server with the filter of the same name acts on.
type divided struct {
	*world
	ns, name string
}

// pool is its pool's name, which is unique in the account.
func (d divided) pool() string { return d.name + "-pool" }

// build makes a cluster with two machines and a pool.
func (d divided) build() {
	d.t.Helper()
	d.apply(d.ns, filtered(d.name, quickStartIn(d.name, region, oneZone)))
	d.waitReady(d.ns, d.name)
	for i, name := range []string{"stays", "goes"} {
		d.apply(d.ns, filtered(d.name, machine(d.name, name, i == 0)))
	}
	d.apply(d.ns, filtered(d.name, pool(d.name, d.pool(), "t3.large", 1)))
	d.waitMachines(d.ns, "stays", "goes")
	d.eventually("the pool is ready", func(ctx context.Context) error { return d.poolIsReady(ctx, d.ns, d.pool(), 1) })
}

// disturb changes all that tells a server that it might have to act, and returns the id of
// an instance that it ended.
func (d divided) disturb() string {
	d.t.Helper()
	ctx := context.Background()
	id := instanceID(d.storedMachine(ctx, d.ns, "stays"))
	_, err := d.ec2().TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
	must(d.t, err)
	for _, object := range []string{"awscluster/" + d.name, "awsmachine/stays", "awsmachinepool/" + d.pool()} {
		d.kubectl("patch", object, "-n", d.ns, "--type=merge", "-p", `{"spec": {"additionalTags": {"team": "a"}}}`)
	}
	for _, object := range []string{"cluster/" + d.name, "machine/stays", "machinepool/" + d.pool(), "awsclustercontrolleridentity/default"} {
		d.kubectl("annotate", object, "-n", d.ns, "--overwrite", "touched="+d.name)
	}
	d.kubectl("scale", "machinepool/"+d.pool(), "-n", d.ns, "--replicas=2")
	d.kubectl("delete", "machine/goes", "-n", d.ns, "--wait=false")
	return id
}

// followed tells that all of it was acted on.
func (d divided) followed(ctx context.Context) error {
	if err := d.poolIsReady(ctx, d.ns, d.pool(), 2); err != nil {
		return err
	}
	for _, r := range d.own() {
		if r.Type == "vpc" && r.Tags["team"] != "a" {
			return fmt.Errorf("the VPC's tags are %v", r.Tags)
		}
	}
	if err := d.client.Get(ctx, client.ObjectKey{Namespace: d.ns, Name: "goes"}, &infrav1.AWSMachine{}); !apierrors.IsNotFound(err) {
		return fmt.Errorf("reading the deleted machine gives %w", cmp.Or(err, errors.New("the machine")))
	}
	return nil
}

// own is all that is tagged as the cluster's.
func (d divided) own() []emulator.Record {
	d.t.Helper()
	var all []emulator.Record
	for _, r := range d.records() {
		if r.Tags["sigs.k8s.io/cluster-api-provider-aws/cluster/"+d.name] == "owned" {
			all = append(all, r)
		}
	}
	if len(all) == 0 {
		d.t.Fatalf("nothing is tagged as %s's", d.name)
	}
	return all
}

// keepsTo fails for each change by the server that names what is the other's.
func (d divided) keepsTo(other divided) {
	d.t.Helper()
	var theirs []string
	for _, r := range other.own() {
		theirs = append(theirs, r.ID)
	}
	foreign := slices.DeleteFunc(d.aws.Changes(theirs...), func(e emulator.Entry) bool { return e.AccessKey != d.key })
	if len(foreign) > 0 {
		d.t.Errorf("the server of %s changed what is %s's:\n%s", d.name, other.name, wrote(foreign))
	}
	if changes := d.aws.Changes(); !slices.ContainsFunc(changes, func(e emulator.Entry) bool { return e.AccessKey == d.key }) {
		d.t.Errorf("the server of %s changed nothing at all", d.name)
	}
}

// Two servers share a host, a store and an account, and each acts on the objects of its own
// filter only, whatever changes; on one of neither nobody acts.
func TestWatchFiltersDivideTheObjects(t *testing.T) {
	servers := newReplicas(t, "blue", "green")
	blue, green := divided{servers[0], servers[0].namespace(), "blue"}, divided{servers[1], servers[1].namespace(), "green"}
	nobodys := blue.namespace()
	blue.apply(nobodys, filtered("red", quickStartIn("red", region, oneZone)))
	blue.build()
	green.build()
	blue.keepsTo(green)
	green.keepsTo(blue)

	blue.waitStill()
	green.terminate()
	ended := green.disturb()
	var before records
	blue.eventually("AWS has ended the instance", func(context.Context) error {
		if before = blue.records(); slices.Contains(before.ids(), ended) {
			return fmt.Errorf("%s is still there", ended)
		}
		return nil
	})
	blue.aws.ClearLog()
	time.Sleep(2 * stillness)
	if changes := blue.aws.Changes(); len(changes) > 0 {
		t.Errorf("one server acted on what is the other's:\n%s", wrote(changes))
	}
	blue.stayed(t, before)

	green.launch()
	green.waitReadyz()
	green.eventually("the server catches up with what changed", green.followed)
	blue.disturb()
	blue.eventually("the other one follows too", blue.followed)
	blue.keepsTo(green)
	green.keepsTo(blue)

	var red infrav1.AWSCluster
	must(t, blue.client.Get(context.Background(), client.ObjectKey{Namespace: nobodys, Name: "red"}, &red))
	if len(red.Finalizers) > 0 || red.Spec.Network.VPC.ID != "" {
		t.Errorf("somebody acted on an object that no filter takes: %s", pretty(red))
	}
	for _, d := range []divided{blue, green} {
		d.kubectl("delete", "machines,machinepools", "-n", d.ns, "--all", "--wait=false")
	}
	blue.kubectl("delete", "cluster", "-n", nobodys, "red")
	blue.kubectl("delete", "cluster", "-n", blue.ns, blue.name, "--timeout="+patience.String())
	green.deleteCluster(green.ns, green.name)
}
