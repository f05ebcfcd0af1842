package ownership

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// RecordsOfCluster returns the ids that an AWSCluster records.
func RecordsOfCluster(c *infrav1.AWSCluster) []string {
	n, ids := &c.Spec.Network, recorded{}
	ids.add(n.VPC.ID, aws.ToString(n.VPC.InternetGatewayID), aws.ToString(n.VPC.CarrierGatewayID))
	if n.VPC.IPv6 != nil {
		ids.add(aws.ToString(n.VPC.IPv6.EgressOnlyInternetGatewayID))
	}
	for i := range n.Subnets {
		s := &n.Subnets[i]
		ids.add(s.ID, s.ResourceID, aws.ToString(s.RouteTableID), aws.ToString(s.NatGatewayID))
	}
	for _, g := range c.Status.NetworkStatus.SecurityGroups {
		ids.add(g.ID)
	}
	for _, lb := range []infrav1.LoadBalancer{c.Status.NetworkStatus.APIServerELB, c.Status.NetworkStatus.SecondaryAPIServerELB} {
		ids.add(lb.ARN, lb.Name)
	}
	if c.Spec.S3Bucket != nil {
		ids.add(c.Spec.S3Bucket.Name)
	}
	if c.Status.Bastion != nil {
		ids.add(c.Status.Bastion.ID)
	}
	return ids
}

// RecordsOfMachine returns the ids that an AWSMachine records.
func RecordsOfMachine(m *infrav1.AWSMachine) []string {
	ids := recorded{}
	ids.add(aws.ToString(m.Spec.InstanceID))
	if provider := aws.ToString(m.Spec.ProviderID); provider != "" {
		ids.add(provider[strings.LastIndex(provider, "/")+1:])
	}
	return ids
}

// RecordsOfPool returns the ARN and ids that an AWSMachinePool records.
func RecordsOfPool(p *infrav1.AWSMachinePool) []string {
	ids := recorded{}
	ids.add(p.Spec.ProviderID, p.Status.LaunchTemplateID)
	return ids
}

// recorded are ids, each once and none empty.
type recorded []string

func (r *recorded) add(ids ...string) {
	for _, id := range ids {
		if id != "" && !slices.Contains(*r, id) {
			*r = append(*r, id)
		}
	}
}
