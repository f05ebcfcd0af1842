package awsmachinepool

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
)

// lookTemplate holds the attempts to get together what a launch template needs.
const lookTemplate = engine.LookPrefix + "template"

// Prepare reads what a launch template needs and AWS's tables don't hold: the
// bootstrap data and the image. The group goes on without.
func (w *worker) Prepare(ctx context.Context) error {
	v := w.view()
	in, holds := v.Intent, &w.pass.Memory.Holds
	if v.deleting() || v.groundless() || in.Infra == nil || in.secretName() == "" || holds.Held(lookTemplate, w.pass.Clock.Now()) {
		return nil
	}
	if err := w.pass.See(ctx, mirror.Whole(in.templateKinds()...)...); err != nil {
		w.pass.LookFailed(lookTemplate, areaTemplate, err)
		return nil
	}
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: w.obj.Namespace, Name: in.secretName()}
	if err := w.pass.Host.Get(ctx, key, secret); err != nil {
		if apierrors.IsNotFound(err) {
			holds.Release(lookTemplate)
			return nil // the plan waits for it
		}
		return fmt.Errorf("reading the bootstrap data in Secret %s: %w", key, err)
	}
	data, err := bootstrap.DataOf(secret)
	if err != nil {
		w.pass.LookFailed(lookTemplate, areaTemplate, err)
		return nil
	}
	if err := w.findImage(ctx, &in); err != nil {
		w.pass.LookFailed(lookTemplate, areaTemplate, err)
		return nil
	}
	w.data = data
	holds.Release(lookTemplate)
	w.pass.Changed()
	return nil
}

func (w *worker) findImage(ctx context.Context, in *Intent) error {
	spec := in.spec()
	spec.InstanceType = in.typeOfImage()
	query, err := instance.ImageQuery(spec, in.Infra, instance.Runs{Version: in.version(), Architecture: instance.Architecture(w.pass.Snapshot(), spec.InstanceType),
		BootstrapKind: in.Owner.Spec.Template.Spec.Bootstrap.ConfigRef.Kind})
	if err != nil {
		return err
	}
	if !instance.NeedsImage(spec) {
		w.imageID = query.ID
		return nil
	}
	image, err := w.Images.Find(ctx, w.pass.Session, query)
	if err != nil {
		return err
	}
	w.imageID, w.image = aws.ToString(image.ImageId), image
	return nil
}

func (in *Intent) version() string {
	if in.Owner == nil {
		return ""
	}
	return in.Owner.Spec.Template.Spec.Version
}
