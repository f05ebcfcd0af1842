package mirror

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// hostPage is the largest page of DescribeHosts.
const hostPage = 500

func listHosts(ctx context.Context, s *cloud.Session, page func([]ec2types.Host) error) error {
	return paged(page, func(token *string) ([]ec2types.Host, *string, error) {
		out, err := s.EC2.DescribeHosts(ctx, &ec2.DescribeHostsInput{MaxResults: aws.Int32(hostPage), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.Hosts, out.NextToken, nil
	})
}

func hostsByID(ctx context.Context, s *cloud.Session, ids []string) ([]ec2types.Host, error) {
	return existing(ids, func(ids []string) ([]ec2types.Host, error) {
		out, err := s.EC2.DescribeHosts(ctx, &ec2.DescribeHostsInput{HostIds: ids})
		if err != nil {
			return nil, err
		}
		return out.Hosts, nil
	})
}
