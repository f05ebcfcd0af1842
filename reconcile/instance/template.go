package instance

import (
	"encoding/json"
	"fmt"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// SpecOf returns a launch template's wishes as those of a machine, so that both
// are read by the same rules.
func SpecOf(t *infrav1.AWSLaunchTemplate) *infrav1.AWSMachineSpec {
	return &infrav1.AWSMachineSpec{
		IAMInstanceProfile: t.IamInstanceProfile, AMI: t.AMI, ImageLookupFormat: t.ImageLookupFormat, ImageLookupOrg: t.ImageLookupOrg,
		ImageLookupBaseOS: t.ImageLookupBaseOS, InstanceType: t.InstanceType, RootVolume: t.RootVolume, NonRootVolumes: t.NonRootVolumes,
		SSHKeyName: t.SSHKeyName, AdditionalSecurityGroups: t.AdditionalSecurityGroups, SpotMarketOptions: t.SpotMarketOptions,
		InstanceMetadataOptions: t.InstanceMetadataOptions, PrivateDNSName: t.PrivateDNSName, MarketType: t.MarketType,
		CapacityReservationID: t.CapacityReservationID, CapacityReservationPreference: t.CapacityReservationPreference,
	}
}

// TemplateData returns the launch as a launch template has it: whoever uses the
// template chooses the subnet. The error says what of the wishes can't be.
func (l *Launch) TemplateData() (*ec2types.RequestLaunchTemplateData, error) {
	in, err := l.Input()
	if err != nil {
		return nil, err
	}
	in.NetworkInterfaces, in.SecurityGroupIds = nil, l.Groups
	// A group's instances are launched anew and anew, each with a token of its own.
	in.ClientToken = nil
	// The fields of both have the same names.
	text, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("write out the launch: %w", err)
	}
	data := &ec2types.RequestLaunchTemplateData{}
	if err := json.Unmarshal(text, data); err != nil {
		return nil, fmt.Errorf("read the launch as a launch template: %w", err)
	}
	return data, nil
}
