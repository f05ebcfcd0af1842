package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
)

// newReplicas starts servers over the suite's etcd behind what stands for their Service,
// one for each watch filter, which may be empty.
func newReplicas(t *testing.T, filters ...string) []*world {
	t.Helper()
	etcd := suite.local
	first := newStoppedWorld(t, "--etcd-servers="+etcd.EtcdServer, "--etcd-cafile="+etcd.EtcdCA,
		"--etcd-certfile="+etcd.EtcdClientCert, "--etcd-keyfile="+etcd.EtcdClientKey, "--leader-elect")
	replicas := []*world{first}
	for range filters[1:] {
		next := *first
		next.port, next.webhook, next.dataDir = freePort(t), freePort(t), t.TempDir()
		replicas = append(replicas, &next)
	}
	service := newBalancer(t, readyPorts(replicas, func(w *world) int { return w.port }))
	webhooks := newBalancer(t, readyPorts(replicas, func(w *world) int { return w.webhook }))
	for i, r := range replicas {
		r.flags = append(slices.Clone(r.flags), "--watch-filter="+filters[i], fmt.Sprintf("--service-port=%d", service.port),
			fmt.Sprintf("--webhook-url=https://127.0.0.1:%d", webhooks.port), "--shutdown-delay-duration=2s")
		r.services = []*balancer{service, webhooks}
		r.key = ownKey + strings.ToUpper(filters[i])
		enginetest.Admit(r.aws, r.key)
		r.launch()
		t.Cleanup(r.stopServer)
	}
	first.waitServed()
	for _, r := range replicas {
		r.waitReadyz()
	}
	return replicas
}

// waitReadyz waits until the replica is ready and its Services know: no rollout ends another one before.
func (w *world) waitReadyz() {
	w.t.Helper()
	w.eventually("the replica is ready", func(context.Context) error {
		for _, service := range w.services {
			if !service.sends(w.port, w.webhook) {
				return errors.New("a Service doesn't send there yet")
			}
		}
		return w.ready()
	})
}

// readers read all the time, each on connections of its own, and count how the server
// answered, before and after the client asked again.
type readers struct {
	mu       sync.Mutex
	answers  map[int]int
	failures []error
	reads    atomic.Int64
	stop     func()
}

// RoundTrip counts.
func (r *readers) record(code int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers[code]++
}

type counting struct {
	http.RoundTripper
	readers *readers
}

// RoundTrip counts what is answered.
func (c counting) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := c.RoundTripper.RoundTrip(request)
	if err == nil {
		c.readers.record(answer.StatusCode)
	}
	return answer, err
}

// read has some read all the time, with a pause after each read: without, they would take both processors, from the
// replicas that come and go too.
func (w *world) read(count int) *readers {
	const pause = 40 * time.Millisecond
	w.t.Helper()
	r := &readers{answers: map[int]int{}}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for range count {
		config := rest.CopyConfig(w.config)
		config.QPS = -1
		config.Wrap(func(next http.RoundTripper) http.RoundTripper { return counting{next, r} })
		reader, err := client.New(config, client.Options{Scheme: w.client.Scheme()})
		must(w.t, err)
		group.Go(func() {
			for ctx.Err() == nil {
				list := &infrav1.AWSClusterList{}
				err := reader.List(ctx, list, &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: "0"}})
				if err == nil {
					err = reader.List(ctx, list, client.Limit(10))
				}
				r.reads.Add(1)
				if err != nil && ctx.Err() == nil {
					r.mu.Lock()
					r.failures = append(r.failures, fmt.Errorf("at %s: %w", time.Now().Format(time.TimeOnly), err))
					r.mu.Unlock()
				}
				time.Sleep(pause)
			}
		})
	}
	r.stop = func() { cancel(); group.Wait() }
	w.t.Cleanup(r.stop)
	return r
}

// refusals are answers that clients wait out, or give up at.
func (r *readers) refusals() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	count := r.answers[http.StatusTooManyRequests]
	for code, n := range r.answers {
		if code >= http.StatusInternalServerError {
			count += n
		}
	}
	return count
}

// holder is who acts, and said so last at the time.
func (w *world) holder() (string, time.Time) {
	lease := &coordinationv1.Lease{}
	if w.client.Get(context.Background(), client.ObjectKey{Namespace: "capa-system", Name: "capa-apiserver"}, lease) != nil || lease.Spec.HolderIdentity == nil || lease.Spec.RenewTime == nil {
		return "", time.Time{}
	}
	return *lease.Spec.HolderIdentity, lease.Spec.RenewTime.Time
}

// terminate ends the server politely, and tells how long it answered on.
func (w *world) terminate() time.Duration {
	w.t.Helper()
	began := time.Now()
	must(w.t, w.process.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-w.ended:
		if err != nil {
			w.t.Errorf("ended with %v\n%s", err, w.serverLog(20))
		}
	case <-time.After(30 * time.Second):
		w.t.Fatalf("doesn't end after SIGTERM\n%s", w.serverLog(40))
	}
	w.process = nil
	return time.Since(began)
}

// A rolling restart, as an update makes one: nobody who reads notices, and somebody acts
// all the time.
func TestRollingRestartsFailNoReads(t *testing.T) {
	replicas := newReplicas(t, "", "", "")
	w := replicas[0]
	ns := w.namespace()
	w.apply(ns, quickStart("rolled"))
	w.waitReady(ns, "rolled")
	reading := w.read(4)
	for range 2 {
		for _, r := range replicas {
			before, _ := w.holder()
			handover := time.Now()
			gone := make(chan time.Duration)
			go func() { gone <- r.terminate() }()
			w.eventually("/readyz says that the replica ends", func(context.Context) error {
				if r.ready() == nil {
					return errors.New("still ready")
				}
				return nil
			})
			if took := <-gone; took < 2*time.Second {
				t.Errorf("the replica was gone after %s; want it to answer for 2 s", took)
			}
			ended := time.Now()
			w.eventually("somebody acts", func(context.Context) error {
				if who, _ := w.holder(); who == "" {
					return errors.New("nobody holds the lease")
				}
				return nil
			})
			if after, _ := w.holder(); after != before {
				t.Logf("another acts at most %s after SIGTERM", time.Since(handover).Round(100*time.Millisecond))
			}
			if took := time.Since(handover); took > 10*time.Second {
				t.Errorf("nobody acted for up to %s", took)
			}
			w.eventually("who acts lives", func(context.Context) error {
				if who, said := w.holder(); said.Before(ended) {
					return fmt.Errorf("%q said so last %s before", who, ended.Sub(said))
				}
				return nil
			})
			r.launch()
			r.waitReadyz()
		}
	}
	reading.stop()
	t.Logf("%d reads, answered %v", reading.reads.Load(), maps.Collect(maps.All(reading.answers)))
	for _, err := range reading.failures {
		t.Error(err)
	}
	if n := reading.refusals(); n > 0 {
		t.Errorf("%d answers were to be waited out", n)
	}
	w.deleteCluster(ns, "rolled")
}

// A replica that starts doesn't know its callers for a moment; it must not say that they
// may not read.
func TestEndedReplicasForbidNothing(t *testing.T) {
	replicas := newReplicas(t, "", "")
	w := replicas[0]
	reading := w.read(8)
	for i := range 20 {
		if r := replicas[i/2%2]; i%2 == 0 {
			r.terminate()
			r.launch()
			r.waitReadyz()
		} else {
			r.kill()
			r.launch()
			r.waitReadyz()
		}
	}
	reading.stop()
	t.Logf("%d reads, answered %v", reading.reads.Load(), reading.answers)
	if n := reading.answers[http.StatusForbidden]; n > 0 {
		t.Errorf("%d of %d answers were 403", n, reading.reads.Load())
	}
}
