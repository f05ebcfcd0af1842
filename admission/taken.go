package admission

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/group"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// Living knows what the objects that live in this server record of AWS.
type Living interface {
	// Recorders returns the objects that record the id or ARN of a resource.
	Recorders(id string) ([]Recorder, error)
	// WithBalancer returns those that record a load balancer of a name.
	WithBalancer(name string) ([]Recorder, error)
}

// Recorder is an object that records a resource.
type Recorder struct {
	Kind, Namespace, Name string
	// Account and Region are where its resources are, "" where nothing says so.
	Account, Region string
}

// takenRules keep two objects from one resource. What they can't see, or what two
// writes at the same moment get past them, the reconciler leaves alone, and says so.
type takenRules struct {
	living Living
	live   *Live
}

// taken: the resources that a spec names as its own aren't another object's.
func (rules takenRules) taken(ctx context.Context, r Request) ([]string, field.ErrorList) {
	if rules.living == nil || rules.live == nil || r.Object == nil {
		return nil, nil
	}
	claims := claimsOf(r.Object)
	if r.Old != nil {
		for path := range claimsOf(r.Old) {
			if claimsOf(r.Old)[path] == claims[path] {
				delete(claims, path)
			}
		}
	}
	self := Recorder{Kind: group.KindName(r.Object), Namespace: r.Namespace, Name: r.Object.GetName()}
	var errs field.ErrorList
	for _, path := range claimPaths {
		if id := claims[path]; id != "" {
			if err := rules.free(ctx, r.Object, self, path, id); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return nil, errs
}

// The fields by which a spec names a resource as its own.
const (
	pathInstance   = "spec.instanceID"
	pathProvider   = "spec.providerID"
	pathBucket     = "spec.s3Bucket.name"
	pathBalancer   = "spec.controlPlaneLoadBalancer.name"
	pathSecondary  = "spec.secondaryControlPlaneLoadBalancer.name"
	pathObjectName = "metadata.name"
	pathEKS        = "spec.eksClusterName"
)

// claimPaths are those fields in the order in which they are spoken of.
var claimPaths = []string{pathInstance, pathProvider, pathObjectName, pathBucket, pathBalancer, pathSecondary, pathEKS}

// claimsOf returns what an object names as its own, by field.
func claimsOf(object client.Object) map[string]string {
	claims := map[string]string{}
	switch o := object.(type) {
	case *infrav1.AWSMachine:
		claims[pathInstance] = aws.ToString(o.Spec.InstanceID)
		provider := aws.ToString(o.Spec.ProviderID)
		if id := provider[strings.LastIndex(provider, "/")+1:]; id != claims[pathInstance] {
			claims[pathProvider] = id
		}
	case *infrav1.AWSMachinePool:
		claims[pathProvider], claims[pathObjectName] = o.Spec.ProviderID, o.Name
	case *controlplanev1.AWSManagedControlPlane:
		claims[pathEKS] = o.ClusterName()
	case *infrav1.AWSCluster:
		if o.Spec.S3Bucket != nil {
			claims[pathBucket] = o.Spec.S3Bucket.Name
		}
		for path, lb := range map[string]*infrav1.AWSLoadBalancerSpec{pathBalancer: o.Spec.ControlPlaneLoadBalancer, pathSecondary: o.Spec.SecondaryControlPlaneLoadBalancer} {
			if lb != nil {
				claims[path] = aws.ToString(lb.Name)
			}
		}
	}
	return claims
}

// free tells who else has what a field names, nil if nobody is known to.
func (rules takenRules) free(ctx context.Context, object client.Object, self Recorder, path, id string) *field.Error {
	var others []Recorder
	var err error
	switch path {
	case pathBucket:
		others, err = rules.withBucket(ctx, id)
	case pathObjectName:
		others, err = rules.namesakes(ctx, object.(*infrav1.AWSMachinePool))
	case pathBalancer, pathSecondary:
		others, err = rules.withBalancer(ctx, object.(*infrav1.AWSCluster), id)
	case pathEKS:
		others, err = rules.withEKS(ctx, object.(*controlplanev1.AWSManagedControlPlane), id)
	default:
		others, err = rules.living.Recorders(id)
	}
	if err != nil {
		return nil //nolint:nilerr // only an early word is lost
	}
	for _, other := range others {
		if other.Kind == self.Kind && other.Namespace == self.Namespace && other.Name == self.Name || !rules.has(ctx, other, path, id) {
			continue
		}
		return &field.Error{Type: field.ErrorTypeForbidden, Field: path, BadValue: id, Detail: fmt.Sprintf(
			"%s is that of %s, and no two objects may act on one resource: %s", id, other.seenFrom(self.Namespace), wayOut[path])}
	}
	return nil
}

// has tells whether a resource is to be seen as an object's own. Whoever only names what
// isn't his keeps nobody from it.
func (rules takenRules) has(ctx context.Context, r Recorder, path, id string) bool {
	key := client.ObjectKey{Namespace: r.Namespace, Name: r.Name}
	switch r.Kind {
	case "AWSMachine":
		m := &infrav1.AWSMachine{}
		return rules.live.Ours.Get(ctx, key, m) == nil && m.Status.InstanceState != nil
	case "AWSMachinePool":
		p := &infrav1.AWSMachinePool{}
		return rules.live.Ours.Get(ctx, key, p) == nil && meta.IsStatusConditionTrue(p.Status.Conditions, infrav1.ASGReadyCondition)
	case "AWSCluster":
		c := &infrav1.AWSCluster{}
		return rules.live.Ours.Get(ctx, key, c) == nil && hasOfCluster(c, path, id)
	case "AWSManagedControlPlane":
		return true // withEKS has looked
	}
	return false
}

// hasOfCluster tells whether a cluster has what a field of another object names, by its
// status, which nobody but the server writes. A load balancer that it merely uses carries no
// cluster's owned tag.
func hasOfCluster(c *infrav1.AWSCluster, path, id string) bool {
	switch path {
	case pathInstance, pathProvider:
		return c.Status.Bastion != nil && c.Status.Bastion.ID == id
	case pathBalancer, pathSecondary:
		return slices.ContainsFunc([]infrav1.LoadBalancer{c.Status.NetworkStatus.APIServerELB, c.Status.NetworkStatus.SecondaryAPIServerELB},
			func(lb infrav1.LoadBalancer) bool { return lb.Name == id && mirror.Owned(lb.Tags) })
	}
	return path == pathBucket
}

// wayOut is what to do about a field.
var wayOut = map[string]string{
	pathInstance:   "leave it out to have an instance launched, or delete the other object first",
	pathProvider:   "leave it out to have a resource made, or delete the other object first",
	pathBucket:     "write another name",
	pathBalancer:   "write another name, or leave it out to have one chosen",
	pathSecondary:  "write another name",
	pathEKS:        "names are unique in an account and region: write another name",
	pathObjectName: "the Auto Scaling group has the pool's name, which is unique in an account and region: choose another name",
}

// seenFrom names an object only to those of its namespace.
func (r Recorder) seenFrom(namespace string) string {
	if r.Namespace == namespace {
		return fmt.Sprintf("%s %s/%s", r.Kind, r.Namespace, r.Name)
	}
	return "an " + r.Kind + " of another namespace"
}

// withBucket returns the clusters whose own bucket has the name. Buckets are unique
// among all accounts.
func (rules takenRules) withBucket(ctx context.Context, name string) ([]Recorder, error) {
	return rules.clusters(ctx, func(c *infrav1.AWSCluster) bool {
		return c.Spec.S3Bucket != nil && c.Spec.S3Bucket.Name == name && meta.IsStatusConditionTrue(c.Status.Conditions, infrav1.S3BucketReadyCondition)
	})
}

func (rules takenRules) clusters(ctx context.Context, match func(*infrav1.AWSCluster) bool) ([]Recorder, error) {
	list := &infrav1.AWSClusterList{}
	if err := rules.live.Ours.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	var found []Recorder
	for i := range list.Items {
		if c := &list.Items[i]; match(c) {
			found = append(found, Recorder{Kind: group.KindName(c), Namespace: c.Namespace, Name: c.Name, Account: c.Status.AccountID, Region: c.Spec.Region})
		}
	}
	return found, nil
}

// withBalancer returns the clusters whose own load balancer has the name, in the
// account and region of a cluster.
func (rules takenRules) withBalancer(ctx context.Context, of *infrav1.AWSCluster, name string) ([]Recorder, error) {
	all, err := rules.living.WithBalancer(name)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return rules.in(ctx, of, all), nil
}

// withEKS returns the control planes that have an EKS cluster of the name, in the account and
// region of another one.
func (rules takenRules) withEKS(ctx context.Context, of *controlplanev1.AWSManagedControlPlane, name string) ([]Recorder, error) {
	list := &controlplanev1.AWSManagedControlPlaneList{}
	if err := rules.live.Ours.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	var all []Recorder
	for i := range list.Items {
		if c := &list.Items[i]; c.Status.AccountID != "" && c.ClusterName() == name && (c.Namespace != of.Namespace || c.Name != of.Name) {
			all = append(all, Recorder{Kind: group.KindName(c), Namespace: c.Namespace, Name: c.Name, Account: c.Status.AccountID, Region: c.Spec.Region})
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	return rules.in(ctx, of, all), nil
}

// in are those objects whose resources are where a cluster's are; none where that
// can't be told.
func (rules takenRules) in(ctx context.Context, of cloud.Placed, all []Recorder) []Recorder {
	_, region, account := of.Place()
	if account == "" && region != "" {
		ctx, cancel := context.WithTimeout(cloud.WithPriority(ctx, cloud.Interactive), askTime)
		defer cancel()
		if session, err := rules.live.Sessions.For(ctx, cloud.SiteOf(of)); err == nil {
			account = session.Scope.Account
		}
	}
	var there []Recorder
	for _, r := range all {
		if account != "" && r.Account == account && r.Region == region {
			there = append(there, r)
		}
	}
	return there
}

// namesakes returns the pools of a new pool's name whose Auto Scaling groups are in its
// account and region, as their ARNs say.
func (rules takenRules) namesakes(ctx context.Context, of *infrav1.AWSMachinePool) ([]Recorder, error) {
	list := &infrav1.AWSMachinePoolList{}
	if err := rules.live.Ours.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	var all []Recorder
	for i := range list.Items {
		p := &list.Items[i]
		at, err := arn.Parse(p.Spec.ProviderID)
		if err == nil && p.Name == of.Name && p.Namespace != of.Namespace {
			all = append(all, Recorder{Kind: group.KindName(p), Namespace: p.Namespace, Name: p.Name, Account: at.AccountID, Region: at.Region})
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(cloud.WithPriority(ctx, cloud.Interactive), askTime)
	defer cancel()
	s, err := machineRules{rules.live}.site(ctx, of)
	if err != nil || s == nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(r Recorder) bool { return cloud.Scope{Account: r.Account, Region: r.Region} != s.session.Scope }), nil
}
