package instance

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Handlers carry out the actions of this package.
func Handlers(t *Terminator) []plan.Handler {
	return slices.Concat(LifeHandlers(t), settingHandlers(), balancerHandlers(), hostHandlers(), addressHandlers())
}

// LifeHandlers carry out launches and terminations.
func LifeHandlers(t *Terminator) []plan.Handler {
	return []plan.Handler{
		plan.Call("Create", (*ec2.Client).RunInstances, writeLaunch, mirror.Instances.Kind),
		plan.Custom("Terminate", t.Terminate, func(w *plan.Writer, in *ec2.TerminateInstancesInput, out *ec2.TerminateInstancesOutput) {
			for _, id := range in.InstanceIds {
				state := &ec2types.InstanceState{Name: ec2types.InstanceStateNameShuttingDown}
				for _, c := range out.TerminatingInstances {
					if aws.ToString(c.InstanceId) == id && c.CurrentState != nil {
						state = c.CurrentState
					}
				}
				plan.Modify(w, mirror.Instances, id, func(i *ec2types.Instance) { i.State = state })
			}
		}, mirror.Instances.Kind),
	}
}

// writeLaunch notes the new instance. AWS's answer carries the tags; should it
// not, they are those that were asked for.
func writeLaunch(w *plan.Writer, in *ec2.RunInstancesInput, out *ec2.RunInstancesOutput) {
	for _, i := range out.Instances {
		if len(i.Tags) == 0 && len(in.TagSpecifications) > 0 {
			i.Tags = in.TagSpecifications[0].Tags
		}
		plan.Put(w, mirror.Instances, i)
	}
}

func settingHandlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("TagInstance", (*ec2.Client).CreateTags, func(w *plan.Writer, in *ec2.CreateTagsInput, _ *ec2.CreateTagsOutput) {
			eachInstance(w, in.Resources, func(i *ec2types.Instance) { i.Tags = withTags(i.Tags, in.Tags) })
			for _, id := range in.Resources {
				switch {
				case strings.HasPrefix(id, "eipalloc-"):
					plan.Modify(w, mirror.Addresses, id, func(a *ec2types.Address) { a.Tags = withTags(a.Tags, in.Tags) })
				case strings.HasPrefix(id, "h-"):
					plan.Modify(w, mirror.Hosts, id, func(h *ec2types.Host) { h.Tags = withTags(h.Tags, in.Tags) })
				}
			}
		}, mirror.Instances.Kind),
		plan.Call("UntagInstance", (*ec2.Client).DeleteTags, func(w *plan.Writer, in *ec2.DeleteTagsInput, _ *ec2.DeleteTagsOutput) {
			eachInstance(w, in.Resources, func(i *ec2types.Instance) {
				i.Tags = slices.DeleteFunc(i.Tags, func(have ec2types.Tag) bool {
					return slices.ContainsFunc(in.Tags, func(t ec2types.Tag) bool { return aws.ToString(t.Key) == aws.ToString(have.Key) })
				})
			})
		}, mirror.Instances.Kind),
		plan.Call("SetSecurityGroups", (*ec2.Client).ModifyNetworkInterfaceAttribute,
			func(w *plan.Writer, in *ec2.ModifyNetworkInterfaceAttributeInput, _ *ec2.ModifyNetworkInterfaceAttributeOutput) {
				writeGroups(w, aws.ToString(in.NetworkInterfaceId), in.Groups)
			}, mirror.Instances.Kind),
		plan.Call("SetMetadataOptions", (*ec2.Client).ModifyInstanceMetadataOptions,
			func(w *plan.Writer, in *ec2.ModifyInstanceMetadataOptionsInput, out *ec2.ModifyInstanceMetadataOptionsOutput) {
				if out.InstanceMetadataOptions != nil {
					plan.Modify(w, mirror.Instances, aws.ToString(in.InstanceId), func(i *ec2types.Instance) { i.MetadataOptions = out.InstanceMetadataOptions })
				}
			}, mirror.Instances.Kind),
		plan.Call("SetPrivateDNSName", (*ec2.Client).ModifyPrivateDnsNameOptions,
			func(w *plan.Writer, in *ec2.ModifyPrivateDnsNameOptionsInput, _ *ec2.ModifyPrivateDnsNameOptionsOutput) {
				plan.Modify(w, mirror.Instances, aws.ToString(in.InstanceId), func(i *ec2types.Instance) {
					if i.PrivateDnsNameOptions == nil {
						i.PrivateDnsNameOptions = &ec2types.PrivateDnsNameOptionsResponse{}
					}
					if in.EnableResourceNameDnsARecord != nil {
						i.PrivateDnsNameOptions.EnableResourceNameDnsARecord = in.EnableResourceNameDnsARecord
					}
					if in.EnableResourceNameDnsAAAARecord != nil {
						i.PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord = in.EnableResourceNameDnsAAAARecord
					}
				})
			}, mirror.Instances.Kind),
	}
}

func eachInstance(w *plan.Writer, ids []string, change func(*ec2types.Instance)) {
	for _, id := range ids {
		if strings.HasPrefix(id, "i-") {
			plan.Modify(w, mirror.Instances, id, change)
		}
	}
}

func withTags(old, added []ec2types.Tag) []ec2types.Tag {
	for _, t := range added {
		i := slices.IndexFunc(old, func(o ec2types.Tag) bool { return aws.ToString(o.Key) == aws.ToString(t.Key) })
		if i < 0 {
			old = append(old, t)
			continue
		}
		old[i].Value = t.Value
	}
	return old
}

func writeGroups(w *plan.Writer, interfaceID string, groups []string) {
	is := func(n ec2types.InstanceNetworkInterface) bool {
		return aws.ToString(n.NetworkInterfaceId) == interfaceID
	}
	plan.ModifyAll(w, mirror.Instances, func(i *ec2types.Instance) bool { return slices.ContainsFunc(i.NetworkInterfaces, is) },
		func(i *ec2types.Instance) {
			list := make([]ec2types.GroupIdentifier, len(groups))
			for k, id := range groups {
				list[k].GroupId = aws.String(id)
			}
			i.NetworkInterfaces[slices.IndexFunc(i.NetworkInterfaces, is)].Groups = list
		})
}

func balancerHandlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("AttachControlPlaneELB", (*elbv2.Client).RegisterTargets, func(w *plan.Writer, in *elbv2.RegisterTargetsInput, _ *elbv2.RegisterTargetsOutput) {
			plan.Modify(w, mirror.TargetGroups, aws.ToString(in.TargetGroupArn), func(g *mirror.TargetGroup) {
				if g.Targets == nil {
					return // the others would not be known
				}
				for _, t := range in.Targets {
					g.Targets = appendNew(g.Targets, aws.ToString(t.Id))
				}
				slices.Sort(g.Targets)
			})
		}, mirror.TargetGroups.Kind),
		plan.Call("DetachControlPlaneELB", (*elbv2.Client).DeregisterTargets, func(w *plan.Writer, in *elbv2.DeregisterTargetsInput, _ *elbv2.DeregisterTargetsOutput) {
			plan.Modify(w, mirror.TargetGroups, aws.ToString(in.TargetGroupArn), func(g *mirror.TargetGroup) {
				gone := func(id string) bool {
					return slices.ContainsFunc(in.Targets, func(t elbv2types.TargetDescription) bool { return aws.ToString(t.Id) == id })
				}
				g.Targets = slices.DeleteFunc(g.Targets, gone)
			})
		}, mirror.TargetGroups.Kind),
		plan.Call("AttachControlPlaneELB", (*elb.Client).RegisterInstancesWithLoadBalancer,
			func(w *plan.Writer, in *elb.RegisterInstancesWithLoadBalancerInput, out *elb.RegisterInstancesWithLoadBalancerOutput) {
				writeInstances(w, in.LoadBalancerName, out.Instances)
			}, mirror.ClassicLoadBalancers.Kind),
		plan.Call("DetachControlPlaneELB", (*elb.Client).DeregisterInstancesFromLoadBalancer,
			func(w *plan.Writer, in *elb.DeregisterInstancesFromLoadBalancerInput, _ *elb.DeregisterInstancesFromLoadBalancerOutput) {
				plan.Modify(w, mirror.ClassicLoadBalancers, aws.ToString(in.LoadBalancerName), func(l *mirror.ClassicLoadBalancer) {
					l.Instances = slices.DeleteFunc(l.Instances, func(i elbtypes.Instance) bool {
						return slices.ContainsFunc(in.Instances, func(gone elbtypes.Instance) bool {
							return aws.ToString(gone.InstanceId) == aws.ToString(i.InstanceId)
						})
					})
				})
			}, mirror.ClassicLoadBalancers.Kind),
	}
}

// writeInstances notes who is registered with a classic load balancer: its answer
// names all of them.
func writeInstances(w *plan.Writer, name *string, all []elbtypes.Instance) {
	plan.Modify(w, mirror.ClassicLoadBalancers, aws.ToString(name), func(l *mirror.ClassicLoadBalancer) { l.Instances = all })
}
