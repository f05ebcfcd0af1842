package foundation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// maxInterfaces is how many network interfaces are looked at when something
// can't be deleted: enough to name some, and the rest at the next attempt.
const maxInterfaces = 100

// findBlockers reads the network interfaces of the cluster's VPC, because AWS's
// refusal doesn't say who uses a resource and nearly always one of these does.
// It is called at most once in a pass, and only in one that AWS refused something.
func (w *Worker[T]) findBlockers(ctx context.Context) {
	vpc := w.state().Network.VPCID()
	if vpc == "" || w.interfaces != nil {
		return
	}
	out, err := w.pass.Session.EC2.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{
		MaxResults: aws.Int32(maxInterfaces),
		Filters:    []ec2types.Filter{{Name: aws.String("vpc-id"), Values: []string{vpc}}},
	})
	if err != nil {
		return // the refusal itself is told
	}
	w.interfaces = append([]ec2types.NetworkInterface{}, out.NetworkInterfaces...)
}

// Users names the network interfaces that use a resource, "" when none is known to.
func (w *Worker[T]) Users(ctx context.Context, a plan.Action) string {
	w.findBlockers(ctx)
	var names []string
	for _, i := range w.interfaces {
		if uses(i, a.Input) {
			names = append(names, describeInterface(i))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "in use by " + conditions.Shorten(names)
}

// uses tells whether an interface keeps what an input deletes in being.
func uses(i ec2types.NetworkInterface, input any) bool {
	switch in := input.(type) {
	case *ec2.DeleteSubnetInput:
		return aws.ToString(i.SubnetId) == aws.ToString(in.SubnetId)
	case *ec2.DeleteSecurityGroupInput:
		return slices.ContainsFunc(i.Groups, func(g ec2types.GroupIdentifier) bool {
			return aws.ToString(g.GroupId) == aws.ToString(in.GroupId)
		})
	case *ec2.DetachInternetGatewayInput:
		return i.Association != nil && aws.ToString(i.VpcId) == aws.ToString(in.VpcId)
	case *ec2.DeleteVpcInput:
		return aws.ToString(i.VpcId) == aws.ToString(in.VpcId)
	}
	return false
}

func describeInterface(i ec2types.NetworkInterface) string {
	text := "network interface " + aws.ToString(i.NetworkInterfaceId)
	if d := strings.TrimSpace(aws.ToString(i.Description)); d != "" {
		text += fmt.Sprintf(" (%s)", d)
	}
	return text
}

// forgetInterface takes a deleted interface out of the list, and lets what it
// was in the way of be tried again. It returns false for other actions.
func (w *Worker[T]) forgetInterface(a plan.Action) bool {
	in, ok := a.Input.(*ec2.DeleteNetworkInterfaceInput)
	if !ok {
		return false
	}
	w.interfaces = slices.DeleteFunc(w.interfaces, func(i ec2types.NetworkInterface) bool {
		return aws.ToString(i.NetworkInterfaceId) == aws.ToString(in.NetworkInterfaceId)
	})
	w.pass.Memory.Holds.ReleaseExcept(func(string) bool { return false })
	return true
}
