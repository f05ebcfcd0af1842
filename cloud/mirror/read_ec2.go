package mirror

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/sync/errgroup"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// The largest pages that EC2 gives, from the MaxResults of each action in
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/. A read with a page
// size also counts as paginated, which has the larger token bucket.
const (
	ec2Page               = 1000
	egressOnlyGatewayPage = 255
	routeTablePage        = 100
)

// paged reads the pages of an action until there is no further token.
func paged[T any](page func([]T) error, read func(token *string) ([]T, *string, error)) error {
	var token *string
	for {
		rows, next, err := read(token)
		if err != nil {
			return err
		}
		if err := page(rows); err != nil {
			return err
		}
		if aws.ToString(next) == "" {
			return nil
		}
		token = next
	}
}

// existing reads rows by id with an action that fails as a whole when one of the
// ids doesn't exist: then it asks for each of them.
func existing[T any](ids []string, read func(ids []string) ([]T, error)) ([]T, error) {
	rows, err := read(ids)
	switch {
	case !cloud.IsNotFound(err):
		return rows, err
	case len(ids) == 1:
		return nil, nil
	}
	rows = nil
	for _, id := range ids {
		one, err := existing([]string{id}, read)
		if err != nil {
			return nil, err
		}
		rows = append(rows, one...)
	}
	return rows, nil
}

func listZones(ctx context.Context, s *cloud.Session, page func([]ec2types.AvailabilityZone) error) error {
	out, err := s.EC2.DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{AllAvailabilityZones: aws.Bool(true)})
	if err != nil {
		return err
	}
	return page(out.AvailabilityZones)
}

func listRegions(ctx context.Context, s *cloud.Session, page func([]ec2types.Region) error) error {
	out, err := s.EC2.DescribeRegions(ctx, &ec2.DescribeRegionsInput{AllRegions: aws.Bool(true)})
	if err != nil {
		return err
	}
	return page(out.Regions)
}

func listVPCs(ctx context.Context, s *cloud.Session, page func([]VPC) error) error {
	return paged(page, func(token *string) ([]VPC, *string, error) {
		out, err := s.EC2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{MaxResults: aws.Int32(ec2Page), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return vpcs(out.Vpcs), out.NextToken, nil
	})
}

func vpcsByID(ctx context.Context, s *cloud.Session, ids []string) ([]VPC, error) {
	return existing(ids, func(ids []string) ([]VPC, error) {
		out, err := s.EC2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: ids})
		if err != nil {
			return nil, err
		}
		return vpcs(out.Vpcs), nil
	})
}

func vpcs(found []ec2types.Vpc) []VPC {
	rows := make([]VPC, len(found))
	for i, v := range found {
		rows[i].Vpc = v
	}
	return rows
}

// vpcDetails reads the two attributes that AWS tells one at a time.
func vpcDetails(ctx context.Context, s *cloud.Session, row *VPC) error {
	calls, ctx := errgroup.WithContext(ctx)
	read := func(name ec2types.VpcAttributeName, into func(*ec2.DescribeVpcAttributeOutput)) {
		calls.Go(func() error {
			out, err := s.EC2.DescribeVpcAttribute(ctx, &ec2.DescribeVpcAttributeInput{VpcId: row.VpcId, Attribute: name})
			if err == nil {
				into(out)
			}
			return err
		})
	}
	read(ec2types.VpcAttributeNameEnableDnsHostnames, func(out *ec2.DescribeVpcAttributeOutput) {
		row.DNSHostnames = told(out.EnableDnsHostnames)
	})
	read(ec2types.VpcAttributeNameEnableDnsSupport, func(out *ec2.DescribeVpcAttributeOutput) {
		row.DNSSupport = told(out.EnableDnsSupport)
	})
	return calls.Wait()
}

// told returns an attribute's value; one that the answer leaves out is off.
func told(v *ec2types.AttributeBooleanValue) *bool {
	return aws.Bool(v != nil && aws.ToBool(v.Value))
}

func listSubnets(ctx context.Context, s *cloud.Session, page func([]ec2types.Subnet) error) error {
	return paged(page, func(token *string) ([]ec2types.Subnet, *string, error) {
		out, err := s.EC2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{MaxResults: aws.Int32(ec2Page), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.Subnets, out.NextToken, nil
	})
}

func subnetsByID(ctx context.Context, s *cloud.Session, ids []string) ([]ec2types.Subnet, error) {
	return existing(ids, func(ids []string) ([]ec2types.Subnet, error) {
		out, err := s.EC2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: ids})
		if err != nil {
			return nil, err
		}
		return out.Subnets, nil
	})
}

func listInternetGateways(ctx context.Context, s *cloud.Session, page func([]ec2types.InternetGateway) error) error {
	return paged(page, func(token *string) ([]ec2types.InternetGateway, *string, error) {
		out, err := s.EC2.DescribeInternetGateways(ctx, &ec2.DescribeInternetGatewaysInput{MaxResults: aws.Int32(ec2Page), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.InternetGateways, out.NextToken, nil
	})
}

func internetGatewaysByID(ctx context.Context, s *cloud.Session, ids []string) ([]ec2types.InternetGateway, error) {
	return existing(ids, func(ids []string) ([]ec2types.InternetGateway, error) {
		out, err := s.EC2.DescribeInternetGateways(ctx, &ec2.DescribeInternetGatewaysInput{InternetGatewayIds: ids})
		if err != nil {
			return nil, err
		}
		return out.InternetGateways, nil
	})
}

func listEgressOnlyGateways(ctx context.Context, s *cloud.Session, page func([]ec2types.EgressOnlyInternetGateway) error) error {
	return paged(page, func(token *string) ([]ec2types.EgressOnlyInternetGateway, *string, error) {
		out, err := s.EC2.DescribeEgressOnlyInternetGateways(ctx, &ec2.DescribeEgressOnlyInternetGatewaysInput{
			MaxResults: aws.Int32(egressOnlyGatewayPage), NextToken: token,
		})
		if err != nil {
			return nil, nil, err
		}
		return out.EgressOnlyInternetGateways, out.NextToken, nil
	})
}

func egressOnlyGatewaysByID(ctx context.Context, s *cloud.Session, ids []string) ([]ec2types.EgressOnlyInternetGateway, error) {
	return existing(ids, func(ids []string) ([]ec2types.EgressOnlyInternetGateway, error) {
		out, err := s.EC2.DescribeEgressOnlyInternetGateways(ctx, &ec2.DescribeEgressOnlyInternetGatewaysInput{EgressOnlyInternetGatewayIds: ids})
		if err != nil {
			return nil, err
		}
		return out.EgressOnlyInternetGateways, nil
	})
}

func listNATGateways(ctx context.Context, s *cloud.Session, page func([]ec2types.NatGateway) error) error {
	return paged(page, func(token *string) ([]ec2types.NatGateway, *string, error) {
		out, err := s.EC2.DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{MaxResults: aws.Int32(ec2Page), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.NatGateways, out.NextToken, nil
	})
}

func natGatewaysByID(ctx context.Context, s *cloud.Session, ids []string) ([]ec2types.NatGateway, error) {
	return existing(ids, func(ids []string) ([]ec2types.NatGateway, error) {
		out, err := s.EC2.DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{NatGatewayIds: ids})
		if err != nil {
			return nil, err
		}
		return out.NatGateways, nil
	})
}

// listAddresses reads all addresses: the action has no pages.
func listAddresses(ctx context.Context, s *cloud.Session, page func([]ec2types.Address) error) error {
	out, err := s.EC2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{
		Filters: []ec2types.Filter{{Name: aws.String("domain"), Values: []string{"vpc"}}},
	})
	if err != nil {
		return err
	}
	return page(out.Addresses)
}

func addressesByID(ctx context.Context, s *cloud.Session, ids []string) ([]ec2types.Address, error) {
	return existing(ids, func(ids []string) ([]ec2types.Address, error) {
		out, err := s.EC2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{AllocationIds: ids})
		if err != nil {
			return nil, err
		}
		return out.Addresses, nil
	})
}

func listRouteTables(ctx context.Context, s *cloud.Session, page func([]ec2types.RouteTable) error) error {
	return paged(page, func(token *string) ([]ec2types.RouteTable, *string, error) {
		out, err := s.EC2.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{MaxResults: aws.Int32(routeTablePage), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.RouteTables, out.NextToken, nil
	})
}

func routeTablesByID(ctx context.Context, s *cloud.Session, ids []string) ([]ec2types.RouteTable, error) {
	return existing(ids, func(ids []string) ([]ec2types.RouteTable, error) {
		out, err := s.EC2.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{RouteTableIds: ids})
		if err != nil {
			return nil, err
		}
		return out.RouteTables, nil
	})
}

func listSecurityGroups(ctx context.Context, s *cloud.Session, page func([]ec2types.SecurityGroup) error) error {
	return paged(page, func(token *string) ([]ec2types.SecurityGroup, *string, error) {
		out, err := s.EC2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{MaxResults: aws.Int32(ec2Page), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.SecurityGroups, out.NextToken, nil
	})
}

func securityGroupsByID(ctx context.Context, s *cloud.Session, ids []string) ([]ec2types.SecurityGroup, error) {
	return existing(ids, func(ids []string) ([]ec2types.SecurityGroup, error) {
		out, err := s.EC2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: ids})
		if err != nil {
			return nil, err
		}
		return out.SecurityGroups, nil
	})
}
