package awsmachine

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// planLaunch stores the bootstrap data and launches. The data's secrets are
// recorded in the spec before they are made: see record.
func (v *view) planLaunch() {
	const area, failed = infrav1.InstanceReadyCondition, infrav1.InstanceProvisionFailedReason
	if !v.sees(area, v.launchKinds()) {
		return
	}
	spec := &v.Machine.Spec
	l := instance.Launch{UID: string(v.Machine.UID), Name: v.Machine.Name, Spec: spec, Tags: v.tags(), Infra: v.Infra,
		ImageID: v.ImageID, Image: v.Image}
	var waits string
	var err error
	if l.Subnet, err = instance.ChooseSubnet(spec, v.Infra, v.failureDomain(), v.Living, v.snap); err != nil {
		v.plan.Problem(area, failed, "%s", err)
	} else if err := l.Subnet.Reaches(spec, v.Infra, v.controlPlane()); err != nil {
		v.plan.Problem(area, failed, "%s", err)
	}
	if l.Groups, waits, err = instance.Groups(spec, v.Infra, v.controlPlane(), v.Living, v.snap); err != nil {
		v.plan.Problem(area, failed, "%s", err)
	} else if waits != "" {
		v.plan.Wait(area, failed, waits)
	}
	if l.ImageID == "" {
		v.plan.Wait(area, failed, "the image to be found")
	}
	if _, count, former := v.recorded(); former && count > 0 && !v.removedAll() {
		v.removeSecrets()
		v.plan.Wait(area, failed, "the secrets to be removed that this object had before it was moved")
	}
	if v.inBucket() && !v.Infra.BucketReady {
		v.plan.Wait(area, failed, "bucket "+v.Infra.Bucket.Name+", which isn't known to be the cluster's own: see S3BucketCreated of the AWSCluster")
	}
	stores, userData, err := v.userData()
	if err != nil {
		v.plan.Problem(area, failed, "%s", err)
	}
	if len(v.plan.Problems)+len(v.plan.Waits) > 0 {
		return
	}
	l.UserData = userData
	var first string
	if l.HostID, first = v.planHost(l.Subnet); len(v.plan.Problems) > 0 {
		return
	}
	in, err := l.Input()
	if err != nil {
		v.plan.Problem(area, failed, "%s", err)
		return
	}
	for _, a := range stores {
		v.plan.Add(a)
		first = "the bootstrap data to be stored"
	}
	v.plan.Add(plan.Action{Key: launchKey, Area: area, Verb: plan.Create, Operation: "ec2.RunInstances", Input: in, WaitsFor: first,
		Summary: fmt.Sprintf("create instance %s (%s, image %s, subnet %s)", v.Machine.Name, spec.InstanceType, l.ImageID, l.Subnet.ID)})
}

// userData returns the instance's user data, and what has to be stored first.
func (v *view) userData() (stores []plan.Action, data []byte, err error) {
	spec := &v.Machine.Spec
	if v.Bootstrap.Format == bootstrap.Ignition {
		return v.ignition()
	}
	if spec.Ignition != nil {
		return nil, nil, fmt.Errorf("spec.ignition is set, and the bootstrap data is %s: use a bootstrap configuration of format ignition, or cloudInit", bootstrap.CloudInit)
	}
	compress := !aws.ToBool(spec.UncompressedUserData)
	s, ok := v.secrets()
	if !ok {
		data, err = bootstrap.Plain(*v.Bootstrap, compress)
		return nil, data, err
	}
	parts, err := v.parts(s)
	if err != nil {
		return nil, nil, err
	}
	for i, part := range parts {
		if v.Stored[s.Key(i)] != bootstrap.Digest(part) {
			stores = append(stores, s.Create(i, part))
		}
	}
	fetch := bootstrap.Fetch{Backend: s.Backend, Prefix: s.Prefix, Parts: len(parts), Region: v.Infra.Region}
	return stores, fetch.UserData(), nil
}

// parts returns what the secrets hold.
func (v *view) parts(s bootstrap.Secrets) ([][]byte, error) {
	value := v.Bootstrap.Value
	if !aws.ToBool(v.Machine.Spec.UncompressedUserData) {
		value = bootstrap.Compress(value)
	}
	return bootstrap.Parts(s.Backend, value)
}

func (v *view) ignition() (stores []plan.Action, data []byte, err error) {
	spec := v.ignitionSpec()
	switch {
	case spec.StorageType == infrav1.IgnitionStorageUnencryptedUserData:
		data, err = bootstrap.Plain(*v.Bootstrap, false)
		return nil, data, err
	case !v.inBucket():
		return nil, nil, fmt.Errorf("the bootstrap data is Ignition, which is kept in the cluster's bucket, and the AWSCluster has none: set its spec.s3Bucket, or spec.ignition.storageType %s of the machine's template", infrav1.IgnitionStorageUnencryptedUserData)
	}
	store := bootstrap.PutObject(infrav1.InstanceReadyCondition, v.Infra.Bucket.Name, v.objectKey(), string(v.Machine.UID), v.Bootstrap.Value)
	if v.Stored[store.Key] != bootstrap.Digest(v.Bootstrap.Value) {
		stores = append(stores, store)
	}
	url := v.ObjectURL
	if url == "" {
		url = fmt.Sprintf("s3://%s/%s", v.Infra.Bucket.Name, v.objectKey())
	}
	data, err = bootstrap.PointTo(url, spec)
	return stores, data, err
}

// removeObject removes the data from the bucket. There is no record of it: it is
// removed once, when it isn't needed any more, whether or not it was stored.
func (v *view) removeObject() {
	if a := v.removesObject(); a != nil {
		v.plan.Add(*a)
	}
}

// removesObject returns the removal, nil where there is nothing to remove.
func (v *view) removesObject() *plan.Action {
	if !v.mayBeInBucket() {
		return nil
	}
	a := bootstrap.DeleteObject(areaBootstrap, v.Infra.Bucket.Name, v.objectKey())
	if v.Removed[a.Key] || v.Tolerated[a.Key] {
		return nil
	}
	return &a
}
