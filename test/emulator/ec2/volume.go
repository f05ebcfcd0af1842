package ec2

import (
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// resolveVolumes lays the request's block devices over the image's.
func (o *order) resolveVolumes(*core.Request, *Network) error {
	byName, names := map[string]types.BlockDeviceMapping{}, []string{}
	add := func(mapping types.BlockDeviceMapping) {
		name := val(mapping.DeviceName)
		if _, known := byName[name]; !known {
			names = append(names, name)
		}
		byName[name] = mapping
	}
	for _, mapping := range o.image.BlockDeviceMappings {
		add(mapping)
	}
	if len(names) == 0 {
		add(types.BlockDeviceMapping{DeviceName: o.image.RootDeviceName, Ebs: &types.EbsBlockDevice{VolumeSize: ptr(int32(8)),
			VolumeType: types.VolumeTypeGp2, DeleteOnTermination: ptr(true)}})
	}
	for _, mapping := range o.in.BlockDeviceMappings {
		if val(mapping.DeviceName) == "" {
			return core.Missing("BlockDeviceMapping.DeviceName")
		}
		over, err := overlaid(byName[*mapping.DeviceName], mapping)
		if err != nil {
			return err
		}
		add(over)
	}
	for _, name := range names {
		if mapping := byName[name]; mapping.NoDevice == nil && mapping.Ebs != nil {
			o.volumes = append(o.volumes, mapping)
		}
	}
	return nil
}

// overlaid is a device of the request with what it leaves open taken from the image's device of that name.
func overlaid(under, mapping types.BlockDeviceMapping) (types.BlockDeviceMapping, error) {
	if mapping.NoDevice != nil || mapping.Ebs == nil {
		return mapping, nil
	}
	ebs := *mapping.Ebs
	if under.Ebs != nil {
		if ebs.SnapshotId == nil {
			ebs.SnapshotId = under.Ebs.SnapshotId
		}
		least := val(under.Ebs.VolumeSize)
		if ebs.VolumeSize == nil {
			ebs.VolumeSize = under.Ebs.VolumeSize
		} else if *ebs.VolumeSize < least {
			return mapping, core.Refuse("InvalidBlockDeviceMapping", "Volume of size %dGB is smaller than snapshot '%s', expect size >= %dGB",
				*ebs.VolumeSize, val(under.Ebs.SnapshotId), least)
		}
		if ebs.VolumeType == "" {
			ebs.VolumeType = under.Ebs.VolumeType
		}
		if ebs.DeleteOnTermination == nil {
			ebs.DeleteOnTermination = under.Ebs.DeleteOnTermination
		}
	}
	if ebs.VolumeSize == nil {
		return mapping, core.Refuse("MissingParameter", "The request must contain the parameter size or snapshotId")
	}
	if ebs.VolumeType == "" {
		ebs.VolumeType = types.VolumeTypeGp2
	}
	switch ebs.VolumeType {
	case types.VolumeTypeIo1, types.VolumeTypeIo2:
		if ebs.Iops == nil {
			return mapping, core.Refuse("MissingParameter", "The request must contain the parameter iops")
		}
	case types.VolumeTypeGp3:
	default:
		if ebs.Iops != nil {
			return mapping, core.Refuse("InvalidParameterCombination", "The parameter iops is not supported for %s volumes.", ebs.VolumeType)
		}
	}
	if ebs.Throughput != nil && ebs.VolumeType != types.VolumeTypeGp3 {
		return mapping, core.Refuse("InvalidParameterCombination", "The parameter throughput is not supported for %s volumes.", ebs.VolumeType)
	}
	mapping.Ebs = &ebs
	return mapping, nil
}

// addVolume makes a volume and attaches it. Volumes that aren't the image's own are deleted on termination by default too, as for every
// volume that a launch makes.
func (n *Network) addVolume(r *core.Request, o *order, i *instance, mapping types.BlockDeviceMapping) {
	id, now, ebs := r.NewID("vol"), r.Now(), mapping.Ebs
	deleted := ebs.DeleteOnTermination == nil || *ebs.DeleteOnTermination
	n.volumes.Put(id, &types.Volume{
		VolumeId: ptr(id), AvailabilityZone: o.zone.ZoneName, AvailabilityZoneId: o.zone.ZoneId, CreateTime: &now, Encrypted: ptr(val(ebs.Encrypted)),
		KmsKeyId: ebs.KmsKeyId, Size: ebs.VolumeSize, Iops: ebs.Iops, Throughput: ebs.Throughput, SnapshotId: ptr(val(ebs.SnapshotId)), VolumeType: ebs.VolumeType,
		State: types.VolumeStateInUse, MultiAttachEnabled: ptr(false),
		Attachments: []types.VolumeAttachment{{InstanceId: i.InstanceId, VolumeId: ptr(id), Device: mapping.DeviceName, AttachTime: &now,
			DeleteOnTermination: ptr(deleted), State: types.VolumeAttachmentStateAttached}},
	}, now)
	n.setTags(id, o.tags[types.ResourceTypeVolume])
	i.BlockDeviceMappings = append(i.BlockDeviceMappings, types.InstanceBlockDeviceMapping{DeviceName: mapping.DeviceName,
		Ebs: &types.EbsInstanceBlockDevice{VolumeId: ptr(id), AttachTime: &now, DeleteOnTermination: ptr(deleted), Status: types.AttachmentStatusAttached}})
}

// detachVolume deletes a terminated instance's volume, or leaves it available.
func (n *Network) detachVolume(mapping types.InstanceBlockDeviceMapping) {
	v := n.volumes.Get(val(mapping.Ebs.VolumeId))
	if v == nil {
		return
	}
	if val(mapping.Ebs.DeleteOnTermination) {
		n.volumes.Delete(*v.VolumeId)
		delete(n.tags, *v.VolumeId)
		return
	}
	v.State, v.Attachments = types.VolumeStateAvailable, []types.VolumeAttachment{}
}

func ofVolumeAttachment(read func(types.VolumeAttachment) *string) func(*types.Volume) []string {
	return func(v *types.Volume) []string { return each(v.Attachments, read) }
}

var volumeFilters = filters[types.Volume]{
	"availability-zone":      func(v *types.Volume) []string { return one(v.AvailabilityZone) },
	"encrypted":              func(v *types.Volume) []string { return flag(v.Encrypted) },
	"size":                   func(v *types.Volume) []string { return one(number(v.Size)) },
	"snapshot-id":            func(v *types.Volume) []string { return one(v.SnapshotId) },
	"status":                 func(v *types.Volume) []string { return []string{string(v.State)} },
	"volume-id":              func(v *types.Volume) []string { return one(v.VolumeId) },
	"volume-type":            func(v *types.Volume) []string { return []string{string(v.VolumeType)} },
	"attachment.device":      ofVolumeAttachment(func(a types.VolumeAttachment) *string { return a.Device }),
	"attachment.instance-id": ofVolumeAttachment(func(a types.VolumeAttachment) *string { return a.InstanceId }),
	"attachment.status":      ofVolumeAttachment(func(a types.VolumeAttachment) *string { return ptr(string(a.State)) }),
	"attachment.delete-on-termination": func(v *types.Volume) []string {
		var out []string
		for _, a := range v.Attachments {
			out = append(out, flag(a.DeleteOnTermination)...)
		}
		return out
	},
}

func describeVolumes(r *core.Request, in *sdk.DescribeVolumesInput) (*sdk.DescribeVolumesOutput, error) {
	n := Of(r.Region)
	page, err := describe(r, &n.volumes, query{in.VolumeIds, in.Filters, in.NextToken, in.MaxResults}, volumeFilters, noVolume)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeVolumesOutput{Volumes: []types.Volume{}, NextToken: next(page.Next)}
	for _, v := range page.Items {
		shown := *v
		shown.Tags = n.tags[*v.VolumeId]
		out.Volumes = append(out.Volumes, shown)
	}
	return out, nil
}

func deleteVolume(r *core.Request, in *sdk.DeleteVolumeInput) (*sdk.DeleteVolumeOutput, error) {
	n := Of(r.Region)
	v, err := find(r, &n.volumes, in.VolumeId, "volumeId", noVolume)
	if err != nil {
		return nil, err
	}
	if len(v.Attachments) > 0 {
		return nil, core.Refuse("VolumeInUse", "Volume %s is currently attached to %s", *v.VolumeId, *v.Attachments[0].InstanceId)
	}
	n.volumes.Delete(*v.VolumeId)
	delete(n.tags, *v.VolumeId)
	return nil, nil
}
