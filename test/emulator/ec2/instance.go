package ec2

import (
	"fmt"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// instance is an EC2 instance. Its addresses, groups and tags are not in the embedded value but put there by showInstance, from its
// network interfaces.
type instance struct {
	types.Instance
	reservation string
	userData    *string // base64, as it was given
	interfaces  []string
	// protected instances refuse TerminateInstances, stopProtected ones StopInstances.
	protected, stopProtected bool
	shutdownBehavior         types.ShutdownBehavior
	publicAddress            bool // wants a public address of AWS's own when it runs
	vcpus                    int32
}

var stateCodes = map[types.InstanceStateName]int32{
	types.InstanceStateNamePending: 0, types.InstanceStateNameRunning: 16, types.InstanceStateNameShuttingDown: 32,
	types.InstanceStateNameTerminated: 48, types.InstanceStateNameStopping: 64, types.InstanceStateNameStopped: 80,
}

func stateOf(name types.InstanceStateName) *types.InstanceState {
	return &types.InstanceState{Name: name, Code: ptr(stateCodes[name])}
}

func (i *instance) in(states ...types.InstanceStateName) bool {
	for _, state := range states {
		if i.State.Name == state {
			return true
		}
	}
	return false
}

// gone says whether the instance is terminated or will be.
func (i *instance) gone() bool {
	return i.in(types.InstanceStateNameShuttingDown, types.InstanceStateNameTerminated)
}

// enter changes an instance's state and tells EventBridge.
func (n *Network) enter(r *core.Region, i *instance, state types.InstanceStateName) {
	i.State = stateOf(state)
	r.Emit(core.Event{Source: "aws.ec2", DetailType: "EC2 Instance State-change Notification",
		Resources: []string{instanceARN(r, i)}, Detail: map[string]any{"instance-id": *i.InstanceId, "state": string(state)}})
}

func instanceARN(r *core.Region, i *instance) string { return r.ARN("ec2", "instance/"+*i.InstanceId) }

// showInstance fills in what the instance's interfaces and tags say.
func (n *Network) showInstance(r *core.Region, i *instance) types.Instance {
	out := i.Instance
	out.Tags = n.tags[*i.InstanceId]
	out.NetworkInterfaces, out.SecurityGroups = []types.InstanceNetworkInterface{}, []types.GroupIdentifier{}
	if len(i.interfaces) > 0 {
		n.showNetwork(r, i, &out)
	}
	out.PublicDnsName, out.PrivateDnsName = ptr(val(out.PublicDnsName)), ptr(val(out.PrivateDnsName))
	return out
}

func (n *Network) showNetwork(r *core.Region, i *instance, out *types.Instance) {
	for _, id := range i.interfaces {
		eni := n.interfaces.Get(id)
		if eni == nil {
			continue
		}
		shown := n.showAttached(r, i, eni)
		out.NetworkInterfaces = append(out.NetworkInterfaces, shown)
		if *eni.Attachment.DeviceIndex != 0 {
			continue
		}
		out.PrivateIpAddress, out.PrivateDnsName, out.SecurityGroups = eni.PrivateIpAddress, shown.PrivateDnsName, eni.Groups
		out.SubnetId, out.VpcId, out.SourceDestCheck = eni.SubnetId, eni.VpcId, eni.SourceDestCheck
		if len(eni.Ipv6Addresses) > 0 {
			out.Ipv6Address = eni.Ipv6Addresses[0].Ipv6Address
		}
		if shown.Association != nil {
			out.PublicIpAddress, out.PublicDnsName = shown.Association.PublicIp, shown.Association.PublicDnsName
		}
	}
}

func (n *Network) showAttached(r *core.Region, i *instance, eni *types.NetworkInterface) types.InstanceNetworkInterface {
	shown := types.InstanceNetworkInterface{
		NetworkInterfaceId: eni.NetworkInterfaceId, SubnetId: eni.SubnetId, VpcId: eni.VpcId, OwnerId: eni.OwnerId, MacAddress: eni.MacAddress,
		PrivateIpAddress: eni.PrivateIpAddress, Groups: eni.Groups, Status: eni.Status, SourceDestCheck: eni.SourceDestCheck, Description: eni.Description,
		InterfaceType: ptr(string(eni.InterfaceType)), PrivateDnsName: n.privateName(r, i, eni),
		Attachment: &types.InstanceNetworkInterfaceAttachment{AttachmentId: eni.Attachment.AttachmentId, DeviceIndex: eni.Attachment.DeviceIndex,
			AttachTime: eni.Attachment.AttachTime, DeleteOnTermination: eni.Attachment.DeleteOnTermination, Status: eni.Attachment.Status,
			NetworkCardIndex: ptr(int32(0))},
	}
	for _, address := range eni.Ipv6Addresses {
		shown.Ipv6Addresses = append(shown.Ipv6Addresses, types.InstanceIpv6Address{Ipv6Address: address.Ipv6Address, IsPrimaryIpv6: address.IsPrimaryIpv6})
	}
	if eni.Association != nil {
		shown.Association = &types.InstanceNetworkInterfaceAssociation{PublicIp: eni.Association.PublicIp, IpOwnerId: eni.Association.IpOwnerId,
			PublicDnsName: ptr("")}
		if n.hostnames(eni) {
			shown.Association.PublicDnsName = ptr(publicName(r, *eni.Association.PublicIp))
		}
	}
	if eni.PrivateIpAddress == nil {
		return shown // in an IPv6-only subnet
	}
	shown.PrivateIpAddresses = []types.InstancePrivateIpAddress{{Primary: ptr(true), PrivateIpAddress: eni.PrivateIpAddress,
		PrivateDnsName: shown.PrivateDnsName, Association: shown.Association}}
	return shown
}

func (n *Network) hostnames(eni *types.NetworkInterface) bool {
	v := n.vpcs.Get(val(eni.VpcId))
	return v != nil && v.dnsHostnames
}

// privateName is the hostname inside the VPC: after the address or after the instance id, as PrivateDnsNameOptions say.
func (n *Network) privateName(r *core.Region, i *instance, eni *types.NetworkInterface) *string {
	domain := internalDomain(r.Name)
	if i.PrivateDnsNameOptions != nil && i.PrivateDnsNameOptions.HostnameType == types.HostnameTypeResourceName {
		return ptr(*i.InstanceId + "." + r.Name + ".compute.internal")
	}
	return ptr("ip-" + strings.ReplaceAll(val(eni.PrivateIpAddress), ".", "-") + "." + domain)
}

// internalDomain is the domain of Amazon's DNS in a VPC.
func internalDomain(region string) string {
	if region == "us-east-1" {
		return "ec2.internal"
	}
	return region + ".compute.internal"
}

func publicName(r *core.Region, address string) string {
	zone := r.Name + ".compute"
	if r.Name == "us-east-1" {
		zone = "compute-1"
	}
	return "ec2-" + strings.ReplaceAll(address, ".", "-") + "." + zone + ".amazonaws.com"
}

var instanceFilters = filters[instance]{
	"architecture":       func(i *instance) []string { return []string{string(i.Architecture)} },
	"availability-zone":  func(i *instance) []string { return one(i.placement().AvailabilityZone) },
	"client-token":       func(i *instance) []string { return one(i.ClientToken) },
	"host-id":            func(i *instance) []string { return one(i.placement().HostId) },
	"image-id":           func(i *instance) []string { return one(i.ImageId) },
	"instance-id":        func(i *instance) []string { return one(i.InstanceId) },
	"instance-lifecycle": func(i *instance) []string { return []string{string(i.InstanceLifecycle)} },
	"instance-type":      func(i *instance) []string { return []string{string(i.InstanceType)} },
	"key-name":           func(i *instance) []string { return one(i.KeyName) },
	"launch-time": func(i *instance) []string {
		return []string{val(i.LaunchTime).UTC().Format("2006-01-02T15:04:05.000Z")}
	},
	"placement-group-name":     func(i *instance) []string { return one(i.placement().GroupName) },
	"reservation-id":           func(i *instance) []string { return []string{i.reservation} },
	"root-device-type":         func(i *instance) []string { return []string{string(i.RootDeviceType)} },
	"spot-instance-request-id": func(i *instance) []string { return one(i.SpotInstanceRequestId) },
	"subnet-id":                func(i *instance) []string { return one(i.SubnetId) },
	"tenancy":                  func(i *instance) []string { return []string{string(i.placement().Tenancy)} },
	"virtualization-type":      func(i *instance) []string { return []string{string(i.VirtualizationType)} },
	"vpc-id":                   func(i *instance) []string { return one(i.VpcId) },
	"private-ip-address":       func(i *instance) []string { return one(i.PrivateIpAddress) },
	"ip-address":               func(i *instance) []string { return one(i.PublicIpAddress) },
	"private-dns-name":         func(i *instance) []string { return one(i.PrivateDnsName) },
	"dns-name":                 func(i *instance) []string { return one(i.PublicDnsName) },
	"iam-instance-profile.arn": func(i *instance) []string { return i.profile() },
	"instance.group-id":        func(i *instance) []string { return i.groups() },
	"group-id":                 func(i *instance) []string { return i.groups() },
	"instance-state-name": func(i *instance) []string {
		if i.State == nil {
			return nil
		}
		return []string{string(i.State.Name)}
	},
	"instance-state-code": func(i *instance) []string {
		if i.State == nil {
			return nil
		}
		return one(number(i.State.Code))
	},
	"network-interface.network-interface-id": func(i *instance) []string { return i.interfaces },
}

func (i *instance) placement() types.Placement { return val(i.Placement) }

func (i *instance) profile() []string {
	if i.IamInstanceProfile == nil {
		return nil
	}
	return one(i.IamInstanceProfile.Arn)
}

func (i *instance) groups() []string {
	return each(i.SecurityGroups, func(g types.GroupIdentifier) *string { return g.GroupId })
}

// filtersOn says whether a filter looks at what only showInstance fills in.
func filtersOn(wanted []types.Filter, names ...string) bool {
	for _, filter := range wanted {
		for _, name := range names {
			if val(filter.Name) == name {
				return true
			}
		}
	}
	return false
}

// describeInstances groups what it finds by reservation; its pages count instances.
func describeInstances(r *core.Request, in *sdk.DescribeInstancesInput) (*sdk.DescribeInstancesOutput, error) {
	n := Of(r.Region)
	if len(in.InstanceIds) > 0 && in.MaxResults != nil {
		return nil, core.Refuse("InvalidParameterCombination", "The parameter instancesSet cannot be used with the parameter maxResults")
	}
	known := instanceFilters
	if filtersOn(in.Filters, "private-ip-address", "ip-address", "private-dns-name", "dns-name", "group-id", "instance.group-id") {
		known = n.shownFilters(r.Region)
	}
	page, err := describe(r, &n.instances, query{in.InstanceIds, in.Filters, in.NextToken, in.MaxResults}, known, noInstance)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeInstancesOutput{Reservations: []types.Reservation{}, NextToken: next(page.Next)}
	for _, i := range page.Items {
		last := len(out.Reservations) - 1
		if last < 0 || *out.Reservations[last].ReservationId != i.reservation {
			out.Reservations = append(out.Reservations, types.Reservation{ReservationId: ptr(i.reservation), OwnerId: ptr(r.Account), Groups: []types.GroupIdentifier{}})
			last++
		}
		out.Reservations[last].Instances = append(out.Reservations[last].Instances, n.showInstance(r.Region, i))
	}
	return out, nil
}

// shownFilters compare with the instance as describes show it.
func (n *Network) shownFilters(r *core.Region) filters[instance] {
	out := filters[instance]{}
	for name, read := range instanceFilters {
		out[name] = func(i *instance) []string {
			if i.InstanceId == nil {
				return nil
			}
			shown := *i
			shown.Instance = n.showInstance(r, i)
			return read(&shown)
		}
	}
	return out
}

var statusFilters = filters[instance]{
	"availability-zone":            instanceFilters["availability-zone"],
	"instance-state-name":          instanceFilters["instance-state-name"],
	"instance-state-code":          instanceFilters["instance-state-code"],
	"instance-status.status":       func(i *instance) []string { return []string{string(i.health())} },
	"instance-status.reachability": func(i *instance) []string { return []string{string(i.health())} },
	"system-status.status":         func(i *instance) []string { return []string{string(i.health())} },
	"system-status.reachability":   func(i *instance) []string { return []string{string(i.health())} },
}

// health is what the status checks say: instances that run pass them.
func (i *instance) health() types.SummaryStatus {
	switch {
	case i.State == nil:
		return ""
	case i.in(types.InstanceStateNamePending):
		return types.SummaryStatusInitializing
	case i.in(types.InstanceStateNameRunning):
		return types.SummaryStatusOk
	default:
		return types.SummaryStatusNotApplicable
	}
}

func describeInstanceStatus(r *core.Request, in *sdk.DescribeInstanceStatusInput) (*sdk.DescribeInstanceStatusOutput, error) {
	n := Of(r.Region)
	if len(in.InstanceIds) > 0 && in.MaxResults != nil {
		return nil, core.Refuse("InvalidParameterCombination", "The parameter instancesSet cannot be used with the parameter maxResults")
	}
	page, err := describeWhere(r, &n.instances, query{in.InstanceIds, in.Filters, in.NextToken, in.MaxResults}, statusFilters, noInstance, func(i *instance) bool {
		return val(in.IncludeAllInstances) || i.in(types.InstanceStateNameRunning)
	})
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeInstanceStatusOutput{InstanceStatuses: []types.InstanceStatus{}, NextToken: next(page.Next)}
	for _, i := range page.Items {
		summary := &types.InstanceStatusSummary{Status: i.health(), Details: []types.InstanceStatusDetails{}}
		out.InstanceStatuses = append(out.InstanceStatuses, types.InstanceStatus{InstanceId: i.InstanceId, AvailabilityZone: i.Placement.AvailabilityZone,
			InstanceState: i.State, InstanceStatus: summary, SystemStatus: summary})
	}
	return out, nil
}

// getConsoleOutput shows a boot like a real one's, once the instance has run.
func getConsoleOutput(r *core.Request, in *sdk.GetConsoleOutputInput) (*sdk.GetConsoleOutputOutput, error) {
	i, err := find(r, &Of(r.Region).instances, in.InstanceId, "instanceId", noInstance)
	if err != nil {
		return nil, err
	}
	out := &sdk.GetConsoleOutputOutput{InstanceId: i.InstanceId, Timestamp: ptr(r.Now())}
	if !i.in(types.InstanceStateNamePending) {
		out.Output = ptr(encode(console(r.Region, i)))
	}
	return out, nil
}

func console(r *core.Region, i *instance) string {
	bytes := 0
	if i.userData != nil {
		bytes = len(decode(*i.userData))
	}
	var out strings.Builder
	line := func(at float64, format string, args ...any) {
		fmt.Fprintf(&out, "[%12.6f] %s\r\n", at, fmt.Sprintf(format, args...))
	}
	line(0, "Linux version 6.8.0-1021-aws (buildd@lcy02) #23-Ubuntu SMP")
	line(0, "Command line: BOOT_IMAGE=/vmlinuz root=LABEL=cloudimg-rootfs ro console=tty1 console=ttyS0 nvme_core.io_timeout=4294967295")
	line(1.204113, "systemd[1]: Hostname set to <%s>.", val(Of(r).showInstance(r, i).PrivateDnsName))
	line(8.118240, "cloud-init[512]: Cloud-init v. 24.4 running 'init' at %s. Up 8.12 seconds.", i.LaunchTime.UTC().Format(time.RFC1123Z))
	line(9.530021, "cloud-init[512]: %d bytes of user data from the instance metadata service", bytes)
	line(31.771902, "cloud-init[921]: Cloud-init v. 24.4 finished. Datasource DataSourceEc2Local. Up 31.77 seconds")
	return out.String()
}
