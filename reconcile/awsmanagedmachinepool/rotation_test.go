package awsmanagedmachinepool

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/reconcile/nodegroup"
)

// bootData is bootstrap data as a NodeadmConfig's.
func bootData(label string) []byte {
	return []byte("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"x\"\n\n--x\nContent-Type: application/node.eks.aws\n\n# " + label + "\n--x--\n")
}

// withTemplate gives a pool a launch template, and its MachinePool bootstrap data.
func withTemplate(t *testing.T) *world {
	w := newWorld(t, true, newPool(testName, func(p *infrav1.AWSManagedMachinePool) {
		p.Spec.AWSLaunchTemplate = &infrav1.AWSLaunchTemplate{InstanceType: "m5.large", RootVolume: &infrav1.Volume{Size: 30}}
	}))
	w.Make(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "boot"}, Data: map[string][]byte{"value": bootData("one")}},
		&bootstrapv1.NodeadmConfig{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "boot", Generation: 1},
			Status: bootstrapv1.ConfigStatus{DataSecretName: aws.String("boot"), ObservedGeneration: 1}})
	w.changeOwner(testName, func(m *clusterv1.MachinePool) {
		m.Spec.Template.Spec.Bootstrap.DataSecretName = aws.String("boot")
		m.Spec.Template.Spec.Bootstrap.ConfigRef = clusterv1.ContractVersionedObjectReference{Kind: "NodeadmConfig", Name: "boot", APIGroup: bootstrapv1.GroupName}
	})
	w.buildCluster()
	w.settle(testName, w.ready(testName))
	return w
}

// template is the pool's launch template with its latest version.
func (w *world) template() (string, *ec2types.LaunchTemplateVersion) {
	w.T.Helper()
	out, err := w.Session().EC2.DescribeLaunchTemplateVersions(w.T.Context(), &ec2.DescribeLaunchTemplateVersionsInput{
		LaunchTemplateName: aws.String(controlPlane + "-" + testName), Versions: []string{"$Latest"}})
	w.Must(err)
	return *out.LaunchTemplateVersions[0].LaunchTemplateId, &out.LaunchTemplateVersions[0]
}

func TestVersionBootstrapDataAndTemplateChangeInOneRotation(t *testing.T) {
	w := withTemplate(t)
	id, v := w.template()
	g := w.describe(testName)
	data, _ := base64.StdEncoding.DecodeString(*v.LaunchTemplateData.UserData)
	if *g.LaunchTemplate.Id != id || *g.LaunchTemplate.Version != "1" || string(data) != string(bootData("one")) || v.LaunchTemplateData.ImageId != nil || v.LaunchTemplateData.KeyName != nil {
		t.Fatalf("the node group has %+v, the template %s holds %+v", g.LaunchTemplate, id, v.LaunchTemplateData)
	}
	if p := w.get(testName); *p.Status.LaunchTemplateID != id || *p.Status.LaunchTemplateVersion != "1" {
		t.Errorf("the status is %+v", p.Status)
	}
	nodes := w.get(testName).Spec.ProviderIDList

	// First the MachinePool's version, of which the bootstrap configuration hears later.
	config := enginetest.Get(w.World, &bootstrapv1.NodeadmConfig{}, "boot")
	config.Generation = 2
	w.Must(w.Kube.Update(context.Background(), config))
	w.changeOwner(testName, func(m *clusterv1.MachinePool) { m.Spec.Template.Spec.Version = newVersion })
	for range 5 {
		w.Pass(3 * time.Second)
		_, err := enginetest.Reconcile(w.pools, testName)
		w.Must(err)
	}
	if n := w.updates("UpdateNodegroupVersion"); n != 0 {
		t.Fatalf("nodes are replaced %d times before their bootstrap data is there", n)
	}
	secret := &corev1.Secret{}
	w.Must(w.Kube.Get(context.Background(), enginetest.Key("boot"), secret))
	secret.Data["value"] = bootData("two")
	w.Must(w.Kube.Update(context.Background(), secret))
	config = enginetest.Get(w.World, &bootstrapv1.NodeadmConfig{}, "boot")
	config.Status.ObservedGeneration = 2
	w.Must(w.Kube.Update(context.Background(), config))
	w.change(testName, func(p *infrav1.AWSManagedMachinePool) { p.Spec.AWSLaunchTemplate.RootVolume.Size = 40 })

	w.settle(testName, func() bool { return w.quiet(testName)() && *w.describe(testName).Version == "1.34" })
	g = w.describe(testName)
	_, v = w.template()
	now := w.get(testName).Spec.ProviderIDList
	if w.updates("UpdateNodegroupVersion") != 1 || *g.LaunchTemplate.Version != "2" || *v.VersionNumber != 2 || len(now) != 2 || slices.ContainsFunc(now, func(id string) bool { return slices.Contains(nodes, id) }) {
		t.Errorf("%d rotations; template version %s of %d; nodes %v, before %v", w.updates("UpdateNodegroupVersion"), *g.LaunchTemplate.Version, *v.VersionNumber, now, nodes)
	}

	w.Must(w.Kube.Delete(context.Background(), w.get(testName)))
	w.settle(testName, w.gone(testName))
	if left := w.Resources(); left["launch-template"] != 0 || left["nodegroup"] != 0 {
		t.Errorf("left are %v", left)
	}
}

func TestALaunchTemplateThatVanishedIsMadeAnew(t *testing.T) {
	w := withTemplate(t)
	id, _ := w.template()
	_, err := w.Session().EC2.DeleteLaunchTemplate(t.Context(), &ec2.DeleteLaunchTemplateInput{LaunchTemplateId: &id})
	w.Must(err)
	w.settle(testName, func() bool {
		return strings.Contains(w.condition(testName, nodegroup.Area).Message, "has another launch template than spec says, which EKS can't change")
	})
	if now, _ := w.template(); now == id || w.count("ec2.CreateLaunchTemplate") != 2 || w.updates("UpdateNodegroupVersion") != 0 {
		t.Errorf("the template is %s after %d creations, and nodes were replaced %d times", now, w.count("ec2.CreateLaunchTemplate"), w.updates("UpdateNodegroupVersion"))
	}
}

func TestAGivenLaunchTemplateIsUsedAndStays(t *testing.T) {
	p := newPool(testName)
	w := newWorld(t, true, p)
	w.buildCluster()
	made, err := w.Session().EC2.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("corporate"),
		LaunchTemplateData: &ec2types.RequestLaunchTemplateData{InstanceType: "m5.large"}})
	w.Must(err)
	w.change(testName, func(p *infrav1.AWSManagedMachinePool) {
		p.Spec.LaunchTemplateRef = &infrav1.LaunchTemplateReference{Name: "corporate", Version: 1}
	})
	w.settle(testName, w.ready(testName))
	_, err = w.Session().EC2.CreateLaunchTemplateVersion(t.Context(), &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: made.LaunchTemplate.LaunchTemplateId,
		LaunchTemplateData: &ec2types.RequestLaunchTemplateData{InstanceType: "m5.xlarge"}})
	w.Must(err)
	w.change(testName, func(p *infrav1.AWSManagedMachinePool) { p.Spec.LaunchTemplateRef.Version = 2 })
	w.settle(testName, func() bool { return w.quiet(testName)() && *w.describe(testName).LaunchTemplate.Version == "2" })
	if n := w.updates("UpdateNodegroupVersion"); n != 1 || *w.describe(testName).Version != "1.33" {
		t.Errorf("%d rotations, and the version is %s", n, *w.describe(testName).Version)
	}
	w.Must(w.Kube.Delete(context.Background(), w.get(testName)))
	w.settle(testName, w.gone(testName))
	if w.count("ec2.DeleteLaunchTemplate") != 0 {
		t.Error("the user's template was deleted")
	}
}

func TestAFailedUpdateIsToldInAWSsWordsAndNotRepeatedAtOnce(t *testing.T) {
	w := newWorld(t, true, newPool(testName))
	w.buildCluster()
	w.settle(testName, w.ready(testName))
	w.act("fail-next-nodegroup")
	w.changeOwner(testName, func(m *clusterv1.MachinePool) { m.Spec.Template.Spec.Version = newVersion })
	w.settle(testName, func() bool {
		c := w.condition(testName, nodegroup.AreaUpdating)
		return c.Reason == "PodEvictionFailure" && strings.Contains(c.Message, "AWS says: PodEvictionFailure: Reached max retries while trying to evict pods")
	})
	if c := w.condition(testName, infrav1.ReadyCondition); c.Status != metav1.ConditionFalse || !w.get(testName).Status.Ready {
		t.Errorf("Ready says %+v, and the pool is ready: %t", c, w.get(testName).Status.Ready)
	}
	for range 20 {
		w.Pass(time.Minute)
		_, err := enginetest.Reconcile(w.pools, testName)
		w.Must(err)
	}
	if n := w.updates("UpdateNodegroupVersion"); n != 1 {
		t.Errorf("it was tried %d times in 20 minutes", n)
	}
	w.restart()
	_, err := enginetest.Reconcile(w.pools, testName)
	w.Must(err)
	if n := w.updates("UpdateNodegroupVersion"); n != 1 {
		t.Errorf("another process tried it again")
	}
	w.change(testName, func(p *infrav1.AWSManagedMachinePool) { p.Spec.ForceUpdate = true })
	w.settle(testName, func() bool { return w.quiet(testName)() && *w.describe(testName).Version == "1.34" })
	if n := w.updates("UpdateNodegroupVersion"); n != 2 {
		t.Errorf("with force it was tried %d times", n-1)
	}
}

func TestWithoutTheRightToReadUpdatesTheNodegroupTells(t *testing.T) {
	w := newWorld(t, true, newPool(testName))
	w.buildCluster()
	w.settle(testName, w.ready(testName))
	w.deny("DescribeUpdate")
	w.change(testName, func(p *infrav1.AWSManagedMachinePool) { p.Spec.Labels = map[string]string{"a": "b"} })
	w.settle(testName, func() bool { return w.describe(testName).Labels["a"] == "b" && w.quiet(testName)() })
	w.change(testName, func(p *infrav1.AWSManagedMachinePool) { p.Spec.Labels = nil })
	w.settle(testName, func() bool { return len(w.describe(testName).Labels) == 0 && w.quiet(testName)() })
}

func TestNodesAreNeverNewerThanTheControlPlane(t *testing.T) {
	w := newWorld(t, true, newPool(testName))
	w.buildCluster()
	w.settle(testName, w.ready(testName))
	w.changeOwner(testName, func(m *clusterv1.MachinePool) { m.Spec.Template.Spec.Version = "v1.35.0" })
	w.settle(testName, func() bool {
		c := w.condition(testName, nodegroup.AreaUpdating)
		return strings.Contains(c.Message, "EKS cluster "+eksName+" to run 1.35: it runs 1.34") && w.get(testName).Status.Ready
	})
	w.changeOwner(testName, func(m *clusterv1.MachinePool) { m.Spec.Template.Spec.Version = "v1.32.0" })
	w.settle(testName, func() bool {
		return strings.Contains(w.condition(testName, nodegroup.AreaUpdating).Message, "EKS goes back to no older version")
	})
	if n := w.updates("UpdateNodegroupVersion"); n != 0 {
		t.Errorf("%d rotations", n)
	}
}

func TestANodegroupThatFailedToComeIsToldAndMadeAgain(t *testing.T) {
	w := newWorld(t, true, newPool(testName))
	w.buildCluster()
	w.act("fail-next-nodegroup")
	w.settle(testName, func() bool { return w.ready(testName)() })
	if w.count("eks.CreateNodegroup") != 2 || w.count("eks.DeleteNodegroup") != 1 || !w.Events.Has("which failed (NodeCreationFailure: Instances failed to join the kubernetes cluster") {
		t.Errorf("%d creations; Events %v", w.count("eks.CreateNodegroup"), w.Events.With("odegroup"))
	}
}
