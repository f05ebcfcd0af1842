package awscluster

import (
	"encoding/json"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/test/fuzzing"
)

// FuzzPlan plans and projects whatever somebody wrote, against an account with the
// complete network of a cluster: the object's own, or another one's.
func FuzzPlan(f *testing.F) {
	w := newWorld(f, newCluster())
	w.create()
	session, err := w.Sessions.For(f.Context(), cloud.Site{Region: testRegion})
	w.Must(err)
	snap, made := w.Mirror.Snapshot(session.Scope), w.get()
	w.Stop()
	complete, err := json.Marshal(infrav1.AWSCluster{Spec: made.Spec, Status: made.Status})
	w.Must(err)
	for _, seed := range []string{`{}`, string(complete),
		`{"spec":{"network":{"vpc":{"id":"` + made.Spec.Network.VPC.ID + `"},"subnets":[{"id":"subnet-1"},{"id":"a","cidrBlock":"10.0.0.0/33","availabilityZone":"us-east-1a"}]}}}`,
		`{"spec":{"network":{"vpc":{"cidrBlock":"::/0","ipv6":{},"availabilityZoneUsageLimit":-3},"cni":{"cniIngressRules":[{"protocol":"-1","fromPort":-1,"toPort":99999}]}}}}`,
		`{"spec":{"controlPlaneLoadBalancer":{"loadBalancerType":"nlb","name":"x","ingressRules":[{"cidrBlocks":["0.0.0.0/0",""],"sourceSecurityGroupRoles":["node","?"]}],"additionalListeners":[{"port":1}]},"secondaryControlPlaneLoadBalancer":{}}}`,
		`{"spec":{"s3Bucket":{"name":"b","presignedURLDuration":"1h"},"bastion":{"enabled":true,"allowedCIDRBlocks":["x"]}},"status":{"pendingCreations":[{"key":"address/us-east-1a","operation":"ec2.AllocateAddress"}]}}`,
	} {
		for mode := range uint8(4) {
			f.Add([]byte(seed), mode)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, mode uint8) {
		obj := &infrav1.AWSCluster{}
		if len(text) > fuzzing.MaxInput || json.Unmarshal(text, obj) != nil {
			return
		}
		obj.Namespace, obj.Name, obj.UID = made.Namespace, made.Name, made.UID
		if mode&1 != 0 {
			obj.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
		}
		if mode&2 != 0 {
			obj.UID = "of another object"
		}
		fuzzing.Limited(t, func() {
			in := NewIntent(obj, nil)
			in.Acting = true
			Plan(in, snap)
			Project(in, snap)
		})
	})
}
