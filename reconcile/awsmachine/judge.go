package awsmachine

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	corev1 "k8s.io/api/core/v1"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// judge looks, once, whose the bootstrap data is that the object records or that its
// name leads to, and that nothing else proves to be its own.
func (w *worker) judge(ctx context.Context) {
	v := w.view()
	if v.pooled() || v.groundless() {
		return
	}
	if s, count, former := v.recorded(); former {
		for part := range count {
			w.judgeSecret(ctx, v.owner(), s, part)
		}
	}
	due := v.deleting() || v.joined() || v.failed() || v.row != nil && instance.Ended(v.row)
	if a := v.removesObject(); due && a != nil {
		w.judgeObject(ctx, v, a.Key)
	}
}

func (w *worker) judgeSecret(ctx context.Context, owner ownership.Owner, s bootstrap.Secrets, part int) {
	key, name := s.Key(part), bootstrap.SecretName(s.Backend, s.Prefix, part)
	if w.memory.removed[key] || w.memory.proven[key] {
		return
	}
	tags, err := bootstrap.Tags(ctx, w.pass.Session, s.Backend, name)
	switch {
	case err == nil && instance.ClaimTags(name, tags, owner, true).Ours():
		w.memory.proven[key] = true
	case err == nil:
		w.leave(key, fmt.Sprintf("secret %s, which the object names, belongs to %s", name, owner.Claim(ownership.Resource{ID: name, Tags: tags, Recorded: true}).Of))
	case bootstrap.Missing(err):
		w.memory.removed[key] = true
	case cloud.Is(err, cloud.Unauthorized):
		w.leave(key, fmt.Sprintf("it can't be told whose secret %s is (%s)", name, cloud.Classify(err).Message))
	}
}

// judgeObject looks whether there is an object. In a bucket that is the cluster's own it is
// the machine's by its name.
func (w *worker) judgeObject(ctx context.Context, v *view, key string) {
	uid, err := bootstrap.ObjectOf(ctx, w.pass.Session, v.Infra.Bucket.Name, v.objectKey())
	switch {
	case cloud.Is(err, cloud.NotFound):
		w.memory.removed[key] = true
	case v.Infra.BucketReady, err == nil && uid == v.owner().UID:
	case err == nil, cloud.Is(err, cloud.Unauthorized):
		w.leave(key, fmt.Sprintf("object %s of bucket %s isn't known to be this machine's", v.objectKey(), v.Infra.Bucket.Name))
	}
}

// judgeInterfaces refuses network interfaces of a cluster, or of one of its machines,
// that the spec names: the instance would take them over. Those that users made for
// this carry no cluster's tag.
func (w *worker) judgeInterfaces(ctx context.Context, v *view) error {
	ids := w.obj.Spec.NetworkInterfaces
	if len(ids) == 0 {
		return nil
	}
	out, err := w.pass.Session.EC2.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: ids})
	if err != nil {
		return err
	}
	for _, n := range out.NetworkInterfaces {
		id, tags := aws.ToString(n.NetworkInterfaceId), instance.TagMap(n.TagSet)
		claim := v.owner().Claim(ownership.Resource{ID: id, Tags: tags})
		switch {
		case claim.Ours():
			continue
		case v.owner().HasOwnedTag(tags):
			return fmt.Errorf("spec.networkInterfaces: network interface %s belongs to %s; name one that was made for this machine", id, claim.Of)
		}
		if err := v.Infra.Lender(v.Living, v.snap).Interface(id, tags, aws.ToString(n.VpcId)); err != nil {
			return fmt.Errorf("spec.networkInterfaces: %w", err)
		}
	}
	return nil
}

// leave leaves alone what isn't the object's, and says so.
func (w *worker) leave(key, why string) {
	w.memory.removed[key] = true
	w.pass.Event(corev1.EventTypeWarning, "BootstrapDataLeft", why+"; it is left as it is")
}
