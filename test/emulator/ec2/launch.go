package ec2

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/iam"
)

// mostUserData is the limit of user data before encoding, in bytes.
const mostUserData = 16384

// launchBucket is the resource bucket of RunInstances by "Request throttling for the Amazon EC2 API".
var launchBucket = core.Bucket{Size: 1000, Refill: 2}

// order is a launch request that has been found to be possible.
type order struct {
	in          *sdk.RunInstancesInput
	image       *types.Image
	kind        *instanceType
	zone        types.AvailabilityZone
	count       int
	interfaces  []types.InstanceNetworkInterfaceSpecification
	volumes     []types.BlockDeviceMapping
	tags        map[types.ResourceType][]types.Tag
	reservation *types.CapacityReservation
	host        *types.Host
}

func runInstances(r *core.Request, in *sdk.RunInstancesInput) (*sdk.RunInstancesOutput, error) {
	n := Of(r.Region)
	if len(val(in.ClientToken)) > 64 {
		return nil, invalid("Client token '%s' has more than 64 characters", *in.ClientToken)
	}
	reservation, err := core.Once(r, in, in.ClientToken, func() (string, error) { return n.Launch(r, in) })
	if err != nil {
		return nil, err
	}
	made := n.instances.Where(func(i *instance) bool { return i.reservation == reservation })
	if !slices.ContainsFunc(made, func(i *instance) bool { return !i.in(types.InstanceStateNameTerminated) }) {
		return nil, core.Refuse("IdempotentInstanceTerminated", "The client token %s was used by a launch whose instances have been terminated.", *in.ClientToken)
	}
	out := &sdk.RunInstancesOutput{ReservationId: &reservation, OwnerId: ptr(r.Account), Groups: []types.GroupIdentifier{}}
	for _, i := range made {
		r.Touch(*i.InstanceId)
		out.Instances = append(out.Instances, n.showInstance(r.Region, i))
	}
	return out, nil
}

// Launch starts instances and returns their reservation's id; all or, if MinCount allows, as many as there is room for.
func (n *Network) Launch(r *core.Request, in *sdk.RunInstancesInput) (string, error) {
	in, err := n.withTemplate(r, in)
	if err != nil {
		return "", err
	}
	o, err := n.order(r, in)
	if err != nil {
		return "", err
	}
	if err := n.limit(r, o); err != nil {
		return "", err
	}
	if !r.Take("ec2.RunInstances", launchBucket, o.count) {
		return "", &core.Error{Code: "RequestLimitExceeded", Message: "Request limit exceeded.", Status: 503}
	}
	reservation := r.NewID("r")
	for index := range o.count {
		if err := n.start(r, o, reservation, int32(index)); err != nil {
			n.undo(reservation)
			return "", err
		}
	}
	return reservation, nil
}

// undo takes back what a launch made before it failed.
func (n *Network) undo(reservation string) {
	for _, i := range n.instances.Where(func(i *instance) bool { return i.reservation == reservation }) {
		n.release(i)
		n.instances.Delete(*i.InstanceId)
		delete(n.tags, *i.InstanceId)
	}
}

// order checks a launch request against everything it names.
func (n *Network) order(r *core.Request, in *sdk.RunInstancesInput) (*order, error) {
	o := &order{in: in, count: int(val(in.MaxCount))}
	switch {
	case in.MinCount == nil:
		return nil, core.Missing("MinCount")
	case in.MaxCount == nil:
		return nil, core.Missing("MaxCount")
	case *in.MinCount < 1 || *in.MaxCount < *in.MinCount:
		return nil, invalid("Invalid value '%d' for maxCount, minCount '%d'", *in.MaxCount, *in.MinCount)
	}
	for _, step := range []func(*core.Request, *Network) error{
		o.resolveImage, o.resolveType, o.resolveInterfaces, o.resolveZone, o.resolveVolumes, o.resolvePlacement, o.resolveReservation, o.check,
	} {
		if err := step(r, n); err != nil {
			return nil, err
		}
	}
	var err error
	o.tags, err = launchTags(in.TagSpecifications)
	return o, err
}

func (o *order) resolveImage(r *core.Request, n *Network) error {
	switch id := val(o.in.ImageId); {
	case id == "":
		return core.Missing("ImageId")
	case !strings.HasPrefix(id, "ami-"):
		return core.Refuse("InvalidAMIID.Malformed", "Invalid id: \"%s\" (expecting \"ami-...\")", id)
	}
	var err error
	o.image, err = find(r, n.allImages(r.Region), o.in.ImageId, "ImageId", noImage)
	return err
}

func (o *order) resolveType(_ *core.Request, _ *Network) error {
	name := string(o.in.InstanceType)
	if name == "" {
		name = "m1.small" // EC2's default, which no current image starts on
	}
	if o.kind = typeNamed(name); o.kind == nil {
		return invalid("Invalid value '%s' for InstanceType.", name)
	}
	if string(o.kind.arch) != string(o.image.Architecture) {
		return invalid("The architecture '%s' of the specified instance type does not match the architecture '%s' of the specified AMI. "+
			"Specify an instance type and an AMI that have matching architectures, and try again.", o.kind.arch, o.image.Architecture)
	}
	return nil
}

// resolveInterfaces turns subnet, groups and addresses of the request into interface specifications, or takes those given.
func (o *order) resolveInterfaces(_ *core.Request, _ *Network) error {
	in := o.in
	if len(in.SecurityGroups) > 0 {
		return core.Refuse("VPCIdNotSpecified", "No default VPC for this user; name security groups by id.")
	}
	if len(in.NetworkInterfaces) == 0 {
		if val(in.SubnetId) == "" {
			return core.Refuse("VPCIdNotSpecified", "No default VPC for this user. A subnet must be specified.")
		}
		o.interfaces = []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: ptr(int32(0)), SubnetId: in.SubnetId, Groups: in.SecurityGroupIds,
			PrivateIpAddress: in.PrivateIpAddress, Ipv6AddressCount: in.Ipv6AddressCount, PrimaryIpv6: in.EnablePrimaryIpv6}}
		return nil
	}
	switch {
	case in.SubnetId != nil:
		return core.Refuse("InvalidParameterCombination", "Network interfaces and an instance-level subnet ID may not be specified on the same request")
	case len(in.SecurityGroupIds) > 0:
		return core.Refuse("InvalidParameterCombination", "Network interfaces and an instance-level security groups may not be specified on the same request")
	}
	seen := map[int32]bool{}
	for _, spec := range in.NetworkInterfaces {
		if spec.DeviceIndex == nil {
			return core.Missing("NetworkInterface.DeviceIndex")
		}
		if seen[*spec.DeviceIndex] {
			return invalid("Each network interface requires a unique device index.")
		}
		seen[*spec.DeviceIndex] = true
		if spec.NetworkInterfaceId != nil && *in.MaxCount > 1 {
			return core.Refuse("InvalidParameterCombination", "You may specify network interface IDs only when launching one instance")
		}
	}
	if !seen[0] {
		return invalid("When specifying network interfaces, you must include a device at index 0.")
	}
	o.interfaces = in.NetworkInterfaces
	return nil
}

// resolveZone finds the zone that all interfaces are in; it also checks that subnets, interfaces and groups exist and fit together.
func (o *order) resolveZone(r *core.Request, n *Network) error {
	zone := ""
	for _, spec := range o.interfaces {
		subnet, err := n.subnetFor(r, spec)
		if err != nil {
			return err
		}
		if zone != "" && zone != *subnet.AvailabilityZone {
			return invalid("All network interfaces must be in one Availability Zone")
		}
		zone = *subnet.AvailabilityZone
		switch {
		case val(subnet.Ipv6Native) && o.kind.xen:
			return core.Refuse("Unsupported", "The instance type '%s' can't be launched in an IPv6-only subnet; only instances built on the Nitro System can.", o.kind.name)
		case val(spec.Ipv6AddressCount) > 0 && o.kind.ipv4Only:
			return core.Refuse("InvalidParameterCombination", "The instance type '%s' does not support IPv6.", o.kind.name)
		}
		for _, id := range spec.Groups {
			g, err := find(r, &n.groups, &id, "SecurityGroupId", noGroup)
			if err != nil {
				return err
			}
			if *g.VpcId != *subnet.VpcId {
				return core.Refuse("InvalidParameter", "Security group %s and subnet %s belong to different networks.", id, *subnet.SubnetId)
			}
		}
	}
	if wanted := val(o.placement().AvailabilityZone); wanted != "" && wanted != zone {
		return invalid("The specified subnet is in zone %s, but placement asks for %s", zone, wanted)
	}
	for i, candidate := range zones(r.Region) {
		if *candidate.ZoneName != zone {
			continue
		}
		o.zone = candidate
		if !o.kind.offered(r.Config, candidate, i) {
			return core.Refuse("Unsupported", "Your requested instance type (%s) is not supported in your requested Availability Zone (%s). "+
				"Please retry your request by not specifying an Availability Zone or choosing %s.", o.kind.name, zone,
				strings.Join(o.kind.locations(r, types.LocationTypeAvailabilityZone), ", "))
		}
	}
	return nil
}

func (n *Network) subnetFor(r *core.Request, spec types.InstanceNetworkInterfaceSpecification) (*types.Subnet, error) {
	if spec.NetworkInterfaceId == nil {
		return find(r, &n.subnets, spec.SubnetId, "SubnetId", noSubnet)
	}
	eni, err := find(r, &n.interfaces, spec.NetworkInterfaceId, "NetworkInterfaceId", noInterface)
	if err != nil {
		return nil, err
	}
	if eni.Attachment != nil {
		return nil, core.Refuse("InvalidNetworkInterface.InUse", "Interface: [%s] in use.", *eni.NetworkInterfaceId)
	}
	return n.subnets.Get(*eni.SubnetId), nil
}

func (o *order) placement() types.Placement { return val(o.in.Placement) }

func (o *order) spot() bool {
	return o.in.InstanceMarketOptions != nil && o.in.InstanceMarketOptions.MarketType == types.MarketTypeSpot
}

// check looks at what stands for itself: key pair, profile, user data, market options.
func (o *order) check(r *core.Request, n *Network) error {
	in := o.in
	if in.KeyName != nil && !n.hasKeyPair(r, *in.KeyName) {
		return noKeyPair(*in.KeyName)
	}
	if in.UserData != nil {
		raw, err := base64.StdEncoding.DecodeString(*in.UserData)
		if err != nil {
			return invalid("Invalid BASE64 encoding of user data.")
		}
		if len(raw) > mostUserData {
			return invalid("User data is limited to %d bytes", mostUserData)
		}
	}
	if p := in.IamInstanceProfile; p != nil {
		if err := checkProfile(r, p); err != nil {
			return err
		}
	}
	if o.spot() && in.InstanceMarketOptions.SpotOptions != nil {
		if price := in.InstanceMarketOptions.SpotOptions.MaxPrice; price != nil {
			if given, err := strconv.ParseFloat(*price, 64); err != nil || given <= 0 {
				return invalid("Invalid value '%s' for MaxPrice", *price)
			} else if given < lowestSpotPrice {
				return core.Refuse("SpotMaxPriceTooLow", "Your Spot request price of %s is lower than the minimum required Spot request fulfillment price of %g.",
					*price, lowestSpotPrice)
			}
		}
	}
	return nil
}

// lowestSpotPrice is what the cheapest spot instance costs, in US dollars an hour.
const lowestSpotPrice = 0.001

func checkProfile(r *core.Request, p *types.IamInstanceProfileSpecification) error {
	if p.Arn != nil {
		if name := (*p.Arn)[strings.LastIndex(*p.Arn, "/")+1:]; !iam.HasInstanceProfile(r.Region, name) {
			return invalid("Value (%s) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN", *p.Arn)
		}
		return nil
	}
	if name := val(p.Name); !iam.HasInstanceProfile(r.Region, name) {
		return invalid("Value (%s) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name", name)
	}
	return nil
}

// limit applies quotas and capacity: fewer than MaxCount instances are started if MinCount allows it.
func (n *Network) limit(r *core.Request, o *order) error {
	for _, pattern := range r.Config.NoCapacity {
		if core.Match(pattern, o.kind.name+"/"+*o.zone.ZoneName) {
			return &core.Error{Code: "InsufficientInstanceCapacity", Status: 500, Message: "We currently do not have sufficient " + o.kind.name +
				" capacity in the Availability Zone you requested (" + *o.zone.ZoneName + "). Our system will be working on provisioning additional capacity."}
		}
	}
	quota, code := "vcpus", "VcpuLimitExceeded"
	if o.spot() {
		quota, code = "spotVcpus", "MaxSpotInstanceCountExceeded"
	}
	most := r.Config.Quota(quota, generousVCPUs)
	used := 0
	for _, i := range n.instances.All() {
		if !i.gone() && !i.in(types.InstanceStateNameStopped) && (i.InstanceLifecycle == types.InstanceLifecycleTypeSpot) == o.spot() {
			used += int(i.vcpus)
		}
	}
	if room := (most - used) / int(o.kind.vcpus); room < o.count {
		o.count = max(room, 0)
	}
	if o.count < int(*o.in.MinCount) {
		return core.Refuse(code, "You have requested more vCPU capacity than your current vCPU limit of %d allows for the instance bucket that the specified "+
			"instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.", most)
	}
	return nil
}

// generousVCPUs is the default of the quotas "vcpus" and "spotVcpus".
const generousVCPUs = 1_000_000

var launchTaggable = map[types.ResourceType]bool{
	types.ResourceTypeInstance: true, types.ResourceTypeVolume: true, types.ResourceTypeNetworkInterface: true, types.ResourceTypeSpotInstancesRequest: true,
}

// launchTags sorts tag specifications by what they are for.
func launchTags(specs []types.TagSpecification) (map[types.ResourceType][]types.Tag, error) {
	out := map[types.ResourceType][]types.Tag{}
	for _, spec := range specs {
		if !launchTaggable[spec.ResourceType] {
			return nil, invalid("'%s' is not a valid taggable resource type for this operation.", spec.ResourceType)
		}
		if len(spec.Tags) == 0 {
			return nil, invalid("Tag specification must have at least one tag")
		}
		out[spec.ResourceType] = append(out[spec.ResourceType], spec.Tags...)
	}
	for _, tags := range out {
		if err := checkTags(tags); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func decode(text string) []byte {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil // refused at launch
	}
	return raw
}
