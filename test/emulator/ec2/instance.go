package ec2

import (
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// describeInstances answers for an account that runs none: nothing in the emulator starts instances.
func describeInstances(_ *core.Request, in *sdk.DescribeInstancesInput) (*sdk.DescribeInstancesOutput, error) {
	if len(in.InstanceIds) > 0 && in.MaxResults != nil {
		return nil, core.Refuse("InvalidParameterCombination", "The parameter instancesSet cannot be used with the parameter maxResults")
	}
	if err := checkMax(in.MaxResults); err != nil {
		return nil, err
	}
	if len(in.InstanceIds) > 0 {
		return nil, core.Refuse("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", in.InstanceIds[0])
	}
	return &sdk.DescribeInstancesOutput{Reservations: []types.Reservation{}}, nil
}
