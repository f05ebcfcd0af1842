// Package autoscaling plans Auto Scaling groups: what to make, to put right, to refresh and
// to delete. All of it but the handlers is pure.
package autoscaling

import (
	"github.com/aws/aws-sdk-go-v2/aws"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/launchtemplate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// AreaSettings is that of tags and old versions: a pool works without.
const AreaSettings = launchtemplate.AreaSettings

// latestVersion makes a group follow its template.
const latestVersion = "$Latest"

// Wanted is a group as it has to be.
type Wanted struct {
	// Name of the group; Owner is the object that wants it.
	Name  string
	Owner ownership.Owner
	Spec  *infrav1.AWSMachinePoolSpec
	Tags  map[string]string
	// Removed are keys of tags that were wanted once and aren't any more.
	Removed []string
	// Subnets are where the instances go; empty while it isn't known.
	Subnets []string
	// Desired is the wanted number of instances; nil where somebody else decides.
	Desired *int32
}

// templateVersion returns which version of its template the group uses.
func (w *Wanted) templateVersion() string {
	if n := w.Spec.AWSLaunchTemplate.VersionNumber; n != nil {
		return launchtemplate.Number(n)
	}
	return latestVersion
}

// VersionsInUse are those of its launch template that the group launches, or launched an
// instance from, by which it is told whether that is outdated; nil while they change.
func (w *Wanted) VersionsInUse(group *mirror.AutoScalingGroup) []string {
	if group == nil || group.Refreshing() {
		return nil
	}
	inUse := []string{w.templateVersion()}
	for _, i := range group.Instances {
		if i.LaunchTemplate != nil {
			inUse = append(inUse, aws.ToString(i.LaunchTemplate.Version))
		}
	}
	return inUse
}

// TemplateID is the launch template that a group uses, "" without a group.
func TemplateID(group *mirror.AutoScalingGroup) string {
	if group == nil {
		return ""
	}
	return aws.ToString(templateOf(group).LaunchTemplateId)
}
