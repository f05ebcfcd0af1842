package admission

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

type recorders map[string][]Recorder

func (r recorders) Recorders(id string) ([]Recorder, error) { return r[id], nil }
func (r recorders) WithBalancer(name string) ([]Recorder, error) {
	return r["load-balancer/"+name], nil
}

const groupARN = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:1:autoScalingGroupName/pool"

// alicesWorld has a machine, a pool and a cluster of namespace alice, which are as
// their status says, and a thief who only names alice's instance.
func alicesWorld(t *testing.T) (*liveWorld, takenRules) {
	t.Helper()
	w := newLiveWorld(t)
	at := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "alice", Name: name} }
	running := infrav1.InstanceStateRunning
	machine := &infrav1.AWSMachine{ObjectMeta: at("w0"), Status: infrav1.AWSMachineStatus{InstanceState: &running}}
	machine.Spec.InstanceID = aws.String("i-alice")
	thief := &infrav1.AWSMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "mallory", Name: "thief"}}
	thief.Spec.InstanceID = aws.String("i-bob")
	pool := &infrav1.AWSMachinePool{ObjectMeta: at("pool")}
	pool.Spec.ProviderID = groupARN
	pool.Status.Conditions = []metav1.Condition{{Type: infrav1.ASGReadyCondition, Status: metav1.ConditionTrue}}
	c := &infrav1.AWSCluster{ObjectMeta: at("prod")}
	c.Spec.Region, c.Status.AccountID, c.Spec.S3Bucket = "us-east-1", "123456789012", &infrav1.S3Bucket{Name: "alices-bucket"}
	c.Status.Conditions = []metav1.Condition{{Type: infrav1.S3BucketReadyCondition, Status: metav1.ConditionTrue}}
	c.Status.Bastion = &infrav1.Instance{ID: "i-host"}
	c.Status.NetworkStatus.APIServerELB = infrav1.LoadBalancer{Name: "prod-lb", Tags: map[string]string{mirror.OwnedTagPrefix + "prod": "owned"}}
	c.Status.NetworkStatus.SecondaryAPIServerELB = infrav1.LoadBalancer{Name: "shop-lb", Tags: map[string]string{mirror.OwnedTagPrefix + "prod": "shared"}}
	words := &infrav1.AWSCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "mallory", Name: "words"}}
	words.Spec.Network.Subnets = infrav1.Subnets{{ID: "a", NatGatewayID: aws.String("i-word"), RouteTableID: aws.String(groupARN)}}
	wishful := &infrav1.AWSCluster{ObjectMeta: at("wishful"), Spec: infrav1.AWSClusterSpec{S3Bucket: &infrav1.S3Bucket{Name: "bobs-bucket"}}}
	for _, object := range []client.Object{machine, thief, pool, c, words, wishful} {
		w.must(w.kube.Create(t.Context(), object))
	}
	living := recorders{
		"i-alice": {{Kind: "AWSMachine", Namespace: "alice", Name: "w0"}},
		"i-bob":   {{Kind: "AWSMachine", Namespace: "mallory", Name: "thief"}},
		groupARN:  {{Kind: "AWSMachinePool", Namespace: "alice", Name: "pool"}},
		"i-host":  {{Kind: "AWSCluster", Namespace: "alice", Name: "prod"}},
		"i-word":  {{Kind: "AWSCluster", Namespace: "mallory", Name: "words"}},
	}
	for _, name := range []string{"prod-lb", "shop-lb", "prod-other"} {
		living["load-balancer/"+name] = []Recorder{{Kind: "AWSCluster", Namespace: "alice", Name: "prod", Account: "123456789012", Region: "us-east-1"}}
	}
	return w, takenRules{living: living, live: w.rules.live}
}

func TestNoTwoObjectsTakeOneResource(t *testing.T) {
	_, rules := alicesWorld(t)
	in := func(namespace, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{clusterv1.ClusterNameLabel: "c1"}}
	}
	machine := func(namespace, name, id, provider string) client.Object {
		m := &infrav1.AWSMachine{ObjectMeta: in(namespace, name)}
		if id != "" {
			m.Spec.InstanceID = aws.String(id)
		}
		if provider != "" {
			m.Spec.ProviderID = aws.String(provider)
		}
		return m
	}
	pool := func(namespace, name, arn string) client.Object {
		return &infrav1.AWSMachinePool{ObjectMeta: in(namespace, name), Spec: infrav1.AWSMachinePoolSpec{ProviderID: arn}}
	}
	cluster := func(namespace, region, bucket, balancer string) client.Object {
		c := &infrav1.AWSCluster{ObjectMeta: in(namespace, "other"), Spec: infrav1.AWSClusterSpec{Region: region}}
		if bucket != "" {
			c.Spec.S3Bucket = &infrav1.S3Bucket{Name: bucket}
		}
		if balancer != "" {
			c.Spec.ControlPlaneLoadBalancer = &infrav1.AWSLoadBalancerSpec{Name: aws.String(balancer)}
		}
		return c
	}
	for name, x := range map[string]struct {
		object client.Object
		want   string
	}{
		"an instance of another namespace": {machine("default", "m", "i-alice", ""),
			"spec.instanceID: Forbidden: i-alice is that of an AWSMachine of another namespace, and no two objects may act on one resource: leave it out"},
		"by its provider id":                  {machine("default", "m", "", "aws:///us-east-1a/i-alice"), "spec.providerID: Forbidden: i-alice is that of an AWSMachine of another namespace"},
		"by both":                             {machine("default", "m", "i-alice", "aws:///us-east-1a/i-alice"), "spec.instanceID: Forbidden"},
		"of the same namespace":               {machine("alice", "m", "i-alice", ""), "that of AWSMachine alice/w0,"},
		"its own":                             {machine("alice", "w0", "i-alice", ""), ""},
		"of nobody":                           {machine("default", "m", "i-new", ""), ""},
		"that somebody else only names":       {machine("default", "m", "i-bob", ""), ""},
		"a group of another namespace":        {pool("default", "p", groupARN), "spec.providerID: Forbidden"},
		"a pool of the name":                  {pool("default", "pool", ""), "metadata.name: Forbidden: pool is that of an AWSMachinePool of another namespace, and no two objects may act on one resource: the Auto Scaling group has the pool's name"},
		"a pool of the name of no cluster":    {pool("elsewhere", "pool", ""), ""},
		"a bucket":                            {cluster("default", "us-west-2", "alices-bucket", ""), "spec.s3Bucket.name: Forbidden"},
		"a bucket that nobody has yet":        {cluster("default", "us-east-1", "bobs-bucket", ""), ""},
		"a load balancer":                     {cluster("default", "us-east-1", "", "prod-lb"), "spec.controlPlaneLoadBalancer.name: Forbidden: prod-lb is that of an AWSCluster of another namespace"},
		"the host of a bastion":               {machine("default", "m", "i-host", ""), "spec.instanceID: Forbidden: i-host is that of an AWSCluster of another namespace"},
		"an instance in an unrelated field":   {machine("default", "m", "i-word", ""), ""},
		"a load balancer that is merely used": {cluster("default", "us-east-1", "", "shop-lb"), ""},
		"a load balancer that was recorded":   {cluster("default", "us-east-1", "", "prod-other"), ""},
		"a load balancer of that name yonder": {cluster("default", "us-west-2", "", "prod-lb"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := Request{Operation: admissionv1.Create, Namespace: x.object.GetNamespace(), Object: x.object}
			_, errs := rules.taken(t.Context(), r)
			expect(t, errs, x.want)
			if strings.Contains(fmt.Sprint(errs), "alice/") && r.Namespace != "alice" {
				t.Errorf("another namespace's object is named: %v", errs)
			}
			r.Operation, r.Old = admissionv1.Update, x.object
			if _, errs := rules.taken(t.Context(), r); len(errs) > 0 {
				t.Errorf("an update of something else: %v", errs)
			}
		})
	}
}

func TestAClusterStaysInItsAccount(t *testing.T) {
	w := newLiveWorld(t)
	rules := accountRules{live: w.rules.live}
	old := cluster(roleRef("here"), "us-east-1")
	judge := func(account string, to *infrav1.AWSIdentityReference) (string, string) {
		before := old.DeepCopy()
		before.Status.AccountID = account
		updated := before.DeepCopy()
		updated.Spec.IdentityRef = to
		warnings, errs := rules.stays(t.Context(), Request{Operation: admissionv1.Update, Namespace: "default", Object: updated, Old: before})
		said := ""
		if len(errs) > 0 {
			said = errs.ToAggregate().Error()
		}
		return strings.Join(warnings, "\n"), said
	}
	for name, x := range map[string]struct {
		account       string
		to            *infrav1.AWSIdentityReference
		want, warning string
	}{
		"same account":            {"123456789012", roleRef("other"), "", ""},
		"another account":         {"999999999999", roleRef("other"), "spec.identityRef: Forbidden: it leads to AWS account 123456789012, and the cluster's resources are in account 999999999999", ""},
		"nothing made yet":        {"", roleRef("other"), "", ""},
		"the identity stays":      {"999999999999", roleRef("here"), "", ""},
		"AWS can't be asked":      {"999999999999", roleRef("unreachable"), "", "could not be found out"},
		"an identity to come yet": {"999999999999", roleRef("unreachable"), "", "until it does, nothing is shown or changed"},
	} {
		t.Run(name, func(t *testing.T) {
			warning, said := judge(x.account, x.to)
			if (x.want == "") != (said == "") || !strings.Contains(said, x.want) || (x.warning == "") != (warning == "") || !strings.Contains(warning, x.warning) {
				t.Errorf("refused with %q, want %q; warned of %q, want %q", said, x.want, warning, x.warning)
			}
		})
	}
}
