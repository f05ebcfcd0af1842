package cli

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

// managed has commands find a management cluster with the objects.
func managed(t *testing.T, objects ...client.Object) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	kube, before := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build(), management
	management = func(*cobra.Command) (client.Client, error) { return kube, nil }
	t.Cleanup(func() { management = before })
	return kube
}

func somebody() aws.Config {
	return aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL")), Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")}
}

func TestWhatIsDeletedWithAClusterIsAnAnnotation(t *testing.T) {
	cluster := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "metadata": map[string]any{"name": "prod", "namespace": "default"},
		"spec": map[string]any{"infrastructureRef": map[string]any{"apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "AWSCluster", "name": "prod-infra"}}}}
	infra := object(schema.GroupVersionKind{Group: "infrastructure.cluster.x-k8s.io", Version: "v1beta2", Kind: "AWSCluster"})
	infra.SetNamespace("default")
	infra.SetName("prod-infra")
	// Who may write a Cluster has an administrator annotate nothing else.
	elsewhere := cluster.DeepCopy()
	elsewhere.SetName("elsewhere")
	elsewhere.Object["spec"] = map[string]any{"infrastructureRef": map[string]any{"apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "AWSMachine", "name": "prod-infra"}}
	kube := managed(t, cluster, infra, elsewhere)
	annotations := func() map[string]string {
		if err := kube.Get(t.Context(), client.ObjectKeyFromObject(infra), infra); err != nil {
			t.Fatal(err)
		}
		return infra.GetAnnotations()
	}
	if out, _ := runs(t, "gc", "disable", "--cluster-name", "prod"); annotations()[gcAnnotation] != "false" || out != "AWSCluster default/prod-infra is annotated "+gcAnnotation+"=false\n" {
		t.Errorf("disabled it has %v, and %q was said", annotations(), out)
	}
	runs(t, "gc", "enable", "--cluster-name", "prod", "-n", "default")
	runs(t, "gc", "configure", "--cluster-name", "prod", "--gc-task", "load-balancer", "--gc-task", "security-group")
	if annotations()[gcAnnotation] != "true" || annotations()[gcTasksAnnotation] != "load-balancer,security-group" {
		t.Errorf("it has %v", annotations())
	}
	out, _ := runs(t, "gc", "configure", "--cluster-name", "prod")
	if _, ok := annotations()[gcTasksAnnotation]; ok || out != "AWSCluster default/prod-infra has no annotation "+gcTasksAnnotation+"\n" {
		t.Errorf("without tasks it has %v, and %q was said", annotations(), out)
	}
	for says, args := range map[string][]string{"write one of load-balancer, ": {"configure", "--gc-task", "volumes"}, "--cluster-name NAME": {"enable"}, "the Cluster default/none": {"enable", "--cluster-name", "none"},
		"its infrastructureRef names the kind AWSMachine": {"enable", "--cluster-name", "elsewhere"}} {
		if _, _, err := run("", append([]string{"gc"}, args...)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("it says %v, want %q", err, says)
		}
	}
}

func TestWithEKSTheControlPlaneIsAnnotated(t *testing.T) {
	control := object(schema.GroupVersionKind{Group: "controlplane.cluster.x-k8s.io", Version: "v2beta1", Kind: "AWSManagedControlPlane"})
	infra := object(schema.GroupVersionKind{Group: "infrastructure.cluster.x-k8s.io", Version: "v1beta2", Kind: "AWSManagedCluster"})
	for _, o := range []*unstructured.Unstructured{control, infra} {
		o.SetNamespace("default")
	}
	control.SetName("prod-control")
	infra.SetName("prod-infra")
	reference := func(key, group, kind, name string) map[string]any {
		return map[string]any{key: group, "kind": kind, "name": name}
	}
	const infrastructure, controlPlane = "infrastructure.cluster.x-k8s.io", "controlplane.cluster.x-k8s.io"
	for name, c := range map[string]struct {
		infra, control map[string]any
		says           string
	}{
		"by group":            {reference("apiGroup", infrastructure, "AWSManagedCluster", "prod-infra"), reference("apiGroup", controlPlane, "AWSManagedControlPlane", "prod-control"), ""},
		"by version":          {reference("apiVersion", infrastructure+"/v1beta2", "AWSManagedCluster", "prod-infra"), reference("apiVersion", controlPlane+"/v2beta1", "AWSManagedControlPlane", "prod-control"), ""},
		"as infrastructure":   {reference("apiGroup", controlPlane, "AWSManagedControlPlane", "prod-control"), nil, ""},
		"without one":         {reference("apiGroup", infrastructure, "AWSManagedCluster", "prod-infra"), nil, "has no controlPlaneRef yet"},
		"with another":        {reference("apiGroup", infrastructure, "AWSManagedCluster", "prod-infra"), reference("apiGroup", controlPlane, "KubeadmControlPlane", "prod-control"), "its controlPlaneRef names the kind KubeadmControlPlane of controlplane.cluster.x-k8s.io; ours are"},
		"of a stranger's":     {reference("apiGroup", infrastructure, "AWSManagedCluster", "prod-infra"), reference("apiGroup", "example.com", "AWSManagedControlPlane", "prod-control"), "its controlPlaneRef names the kind AWSManagedControlPlane of example.com"},
		"with nothing at all": {nil, nil, "has no infrastructureRef yet"},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := object(schema.GroupVersionKind{Group: "cluster.x-k8s.io", Version: "v1beta2", Kind: "Cluster"})
			cluster.SetNamespace("default")
			cluster.SetName("prod")
			spec := map[string]any{}
			cluster.Object["spec"] = spec
			for field, ref := range map[string]map[string]any{"infrastructureRef": c.infra, "controlPlaneRef": c.control} {
				if ref != nil {
					spec[field] = ref
				}
			}
			kube := managed(t, cluster, control.DeepCopy(), infra.DeepCopy())
			out, _, err := run("", "gc", "disable", "--cluster-name", "prod")
			if c.says != "" {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("it says %v, want %q", err, c.says)
				}
				return
			}
			got := control.DeepCopy()
			if err := kube.Get(t.Context(), client.ObjectKeyFromObject(control), got); err != nil || got.GetAnnotations()[gcAnnotation] != "false" {
				t.Errorf("it has %v, %v", got.GetAnnotations(), err)
			}
			if want := "AWSManagedControlPlane default/prod-control is annotated " + gcAnnotation + "=false\n"; err != nil || out != want {
				t.Errorf("it says %q, %v", out, err)
			}
		})
	}
}

// The tag that resource list looks for has the name of the Cluster, not that of the object for AWS, nor the one in EKS.
func TestNamesOfClustersAreThoseOfCluster(t *testing.T) {
	for _, args := range [][]string{{"resource", "list"}, {"gc", "enable"}, {"gc", "disable"}, {"gc", "configure"}} {
		c, _, err := New(strings.NewReader("")).Find(args)
		if err != nil {
			t.Fatal(err)
		}
		if usage := c.Flag("cluster-name").Usage; !strings.HasPrefix(usage, "the name of the Cluster") {
			t.Errorf("of %q it says %q", args, usage)
		}
	}
}

func TestCredentialsOfControllersAreSeenChangedAndTakenAway(t *testing.T) {
	meta := metav1.ObjectMeta{Namespace: "capa-system", Name: credentialsSecret}
	kube := managed(t, &corev1.Secret{ObjectMeta: meta, Data: map[string][]byte{"credentials": []byte("[default]\nold\n")}},
		&appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: "capa-system", Name: "capa-apiserver"}})
	if stdout, _ := runs(t, "controller", "print-credentials"); stdout != "[default]\nold\n" {
		t.Errorf("it prints %q", stdout)
	}
	t.Setenv("AWS_B64ENCODED_CREDENTIALS", "")
	if _, _, err := run("", "controller", "update-credentials"); err == nil || !strings.Contains(err.Error(), "encode-as-profile prints") {
		t.Errorf("without credentials it says %v", err)
	}
	t.Setenv("AWS_B64ENCODED_CREDENTIALS", base64.StdEncoding.EncodeToString([]byte("[default]\nnew\n")))
	if stdout, _ := runs(t, "controller", "update-credentials"); stdout != "[default]\nnew\n" {
		t.Errorf("it prints %q", stdout)
	}
	runs(t, "controller", "zero-credentials")
	secret := &corev1.Secret{}
	if err := kube.Get(context.Background(), client.ObjectKey{Namespace: "capa-system", Name: credentialsSecret}, secret); err != nil || string(secret.Data["credentials"]) != "\n" {
		t.Errorf("left is %q, %v", secret.Data, err)
	}
	if stdout, _ := runs(t, "controller", "rollout-controller"); stdout != "StatefulSet capa-apiserver restarts\n" {
		t.Errorf("it prints %q", stdout)
	}
	server := &appsv1.StatefulSet{}
	if err := kube.Get(context.Background(), client.ObjectKey{Namespace: "capa-system", Name: "capa-apiserver"}, server); err != nil || server.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] == "" {
		t.Errorf("the server is %+v, %v", server.Spec.Template.Annotations, err)
	}
	for says, args := range map[string][]string{"is the provider installed there?": {"print-credentials", "--namespace", "x"}, "see --namespace": {"rollout-controller", "--namespace", "x"}} {
		if _, _, err := run("", append([]string{"controller"}, args...)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("it says %v, want %q", err, says)
		}
	}
}

// anEKSCluster makes one of the account, with an add-on.
func anEKSCluster(t *testing.T) {
	t.Helper()
	network, k := ec2.NewFromConfig(somebody()), eks.NewFromConfig(somebody())
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	vpc, err := network.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16"), TagSpecifications: []ec2types.TagSpecification{
		{ResourceType: ec2types.ResourceTypeVpc, Tags: []ec2types.Tag{{Key: aws.String("sigs.k8s.io/cluster-api-provider-aws/cluster/prod"), Value: aws.String("owned")}}}}})
	must(err)
	var subnets []string
	for zone, block := range map[string]string{"us-east-1a": "10.0.0.0/24", "us-east-1b": "10.0.1.0/24"} {
		made, err := network.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String(block), AvailabilityZone: aws.String(zone)})
		must(err)
		subnets = append(subnets, *made.Subnet.SubnetId)
	}
	_, err = k.CreateCluster(t.Context(), &eks.CreateClusterInput{Name: aws.String("prod"), Version: aws.String("1.34"), RoleArn: aws.String("arn:aws:iam::123456789012:role/eks-controlplane.cluster-api-provider-aws.sigs.k8s.io"),
		ResourcesVpcConfig: &ekstypes.VpcConfigRequest{SubnetIds: subnets}, Tags: map[string]string{"sigs.k8s.io/cluster-api-provider-aws/cluster/prod": "owned"}})
	must(err)
	must(eks.NewClusterActiveWaiter(k, func(o *eks.ClusterActiveWaiterOptions) { o.MinDelay, o.MaxDelay = 1e6, 1e7 }).Wait(t.Context(), &eks.DescribeClusterInput{Name: aws.String("prod")}, 60e9))
	_, err = k.CreateAddon(t.Context(), &eks.CreateAddonInput{ClusterName: aws.String("prod"), AddonName: aws.String("vpc-cni")})
	must(err)
}

func TestAddonsPodIdentityAndResourcesOfAnEKSCluster(t *testing.T) {
	emulated(t, instant)
	anEKSCluster(t)
	stdout, _ := runs(t, "eks", "addons", "list-available", "-n", "prod", "-r", "us-east-1")
	if !strings.HasPrefix(stdout, "NAME ") || !strings.Contains(stdout, "coredns") || !strings.Contains(stdout, "Cluster version: 1.34") {
		t.Errorf("available are %s", stdout)
	}
	stdout, _ = runs(t, "eks", "addons", "list-installed", "-n", "prod", "-o", "json")
	var list struct{ Addons []installedAddon }
	if err := json.Unmarshal([]byte(stdout), &list); err != nil || len(list.Addons) != 1 || list.Addons[0].Name != "vpc-cni" {
		t.Errorf("installed are %s, %v", stdout, err)
	}
	args := []string{"controller", "use-pod-identity", "-n", "prod", "--service-account", "capa-apiserver"}
	if stdout, _ = runs(t, args...); !strings.Contains(stdout, "capa-system/capa-apiserver has the role arn:aws:iam::123456789012:role/controllers.") {
		t.Errorf("it prints %s", stdout)
	}
	if again, _ := runs(t, args...); again != stdout {
		t.Errorf("a second time it prints %s, at first %s", again, stdout)
	}
	trust := `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}]}`
	if _, err := iam.NewFromConfig(somebody()).CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("other"), AssumeRolePolicyDocument: &trust}); err != nil {
		t.Fatal(err)
	}
	if other, _ := runs(t, append(args, "--role-name", "other")...); other != strings.Replace(stdout, "controllers.cluster-api-provider-aws.sigs.k8s.io", "other", 1) {
		t.Errorf("with another role it prints %s, at first %s", other, stdout)
	}
	if stdout, _ = runs(t, "resource", "list", "-n", "prod", "-r", "us-east-1"); !strings.Contains(stdout, "arn:aws:eks:us-east-1:123456789012:cluster/prod") ||
		!strings.Contains(stdout, "arn:aws:ec2:us-east-1:123456789012:vpc/vpc-") {
		t.Errorf("it prints %s", stdout)
	}
	if stdout, stderr := runs(t, "resource", "list", "-n", "none", "-o", "json"); !strings.Contains(stdout, `"awsResources": []`) || !strings.Contains(stderr, "There is nothing") {
		t.Errorf("of none it prints %s, %s", stdout, stderr)
	}
	for says, args := range map[string][]string{
		"create-cloudformation-stack makes it": append(args, "--role-name", "none"),
		"EKS has no cluster none in this account and region; write its name in EKS: it is in spec.eksClusterName": {"eks", "addons", "list-installed", "-n", "none"},
		"EKS has no cluster nobody":      {"eks", "addons", "list-available", "-n", "nobody"},
		"the cluster's name in EKS":      {"eks", "addons", "list-available"},
		"write the cluster's name":       {"resource", "list"},
		"the EKS name of the management": {"controller", "use-pod-identity"},
	} {
		if _, _, err := run("", args...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("it says %v, want %q", err, says)
		}
	}
}

func TestImagesAreListedAndCopied(t *testing.T) {
	emulated(t)
	stdout, _ := runs(t, "ami", "list", "--region", "us-east-1", "--os", "ubuntu-24.04", "-o", "json")
	var list imageList
	if err := json.Unmarshal([]byte(stdout), &list); err != nil || len(list.Items) == 0 {
		t.Fatalf("%s, %v", stdout, err)
	}
	minors := map[string]bool{}
	for _, i := range list.Items {
		minors[strings.Join(strings.Split(i.Spec.KubernetesVersion, ".")[:2], ".")] = true
		if i.Spec.OS != "ubuntu-24.04" || i.Spec.Region != "us-east-1" {
			t.Errorf("listed is %+v", i)
		}
	}
	if len(minors) != 3 {
		t.Errorf("the minor versions are %v", minors)
	}
	if stdout, _ = runs(t, "ami", "list", "--region", "us-east-1", "--kubernetes-version", "v1.2.3", "-o", "json"); !strings.Contains(stdout, `"items": []`) {
		t.Errorf("of none it prints %s", stdout)
	}
	which := []string{"--os", "ubuntu-24.04", "--kubernetes-version", list.Items[0].Spec.KubernetesVersion, "--region", "eu-north-1"}
	if stdout, stderr := runs(t, append([]string{"ami", "copy", "--dry-run"}, which...)...); stdout != "" || !strings.Contains(stderr, "can be copied from us-east-1 to eu-north-1") {
		t.Errorf("it prints %s, %s", stdout, stderr)
	}
	runs(t, append([]string{"ami", "copy"}, which...)...)
	stdout, _ = runs(t, append([]string{"ami", "encrypted-copy", "--kms-key-id", "alias/mine"}, which...)...)
	if !strings.Contains(stdout, "kind: AWSAMI") || !strings.Contains(stdout, "region: eu-north-1") {
		t.Errorf("it prints %s", stdout)
	}
	there := ec2.NewFromConfig(somebody(), func(o *ec2.Options) { o.Region = "eu-north-1" })
	images, err := there.DescribeImages(t.Context(), &ec2.DescribeImagesInput{Owners: []string{"self"}})
	if err != nil || len(images.Images) != 2 {
		t.Fatalf("there are %+v, %v", images, err)
	}
	encrypted := 0
	for _, i := range images.Images {
		if aws.ToBool(i.BlockDeviceMappings[0].Ebs.Encrypted) && aws.ToString(i.BlockDeviceMappings[0].Ebs.KmsKeyId) == "alias/mine" && i.State == ec2types.ImageStateAvailable {
			encrypted++
		}
	}
	if encrypted != 1 {
		t.Errorf("%d of them are encrypted", encrypted)
	}
	for says, args := range map[string][]string{"write --os": {"copy"}, "has no image of x for Kubernetes v1.2.3": {"copy", "--os", "x", "--kubernetes-version", "v1.2.3"}, "write table, json or yaml": {"list", "-o", "x"}} {
		if _, _, err := run("", append([]string{"ami"}, args...)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("it says %v, want %q", err, says)
		}
	}
}
