package network

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

func endpointHandlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("CreateVPCEndpoint", (*ec2.Client).CreateVpcEndpoint, func(w *plan.Writer, in *ec2.CreateVpcEndpointInput, out *ec2.CreateVpcEndpointOutput) {
			if out.VpcEndpoint == nil {
				return
			}
			row := *out.VpcEndpoint
			row.Tags = tagsOr(row.Tags, in.TagSpecifications)
			plan.Put(w, mirror.VPCEndpoints, row)
		}, mirror.VPCEndpoints.Kind),
		plan.Call("ModifyVPCEndpoint", (*ec2.Client).ModifyVpcEndpoint, func(w *plan.Writer, in *ec2.ModifyVpcEndpointInput, _ *ec2.ModifyVpcEndpointOutput) {
			plan.Modify(w, mirror.VPCEndpoints, aws.ToString(in.VpcEndpointId), func(e *ec2types.VpcEndpoint) {
				e.RouteTableIds = append(slices.Clone(e.RouteTableIds), in.AddRouteTableIds...)
			})
		}, mirror.VPCEndpoints.Kind),
		plan.Custom("DeleteVPCEndpoint", deleteEndpoint, func(w *plan.Writer, in *ec2.DeleteVpcEndpointsInput, _ *ec2.DeleteVpcEndpointsOutput) {
			for _, id := range in.VpcEndpointIds {
				plan.Drop(w, mirror.VPCEndpoints, id)
			}
		}),
	}
}

// deleteEndpoint deletes one endpoint. AWS answers this call with success and a list
// of what it didn't do.
func deleteEndpoint(ctx context.Context, s *cloud.Session, in *ec2.DeleteVpcEndpointsInput) (*ec2.DeleteVpcEndpointsOutput, error) {
	out, err := s.EC2.DeleteVpcEndpoints(ctx, in)
	if err != nil || len(out.Unsuccessful) == 0 || out.Unsuccessful[0].Error == nil {
		return out, err
	}
	refusal := out.Unsuccessful[0].Error
	return nil, &smithy.OperationError{ServiceID: ec2.ServiceID, OperationName: "DeleteVpcEndpoints",
		Err: &smithy.GenericAPIError{Code: aws.ToString(refusal.Code), Message: aws.ToString(refusal.Message)}}
}
