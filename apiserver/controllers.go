package apiserver

import (
	"context"
	"errors"
	"net"

	"github.com/capa-apiserver/capa-apiserver/reconcile/awscluster"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsfargateprofile"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmachine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmachinepool"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmachinetemplate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmanagedcluster"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmanagedcontrolplane"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmanagedmachinepool"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrapconfig"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
)

// addReconcilers makes AWS match the objects, in the leader.
func (b *background) addReconcilers(o *Options) error {
	if !o.Reconcile {
		return nil
	}
	events := b.manager.GetEventRecorderFor("capa-apiserver") //nolint:staticcheck // users look for core Events
	ours, host := b.ours.GetClient(), b.manager.GetClient()
	common := engine.Options{Client: ours, Host: host, Events: events, Sessions: b.sessions, Mirror: b.mirror, Living: b.living,
		WatchFilter: o.WatchFilter, Concurrency: o.Concurrency, IdentityPeriod: o.SweepPeriod}
	clusters := awscluster.New(awscluster.Options{Options: common, Resolver: resolver(o.DNSServer), Images: b.images})
	pools := awsmachinepool.New(awsmachinepool.Options{Options: common, Images: b.images, MachinePoolMachines: o.MachinePoolMachines})
	controlPlanes := awsmanagedcontrolplane.New(awsmanagedcontrolplane.Options{Options: common, Images: b.images, Facts: b.facts, MakeRoles: o.MakeRoles, RolePolicies: o.RolePolicies})
	managedPools := awsmanagedmachinepool.New(awsmanagedmachinepool.Options{Options: common, Images: b.images, MakeRoles: o.MakeRoles, RolePolicies: o.RolePolicies})
	profiles := awsfargateprofile.New(awsfargateprofile.Options{Options: common, MakeRoles: o.MakeRoles})
	common.Concurrency = o.MachineConcurrency
	machines := awsmachine.New(awsmachine.Options{Options: common, Images: b.images})
	templates := awsmachinetemplate.New(awsmachinetemplate.Options{
		Client: ours, Host: host, Sessions: b.sessions, Mirror: b.mirror, WatchFilter: o.WatchFilter,
	})
	configs := bootstrapconfig.Options{Client: ours, Host: host, Events: events, WatchFilter: o.WatchFilter, Concurrency: o.MachineConcurrency}
	if o.Events {
		if err := b.addEvents(o, clusters, machines); err != nil {
			return err
		}
	}
	return errors.Join(
		clusters.Setup(b.manager, b.ours.GetCache(), b.manager.GetCache()),
		machines.Setup(b.manager, b.ours.GetCache(), b.manager.GetCache()),
		pools.Setup(b.manager, b.ours.GetCache(), b.manager.GetCache()),
		controlPlanes.Setup(b.manager, b.ours.GetCache(), b.manager.GetCache()),
		managedPools.Setup(b.manager, b.ours.GetCache(), b.manager.GetCache()),
		profiles.Setup(b.manager, b.ours.GetCache(), b.manager.GetCache()),
		awsmanagedcluster.New(awsmanagedcluster.Options{Client: ours, Host: host, WatchFilter: o.WatchFilter}).Setup(b.manager, b.ours.GetCache(), b.manager.GetCache()),
		templates.Setup(b.manager, b.ours.GetCache()),
		bootstrapconfig.NewNodeadm(configs).Setup(b.manager, b.ours.GetCache(), b.manager.GetCache()),
		bootstrapconfig.NewEKS(configs).Setup(b.manager, b.ours.GetCache(), b.manager.GetCache()),
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
