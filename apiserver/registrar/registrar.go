package registrar

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsclient "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apiextensionsinformers "k8s.io/apiextensions-apiserver/pkg/client/informers/externalversions"
	apiextensionslisters "k8s.io/apiextensions-apiserver/pkg/client/listers/apiextensions/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	aggregatorclient "k8s.io/kube-aggregator/pkg/client/clientset_generated/clientset"
	aggregatorinformers "k8s.io/kube-aggregator/pkg/client/informers/externalversions"
	aggregatorlisters "k8s.io/kube-aggregator/pkg/client/listers/apiregistration/v1"
)

const (
	// defaultResync repairs what a missed event left behind, and repeats a
	// decision's ConfigMap line if someone removed it.
	defaultResync = 5 * time.Minute

	fieldManager = "capa-apiserver-registrar"
	theKey       = "host"
)

// Options of a Registrar. All clients are of the host cluster.
type Options struct {
	Mode      Mode
	Resources []Resource
	Service   ServiceLocation
	// CABundle gives the PEM authorities of the serving certificate. Nothing is
	// registered while it is empty. Call Enqueue when it changes.
	CABundle func() []byte
	// IsLeader tells whether this replica may write; nil means always. Call Enqueue when
	// it becomes true.
	IsLeader func() bool

	Kubernetes    kubernetes.Interface
	APIExtensions apiextensionsclient.Interface
	Aggregator    aggregatorclient.Interface
	// Recorder gets one Event per changed decision; nil means none.
	Recorder record.EventRecorder
	// Resync is how often everything is looked at anew; zero means 5 minutes.
	Resync time.Duration
}

// Registrar keeps the host's registrations in step with what Decide says.
type Registrar struct {
	opts Options

	crdInformer, apiServiceInformer cache.SharedIndexInformer

	crds        apiextensionslisters.CustomResourceDefinitionLister
	apiServices aggregatorlisters.APIServiceLister
	queue       workqueue.TypedRateLimitingInterface[string]

	mu         sync.Mutex
	notReady   error
	lastReport map[string]string
	reportedAt time.Time
}

// New checks the options; nothing is read or written before Start.
func New(opts Options) (*Registrar, error) {
	if _, err := ParseMode(string(opts.Mode)); err != nil {
		return nil, err
	}
	if err := opts.Service.validate(); err != nil {
		return nil, err
	}
	if opts.CABundle == nil || opts.Kubernetes == nil || opts.APIExtensions == nil || opts.Aggregator == nil {
		return nil, errors.New("registrar: CABundle, Kubernetes, APIExtensions and Aggregator are all needed")
	}
	if opts.IsLeader == nil {
		opts.IsLeader = func() bool { return true }
	}
	if opts.Resync == 0 {
		opts.Resync = defaultResync
	}
	registerMetrics()
	r := &Registrar{
		opts:     opts,
		notReady: errors.New("the host's CRDs and APIServices were not read yet"),
		queue:    workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[string](100*time.Millisecond, 30*time.Second)),
	}
	return r, r.informers()
}

func (r *Registrar) informers() error {
	crds := apiextensionsinformers.NewSharedInformerFactory(r.opts.APIExtensions, r.opts.Resync).Apiextensions().V1().CustomResourceDefinitions()
	apiServices := aggregatorinformers.NewSharedInformerFactory(r.opts.Aggregator, r.opts.Resync).Apiregistration().V1().APIServices()
	r.crdInformer, r.crds = crds.Informer(), crds.Lister()
	r.apiServiceInformer, r.apiServices = apiServices.Informer(), apiServices.Lister()
	if err := r.crdInformer.SetTransform(r.trim); err != nil {
		return err
	}
	for _, informer := range []cache.SharedIndexInformer{r.crdInformer, r.apiServiceInformer} {
		if _, err := informer.AddEventHandler(r.handler()); err != nil {
			return err
		}
	}
	return nil
}

func (r *Registrar) handler() cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { r.Enqueue() },
		UpdateFunc: func(any, any) { r.Enqueue() },
		DeleteFunc: func(any) { r.Enqueue() },
	}
}

// trim drops what decisions don't need: a provider's CRDs are megabytes of
// schema. Those of our own names are small and are compared whole.
func (r *Registrar) trim(obj any) (any, error) {
	crd, ok := obj.(*apiextensionsv1.CustomResourceDefinition)
	if !ok {
		return obj, nil
	}
	crd.ManagedFields = nil
	for _, res := range r.opts.Resources {
		if res.shadowName() == crd.Name {
			return crd, nil
		}
	}
	for i := range crd.Spec.Versions {
		crd.Spec.Versions[i].Schema = nil
	}
	return crd, nil
}

// Enqueue has everything looked at again, soon.
func (r *Registrar) Enqueue() { r.queue.Add(theKey) }

// Ready is nil once the host has every registration that this server wants. On
// a replica that is not the leader it only observes.
func (r *Registrar) Ready() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.notReady
}

// Start works until ctx ends. It removes nothing then: an outage must answer
// 503, which clients wait out, never 404, which they take for deletion.
func (r *Registrar) Start(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	defer r.queue.ShutDown()
	wg.Go(func() { r.crdInformer.RunWithContext(ctx) })
	wg.Go(func() { r.apiServiceInformer.RunWithContext(ctx) })
	if !cache.WaitForCacheSync(ctx.Done(), r.crdInformer.HasSynced, r.apiServiceInformer.HasSynced) {
		return nil
	}
	wg.Go(func() { <-ctx.Done(); r.queue.ShutDown() })
	r.Enqueue()
	for r.next(ctx) {
	}
	return nil
}

func (r *Registrar) next(ctx context.Context) bool {
	key, shutdown := r.queue.Get()
	if shutdown {
		return false
	}
	defer r.queue.Done(key)
	err := r.reconcile(ctx)
	if err == nil {
		r.queue.Forget(key)
		return true
	}
	if ctx.Err() == nil {
		klog.FromContext(ctx).Error(err, "Registering with the host failed, will be repeated")
		r.queue.AddRateLimited(key)
	}
	return true
}

// reconcile brings the host in step once. Shadow CRDs come first: Cluster API
// must be able to look a kind up as soon as it can be reached.
func (r *Registrar) reconcile(ctx context.Context) error {
	host, err := r.observe()
	if err != nil {
		return err
	}
	shadows := DecideShadows(r.opts.Resources, host)
	claims := Decide(r.opts.Mode, r.opts.Resources, r.opts.Service, host)
	recordClaims(claims)

	if r.opts.IsLeader() {
		err = errors.Join(
			r.ensureService(ctx),
			r.applyShadows(ctx, shadows, host),
			r.applyClaims(ctx, claims, host),
			r.report(ctx, shadows, claims),
		)
	}
	r.setReady(claims, host)
	return err
}

func (r *Registrar) observe() (HostState, error) {
	crds, err := r.crds.List(labels.Everything())
	if err != nil {
		return HostState{}, err
	}
	apiServices, err := r.apiServices.List(labels.Everything())
	return HostState{CRDs: crds, APIServices: apiServices}, err
}

// setReady judges what the informers have seen, so on the leader it turns ready
// on the event of its own write.
func (r *Registrar) setReady(claims []Decision, host HostState) {
	var missing []error
	for _, d := range claims {
		existing := findAPIService(host.APIServices, d.GroupVersion)
		switch {
		case d.Claimed && (existing == nil || isForeignOrLocal(existing, r.opts.Service)):
			missing = append(missing, fmt.Errorf("APIService %s is not registered yet", apiServiceName(d.GroupVersion)))
		case !d.Claimed && d.GroupVersion.Version != LegacyVersion:
			missing = append(missing, fmt.Errorf("APIService %s: %s", apiServiceName(d.GroupVersion), d.Message))
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notReady = errors.Join(missing...)
}

func isForeignOrLocal(a *apiregistrationv1.APIService, ours ServiceLocation) bool {
	return isLocal(a) || isForeign(a, ours)
}
