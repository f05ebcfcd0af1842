package awsmachinepool

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	groups "github.com/capa-apiserver/capa-apiserver/reconcile/autoscaling"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// twin makes a cluster of the same name in another namespace, by somebody who wrote
// all that the first one records.
func (w *world) twin(namespace string) {
	w.T.Helper()
	owner := &clusterv1.Cluster{}
	w.Must(w.Kube.Get(w.T.Context(), key(testName), owner))
	cluster := w.cluster()
	for _, meta := range []*metav1.ObjectMeta{&owner.ObjectMeta, &cluster.ObjectMeta} {
		*meta = metav1.ObjectMeta{Namespace: namespace, Name: testName, UID: types.UID(string(meta.UID) + "-in-" + namespace),
			CreationTimestamp: metav1.NewTime(w.Now.Now()), OwnerReferences: meta.OwnerReferences, Labels: meta.Labels}
	}
	cluster.OwnerReferences[0].UID = owner.UID
	status := cluster.Status
	w.Must(w.Kube.Create(w.T.Context(), owner))
	w.Must(w.Kube.Create(w.T.Context(), cluster))
	cluster.Status = status
	w.Must(w.Kube.Status().Update(w.T.Context(), cluster))
}

// records are the group, launch templates and instances as AWS keeps them.
func (w *world) records() []emulator.Record {
	return slices.DeleteFunc(w.AWS.Records(emulator.DefaultAccount, testRegion), func(r emulator.Record) bool {
		return !slices.Contains([]string{"auto-scaling-group", "launch-template", "instance"}, r.Type)
	})
}

// withoutUIDs makes the pool's group and template what another controller made.
func (w *world) withoutUIDs(name string) {
	w.T.Helper()
	_, err := w.Session().EC2.DeleteTags(w.T.Context(), &ec2.DeleteTagsInput{Resources: []string{w.get(name).Status.LaunchTemplateID},
		Tags: []ec2types.Tag{{Key: aws.String(names.TagUID)}, {Key: aws.String(names.TagNamespace)}}})
	w.Must(err)
	_, err = w.Session().AutoScaling.DeleteTags(w.T.Context(), &autoscaling.DeleteTagsInput{Tags: []astypes.Tag{
		{Key: aws.String(names.TagUID), ResourceId: aws.String(name), ResourceType: aws.String("auto-scaling-group")},
		{Key: aws.String(names.TagNamespace), ResourceId: aws.String(name), ResourceType: aws.String("auto-scaling-group")}}})
	w.Must(err)
}

// TestPoolOfTheSameNameElsewhereIsLeftAlone is about somebody who wrote the ARN of
// another's group, and has a cluster and a pool of the same names.
func TestPoolOfTheSameNameElsewhereIsLeftAlone(t *testing.T) {
	for name, x := range map[string]struct {
		made   func(*world)
		wished func(w *world, p *infrav1.AWSMachinePool)
	}{
		"by its ARN":         {wished: func(w *world, p *infrav1.AWSMachinePool) { p.Spec.ProviderID = w.get("pool-1").Spec.ProviderID }},
		"by its names alone": {wished: func(*world, *infrav1.AWSMachinePool) {}},
		"made by another controller": {made: func(w *world) { w.withoutUIDs("pool-1") },
			wished: func(w *world, p *infrav1.AWSMachinePool) { p.Spec.ProviderID = w.get("pool-1").Spec.ProviderID }},
		"with hooks, processes, tags and Machines": {wished: func(w *world, p *infrav1.AWSMachinePool) {
			p.Spec.ProviderID, p.Spec.ProviderIDList = w.get("pool-1").Spec.ProviderID, w.get("pool-1").Spec.ProviderIDList
			p.Spec.AWSLifecycleHooks = []infrav1.AWSLifecycleHook{{Name: "mine", LifecycleTransition: infrav1.LifecycleTransitionTerminating}}
			p.Spec.SuspendProcesses = &infrav1.SuspendProcesses{All: true}
			p.Spec.AdditionalTags = infrav1.Tags{"team": "c"}
			p.Status.InfrastructureMachineKind = machineKind
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.pool("pool-1")
			w.settle("pool-1", w.ready("pool-1", 2))
			w.Pass(time60)
			if x.made != nil {
				x.made(w)
				w.Pass(time60)
				w.rounds("pool-1", 2)
			}
			w.twin("tc")
			before := w.records()
			w.AWS.ResetCounts()
			w.pool("tc/pool-1", func(p *infrav1.AWSMachinePool, m *clusterv1.MachinePool) {
				p.Spec.AWSLaunchTemplate.InstanceType, m.Spec.Replicas = "m5.xlarge", aws.Int32(3)
				x.wished(w, p)
			})
			for range 5 {
				w.rounds("tc/pool-1", 1)
				w.rounds("pool-1", 1)
			}
			thief := w.get("tc/pool-1")
			if thief.Status.Ready || thief.Status.Replicas != 0 || len(thief.Status.Instances) != 0 || thief.Status.LaunchTemplateID != "" {
				t.Errorf("another's group is shown: %+v", thief.Status)
			}
			for kind, of := range map[string]string{infrav1.ASGReadyCondition: "Auto Scaling group pool-1 belongs to AWSMachinePool in another namespace",
				infrav1.LaunchTemplateReadyCondition: "launch template pool-1 belongs to AWSMachinePool in another namespace", infrav1.ReadyCondition: "is left alone"} {
				if c := w.condition("tc/pool-1", kind); c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, of) {
					t.Errorf("the condition doesn't name it: %+v", c)
				}
			}
			w.delete("tc/pool-1")
			w.rounds("pool-1", 3)
			w.changesNothing()
			w.unchanged(before)
			if !w.ready("pool-1", 2)() {
				t.Errorf("the victim isn't ready: %s", w.describe("pool-1"))
			}
		})
	}
}

// TestTemplateOfAnotherPoolIsLeftAlone is about a pool that names the launch template
// of another one of its cluster, and one that has no pool.
func TestTemplateOfAnotherPoolIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1")
	w.settle("pool-1", w.ready("pool-1", 2))
	w.Pass(time60)
	_, err := w.Session().EC2.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("golden"),
		LaunchTemplateData: &ec2types.RequestLaunchTemplateData{InstanceType: ec2types.InstanceTypeM5Large}})
	w.Must(err)
	w.Pass(time60)
	before := w.records()
	w.pool("pool-2", func(p *infrav1.AWSMachinePool, _ *clusterv1.MachinePool) { p.Spec.AWSLaunchTemplate.Name = "pool-1" })
	w.pool("pool-3", func(p *infrav1.AWSMachinePool, _ *clusterv1.MachinePool) { p.Spec.AWSLaunchTemplate.Name = "golden" })
	w.AWS.ResetCounts()
	w.rounds("pool-2", 3)
	w.rounds("pool-3", 3)
	for name, of := range map[string]string{"pool-2": "launch template pool-1 belongs to AWSMachinePool default/pool-1",
		"pool-3": "launch template golden belongs to somebody who made it without the tag"} {
		if c := w.condition(name, infrav1.LaunchTemplateReadyCondition); !strings.Contains(c.Message, of) || !strings.Contains(c.Message, "spec.awsLaunchTemplate.name") {
			t.Errorf("%s: %+v", name, c)
		}
	}
	w.unchanged(before)
	w.withoutUIDs("pool-1")
	w.Pass(time60)
	before = w.records()
	w.rounds("pool-2", 2)
	w.delete("pool-2")
	w.delete("pool-3")
	w.unchanged(before)
}

// TestMemberOfAnotherGroupIsNotEnded is about a machine of a pool that names an
// instance which another pool's group has.
func TestMemberOfAnotherGroupIsNotEnded(t *testing.T) {
	for name, pool := range map[string]string{"of a pool of the same name elsewhere": "tc/pool-1", "of another pool of the cluster": "pool-2", "of a pool that isn't there": "pool-9"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.pool("pool-1")
			w.settle("pool-1", w.ready("pool-1", 2))
			w.Pass(time60)
			w.twin("tc")
			if pool != "pool-9" {
				w.pool(pool, func(p *infrav1.AWSMachinePool, _ *clusterv1.MachinePool) {
					p.Spec.ProviderID = w.get("pool-1").Spec.ProviderID
				})
			}
			before := w.records()
			victim, k := w.group("pool-1").Instances[0], key(pool)
			thief := &infrav1.AWSMachine{ObjectMeta: metav1.ObjectMeta{Namespace: k.Namespace, Name: "thief", UID: "thief", Finalizers: []string{infrav1.MachineFinalizer},
				Labels:          map[string]string{clusterv1.ClusterNameLabel: testName, clusterv1.MachinePoolNameLabel: k.Name},
				OwnerReferences: []metav1.OwnerReference{{APIVersion: infrav1.SchemeGroupVersion.String(), Kind: poolKind, Name: k.Name, UID: uidOf(k)}}},
				Spec: infrav1.AWSMachineSpec{InstanceID: victim.InstanceId, ProviderID: aws.String(groups.ProviderID(victim)), InstanceType: "m5.large"}}
			w.Must(w.Kube.Create(t.Context(), thief))
			w.Must(w.Kube.Delete(t.Context(), thief))
			w.AWS.ResetCounts()
			for range 5 {
				_, _ = w.ofMachines.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(thief)})
				w.Pass(3 * time.Second)
			}
			w.changesNothing()
			w.unchanged(before)
		})
	}
}

// unchanged checks that AWS keeps what it kept.
func (w *world) unchanged(before []emulator.Record) {
	w.T.Helper()
	if after := w.records(); !reflect.DeepEqual(before, after) {
		w.T.Errorf("AWS had\n%+v\nand has\n%+v", before, after)
	}
}

// TestGroupInAnotherAccountIsNotMadeAnew is about an identity that leads elsewhere
// before the cluster's account was recorded.
func TestGroupInAnotherAccountIsNotMadeAnew(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1")
	w.settle("pool-1", w.ready("pool-1", 2))
	w.Pass(time60)
	obj := w.get("pool-1")
	in := newIntent(obj, related{pool: w.machinePool("pool-1")}, nil)
	in.Infra, in.Acting = w.infra(), true
	in.Pool.Spec.ProviderID = strings.Replace(obj.Spec.ProviderID, emulator.DefaultAccount, "999999999999", 1)
	in.Pool.Name, in.Pool.UID = "pool-9", "another"
	snap := w.Mirror.Snapshot(w.Session().Scope)
	for name, deleted := range map[string]*metav1.Time{"wanted": nil, "deleted": {Time: time.Now()}} {
		in.Pool.DeletionTimestamp = deleted
		p := Plan(in, snap)
		status := Project(in, snap).Status
		if !slices.ContainsFunc(p.Problems, func(x plan.Problem) bool { return strings.Contains(x.Summary, "999999999999/us-east-1") }) || p.Done() {
			t.Errorf("%s: the plan is %+v", name, p)
		}
		if deleted == nil && (!status.Ready || status.Replicas != 2) {
			t.Errorf("it is shown as gone: %+v", status)
		}
		for _, a := range p.Actions {
			if strings.HasPrefix(a.Operation, "autoscaling.") {
				t.Errorf("%s: it would %s", name, a.Summary)
			}
		}
	}
}

// decoy makes an AWSMachinePool in another namespace that says it is the one of the name,
// and where withCluster has it so, a Cluster of that name beside it.
func (w *world) decoy(name string, withCluster bool) {
	w.T.Helper()
	decoy := w.get(name)
	decoy.ResourceVersion, decoy.Status = "", infrav1.AWSMachinePoolStatus{}
	decoy.ObjectMeta = metav1.ObjectMeta{Namespace: "rival", Name: name, UID: "uid-of-decoy", Labels: map[string]string{clusterv1.ClusterNameLabel: testName},
		CreationTimestamp: metav1.NewTime(decoy.CreationTimestamp.Add(-time.Hour)), Annotations: map[string]string{clusterv1.PausedAnnotation: ""}}
	w.Make(decoy)
	if withCluster {
		w.Make(&clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: "rival", Name: testName, UID: "owner-of-decoy"}})
	}
}

func TestARestoredPoolIsNotKeptFromItsGroupByADecoy(t *testing.T) {
	for name, withCluster := range map[string]bool{"without a Cluster": false, "with a Cluster": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.pool("pool-1")
			w.settle("pool-1", w.ready("pool-1", 2))
			w.Pass(time60)
			w.decoy("pool-1", withCluster)
			w.replace("pool-1", func(*infrav1.AWSMachinePool) {})
			w.restart()
			w.AWS.ResetCounts()
			w.settle("pool-1", w.ready("pool-1", 2))
			w.AWS.ResetCounts()
			w.rounds("pool-1", 3)
			w.changesNothing()
		})
	}
}

func TestARunningPoolStaysReadyWhileADecoyClaimsItsGroup(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1")
	w.settle("pool-1", w.ready("pool-1", 2))
	w.withoutUIDs("pool-1")
	w.Pass(time60)
	w.decoy("pool-1", true)
	w.AWS.ResetCounts()
	w.rounds("pool-1", 5)
	if !w.ready("pool-1", 2)() {
		t.Errorf("it is %s", w.describe("pool-1"))
	}
	if c := w.condition("pool-1", infrav1.ASGReadyCondition); c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, "AWSMachinePool in another namespace as much as of this object") {
		t.Errorf("it says %+v", c)
	}
	w.changesNothing()
}
