package elb

import (
	"reflect"
	"regexp"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/ec2"
)

func defaultAttributes() types.LoadBalancerAttributes {
	return types.LoadBalancerAttributes{
		AccessLog:              &types.AccessLog{},
		ConnectionDraining:     &types.ConnectionDraining{Timeout: core.Ptr(int32(300))},
		ConnectionSettings:     &types.ConnectionSettings{IdleTimeout: core.Ptr(int32(60))},
		CrossZoneLoadBalancing: &types.CrossZoneLoadBalancing{},
		AdditionalAttributes: []types.AdditionalAttribute{
			{Key: core.Ptr("elb.http.desyncmitigationmode"), Value: core.Ptr("defensive")}},
	}
}

func describeLoadBalancerAttributes(r *core.Request, in *sdk.DescribeLoadBalancerAttributesInput) (*sdk.DescribeLoadBalancerAttributesOutput, error) {
	b, err := find(r, in.LoadBalancerName)
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeLoadBalancerAttributesOutput{LoadBalancerAttributes: &b.attributes}, nil
}

// modifyLoadBalancerAttributes changes the attributes that are given and answers with those.
func modifyLoadBalancerAttributes(r *core.Request, in *sdk.ModifyLoadBalancerAttributesInput) (*sdk.ModifyLoadBalancerAttributesOutput, error) {
	b, err := find(r, in.LoadBalancerName)
	if err != nil {
		return nil, err
	}
	given := in.LoadBalancerAttributes
	if given == nil {
		return nil, refuse("ValidationError", "LoadBalancerAttributes must be specified")
	}
	if settings := given.ConnectionSettings; settings != nil && (core.Val(settings.IdleTimeout) < 1 || *settings.IdleTimeout > 4000) {
		return nil, refuse("InvalidConfigurationRequest", "ConnectionSettings.IdleTimeout must be from 1 to 4000 seconds")
	}
	if given.AccessLog != nil {
		b.attributes.AccessLog = given.AccessLog
	}
	if given.ConnectionDraining != nil {
		b.attributes.ConnectionDraining = given.ConnectionDraining
		if given.ConnectionDraining.Timeout == nil {
			given.ConnectionDraining.Timeout = core.Ptr(int32(300))
		}
	}
	if given.ConnectionSettings != nil {
		b.attributes.ConnectionSettings = given.ConnectionSettings
	}
	if given.CrossZoneLoadBalancing != nil {
		b.attributes.CrossZoneLoadBalancing = given.CrossZoneLoadBalancing
	}
	if len(given.AdditionalAttributes) > 0 {
		b.attributes.AdditionalAttributes = given.AdditionalAttributes
	}
	return &sdk.ModifyLoadBalancerAttributesOutput{LoadBalancerName: b.LoadBalancerName, LoadBalancerAttributes: given}, nil
}

// healthTarget is protocol:port, with a path for HTTP and HTTPS.
var healthTarget = regexp.MustCompile(`^((TCP|SSL):\d+|(HTTP|HTTPS):\d+/.*)$`)

func configureHealthCheck(r *core.Request, in *sdk.ConfigureHealthCheckInput) (*sdk.ConfigureHealthCheckOutput, error) {
	b, err := find(r, in.LoadBalancerName)
	if err != nil {
		return nil, err
	}
	h := in.HealthCheck
	if h == nil || !healthTarget.MatchString(core.Val(h.Target)) {
		return nil, refuse("ValidationError", "HealthCheck Target must be TCP:port, SSL:port, HTTP:port/path or HTTPS:port/path")
	}
	for name, value := range map[string][3]int32{
		"Interval": {core.Val(h.Interval), 5, 300}, "Timeout": {core.Val(h.Timeout), 2, 60},
		"HealthyThreshold": {core.Val(h.HealthyThreshold), 2, 10}, "UnhealthyThreshold": {core.Val(h.UnhealthyThreshold), 2, 10},
	} {
		if value[0] < value[1] || value[0] > value[2] {
			return nil, refuse("ValidationError", "HealthCheck %s is %d; it must be from %d to %d", name, value[0], value[1], value[2])
		}
	}
	if *h.Timeout >= *h.Interval {
		return nil, refuse("ValidationError", "HealthCheck timeout must be less than interval")
	}
	b.HealthCheck = h
	return &sdk.ConfigureHealthCheckOutput{HealthCheck: h}, nil
}

// addListener refuses a port that is taken with other settings; the same listener again changes nothing.
func (b *balancer) addListener(l types.Listener) error {
	protocol := strings.ToUpper(core.Val(l.Protocol))
	switch protocol {
	case "TCP", "SSL", "HTTP", "HTTPS":
	default:
		return refuse("ValidationError", "Listener protocol '%s' must be HTTP, HTTPS, TCP or SSL", core.Val(l.Protocol))
	}
	l.Protocol = &protocol
	if l.InstanceProtocol == nil {
		l.InstanceProtocol = &protocol
		if protocol == "HTTPS" {
			l.InstanceProtocol = core.Ptr("HTTP")
		}
		if protocol == "SSL" {
			l.InstanceProtocol = core.Ptr("TCP")
		}
	}
	l.InstanceProtocol = core.Ptr(strings.ToUpper(*l.InstanceProtocol))
	if l.LoadBalancerPort < 1 || l.LoadBalancerPort > 65535 || core.Val(l.InstancePort) < 1 || *l.InstancePort > 65535 {
		return refuse("ValidationError", "Listener ports must be from 1 to 65535")
	}
	for _, have := range b.ListenerDescriptions {
		if have.Listener.LoadBalancerPort != l.LoadBalancerPort {
			continue
		}
		if reflect.DeepEqual(*have.Listener, l) {
			return nil
		}
		return refuse("DuplicateListener", "A listener already exists for %s with LoadBalancerPort %d, but with a different configuration",
			*b.LoadBalancerName, l.LoadBalancerPort)
	}
	b.ListenerDescriptions = append(b.ListenerDescriptions, types.ListenerDescription{Listener: &l, PolicyNames: []string{}})
	return nil
}

// createLoadBalancerListeners adds all listeners or none.
func createLoadBalancerListeners(r *core.Request, in *sdk.CreateLoadBalancerListenersInput) (*sdk.CreateLoadBalancerListenersOutput, error) {
	b, err := find(r, in.LoadBalancerName)
	if err != nil {
		return nil, err
	}
	before := b.ListenerDescriptions
	for _, l := range in.Listeners {
		if err := b.addListener(l); err != nil {
			b.ListenerDescriptions = before
			return nil, err
		}
	}
	return nil, nil
}

// deleteLoadBalancerListeners ignores ports without a listener, as AWS does.
func deleteLoadBalancerListeners(r *core.Request, in *sdk.DeleteLoadBalancerListenersInput) (*sdk.DeleteLoadBalancerListenersOutput, error) {
	b, err := find(r, in.LoadBalancerName)
	if err != nil {
		return nil, err
	}
	kept := []types.ListenerDescription{}
	for _, have := range b.ListenerDescriptions {
		gone := false
		for _, port := range in.LoadBalancerPorts {
			gone = gone || port == have.Listener.LoadBalancerPort
		}
		if !gone {
			kept = append(kept, have)
		}
	}
	b.ListenerDescriptions = kept
	return nil, nil
}

// registerInstancesWithLoadBalancer takes instances of the load balancer's VPC, whatever their state.
func registerInstancesWithLoadBalancer(r *core.Request, in *sdk.RegisterInstancesWithLoadBalancerInput) (*sdk.RegisterInstancesWithLoadBalancerOutput, error) {
	b, err := find(r, in.LoadBalancerName)
	if err != nil {
		return nil, err
	}
	for _, wanted := range in.Instances {
		id := core.Val(wanted.InstanceId)
		if vpc, _, found := ec2.Of(r.Region).Running(id); !found {
			return nil, refuse("InvalidInstance", "Could not find EC2 instance %s.", id)
		} else if vpc != *b.VPCId {
			return nil, refuse("InvalidInstance", "EC2 instance %s is not in the same VPC as the load balancer.", id)
		}
	}
	b.Instances = append(withoutInstances(b.Instances, in.Instances), in.Instances...)
	return &sdk.RegisterInstancesWithLoadBalancerOutput{Instances: b.Instances}, nil
}

func deregisterInstancesFromLoadBalancer(r *core.Request, in *sdk.DeregisterInstancesFromLoadBalancerInput) (*sdk.DeregisterInstancesFromLoadBalancerOutput, error) {
	b, err := find(r, in.LoadBalancerName)
	if err != nil {
		return nil, err
	}
	left := withoutInstances(b.Instances, in.Instances)
	if len(left)+len(in.Instances) > len(b.Instances) {
		return nil, refuse("InvalidInstance", "Could not find EC2 instance among those registered with %s", *b.LoadBalancerName)
	}
	b.Instances = left
	return &sdk.DeregisterInstancesFromLoadBalancerOutput{Instances: b.Instances}, nil
}

func withoutInstances(have, gone []types.Instance) []types.Instance {
	out := []types.Instance{}
	for _, instance := range have {
		keep := true
		for _, other := range gone {
			keep = keep && core.Val(other.InstanceId) != core.Val(instance.InstanceId)
		}
		if keep {
			out = append(out, instance)
		}
	}
	return out
}

// forget takes a terminated instance out of all load balancers, as ELB does by itself.
func forget(r *core.Region, event core.Event) {
	if event.DetailType != "EC2 Instance State-change Notification" || event.Detail["state"] != "terminated" {
		return
	}
	id, _ := event.Detail["instance-id"].(string)
	for _, b := range of(r).balancers.All() {
		b.Instances = withoutInstances(b.Instances, []types.Instance{{InstanceId: &id}})
	}
}

// describeInstanceHealth calls every instance that runs in service: there is nothing behind it that could be checked.
func describeInstanceHealth(r *core.Request, in *sdk.DescribeInstanceHealthInput) (*sdk.DescribeInstanceHealthOutput, error) {
	b, err := find(r, in.LoadBalancerName)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeInstanceHealthOutput{InstanceStates: []types.InstanceState{}}
	for _, instance := range b.Instances {
		state := types.InstanceState{InstanceId: instance.InstanceId, State: core.Ptr("InService"), ReasonCode: core.Ptr("N/A"), Description: core.Ptr("N/A")}
		if _, running, _ := ec2.Of(r.Region).Running(core.Val(instance.InstanceId)); !running {
			state.State, state.ReasonCode = core.Ptr("OutOfService"), core.Ptr("Instance")
			state.Description = core.Ptr("Instance is in stopped state.")
		}
		out.InstanceStates = append(out.InstanceStates, state)
	}
	return out, nil
}

const mostTagged = 20

func checkOwners(r *core.Request, names []string) error {
	if len(names) == 0 || len(names) > mostTagged {
		return refuse("ValidationError", "1 to %d load balancer names must be specified, not %d", mostTagged, len(names))
	}
	for _, name := range names {
		if _, err := find(r, &name); err != nil {
			return err
		}
	}
	return nil
}

func describeTags(r *core.Request, in *sdk.DescribeTagsInput) (*sdk.DescribeTagsOutput, error) {
	if err := checkOwners(r, in.LoadBalancerNames); err != nil {
		return nil, err
	}
	out := &sdk.DescribeTagsOutput{TagDescriptions: []types.TagDescription{}}
	for _, name := range in.LoadBalancerNames {
		line := types.TagDescription{LoadBalancerName: core.Ptr(name), Tags: []types.Tag{}}
		for _, tag := range of(r.Region).tags.List(name) {
			line.Tags = append(line.Tags, types.Tag{Key: core.Ptr(tag.Key), Value: core.Ptr(tag.Value)})
		}
		out.TagDescriptions = append(out.TagDescriptions, line)
	}
	return out, nil
}

func addTags(r *core.Request, in *sdk.AddTagsInput) (*sdk.AddTagsOutput, error) {
	if err := checkOwners(r, in.LoadBalancerNames); err != nil {
		return nil, err
	}
	return nil, of(r.Region).tags.Add(plainTags(in.Tags), in.LoadBalancerNames...)
}

func removeTags(r *core.Request, in *sdk.RemoveTagsInput) (*sdk.RemoveTagsOutput, error) {
	if err := checkOwners(r, in.LoadBalancerNames); err != nil {
		return nil, err
	}
	for _, name := range in.LoadBalancerNames {
		for _, tag := range in.Tags {
			of(r.Region).tags.Remove(name, core.Val(tag.Key))
		}
	}
	return nil, nil
}
