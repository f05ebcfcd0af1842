package awsmachine

import (
	"context"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
)

// Follow has the mirror look at instances whose objects another replica has given
// another state: it learned of that earlier. So the mirrors of all replicas are as
// quick as the one that receives AWS's events.
func Follow(ctx context.Context, m *mirror.Mirror, ours cache.Cache) error {
	informer, err := ours.GetInformer(ctx, &infrav1.AWSMachine{})
	if err != nil {
		return err
	}
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{UpdateFunc: func(before, after any) {
		was, okBefore := before.(*infrav1.AWSMachine)
		is, okAfter := after.(*infrav1.AWSMachine)
		if okBefore && okAfter && is.Status.InstanceState != nil &&
			(was.Status.InstanceState == nil || *was.Status.InstanceState != *is.Status.InstanceState) {
			followState(m, instance.RecordedID(&is.Spec), *is.Status.InstanceState)
		}
	}})
	return err
}

// followState hints at an instance that is known here in another state.
func followState(m *mirror.Mirror, id string, state infrav1.InstanceState) {
	shown := func(row any) bool {
		i := row.(*ec2types.Instance)
		return instance.State(i) == state || instance.State(i) == infrav1.InstanceStateTerminated
	}
	for _, scope := range m.Scopes() {
		if row, known := mirror.Get(m.Snapshot(scope), mirror.Instances, id); known && !shown(row) {
			m.Hint(scope, mirror.Hint{Kind: mirror.Instances.Kind, ID: id, Shown: shown})
		}
	}
}
