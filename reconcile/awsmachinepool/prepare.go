package awsmachinepool

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
)

// The keys of a Secret with bootstrap data, from Cluster API's bootstrap contract.
const (
	secretValue  = "value"
	secretFormat = "format"
)

// prepareKey holds the attempts to get together what a launch template needs,
// connectKey those to get a session, observeKey and finishKey those to see AWS.
const (
	prepareKey = "prepare"
	connectKey = "connect"
	observeKey = "observe"
	finishKey  = "finish"
)

// prepare reads what a launch template needs and AWS's tables don't hold: the
// bootstrap data and the image. The group goes on without.
func (p *pass) prepare(ctx context.Context) error {
	in := p.intent()
	v := observe(in, p.snapshot())
	if p.deleting() || v.groundless() || in.Infra == nil || in.secretName() == "" || p.memory.holds.Held(prepareKey, p.Clock.Now()) {
		return nil
	}
	if err := p.observe(ctx, in.templateKinds()); err != nil {
		p.prepareFailed(err)
		return nil
	}
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: p.obj.Namespace, Name: in.secretName()}
	if err := p.Host.Get(ctx, key, secret); err != nil {
		if apierrors.IsNotFound(err) {
			p.memory.holds.Release(prepareKey)
			return nil // the plan waits for it
		}
		return fmt.Errorf("reading the bootstrap data in Secret %s: %w", key, err)
	}
	value, ok := secret.Data[secretValue]
	if !ok {
		p.prepareFailed(fmt.Errorf("the Secret %s has no key %q with bootstrap data", key, secretValue))
		return nil
	}
	if err := p.findImage(ctx, &in); err != nil {
		p.prepareFailed(err)
		return nil
	}
	p.data = &bootstrap.Data{Value: value, Format: bootstrap.Format(secret.Data[secretFormat])}
	p.memory.holds.Release(prepareKey)
	return nil
}

// prepareFailed has it shown and tried again later.
func (p *pass) prepareFailed(err error) {
	message := err.Error()
	if e := cloud.Classify(err); e.Class != cloud.Unknown {
		message = e.Message
	}
	p.memory.holds.Fail(prepareKey, areaTemplate, message, p.Clock.Now())
}

func (p *pass) findImage(ctx context.Context, in *Intent) error {
	spec := in.spec()
	spec.InstanceType = in.typeOfImage()
	query, err := instance.ImageQuery(spec, in.Infra, in.version(), instance.Architecture(p.snapshot(), spec.InstanceType))
	if err != nil {
		return err
	}
	if !instance.NeedsImage(spec) {
		p.imageID = query.ID
		return nil
	}
	image, err := p.Images.Find(ctx, p.session, query)
	if err != nil {
		return err
	}
	p.imageID, p.image = aws.ToString(image.ImageId), image
	return nil
}

func (in *Intent) version() string {
	if in.Owner == nil {
		return ""
	}
	return in.Owner.Spec.Template.Spec.Version
}
