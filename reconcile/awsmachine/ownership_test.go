package awsmachine

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

// changes counts the calls that changed anything in AWS.
func (w *world) changes() map[string]int {
	counts := map[string]int{}
	for op, n := range w.AWS.Counts() {
		_, name, _ := strings.Cut(op, ".")
		reads := false
		for _, verb := range []string{"Describe", "Get", "List", "Head"} {
			reads = reads || strings.HasPrefix(name, verb)
		}
		if !reads {
			counts[op] = n
		}
	}
	return counts
}

// recording gives a machine the id of an instance, as its user may.
func recording(id string) func(*infrav1.AWSMachine, *clusterv1.Machine) {
	return func(obj *infrav1.AWSMachine, _ *clusterv1.Machine) {
		obj.Spec.InstanceID, obj.Spec.ProviderID = aws.String(id), aws.String("aws:///us-east-1a/"+id)
	}
}

// TestAnInstanceOfSomebodyElseIsLeftAlone has machines name instances that aren't
// theirs: another machine's, nobody's, and one that the cluster of another name made.
func TestAnInstanceOfSomebodyElseIsLeftAlone(t *testing.T) {
	for name, victim := range map[string]func(w *world) string{
		"another machine's": func(w *world) string {
			w.machine("victim", plainData, controlPlane)
			w.settle("victim", w.ready("victim"))
			return aws.ToString(w.get("victim").Spec.InstanceID)
		},
		"without tags": func(w *world) string {
			w.foreignInstance()
			return aws.ToString(w.instances()[0].InstanceId)
		},
		"of a Machine in another namespace that lives no more": func(w *world) string {
			w.foreignInstance()
			id := aws.ToString(w.instances()[0].InstanceId)
			w.tag(id, map[string]string{names.TagOwnedPrefix + testName: "owned", names.TagUID: "gone", "MachineName": "other/m1"})
			return id
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := victim(w)
			w.Pass(2 * time.Minute)
			w.AWS.ResetCounts()
			w.machine("thief", plainData, controlPlane, recording(id))
			for range 10 {
				_, err := w.reconcile("thief")
				w.Must(err)
				w.Pass(3 * time.Second)
			}
			obj := w.get("thief")
			if m := w.message("thief", infrav1.InstanceReadyCondition); w.reason("thief", infrav1.InstanceReadyCondition) != infrav1.InstanceForeignReason || !strings.Contains(m, id) {
				t.Errorf("it says %s", w.describe("thief"))
			}
			if len(obj.Status.Addresses) > 0 || obj.Status.InstanceState != nil || obj.Status.Ready {
				t.Errorf("it shows %+v", obj.Status)
			}
			w.delete("thief")
			if changed := w.changes(); len(changed) > 0 {
				t.Errorf("AWS was changed: %v", changed)
			}
		})
	}
}

func (w *world) tag(id string, tags map[string]string) {
	w.T.Helper()
	_, err := w.ec2().CreateTags(context.Background(), &ec2.CreateTagsInput{Resources: []string{id}, Tags: instance.TagList(tags)})
	w.Must(err)
}

// move replaces an object by itself with another UID and without status, as clusterctl
// move and restores do.
func (w *world) move(name string) {
	w.T.Helper()
	obj := w.get(name)
	next := &infrav1.AWSMachine{ObjectMeta: obj.ObjectMeta, Spec: obj.Spec}
	obj.Finalizers = nil
	w.Must(w.Kube.Update(context.Background(), obj))
	w.Must(w.Kube.Delete(context.Background(), obj))
	next.UID, next.ResourceVersion, next.Finalizers = types.UID("moved-"+name), "", nil
	w.Must(w.Kube.Create(context.Background(), next))
}

// TestAMovedMachineKeepsWhatItHasAndLeaksNothing covers its instance, address and host.
func TestAMovedMachineKeepsWhatItHasAndLeaksNothing(t *testing.T) {
	w := newWorld(t)
	before := w.Resources()
	w.machine("m1", plainData, pooledAddress)
	w.machine("m2", plainData, dynamicHost)
	for _, name := range []string{"m1", "m2"} {
		w.settle(name, w.ready(name))
	}
	w.Pass(2 * time.Minute)
	address := aws.ToString(w.machineAddresses()[0].PublicIp)
	w.AWS.ResetCounts()
	for _, name := range []string{"m1", "m2"} {
		w.move(name)
		w.settle(name, w.ready(name))
	}
	w.Pass(time.Minute)
	for _, name := range []string{"m1", "m2"} {
		_, err := w.reconcile(name)
		w.Must(err)
	}
	changed := w.changes()
	if changed["ec2.CreateTags"] == 0 || len(changed) != 1 {
		t.Errorf("the changes were %v, want only tags", changed)
	}
	if list := w.machineAddresses(); len(list) != 1 || aws.ToString(list[0].PublicIp) != address || instance.Tag(list[0].Tags, names.TagUID) != "moved-m1" {
		t.Errorf("the addresses are %+v", list)
	}
	for _, i := range w.instances() {
		if want := "moved-" + instance.Tag(i.Tags, "Name"); instance.Tag(i.Tags, names.TagUID) != want {
			t.Errorf("the instance's tags are %v", i.Tags)
		}
	}
	w.delete("m1")
	w.delete("m2")
	w.nothingLeft(before)
}

// TestAMachineThatWasMovedAndDeletedAtOnceLeaksNothing doesn't let the tags be rewritten first.
func TestAMachineThatWasMovedAndDeletedAtOnceLeaksNothing(t *testing.T) {
	w := newWorld(t)
	before := w.Resources()
	w.machine("m1", plainData, pooledAddress)
	w.machine("m2", plainData, dynamicHost)
	for _, name := range []string{"m1", "m2"} {
		w.settle(name, w.ready(name))
		w.move(name)
		obj := w.get(name)
		obj.Finalizers = []string{infrav1.MachineFinalizer}
		w.Must(w.Kube.Update(context.Background(), obj))
		w.delete(name)
	}
	w.nothingLeft(before)
}

// TestASecretOfSomebodyElseIsLeftAlone writes down the prefixes of other people's
// secrets and parameters.
func TestASecretOfSomebodyElseIsLeftAlone(t *testing.T) {
	const former = "cluster.x-k8s.io/0b7e3a52-93e8-4c8c-9a63-1fb4c6d3a001"
	for name, x := range map[string]struct {
		backend infrav1.SecretBackend
		prefix  string
	}{
		"secret":                {infrav1.SecretBackendSecretsManager, "prod/db"},
		"parameter":             {infrav1.SecretBackendSSMParameterStore, "/prod/db"},
		"another's secret":      {infrav1.SecretBackendSecretsManager, "aws." + former},
		"another's parameter":   {infrav1.SecretBackendSSMParameterStore, "/" + former},
		"a prefix of this form": {infrav1.SecretBackendSecretsManager, "aws." + former + "/.."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ctx := context.Background()
			_, err := w.Session().SecretsManager.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String(x.prefix + "-0"), SecretString: aws.String("theirs")})
			w.Must(err)
			if x.backend == infrav1.SecretBackendSSMParameterStore {
				_, err = w.Session().SSM.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String(x.prefix + "/0"), Value: aws.String("theirs"), Type: ssmtypes.ParameterTypeString})
				w.Must(err)
			}
			before := w.Resources()
			w.machine("m1", func(obj *infrav1.AWSMachine, _ *clusterv1.Machine) {
				obj.Spec.CloudInit = &infrav1.CloudInit{SecretPrefix: x.prefix, SecretCount: 1, SecureSecretsBackend: x.backend}
			})
			w.settle("m1", w.ready("m1"))
			if p := w.get("m1").Spec.CloudInit.SecretPrefix; p == x.prefix {
				t.Errorf("its own data is under %s", p)
			}
			w.joined("m1")
			w.settle("m1", func() bool { return w.get("m1").Spec.CloudInit.SecretCount == 0 })
			w.delete("m1")
			w.nothingLeft(before)
			secret, err := w.Session().SecretsManager.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(x.prefix + "-0")})
			if err != nil || aws.ToString(secret.SecretString) != "theirs" {
				t.Errorf("the secret: %v", err)
			}
		})
	}
}

// TestSecretsOfAMovedMachineAreRemovedWhenTheyAreProvenToBeIts moves a machine whose node hasn't joined.
func TestSecretsOfAMovedMachineAreRemovedWhenTheyAreProvenToBeIts(t *testing.T) {
	for _, backend := range []infrav1.SecretBackend{infrav1.SecretBackendSecretsManager, infrav1.SecretBackendSSMParameterStore} {
		t.Run(string(backend), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			before := w.Resources()
			w.machine("m1", func(obj *infrav1.AWSMachine, _ *clusterv1.Machine) {
				obj.Spec.CloudInit = &infrav1.CloudInit{SecureSecretsBackend: backend}
			})
			w.settle("m1", w.ready("m1"))
			w.move("m1")
			w.settle("m1", w.ready("m1"))
			w.joined("m1")
			w.settle("m1", func() bool { return w.get("m1").Spec.CloudInit.SecretCount == 0 })
			w.delete("m1")
			w.nothingLeft(before)
		})
	}
}

// TestALoadBalancerOfSomebodyElseGetsNoTargets has the AWSCluster's status name one
// that isn't tagged as the cluster's.
func TestALoadBalancerOfSomebodyElseGetsNoTargets(t *testing.T) {
	w := newWorld(t)
	_, err := w.Session().ELBv2.RemoveTags(context.Background(), &elbv2.RemoveTagsInput{
		ResourceArns: []string{w.cluster().Status.NetworkStatus.APIServerELB.ARN}, TagKeys: []string{names.TagOwnedPrefix + testName, names.TagUID}})
	w.Must(err)
	w.Pass(time.Minute)
	w.machine("cp1", plainData, controlPlane)
	w.settle("cp1", func() bool { return w.healthy("cp1") })
	if m := w.message("cp1", infrav1.ELBAttachedCondition); !strings.Contains(m, "belongs to") {
		t.Errorf("it says %q", m)
	}
	if targets := w.targets(); len(targets) > 0 {
		t.Errorf("the targets are %v", targets)
	}
	w.delete("cp1")
}

// TestInterfacesOfOthersAreNotTakenOver names interfaces that nothing uses: whose they
// are is for their tags to say.
func TestInterfacesOfOthersAreNotTakenOver(t *testing.T) {
	for name, c := range map[string]struct {
		tags  map[string]string
		taken bool
	}{
		"made by the user":      {map[string]string{"team": "a"}, true},
		"made for the cluster":  {map[string]string{names.TagOwnedPrefix + testName: names.Owned}, true},
		"another cluster's":     {map[string]string{names.TagOwnedPrefix + "other": names.Owned}, false},
		"another live object's": {map[string]string{names.TagOwnedPrefix + testName: names.Owned, names.TagUID: "of the cluster"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if uid := c.tags[names.TagUID]; uid != "" {
				c.tags[names.TagUID] = string(w.cluster().UID)
			}
			subnet := w.cluster().Spec.Network.Subnets[0].ResourceID
			var tags []ec2types.Tag
			for k, v := range c.tags {
				tags = append(tags, ec2types.Tag{Key: aws.String(k), Value: aws.String(v)})
			}
			out, err := w.Session().EC2.CreateNetworkInterface(context.Background(), &ec2.CreateNetworkInterfaceInput{SubnetId: aws.String(subnet),
				TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeNetworkInterface, Tags: tags}}})
			w.Must(err)
			id := aws.ToString(out.NetworkInterface.NetworkInterfaceId)
			w.machine("m1", plainData, func(m *infrav1.AWSMachine, _ *clusterv1.Machine) { m.Spec.NetworkInterfaces = []string{id} })
			if c.taken {
				w.settle("m1", w.ready("m1"))
				return
			}
			for range 3 {
				_, _ = w.reconcile("m1")
				w.Pass(3 * time.Second)
			}
			if m := w.message("m1", infrav1.InstanceReadyCondition); !strings.Contains(m, "spec.networkInterfaces: network interface "+id+" belongs to") {
				t.Errorf("it says %q", m)
			}
			if n := len(w.instances()); n != 0 {
				t.Errorf("%d instances were launched", n)
			}
		})
	}
}

// decoy makes an AWSMachine in another namespace that says it is the one of the name and
// its cluster, and where withCluster has it so, a Cluster of that name beside it.
func (w *world) decoy(name string, withCluster bool) {
	w.T.Helper()
	decoy := w.get(name)
	decoy.ObjectMeta = metav1.ObjectMeta{Namespace: "rival", Name: name, UID: "uid-of-decoy", Labels: map[string]string{clusterv1.ClusterNameLabel: testName},
		CreationTimestamp: metav1.NewTime(decoy.CreationTimestamp.Add(-time.Hour)), Annotations: map[string]string{clusterv1.PausedAnnotation: ""}}
	w.Make(decoy)
	if withCluster {
		w.Make(&clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: "rival", Name: testName, UID: "owner-of-decoy"}})
	}
}

func TestARestoredMachineIsNotKeptFromItsInstanceByADecoy(t *testing.T) {
	for name, withCluster := range map[string]bool{"without a Cluster": false, "with a Cluster": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.machine("m1", plainData)
			w.settle("m1", w.ready("m1"))
			w.Pass(2 * time.Minute)
			w.decoy("m1", withCluster)
			w.AWS.ResetCounts()
			w.move("m1")
			w.settle("m1", w.ready("m1"))
			if changed := w.changes(); changed["ec2.CreateTags"] == 0 || len(changed) != 1 {
				t.Errorf("the changes were %v, want only tags", changed)
			}
		})
	}
}

func TestARunningMachineStaysReadyWhileADecoyClaimsItsInstance(t *testing.T) {
	w := newWorld(t)
	w.machine("m1", plainData)
	w.settle("m1", w.ready("m1"))
	_, err := w.ec2().DeleteTags(context.Background(), &ec2.DeleteTagsInput{Resources: []string{aws.ToString(w.get("m1").Spec.InstanceID)},
		Tags: []ec2types.Tag{{Key: aws.String(names.TagUID)}, {Key: aws.String(names.TagNamespace)}}})
	w.Must(err)
	w.Pass(2 * time.Minute)
	w.decoy("m1", true)
	w.AWS.ResetCounts()
	for range 5 {
		_, err := w.reconcile("m1")
		w.Must(err)
		w.Pass(30 * time.Second)
	}
	if obj := w.get("m1"); !meta.IsStatusConditionTrue(obj.Status.Conditions, infrav1.ReadyCondition) || !obj.Status.Ready || obj.Status.InstanceState == nil {
		t.Errorf("it is %s", w.describe("m1"))
	}
	if m := w.message("m1", infrav1.InstanceReadyCondition); !strings.Contains(m, "AWSMachine in another namespace as much as of this object") {
		t.Errorf("it says %q", m)
	}
	if changed := w.changes(); len(changed) > 0 {
		t.Errorf("AWS was changed: %v", changed)
	}
}
