package awsmanagedmachinepool

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/nodegroup"
)

// lookTemplate holds the attempts to get together what a launch template needs.
const lookTemplate = engine.LookPrefix + "template"

// lookTypes holds what is known of instance types that there aren't.
const lookTypes = engine.LookPrefix + "types"

// Prepare reads what a launch template needs and AWS's tables don't hold: the bootstrap data
// and the image. The node group goes on without. And it notes when that changed.
func (w *worker) Prepare(ctx context.Context) error {
	in := w.view().Intent
	if in.deleting() || !in.started() {
		return nil
	}
	if in.made() && !w.pass.Memory.Holds.Held(lookTemplate, w.pass.Clock.Now()) {
		if err := w.prepareTemplate(ctx, &in); err != nil {
			return err
		}
	}
	w.judgeTypes(ctx)
	if wanted := w.wantedNow(); wanted != w.memory.wanted {
		if w.memory.wanted != "" {
			w.memory.wantedSince = w.pass.Clock.Now()
		}
		w.memory.wanted = wanted
	}
	w.pass.Changed()
	return nil
}

// judgeTypes finds what EKS would say of the instance types, where it isn't asked because the subnets can't be: who has to
// make another object should know all that is wrong with this one.
func (w *worker) judgeTypes(ctx context.Context) {
	holds := &w.pass.Memory.Holds
	if holds.Held(lookTypes, w.pass.Clock.Now()) {
		return
	}
	v := w.view()
	if !v.misplaced || w.pass.See(ctx, mirror.Whole(mirror.InstanceTypes.Kind)...) != nil {
		holds.Release(lookTypes)
		return
	}
	if wrong := instance.NotOffered(w.pass.Snapshot(), v.Infra.Region, v.Pool.Spec.AllInstanceTypes()...); wrong != "" {
		w.pass.FailLook(lookTypes, nodegroup.Area, wrong+", either")
	} else {
		holds.Release(lookTypes)
	}
}

func (w *worker) prepareTemplate(ctx context.Context, in *Intent) error {
	holds := &w.pass.Memory.Holds
	var err error
	if w.unready, err = w.pending(ctx, in); err != nil {
		return err
	}
	if in.secretName() != "" {
		secret := &corev1.Secret{}
		key := client.ObjectKey{Namespace: w.obj.Namespace, Name: in.secretName()}
		switch err := w.pass.Host.Get(ctx, key, secret); {
		case apierrors.IsNotFound(err):
			holds.Release(lookTemplate)
			return nil // the plan waits for it
		case err != nil:
			return fmt.Errorf("reading the bootstrap data in Secret %s: %w", key, err)
		}
		if w.data, err = bootstrap.DataOf(secret); err != nil {
			w.pass.LookFailed(lookTemplate, areaTemplate, err)
			return nil
		}
	}
	if err := w.findImage(ctx, in); err != nil {
		w.pass.LookFailed(lookTemplate, areaTemplate, err)
		return nil
	}
	holds.Release(lookTemplate)
	return nil
}

// findImage finds the image that a launch template names.
func (w *worker) findImage(ctx context.Context, in *Intent) error {
	if !in.ownImage() {
		return nil
	}
	spec := in.spec()
	spec.InstanceType = in.typeOfImage()
	if instance.NeedsArchitecture(spec) {
		if err := w.pass.See(ctx, mirror.Whole(mirror.InstanceTypes.Kind)...); err != nil {
			return err
		}
	}
	query, err := instance.ImageQuery(spec, in.Infra, instance.Runs{Version: in.imageVersion(), Architecture: instance.Architecture(w.pass.Snapshot(), spec.InstanceType),
		BootstrapKind: in.Owner.Spec.Template.Spec.Bootstrap.ConfigRef.Kind})
	if err != nil {
		return err
	}
	if !instance.NeedsImage(spec) {
		w.imageID = query.ID
		return nil
	}
	image, err := w.options.Images.Find(ctx, w.pass.Session, query)
	if err != nil {
		return err
	}
	w.imageID, w.image = aws.ToString(image.ImageId), image
	return nil
}

// pending says what bootstrap data is still to come: that of a configuration that changed,
// or of another one. "" where the Secret has what there is to be.
func (w *worker) pending(ctx context.Context, in *Intent) (string, error) {
	if in.Owner == nil {
		return "", nil
	}
	ref := in.Owner.Spec.Template.Spec.Bootstrap.ConfigRef
	var config interface {
		client.Object
		ConfigStatus() *bootstrapv1.ConfigStatus
	}
	switch {
	case ref.APIGroup != bootstrapv1.GroupName:
		return "", nil
	case ref.Kind == "NodeadmConfig":
		config = &bootstrapv1.NodeadmConfig{}
	case ref.Kind == "EKSConfig":
		config = &bootstrapv1.EKSConfig{}
	default:
		return "", nil
	}
	if err := w.pass.Client.Get(ctx, client.ObjectKey{Namespace: w.obj.Namespace, Name: ref.Name}, config); err != nil {
		return "the bootstrap configuration " + ref.Name, client.IgnoreNotFound(err)
	}
	status := config.ConfigStatus()
	if status.ObservedGeneration < config.GetGeneration() || aws.ToString(status.DataSecretName) != in.secretName() {
		return fmt.Sprintf("the bootstrap data of %s %s", ref.Kind, ref.Name), nil
	}
	return "", nil
}
