package awsmanagedcontrolplane

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eks"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// foreign makes an EKS cluster of the object's name in its network, as somebody else does.
func (w *world) foreign(tags map[string]string) {
	w.T.Helper()
	w.AWS.Faults().Set(fault("hold", "eks", "CreateCluster"))
	w.settle(func() bool { return w.count("eks.CreateCluster") > 0 })
	var subnets []string
	for _, s := range w.get().Spec.Network.Subnets {
		subnets = append(subnets, s.ResourceID)
	}
	w.AWS.Faults().Clear()
	_, err := w.Session().EKS.CreateCluster(context.Background(), &awseks.CreateClusterInput{Name: aws.String(eksName), Version: aws.String("1.33"), Tags: tags,
		RoleArn: aws.String("arn:aws:iam::123456789012:role/" + controlplanev1.DefaultControlPlaneRole), ResourcesVpcConfig: &ekstypes.VpcConfigRequest{SubnetIds: subnets}})
	w.Must(err)
}

// TestAClusterOfSomebodyElseIsNamedAndLeftAloneUntilItsTagsGiveItAway: whoever writes objects says nothing
// of what is his in AWS.
func TestAClusterOfSomebodyElseIsNamedAndLeftAloneUntilItsTagsGiveItAway(t *testing.T) {
	w := newWorld(t, newControlPlane())
	w.foreign(nil)
	w.change(func(c *controlplanev1.AWSManagedControlPlane) {
		c.Annotations = map[string]string{"capa-apiserver.cluster.x-k8s.io/adopt-eks-cluster": eksName}
	})
	w.settle(func() bool {
		return strings.Contains(w.condition(eks.AreaReady).Message, "tag-resource --resource-arn $(aws eks describe-cluster --name "+eksName)
	})
	shown, err := json.Marshal(w.get())
	if err != nil || strings.Contains(string(shown), *w.cluster().Arn) || strings.Contains(string(shown), *w.cluster().Endpoint) {
		t.Errorf("what is somebody else's is shown: %s, %v", shown, err)
	}
	if tags := w.cluster().Tags; len(tags) > 0 || w.get().Spec.ControlPlaneEndpoint.Host != "" {
		t.Errorf("it was taken: %v, %v", tags, w.get().Spec.ControlPlaneEndpoint)
	}
	_, given, _ := strings.Cut(w.condition(eks.AreaReady).Message, "--tags ")
	tags := map[string]string{}
	for tag := range strings.SplitSeq(given, ",") {
		key, value, _ := strings.Cut(tag, "=")
		tags[key] = value
	}
	_, err = w.Session().EKS.TagResource(context.Background(), &awseks.TagResourceInput{ResourceArn: w.cluster().Arn, Tags: tags})
	w.Must(err)
	w.restart()
	w.settle(w.quiet)
	if tags := w.cluster().Tags; tags[names.TagUID] != "uid-of-c1" || tags[names.TagOwnedPrefix+eksName] != names.Owned {
		t.Errorf("its tags are %v", tags)
	}
}

func TestAClusterThatALivingObjectHasCannotBeTaken(t *testing.T) {
	other := newControlPlane(func(c *controlplanev1.AWSManagedControlPlane) {
		c.Namespace, c.UID, c.Spec.EKSClusterName = "other", "uid-of-other", eksName
	})
	w := newWorld(t, newControlPlane())
	w.Make(owner(other), other)
	w.foreign(map[string]string{names.TagOwnedPrefix + eksName: names.Owned, names.TagUID: "uid-of-other", names.TagNamespace: "other"})
	w.settle(func() bool { return strings.Contains(w.condition(eks.AreaReady).Message, "in another namespace") })
	w.Must(w.Kube.Delete(context.Background(), w.get()))
	w.settle(func() bool { return w.gone() || strings.Contains(w.Describe(w.get(), testName), "latest attempt") })
	if w.count("eks.DeleteCluster") > 0 || w.cluster().Tags[names.TagUID] != "uid-of-other" {
		t.Error("somebody else's cluster was touched")
	}
}

// TestAClusterThatCAPAMadeIsTakenOverWithoutAWrite: its tags are the owned tag and CAPA's others.
func TestAClusterThatCAPAMadeIsTakenOverWithoutAWrite(t *testing.T) {
	w := newWorld(t, newControlPlane())
	w.foreign(map[string]string{names.TagOwnedPrefix + eksName: names.Owned, names.TagCloudProviderPrefix + eksName: names.Owned, names.TagName: eksName, names.TagRole: names.RoleCommon})
	w.AWS.ResetCounts()
	w.settle(w.quiet)
	for op := range w.AWS.Counts() {
		// The network isn't CAPA's here, and may still be made.
		if service, call, _ := strings.Cut(op, "."); service != "ec2" && !strings.HasPrefix(call, "Describe") && !strings.HasPrefix(call, "List") && !strings.HasPrefix(call, "Get") {
			t.Errorf("%s was called", op)
		}
	}
}

func TestARoleIsMadeAndDeletedWhereThatIsAllowed(t *testing.T) {
	const boundary = "arn:aws:iam::aws:policy/PowerUserAccess"
	w := newWorld(t, newControlPlane(func(c *controlplanev1.AWSManagedControlPlane) {
		c.Spec.RolePath, c.Spec.RolePermissionsBoundary = "/eks/", boundary
		c.Spec.RoleAdditionalPolicies = []string{"arn:aws:iam::aws:policy/AmazonEKSVPCResourceController"}
	}), makingRoles)
	w.create()
	name := enginetest.ClusterName + "-iam-service-role"
	role := func() (*iam.GetRoleOutput, error) {
		return w.Session().IAM.GetRole(context.Background(), &iam.GetRoleInput{RoleName: &name})
	}
	out, err := role()
	w.Must(err)
	if *out.Role.Path != "/eks/" || out.Role.PermissionsBoundary == nil || *out.Role.PermissionsBoundary.PermissionsBoundaryArn != boundary || *w.cluster().RoleArn != *out.Role.Arn {
		t.Errorf("the role is %+v", out.Role)
	}
	if n := w.count("iam.AttachRolePolicy"); n != 2 {
		t.Errorf("%d policies were attached", n)
	}
	w.change(func(c *controlplanev1.AWSManagedControlPlane) {
		c.Spec.RoleAdditionalPolicies = append(c.Spec.RoleAdditionalPolicies, "arn:aws:iam::aws:policy/AdministratorAccess")
	})
	w.settle(func() bool { return strings.Contains(w.condition(areaRole).Message, "--iam-role-policies") })
	if n := w.count("iam.AttachRolePolicy"); n != 2 {
		t.Errorf("%d policies were attached, one of which nobody may have", n)
	}
	w.change(func(c *controlplanev1.AWSManagedControlPlane) { c.Spec.RoleAdditionalPolicies = nil })
	w.settle(w.quiet)
	if n := w.count("iam.DetachRolePolicy"); n != 1 {
		t.Errorf("%d policies were detached", n)
	}
	w.delete()
	if _, err := role(); err == nil {
		t.Error("the role is left")
	}
}

func TestTheRoleOfAClusterWithALongNameHasANameThatIAMTakes(t *testing.T) {
	of := func(length int) string {
		return (&Intent{Name: strings.Repeat("c", length), ControlPlane: newControlPlane(), MakeRoles: true}).roleName()
	}
	if short := of(47); short != strings.Repeat("c", 47)+"-iam-service-role" {
		t.Errorf("it is %s", short)
	}
	for _, length := range []int{48, 63} {
		if long := of(length); len(long) > 64 || long == of(length-1) {
			t.Errorf("of %d characters: %s", length, long)
		}
	}
}

func TestARoleThatIsMerelyNamedIsUsedAndStays(t *testing.T) {
	w := newWorld(t, newControlPlane(func(c *controlplanev1.AWSManagedControlPlane) {
		c.Spec.RoleName = aws.String(controlplanev1.DefaultControlPlaneRole)
		c.Spec.RoleAdditionalPolicies = []string{"arn:aws:iam::aws:policy/AmazonEKSVPCResourceController"}
	}), makingRoles)
	w.create()
	w.delete()
	for op := range w.asked() {
		if strings.HasPrefix(op, "iam.") && !strings.HasPrefix(op, "iam.Get") && !strings.HasPrefix(op, "iam.List") {
			t.Errorf("%s was called", op)
		}
	}
}

func TestARoleThatIsMissingIsAskedFor(t *testing.T) {
	w := newWorld(t, newControlPlane(func(c *controlplanev1.AWSManagedControlPlane) { c.Spec.RoleName = aws.String("nobody-made-it") }))
	w.settle(func() bool {
		return strings.Contains(w.condition(areaRole).Message, "there is no role nobody-made-it") && w.condition("SubnetsReady").Status == "True"
	})
	if w.count("eks.CreateCluster") > 0 {
		t.Error("a cluster was made")
	}
}

func TestAClusterThatSomebodyDeletedIsNotMadeAgainWithoutAWord(t *testing.T) {
	w := newWorld(t, newControlPlane())
	w.create()
	_, err := w.Session().EKS.DeleteCluster(context.Background(), &awseks.DeleteClusterInput{Name: aws.String(eksName)})
	w.Must(err)
	w.settle(func() bool {
		return strings.Contains(w.condition(eks.AreaReady).Message, "is gone, though its endpoint")
	})
	w.restart()
	_, _ = w.reconcile()
	if n := w.count("eks.CreateCluster"); n != 1 || w.get().Status.Ready {
		t.Errorf("%d clusters were made; ready: %t", n, w.get().Status.Ready)
	}
	w.delete()
	if left := w.Resources(); len(left) > 0 {
		t.Errorf("the account isn't empty: %v", left)
	}
}

func TestAControlPlaneThatIsToGoIsNotAvailable(t *testing.T) {
	w := newWorld(t, newControlPlane())
	w.create()
	w.AWS.Faults().Set(fault("undeletable", "eks", "DeleteCluster"))
	w.Must(w.Kube.Delete(context.Background(), w.get()))
	w.settle(func() bool {
		c := w.condition(controlplanev1.AvailableCondition)
		return c.Status == metav1.ConditionFalse && c.Reason == infrav1.DeletingReason && strings.Contains(c.Message, "Ready")
	})
}

// fault has AWS fail an operation until it is cleared.
func fault(id, service, operation string) emulator.Fault {
	return emulator.Fault{ID: id, Service: service, Operation: operation, Mode: emulator.ErrorBefore, Code: "ServerException", Status: 500}
}

// CAPA's subnets say owned where ours say shared: that stays.
func TestSubnetsThatCAPAMadeKeepTheirTags(t *testing.T) {
	w := newWorld(t, newControlPlane())
	w.create()
	key, ids := names.TagCloudProviderPrefix+eksName, []string{}
	for _, s := range w.get().Spec.Network.Subnets {
		ids = append(ids, s.ResourceID)
	}
	_, err := w.Session().EC2.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: ids, Tags: []ec2types.Tag{{Key: &key, Value: aws.String(names.Owned)}}})
	w.Must(err)
	w.restart()
	w.AWS.ResetCounts()
	w.settle(w.quiet)
	if n := w.count("ec2.CreateTags"); n > 0 || len(ids) == 0 {
		t.Errorf("%d subnets were tagged in %d calls", len(ids), n)
	}
}
