package ec2

import (
	"encoding/base64"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// regroup replaces the security groups of an interface after checking that they are in its VPC.
func (n *Network) regroup(r *core.Request, eni *types.NetworkInterface, groups []string) error {
	for _, id := range groups {
		g, err := find(r, &n.groups, &id, "groupId", noGroup)
		if err != nil {
			return err
		}
		if *g.VpcId != *eni.VpcId {
			return core.Refuse("InvalidGroup.NotFound", "The security group '%s' does not exist in VPC '%s'", id, *eni.VpcId)
		}
	}
	n.SetInterfaceGroups(*eni.NetworkInterfaceId, groups)
	return nil
}

// modifyInstanceAttribute changes one attribute; type and user data only while the instance is stopped.
func modifyInstanceAttribute(r *core.Request, in *sdk.ModifyInstanceAttributeInput) (*sdk.ModifyInstanceAttributeOutput, error) {
	n := Of(r.Region)
	i, err := find(r, &n.instances, in.InstanceId, "instanceId", noInstance)
	if err != nil {
		return nil, err
	}
	if i.gone() {
		return nil, wrongState(i)
	}
	if (in.InstanceType != nil || in.UserData != nil) && !i.in(types.InstanceStateNameStopped) {
		return nil, core.Refuse("IncorrectInstanceState", "The instance '%s' is not in the 'stopped' state.", *i.InstanceId)
	}
	switch {
	case len(in.Groups) > 0:
		if len(i.interfaces) > 1 {
			return nil, core.Refuse("InvalidInstanceID", "There are multiple interfaces attached to instance '%s'. Please specify an interface ID for the operation instead.", *i.InstanceId)
		}
		return nil, n.regroup(r, n.primary(i), in.Groups)
	case in.DisableApiTermination != nil:
		i.protected = val(in.DisableApiTermination.Value)
	case in.DisableApiStop != nil:
		i.stopProtected = val(in.DisableApiStop.Value)
	case in.SourceDestCheck != nil:
		n.primary(i).SourceDestCheck = ptr(val(in.SourceDestCheck.Value))
	case in.EbsOptimized != nil:
		i.EbsOptimized = ptr(val(in.EbsOptimized.Value))
	case in.InstanceInitiatedShutdownBehavior != nil:
		i.shutdownBehavior = types.ShutdownBehavior(val(in.InstanceInitiatedShutdownBehavior.Value))
	case in.UserData != nil:
		i.userData = ptr(base64.StdEncoding.EncodeToString(in.UserData.Value))
	case in.InstanceType != nil:
		kind := typeNamed(val(in.InstanceType.Value))
		if kind == nil {
			return nil, invalid("Invalid value '%s' for InstanceType.", val(in.InstanceType.Value))
		}
		i.InstanceType, i.vcpus = types.InstanceType(kind.name), kind.vcpus
	default:
		return nil, core.Refuse("InvalidParameterCombination", "No attributes specified.")
	}
	return nil, nil
}

func describeInstanceAttribute(r *core.Request, in *sdk.DescribeInstanceAttributeInput) (*sdk.DescribeInstanceAttributeOutput, error) {
	n := Of(r.Region)
	i, err := find(r, &n.instances, in.InstanceId, "instanceId", noInstance)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeInstanceAttributeOutput{InstanceId: i.InstanceId}
	text := func(value string) *types.AttributeValue { return &types.AttributeValue{Value: &value} }
	boolean := func(value bool) *types.AttributeBooleanValue { return &types.AttributeBooleanValue{Value: &value} }
	switch in.Attribute {
	case types.InstanceAttributeNameUserData:
		out.UserData = &types.AttributeValue{Value: i.userData}
	case types.InstanceAttributeNameInstanceType:
		out.InstanceType = text(string(i.InstanceType))
	case types.InstanceAttributeNameDisableApiTermination:
		out.DisableApiTermination = boolean(i.protected)
	case types.InstanceAttributeNameDisableApiStop:
		out.DisableApiStop = boolean(i.stopProtected)
	case types.InstanceAttributeNameInstanceInitiatedShutdownBehavior:
		out.InstanceInitiatedShutdownBehavior = text(string(i.shutdownBehavior))
	case types.InstanceAttributeNameRootDeviceName:
		out.RootDeviceName = text(val(i.RootDeviceName))
	case types.InstanceAttributeNameGroupSet:
		out.Groups = n.showInstance(r.Region, i).SecurityGroups
	case types.InstanceAttributeNameBlockDeviceMapping:
		out.BlockDeviceMappings = i.BlockDeviceMappings
	case types.InstanceAttributeNameEbsOptimized:
		out.EbsOptimized = boolean(val(i.EbsOptimized))
	case types.InstanceAttributeNameSourceDestCheck:
		out.SourceDestCheck = boolean(val(n.showInstance(r.Region, i).SourceDestCheck))
	default:
		return nil, invalid("Value (%s) for parameter attribute is invalid. Unknown attribute.", in.Attribute)
	}
	return out, nil
}

func modifyInstanceMetadataOptions(r *core.Request, in *sdk.ModifyInstanceMetadataOptionsInput) (*sdk.ModifyInstanceMetadataOptionsOutput, error) {
	i, err := find(r, &Of(r.Region).instances, in.InstanceId, "instanceId", noInstance)
	if err != nil {
		return nil, err
	}
	if !i.in(types.InstanceStateNameRunning, types.InstanceStateNameStopped, types.InstanceStateNamePending) {
		return nil, wrongState(i)
	}
	changed := *i.MetadataOptions
	overlay(&changed, types.InstanceMetadataOptionsRequest{HttpEndpoint: in.HttpEndpoint, HttpTokens: in.HttpTokens, HttpProtocolIpv6: in.HttpProtocolIpv6,
		HttpPutResponseHopLimit: in.HttpPutResponseHopLimit, InstanceMetadataTags: in.InstanceMetadataTags})
	i.MetadataOptions = &changed
	return &sdk.ModifyInstanceMetadataOptionsOutput{InstanceId: i.InstanceId, InstanceMetadataOptions: &changed}, nil
}

func modifyNetworkInterfaceAttribute(r *core.Request, in *sdk.ModifyNetworkInterfaceAttributeInput) (*sdk.ModifyNetworkInterfaceAttributeOutput, error) {
	n := Of(r.Region)
	eni, err := find(r, &n.interfaces, in.NetworkInterfaceId, "networkInterfaceId", noInterface)
	if err != nil {
		return nil, err
	}
	if val(eni.RequesterManaged) {
		return nil, &core.Error{Code: "AuthFailure", Message: "You do not have permission to access the specified resource.", Status: 401}
	}
	if len(in.Groups) > 0 {
		return nil, n.regroup(r, eni, in.Groups)
	}
	if in.EnablePrimaryIpv6 != nil {
		if !*in.EnablePrimaryIpv6 && hasPrimaryIPv6(eni) {
			return nil, invalid("The primary IPv6 address of %s can't be taken back.", *eni.NetworkInterfaceId)
		}
		if *in.EnablePrimaryIpv6 {
			return nil, makePrimary(eni)
		}
	}
	if in.Description != nil {
		eni.Description = in.Description.Value
	}
	if in.SourceDestCheck != nil {
		eni.SourceDestCheck = in.SourceDestCheck.Value
	}
	if in.Attachment != nil && eni.Attachment != nil && in.Attachment.DeleteOnTermination != nil {
		eni.Attachment.DeleteOnTermination = in.Attachment.DeleteOnTermination
	}
	return nil, nil
}

func describeNetworkInterfaceAttribute(r *core.Request, in *sdk.DescribeNetworkInterfaceAttributeInput) (*sdk.DescribeNetworkInterfaceAttributeOutput, error) {
	eni, err := find(r, &Of(r.Region).interfaces, in.NetworkInterfaceId, "networkInterfaceId", noInterface)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeNetworkInterfaceAttributeOutput{NetworkInterfaceId: eni.NetworkInterfaceId}
	switch in.Attribute {
	case types.NetworkInterfaceAttributeGroupSet:
		out.Groups = eni.Groups
	case types.NetworkInterfaceAttributeDescription:
		out.Description = &types.AttributeValue{Value: eni.Description}
	case types.NetworkInterfaceAttributeSourceDestCheck:
		out.SourceDestCheck = &types.AttributeBooleanValue{Value: eni.SourceDestCheck}
	case types.NetworkInterfaceAttributeAttachment:
		out.Attachment = eni.Attachment
	default:
		return nil, core.Missing("attribute")
	}
	return out, nil
}
