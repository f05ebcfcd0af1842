package network

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// s3Service is the name of S3 among the services that endpoints lead to.
func (s *State) s3Service() string { return "com.amazonaws." + s.Region + ".s3" }

// s3Endpoint returns the gateway endpoint of the VPC that leads to S3 and was made
// for the cluster, or nil.
func (s *State) s3Endpoint() *ec2types.VpcEndpoint {
	for _, e := range mirror.InVPC(s.snap, mirror.VPCEndpoints, s.VPCID()) {
		if aws.ToString(e.ServiceName) == s.s3Service() && e.VpcEndpointType == ec2types.VpcEndpointTypeGateway &&
			owned(s, mirror.VPCEndpoints, e) && !ending(e) {
			return e
		}
	}
	return nil
}

// ending tells that an endpoint is gone or about to be. EC2 gives states in lower
// case, and the SDK's constants begin with capitals.
func ending(e *ec2types.VpcEndpoint) bool {
	return strings.EqualFold(string(e.State), string(ec2types.StateDeleting)) || strings.EqualFold(string(e.State), string(ec2types.StateDeleted))
}

// planS3Endpoint plans the way from all subnets to S3 that doesn't leave AWS. No
// client token is needed: a route table takes one endpoint of a service, and AWS
// refuses the second.
func (s *State) planS3Endpoint() {
	if !s.S3Endpoint {
		return
	}
	tags := s.Owner.Tags(s.Owner.Cluster+"-vpce-s3", names.RoleCommon, nil)
	tables, complete := s.tableIDs()
	e := s.s3Endpoint()
	if e == nil {
		a := plan.Action{Key: "vpc-endpoint/s3", Area: AreaVPCEndpoints, Verb: plan.Create, Operation: "ec2.CreateVpcEndpoint",
			Input: &ec2.CreateVpcEndpointInput{VpcId: optional(s.VPCID()), ServiceName: aws.String(s.s3Service()),
				VpcEndpointType: ec2types.VpcEndpointTypeGateway, RouteTableIds: tables,
				TagSpecifications: tagSpec(ec2types.ResourceTypeVpcEndpoint, tags)},
			Summary: fmt.Sprintf("create gateway endpoint %s for %s", s.Owner.Cluster+"-vpce-s3", s.s3Service())}
		if !complete {
			a.WaitsFor = "the route tables"
		}
		s.add(a)
		return
	}
	id := aws.ToString(e.VpcEndpointId)
	s.tag(AreaVPCEndpoints, "vpc-endpoint/s3", id, tags, mirror.VPCEndpoints.Tags(e))
	missing := slices.DeleteFunc(tables, func(t string) bool { return slices.Contains(e.RouteTableIds, t) })
	if len(missing) > 0 {
		s.add(plan.Action{Key: "vpc-endpoint/s3/route-tables", Area: AreaVPCEndpoints, Verb: plan.Update, Operation: "ec2.ModifyVpcEndpoint",
			Input:   &ec2.ModifyVpcEndpointInput{VpcEndpointId: aws.String(id), AddRouteTableIds: missing},
			Summary: fmt.Sprintf("associate gateway endpoint %s with route tables %s", id, strings.Join(missing, ", "))})
	}
}

// tableIDs returns the route tables of the subnets, and whether each has one.
func (s *State) tableIDs() (ids []string, complete bool) {
	complete = len(s.Subnets) > 0
	for _, sub := range s.Subnets {
		if sub.Table == nil {
			complete = false
			continue
		}
		if id := aws.ToString(sub.Table.RouteTableId); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, complete
}

// deleteEndpoints returns an endpoint that still is there, if only as one that AWS
// is deleting.
func (s *State) deleteEndpoints() (left string) {
	for _, e := range mirror.InVPC(s.snap, mirror.VPCEndpoints, s.VPCID()) {
		id := aws.ToString(e.VpcEndpointId)
		switch {
		case !owned(s, mirror.VPCEndpoints, e) || strings.EqualFold(string(e.State), string(ec2types.StateDeleted)):
			continue
		case ending(e):
			s.wait(AreaVPCEndpoints, infrav1.DeletingReason, "the end of VPC endpoint "+id)
		default:
			s.remove(AreaVPCEndpoints, "vpc-endpoint/"+id, "DeleteVpcEndpoints", "delete VPC endpoint "+id, "",
				&ec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{id}})
		}
		left = "VPC endpoint " + id
	}
	return left
}
