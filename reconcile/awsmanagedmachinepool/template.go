package awsmanagedmachinepool

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/launchtemplate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/nodegroup"
)

// areaTemplate is the condition that tells of the launch template.
const areaTemplate = launchtemplate.Area

// The root devices of EKS's images, whose ids nobody here knows.
const (
	rootDevice        = "/dev/xvda"
	windowsRootDevice = "/dev/sda1"
)

// templateName is the name of a launch template that is made. (CAPA's.)
func (in *Intent) templateName() string {
	if t := in.Pool.Spec.AWSLaunchTemplate; t == nil || t.Name == "" {
		return in.ControlPlane.Name + "-" + in.Pool.Name
	}
	return in.Pool.Spec.AWSLaunchTemplate.Name
}

// made tells that a launch template is made for the pool.
func (in *Intent) made() bool { return in.Pool.Spec.AWSLaunchTemplate != nil }

// spec is the launch template as a machine's spec.
func (in *Intent) spec() *infrav1.AWSMachineSpec {
	spec := instance.SpecOf(in.Pool.Spec.AWSLaunchTemplate)
	spec.AdditionalTags = in.Pool.Spec.AdditionalTags
	return spec
}

// ownImage tells that the template names the image: what EKS publishes for the cluster's
// version it chooses itself, and keeps.
func (in *Intent) ownImage() bool {
	t := in.Pool.Spec.AWSLaunchTemplate
	return t != nil && (t.AMI.ID != nil || t.AMI.EKSOptimizedLookupType != nil || t.ImageLookupFormat != "" || t.ImageLookupOrg != "" || t.ImageLookupBaseOS != "")
}

// templateTables are those by which a template is made.
func (in *Intent) templateTables() []mirror.Kind {
	if !in.made() {
		if in.Pool.Spec.LaunchTemplateRef != nil {
			return []mirror.Kind{mirror.LaunchTemplates.Kind}
		}
		return nil
	}
	kinds := []mirror.Kind{mirror.LaunchTemplates.Kind}
	if len(in.Pool.Spec.AWSLaunchTemplate.AdditionalSecurityGroups) > 0 {
		kinds = append(kinds, mirror.VPCs.Kind, mirror.SecurityGroups.Kind)
	}
	return kinds
}

// template is the launch template of the node group, nil for one without.
func (v *view) template() *nodegroup.Template {
	switch given := v.Pool.Spec.LaunchTemplateRef; {
	case given != nil:
		return &nodegroup.Template{ID: given.ID, Name: given.Name, Version: fmt.Sprint(given.Version), Given: true, Custom: v.custom()}
	case !v.made():
		return nil
	}
	t := &nodegroup.Template{Custom: v.custom()}
	if own := v.underTemplate.Own(); own != nil {
		t.ID, t.Version = aws.ToString(own.LaunchTemplateId), launchtemplate.Number(own.LatestVersionNumber)
		if n := v.Pool.Spec.AWSLaunchTemplate.VersionNumber; n != nil {
			t.Version = launchtemplate.Number(n)
		}
	}
	return t
}

// planGiven says what keeps the launch template that the spec names from being used, and what has to wait for that. One
// that wasn't seen yet may be anybody's.
func (v *view) planGiven() (waits string) {
	given := v.Pool.Spec.LaunchTemplateRef
	if given == nil {
		return ""
	}
	rows := mirror.Select(v.snap, mirror.LaunchTemplates, func(t *mirror.LaunchTemplate) bool {
		return given.ID != "" && aws.ToString(t.LaunchTemplateId) == given.ID || given.ID == "" && aws.ToString(t.LaunchTemplateName) == given.Name
	})
	if len(rows) == 0 {
		return "a look at launch template " + cmp.Or(given.ID, given.Name)
	}
	if err := v.Infra.Lender(v.Living, v.snap).Template(rows[0]); err != nil {
		v.todo.Problem(nodegroup.Area, nodegroup.Failed, "spec.launchTemplateRef: %s", err)
		return "another launch template"
	}
	return ""
}

func (in *Intent) custom() bool {
	return in.ownImage() || in.Pool.Spec.AMIType != nil && *in.Pool.Spec.AMIType == infrav1.AMITypeCustom
}

// planTemplate makes the launch template, and its next version where it has to differ.
func (v *view) planTemplate() {
	if !v.made() {
		return
	}
	const failed = infrav1.LaunchTemplateReconcileFailedReason
	own := v.underTemplate.Own()
	of, foreign := v.underTemplate.Foreign()
	switch {
	case !v.snap.Seen(mirror.LaunchTemplates.Kind):
		v.todo.Wait(areaTemplate, conditions.WaitingForObservation, "the first complete listing of "+string(mirror.LaunchTemplates.Kind))
		return
	case foreign:
		v.todo.Problem(areaTemplate, failed, "launch template %s belongs to %s, and is left alone; give spec.awsLaunchTemplate.name of a new object a name that nobody has, "+
			"or name it in spec.launchTemplateRef, to use it as it is", v.templateName(), of)
		return
	}
	w := &launchtemplate.Wanted{Name: v.templateName(), Owner: v.owner(), Tags: v.templateTags(), Removed: v.removedTags(), Data: v.templateData()}
	if row := v.nodegroup.Own(); row != nil && row.LaunchTemplate != nil && v.nodegroup.Locked() == "" {
		w.InUse = []string{aws.ToString(row.LaunchTemplate.Version)}
	}
	v.todo.Add(launchtemplate.Plan(w, own)...)
}

// templatePending tells that the launch template isn't as it has to be yet: whoever begins
// to replace nodes now would do it once more.
func (v *view) templatePending() bool { return v.made() && v.todo.Open(areaTemplate) }

func (in *Intent) templateTags() map[string]string {
	return in.owner().Tags(in.Pool.Name, instance.RoleNode, map[string]string{names.TagCloudProviderPrefix + in.Infra.KubernetesName(): names.Owned})
}

// instanceTags are those that the template puts on instances and volumes.
func (in *Intent) instanceTags() map[string]string {
	tags := in.templateTags()
	if in.Bootstrap != nil {
		tags[launchtemplate.TagBootstrapSecret] = in.Pool.Namespace + "/" + in.secretName()
		tags[launchtemplate.TagBootstrapHash] = bootstrap.Digest(in.Bootstrap.Value)
	}
	return tags
}

// templateData is what the template has to hold; nil while it can't be said, which the plan
// then tells.
func (v *view) templateData() *ec2types.RequestLaunchTemplateData {
	const failed = infrav1.LaunchTemplateReconcileFailedReason
	switch {
	case !v.Acting:
		return nil
	case v.configured() && v.Bootstrap == nil:
		if len(v.Failures[areaTemplate]) == 0 {
			v.todo.Wait(areaTemplate, infrav1.WaitingForBootstrapDataReason, "the MachinePool's bootstrap data")
		}
		return nil
	case v.ownImage() && v.ImageID == "":
		if len(v.Failures[areaTemplate]) == 0 {
			v.todo.Wait(areaTemplate, conditions.WaitingForObservation, "a look at the image")
		}
		return nil
	}
	spec := v.spec()
	l := instance.Launch{UID: string(v.Pool.UID), Name: v.Pool.Name, Spec: spec, Tags: v.instanceTags(), Infra: v.Infra, ImageID: v.ImageID, Image: v.image()}
	var waits string
	var err error
	if l.Groups, waits, err = instance.Groups(spec, v.Infra, false, v.Living, v.snap); waits != "" {
		v.todo.Wait(areaTemplate, infrav1.InProgressReason, waits)
		return nil
	}
	var data *ec2types.RequestLaunchTemplateData
	if err == nil && v.Bootstrap != nil {
		l.UserData, err = userData(*v.Bootstrap)
	}
	if err == nil {
		data, err = l.TemplateData()
	}
	if err != nil {
		v.todo.Problem(areaTemplate, failed, "%s", err)
		return nil
	}
	if v.ImageID == "" {
		data.ImageId = nil
	}
	if data.KeyName = v.templateKey(); v.enclaves() {
		data.EnclaveOptions = &ec2types.LaunchTemplateEnclaveOptionsRequest{Enabled: aws.Bool(true)}
	}
	return data
}

// image is the one that the instances run, as far as its root device goes.
func (v *view) image() *ec2types.Image {
	if v.Image != nil {
		return v.Image
	}
	if t := v.Pool.Spec.AMIType; t != nil && t.IsWindows() {
		return &ec2types.Image{RootDeviceName: aws.String(windowsRootDevice)}
	}
	return &ec2types.Image{RootDeviceName: aws.String(rootDevice)}
}

// templateKey is the key pair of the template, nil for none.
func (in *Intent) templateKey() *string {
	if key := in.Pool.Spec.AWSLaunchTemplate.SSHKeyName; key != nil {
		if *key == "" {
			return nil
		}
		return key
	}
	return in.sshKey()
}

func (in *Intent) enclaves() bool {
	o := in.Pool.Spec.AWSLaunchTemplate.EnclaveOptions
	return o != nil && aws.ToBool(o.Enabled)
}

// userData is the bootstrap data as the instances get it. EKS merges messages into its own
// and reads nothing that is compressed.
func userData(data bootstrap.Data) ([]byte, error) {
	if data.Format == bootstrap.Ignition {
		return nil, fmt.Errorf("the bootstrap data is Ignition, which nodes of EKS don't read: use a NodeadmConfig, or no bootstrap configuration")
	}
	text, err := bootstrap.Plain(data, false)
	if err != nil {
		return nil, fmt.Errorf("the bootstrap data of a pool has to fit into user data, and %w", err)
	}
	return text, nil
}

// typeOfImage is the instance type that an image has to fit.
func (in *Intent) typeOfImage() string {
	return strings.Join(in.Pool.Spec.AllInstanceTypes()[:min(1, len(in.Pool.Spec.AllInstanceTypes()))], "")
}

// imageVersion is the version whose image is looked for.
func (in *Intent) imageVersion() string {
	if in.Owner == nil {
		return ""
	}
	return cmp.Or(in.Owner.Spec.Template.Spec.Version, aws.ToString(in.ControlPlane.Spec.Version))
}
