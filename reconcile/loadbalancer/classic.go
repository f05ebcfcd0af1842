package loadbalancer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// classicIdleTimeout is ten minutes, in seconds.
const classicIdleTimeout = 600

func (s *State) observeClassic() {
	row, ok := mirror.Get(s.snap, mirror.ClassicLoadBalancers, s.Name())
	if ok && s.adopt(ownership.LoadBalancer(s.Name()), row.TagSet, aws.ToString(row.VPCId), aws.ToString(row.Scheme)) {
		s.ClassicRow = row
	}
}

func (s *State) planClassic() {
	if s.ClassicRow == nil {
		if s.lost() {
			s.problemLost()
			return
		}
		s.planCreateClassic()
		return
	}
	s.planClassicTags()
	s.planClassicSubnets()
	s.planClassicListeners()
	s.planClassicSettings()
}

func (s *State) planCreateClassic() {
	subnets, _ := s.subnetIDs()
	groups, _ := s.groupIDs()
	in := &elb.CreateLoadBalancerInput{LoadBalancerName: aws.String(s.Name()), Subnets: subnets, SecurityGroups: groups,
		Listeners: []elbtypes.Listener{s.classicListener()}, Tags: classicTags(s.tags())}
	if s.internal() {
		in.Scheme = aws.String(string(infrav1.ELBSchemeInternal))
	}
	s.add(plan.Action{Key: s.Key, Verb: plan.Create, Operation: "elasticloadbalancing.CreateLoadBalancer", Input: in,
		Summary: "create classic load balancer " + s.Name(), WaitsFor: s.waits()})
}

func (s *State) classicListener() elbtypes.Listener {
	return elbtypes.Listener{Protocol: aws.String("TCP"), LoadBalancerPort: int32(s.APIPort),
		InstanceProtocol: aws.String("TCP"), InstancePort: aws.Int32(apiServerPort)}
}

// update plans one change of the existing load balancer.
func (s *State) update(name, operation, what string, verb plan.Verb, in any) {
	s.add(plan.Action{Key: s.Key + "/" + name, Verb: verb, Operation: "elasticloadbalancing." + operation, Claims: claims(in), Input: in,
		Summary: fmt.Sprintf("%s of load balancer %s", what, s.Name())})
}

func (s *State) planClassicTags() {
	if missing := names.Missing(s.tags(), s.ClassicRow.TagSet); len(missing) > 0 {
		s.update("tags", "AddTags", "set tags "+strings.Join(names.SortedKeys(missing), ", "), plan.Update,
			&elb.AddTagsInput{LoadBalancerNames: []string{s.Name()}, Tags: classicTags(missing)})
	}
}

func (s *State) planClassicSubnets() {
	want, waits := s.subnetIDs()
	if waits != "" {
		return
	}
	missing := without(want, s.ClassicRow.Subnets)
	extra := without(s.ClassicRow.Subnets, want)
	if len(missing) > 0 {
		s.update("subnets", "AttachLoadBalancerToSubnets", "set subnets "+strings.Join(missing, ", "), plan.Update,
			&elb.AttachLoadBalancerToSubnetsInput{LoadBalancerName: aws.String(s.Name()), Subnets: missing})
	} else if len(extra) > 0 {
		s.update("subnets/extra", "DetachLoadBalancerFromSubnets", "detach subnets "+strings.Join(extra, ", "), plan.Update,
			&elb.DetachLoadBalancerFromSubnetsInput{LoadBalancerName: aws.String(s.Name()), Subnets: extra})
	}
}

// planClassicListeners keeps the API's listener. A port can have only one, so a
// wrong one goes before the right one comes.
func (s *State) planClassicListeners() {
	want := s.classicListener()
	key := fmt.Sprintf("listener/%d", s.APIPort)
	for _, d := range s.ClassicRow.ListenerDescriptions {
		if d.Listener == nil || d.Listener.LoadBalancerPort != want.LoadBalancerPort {
			continue
		}
		if aws.ToInt32(d.Listener.InstancePort) != apiServerPort || !strings.EqualFold(aws.ToString(d.Listener.Protocol), "TCP") {
			s.update(key, "DeleteLoadBalancerListeners", fmt.Sprintf("delete the listener on port %d", s.APIPort), plan.Delete,
				&elb.DeleteLoadBalancerListenersInput{LoadBalancerName: aws.String(s.Name()), LoadBalancerPorts: []int32{want.LoadBalancerPort}})
		}
		return
	}
	s.update(key, "CreateLoadBalancerListeners", fmt.Sprintf("create the listener on port %d", s.APIPort), plan.Create,
		&elb.CreateLoadBalancerListenersInput{LoadBalancerName: aws.String(s.Name()), Listeners: []elbtypes.Listener{want}})
}

func (s *State) planClassicSettings() {
	if groups, waits := s.groupIDs(); waits == "" && !same(groups, s.ClassicRow.SecurityGroups) {
		s.update("security-groups", "ApplySecurityGroupsToLoadBalancer", "set security groups "+strings.Join(groups, ", "), plan.Update,
			&elb.ApplySecurityGroupsToLoadBalancerInput{LoadBalancerName: aws.String(s.Name()), SecurityGroups: groups})
	}
	if want := s.classicCheck(); !sameCheck(want, s.ClassicRow.HealthCheck) {
		s.update("health-check", "ConfigureHealthCheck", "set health check "+aws.ToString(want.Target), plan.Update,
			&elb.ConfigureHealthCheckInput{LoadBalancerName: aws.String(s.Name()), HealthCheck: want})
	}
	if a := s.ClassicRow.Attributes; a != nil && !s.attributesAre(a) {
		s.update("attributes", "ModifyLoadBalancerAttributes", "set attributes", plan.Update,
			&elb.ModifyLoadBalancerAttributesInput{LoadBalancerName: aws.String(s.Name()),
				LoadBalancerAttributes: &elbtypes.LoadBalancerAttributes{
					ConnectionSettings:     &elbtypes.ConnectionSettings{IdleTimeout: aws.Int32(classicIdleTimeout)},
					CrossZoneLoadBalancing: &elbtypes.CrossZoneLoadBalancing{Enabled: s.Spec.CrossZoneLoadBalancing}}})
	}
}

func (s *State) attributesAre(a *elbtypes.LoadBalancerAttributes) bool {
	crossZone := a.CrossZoneLoadBalancing != nil && a.CrossZoneLoadBalancing.Enabled
	return crossZone == s.Spec.CrossZoneLoadBalancing &&
		a.ConnectionSettings != nil && aws.ToInt32(a.ConnectionSettings.IdleTimeout) == classicIdleTimeout
}

// classicCheck is the health check of the API servers: only its protocol can be
// chosen for a classic load balancer.
func (s *State) classicCheck() *elbtypes.HealthCheck {
	protocol := "TCP"
	if p := s.Spec.HealthCheckProtocol; p != nil {
		protocol = string(*p)
	}
	target := fmt.Sprintf("%s:%d", protocol, apiServerPort)
	if protocol == "HTTP" || protocol == "HTTPS" {
		target += checkPath
	}
	return &elbtypes.HealthCheck{Target: aws.String(target), Interval: aws.Int32(checkInterval), Timeout: aws.Int32(checkTimeout),
		HealthyThreshold: aws.Int32(checkHealthy), UnhealthyThreshold: aws.Int32(checkUnhealthy)}
}

func sameCheck(a, b *elbtypes.HealthCheck) bool {
	return b != nil && aws.ToString(a.Target) == aws.ToString(b.Target) &&
		aws.ToInt32(a.Interval) == aws.ToInt32(b.Interval) && aws.ToInt32(a.Timeout) == aws.ToInt32(b.Timeout) &&
		aws.ToInt32(a.HealthyThreshold) == aws.ToInt32(b.HealthyThreshold) &&
		aws.ToInt32(a.UnhealthyThreshold) == aws.ToInt32(b.UnhealthyThreshold)
}

// without returns the ids of a that b lacks.
func without(a, b []string) []string {
	var rest []string
	for _, id := range a {
		if !slices.Contains(b, id) {
			rest = append(rest, id)
		}
	}
	return rest
}

func classicTags(tags map[string]string) []elbtypes.Tag {
	list := make([]elbtypes.Tag, 0, len(tags))
	for _, k := range names.SortedKeys(tags) {
		list = append(list, elbtypes.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return list
}
