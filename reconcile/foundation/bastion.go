package foundation

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bastion"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
)

func (in *Intent) bastion(n *network.State) bastion.Intent {
	b := bastion.Intent{Owner: in.Owner, Region: in.Owner.Region, Partition: in.Partition, Spec: in.BastionSpec,
		SSHKeyName: in.SSHKeyName, VPCID: n.VPCID(), GroupID: n.GroupID(infrav1.SecurityGroupBastion),
		ImageID: in.BastionImage, Started: in.Started, Claim: n.Claim}
	if in.BastionStatus != nil {
		b.Recorded = in.BastionStatus.ID
	}
	for _, s := range n.Subnets {
		if s.Spec.IsPublic && !s.Edge() {
			b.SubnetID = s.ID()
			break
		}
	}
	return b
}

// hasBastion tells whether there has to be a bastion, or may still be one.
func (in *Intent) hasBastion() bool {
	return in.BastionSpec.Enabled || in.BastionStatus != nil
}

// bastionKinds are the tables that tell of the bastion. On deletion they are always
// looked at: a process that ended may not have told of the one that it launched.
func (in *Intent) bastionKinds() []mirror.Kind {
	if in.hasBastion() || in.Deleting() {
		return []mirror.Kind{mirror.Instances.Kind}
	}
	return nil
}

// lookBastion holds the looks for the bastion's image that failed.
const lookBastion = engine.LookPrefix + "bastion"

// findBastionImage looks the image up that a bastion is to be launched from.
func (w *Worker[T]) findBastionImage(ctx context.Context) {
	query, needed := w.state().Bastion.Image()
	w.look(lookBastion, needed && !w.pass.Deleting(), func() {
		image, err := w.images.Find(ctx, w.pass.Session, query)
		if err != nil {
			w.pass.LookFailed(lookBastion, bastion.Area, fmt.Errorf("%w; set spec.bastion.ami, if the region has no such image", err))
			return
		}
		w.pass.Memory.Holds.Release(lookBastion)
		w.bastionImage = aws.ToString(image.ImageId)
	})
}

// look looks at something that no table holds, if that is needed and no failure holds it.
func (w *Worker[T]) look(key string, needed bool, look func()) {
	holds := &w.pass.Memory.Holds
	switch {
	case !needed:
		holds.Release(key)
	case !holds.Held(key, w.pass.Clock.Now()):
		look()
	}
}
