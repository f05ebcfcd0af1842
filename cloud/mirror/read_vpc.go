package mirror

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

func listVPCEndpoints(ctx context.Context, s *cloud.Session, page func([]ec2types.VpcEndpoint) error) error {
	return paged(page, func(token *string) ([]ec2types.VpcEndpoint, *string, error) {
		out, err := s.EC2.DescribeVpcEndpoints(ctx, &ec2.DescribeVpcEndpointsInput{MaxResults: aws.Int32(ec2Page), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.VpcEndpoints, out.NextToken, nil
	})
}

func vpcEndpointsByID(ctx context.Context, s *cloud.Session, ids []string) ([]ec2types.VpcEndpoint, error) {
	return existing(ids, func(ids []string) ([]ec2types.VpcEndpoint, error) {
		out, err := s.EC2.DescribeVpcEndpoints(ctx, &ec2.DescribeVpcEndpointsInput{VpcEndpointIds: ids})
		if err != nil {
			return nil, err
		}
		return out.VpcEndpoints, nil
	})
}

func listCarrierGateways(ctx context.Context, s *cloud.Session, page func([]ec2types.CarrierGateway) error) error {
	return paged(page, func(token *string) ([]ec2types.CarrierGateway, *string, error) {
		out, err := s.EC2.DescribeCarrierGateways(ctx, &ec2.DescribeCarrierGatewaysInput{MaxResults: aws.Int32(ec2Page), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.CarrierGateways, out.NextToken, nil
	})
}

func carrierGatewaysByID(ctx context.Context, s *cloud.Session, ids []string) ([]ec2types.CarrierGateway, error) {
	return existing(ids, func(ids []string) ([]ec2types.CarrierGateway, error) {
		out, err := s.EC2.DescribeCarrierGateways(ctx, &ec2.DescribeCarrierGatewaysInput{CarrierGatewayIds: ids})
		if err != nil {
			return nil, err
		}
		return out.CarrierGateways, nil
	})
}
