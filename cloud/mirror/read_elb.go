package mirror

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// The limits of both versions of the ELB API, from their references: 400 load
// balancers or target groups a page, tags of 20 resources a call.
const (
	elbPage     = 400
	elbTagBatch = 20
)

func listClassic(ctx context.Context, s *cloud.Session, page func([]ClassicLoadBalancer) error) error {
	return paged(page, func(token *string) ([]ClassicLoadBalancer, *string, error) {
		out, err := s.ELB.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{PageSize: aws.Int32(elbPage), Marker: token})
		if err != nil {
			return nil, nil, err
		}
		return classic(out.LoadBalancerDescriptions), out.NextMarker, nil
	})
}

func classicByID(ctx context.Context, s *cloud.Session, names []string) ([]ClassicLoadBalancer, error) {
	return existing(names, func(names []string) ([]ClassicLoadBalancer, error) {
		out, err := s.ELB.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerNames: names})
		if err != nil {
			return nil, err
		}
		return classic(out.LoadBalancerDescriptions), nil
	})
}

func classic(found []elbtypes.LoadBalancerDescription) []ClassicLoadBalancer {
	rows := make([]ClassicLoadBalancer, len(found))
	for i, l := range found {
		rows[i].LoadBalancerDescription = l
	}
	return rows
}

// classicTags reads the rows' tags. A load balancer that went away since it was
// listed has none.
func classicTags(ctx context.Context, s *cloud.Session, rows []*ClassicLoadBalancer) error {
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = aws.ToString(row.LoadBalancerName)
	}
	found, err := existing(names, func(names []string) ([]elbtypes.TagDescription, error) {
		out, err := s.ELB.DescribeTags(ctx, &elb.DescribeTagsInput{LoadBalancerNames: names})
		if err != nil {
			return nil, err
		}
		return out.TagDescriptions, nil
	})
	if err != nil {
		return err
	}
	tags := map[string]map[string]string{}
	for _, d := range found {
		tags[aws.ToString(d.LoadBalancerName)] = classicTagMap(d.Tags)
	}
	for i, row := range rows {
		row.TagSet = tagsOrNone(tags[names[i]])
	}
	return nil
}

func classicTagMap(tags []elbtypes.Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return m
}

func classicDetails(ctx context.Context, s *cloud.Session, row *ClassicLoadBalancer) error {
	out, err := s.ELB.DescribeLoadBalancerAttributes(ctx, &elb.DescribeLoadBalancerAttributesInput{LoadBalancerName: row.LoadBalancerName})
	if err != nil {
		return err
	}
	row.Attributes = out.LoadBalancerAttributes
	if row.Attributes == nil {
		row.Attributes = &elbtypes.LoadBalancerAttributes{}
	}
	return nil
}

// tagsOrNone makes tags that were read and are none different from unread ones.
func tagsOrNone(tags map[string]string) map[string]string {
	if tags == nil {
		return map[string]string{}
	}
	return tags
}
