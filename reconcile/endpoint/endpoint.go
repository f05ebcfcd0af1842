// Package endpoint is what happens at the endpoint of an EKS cluster: the Secrets that lead to it
// (reconcile/kubeconfig), and what is written into the cluster (reconcile/workload). It knows no kind.
package endpoint

import (
	"context"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/kubeconfig"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
	"github.com/capa-apiserver/capa-apiserver/reconcile/workload"
)

// Intent is what is wanted of one cluster. Both are about the same target.
type Intent struct {
	Kubeconfig kubeconfig.Intent
	Workload   workload.Intent
}

// Facts are what was seen of it. They never change.
type Facts struct {
	Secrets kubeconfig.State
	Cluster *workload.Facts
}

// Initialized tells that Cluster API finds a kubeconfig that leads to the cluster.
func (f Facts) Initialized(in *Intent) bool {
	return in.Kubeconfig.Target.Known() && f.Secrets.Ready(in.Kubeconfig.Target)
}

// Looked tells that all was looked at, since the cluster is known.
func (f Facts) Looked(in *Intent) bool { return f.Secrets.Looked && f.Cluster.Looked(&in.Workload) }

// Plan says what is left to do.
func (in *Intent) Plan(f Facts) plan.Plan {
	p := in.Kubeconfig.Plan(f.Secrets, f.Cluster.AccessReady())
	p.Join(in.Workload.Plan(f.Cluster))
	return p
}

// Endpoints are those of all clusters, as this process knows them.
type Endpoints struct {
	secrets  *kubeconfig.Secrets
	clusters *workload.Clusters
}

// New knows none yet. The host's client reads Secrets without a cache. The clock and the connections are
// real ones if nil.
func New(host client.Client, c clock.PassiveClock, connect func(*rest.Config) (workload.Clients, error)) *Endpoints {
	clusters := workload.NewClusters(c, connect)
	return &Endpoints{secrets: kubeconfig.NewSecrets(host, clusters, c), clusters: clusters}
}

// Handlers carry out what is planned; without endpoints there are none.
func (e *Endpoints) Handlers() []plan.Handler {
	if e == nil {
		return nil
	}
	return append(workload.Handlers(e.clusters), kubeconfig.Handlers(e.secrets)...)
}

// Is tells the actions that are for a cluster's endpoint from those that are for AWS.
func Is(a plan.Action) bool {
	switch a.Input.(type) {
	case *kubeconfig.Write, *workload.Put, *workload.Remove:
		return true
	}
	return false
}

// Facts are what is known now; the session is nil where there is none.
func (e *Endpoints) Facts(s *cloud.Session, in *Intent) Facts {
	return Facts{Secrets: e.secrets.State(&in.Kubeconfig), Cluster: e.clusters.Facts(s, in.Workload.Target)}
}

// Look looks at the Secrets and into the cluster, as far as that is due, and says when something is to
// be done next; zero if nothing will be. That the cluster doesn't answer is no error, but among the facts.
func (e *Endpoints) Look(ctx context.Context, s *cloud.Session, in *Intent) (again time.Duration, err error) {
	if !in.Kubeconfig.Target.Known() {
		return 0, nil
	}
	renew, err := e.secrets.Look(ctx, &in.Kubeconfig)
	if err != nil {
		return 0, err
	}
	look, err := e.clusters.Look(ctx, s, &in.Workload)
	if err != nil {
		return 0, err
	}
	return earlier(renew, look), nil
}

// Again says after what was done when something is to be done next.
func (e *Endpoints) Again(s *cloud.Session, in *Intent) time.Duration {
	if !in.Kubeconfig.Target.Known() {
		return 0
	}
	return earlier(e.secrets.Again(&in.Kubeconfig), e.clusters.Again(s, &in.Workload))
}

// earlier is the shorter of two times of which zero is never.
func earlier(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// Forget forgets a cluster that is gone.
func (e *Endpoints) Forget(s *cloud.Session, in *Intent) {
	e.secrets.Forget(&in.Kubeconfig)
	e.clusters.Forget(s, in.Workload.Target)
}
