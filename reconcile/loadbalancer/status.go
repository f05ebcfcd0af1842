package loadbalancer

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// Status returns the load balancer as users see it; the zero value while there
// is none.
func (s *State) Status() infrav1.LoadBalancer {
	switch {
	case s.V2 != nil:
		return s.v2Status()
	case s.ClassicRow != nil:
		return s.classicStatus()
	}
	return infrav1.LoadBalancer{}
}

func (s *State) v2Status() infrav1.LoadBalancer {
	lb := infrav1.LoadBalancer{
		ARN: aws.ToString(s.V2.LoadBalancerArn), Name: aws.ToString(s.V2.LoadBalancerName), DNSName: aws.ToString(s.V2.DNSName),
		Scheme: infrav1.ELBScheme(s.V2.Scheme), SecurityGroupIDs: s.V2.SecurityGroups, Tags: s.V2.TagSet,
		LoadBalancerType:          s.Spec.LoadBalancerType,
		LoadBalancerIPAddressType: infrav1.LoadBalancerIPAddressType(s.V2.IpAddressType),
	}
	for _, z := range s.V2.AvailabilityZones {
		lb.AvailabilityZones = append(lb.AvailabilityZones, aws.ToString(z.ZoneName))
		lb.SubnetIDs = append(lb.SubnetIDs, aws.ToString(z.SubnetId))
	}
	if len(s.V2.Attributes) > 0 {
		lb.ELBAttributes = s.V2.Attributes
	}
	for _, g := range s.targetGroups() {
		if s.listenerOn(g.listen) == nil || g.row == nil {
			continue
		}
		lb.ELBListeners = append(lb.ELBListeners, infrav1.Listener{
			Protocol: infrav1.ELBProtocol(g.protocol), Port: g.listen, TargetGroup: g.status()})
	}
	return lb
}

func (g targetGroup) status() infrav1.TargetGroupSpec {
	return infrav1.TargetGroupSpec{
		Name: g.name, Port: g.port, Protocol: infrav1.TargetGroupProtocol(g.row.Protocol), VpcID: aws.ToString(g.row.VpcId),
		IPType: infrav1.TargetGroupIPType(g.row.IpAddressType),
		HealthCheck: &infrav1.TargetGroupHealthCheck{
			Protocol: optional(string(g.row.HealthCheckProtocol)), Path: g.row.HealthCheckPath, Port: g.row.HealthCheckPort,
			IntervalSeconds: wide(g.row.HealthCheckIntervalSeconds), TimeoutSeconds: wide(g.row.HealthCheckTimeoutSeconds),
			ThresholdCount: wide(g.row.HealthyThresholdCount), UnhealthyThresholdCount: wide(g.row.UnhealthyThresholdCount),
		},
	}
}

func (s *State) classicStatus() infrav1.LoadBalancer {
	row := s.ClassicRow
	lb := infrav1.LoadBalancer{
		Name: aws.ToString(row.LoadBalancerName), DNSName: aws.ToString(row.DNSName), Scheme: infrav1.ELBScheme(aws.ToString(row.Scheme)),
		AvailabilityZones: row.AvailabilityZones, SubnetIDs: row.Subnets, SecurityGroupIDs: row.SecurityGroups, Tags: row.TagSet,
		LoadBalancerType: infrav1.LoadBalancerTypeClassic,
	}
	for _, d := range row.ListenerDescriptions {
		if d.Listener == nil {
			continue
		}
		lb.ClassicELBListeners = append(lb.ClassicELBListeners, infrav1.ClassicELBListener{
			Protocol: infrav1.ELBProtocol(aws.ToString(d.Listener.Protocol)), Port: int64(d.Listener.LoadBalancerPort),
			InstanceProtocol: infrav1.ELBProtocol(aws.ToString(d.Listener.InstanceProtocol)),
			InstancePort:     int64(aws.ToInt32(d.Listener.InstancePort))})
	}
	if h := row.HealthCheck; h != nil {
		lb.HealthCheck = &infrav1.ClassicELBHealthCheck{Target: aws.ToString(h.Target),
			Interval: seconds(h.Interval), Timeout: seconds(h.Timeout),
			HealthyThreshold: int64(aws.ToInt32(h.HealthyThreshold)), UnhealthyThreshold: int64(aws.ToInt32(h.UnhealthyThreshold))}
	}
	if a := row.Attributes; a != nil {
		lb.ClassicElbAttributes.CrossZoneLoadBalancing = a.CrossZoneLoadBalancing != nil && a.CrossZoneLoadBalancing.Enabled
		if a.ConnectionSettings != nil {
			lb.ClassicElbAttributes.IdleTimeout = seconds(a.ConnectionSettings.IdleTimeout)
		}
	}
	return lb
}

func seconds(n *int32) time.Duration { return time.Duration(aws.ToInt32(n)) * time.Second }

func wide(n *int32) *int64 {
	if n == nil {
		return nil
	}
	return aws.Int64(int64(*n))
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return aws.String(s)
}
