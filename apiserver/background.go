package apiserver

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apiextensionsclient "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	genericregistry "k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	aggregatorclient "k8s.io/kube-aggregator/pkg/client/clientset_generated/clientset"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/cluster"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/capa-apiserver/capa-apiserver/apiserver/registrar"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/facts"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

const (
	// loopbackQPS is far above what reconciling needs: the server is its own client.
	loopbackQPS = 1000
	// stopTime is how long the controllers may take to end; whatever they leave is
	// found again at the next start.
	stopTime = 5 * time.Second
	// crdPatience lets the server be installed before Cluster API.
	crdPatience = 24 * time.Hour
)

// background is all that runs beside the serving: the mirror in every replica,
// and the registrar and controllers in the leader.
type background struct {
	// manager runs what acts on AWS and the host: it ends as soon as the process is told
	// to, so that another replica takes over.
	manager ctrl.Manager
	// serving is what answers need: it runs until the last one is given.
	serving []func(context.Context) error
	// ours is the connection to the kinds that this process serves itself, and host that
	// to the rest.
	ours, host cluster.Cluster
	// stored is what the cache of ours reads from.
	stored stored
	// start is what requests wait for.
	start *start
	// listed tells that the kinds were listed from the storage once.
	listed   atomic.Bool
	sessions *cloud.Sessions
	mirror   *mirror.Mirror
	// living are the objects of ours that own AWS resources.
	living  ownership.Living
	regions *regions
	// markers remembers what is done once for all.
	markers *markers
	// images and facts are shared by all who ask, so that each thing is asked once.
	images *cloud.Images
	facts  *facts.Facts
}

// newBackground wires the parts. Nothing runs until run.
func newBackground(extra *Extra, loopback *rest.Config, storage genericregistry.RESTOptionsGetter) (*background, error) {
	o := extra.options
	ctrl.SetLogger(klog.NewKlogr())
	scheme := clientScheme(o.Table)
	notCached := client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}}
	host, err := cluster.New(extra.host, func(co *cluster.Options) { co.Scheme, co.Client = scheme, notCached })
	if err != nil {
		return nil, err
	}
	options := manager.Options{
		Scheme:                  scheme,
		Metrics:                 metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress:  "0",
		GracefulShutdownTimeout: new(stopTime),
		Controller:              config.Controller{CacheSyncTimeout: crdPatience, SkipNameValidation: new(true)},
		Client:                  notCached,
		EventBroadcaster:        newBroadcaster(), //nolint:staticcheck // users look for core Events
		NewCache:                func(*rest.Config, cache.Options) (cache.Cache, error) { return lasting{host.GetCache()}, nil },
	}
	lease, err := newLease(extra, endProcess)
	if err != nil {
		return nil, err
	}
	if lease != nil {
		lease.elect(&options)
		extra.start.expect("store", lease.ready)
	}
	acting, err := ctrl.NewManager(extra.host, options)
	if err != nil {
		return nil, err
	}
	self := rest.CopyConfig(loopback)
	self.QPS, self.Burst = loopbackQPS, loopbackQPS
	self.ContentType = runtime.ContentTypeJSON
	own := stored{}
	ours, err := cluster.New(self, func(co *cluster.Options) {
		co.Scheme, co.Cache.NewInformer = scheme, own.newInformer
		co.MapperProvider = func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return o.Table.mapper(), nil }
	})
	if err != nil {
		return nil, err
	}
	b := &background{manager: acting, ours: ours, stored: own, host: host, start: extra.start}
	if b.markers, err = newMarkers(storage); err != nil {
		return nil, err
	}
	if err := ownership.IndexFields(context.Background(), ours.GetFieldIndexer()); err != nil {
		return nil, err
	}
	living := ownership.NewIndex(ours.GetClient(), host.GetClient())
	if err := living.Follow(context.Background(), ours.GetCache()); err != nil {
		return nil, err
	}
	b.living = living
	secrets, err := newIdentitySecrets(extra.host, scheme, o.Namespace, host.GetAPIReader())
	if err != nil {
		return nil, err
	}
	b.serve(secrets.watched.Start)
	b.sessions = cloud.NewSessions(cloud.Options{
		Identities: ours.GetClient(), Host: host.GetClient(), Secrets: secrets, ControllerNamespace: o.Namespace,
	})
	b.mirror = mirror.New(mirror.Options{
		Tables: slices.Concat(mirror.NetworkTables, mirror.MachineTables, mirror.PoolTables, mirror.EKSTables), Rest: o.SweepPeriod, CreationGrace: o.CreationGrace,
		Periods: map[mirror.Kind]time.Duration{mirror.Instances.Kind: o.InstanceSweepPeriod, mirror.AutoScalingGroups.Kind: o.InstanceSweepPeriod,
			mirror.EKSClusters.Kind: o.EKSSweepPeriod, mirror.EKSAddons.Kind: o.EKSSweepPeriod},
	})
	b.regions = newRegions(b.mirror, b.sessions)
	b.images = cloud.NewImages(nil)
	b.facts = facts.New(b.mirror, b.images, nil)
	if err := b.addAll(extra); err != nil {
		return nil, err
	}
	return b, nil
}

// parts are what live reads and subresources are made from.
func (b *background) parts(o *Options) Parts {
	return Parts{
		Promise: Promise{o.MaxAge, o.ReadDeadline}, Sessions: b.sessions, Mirror: b.mirror, Living: b.living, MakeRoles: o.MakeRoles, RolePolicies: o.RolePolicies,
		Ours: b.ours.GetCache(), Host: b.manager.GetCache(),
	}
}

// clientScheme has the hub of each group of ours beside the kinds of others.
func clientScheme(t *Table) *runtime.Scheme {
	scheme := runtime.NewScheme()
	adds := []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, clusterv1.AddToScheme}
	for _, g := range t.Groups() {
		adds = append(adds, g.Hub.AddToScheme)
	}
	for _, add := range adds {
		if err := add(scheme); err != nil {
			panic(err) // the schemes are part of the program
		}
	}
	return scheme
}

// addAll gives the manager everything to run.
func (b *background) addAll(extra *Extra) error {
	o := extra.options
	b.serve(b.host.Start, b.ours.Start, b.regions.run, func(ctx context.Context) error { b.mirror.Run(ctx); return nil })
	b.start.expect("first-listing", func() error {
		if !b.listed.Load() {
			return errors.New("the kinds were not listed from the storage yet")
		}
		return nil
	})
	return errors.Join(
		b.addRegistrar(extra),
		b.addKept(extra),
		b.manager.Add(leader(b.ensureDefaultIdentity)),
		b.addReconcilers(o),
		b.addWebhooks(extra),
	)
}

// serve adds parts that answers need.
func (b *background) serve(parts ...func(context.Context) error) {
	b.serving = append(b.serving, parts...)
}

// run works until both contexts end: acting ends first, while requests are still
// answered.
func (b *background) run(acting, serving context.Context) error {
	group, serving := errgroup.WithContext(serving)
	acting, stop := context.WithCancel(acting)
	defer context.AfterFunc(serving, stop)()
	for _, part := range b.serving {
		group.Go(func() error { return part(serving) })
	}
	group.Go(func() error {
		if !b.ours.GetCache().WaitForCacheSync(acting) {
			return nil
		}
		b.listed.Store(true)
		err := b.manager.Start(acting)
		if acting.Err() == nil {
			return err
		}
		if err != nil { // what doesn't end in time is no reason to fail requests
			klog.FromContext(acting).Error(err, "Not all controllers ended")
		}
		return nil
	})
	return group.Wait()
}

// lasting is a cache that doesn't end with the manager that uses it.
type lasting struct{ cache.Cache }

// Start leaves starting it to others.
func (lasting) Start(ctx context.Context) error { <-ctx.Done(); return nil }

// everywhere is work for every replica, leader for one of them.
type (
	everywhere func(context.Context) error
	leader     func(context.Context) error
)

// Start does the work.
func (f everywhere) Start(ctx context.Context) error { return f(ctx) }

// NeedLeaderElection says that every replica does the work.
func (f everywhere) NeedLeaderElection() bool { return false }

// Start does the work.
func (f leader) Start(ctx context.Context) error { return f(ctx) }

// NeedLeaderElection says that one replica does the work.
func (f leader) NeedLeaderElection() bool { return true }

// addKept has the host's way to a server that runs in its cluster survive upgrades by clusterctl.
func (b *background) addKept(extra *Extra) error {
	if extra.options.ServiceExternalName != "" {
		return nil
	}
	client, err := metadata.NewForConfig(extra.host)
	if err != nil {
		return err
	}
	return b.manager.Add(leader(kept{client, extra.options.Namespace}.run))
}

// addRegistrar keeps the host's registrations of this server.
func (b *background) addRegistrar(extra *Extra) error {
	o := extra.options
	kube, err := kubernetes.NewForConfig(extra.host)
	if err != nil {
		return err
	}
	crds, err := apiextensionsclient.NewForConfig(extra.host)
	if err != nil {
		return err
	}
	apiServices, err := aggregatorclient.NewForConfig(extra.host)
	if err != nil {
		return err
	}
	var leading atomic.Bool
	r, err := registrar.New(registrar.Options{
		Mode:      registrar.Mode(o.Claim),
		Resources: o.Table.resources(),
		Service: registrar.ServiceLocation{
			Namespace: o.Namespace, Name: o.ServiceName, Port: o.ServicePort, ExternalName: o.ServiceExternalName,
		},
		CABundle:   extra.certs.CABundle,
		IsLeader:   leading.Load,
		Kubernetes: kube, APIExtensions: crds, Aggregator: apiServices,
		Recorder: b.manager.GetEventRecorderFor("capa-apiserver-registrar"), //nolint:staticcheck // the registrar records core Events
	})
	if err != nil {
		return err
	}
	extra.certs.OnChange(func([]byte) { r.Enqueue() })
	b.start.expect("registrar", r.Ready)
	lead := func(context.Context) error {
		leading.Store(true)
		r.Enqueue()
		return nil
	}
	return errors.Join(b.manager.Add(everywhere(r.Start)), b.manager.Add(leader(lead)))
}
