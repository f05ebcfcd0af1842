package apiserver

import (
	"context"
	"errors"
	"net"

	"k8s.io/apimachinery/pkg/runtime/schema"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awscluster"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmachine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmachinepool"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmachinetemplate"
)

// addReconcilers makes AWS match the objects, in the leader.
func (b *background) addReconcilers(o *Options) error {
	if !o.Reconcile {
		return nil
	}
	events := b.manager.GetEventRecorderFor("capa-apiserver") //nolint:staticcheck // users look for core Events
	ours, host := b.ours.GetClient(), b.manager.GetClient()
	clusters := awscluster.New(awscluster.Options{
		Client: ours, Host: host, Events: events, Sessions: b.sessions, Mirror: b.mirror, Living: b.living, Resolver: resolver(o.DNSServer),
		WatchFilter: o.WatchFilter, Concurrency: o.Concurrency, IdentityPeriod: o.SweepPeriod,
	})
	machines := awsmachine.New(awsmachine.Options{
		Client: ours, Host: host, Events: events, Sessions: b.sessions, Mirror: b.mirror, Living: b.living, Images: b.images,
		WatchFilter: o.WatchFilter, Concurrency: o.MachineConcurrency,
	})
	pools := awsmachinepool.New(awsmachinepool.Options{
		Client: ours, Host: host, Events: events, Sessions: b.sessions, Mirror: b.mirror, Living: b.living, Images: b.images,
		WatchFilter: o.WatchFilter, Concurrency: o.Concurrency, MachinePoolMachines: o.MachinePoolMachines,
	})
	templates := awsmachinetemplate.New(awsmachinetemplate.Options{
		Client: ours, Host: host, Sessions: b.sessions, Mirror: b.mirror, WatchFilter: o.WatchFilter,
	})
	if o.Events {
		if err := b.addEvents(o, clusters, machines); err != nil {
			return err
		}
	}
	return errors.Join(
		clusters.Setup(b.manager, b.ours.GetCache(), b.manager.GetCache()),
		machines.Setup(b.manager, b.ours.GetCache(), b.manager.GetCache()),
		pools.Setup(b.manager, b.ours.GetCache(), b.manager.GetCache()),
		templates.Setup(b.manager, b.ours.GetCache()),
	)
}

// resolver asks one DNS server, or the system's when there is none.
func resolver(server string) *net.Resolver {
	if server == "" {
		return net.DefaultResolver
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server)
	}}
}

// owners finds Clusters in the manager's cache.
type owners struct{ reader client.Reader }

var _ awscluster.Owners = owners{}

// Owner returns the Cluster that the object's owner reference names, or nil.
func (o owners) Owner(ctx context.Context, obj *infrav1.AWSCluster) *clusterv1.Cluster {
	for _, ref := range obj.OwnerReferences {
		group, err := schema.ParseGroupVersion(ref.APIVersion)
		if err != nil || ref.Kind != clusterv1.ClusterKind || group.Group != clusterv1.GroupVersion.Group {
			continue
		}
		owner := &clusterv1.Cluster{}
		if o.reader.Get(ctx, client.ObjectKey{Namespace: obj.Namespace, Name: ref.Name}, owner) != nil {
			return nil
		}
		return owner
	}
	return nil
}
