package awscluster

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
	b := bastion.Intent{Owner: in.owner(), Region: in.Cluster.Spec.Region, Partition: in.Partition, Spec: in.Cluster.Spec.Bastion,
		SSHKeyName: in.Cluster.Spec.SSHKeyName, VPCID: n.VPCID(), GroupID: n.GroupID(infrav1.SecurityGroupBastion),
		ImageID: in.BastionImage, Started: in.Started, Claim: n.Claim}
	if recorded := in.Cluster.Status.Bastion; recorded != nil {
		b.Recorded = recorded.ID
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
	return in.Cluster.Spec.Bastion.Enabled || in.Cluster.Status.Bastion != nil
}

// bastionKinds are the tables that tell of the bastion. On deletion they are always
// looked at: a process that ended may not have told of the one that it launched.
func (in *Intent) bastionKinds() []mirror.Kind {
	if in.hasBastion() || !in.Cluster.DeletionTimestamp.IsZero() {
		return []mirror.Kind{mirror.Instances.Kind}
	}
	return nil
}

// lookBastion holds the looks for the bastion's image that failed.
const lookBastion = engine.LookPrefix + "bastion"

// findBastionImage looks the image up that a bastion is to be launched from.
func (w *worker) findBastionImage(ctx context.Context) {
	query, needed := w.view().bastion.Image()
	holds := &w.pass.Memory.Holds
	if !needed || w.pass.Deleting() {
		holds.Release(lookBastion)
		return
	}
	if holds.Held(lookBastion, w.pass.Clock.Now()) {
		return
	}
	image, err := w.Images.Find(ctx, w.pass.Session, query)
	if err != nil {
		w.pass.LookFailed(lookBastion, bastion.Area, fmt.Errorf("%w; set spec.bastion.ami, if the region has no such image", err))
		return
	}
	holds.Release(lookBastion)
	w.bastionImage = aws.ToString(image.ImageId)
}
