package awsmachine

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/test/fuzzing"
)

// FuzzPlan plans and projects any AWSMachine: one to launch, one that has an instance,
// one that is to go.
func FuzzPlan(f *testing.F) {
	for _, text := range []string{
		`{"spec":{"instanceType":"m5.large"}}`,
		`{"spec":{"instanceID":"i-1","cloudInit":{"secretCount":2147483647,"secretPrefix":"prod/db"}}}`,
		`{"spec":{"publicIP":true,"elasticIpPool":{},"dynamicHostAllocation":{},"rootVolume":{"size":8},"subnet":{"filters":[{"name":"vpc-id","values":["*?*?*?*?"]}]}}}`,
		`{"spec":{"ignition":{"version":"3.4"},"additionalSecurityGroups":[{"filters":[{"name":"group-name","values":["*"]}]}]}}`,
	} {
		f.Add([]byte(text))
	}
	snap := fuzzSnapshot()
	f.Fuzz(func(t *testing.T, data []byte) {
		machine := &infrav1.AWSMachine{}
		if len(data) > fuzzing.MaxInput || json.Unmarshal(data, machine) != nil {
			return
		}
		machine.Namespace, machine.Name, machine.UID = "default", "m1", types.UID("u")
		fuzzing.Limited(t, func() { planAll(machine, snap) })
	})
}

// planAll plans and projects a machine in all the situations.
func planAll(machine *infrav1.AWSMachine, snap *mirror.Snapshot) {
	infra := &infrav1.AWSCluster{Spec: infrav1.AWSClusterSpec{Region: testRegion, S3Bucket: &infrav1.S3Bucket{Name: "boot"}}}
	infra.Status.Initialization = &infrav1.Initialization{Provisioned: aws.Bool(true)}
	owner := &clusterv1.Machine{Spec: clusterv1.MachineSpec{Version: "v1.32.4", Bootstrap: clusterv1.Bootstrap{DataSecretName: aws.String("m1")}}}
	cluster := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: testName}}
	for _, format := range []bootstrap.Format{bootstrap.CloudInit, bootstrap.Ignition} {
		for _, going := range []bool{false, true} {
			obj := machine.DeepCopy()
			if going {
				obj.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
			}
			in := newIntent(obj, related{machine: owner, cluster: cluster, infra: infrastructure.OfAWSCluster(infra, testName)}, nil)
			in.Acting = true
			in.Bootstrap, in.ImageID = &bootstrap.Data{Value: []byte(testData), Format: format}, "ami-1"
			if instance.NeedsImage(&in.Machine.Spec) {
				in.Image = &ec2types.Image{ImageId: aws.String("ami-1"), RootDeviceName: aws.String("/dev/sda1")}
			}
			Plan(in, snap)
			Project(in, snap)
		}
	}
}

// fuzzSnapshot is an account with a little of everything that machines are judged by.
func fuzzSnapshot() *mirror.Snapshot {
	at := time.Unix(1_000_000, 0)
	tags := instance.TagList(map[string]string{names.TagOwnedPrefix + testName: names.Owned, names.TagUID: "u", "MachineName": "default/m1"})
	s := mirror.NewSnapshot(cloud.Scope{Account: "1", Region: testRegion})
	s = mirror.With(s, mirror.Instances, at, ec2types.Instance{InstanceId: aws.String("i-1"), Tags: tags,
		State:             &ec2types.InstanceState{Name: ec2types.InstanceStateNameRunning},
		NetworkInterfaces: []ec2types.InstanceNetworkInterface{{NetworkInterfaceId: aws.String("eni-1")}}})
	s = mirror.With(s, mirror.Subnets, at, ec2types.Subnet{SubnetId: aws.String("subnet-1"), VpcId: aws.String("vpc-1"), State: ec2types.SubnetStateAvailable})
	s = mirror.With(s, mirror.SecurityGroups, at, ec2types.SecurityGroup{GroupId: aws.String("sg-1"), GroupName: aws.String("g")})
	s = mirror.With(s, mirror.Addresses, at, ec2types.Address{AllocationId: aws.String("eipalloc-1"), Tags: tags})
	s = mirror.With(s, mirror.Hosts, at, ec2types.Host{HostId: aws.String("h-1"), Tags: tags})
	s = mirror.With(s, mirror.AutoScalingGroups, at)
	s = mirror.With(s, mirror.InstanceTypes, at)
	s = mirror.With(s, mirror.LoadBalancers, at)
	s = mirror.With(s, mirror.TargetGroups, at)
	return mirror.With(s, mirror.ClassicLoadBalancers, at)
}
