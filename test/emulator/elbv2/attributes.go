package elbv2

import (
	"sort"

	sdk "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

const deletionProtection = "deletion_protection.enabled"

// defaultAttributes are those of a new load balancer, by the API reference of LoadBalancerAttribute.
func defaultAttributes(network bool) map[string]string {
	out := map[string]string{
		deletionProtection: "false", "access_logs.s3.enabled": "false", "access_logs.s3.bucket": "", "access_logs.s3.prefix": "",
		"ipv6.deny_all_igw_traffic": "false", "zonal_shift.config.enabled": "false",
	}
	more := map[string]string{
		"idle_timeout.timeout_seconds": "60", "client_keep_alive.seconds": "3600", "routing.http2.enabled": "true",
		"routing.http.drop_invalid_header_fields.enabled": "false", "routing.http.desync_mitigation_mode": "defensive",
		"routing.http.preserve_host_header.enabled": "false", "routing.http.xff_client_port.enabled": "false",
		"routing.http.xff_header_processing.mode": "append", "waf.fail_open.enabled": "false", "load_balancing.cross_zone.enabled": "true",
		"routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false", "connection_logs.s3.enabled": "false",
		"connection_logs.s3.bucket": "", "connection_logs.s3.prefix": "",
	}
	if network {
		more = map[string]string{"load_balancing.cross_zone.enabled": "false", "dns_record.client_routing_policy": "any_availability_zone",
			"secondary_ips.auto_assigned.per_subnet": "0"}
	}
	for key, value := range more {
		out[key] = value
	}
	return out
}

// defaultGroupAttributes are those of a new target group, by the API reference of TargetGroupAttribute.
func defaultGroupAttributes(g *targetGroup) map[string]string {
	out := map[string]string{
		"deregistration_delay.timeout_seconds": "300", "stickiness.enabled": "false", "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
		"target_group_health.dns_failover.minimum_healthy_targets.count": "1", "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
		"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count":      "1",
		"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
	}
	more := map[string]string{
		"stickiness.type": "lb_cookie", "stickiness.lb_cookie.duration_seconds": "86400", "stickiness.app_cookie.cookie_name": "",
		"stickiness.app_cookie.duration_seconds": "86400", "slow_start.duration_seconds": "0", "load_balancing.algorithm.type": "round_robin",
		"load_balancing.algorithm.anomaly_mitigation": "off",
	}
	if networkProtocol(g.Protocol) {
		preserve := "true"
		if g.TargetType == types.TargetTypeEnumIp && (g.Protocol == types.ProtocolEnumTcp || g.Protocol == types.ProtocolEnumTls) {
			preserve = "false"
		}
		more = map[string]string{
			"stickiness.type": "source_ip", "proxy_protocol_v2.enabled": "false", "preserve_client_ip.enabled": preserve,
			"deregistration_delay.connection_termination.enabled":          "false",
			"target_health_state.unhealthy.connection_termination.enabled": "true",
			"target_health_state.unhealthy.draining_interval_seconds":      "0",
		}
	}
	for key, value := range more {
		out[key] = value
	}
	return out
}

func sortedKeys(values map[string]string) []string {
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

func listAttributes(values map[string]string) []types.LoadBalancerAttribute {
	out := []types.LoadBalancerAttribute{}
	for _, key := range sortedKeys(values) {
		out = append(out, types.LoadBalancerAttribute{Key: core.Ptr(key), Value: core.Ptr(values[key])})
	}
	return out
}

func listGroupAttributes(values map[string]string) []types.TargetGroupAttribute {
	out := []types.TargetGroupAttribute{}
	for _, key := range sortedKeys(values) {
		out = append(out, types.TargetGroupAttribute{Key: core.Ptr(key), Value: core.Ptr(values[key])})
	}
	return out
}

func describeLoadBalancerAttributes(r *core.Request, in *sdk.DescribeLoadBalancerAttributesInput) (*sdk.DescribeLoadBalancerAttributesOutput, error) {
	b, err := find(r, in.LoadBalancerArn)
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeLoadBalancerAttributesOutput{Attributes: listAttributes(b.attributes)}, nil
}

func modifyLoadBalancerAttributes(r *core.Request, in *sdk.ModifyLoadBalancerAttributesInput) (*sdk.ModifyLoadBalancerAttributesOutput, error) {
	b, err := find(r, in.LoadBalancerArn)
	if err != nil {
		return nil, err
	}
	for _, attribute := range in.Attributes {
		if _, known := b.attributes[core.Val(attribute.Key)]; !known {
			return nil, refuse("InvalidConfigurationRequest", "Load balancer attribute key '%s' is not recognized", core.Val(attribute.Key))
		}
	}
	for _, attribute := range in.Attributes {
		b.attributes[*attribute.Key] = core.Val(attribute.Value)
	}
	return &sdk.ModifyLoadBalancerAttributesOutput{Attributes: listAttributes(b.attributes)}, nil
}

func describeTargetGroupAttributes(r *core.Request, in *sdk.DescribeTargetGroupAttributesInput) (*sdk.DescribeTargetGroupAttributesOutput, error) {
	g, err := findGroup(r, in.TargetGroupArn)
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeTargetGroupAttributesOutput{Attributes: listGroupAttributes(g.attributes)}, nil
}

func modifyTargetGroupAttributes(r *core.Request, in *sdk.ModifyTargetGroupAttributesInput) (*sdk.ModifyTargetGroupAttributesOutput, error) {
	g, err := findGroup(r, in.TargetGroupArn)
	if err != nil {
		return nil, err
	}
	for _, attribute := range in.Attributes {
		if _, known := g.attributes[core.Val(attribute.Key)]; !known {
			return nil, refuse("InvalidConfigurationRequest", "Target group attribute key '%s' is not recognized", core.Val(attribute.Key))
		}
	}
	for _, attribute := range in.Attributes {
		g.attributes[*attribute.Key] = core.Val(attribute.Value)
	}
	return &sdk.ModifyTargetGroupAttributesOutput{Attributes: listGroupAttributes(g.attributes)}, nil
}
