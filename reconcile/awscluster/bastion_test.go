package awscluster

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"k8s.io/apimachinery/pkg/api/meta"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

func withBastion(c *infrav1.AWSCluster) { c.Spec.Bastion.Enabled = true }

// bastions returns the living instances.
func (w *world) bastions() []ec2types.Instance {
	w.T.Helper()
	out, err := w.ec2().DescribeInstances(context.Background(), &ec2.DescribeInstancesInput{Filters: []ec2types.Filter{
		{Name: aws.String("instance-state-name"), Values: []string{"pending", "running", "shutting-down"}}}})
	if err != nil {
		w.T.Fatal(err)
	}
	var all []ec2types.Instance
	for _, r := range out.Reservations {
		all = append(all, r.Instances...)
	}
	return all
}

func TestBastionComesIsReplacedAndGoes(t *testing.T) {
	w := newWorld(t, newCluster(withBastion))
	w.create()
	hosts, status := w.bastions(), w.get().Status
	if len(hosts) != 1 || status.Bastion == nil || status.Bastion.ID != *hosts[0].InstanceId || aws.ToString(status.Bastion.PublicIP) == "" {
		t.Fatalf("there are %d bastions, and the status tells of %+v", len(hosts), status.Bastion)
	}
	host := hosts[0]
	if group := status.NetworkStatus.SecurityGroups[infrav1.SecurityGroupBastion].ID; *host.SecurityGroups[0].GroupId != group {
		t.Errorf("its group is %s, want %s", *host.SecurityGroups[0].GroupId, group)
	}
	if host.InstanceType != "t2.micro" || aws.ToString(host.KeyName) != "default" {
		t.Errorf("it is a %s with key %s", host.InstanceType, aws.ToString(host.KeyName))
	}

	if _, err := w.ec2().TerminateInstances(context.Background(), &ec2.TerminateInstancesInput{InstanceIds: []string{*host.InstanceId}}); err != nil {
		t.Fatal(err)
	}
	w.settle(func() bool {
		b := w.get().Status.Bastion
		return w.isReady() && b != nil && b.ID != *host.InstanceId && b.State == infrav1.InstanceStateRunning
	})

	off := w.get()
	off.Spec.Bastion.Enabled = false
	if err := w.Kube.Update(context.Background(), off); err != nil {
		t.Fatal(err)
	}
	w.settle(func() bool { return w.isReady() && w.get().Status.Bastion == nil })
	if hosts := w.bastions(); len(hosts) != 0 {
		t.Errorf("%d bastions are left", len(hosts))
	}
	w.delete()
	if left := w.living(); len(left) > 0 {
		t.Errorf("the account isn't empty: %v", left)
	}
}

// living counts what the account holds but terminated instances, which AWS shows
// for an hour.
func (w *world) living() map[string]int {
	counts := w.Resources()
	if len(w.bastions()) == 0 {
		delete(counts, "instance")
	}
	return counts
}

func TestOneBastionHoweverTheProcessDies(t *testing.T) {
	for _, op := range []string{"ec2.RunInstances"} {
		for _, death := range deaths {
			for _, hidden := range []time.Duration{0, 20 * time.Second} {
				t.Run(op+"/"+death+"/hidden "+hidden.String(), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, newCluster(withBastion))
					w.AWS.Configure(func(c *emulator.Config) { c.HideNewFor = hidden })
					w.settle(w.arm(incident{op: op, mode: death}))
					w.writes = nil
					w.restart()
					w.create()
					if hosts := w.bastions(); len(hosts) != 1 {
						t.Errorf("there are %d bastions", len(hosts))
					}
					w.delete()
					if left := w.living(); len(left) > 0 {
						t.Errorf("the account isn't empty: %v", left)
					}
				})
			}
		}
	}
}

func TestBastionWithoutAnImageSaysWhatToSet(t *testing.T) {
	w := newWorld(t, newCluster(withBastion, func(c *infrav1.AWSCluster) { c.Spec.Bastion.AMI = "ami-00000000000000000" }))
	w.settle(func() bool {
		c := meta.FindStatusCondition(w.get().Status.Conditions, infrav1.BastionHostReadyCondition)
		return c != nil && c.Reason == infrav1.BastionHostFailedReason && strings.Contains(c.Message, "ami-00000000000000000")
	})
	w.delete()
}
