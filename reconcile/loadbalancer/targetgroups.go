package loadbalancer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// The beginnings of target groups' names, by which they are found again.
const (
	apiGroupPrefix        = "apiserver-target-"
	additionalGroupPrefix = "additional-listener-"
)

// Attributes of target groups that are kept as wanted.
const (
	attrTerminate        = "target_health_state.unhealthy.connection_termination.enabled"
	attrDrainingInterval = "target_health_state.unhealthy.draining_interval_seconds"
	attrPreserveClientIP = "preserve_client_ip.enabled"
	drainingInterval     = "300"
)

// The health check of API servers, unless the spec says otherwise. Seconds, and
// numbers of checks.
const (
	checkPath      = "/readyz"
	checkInterval  = 5
	checkTimeout   = 4
	checkHealthy   = 2
	checkUnhealthy = 6
)

// targetGroup is a wanted target group and the port it is reached by.
type targetGroup struct {
	name, prefix string
	// listen is the listener's port, port the targets'.
	listen, port int64
	protocol     elbv2types.ProtocolEnum
	ipType       elbv2types.TargetGroupIpAddressTypeEnum
	check        healthCheck
	// row is nil while the group doesn't exist.
	row *mirror.TargetGroup
}

// healthCheck is how targets are checked.
type healthCheck struct {
	protocol, port, path                  string
	interval, timeout, healthy, unhealthy int32
}

// targetGroups returns the wanted target groups, with what exists of them.
func (s *State) targetGroups() []targetGroup {
	api := targetGroup{prefix: apiGroupPrefix, listen: s.APIPort, port: apiServerPort,
		protocol: elbv2types.ProtocolEnumTcp, ipType: s.ipType(s.Spec.TargetGroupIPType), check: apiCheck(s.Spec)}
	groups := []targetGroup{api}
	for _, l := range s.Spec.AdditionalListeners {
		groups = append(groups, targetGroup{prefix: additionalGroupPrefix, listen: l.Port, port: l.Port,
			protocol: elbv2types.ProtocolEnum(l.Protocol), ipType: s.ipType(l.TargetGroupIPType), check: listenerCheck(l)})
	}
	for i := range groups {
		g := &groups[i]
		g.name = s.Owner.TargetGroup(g.prefix, s.Name(), g.listen)
		g.row = s.findGroup(g)
		if g.row != nil {
			g.name = aws.ToString(g.row.TargetGroupName)
		}
	}
	return groups
}

// ports returns the ports that the load balancer listens on.
func (s *State) ports() []int64 {
	ports := []int64{s.APIPort}
	for _, l := range s.Spec.AdditionalListeners {
		ports = append(ports, l.Port)
	}
	return ports
}

func (s *State) ipType(wish *infrav1.TargetGroupIPType) elbv2types.TargetGroupIpAddressTypeEnum {
	switch {
	case wish != nil:
		return elbv2types.TargetGroupIpAddressTypeEnum(*wish)
	case s.TargetsIPv6:
		return elbv2types.TargetGroupIpAddressTypeEnumIpv6
	}
	return elbv2types.TargetGroupIpAddressTypeEnumIpv4
}

// findGroup finds a target group: the one behind the listener, unless it is somebody
// else's, else the one of our name, else one of this load balancer that serves the same.
func (s *State) findGroup(g *targetGroup) *mirror.TargetGroup {
	fits := func(row *mirror.TargetGroup) bool {
		return int64(aws.ToInt32(row.Port)) == g.port && row.Protocol == g.protocol && aws.ToString(row.VpcId) == s.VPCID
	}
	if l := s.listenerOn(g.listen); l != nil {
		if row, ok := mirror.Get(s.snap, mirror.TargetGroups, forwardsTo(l)); ok && fits(row) && s.mayUse(row) {
			return row
		}
	}
	rows := mirror.Select(s.snap, mirror.TargetGroups, func(row *mirror.TargetGroup) bool {
		return fits(row) && aws.ToString(row.TargetGroupName) == g.name
	})
	if len(rows) == 0 && s.V2 != nil {
		rows = mirror.Select(s.snap, mirror.TargetGroups, func(row *mirror.TargetGroup) bool {
			return fits(row) && strings.HasPrefix(aws.ToString(row.TargetGroupName), g.prefix) &&
				slices.Contains(row.LoadBalancerArns, aws.ToString(s.V2.LoadBalancerArn)) && s.mayUse(row)
		})
	}
	if len(rows) == 0 {
		return nil
	}
	return rows[0]
}

// mayUse tells that a target group behind the load balancer isn't known to be another's, to
// which somebody has led a listener.
func (s *State) mayUse(row *mirror.TargetGroup) bool {
	return s.Unmanaged || row.TagSet == nil || s.Claim(aws.ToString(row.TargetGroupArn), row.TagSet, aws.ToString(row.VpcId)).Ours()
}

// ours tells whether a target group was made for this cluster.
func (s *State) ours(row *mirror.TargetGroup) bool {
	name := aws.ToString(row.TargetGroupName)
	return (strings.HasPrefix(name, apiGroupPrefix) || strings.HasPrefix(name, additionalGroupPrefix)) &&
		s.Claim(aws.ToString(row.TargetGroupArn), row.TagSet, aws.ToString(row.VpcId)).Ours()
}

func (s *State) planTargetGroups() []targetGroup {
	groups := s.targetGroups()
	for _, g := range groups {
		if g.row == nil {
			s.planCreateGroup(g)
			continue
		}
		s.planGroupDrift(g)
	}
	return groups
}

func (s *State) groupKey(g targetGroup) string {
	return fmt.Sprintf("%s/target-group/%d", s.Key, g.listen)
}

func (s *State) planCreateGroup(g targetGroup) {
	in := &elbv2.CreateTargetGroupInput{
		Name: aws.String(g.name), Port: aws.Int32(int32(g.port)), Protocol: g.protocol, IpAddressType: g.ipType,
		TargetType: elbv2types.TargetTypeEnumInstance, Tags: tagList(s.tags()), HealthCheckEnabled: aws.Bool(true),
		HealthCheckProtocol: elbv2types.ProtocolEnum(g.check.protocol), HealthCheckPort: aws.String(g.check.port),
		HealthCheckIntervalSeconds: aws.Int32(g.check.interval), HealthCheckTimeoutSeconds: aws.Int32(g.check.timeout),
		HealthyThresholdCount: aws.Int32(g.check.healthy), UnhealthyThresholdCount: aws.Int32(g.check.unhealthy),
	}
	if g.check.path != "" {
		in.HealthCheckPath = aws.String(g.check.path)
	}
	waits := ""
	if s.VPCID == "" {
		waits = "the VPC"
	} else {
		in.VpcId = aws.String(s.VPCID)
	}
	s.add(plan.Action{Key: s.groupKey(g), Verb: plan.Create, Operation: "elasticloadbalancingv2.CreateTargetGroup", Input: in,
		Summary: fmt.Sprintf("create target group %s for port %d", g.name, g.port), WaitsFor: waits})
}

func (s *State) planGroupDrift(g targetGroup) {
	arn := g.row.TargetGroupArn
	update := func(name, operation, what string, in any) {
		s.add(plan.Action{Key: s.groupKey(g) + "/" + name, Verb: plan.Update, Operation: "elasticloadbalancingv2." + operation,
			Claims: claims(in), Input: in, Summary: fmt.Sprintf("set %s of target group %s", what, g.name)})
	}
	if missing := names.Missing(s.tags(), g.row.TagSet); g.row.TagSet != nil && len(missing) > 0 {
		update("tags", "AddTags", "tags "+strings.Join(names.SortedKeys(missing), ", "),
			&elbv2.AddTagsInput{ResourceArns: []string{*arn}, Tags: tagList(missing)})
	}
	if changed := s.groupAttributes(g); len(changed) > 0 {
		update("attributes", "ModifyTargetGroupAttributes", "attributes",
			&elbv2.ModifyTargetGroupAttributesInput{TargetGroupArn: arn, Attributes: changed})
	}
	if !g.check.is(&g.row.TargetGroup) {
		in := &elbv2.ModifyTargetGroupInput{TargetGroupArn: arn, HealthCheckEnabled: aws.Bool(true),
			HealthCheckProtocol: elbv2types.ProtocolEnum(g.check.protocol), HealthCheckPort: aws.String(g.check.port),
			HealthCheckIntervalSeconds: aws.Int32(g.check.interval), HealthCheckTimeoutSeconds: aws.Int32(g.check.timeout),
			HealthyThresholdCount: aws.Int32(g.check.healthy), UnhealthyThresholdCount: aws.Int32(g.check.unhealthy)}
		if g.check.path != "" {
			in.HealthCheckPath = aws.String(g.check.path)
		}
		update("health-check", "ModifyTargetGroup", "health check", in)
	}
}

// groupAttributes returns the attributes that differ. Before they have been
// read, none do.
func (s *State) groupAttributes(g targetGroup) []elbv2types.TargetGroupAttribute {
	if g.row.Attributes == nil {
		return nil
	}
	want := map[string]string{attrTerminate: "false", attrDrainingInterval: drainingInterval,
		attrPreserveClientIP: strconv.FormatBool(s.Spec.PreserveClientIP)}
	var changed []elbv2types.TargetGroupAttribute
	for _, key := range names.SortedKeys(want) {
		have, known := g.row.Attributes[key]
		// AWS preserves clients' addresses for instances unless told not to.
		if key == attrPreserveClientIP && !known {
			have = "true"
		}
		if have != want[key] {
			changed = append(changed, elbv2types.TargetGroupAttribute{Key: aws.String(key), Value: aws.String(want[key])})
		}
	}
	return changed
}

// is tells whether a target group is checked this way.
func (c healthCheck) is(g *elbv2types.TargetGroup) bool {
	have := healthCheck{
		protocol: string(g.HealthCheckProtocol), port: aws.ToString(g.HealthCheckPort), path: aws.ToString(g.HealthCheckPath),
		interval: aws.ToInt32(g.HealthCheckIntervalSeconds), timeout: aws.ToInt32(g.HealthCheckTimeoutSeconds),
		healthy: aws.ToInt32(g.HealthyThresholdCount), unhealthy: aws.ToInt32(g.UnhealthyThresholdCount),
	}
	if c.path == "" {
		have.path = "" // AWS chooses one where the spec doesn't
	}
	return c == have
}

// apiCheck is the check of the API servers: the user may change the protocol and
// the numbers.
func apiCheck(spec *infrav1.AWSLoadBalancerSpec) healthCheck {
	c := defaultCheck()
	c.port = strconv.Itoa(apiServerPort)
	if p := spec.HealthCheckProtocol; p != nil {
		c.protocol = strings.ToUpper(string(*p))
	}
	if c.protocol == "HTTP" || c.protocol == "HTTPS" {
		c.path = checkPath
	}
	if h := spec.HealthCheck; h != nil {
		c.number(&c.interval, h.IntervalSeconds)
		c.number(&c.timeout, h.TimeoutSeconds)
		c.number(&c.healthy, h.ThresholdCount)
		c.number(&c.unhealthy, h.UnhealthyThresholdCount)
	}
	return c
}

// listenerCheck is the check behind a further listener, all of which the user
// may change.
func listenerCheck(l infrav1.AdditionalListenerSpec) healthCheck {
	c := defaultCheck()
	c.port = strconv.FormatInt(l.Port, 10)
	c.protocol = string(l.Protocol)
	h := l.HealthCheck
	if h == nil {
		return c
	}
	if h.Protocol != nil {
		c.protocol = string(*h.Protocol)
	}
	if h.Port != nil {
		c.port = *h.Port
	}
	if h.Path != nil {
		c.path = *h.Path
	}
	c.number(&c.interval, h.IntervalSeconds)
	c.number(&c.timeout, h.TimeoutSeconds)
	c.number(&c.healthy, h.ThresholdCount)
	c.number(&c.unhealthy, h.UnhealthyThresholdCount)
	return c
}

func defaultCheck() healthCheck {
	return healthCheck{protocol: "TCP", interval: checkInterval, timeout: checkTimeout,
		healthy: checkHealthy, unhealthy: checkUnhealthy}
}

func (healthCheck) number(to *int32, wish *int64) {
	if wish != nil {
		*to = int32(*wish)
	}
}
