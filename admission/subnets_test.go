package admission

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func TestSubnetsWithoutFreeAddressesAreWarnedOf(t *testing.T) {
	w := newLiveWorld(t)
	// A /28 has 11 addresses of which users may have some.
	small, err := w.ec2.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: &w.otherVPC, CidrBlock: aws.String("10.1.9.0/28"), AvailabilityZone: aws.String("us-east-1a")})
	w.must(err)
	id := *small.Subnet.SubnetId
	for range 6 {
		_, err := w.ec2.CreateNetworkInterface(t.Context(), &ec2.CreateNetworkInterfaceInput{SubnetId: &id})
		w.must(err)
	}
	with := func(text, id string) *controlplanev1.AWSManagedControlPlane {
		return initialized(controlPlane(func(s *controlplanev1.AWSManagedControlPlaneSpec) {
			s.Version = &text
			s.Network.Subnets = infrav1.Subnets{{ID: id}, {ID: w.otherSubnet}, {ID: "planned", ResourceID: w.otherSubnet}}
		}))
	}
	rules := w.answering(map[string]string{"/clusters/default_cp/insights": `{"insights": []}`, "/cluster-versions": `{"clusterVersions": [{"clusterVersion": "1.34"}, {"clusterVersion": "1.35"}]}`})
	told := "spec.network.subnets[0]: subnet " + id + " has 5 free addresses, and EKS needs up to 6 to make a control plane"
	if warned, refused := said(rules, with("v1.34", id), nil); refused != "" || !strings.Contains(warned, told) || strings.Contains(warned, "[1]") {
		t.Errorf("refused with %q, warned of %q", refused, warned)
	}
	if warned, refused := said(rules, with("v1.35", id), with("v1.34", id)); warned+refused != "" {
		t.Errorf("five are enough for an upgrade, and yet: %q, %q", refused, warned)
	}
	_, err = w.ec2.CreateNetworkInterface(t.Context(), &ec2.CreateNetworkInterfaceInput{SubnetId: &id})
	w.must(err)
	w.now.Step(2 * 60e9)
	if warned, _ := said(rules, with("v1.35", id), with("v1.34", id)); !strings.Contains(warned, "has 4 free addresses, and EKS needs up to 5 to upgrade a control plane") {
		t.Errorf("warned of %q", warned)
	}
	if warned, _ := said(rules, with("v1.34", id), with("v1.34", id)); warned != "" {
		t.Errorf("an update of something else is warned of %q", warned)
	}
}
