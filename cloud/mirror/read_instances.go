package mirror

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

const (
	// instanceTypePage is the largest page of DescribeInstanceTypes.
	instanceTypePage = 100
	// filterValues is how many values one filter of EC2 takes.
	filterValues = 200
)

// listInstances reads all instances. There is no filter: one that looked for the
// cluster's tag would take an instance for gone whose tag somebody removed.
func listInstances(ctx context.Context, s *cloud.Session, page func([]ec2types.Instance) error) error {
	return paged(page, func(token *string) ([]ec2types.Instance, *string, error) {
		out, err := s.EC2.DescribeInstances(ctx, &ec2.DescribeInstancesInput{MaxResults: aws.Int32(ec2Page), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return instances(out.Reservations), out.NextToken, nil
	})
}

// instancesByID asks by a filter, not by the ids: an id that AWS doesn't show
// yet then leaves one row out and doesn't fail the call for all of them.
func instancesByID(ctx context.Context, s *cloud.Session, ids []string) ([]ec2types.Instance, error) {
	var rows []ec2types.Instance
	for batch := range slices.Chunk(ids, filterValues) {
		in := &ec2.DescribeInstancesInput{MaxResults: aws.Int32(ec2Page),
			Filters: []ec2types.Filter{{Name: aws.String("instance-id"), Values: batch}}}
		err := paged(func(page []ec2types.Instance) error {
			rows = append(rows, page...)
			return nil
		}, func(token *string) ([]ec2types.Instance, *string, error) {
			in.NextToken = token
			out, err := s.EC2.DescribeInstances(ctx, in)
			if err != nil {
				return nil, nil, err
			}
			return instances(out.Reservations), out.NextToken, nil
		})
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func instances(reservations []ec2types.Reservation) []ec2types.Instance {
	var rows []ec2types.Instance
	for _, r := range reservations {
		rows = append(rows, r.Instances...)
	}
	return rows
}

func listInstanceTypes(ctx context.Context, s *cloud.Session, page func([]ec2types.InstanceTypeInfo) error) error {
	return paged(page, func(token *string) ([]ec2types.InstanceTypeInfo, *string, error) {
		out, err := s.EC2.DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{MaxResults: aws.Int32(instanceTypePage), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.InstanceTypes, out.NextToken, nil
	})
}

// readTargets reads what is registered with a target group, draining targets
// left out.
func readTargets(ctx context.Context, s *cloud.Session, row *TargetGroup) error {
	out, err := s.ELBv2.DescribeTargetHealth(ctx, &elbv2.DescribeTargetHealthInput{TargetGroupArn: row.TargetGroupArn})
	if err != nil {
		return err
	}
	row.Targets = make([]string, 0, len(out.TargetHealthDescriptions))
	for _, d := range out.TargetHealthDescriptions {
		if d.Target != nil && (d.TargetHealth == nil || d.TargetHealth.State != "draining") {
			row.Targets = append(row.Targets, aws.ToString(d.Target.Id))
		}
	}
	slices.Sort(row.Targets)
	return nil
}
