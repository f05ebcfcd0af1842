package awsmachinepool

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/autoscaling"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/test/fuzzing"
)

// FuzzPlan plans and projects whatever somebody wrote, with its group there and not,
// wanted and deleted.
func FuzzPlan(f *testing.F) {
	for _, seed := range []string{`{}`,
		`{"spec":{"availabilityZones":["us-east-1a"],"awsLaunchTemplate":{"instanceType":"m5.large","rootVolume":{"size":50}}}}`,
		`{"spec":{"providerID":"arn:aws:autoscaling:us-east-1:1:autoScalingGroup:x:autoScalingGroupName/p","lifecycleHooks":[{"name":"h","heartbeatTimeout":"1h"}],"suspendProcesses":{"all":true}}}`,
		`{"spec":{"mixedInstancesPolicy":{"overrides":[{"instanceType":"m5.large"}]},"subnets":[{"filters":[{"name":"tag:a","values":["*?*?*"]}]}],"refreshPreferences":{"strategy":"Rolling"}}}`,
		`{"metadata":{"annotations":{"` + names.TagsAnnotation + `":"{\"a\":\"b\"}"}},"spec":{"additionalTags":{"a":"c"},"ignition":{"version":"3.4"}}}`,
	} {
		f.Add([]byte(seed), false, true)
		f.Add([]byte(seed), true, true)
		f.Add([]byte(seed), false, false)
	}
	f.Fuzz(func(t *testing.T, text []byte, deleted, there bool) {
		pool := &infrav1.AWSMachinePool{}
		if len(text) > fuzzing.MaxInput || json.Unmarshal(text, pool) != nil {
			return
		}
		pool.Namespace, pool.Name, pool.UID = "default", "p", "u"
		if deleted {
			pool.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
		}
		fuzzing.Limited(t, func() {
			infrav1.SetObjectDefaults_AWSMachinePool(pool)
			in := Intent{Pool: pool, Infra: fuzzInfra(), Failures: map[string][]string{}, Bootstrap: &bootstrap.Data{Value: []byte(testData)}, ImageID: "ami-1",
				Image: &ec2types.Image{ImageId: aws.String("ami-1"), RootDeviceName: aws.String("/dev/xvda")},
				Owner: &clusterv1.MachinePool{Spec: clusterv1.MachinePoolSpec{Template: clusterv1.MachineTemplateSpec{
					Spec: clusterv1.MachineSpec{Bootstrap: clusterv1.Bootstrap{DataSecretName: aws.String("p")}}}}}}
			snap := fuzzSnapshot(in, there)
			Plan(in, snap)
			Project(in, snap)
		})
	})
}

func fuzzInfra() *infrastructure.Cluster {
	return &infrastructure.Cluster{Cluster: testName, Region: testRegion, Provisioned: true, VPCID: "vpc-1",
		Subnets: infrav1.Subnets{{ID: "subnet-1", AvailabilityZone: "us-east-1a"}, {ID: "subnet-2", AvailabilityZone: "us-east-1a", IsPublic: true}},
		Groups:  map[infrav1.SecurityGroupRole]string{infrav1.SecurityGroupNode: "sg-1", infrav1.SecurityGroupLB: "sg-2"}}
}

func fuzzSnapshot(in Intent, there bool) *mirror.Snapshot {
	snap := mirror.NewSnapshot(cloud.Scope{Account: "1", Region: testRegion})
	snap = mirror.With(mirror.With(mirror.With(snap, mirror.Subnets, time.Unix(9, 0)), mirror.SecurityGroups, time.Unix(9, 0)), mirror.LaunchTemplates, time.Unix(9, 0))
	if !there {
		return mirror.With(snap, mirror.AutoScalingGroups, time.Unix(9, 0))
	}
	row := mirror.AutoScalingGroup{AutoScalingGroup: astypes.AutoScalingGroup{AutoScalingGroupName: aws.String("p"), AutoScalingGroupARN: aws.String("arn"),
		Instances: []astypes.Instance{{InstanceId: aws.String("i-1"), AvailabilityZone: aws.String("us-east-1a")}}}}
	for key, value := range autoscaling.OwnerOf(in.Pool, in.Infra, nil).Tags("p", "", nil) {
		row.Tags = append(row.Tags, astypes.TagDescription{Key: aws.String(key), Value: aws.String(value)})
	}
	return mirror.With(snap, mirror.AutoScalingGroups, time.Unix(9, 0), row)
}
