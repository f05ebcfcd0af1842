package admission

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// eksWorld has a cluster on EKS at v1.34, and a MachinePool of each version that is named so.
func eksWorld(t *testing.T) (*liveWorld, nodegroupRules) {
	w := newLiveWorld(t)
	plane := controlPlane(func(s *controlplanev1.AWSManagedControlPlaneSpec) {
		s.Network.VPC.ID = w.vpc
		s.Network.Subnets = infrav1.Subnets{{ID: "private-a", ResourceID: w.subnet, AvailabilityZone: "us-east-1a"}}
	})
	owner := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "eks"}}
	owner.Spec.ControlPlaneRef = clusterv1.ContractVersionedObjectReference{APIGroup: controlplanev1.GroupName, Kind: "AWSManagedControlPlane", Name: plane.Name}
	owner.Spec.InfrastructureRef = clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupName, Kind: "AWSManagedCluster", Name: "eks"}
	objects := []client.Object{plane, owner}
	for _, version := range []string{"", "v1.30.4", "v1.31.0", "v1.32.1", "v1.34.1", "v1.35.0"} {
		pool := &clusterv1.MachinePool{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "pool" + version}, Spec: clusterv1.MachinePoolSpec{ClusterName: "eks"}}
		pool.Spec.Template.Spec.Version = version
		pool.Spec.Template.Spec.InfrastructureRef = clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.GroupName, Kind: "AWSManagedMachinePool", Name: "group" + version}
		objects = append(objects, pool)
	}
	for _, object := range objects {
		w.must(w.kube.Create(t.Context(), object))
	}
	return w, nodegroupRules{machineRules{live: w.rules.live}}
}

func nodegroup(version string, change func(*infrav1.AWSManagedMachinePoolSpec)) *infrav1.AWSManagedMachinePool {
	p := &infrav1.AWSManagedMachinePool{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "group" + version}}
	change(&p.Spec)
	return p
}

func (rules nodegroupRules) said(t *testing.T, updated, old *infrav1.AWSManagedMachinePool) (warnings []string, errs field.ErrorList) {
	t.Helper()
	r := Request{Operation: admissionv1.Create, Namespace: "default", Object: updated}
	if old != nil {
		r.Operation, r.Old = admissionv1.Update, old
	}
	for _, rule := range []Rule{rules.ofEKS, rules.fits} {
		warned, refused := rule(t.Context(), r)
		warnings, errs = append(warnings, warned...), append(errs, refused...)
	}
	return warnings, errs
}

func kindOfImage(kind infrav1.ManagedMachineAMIType) *infrav1.ManagedMachineAMIType { return &kind }

func TestNodeGroupsAskOnlyForWhatAWSHas(t *testing.T) {
	w, rules := eksWorld(t)
	w.role("nodes-good", "ec2.amazonaws.com")
	w.role("nodes-eks", "eks.amazonaws.com")
	w.aws.Configure(func(c *emulator.Config) { c.NotOffered = []string{"c5.xlarge/us-east-1a"} })
	template := func(name string, data ec2types.RequestLaunchTemplateData) *infrav1.LaunchTemplateReference {
		_, err := w.ec2.CreateLaunchTemplate(t.Context(), &ec2.CreateLaunchTemplateInput{LaunchTemplateName: &name, LaunchTemplateData: &data})
		w.must(err)
		return &infrav1.LaunchTemplateReference{Name: name, Version: 1}
	}
	plain := template("plain", ec2types.RequestLaunchTemplateData{InstanceType: "m5.large"})
	profile := template("profile", ec2types.RequestLaunchTemplateData{IamInstanceProfile: &ec2types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: aws.String("nodes.example")}})
	image := template("image", ec2types.RequestLaunchTemplateData{ImageId: &w.intel})
	release := func(version string) string {
		out, err := w.ec2.DescribeImages(t.Context(), &ec2.DescribeImagesInput{Owners: []string{"amazon"},
			Filters: []ec2types.Filter{{Name: aws.String("name"), Values: []string{"amazon-eks-node-al2023-x86_64-standard-" + version + "-v*"}}}})
		w.must(err)
		_, day, _ := strings.Cut(*out.Images[0].Name, "-"+version+"-v")
		return version + ".1-" + day
	}
	al2023 := kindOfImage(infrav1.AMITypeAL2023x86_64Standard)
	type spec = infrav1.AWSManagedMachinePoolSpec
	for name, c := range map[string]struct {
		version       string
		change        func(*spec)
		warning, want string
	}{
		"all there": {"v1.34.1", func(s *spec) {
			s.AMIType, s.AMIVersion, s.RoleName, s.SubnetIDs = al2023, aws.String(release("1.34")), "nodes-good", []string{w.subnet}
			s.InstanceTypes, s.RemoteAccess = []string{"m5.large", "c5.large"}, &infrav1.ManagedRemoteAccess{SSHKeyName: aws.String("ops"), SourceSecurityGroups: []string{w.group}}
		}, "", ""},
		"nothing said":            {"", func(*spec) {}, "", ""},
		"a version behind":        {"v1.31.0", func(*spec) {}, "", ""},
		"a version too far back":  {"v1.30.4", func(*spec) {}, "", "MachinePool poolv1.30.4 asks for v1.30, and nodes must not be more than 3 minor versions older than their control plane, which is v1.34: write v1.31 at least"},
		"a version ahead":         {"v1.35.0", func(*spec) {}, "", "nodes must not be newer than their control plane, which is v1.34: write v1.34 into its spec.template.spec.version, or upgrade AWSManagedControlPlane cp first"},
		"Amazon Linux 2 too late": {"v1.34.1", func(s *spec) { s.AMIType = kindOfImage(infrav1.AMITypeAL2ARM64) }, "", `spec.amiType: Invalid value: "AL2_ARM_64": EKS has no images of Amazon Linux 2 for v1.34, which MachinePool poolv1.34.1 asks for: write AL2023_ARM_64_STANDARD, with a NodeadmConfig where there is an EKSConfig, or v1.32 or older`},
		"Amazon Linux 2 too late by the control plane's version": {"", func(s *spec) { s.AMIType = kindOfImage(infrav1.AMITypeAL2x86_64) }, "", "which AWSManagedControlPlane cp asks for: write AL2023_x86_64_STANDARD"},
		"Amazon Linux 2 in time":                                 {"v1.32.1", func(s *spec) { s.AMIType = kindOfImage(infrav1.AMITypeAL2x86_64) }, "", ""},
		"Amazon Linux 2 of one's own": {"v1.34.1", func(s *spec) {
			s.AMIType = kindOfImage(infrav1.AMITypeAL2x86_64)
			s.AWSLaunchTemplate = &infrav1.AWSLaunchTemplate{AMI: infrav1.AMIReference{ID: &w.intel}}
		}, "", ""},
		"a release of another version":  {"v1.34.1", func(s *spec) { s.AMIType, s.AMIVersion = al2023, aws.String("1.33.1-20250901") }, "", `spec.amiVersion: Invalid value: "1.33.1-20250901": is a release for v1.33, and MachinePool poolv1.34.1 asks for v1.34: write one for v1.34, or leave it out for the newest`},
		"a release that there isn't":    {"v1.34.1", func(s *spec) { s.AMIType, s.AMIVersion = al2023, aws.String("1.34.1-19990101") }, "", "EKS has no such release, which would be the image amazon-eks-node-al2023-x86_64-standard-1.34-v19990101: leave it out for the newest"},
		"an image of another processor": {"", func(s *spec) { s.AMIType, s.InstanceType = al2023, aws.String("m6g.large") }, "", `spec.instanceType: Invalid value: "m6g.large": is arm64, and amiType AL2023_x86_64_STANDARD is for x86_64: write another amiType, or an instance type such as m3.large`},
		"the usual type and another's":  {"", func(s *spec) { s.AMIType = kindOfImage(infrav1.AMITypeAL2023ARM64Standard) }, "", `spec.instanceType: Invalid value: "t3.medium": is x86_64`},
		"types of two processors":       {"", func(s *spec) { s.InstanceTypes = []string{"m5.large", "m6g.large"} }, "", "spec.instanceTypes[1]: Invalid value: \"m6g.large\": is arm64, and m5.large is x86_64: the nodes of a group have one image"},
		"a type that isn't":             {"", func(s *spec) { s.InstanceType = aws.String("m5.larg") }, "", `spec.instanceType: Invalid value: "m5.larg": is not offered in us-east-1: did you mean m5.large`},
		"a type of other zones":         {"", func(s *spec) { s.InstanceTypes = []string{"c5.xlarge"} }, "", "spec.instanceTypes[0]: Invalid value: \"c5.xlarge\": is offered in none of the cluster's zones (us-east-1a)"},
		"a type that the zone lacks":    {"", func(s *spec) { s.InstanceType, s.AvailabilityZones = aws.String("c5.xlarge"), []string{"us-east-1a"} }, "", "which spec.availabilityZones[0] asks for"},
		"a type of a template":          {"", func(s *spec) { s.AWSLaunchTemplate = &infrav1.AWSLaunchTemplate{InstanceType: "m5.larg"} }, "", "spec.awsLaunchTemplate.instanceType: Invalid value"},
		"an image that isn't": {"", func(s *spec) {
			s.AWSLaunchTemplate = &infrav1.AWSLaunchTemplate{AMI: infrav1.AMIReference{ID: aws.String("ami-0123456789abcdef0")}}
		}, "", "spec.awsLaunchTemplate.ami.id: Invalid value"},
		"no such subnet": {"", func(s *spec) { s.SubnetIDs = []string{"private-a", "subnet-0123456789abcdef0"} }, "", "spec.subnetIDs[1]: Invalid value: \"subnet-0123456789abcdef0\": there is no such subnet in us-east-1"},
		"no such group": {"", func(s *spec) {
			s.RemoteAccess = &infrav1.ManagedRemoteAccess{SSHKeyName: aws.String("ops"), SourceSecurityGroups: []string{"sg-0123456789abcdef0"}}
		}, "", "spec.remoteAccess.sourceSecurityGroups[0]: Invalid value"},
		"no such key":                      {"", func(s *spec) { s.RemoteAccess = &infrav1.ManagedRemoteAccess{SSHKeyName: aws.String("op")} }, "", `spec.remoteAccess.sshKeyName: Invalid value: "op": there is no such key pair`},
		"no such key in a template":        {"", func(s *spec) { s.AWSLaunchTemplate = &infrav1.AWSLaunchTemplate{SSHKeyName: aws.String("op")} }, "", "spec.awsLaunchTemplate.sshKeyName: Invalid value"},
		"no such role":                     {"", func(s *spec) { s.RoleName = "gone" }, "spec.roleName: there is no role gone that account 123456789012 shows: the node group waits until there is", ""},
		"a role of something else":         {"", func(s *spec) { s.RoleName = "nodes-eks" }, "", "add the service ec2.amazonaws.com to its principals"},
		"a launch template":                {"", func(s *spec) { s.LaunchTemplateRef = plain }, "", ""},
		"one that isn't":                   {"", func(s *spec) { s.LaunchTemplateRef = &infrav1.LaunchTemplateReference{Name: "gone", Version: 1} }, "", "spec.launchTemplateRef: Invalid value: \"version 1 of gone\": there is no such launch template"},
		"a version of it that isn't":       {"", func(s *spec) { s.LaunchTemplateRef = &infrav1.LaunchTemplateReference{Name: "plain", Version: 9} }, "", "or no such version of it, in us-east-1"},
		"a launch template with a profile": {"", func(s *spec) { s.LaunchTemplateRef = profile }, "", "it has an instance profile, which EKS makes itself, of roleName: make a version of it without"},
		"two sources of the type":          {"", func(s *spec) { s.LaunchTemplateRef, s.InstanceTypes = plain, []string{"m5.large"} }, "", "it has an instance type, and so has the pool"},
		"two sources of the image":         {"", func(s *spec) { s.LaunchTemplateRef, s.AMIType = image, al2023 }, "", "it has an image, with which amiType is CUSTOM or left out"},
	} {
		t.Run(name, func(t *testing.T) {
			warnings, errs := rules.said(t, nodegroup(c.version, c.change), nil)
			expect(t, errs, c.want)
			if warned := strings.Join(warnings, "\n"); (c.warning == "") != (warned == "") || !strings.Contains(warned, c.warning) {
				t.Errorf("warned of %q, want %q", warned, c.warning)
			}
		})
	}
}

func TestANodeGroupIsAskedAboutAgainOnlyWhereItChanges(t *testing.T) {
	w, rules := eksWorld(t)
	wrong := func(s *infrav1.AWSManagedMachinePoolSpec) {
		s.InstanceType, s.RoleName, s.AMIVersion = aws.String("m5.larg"), "gone", aws.String("1.20.0-20200101")
	}
	old, updated := nodegroup("v1.30.4", wrong), nodegroup("v1.30.4", wrong)
	updated.Spec.Labels, updated.Spec.ForceUpdate = map[string]string{"a": "b"}, true
	if warnings, errs := rules.said(t, updated, old); len(warnings)+len(errs) > 0 {
		t.Errorf("an update of something else: %q, %v", warnings, errs)
	}
	updated.Spec.AMIVersion = aws.String("1.33.1-20250901")
	_, errs := rules.said(t, updated, old)
	expect(t, errs, "is a release for v1.33")
	deleted := nodegroup("", wrong)
	deleted.DeletionTimestamp = &metav1.Time{}
	deleted.DeletionTimestamp.Time = w.now.Now()
	if warnings, errs := rules.fits(t.Context(), Request{Operation: admissionv1.Update, Namespace: "default", Object: deleted, Old: old}); len(warnings)+len(errs) > 0 {
		t.Errorf("one that is deleted: %q, %v", warnings, errs)
	}
}

func TestANodeGroupIsOfAnEKSClusterAndNoOtherObjects(t *testing.T) {
	w, rules := eksWorld(t)
	self := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "self"}}
	self.Spec.ControlPlaneRef = clusterv1.ContractVersionedObjectReference{APIGroup: controlplanev1.GroupName, Kind: "KubeadmControlPlane", Name: "self"}
	w.must(w.kube.Create(t.Context(), self))
	in := func(cluster, name, group string) *infrav1.AWSManagedMachinePool {
		return &infrav1.AWSManagedMachinePool{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{clusterv1.ClusterNameLabel: cluster}},
			Spec: infrav1.AWSManagedMachinePoolSpec{AWSManagedMachinePoolCommonSpec: infrav1.AWSManagedMachinePoolCommonSpec{EKSNodegroupName: group}}}
	}
	w.must(w.kube.Create(t.Context(), in("eks", "there", "workers")))
	for name, c := range map[string]struct{ cluster, object, group, want string }{
		"of EKS":                  {"eks", "new", "", ""},
		"of kubeadm":              {"self", "new", "", "the control plane of Cluster self is a KubeadmControlPlane, and managed node groups are of EKS clusters only: use an AWSMachinePool"},
		"of none yet":             {"later", "new", "", ""},
		"a name in use":           {"eks", "new", "workers", "spec.eksNodegroupName: Forbidden: workers is that of AWSManagedMachinePool default/there"},
		"itself":                  {"eks", "there", "workers", ""},
		"a name in use elsewhere": {"later", "new", "workers", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, errs := rules.said(t, in(c.cluster, c.object, c.group), nil)
			expect(t, errs, c.want)
		})
	}
	for i := range mostNodegroups {
		w.must(w.kube.Create(t.Context(), in("eks", fmt.Sprintf("more-%d", i), "")))
	}
	warnings, errs := rules.said(t, in("eks", "new", ""), nil)
	if len(errs) > 0 || len(warnings) != 1 || !strings.Contains(warnings[0], "Cluster eks has 31 node groups already, and EKS lets it have 30") {
		t.Errorf("%q, %v", warnings, errs)
	}
}

func TestAllThatNobodyMayAskAboutANodeGroupIsOneWarning(t *testing.T) {
	w, rules := eksWorld(t)
	w.fault("UnauthorizedOperation", 403)
	group := nodegroup("v1.34.1", func(s *infrav1.AWSManagedMachinePoolSpec) {
		s.AMIType, s.AMIVersion, s.RoleName, s.SubnetIDs = kindOfImage(infrav1.AMITypeAL2023x86_64Standard), aws.String("1.34.1-20251112"), "nodes", []string{"subnet-0123456789abcdef0"}
		s.InstanceType, s.RemoteAccess = aws.String("m5.large"), &infrav1.ManagedRemoteAccess{SSHKeyName: aws.String("op"), SourceSecurityGroups: []string{"sg-0123456789abcdef0"}}
	})
	warnings, errs := rules.said(t, group, nil)
	if len(errs) > 0 || len(warnings) != 1 {
		t.Fatalf("%q, %v", warnings, errs)
	}
	for _, path := range []string{"spec.amiType", "spec.amiVersion", "spec.roleName", "spec.instanceType", "spec.remoteAccess.sshKeyName", "spec.subnetIDs[0]", "spec.remoteAccess.sourceSecurityGroups[0]", "AWS could not be asked"} {
		if !strings.Contains(warnings[0], path) {
			t.Errorf("it doesn't say %q: %s", path, warnings[0])
		}
	}
}
