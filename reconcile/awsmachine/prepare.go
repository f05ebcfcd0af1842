package awsmachine

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
)

// The keys of a Secret with bootstrap data, from Cluster API's bootstrap contract.
const (
	secretValue  = "value"
	secretFormat = "format"
)

// prepareKey holds the attempts to get together what a launch needs.
const prepareKey = "prepare"

// connectKey holds the attempts to get a session, observeKey those to see AWS.
const connectKey, observeKey = "connect", "observe"

// prepare reads what a launch needs and AWS's tables don't hold: the bootstrap
// data, the image, a link into the bucket. Where nothing is launched, or not yet, it
// reads nothing.
func (p *pass) prepare(ctx context.Context) error {
	v := p.view()
	if p.deleting() || v.row != nil || v.groundless() || v.failed() || instance.RecordedID(&p.obj.Spec) != "" ||
		v.Owner.Spec.Bootstrap.DataSecretName == nil || p.memory.holds.Held(launchKey, p.Clock.Now()) || p.memory.holds.Held(prepareKey, p.Clock.Now()) {
		return nil
	}
	if p.inLine = !p.gate.enter(p.session.Scope, client.ObjectKeyFromObject(p.related.cluster), p.key()); p.inLine {
		return nil
	}
	if err := p.observe(ctx, v.launchKinds()); err != nil {
		return p.prepareFailed(err)
	}
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: p.obj.Namespace, Name: *v.Owner.Spec.Bootstrap.DataSecretName}
	if err := p.Host.Get(ctx, key, secret); err != nil {
		if apierrors.IsNotFound(err) {
			return nil // the plan waits for it
		}
		return fmt.Errorf("reading the bootstrap data in Secret %s: %w", key, err)
	}
	value, ok := secret.Data[secretValue]
	if !ok {
		return p.prepareFailed(fmt.Errorf("the Secret %s has no key %q with bootstrap data", key, secretValue))
	}
	if err := p.findImage(ctx, v); err != nil {
		return p.prepareFailed(err)
	}
	if err := p.judgeInterfaces(ctx, v); err != nil {
		return p.prepareFailed(err)
	}
	p.data = &bootstrap.Data{Value: value, Format: bootstrap.Format(secret.Data[secretFormat])}
	if err := p.link(ctx, v); err != nil {
		return p.prepareFailed(err)
	}
	p.memory.holds.Release(prepareKey)
	return nil
}

// prepareFailed has it shown and tried again later.
func (p *pass) prepareFailed(err error) error {
	message := err.Error()
	if e := cloud.Classify(err); e.Class != cloud.Unknown {
		message = e.Message
	}
	p.data = nil
	p.memory.holds.Fail(prepareKey, infrav1.InstanceReadyCondition, message, p.Clock.Now())
	return nil
}

func (p *pass) findImage(ctx context.Context, v *view) error {
	spec := &v.Machine.Spec
	architecture := instance.Architecture(p.snapshot(), spec.InstanceType)
	query, err := instance.ImageQuery(spec, v.Infra, v.version(), architecture)
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

// link makes a link to the data in the bucket that is good for a while without
// credentials.
func (p *pass) link(ctx context.Context, v *view) error {
	if !v.inBucket() || v.Infra.PresignTime() == 0 {
		return nil
	}
	// A link costs no request, and so nothing of the budget.
	unbudgeted := s3.WithPresignClientFromClientOptions(func(o *s3.Options) { o.APIOptions = nil })
	request, err := s3.NewPresignClient(p.session.S3, unbudgeted).PresignGetObject(ctx,
		&s3.GetObjectInput{Bucket: aws.String(v.Infra.Bucket.Name), Key: aws.String(v.objectKey())},
		s3.WithPresignExpires(min(v.Infra.PresignTime(), bootstrap.MaxPresignTime)))
	if err != nil {
		return fmt.Errorf("make a link into bucket %s: %w", v.Infra.Bucket.Name, err)
	}
	p.objectURL = request.URL
	return nil
}
