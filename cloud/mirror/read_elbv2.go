package mirror

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"golang.org/x/sync/errgroup"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

func loadBalancerARN(l *LoadBalancer) string { return aws.ToString(l.LoadBalancerArn) }

func targetGroupARN(g *TargetGroup) string { return aws.ToString(g.TargetGroupArn) }

func listLoadBalancers(ctx context.Context, s *cloud.Session, page func([]LoadBalancer) error) error {
	return paged(page, func(token *string) ([]LoadBalancer, *string, error) {
		out, err := s.ELBv2.DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{PageSize: aws.Int32(elbPage), Marker: token})
		if err != nil {
			return nil, nil, err
		}
		return loadBalancers(out.LoadBalancers), out.NextMarker, nil
	})
}

func loadBalancersByID(ctx context.Context, s *cloud.Session, arns []string) ([]LoadBalancer, error) {
	return batched(arns, func(arns []string) ([]LoadBalancer, error) {
		out, err := s.ELBv2.DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{LoadBalancerArns: arns})
		if err != nil {
			return nil, err
		}
		return loadBalancers(out.LoadBalancers), nil
	})
}

func loadBalancers(found []elbv2types.LoadBalancer) []LoadBalancer {
	rows := make([]LoadBalancer, len(found))
	for i, l := range found {
		rows[i].LoadBalancer = l
	}
	return rows
}

// loadBalancerDetails reads all listeners, and the attributes as far as the identity
// may.
func loadBalancerDetails(ctx context.Context, s *cloud.Session, row *LoadBalancer) error {
	calls, ctx := errgroup.WithContext(ctx)
	calls.Go(func() error {
		out, err := s.ELBv2.DescribeLoadBalancerAttributes(ctx, &elbv2.DescribeLoadBalancerAttributesInput{LoadBalancerArn: row.LoadBalancerArn})
		if cloud.Is(err, cloud.Unauthorized) {
			return nil
		}
		if err != nil {
			return err
		}
		row.Attributes = make(map[string]string, len(out.Attributes))
		for _, a := range out.Attributes {
			row.Attributes[aws.ToString(a.Key)] = aws.ToString(a.Value)
		}
		return nil
	})
	calls.Go(func() error {
		listeners := []elbv2types.Listener{}
		err := paged(func(page []elbv2types.Listener) error {
			listeners = append(listeners, page...)
			return nil
		}, func(token *string) ([]elbv2types.Listener, *string, error) {
			out, err := s.ELBv2.DescribeListeners(ctx, &elbv2.DescribeListenersInput{
				LoadBalancerArn: row.LoadBalancerArn, PageSize: aws.Int32(elbPage), Marker: token,
			})
			if err != nil {
				return nil, nil, err
			}
			return out.Listeners, out.NextMarker, nil
		})
		if err == nil {
			row.Listeners = listeners
		}
		return err
	})
	return calls.Wait()
}

func loadBalancerTags(ctx context.Context, s *cloud.Session, rows []*LoadBalancer) error {
	tags, err := tagsByARN(ctx, s, rows, loadBalancerARN)
	if err != nil {
		return err
	}
	for _, row := range rows {
		row.TagSet = tagsOrNone(tags[loadBalancerARN(row)])
	}
	return nil
}

func targetGroupTags(ctx context.Context, s *cloud.Session, rows []*TargetGroup) error {
	tags, err := tagsByARN(ctx, s, rows, targetGroupARN)
	if err != nil {
		return err
	}
	for _, row := range rows {
		row.TagSet = tagsOrNone(tags[targetGroupARN(row)])
	}
	return nil
}

func listTargetGroups(ctx context.Context, s *cloud.Session, page func([]TargetGroup) error) error {
	return paged(page, func(token *string) ([]TargetGroup, *string, error) {
		out, err := s.ELBv2.DescribeTargetGroups(ctx, &elbv2.DescribeTargetGroupsInput{PageSize: aws.Int32(elbPage), Marker: token})
		if err != nil {
			return nil, nil, err
		}
		return targetGroups(out.TargetGroups), out.NextMarker, nil
	})
}

func targetGroupsByID(ctx context.Context, s *cloud.Session, arns []string) ([]TargetGroup, error) {
	return batched(arns, func(arns []string) ([]TargetGroup, error) {
		out, err := s.ELBv2.DescribeTargetGroups(ctx, &elbv2.DescribeTargetGroupsInput{TargetGroupArns: arns})
		if err != nil {
			return nil, err
		}
		return targetGroups(out.TargetGroups), nil
	})
}

func targetGroups(found []elbv2types.TargetGroup) []TargetGroup {
	rows := make([]TargetGroup, len(found))
	for i, g := range found {
		rows[i].TargetGroup = g
	}
	return rows
}

// targetGroupDetails reads the targets, and the attributes as far as the identity
// may: without them no drift of theirs is seen, and nothing else is lacking.
func targetGroupDetails(ctx context.Context, s *cloud.Session, row *TargetGroup) error {
	if err := readTargets(ctx, s, row); err != nil {
		return err
	}
	out, err := s.ELBv2.DescribeTargetGroupAttributes(ctx, &elbv2.DescribeTargetGroupAttributesInput{TargetGroupArn: row.TargetGroupArn})
	if cloud.Is(err, cloud.Unauthorized) {
		return nil
	}
	if err != nil {
		return err
	}
	row.Attributes = make(map[string]string, len(out.Attributes))
	for _, a := range out.Attributes {
		row.Attributes[aws.ToString(a.Key)] = aws.ToString(a.Value)
	}
	return nil
}

// tagsByARN reads the tags of all rows. What went away since it was listed is
// left out.
func tagsByARN[T any](ctx context.Context, s *cloud.Session, rows []*T, arn func(*T) string) (map[string]map[string]string, error) {
	arns := make([]string, len(rows))
	for i, row := range rows {
		arns[i] = arn(row)
	}
	found, err := batched(arns, func(arns []string) ([]elbv2types.TagDescription, error) {
		out, err := s.ELBv2.DescribeTags(ctx, &elbv2.DescribeTagsInput{ResourceArns: arns})
		if err != nil {
			return nil, err
		}
		return out.TagDescriptions, nil
	})
	tags := make(map[string]map[string]string, len(found))
	for _, d := range found {
		set := make(map[string]string, len(d.Tags))
		for _, t := range d.Tags {
			set[aws.ToString(t.Key)] = aws.ToString(t.Value)
		}
		tags[aws.ToString(d.ResourceArn)] = set
	}
	return tags, err
}

// batched reads by ARN in batches of what one call may name.
func batched[T any](arns []string, read func([]string) ([]T, error)) ([]T, error) {
	var rows []T
	for batch := range slices.Chunk(arns, elbTagBatch) {
		found, err := existing(batch, read)
		if err != nil {
			return nil, err
		}
		rows = append(rows, found...)
	}
	return rows, nil
}
