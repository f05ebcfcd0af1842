package loadbalancer

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Handlers carry out what load balancers plan.
func Handlers() []plan.Handler {
	return slices.Concat(v2Handlers(), listenerHandlers(), groupHandlers(), classicHandlers(), classicPartHandlers())
}

func v2Handlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("CreateLoadBalancer", (*elbv2.Client).CreateLoadBalancer, func(w *plan.Writer, in *elbv2.CreateLoadBalancerInput, out *elbv2.CreateLoadBalancerOutput) {
			for _, l := range out.LoadBalancers {
				// It has no listeners yet, and AWS's defaults, which stand for attributes
				// that aren't there.
				plan.Put(w, mirror.LoadBalancers, mirror.LoadBalancer{LoadBalancer: l, TagSet: tagMap(in.Tags),
					Attributes: map[string]string{}, Listeners: []elbv2types.Listener{}})
			}
		}, mirror.LoadBalancers.Kind),
		plan.Call("DeleteLoadBalancer", (*elbv2.Client).DeleteLoadBalancer, func(w *plan.Writer, in *elbv2.DeleteLoadBalancerInput, _ *elbv2.DeleteLoadBalancerOutput) {
			arn := aws.ToString(in.LoadBalancerArn)
			plan.Drop(w, mirror.LoadBalancers, arn)
			plan.ModifyAll(w, mirror.TargetGroups, func(g *mirror.TargetGroup) bool {
				return slices.Contains(g.LoadBalancerArns, arn)
			}, func(g *mirror.TargetGroup) {
				g.LoadBalancerArns = slices.DeleteFunc(g.LoadBalancerArns, func(a string) bool { return a == arn })
			})
		}),
		plan.Call("ModifyLoadBalancerAttributes", (*elbv2.Client).ModifyLoadBalancerAttributes, func(w *plan.Writer, in *elbv2.ModifyLoadBalancerAttributesInput, _ *elbv2.ModifyLoadBalancerAttributesOutput) {
			plan.Modify(w, mirror.LoadBalancers, aws.ToString(in.LoadBalancerArn), func(l *mirror.LoadBalancer) {
				for _, a := range in.Attributes {
					note(&l.Attributes, a.Key, a.Value)
				}
			})
		}, mirror.LoadBalancers.Kind),
		plan.Call("SetLoadBalancerSubnets", (*elbv2.Client).SetSubnets, func(w *plan.Writer, in *elbv2.SetSubnetsInput, out *elbv2.SetSubnetsOutput) {
			plan.Modify(w, mirror.LoadBalancers, aws.ToString(in.LoadBalancerArn), func(l *mirror.LoadBalancer) { l.AvailabilityZones = out.AvailabilityZones })
		}, mirror.LoadBalancers.Kind),
		plan.Call("SetLoadBalancerSecurityGroups", (*elbv2.Client).SetSecurityGroups, func(w *plan.Writer, in *elbv2.SetSecurityGroupsInput, _ *elbv2.SetSecurityGroupsOutput) {
			plan.Modify(w, mirror.LoadBalancers, aws.ToString(in.LoadBalancerArn), func(l *mirror.LoadBalancer) { l.SecurityGroups = in.SecurityGroups })
		}, mirror.LoadBalancers.Kind),
		plan.Call("TagLoadBalancer", (*elbv2.Client).AddTags, func(w *plan.Writer, in *elbv2.AddTagsInput, _ *elbv2.AddTagsOutput) {
			for _, arn := range in.ResourceArns {
				plan.Modify(w, mirror.LoadBalancers, arn, func(l *mirror.LoadBalancer) {
					for _, t := range in.Tags {
						note(&l.TagSet, t.Key, t.Value)
					}
				})
				plan.Modify(w, mirror.TargetGroups, arn, func(g *mirror.TargetGroup) {
					for _, t := range in.Tags {
						note(&g.TagSet, t.Key, t.Value)
					}
				})
			}
		}, mirror.LoadBalancers.Kind),
	}
}

func listenerHandlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("CreateListener", (*elbv2.Client).CreateListener, func(w *plan.Writer, in *elbv2.CreateListenerInput, out *elbv2.CreateListenerOutput) {
			arn := aws.ToString(in.LoadBalancerArn)
			plan.Modify(w, mirror.LoadBalancers, arn, func(l *mirror.LoadBalancer) {
				l.Listeners = append(l.Listeners, out.Listeners...)
			})
			for _, a := range in.DefaultActions {
				plan.Modify(w, mirror.TargetGroups, aws.ToString(a.TargetGroupArn), func(g *mirror.TargetGroup) {
					if !slices.Contains(g.LoadBalancerArns, arn) {
						g.LoadBalancerArns = append(g.LoadBalancerArns, arn)
					}
				})
			}
		}, mirror.LoadBalancers.Kind),
		plan.Call("ModifyListener", (*elbv2.Client).ModifyListener, func(w *plan.Writer, in *elbv2.ModifyListenerInput, out *elbv2.ModifyListenerOutput) {
			for _, changed := range out.Listeners {
				plan.Modify(w, mirror.LoadBalancers, aws.ToString(changed.LoadBalancerArn), func(l *mirror.LoadBalancer) {
					for i := range l.Listeners {
						if aws.ToString(l.Listeners[i].ListenerArn) == aws.ToString(in.ListenerArn) {
							l.Listeners[i] = changed
						}
					}
				})
			}
		}, mirror.LoadBalancers.Kind),
		plan.Call("DeleteListener", (*elbv2.Client).DeleteListener, func(w *plan.Writer, in *elbv2.DeleteListenerInput, _ *elbv2.DeleteListenerOutput) {
			is := func(l elbv2types.Listener) bool { return aws.ToString(l.ListenerArn) == aws.ToString(in.ListenerArn) }
			plan.ModifyAll(w, mirror.LoadBalancers, func(l *mirror.LoadBalancer) bool {
				return slices.ContainsFunc(l.Listeners, is)
			}, func(l *mirror.LoadBalancer) { l.Listeners = slices.DeleteFunc(l.Listeners, is) })
		}, mirror.LoadBalancers.Kind),
	}
}

func groupHandlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("CreateTargetGroup", (*elbv2.Client).CreateTargetGroup, func(w *plan.Writer, in *elbv2.CreateTargetGroupInput, out *elbv2.CreateTargetGroupOutput) {
			for _, g := range out.TargetGroups {
				plan.Put(w, mirror.TargetGroups, mirror.TargetGroup{TargetGroup: g, TagSet: tagMap(in.Tags), Attributes: map[string]string{}, Targets: []string{}})
			}
		}, mirror.TargetGroups.Kind),
		plan.Call("ModifyTargetGroup", (*elbv2.Client).ModifyTargetGroup, func(w *plan.Writer, in *elbv2.ModifyTargetGroupInput, out *elbv2.ModifyTargetGroupOutput) {
			for _, g := range out.TargetGroups {
				plan.Modify(w, mirror.TargetGroups, aws.ToString(in.TargetGroupArn), func(row *mirror.TargetGroup) { row.TargetGroup = g })
			}
		}, mirror.TargetGroups.Kind),
		plan.Call("ModifyTargetGroupAttributes", (*elbv2.Client).ModifyTargetGroupAttributes, func(w *plan.Writer, in *elbv2.ModifyTargetGroupAttributesInput, _ *elbv2.ModifyTargetGroupAttributesOutput) {
			plan.Modify(w, mirror.TargetGroups, aws.ToString(in.TargetGroupArn), func(g *mirror.TargetGroup) {
				for _, a := range in.Attributes {
					note(&g.Attributes, a.Key, a.Value)
				}
			})
		}, mirror.TargetGroups.Kind),
		plan.Call("DeleteTargetGroup", (*elbv2.Client).DeleteTargetGroup, func(w *plan.Writer, in *elbv2.DeleteTargetGroupInput, _ *elbv2.DeleteTargetGroupOutput) {
			plan.Drop(w, mirror.TargetGroups, aws.ToString(in.TargetGroupArn))
		}),
	}
}

func classicHandlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("CreateLoadBalancer", (*elb.Client).CreateLoadBalancer, writeClassic, mirror.ClassicLoadBalancers.Kind),
		plan.Call("DeleteLoadBalancer", (*elb.Client).DeleteLoadBalancer, func(w *plan.Writer, in *elb.DeleteLoadBalancerInput, _ *elb.DeleteLoadBalancerOutput) {
			plan.Drop(w, mirror.ClassicLoadBalancers, aws.ToString(in.LoadBalancerName))
		}),
		plan.Call("ConfigureHealthCheck", (*elb.Client).ConfigureHealthCheck, func(w *plan.Writer, in *elb.ConfigureHealthCheckInput, _ *elb.ConfigureHealthCheckOutput) {
			modifyClassic(w, in.LoadBalancerName, func(l *mirror.ClassicLoadBalancer) { l.HealthCheck = in.HealthCheck })
		}, mirror.ClassicLoadBalancers.Kind),
		plan.Call("ModifyLoadBalancerAttributes", (*elb.Client).ModifyLoadBalancerAttributes, func(w *plan.Writer, in *elb.ModifyLoadBalancerAttributesInput, _ *elb.ModifyLoadBalancerAttributesOutput) {
			modifyClassic(w, in.LoadBalancerName, func(l *mirror.ClassicLoadBalancer) {
				next := elbtypes.LoadBalancerAttributes{}
				if l.Attributes != nil {
					next = *l.Attributes
				}
				next.ConnectionSettings = in.LoadBalancerAttributes.ConnectionSettings
				next.CrossZoneLoadBalancing = in.LoadBalancerAttributes.CrossZoneLoadBalancing
				l.Attributes = &next
			})
		}, mirror.ClassicLoadBalancers.Kind),
		plan.Call("TagLoadBalancer", (*elb.Client).AddTags, func(w *plan.Writer, in *elb.AddTagsInput, _ *elb.AddTagsOutput) {
			for _, name := range in.LoadBalancerNames {
				modifyClassic(w, &name, func(l *mirror.ClassicLoadBalancer) {
					for _, t := range in.Tags {
						note(&l.TagSet, t.Key, t.Value)
					}
				})
			}
		}, mirror.ClassicLoadBalancers.Kind),
	}
}

func classicPartHandlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("SetLoadBalancerSecurityGroups", (*elb.Client).ApplySecurityGroupsToLoadBalancer, func(w *plan.Writer, in *elb.ApplySecurityGroupsToLoadBalancerInput, _ *elb.ApplySecurityGroupsToLoadBalancerOutput) {
			modifyClassic(w, in.LoadBalancerName, func(l *mirror.ClassicLoadBalancer) { l.SecurityGroups = in.SecurityGroups })
		}, mirror.ClassicLoadBalancers.Kind),
		plan.Call("SetLoadBalancerSubnets", (*elb.Client).AttachLoadBalancerToSubnets, func(w *plan.Writer, in *elb.AttachLoadBalancerToSubnetsInput, _ *elb.AttachLoadBalancerToSubnetsOutput) {
			modifyClassic(w, in.LoadBalancerName, func(l *mirror.ClassicLoadBalancer) {
				l.Subnets = append(l.Subnets, without(in.Subnets, l.Subnets)...)
			})
		}, mirror.ClassicLoadBalancers.Kind),
		plan.Call("SetLoadBalancerSubnets", (*elb.Client).DetachLoadBalancerFromSubnets, func(w *plan.Writer, in *elb.DetachLoadBalancerFromSubnetsInput, _ *elb.DetachLoadBalancerFromSubnetsOutput) {
			modifyClassic(w, in.LoadBalancerName, func(l *mirror.ClassicLoadBalancer) { l.Subnets = without(l.Subnets, in.Subnets) })
		}, mirror.ClassicLoadBalancers.Kind),
		plan.Call("CreateListener", (*elb.Client).CreateLoadBalancerListeners, func(w *plan.Writer, in *elb.CreateLoadBalancerListenersInput, _ *elb.CreateLoadBalancerListenersOutput) {
			modifyClassic(w, in.LoadBalancerName, func(l *mirror.ClassicLoadBalancer) {
				l.ListenerDescriptions = append(l.ListenerDescriptions, describe(in.Listeners)...)
			})
		}, mirror.ClassicLoadBalancers.Kind),
		plan.Call("DeleteListener", (*elb.Client).DeleteLoadBalancerListeners, func(w *plan.Writer, in *elb.DeleteLoadBalancerListenersInput, _ *elb.DeleteLoadBalancerListenersOutput) {
			modifyClassic(w, in.LoadBalancerName, func(l *mirror.ClassicLoadBalancer) {
				l.ListenerDescriptions = slices.DeleteFunc(l.ListenerDescriptions, func(d elbtypes.ListenerDescription) bool {
					return d.Listener != nil && slices.Contains(in.LoadBalancerPorts, d.Listener.LoadBalancerPort)
				})
			})
		}, mirror.ClassicLoadBalancers.Kind),
	}
}

// writeClassic puts a new classic load balancer into the mirror. The answer tells
// no more than its DNS name; the rest is what was asked for, and AWS's defaults.
func writeClassic(w *plan.Writer, in *elb.CreateLoadBalancerInput, out *elb.CreateLoadBalancerOutput) {
	scheme := aws.ToString(in.Scheme)
	if scheme == "" {
		scheme = "internet-facing"
	}
	row := mirror.ClassicLoadBalancer{TagSet: map[string]string{}, Attributes: &elbtypes.LoadBalancerAttributes{},
		LoadBalancerDescription: elbtypes.LoadBalancerDescription{
			LoadBalancerName: in.LoadBalancerName, DNSName: out.DNSName, Scheme: aws.String(scheme), Subnets: in.Subnets,
			SecurityGroups: in.SecurityGroups, ListenerDescriptions: describe(in.Listeners),
			VPCId: subnetVPC(w, in.Subnets)}}
	for _, t := range in.Tags {
		row.TagSet[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	plan.Put(w, mirror.ClassicLoadBalancers, row)
}

// subnetVPC returns the id of the VPC that holds the first of the subnets.
func subnetVPC(w *plan.Writer, subnets []string) *string {
	for _, id := range subnets {
		if row, ok := mirror.Get(w.Snapshot(), mirror.Subnets, id); ok {
			return row.VpcId
		}
	}
	return nil
}

func describe(listeners []elbtypes.Listener) []elbtypes.ListenerDescription {
	var list []elbtypes.ListenerDescription
	for i := range listeners {
		list = append(list, elbtypes.ListenerDescription{Listener: &listeners[i]})
	}
	return list
}

func modifyClassic(w *plan.Writer, name *string, change func(*mirror.ClassicLoadBalancer)) {
	plan.Modify(w, mirror.ClassicLoadBalancers, aws.ToString(name), change)
}

func tagMap(tags []elbv2types.Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return m
}

// note sets an entry of a map that may not be there yet.
func note(into *map[string]string, key, value *string) {
	if *into == nil {
		*into = map[string]string{}
	}
	(*into)[aws.ToString(key)] = aws.ToString(value)
}
