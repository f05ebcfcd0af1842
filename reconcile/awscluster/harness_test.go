package awscluster

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
)

const (
	testRegion = enginetest.Region
	testName   = enginetest.ClusterName
)

// world is AWS and a management cluster, with the reconciler between them.
type world struct {
	*enginetest.World
	reconciler *Reconciler
	dns        resolverFunc
	// writes is asked before each write to the store; what it returns is the write's
	// failure. Nil lets all pass.
	writes func() error
	// namespace of the object; "" means default.
	namespace string
}

type resolverFunc func(host string) error

func (f resolverFunc) LookupHost(_ context.Context, host string) ([]string, error) {
	return []string{"192.0.2.1"}, f(host)
}

func newWorld(t testing.TB, cluster *infrav1.AWSCluster) *world {
	t.Helper()
	w := &world{World: enginetest.New(t, enginetest.WorldTime, enginetest.Owner(cluster), cluster), dns: func(string) error { return nil }}
	w.attach()
	return w
}

// with returns a world of the same AWS with a process of its own on a management cluster.
func (w *world) with(kube client.WithWatch) *world {
	o := &world{World: w.With(kube), dns: w.dns}
	o.attach()
	return o
}

// attach gives the process its reconciler.
func (w *world) attach() {
	w.Ending = func() error {
		if w.writes != nil {
			return w.writes()
		}
		return nil
	}
	w.reconciler = New(Options{Options: w.Options(w.Process), Resolver: resolverFunc(func(host string) error { return w.dns(host) })})
}

func (w *world) boot() {
	w.Boot()
	w.attach()
}

// restart drops everything that was in memory.
func (w *world) restart() {
	w.Stop()
	w.boot()
}

// add puts a further cluster into the world's management cluster.
func (w *world) add(cluster *infrav1.AWSCluster) {
	w.T.Helper()
	w.Must(w.Kube.Create(w.T.Context(), enginetest.Owner(cluster)))
	w.Must(w.Kube.Create(w.T.Context(), cluster))
}

// newCluster returns an AWSCluster as core's Cluster controller leaves it, with an NLB.
func newCluster(change ...func(*infrav1.AWSCluster)) *infrav1.AWSCluster {
	https := infrav1.ELBProtocolHTTPS
	return enginetest.Cluster(append([]func(*infrav1.AWSCluster){func(c *infrav1.AWSCluster) {
		c.Spec.ControlPlaneLoadBalancer = &infrav1.AWSLoadBalancerSpec{LoadBalancerType: infrav1.LoadBalancerTypeNLB, HealthCheckProtocol: &https}
	}}, change...)...)
}

func (w *world) name() string { return cmp.Or(w.namespace, "default") + "/" + testName }

func (w *world) key() client.ObjectKey { return enginetest.Key(w.name()) }

func (w *world) get() *infrav1.AWSCluster {
	w.T.Helper()
	return enginetest.Get(w.World, &infrav1.AWSCluster{}, w.name())
}

func (w *world) gone() bool { return w.Gone(&infrav1.AWSCluster{}, w.name()) }

func (w *world) reconcile() (ctrl.Result, error) { return enginetest.Reconcile(w.reconciler, w.name()) }

// observed tells whether the mirror has seen everything.
func (w *world) observed() bool {
	return slices.ContainsFunc(w.Mirror.Scopes(), func(scope cloud.Scope) bool { return w.Mirror.Snapshot(scope).Seen(allKinds()...) })
}

// kindsOf are the tables of a cluster.
func kindsOf(c *infrav1.AWSCluster) []mirror.Kind {
	in := NewIntent(c, nil)
	f := in.foundation()
	return f.Kinds()
}

func allKinds() []mirror.Kind {
	var kinds []mirror.Kind
	for _, k := range append(append(kindsOf(newCluster()), mirror.EgressOnlyInternetGateways.Kind), mirror.ClassicLoadBalancers.Kind, mirror.LoadBalancers.Kind, mirror.TargetGroups.Kind, mirror.VPCEndpoints.Kind, mirror.Instances.Kind) {
		if !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// settle reconciles until done says so; it fails the test when that takes too long.
func (w *world) settle(done func() bool) {
	w.T.Helper()
	w.Settle(func() reconcile.Reconciler { return w.reconciler }, w.name(), &infrav1.AWSCluster{}, done)
}

func (w *world) describe() string { return w.Describe(&infrav1.AWSCluster{}, w.name()) }

// isReady tells whether the object says that everything is as wanted.
func (w *world) isReady() bool {
	return meta.IsStatusConditionTrue(w.get().Status.Conditions, infrav1.ReadyCondition)
}

// create brings the cluster up.
func (w *world) create() {
	w.T.Helper()
	w.settle(w.isReady)
}

// delete deletes the object and waits until it is gone.
func (w *world) delete() {
	w.T.Helper()
	w.Must(w.Kube.Delete(context.Background(), w.get()))
	w.settle(w.gone)
}

// calls returns how often mutations and reads were made.
func (w *world) calls() (mutations, reads int) {
	for op, n := range w.AWS.Counts() {
		_, name, _ := strings.Cut(op, ".")
		if strings.HasPrefix(name, "Describe") || strings.HasPrefix(name, "Get") {
			reads += n
		} else {
			mutations += n
		}
	}
	return mutations, reads
}

func (w *world) plan() []string {
	in := NewIntent(w.get(), nil)
	var lines []string
	for _, scope := range w.Mirror.Scopes() {
		p := Plan(in, w.Mirror.Snapshot(scope))
		for _, a := range p.Actions {
			lines = append(lines, a.Summary)
		}
		for _, x := range p.Waits {
			lines = append(lines, "wait for "+x.Summary)
		}
		for _, x := range p.Problems {
			lines = append(lines, x.Summary)
		}
	}
	slices.Sort(lines)
	return lines
}

// settleReads lets time go by, without reconciling, until the mirror shows what done
// looks for.
func (w *world) settleReads(done func() bool) {
	w.T.Helper()
	for range 200 {
		if done() {
			return
		}
		w.Pass(3 * time.Second)
		time.Sleep(2 * time.Millisecond) // details are read in the background
	}
	w.T.Fatalf("the mirror never showed it\n%s", w.describe())
}

// observer shows the objects as the process sees AWS.
func observer(w *world) *engine.Observer[*infrav1.AWSCluster] {
	return enginetest.Observer(w.World, Kind())
}
