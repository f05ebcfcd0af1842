package awsmachine

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"k8s.io/apimachinery/pkg/api/meta"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

const testPool = "ipv4pool-ec2-0123456789abcdef0"

// pooledAddress gives the machine a public address of the user's pool, or of Amazon's.
func pooledAddress(obj *infrav1.AWSMachine, _ *clusterv1.Machine) {
	fallback := infrav1.PublicIpv4PoolFallbackOrderAmazonPool
	obj.Spec.PublicIP = aws.Bool(true)
	obj.Spec.ElasticIPPool = &infrav1.ElasticIPPool{PublicIpv4Pool: aws.String(testPool), PublicIpv4PoolFallBackOrder: &fallback}
}

// machineAddresses returns the addresses that aren't NAT gateways'.
func (w *world) machineAddresses() []ec2types.Address {
	w.T.Helper()
	out, err := w.ec2().DescribeAddresses(context.Background(), &ec2.DescribeAddressesInput{
		Filters: []ec2types.Filter{{Name: aws.String("tag:sigs.k8s.io/cluster-api-provider-aws/role"), Values: []string{"ec2-*"}}}})
	w.Must(err)
	return out.Addresses
}

func TestAMachineHasItsPublicAddressForAsLongAsItsInstance(t *testing.T) {
	w := newWorld(t)
	before := w.Resources()
	w.machine("m1", plainData, pooledAddress)
	w.settle("m1", w.ready("m1"))
	w.Pass(2 * time.Minute)
	w.settle("m1", func() bool { return len(w.get("m1").Status.PendingCreations) == 0 })
	addresses, i := w.machineAddresses(), w.instances()[0]
	if len(addresses) != 1 || aws.ToString(addresses[0].InstanceId) != aws.ToString(i.InstanceId) || aws.ToString(addresses[0].PublicIpv4Pool) != testPool {
		t.Fatalf("the addresses are %+v", addresses)
	}
	found := false
	for _, a := range w.get("m1").Status.Addresses {
		found = found || a.Type == infrav1.MachineAddressExternalIP && a.Address == aws.ToString(addresses[0].PublicIp)
	}
	if !found {
		t.Errorf("the status's addresses are %v", w.get("m1").Status.Addresses)
	}
	w.Halt()
	w.AWS.ResetCounts()
	_, err := w.reconcile("m1")
	w.Must(err)
	if counts := w.AWS.Counts(); len(counts) > 0 {
		t.Errorf("at rest it costs %v", counts)
	}
	w.boot()
	w.delete("m1")
	if n := len(w.machineAddresses()); n > 0 {
		t.Errorf("%d addresses are left", n)
	}
	w.nothingLeft(before)
}

// TestAYoungMachineWithAPoolAddressGoesAsQuicklyAsOthers: its address was seen and
// released, so that there is no allocation to wait for.
func TestAYoungMachineWithAPoolAddressGoesAsQuicklyAsOthers(t *testing.T) {
	w := newWorld(t)
	before := w.Resources()
	w.machine("m1", plainData, pooledAddress)
	w.settle("m1", w.ready("m1"))
	w.Pass(5 * time.Second)
	w.Must(w.Kube.Delete(context.Background(), w.get("m1")))
	start := w.Now.Now()
	w.settle("m1", func() bool { return w.gone("m1") })
	if took := w.Now.Since(start); took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
	w.nothingLeft(before)
}

func TestAnExhaustedPoolFallsBackToAmazonsOnlyWhereAllowed(t *testing.T) {
	for name, allowed := range map[string]bool{"allowed": true, "not allowed": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.AWS.Faults().Set(emulator.Fault{Operation: "AllocateAddress", Parameters: map[string]string{"PublicIpv4Pool": "*"}, Code: "InsufficientAddressCapacity", Status: 400})
			w.machine("m1", plainData, pooledAddress, func(obj *infrav1.AWSMachine, _ *clusterv1.Machine) {
				if !allowed {
					none := infrav1.PublicIpv4PoolFallbackOrderNone
					obj.Spec.ElasticIPPool.PublicIpv4PoolFallBackOrder = &none
				}
			})
			if allowed {
				w.settle("m1", w.ready("m1"))
				if a := w.machineAddresses(); len(a) != 1 || aws.ToString(a[0].PublicIpv4Pool) != "amazon" {
					t.Errorf("the addresses are %+v", a)
				}
				return
			}
			w.settle("m1", func() bool {
				return w.reason("m1", infrav1.PublicAddressReadyCondition) == infrav1.PublicAddressFailedReason
			})
			if !w.healthy("m1") {
				t.Error("a machine without its address isn't Ready, though its instance runs")
			}
			c := meta.FindStatusCondition(w.get("m1").Status.Conditions, infrav1.PublicAddressReadyCondition)
			if !strings.Contains(c.Message, "InsufficientAddressCapacity") || !strings.Contains(c.Message, testPool) {
				t.Errorf("the message is %q", c.Message)
			}
			w.AWS.Faults().Clear()
			w.settle("m1", w.ready("m1"))
		})
	}
}
