package ec2

import (
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// addSpot makes the request that stands behind a spot instance.
func (n *Network) addSpot(r *core.Request, o *order, i *instance) {
	id := r.NewID("sir")
	made := &types.SpotInstanceRequest{SpotInstanceRequestId: ptr(id), InstanceId: i.InstanceId, State: types.SpotInstanceStateActive, Type: types.SpotInstanceTypeOneTime,
		CreateTime: ptr(r.Now()), LaunchedAvailabilityZone: o.zone.ZoneName, InstanceInterruptionBehavior: types.InstanceInterruptionBehaviorTerminate,
		SpotPrice: ptr("0.100000"), Status: &types.SpotInstanceStatus{Code: ptr("fulfilled"), Message: ptr("Your spot request is fulfilled."), UpdateTime: ptr(r.Now())}}
	if options := o.in.InstanceMarketOptions.SpotOptions; options != nil {
		if options.MaxPrice != nil {
			made.SpotPrice = options.MaxPrice
		}
		if options.SpotInstanceType != "" {
			made.Type = options.SpotInstanceType
		}
		if options.InstanceInterruptionBehavior != "" {
			made.InstanceInterruptionBehavior = options.InstanceInterruptionBehavior
		}
	}
	n.spots.Put(id, made, r.Now())
	n.setTags(id, o.tags[types.ResourceTypeSpotInstancesRequest])
	i.SpotInstanceRequestId = ptr(id)
}

// closeSpot ends the request of an instance that is being terminated.
func (n *Network) closeSpot(id, why string) {
	request := n.spots.Get(id)
	if request == nil {
		return
	}
	code := "instance-terminated-by-user"
	if why == spotTermination {
		code = "instance-terminated-no-capacity"
	}
	request.State, request.Status = types.SpotInstanceStateClosed, &types.SpotInstanceStatus{Code: ptr(code)}
}

const spotTermination = "Server.SpotInstanceTermination"

var spotFilters = filters[types.SpotInstanceRequest]{
	"instance-id":              func(s *types.SpotInstanceRequest) []string { return one(s.InstanceId) },
	"spot-instance-request-id": func(s *types.SpotInstanceRequest) []string { return one(s.SpotInstanceRequestId) },
	"state":                    func(s *types.SpotInstanceRequest) []string { return []string{string(s.State)} },
}

func describeSpotInstanceRequests(r *core.Request, in *sdk.DescribeSpotInstanceRequestsInput) (*sdk.DescribeSpotInstanceRequestsOutput, error) {
	n := Of(r.Region)
	page, err := describe(r, &n.spots, query{in.SpotInstanceRequestIds, in.Filters, in.NextToken, in.MaxResults}, spotFilters, noSpot)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeSpotInstanceRequestsOutput{SpotInstanceRequests: []types.SpotInstanceRequest{}, NextToken: next(page.Next)}
	for _, s := range page.Items {
		shown := *s
		shown.Tags = n.tags[*s.SpotInstanceRequestId]
		out.SpotInstanceRequests = append(out.SpotInstanceRequests, shown)
	}
	return out, nil
}

func cancelSpotInstanceRequests(r *core.Request, in *sdk.CancelSpotInstanceRequestsInput) (*sdk.CancelSpotInstanceRequestsOutput, error) {
	n, out := Of(r.Region), &sdk.CancelSpotInstanceRequestsOutput{}
	for _, id := range in.SpotInstanceRequestIds {
		s, err := find(r, &n.spots, &id, "spotInstanceRequestId", noSpot)
		if err != nil {
			return nil, err
		}
		s.State = types.SpotInstanceStateCancelled
		out.CancelledSpotInstanceRequests = append(out.CancelledSpotInstanceRequests, types.CancelledSpotInstanceRequest{
			SpotInstanceRequestId: ptr(id), State: types.CancelSpotInstanceRequestStateCancelled})
	}
	return out, nil
}

// interruptionNotice is how long before a spot interruption AWS warns.
const interruptionNotice = 2 * time.Minute

// Interrupt warns that a spot instance will be taken away and terminates it two minutes later. It says whether there is such an instance.
func (n *Network) Interrupt(r *core.Region, id string) bool {
	i := n.instances.Get(id)
	if i == nil || i.gone() || i.InstanceLifecycle != types.InstanceLifecycleTypeSpot {
		return false
	}
	r.Emit(core.Event{Source: "aws.ec2", DetailType: "EC2 Spot Instance Interruption Warning", Resources: []string{instanceARN(r, i)},
		Detail: map[string]any{"instance-id": id, "instance-action": "terminate"}})
	r.After(interruptionNotice, func() {
		n.Terminate(r, id, types.StateReason{Code: ptr(spotTermination), Message: ptr("Server.SpotInstanceTermination: Instance terminated by Amazon EC2 Spot")})
	})
	return true
}

// Rebalance tells that a spot instance is at a higher risk of interruption. It says whether there is such an instance.
func (n *Network) Rebalance(r *core.Region, id string) bool {
	i := n.instances.Get(id)
	if i == nil || i.gone() || i.InstanceLifecycle != types.InstanceLifecycleTypeSpot {
		return false
	}
	r.Emit(core.Event{Source: "aws.ec2", DetailType: "EC2 Instance Rebalance Recommendation", Resources: []string{instanceARN(r, i)},
		Detail: map[string]any{"instance-id": id}})
	return true
}

// scheduledAhead is how long before a retirement AWS tells of it in this emulator; AWS speaks of weeks.
const scheduledAhead = 14 * 24 * time.Hour

// Schedule announces the retirement of an instance as AWS Health does. Nothing happens at that time. It says whether there is such an instance.
func (n *Network) Schedule(r *core.Region, id string) bool {
	i := n.instances.Get(id)
	if i == nil || i.gone() {
		return false
	}
	start := r.Now().Add(scheduledAhead)
	r.Emit(core.Event{Source: "aws.health", DetailType: "AWS Health Event", Resources: []string{id}, Detail: map[string]any{
		"service": "EC2", "eventTypeCode": "AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED", "eventTypeCategory": "scheduledChange",
		"eventArn":  r.ARN("health", "event/EC2/AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED/"+id),
		"startTime": start.UTC().Format(time.RFC1123), "affectedEntities": []any{map[string]any{"entityValue": id}}}})
	return true
}
