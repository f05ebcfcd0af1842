package launchtemplate

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

func tagged(pairs ...string) []ec2types.LaunchTemplateTagSpecificationRequest {
	spec := ec2types.LaunchTemplateTagSpecificationRequest{ResourceType: ec2types.ResourceTypeInstance}
	for i := 0; i < len(pairs); i += 2 {
		spec.Tags = append(spec.Tags, ec2types.Tag{Key: aws.String(pairs[i]), Value: aws.String(pairs[i+1])})
	}
	return []ec2types.LaunchTemplateTagSpecificationRequest{spec}
}

func TestOnlyWhatSaysSomethingElseDiffers(t *testing.T) {
	base := func() *ec2types.RequestLaunchTemplateData {
		return &ec2types.RequestLaunchTemplateData{ImageId: aws.String("ami-1"), InstanceType: ec2types.InstanceTypeM5Large, UserData: aws.String("YQ=="),
			SecurityGroupIds: []string{"sg-1", "sg-2"}, TagSpecifications: tagged("Name", "pool", "team", "a"),
			MetadataOptions: &ec2types.LaunchTemplateInstanceMetadataOptionsRequest{HttpTokens: ec2types.LaunchTemplateHttpTokensStateRequired}}
	}
	for name, x := range map[string]struct {
		change func(*ec2types.RequestLaunchTemplateData)
		want   []string
	}{
		"nothing":             {func(*ec2types.RequestLaunchTemplateData) {}, nil},
		"the order of groups": {func(d *ec2types.RequestLaunchTemplateData) { d.SecurityGroupIds = []string{"sg-2", "sg-1"} }, nil},
		"the order of tags":   {func(d *ec2types.RequestLaunchTemplateData) { d.TagSpecifications = tagged("team", "a", "Name", "pool") }, nil},
		"whose it is": {func(d *ec2types.RequestLaunchTemplateData) {
			d.TagSpecifications = tagged("Name", "pool", "team", "a", names.TagUID, "u")
		}, nil},
		"the data's digest": {func(d *ec2types.RequestLaunchTemplateData) {
			d.TagSpecifications = tagged("Name", "pool", "team", "a", TagBootstrapHash, "x")
		}, nil},
		"what is off anyway": {func(d *ec2types.RequestLaunchTemplateData) { d.EbsOptimized = aws.Bool(false) }, nil},
		"the data":           {func(d *ec2types.RequestLaunchTemplateData) { d.UserData = aws.String("Yg==") }, []string{"UserData"}},
		"the Secret": {func(d *ec2types.RequestLaunchTemplateData) {
			d.TagSpecifications = tagged("Name", "pool", "team", "a", TagBootstrapSecret, "n/s")
		}, []string{"TagSpecifications"}},
		"the image, a group": {func(d *ec2types.RequestLaunchTemplateData) {
			d.ImageId, d.SecurityGroupIds = aws.String("ami-2"), []string{"sg-1"}
		}, []string{"ImageId", "SecurityGroupIds"}},
		"something left out": {func(d *ec2types.RequestLaunchTemplateData) { d.MetadataOptions = nil }, []string{"MetadataOptions"}},
		"something new, nested": {func(d *ec2types.RequestLaunchTemplateData) {
			d.EnclaveOptions = &ec2types.LaunchTemplateEnclaveOptionsRequest{Enabled: aws.Bool(true)}
		}, []string{"EnclaveOptions"}},
	} {
		want := base()
		x.change(want)
		have := answered(base())
		// What EC2 adds.
		have.MetadataOptions.State = ec2types.LaunchTemplateInstanceMetadataOptionsStatePending
		if got := changed(want, have); !slices.Equal(got, x.want) {
			t.Errorf("%s: %v differ, want %v", name, got, x.want)
		}
		if got, same := len(configurationOf(x.want)) == 0, SameConfiguration(answered(want), have); got != same {
			t.Errorf("%s: that instances are alike is %v", name, same)
		}
	}
}

// CAPA's templates tag instances and volumes, and name the Secret on instances only (v2.13.0): that is no change, and
// no instance of theirs is replaced.
func TestTemplatesOfCAPAsAreAsWanted(t *testing.T) {
	of := func(kind ec2types.ResourceType, pairs ...string) ec2types.LaunchTemplateTagSpecificationRequest {
		spec := tagged(pairs...)[0]
		spec.ResourceType = kind
		return spec
	}
	secret := []string{"Name", "pool", TagBootstrapSecret, "n/s"}
	want := &ec2types.RequestLaunchTemplateData{TagSpecifications: []ec2types.LaunchTemplateTagSpecificationRequest{
		of(ec2types.ResourceTypeInstance, secret...), of(ec2types.ResourceTypeVolume, secret...), of(ec2types.ResourceTypeNetworkInterface, secret...)}}
	capas := func(volume ...string) *ec2types.ResponseLaunchTemplateData {
		return answered(&ec2types.RequestLaunchTemplateData{TagSpecifications: []ec2types.LaunchTemplateTagSpecificationRequest{
			of(ec2types.ResourceTypeInstance, secret...), of(ec2types.ResourceTypeVolume, volume...)}})
	}
	have := capas("Name", "pool")
	if got := changed(want, have); len(got) > 0 || !SameConfiguration(answered(want), have) {
		t.Errorf("%v differ", got)
	}
	if got := changed(want, capas("Name", "other")); !slices.Equal(got, []string{"TagSpecifications"}) {
		t.Errorf("of volumes with another tag %v differ", got)
	}
}
