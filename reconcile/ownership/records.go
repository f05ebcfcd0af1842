package ownership

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// form is how ids of a kind of resource begin. What is written where an id of another
// kind belongs records nothing.
type form string

const (
	vpcID            form = "vpc-"
	subnetID         form = "subnet-"
	internetGateway  form = "igw-"
	carrierGateway   form = "cagw-"
	egressGateway    form = "eigw-"
	routeTableID     form = "rtb-"
	natGatewayID     form = "nat-"
	securityGroupID  form = "sg-"
	instanceID       form = "i-"
	launchTemplateID form = "lt-"
	loadBalancerARN  form = ":loadbalancer/"
	groupARN         form = ":autoScalingGroup:"
)

func (f form) fits(id string) bool {
	if strings.HasPrefix(string(f), ":") {
		return strings.HasPrefix(id, "arn:") && strings.Contains(id, string(f))
	}
	return strings.HasPrefix(id, string(f))
}

// LoadBalancer is by what a load balancer's name is recorded, which may look like anything.
func LoadBalancer(name string) string { return named("load-balancer", name) }

// Bucket is by what a bucket's name is recorded.
func Bucket(name string) string { return named("bucket", name) }

// EKSCluster is by what an EKS cluster's name is recorded.
func EKSCluster(name string) string { return named("eks-cluster", name) }

// named tells names of one kind from those of another, and from ids.
func named(kind, name string) string {
	if name == "" {
		return ""
	}
	return kind + "/" + name
}

// RecordsOfCluster returns the ids that an AWSCluster records.
func RecordsOfCluster(c *infrav1.AWSCluster) []string {
	ids := recordsOfNetwork(&c.Spec.Network, &c.Status.NetworkStatus, c.Status.Bastion)
	if c.Spec.S3Bucket != nil {
		ids.put(Bucket(c.Spec.S3Bucket.Name))
	}
	return ids
}

// RecordsOfControlPlane returns the ids that an AWSManagedControlPlane records.
func RecordsOfControlPlane(c *controlplanev1.AWSManagedControlPlane) []string {
	ids := recordsOfNetwork(&c.Spec.Network, &c.Status.NetworkStatus, c.Status.Bastion)
	ids.put(EKSCluster(c.ClusterName()))
	return ids
}

func recordsOfNetwork(n *infrav1.NetworkSpec, status *infrav1.NetworkStatus, bastion *infrav1.Instance) recorded {
	ids := recorded{}
	ids.add(vpcID, n.VPC.ID)
	ids.add(internetGateway, aws.ToString(n.VPC.InternetGatewayID))
	ids.add(carrierGateway, aws.ToString(n.VPC.CarrierGatewayID))
	if n.VPC.IPv6 != nil {
		ids.add(egressGateway, aws.ToString(n.VPC.IPv6.EgressOnlyInternetGatewayID))
	}
	for i := range n.Subnets {
		s := &n.Subnets[i]
		ids.add(subnetID, s.ID, s.ResourceID)
		ids.add(routeTableID, aws.ToString(s.RouteTableID))
		ids.add(natGatewayID, aws.ToString(s.NatGatewayID))
	}
	for _, g := range status.SecurityGroups {
		ids.add(securityGroupID, g.ID)
	}
	for _, lb := range []infrav1.LoadBalancer{status.APIServerELB, status.SecondaryAPIServerELB} {
		ids.add(loadBalancerARN, lb.ARN)
		ids.put(LoadBalancer(lb.Name))
	}
	if bastion != nil {
		ids.add(instanceID, bastion.ID)
	}
	return ids
}

// RecordsOfMachine returns the ids that an AWSMachine records.
func RecordsOfMachine(m *infrav1.AWSMachine) []string {
	ids := recorded{}
	provider := aws.ToString(m.Spec.ProviderID)
	ids.add(instanceID, aws.ToString(m.Spec.InstanceID), provider[strings.LastIndex(provider, "/")+1:])
	return ids
}

// RecordsOfPool returns the ARN and ids that an AWSMachinePool records.
func RecordsOfPool(p *infrav1.AWSMachinePool) []string {
	ids := recorded{}
	ids.add(groupARN, p.Spec.ProviderID)
	ids.add(launchTemplateID, p.Status.LaunchTemplateID)
	return ids
}

// RecordsOfManagedPool returns the id that an AWSManagedMachinePool records: its node group's
// name is a wish.
func RecordsOfManagedPool(p *infrav1.AWSManagedMachinePool) []string {
	ids := recorded{}
	if id := p.Status.LaunchTemplateID; id != nil {
		ids.add(launchTemplateID, *id)
	}
	return ids
}

// recorded are ids, each once.
type recorded []string

// add adds those that look like ids of the kind.
func (r *recorded) add(kind form, ids ...string) {
	for _, id := range ids {
		if kind.fits(id) {
			r.put(id)
		}
	}
}

func (r *recorded) put(id string) {
	if id != "" && !slices.Contains(*r, id) {
		*r = append(*r, id)
	}
}
