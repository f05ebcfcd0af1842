package awsmachine

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// setting is a machine and what it needs, with the calls of its life that change
// AWS, each of which may get lost.
type setting struct {
	name    string
	cluster func(*infrav1.AWSCluster)
	machine []func(*infrav1.AWSMachine, *clusterv1.Machine)
	// data and format are the bootstrap data; none for the world's own.
	data, format string
	launch       []string
	delete       []string
	// skip is how many of the same calls go well first.
	skip int
	// plain tells that no bootstrap data is kept in AWS.
	plain bool
}

var settings = []setting{
	{
		name:    "secrets and a network load balancer",
		cluster: func(*infrav1.AWSCluster) {},
		machine: []func(*infrav1.AWSMachine, *clusterv1.Machine){controlPlane},
		launch:  []string{"secretsmanager.CreateSecret", "ec2.RunInstances", "elbv2.RegisterTargets"},
		delete:  []string{"elbv2.DeregisterTargets", "ec2.TerminateInstances", "secretsmanager.DeleteSecret"},
	},
	{
		name:    "several secrets",
		cluster: func(*infrav1.AWSCluster) {},
		data:    longData,
		format:  "cloud-config",
		launch:  []string{"secretsmanager.CreateSecret"},
		delete:  []string{"secretsmanager.DeleteSecret"},
		skip:    1,
	},
	{
		name: "parameters and a classic load balancer",
		cluster: func(c *infrav1.AWSCluster) {
			c.Spec.ControlPlaneLoadBalancer = &infrav1.AWSLoadBalancerSpec{LoadBalancerType: infrav1.LoadBalancerTypeClassic}
		},
		machine: []func(*infrav1.AWSMachine, *clusterv1.Machine){controlPlane, func(obj *infrav1.AWSMachine, _ *clusterv1.Machine) {
			obj.Spec.CloudInit = &infrav1.CloudInit{SecureSecretsBackend: infrav1.SecretBackendSSMParameterStore}
		}},
		launch: []string{"ssm.PutParameter", "ec2.RunInstances", "elb.RegisterInstancesWithLoadBalancer"},
		delete: []string{"elb.DeregisterInstancesFromLoadBalancer", "ec2.TerminateInstances", "ssm.DeleteParameter"},
	},
	{
		name: "Ignition in a bucket",
		cluster: func(c *infrav1.AWSCluster) {
			c.Spec.S3Bucket = &infrav1.S3Bucket{Name: "boot", PresignedURLDuration: aws.String("1h")}
		},
		machine: []func(*infrav1.AWSMachine, *clusterv1.Machine){ignition(func(*infrav1.Ignition) {})},
		data:    ignitionData,
		format:  "ignition",
		launch:  []string{"s3.PutObject", "ec2.RunInstances"},
		delete:  []string{"ec2.TerminateInstances", "s3.DeleteObject"},
	},
	{
		name:    "a dedicated host of its own",
		cluster: func(*infrav1.AWSCluster) {},
		machine: []func(*infrav1.AWSMachine, *clusterv1.Machine){plainData, dynamicHost},
		plain:   true,
		launch:  []string{"ec2.AllocateHosts", "ec2.RunInstances"},
		delete:  []string{"ec2.TerminateInstances", "ec2.ReleaseHosts"},
	},
	{
		name:    "a public address of its own",
		cluster: func(*infrav1.AWSCluster) {},
		machine: []func(*infrav1.AWSMachine, *clusterv1.Machine){plainData, pooledAddress},
		plain:   true,
		launch:  []string{"ec2.RunInstances", "ec2.AllocateAddress", "ec2.AssociateAddress"},
		delete:  []string{"ec2.TerminateInstances", "ec2.ReleaseAddress"},
	},
}

// create makes a machine of the setting.
func (s setting) create(w *world, name string) {
	w.T.Helper()
	w.machine(name, s.machine...)
	if s.data != "" {
		w.setData(name, s.data, s.format)
	}
}

// answered is the mode of an incident in which AWS's answer arrives, and the
// process ends at one of the next writes to the store.
const answered = "answered"

// incident is what goes wrong at one call.
type incident struct {
	op   string
	mode string
	// skip is how many of the calls go well first.
	skip int
	// dies tells that the process ends. After an answer it does so before its first
	// write, or before the one after so many.
	dies   bool
	writes int
	// hidden is how long AWS hides what it made.
	hidden time.Duration
}

// incidents are all that may go wrong at the calls, of which the first few go well.
func incidents(ops []string, skip int) []incident {
	var list []incident
	for _, op := range ops {
		for _, hidden := range []time.Duration{0, 30 * time.Second} {
			for _, mode := range []string{emulator.DropBefore, emulator.DropAfter} {
				for _, dies := range []bool{true, false} {
					list = append(list, incident{op: op, skip: skip, mode: mode, dies: dies, hidden: hidden})
				}
			}
			for writes := range 3 {
				list = append(list, incident{op: op, skip: skip, mode: answered, dies: true, writes: writes, hidden: hidden})
			}
		}
	}
	return list
}

func (x incident) String() string {
	life := "the process lives on"
	if x.dies {
		life = fmt.Sprintf("the process dies after %d writes", x.writes)
	}
	return fmt.Sprintf("%s/%s/%s/hidden for %s", x.op, x.mode, life, x.hidden)
}

// set arms the incident.
func (x incident) set(w *world) {
	w.AWS.Configure(func(c *emulator.Config) { c.HideNewFor, c.HideNewFromWrites = x.hidden, x.hidden > 0 })
	service, name, _ := strings.Cut(x.op, ".")
	fault := emulator.Fault{ID: "death", Service: service, Operation: name, Skip: x.skip, Count: 1, Mode: x.mode}
	if x.mode == answered {
		fault.Mode = emulator.Delay // by nothing: it only marks the call
		left := x.writes
		w.Ending = func() error {
			if !w.hit() {
				return nil
			}
			if left--; left < 0 {
				return errEnded
			}
			return nil
		}
	}
	w.AWS.Faults().Set(fault)
}

// strike reconciles until the incident has happened, and goes on with another
// process if this one has ended.
func (x incident) strike(w *world, name string) {
	w.T.Helper()
	w.settle(name, w.hit)
	if x.dies {
		w.restart()
	}
}

// hit tells whether the incident happened.
func (w *world) hit() bool {
	for _, entry := range w.AWS.Log() {
		if entry.Fault == "death" {
			return true
		}
	}
	return false
}
