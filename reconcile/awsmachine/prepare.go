package awsmachine

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
)

// lookLaunch holds the attempts to get together what a launch needs.
const lookLaunch = engine.LookPrefix + "launch"

// Prepare reads what a launch needs and AWS's tables don't hold: the bootstrap
// data, the image, a link into the bucket. Where nothing is launched, or not yet, it
// reads nothing.
func (w *worker) Prepare(ctx context.Context) error {
	w.judge(ctx)
	w.pass.Changed()
	v := w.view()
	if w.pass.Deleting() || v.row != nil || v.groundless() || v.failed() || instance.RecordedID(&w.obj.Spec) != "" ||
		v.Owner.Spec.Bootstrap.DataSecretName == nil || v.Infra.NodesWait(v.version(), false) != "" || w.pass.Memory.Holds.Held(launchKey, w.pass.Clock.Now()) || w.pass.Memory.Holds.Held(lookLaunch, w.pass.Clock.Now()) {
		return nil
	}
	if w.inLine = !w.gate.enter(w.pass.Session.Scope, client.ObjectKeyFromObject(w.related.cluster), w.pass.Key()); w.inLine {
		w.pass.Changed()
		return nil
	}
	if err := w.pass.See(ctx, mirror.Whole(v.launchKinds()...)...); err != nil {
		return w.prepareFailed(err)
	}
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: w.obj.Namespace, Name: *v.Owner.Spec.Bootstrap.DataSecretName}
	if err := w.pass.Host.Get(ctx, key, secret); err != nil {
		if apierrors.IsNotFound(err) {
			return nil // the plan waits for it
		}
		return fmt.Errorf("reading the bootstrap data in Secret %s: %w", key, err)
	}
	data, err := bootstrap.DataOf(secret)
	if err != nil {
		return w.prepareFailed(err)
	}
	if err := w.findImage(ctx, v); err != nil {
		return w.prepareFailed(err)
	}
	if err := w.judgeInterfaces(ctx, v); err != nil {
		return w.prepareFailed(err)
	}
	w.data = data
	if err := w.link(ctx, v); err != nil {
		return w.prepareFailed(err)
	}
	w.pass.Memory.Holds.Release(lookLaunch)
	w.pass.Changed()
	return nil
}

// prepareFailed has it shown and tried again later.
func (w *worker) prepareFailed(err error) error {
	w.data = nil
	w.pass.LookFailed(lookLaunch, infrav1.InstanceReadyCondition, err)
	return nil
}

func (w *worker) findImage(ctx context.Context, v *view) error {
	spec := &v.Machine.Spec
	query, err := instance.ImageQuery(spec, v.Infra, instance.Runs{Version: v.version(), Architecture: instance.Architecture(w.pass.Snapshot(), spec.InstanceType),
		BootstrapKind: v.Owner.Spec.Bootstrap.ConfigRef.Kind})
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

// link makes a link to the data in the bucket that is good for a while without
// credentials.
func (w *worker) link(ctx context.Context, v *view) error {
	if !v.inBucket() || v.Infra.PresignTime() == 0 {
		return nil
	}
	url, err := w.pass.Session.Link(ctx, v.Infra.Bucket.Name, v.objectKey(), min(v.Infra.PresignTime(), bootstrap.MaxPresignTime))
	w.objectURL = url
	return err
}
