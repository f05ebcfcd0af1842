package autoscaling

import (
	"cmp"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// AreaSettings is that of tags and old versions: a pool works without.
const AreaSettings = infrav1.PoolSettingsReadyCondition

// latestVersion makes a group follow its template.
const latestVersion = "$Latest"

// Wanted is a group and its template as they have to be.
type Wanted struct {
	// Name of the group; Owner is the object that wants it.
	Name  string
	Owner ownership.Owner
	Spec  *infrav1.AWSMachinePoolSpec
	// Tags of the group and the template.
	Tags map[string]string
	// Removed are keys of tags that were wanted once and aren't any more.
	Removed []string
	// Data describes the instances; nil while it isn't known.
	Data *ec2types.RequestLaunchTemplateData
	// Subnets are where the instances go; empty while it isn't known.
	Subnets []string
	// Desired is the wanted number of instances; nil where somebody else decides.
	Desired *int32
}

// TemplateName returns the name of the launch template.
func TemplateName(spec *infrav1.AWSMachinePoolSpec, pool string) string {
	return cmp.Or(spec.AWSLaunchTemplate.Name, pool)
}

// templateVersion returns which version of its template the group uses.
func (w *Wanted) templateVersion() string {
	if n := w.Spec.AWSLaunchTemplate.VersionNumber; n != nil {
		return numberText(*n)
	}
	return latestVersion
}
