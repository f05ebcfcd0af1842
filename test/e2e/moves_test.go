package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	gocmp "github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/cli"
	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/takeover"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// tagUID is the one tag that a move writes.
const tagUID = "capa-apiserver.cluster.x-k8s.io/uid"

// tagNamespace goes with it.
const tagNamespace = "capa-apiserver.cluster.x-k8s.io/namespace"

// movable are the kinds of what moves, dependents last.
var movable = []string{"clusters", "awsclusters", "awsmanagedcontrolplanes", "machinepools", "machines", "awsmachinepools", "awsmachines"}

// letGo is what clusterctl says of what it deletes after a move.
const letGo = `{"metadata": {"annotations": {"clusterctl.cluster.x-k8s.io/delete-for-move": ""}}}`

// owning are those of them that own something in AWS.
const owning = "awsclusters,awsmanagedcontrolplanes,awsmachines,awsmachinepools"

// TestMovesWriteNothingButUIDTags takes a cluster that has one of everything through a
// move by clusterctl, and through a restore of a backup, after both of which its objects
// have other UIDs and no status.
func TestMovesWriteNothingButUIDTags(t *testing.T) {
	m := &moved{world: newWorld(t, "--sweep-period=3s", "--instance-sweep-period=3s", "--creation-grace=5s"), cluster: "nomad"}
	m.ns = m.namespace()
	timed(t, "a cluster with one of everything", m.settle)
	uids := m.uids()
	before := m.contents()
	for _, step := range []struct {
		name string
		move func(*moved, *testing.T)
	}{
		{"clusterctl move", (*moved).byClusterctl},
		{"a restore without status", (*moved).byBackup},
	} {
		t.Run(step.name, func(t *testing.T) {
			m.aws.ClearLog()
			timed(t, "the objects are others", func() { step.move(m, t) })
			timed(t, "all is ready again", m.waitAll)
			m.waitQuiet()
			if now := m.uids(); slices.ContainsFunc(now, func(uid string) bool { return slices.Contains(uids, uid) }) {
				t.Errorf("the UIDs are %v, were %v", now, uids)
			} else {
				uids = now
			}
			if calls := slices.DeleteFunc(m.aws.Changes(), writesUIDTag); len(calls) > 0 {
				t.Errorf("there were other writes:\n%s", wrote(calls))
			}
			if diff := gocmp.Diff(before, m.contents()); diff != "" {
				t.Errorf("AWS has something else:\n%s", diff)
			}
			m.tagged(t, uids)
		})
	}
	t.Run("deleting the cluster leaves nothing", func(t *testing.T) {
		m.kubectl("delete", "machines,machinepools", "-n", m.ns, "--all", "--wait=false")
		m.deleteCluster(m.ns, m.cluster)
	})
}

// Clusters of the other forms move as well: with a classic load balancer, in a VPC of somebody's, and on EKS.
func TestMovesOfAllFormsWriteNothingButUIDTags(t *testing.T) {
	w := newWorld(t, "--sweep-period=3s", "--instance-sweep-period=3s", "--creation-grace=5s", "--eks-sweep-period=10s")
	ready := func(m *moved) { m.waitReady(m.ns, m.cluster) }
	for _, form := range []struct {
		name, cluster, manifest string
		wait                    func(*moved)
	}{
		{"classic", "classic", strings.NewReplacer("loadBalancerType: nlb", "loadBalancerType: classic", "    healthCheckProtocol: HTTPS\n", "").Replace(quickStartIn("classic", region, oneZone)), ready},
		{"a VPC of somebody's", "guest", quickStartIn("guest", region, w.ownNetwork()), ready},
		{"EKS", "eks", single, func(m *moved) { (&eksCluster{m.newJoinedCluster(m.ns, "eks")}).waitAvailable() }},
	} {
		t.Run(form.name, func(t *testing.T) {
			m := &moved{world: w, cluster: form.cluster, ns: w.namespace()}
			m.apply(m.ns, form.manifest)
			timed(t, "the cluster", func() { form.wait(m); m.waitQuiet() })
			uids, before := m.uids(), m.contents()
			m.aws.ClearLog()
			m.byBackup(t)
			timed(t, "the cluster, after the move", func() { form.wait(m); m.waitQuiet() })
			now := m.uids()
			if slices.ContainsFunc(now, func(uid string) bool { return slices.Contains(uids, uid) }) {
				t.Errorf("the UIDs are %v, were %v", now, uids)
			}
			if calls := slices.DeleteFunc(m.aws.Changes(), writesUIDTag); len(calls) > 0 {
				t.Errorf("there were other writes:\n%s", wrote(calls))
			}
			if diff := gocmp.Diff(before, m.contents()); diff != "" {
				t.Errorf("AWS has something else:\n%s", diff)
			}
			m.kubectl("delete", "cluster", "-n", m.ns, m.cluster, "--timeout=180s")
		})
	}
}

// ownNetwork makes a VPC with a subnet that the internet reaches, and one that it doesn't, as a
// network of a cluster's.
func (w *world) ownNetwork() string {
	w.t.Helper()
	ctx, cloud := w.t.Context(), w.ec2()
	vpc, err := cloud.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.7.0.0/16")})
	must(w.t, err)
	gateway, err := cloud.CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{})
	must(w.t, err)
	_, err = cloud.AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{InternetGatewayId: gateway.InternetGateway.InternetGatewayId, VpcId: vpc.Vpc.VpcId})
	must(w.t, err)
	table, err := cloud.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: vpc.Vpc.VpcId})
	must(w.t, err)
	_, err = cloud.CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: table.RouteTable.RouteTableId, DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: gateway.InternetGateway.InternetGatewayId})
	must(w.t, err)
	var ids []any
	for _, block := range []string{"10.7.1.0/24", "10.7.2.0/24"} {
		subnet, err := cloud.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String(block), AvailabilityZone: aws.String(region + "a")})
		must(w.t, err)
		ids = append(ids, aws.ToString(subnet.Subnet.SubnetId))
	}
	_, err = cloud.AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{RouteTableId: table.RouteTable.RouteTableId, SubnetId: aws.String(ids[0].(string))})
	must(w.t, err)
	return fmt.Sprintf("network: {vpc: {id: %s}, subnets: [{id: %s}, {id: %s}]}", append([]any{aws.ToString(vpc.Vpc.VpcId)}, ids...)...)
}

// moved is a cluster that has one of everything.
type moved struct {
	*world
	ns, cluster string
	// seen are all UIDs that its objects ever had.
	seen []string
}

func (m *moved) settle() {
	m.apply(m.ns, everything(m.cluster, "cluster-api-provider-aws-"+m.ns))
	m.waitReady(m.ns, m.cluster)
	for _, manifest := range machinesOfAllKinds(m.cluster) {
		m.apply(m.ns, manifest)
	}
	m.apply(m.ns, pool(m.cluster, "workers", "t3.large", 1))
	m.waitAll()
	m.initialize(m.ns, m.cluster, "cp-0")
	m.join(m.ns)
	m.waitStill()
}

// waitAll waits until everything is ready.
func (m *moved) waitAll() {
	m.waitReady(m.ns, m.cluster)
	m.waitMachines(m.ns, kindsOfMachines...)
	m.eventually("the pool is ready", func(ctx context.Context) error {
		p := &infrav1.AWSMachinePool{}
		if err := m.client.Get(ctx, client.ObjectKey{Namespace: m.ns, Name: "workers"}, p); err != nil {
			return err
		}
		if !isReady(p.Status.Conditions) {
			return errors.New(lines(p.Status.Conditions))
		}
		return m.poolIsReady(ctx, m.ns, "workers", 1)
	})
}

// waitQuiet waits until no call changes AWS any more.
func (m *moved) waitQuiet() {
	m.eventually("nothing changes any more", func(context.Context) error {
		before := len(m.aws.Changes())
		time.Sleep(stillness)
		if now := len(m.aws.Changes()); now != before {
			return fmt.Errorf("%d calls changed something", now-before)
		}
		return nil
	})
}

// byClusterctl does what clusterctl does between two management clusters: it writes the
// objects to a folder while they are paused, has the old ones deleted without their
// finalizers, and creates them anew, owners first. In between the folder goes to CAPA's version and back.
func (m *moved) byClusterctl(t *testing.T) {
	folder := t.TempDir()
	m.clusterctl(t, "move", "--to-directory="+folder, "--namespace="+m.ns)
	m.kubectl("patch", "cluster", "-n", m.ns, m.cluster, "--type=merge", "-p", `{"spec": {"paused": true}}`)
	m.forget(letGo)
	for _, to := range []string{takeover.VersionOfCAPA, takeover.VersionOfServer} {
		convertFolder(t, folder, to)
	}
	m.clusterctl(t, "move", "--from-directory="+folder)
}

// convertFolder has clusterawsadm convert what clusterctl wrote, of which nothing may be lost.
func convertFolder(t *testing.T, folder, to string) {
	t.Helper()
	var lost bytes.Buffer
	c := cli.New(strings.NewReader(""))
	c.SetArgs([]string{"convert-moved", folder, "--to", to})
	c.SetErr(&lost)
	if err := c.Execute(); err != nil || lost.Len() > 0 {
		t.Fatalf("to %s: %v\n%s", to, err, &lost)
	}
	machines, err := filepath.Glob(filepath.Join(folder, "AWSMachine_*"))
	must(t, err)
	if len(machines) == 0 {
		t.Fatal("there is no AWSMachine in the folder")
	}
	for _, file := range machines {
		text, err := os.ReadFile(file)
		must(t, err)
		if !strings.Contains(string(text), infrav1.GroupName+"/"+to) {
			t.Errorf("%s isn't at %s:\n%s", file, to, text)
		}
	}
}

// byBackup does what backup tools do: what was saved is created again, with its
// finalizers and without its status, in the order of the kinds' names.
func (m *moved) byBackup(t *testing.T) {
	var saved []unstructured.Unstructured
	for _, kind := range movable {
		var list unstructured.UnstructuredList
		must(t, json.Unmarshal([]byte(m.kubectl("get", kind, "-n", m.ns, "-o", "json")), &list))
		for _, item := range list.Items {
			saved = append(saved, asRestored(item))
		}
	}
	m.kubectl("patch", "cluster", "-n", m.ns, m.cluster, "--type=merge", "-p", `{"spec": {"paused": true}}`)
	m.forget("")
	slices.SortStableFunc(saved, func(a, b unstructured.Unstructured) int { return strings.Compare(a.GetKind(), b.GetKind()) })
	for _, o := range saved {
		text, err := o.MarshalJSON()
		must(t, err)
		if out, err := m.tryKubectl(string(text), "create", "-f", "-"); err != nil {
			t.Fatalf("kubectl create: %s", out)
		}
	}
}

// asRestored is an object as backup tools create it again.
func asRestored(o unstructured.Unstructured) unstructured.Unstructured {
	meta := map[string]any{}
	for _, field := range []string{"name", "namespace", "labels", "annotations", "finalizers"} {
		if value, ok := o.Object["metadata"].(map[string]any)[field]; ok {
			meta[field] = value
		}
	}
	o.Object["metadata"] = meta
	delete(o.Object, "status")
	return o
}

// forget deletes all objects without a word to AWS: their finalizers are taken away.
// Before that they get the patch, if there is one.
func (m *moved) forget(patch string) {
	m.t.Helper()
	for _, kind := range slices.Backward(movable) {
		for _, name := range strings.Fields(m.kubectl("get", kind, "-n", m.ns, "-o", "name")) {
			if patch != "" {
				m.kubectl("patch", "-n", m.ns, name, "--type=merge", "-p", patch)
			}
			m.kubectl("delete", "-n", m.ns, name, "--wait=false", "--cascade=orphan")
			if out, err := m.tryKubectl("", "patch", "-n", m.ns, name, "--type=merge", "-p", `{"metadata": {"finalizers": null}}`); err != nil && !strings.Contains(out, "NotFound") {
				m.t.Fatalf("the finalizers of %s stay: %s", name, out)
			}
		}
	}
	m.eventually("all objects are gone", func(context.Context) error {
		if out := m.kubectl("get", strings.Join(movable, ","), "-n", m.ns, "-o", "name"); out != "" {
			return fmt.Errorf("still there: %s", out)
		}
		return nil
	})
}

// clusterctl runs the real one.
func (m *moved) clusterctl(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(suite.local.Bin, "clusterctl"), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+suite.local.Kubeconfig, "HOME="+t.TempDir(), "CLUSTERCTL_DISABLE_VERSIONCHECK=true")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("clusterctl %s: %v\n%s", strings.Join(args, " "), err, &out)
	}
}

// uids are those of the objects that own something in AWS.
func (m *moved) uids() []string {
	m.t.Helper()
	uids := strings.Fields(m.kubectl("get", owning, "-n", m.ns, "-o", "jsonpath={.items[*].metadata.uid}"))
	m.seen = append(m.seen, uids...)
	return uids
}

// contents is what AWS keeps, but for UIDs that the cluster's objects have or had, and the
// order of tags.
func (m *moved) contents() map[string]string {
	var pairs []string
	for _, uid := range m.seen {
		pairs = append(pairs, uid, "a UID")
	}
	uids, out := strings.NewReplacer(pairs...), map[string]string{}
	for key, r := range m.records() {
		sortTags(r.Content)
		out[key] = uids.Replace(pretty(r))
	}
	return out
}

// sortTags sorts all lists of tags in a record's content.
func sortTags(content any) {
	switch content := content.(type) {
	case map[string]any:
		for _, value := range content {
			sortTags(value)
		}
	case []any:
		key := func(item any) string {
			tag, _ := item.(map[string]any)
			key, _ := tag["Key"].(string)
			return key
		}
		slices.SortStableFunc(content, func(a, b any) int { return strings.Compare(key(a), key(b)) })
		for _, item := range content {
			sortTags(item)
		}
	}
}

// tagged fails for each resource that carries a UID of nobody who lives.
func (m *moved) tagged(t *testing.T, living []string) {
	t.Helper()
	for key, r := range m.records() {
		if uid, ok := r.Tags[tagUID]; ok && !slices.Contains(living, uid) && !isPart(r) {
			t.Errorf("%s carries the UID %s, which is nobody's of %v", key, uid, living)
		}
	}
}

// isPart tells of what AWS makes with something else, and deletes with it: nobody looks at
// its tags.
func isPart(r emulator.Record) bool {
	_, member := r.Tags["aws:autoscaling:groupName"]
	return member || slices.Contains([]string{"volume", "network-interface", "listener"}, r.Type)
}

// tagging are the calls that write tags and nothing else.
var tagging = []string{"ec2.CreateTags", "elbv2.AddTags", "elb.AddTags", "autoscaling.CreateOrUpdateTags",
	"eks.TagResource", "secretsmanager.TagResource", "ssm.AddTagsToResource", "s3.PutBucketTagging", "s3.PutObjectTagging"}

// writesUIDTag tells of a call that writes UID tags. S3 takes all tags of a bucket at
// once; that the others are as they were is seen in the records.
func writesUIDTag(e emulator.Entry) bool {
	if !slices.Contains(tagging, e.Key()) || e.Outcome != "ok" {
		return false
	}
	if e.Key() == "eks.TagResource" {
		tags := map[string]string{}
		err := json.Unmarshal([]byte(e.Params["tags"]), &tags)
		delete(tags, tagNamespace)
		return err == nil && len(tags) == 1 && tags[tagUID] != ""
	}
	keys := 0
	for name, value := range e.Params {
		if strings.HasSuffix(name, "Key") && e.Service != "s3" {
			switch value {
			case tagUID:
				keys++
			case tagNamespace:
			default:
				return false
			}
		}
	}
	return keys > 0 || e.Service == "s3"
}
