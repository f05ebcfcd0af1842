package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	gocmp "github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
	"github.com/capa-apiserver/capa-apiserver/test/workload"
)

// joinPatience is for steps that make several machines one after another.
const joinPatience = 10 * time.Minute

// joinedCluster is a cluster with a KubeadmControlPlane and a MachineDeployment, whose instances boot.
type joinedCluster struct {
	w                  *world
	namespace, cluster string
	instances          *workload.Instances
}

func (w *world) newJoinedCluster(namespace, cluster string) *joinedCluster {
	ctx, stop := context.WithCancel(context.Background())
	w.t.Cleanup(stop)
	return &joinedCluster{w: w, namespace: namespace, cluster: cluster, instances: workload.Start(ctx, w.awsConfig(), suite.proxy)}
}

func (w *world) awsConfig() aws.Config {
	return aws.Config{Region: region, BaseEndpoint: &w.awsURL, HTTPClient: emulator.HTTPClient{}, Credentials: credentials.NewStaticCredentialsProvider("AKIAUSER", "x", "")}
}

func (f *joinedCluster) controlPlane() string { return f.cluster + "-control-plane" }
func (f *joinedCluster) workers() string      { return f.cluster + "-md-0" }

// member is a Machine as Cluster API sees it.
type member struct {
	machine, instance, node string
	bootstrap               string
	version                 string
	controlPlane            bool
	deleting                bool
	problem                 string
}

// machines are the cluster's, in the order of their names.
func (f *joinedCluster) machines() []member {
	f.w.t.Helper()
	list := &clusterv1.MachineList{}
	must(f.w.t, f.w.client.List(context.Background(), list, client.InNamespace(f.namespace), client.MatchingLabels{clusterv1.ClusterNameLabel: f.cluster}))
	var members []member
	for _, m := range list.Items {
		_, controlPlane := m.Labels[clusterv1.MachineControlPlaneLabel]
		one := member{machine: m.Name, instance: m.Spec.ProviderID[strings.LastIndex(m.Spec.ProviderID, "/")+1:], node: m.Status.NodeRef.Name,
			bootstrap: aws.ToString(m.Spec.Bootstrap.DataSecretName), version: m.Spec.Version, controlPlane: controlPlane, deleting: m.DeletionTimestamp != nil}
		for _, kind := range []string{clusterv1.MachineInfrastructureReadyCondition, clusterv1.MachineNodeReadyCondition} {
			if i := slices.IndexFunc(m.Status.Conditions, func(c metav1.Condition) bool { return c.Type == kind }); i < 0 {
				one.problem += "no condition " + kind + "; "
			} else if c := m.Status.Conditions[i]; c.Status != metav1.ConditionTrue {
				one.problem += fmt.Sprintf("%s is %s, %s: %s; ", kind, c.Status, c.Reason, c.Message)
			}
		}
		members = append(members, one)
	}
	slices.SortFunc(members, func(a, b member) int { return cmp.Compare(a.machine, b.machine) })
	return members
}

// waitMachines waits until there are so many machines, all of the type and joined, and nothing else.
func (f *joinedCluster) waitMachines(instanceType string, controlPlanes, workers int) {
	f.w.t.Helper()
	f.within(fmt.Sprintf("%d control planes and %d workers of type %s are nodes", controlPlanes, workers, instanceType), func(ctx context.Context) error {
		found := map[bool]int{}
		members := f.machines()
		for _, m := range members {
			if m.deleting || m.problem != "" || m.node == "" {
				return fmt.Errorf("not yet: %+v", m)
			}
			found[m.controlPlane]++
		}
		if found[true] != controlPlanes || found[false] != workers {
			return fmt.Errorf("there are %d and %d", found[true], found[false])
		}
		running, err := f.running(ctx)
		if err != nil {
			return err
		}
		if len(running) != controlPlanes+workers {
			return fmt.Errorf("%d instances run", len(running))
		}
		for _, m := range members {
			if i := running[m.instance]; string(i.InstanceType) != instanceType {
				return fmt.Errorf("instance %s of Machine %s has type %q", m.instance, m.machine, i.InstanceType)
			}
		}
		return f.balancerHolds(ctx, members)
	})
}

// running are the instances that AWS runs, by id.
func (f *joinedCluster) running(ctx context.Context) (map[string]ec2types.Instance, error) {
	out, err := f.w.ec2().DescribeInstances(ctx, &ec2.DescribeInstancesInput{Filters: []ec2types.Filter{
		{Name: aws.String("instance-state-name"), Values: []string{"pending", "running", "shutting-down", "stopping", "stopped"}}}})
	if err != nil {
		return nil, err
	}
	instances := map[string]ec2types.Instance{}
	for _, reservation := range out.Reservations {
		for _, i := range reservation.Instances {
			instances[aws.ToString(i.InstanceId)] = i
		}
	}
	return instances, nil
}

// balancerHolds compares the targets of the API load balancer with the control planes.
func (f *joinedCluster) balancerHolds(ctx context.Context, members []member) error {
	var want, have []string
	for _, m := range members {
		if m.controlPlane {
			want = append(want, m.instance)
		}
	}
	c := elasticloadbalancingv2.NewFromConfig(f.w.awsConfig())
	groups, err := c.DescribeTargetGroups(ctx, &elasticloadbalancingv2.DescribeTargetGroupsInput{})
	if err != nil {
		return err
	}
	for _, group := range groups.TargetGroups {
		health, err := c.DescribeTargetHealth(ctx, &elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: group.TargetGroupArn})
		if err != nil {
			return err
		}
		for _, target := range health.TargetHealthDescriptions {
			if target.TargetHealth.State != "draining" {
				have = append(have, aws.ToString(target.Target.Id))
			}
		}
	}
	slices.Sort(want)
	slices.Sort(have)
	if difference := gocmp.Diff(want, have); difference != "" {
		return fmt.Errorf("the load balancer's targets differ from the control planes (-want +have):\n%s", difference)
	}
	return nil
}

// check looks at every instance of machines that are all nodes.
func (f *joinedCluster) check(tpl template) {
	f.w.t.Helper()
	ctx := context.Background()
	running, err := f.running(ctx)
	must(f.w.t, err)
	zones := map[string]bool{}
	for _, m := range f.machines() {
		i := running[m.instance]
		f.w.t.Run(m.machine, func(t *testing.T) {
			f.checkInstance(t, tpl, m, i)
			f.checkObjects(t, m, i)
		})
		if m.controlPlane {
			zones[aws.ToString(i.Placement.AvailabilityZone)] = true
		}
	}
	if len(zones) != tpl.controlPlanes {
		f.w.t.Errorf("the control planes are in the zones %v, want %d", zones, tpl.controlPlanes)
	}
}

// publicSubnet tells whether a subnet is public: pools of zones have instances there too,
// as CAPA's do, and machines only where they ask for it.
func (f *joinedCluster) publicSubnet(id string) bool {
	cluster := &infrav1.AWSCluster{}
	must(f.w.t, f.w.client.Get(context.Background(), client.ObjectKey{Namespace: f.namespace, Name: f.cluster}, cluster))
	return slices.ContainsFunc(cluster.Spec.Network.Subnets, func(s infrav1.SubnetSpec) bool { return s.ResourceID == id && s.IsPublic })
}

func (f *joinedCluster) checkInstance(t *testing.T, tpl template, m member, i ec2types.Instance) {
	role, groups, profile := "node", []string{"-node", "-lb"}, "nodes"
	if m.controlPlane {
		role, groups, profile = "control-plane", []string{"-controlplane", "-node", "-lb"}, "control-plane"
	}
	tags := map[string]string{}
	for _, tag := range i.Tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	for key, want := range map[string]string{
		"Name": m.machine, "sigs.k8s.io/cluster-api-provider-aws/role": role,
		"sigs.k8s.io/cluster-api-provider-aws/cluster/" + f.cluster: "owned", "kubernetes.io/cluster/" + f.cluster: "owned",
	} {
		if tags[key] != want {
			t.Errorf("tag %s is %q, want %q", key, tags[key], want)
		}
	}
	var have []string
	for _, group := range i.SecurityGroups {
		have = append(have, aws.ToString(group.GroupName))
	}
	for _, suffix := range groups {
		if !slices.Contains(have, f.cluster+suffix) {
			t.Errorf("security groups are %v, want one %s%s", have, f.cluster, suffix)
		}
	}
	if len(have) != len(groups) {
		t.Errorf("security groups are %v, want %d", have, len(groups))
	}
	if pooled := m.machine == f.pool(); i.PublicIpAddress != nil && (!pooled || !f.publicSubnet(aws.ToString(i.SubnetId))) {
		t.Errorf("it has the public address %s", *i.PublicIpAddress)
	}
	if i.IamInstanceProfile == nil || !strings.HasSuffix(aws.ToString(i.IamInstanceProfile.Arn), "/"+profile+".cluster-api-provider-aws.sigs.k8s.io") {
		t.Errorf("its instance profile is %s", pretty(i.IamInstanceProfile))
	}
	images, err := f.w.ec2().DescribeImages(context.Background(), &ec2.DescribeImagesInput{ImageIds: []string{aws.ToString(i.ImageId)}})
	must(t, err)
	if name := aws.ToString(images.Images[0].Name); !strings.HasPrefix(name, "capa-ami-"+tpl.os+"-"+m.version+"-") {
		t.Errorf("its image is %s, want one of %s and %s", name, tpl.os, m.version)
	}
	if data, ok := f.instances.BootstrapData(m.instance); !ok || !bytes.Equal(data, f.bootstrapSecret(m.bootstrap)) {
		t.Errorf("it booted with %d bytes that aren't the bootstrap secret's", len(data))
	}
}

// checkObjects compares an instance with its AWSMachine.
func (f *joinedCluster) checkObjects(t *testing.T, m member, i ec2types.Instance) {
	a := &infrav1.AWSMachine{}
	must(t, f.w.client.Get(context.Background(), client.ObjectKey{Namespace: f.namespace, Name: m.machine}, a))
	if want := fmt.Sprintf("aws:///%s/%s", aws.ToString(i.Placement.AvailabilityZone), m.instance); aws.ToString(a.Spec.ProviderID) != want {
		t.Errorf("its provider id is %q, want %q", aws.ToString(a.Spec.ProviderID), want)
	}
	if state := a.Status.InstanceState; state == nil || *state != "running" {
		t.Errorf("its AWSMachine says %s of its state", pretty(state))
	}
}

func (f *joinedCluster) within(what string, check func(context.Context) error) {
	f.w.t.Helper()
	f.w.within(joinPatience, what, check, f.describe)
}

// describe says where all machines are.
func (f *joinedCluster) describe() string {
	var lines []string
	for _, m := range f.machines() {
		lines = append(lines, fmt.Sprintf("%s (instance %q, node %q, deleting %t): %s", m.machine, m.instance, m.node, m.deleting, m.problem))
	}
	out, err := f.w.tryKubectl("", "get", "awsmachine", "-n", f.namespace, "-o",
		`jsonpath={range .items[*]}{.metadata.name}{" "}{range .status.conditions[*]}{.type}={.status} {.reason} {.message}; {end}{"\n"}{end}`)
	if err != nil {
		out = err.Error()
	}
	control, _ := f.w.tryKubectl("", "get", "kubeadmcontrolplane", "-n", f.namespace, "-o",
		`jsonpath={range .items[*].status.conditions[*]}{.type}={.status} {.reason} {.message}{"\n"}{end}`)
	return strings.Join(append(lines, out, control, f.instances.Problems()), "\n")
}

// replaceType returns the spec of an AWSMachineTemplate, as JSON, with another instance type.
func replaceType(t *testing.T, spec, instanceType string) string {
	t.Helper()
	var parsed struct {
		Template struct {
			Spec map[string]any `json:"spec"`
		} `json:"template"`
	}
	must(t, json.Unmarshal([]byte(spec), &parsed))
	parsed.Template.Spec["instanceType"] = instanceType
	text, err := json.Marshal(parsed)
	must(t, err)
	return string(text)
}
