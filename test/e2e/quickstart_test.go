package e2e

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestQuickStart takes one cluster through its life: applied as published,
// built, seen by Cluster API, applied again, shown, and deleted.
func TestQuickStart(t *testing.T) {
	w := newWorld(t)
	ns, name := w.namespace(), "quick"
	manifest := quickStart(name)
	if published, ok := corpusTemplate(t, name); ok {
		manifest = published
	}
	w.apply(ns, manifest)
	ready := w.waitReady(ns, name)

	t.Run("Cluster API copies what it needs", func(t *testing.T) { w.checkCore(ns, name) })
	t.Run("both versions read back", func(t *testing.T) { w.checkVersions(ns, name) })
	t.Run("the table shows it", func(t *testing.T) {
		table := w.kubectl("get", "awsc", "-n", ns)
		for _, want := range []string{"READY", "VPC", "ENDPOINT", "OBSERVED", "true", ready.Spec.Network.VPC.ID, ready.Spec.ControlPlaneEndpoint.Host} {
			if !strings.Contains(table, want) {
				t.Errorf("kubectl get awsc doesn't show %q:\n%s", want, table)
			}
		}
	})
	t.Run("what was served, and what controllers and clients did, is measured", func(t *testing.T) {
		metrics, err := w.ownMetrics()
		must(t, err)
		if !regexp.MustCompile(`(?m)^aws_mirror_served_age_seconds_count [1-9]`).MatchString(metrics) {
			t.Error("/metrics counts no answer in aws_mirror_served_age_seconds")
		}
		for _, want := range []string{`controller_runtime_reconcile_total\{.*controller="awscluster"`, `workqueue_depth\{.*controller="awscluster"`, `rest_client_requests_total\{`} {
			if !regexp.MustCompile(`(?m)^` + want).MatchString(metrics) {
				t.Errorf("/metrics has nothing like %s", want)
			}
		}
	})
	t.Run("kubectl explain knows the fields", func(t *testing.T) {
		w.eventually("explain answers", func(context.Context) error {
			out, err := w.tryKubectl("", "explain", "awscluster.spec.controlPlaneLoadBalancer.loadBalancerType", "--api-version=infrastructure.cluster.x-k8s.io/v1beta2")
			if err != nil || !strings.Contains(out, "ENUM:") {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		})
	})
	t.Run("a second apply changes nothing", func(t *testing.T) { w.checkSecondApply(ns, name, manifest) })
	t.Run("deleting the Cluster leaves nothing", func(t *testing.T) { w.deleteCluster(ns, name) })
}

// TestNamespaceDeletionLeavesNothing deletes all at once, as users who end an
// experiment do.
func TestNamespaceDeletionLeavesNothing(t *testing.T) {
	w := newWorld(t)
	ns := w.namespace()
	w.apply(ns, quickStart("gone"))
	w.waitReady(ns, "gone")
	w.kubectl("delete", "namespace", ns, "--wait=false")
	w.awsIsEmpty()
	w.eventually("the namespace ends", func(ctx context.Context) error {
		out, err := w.tryKubectl("", "get", "namespace", ns)
		if err == nil {
			return fmt.Errorf("still there: %s", out)
		}
		return nil
	})
}

// ownMetrics reads the server's metrics from its own port, as Prometheus does.
func (w *world) ownMetrics() (string, error) { return w.ownGet("/metrics") }

// ownGet reads a path from the server's own port.
func (w *world) ownGet(path string) (string, error) {
	config := rest.CopyConfig(w.config)
	config.Insecure, config.CAData, config.CAFile = true, nil, ""
	c, err := rest.HTTPClientFor(config)
	if err != nil {
		return "", err
	}
	response, err := c.Get(fmt.Sprintf("https://127.0.0.1:%d%s", w.port, path)) //nolint:noctx // bounded by the test
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

func (w *world) checkCore(ns, name string) {
	w.t.Helper()
	w.eventually("the Cluster has endpoint, failure domains and InfrastructureReady", func(ctx context.Context) error {
		c := &clusterv1.Cluster{}
		if err := w.client.Get(ctx, client.ObjectKey{Namespace: ns, Name: name}, c); err != nil {
			return err
		}
		infra := false
		for _, condition := range c.Status.Conditions {
			infra = infra || condition.Type == clusterv1.ClusterInfrastructureReadyCondition && condition.Status == metav1.ConditionTrue
		}
		if !infra || c.Spec.ControlPlaneEndpoint.Host == "" || len(c.Status.FailureDomains) != 3 {
			return fmt.Errorf("InfrastructureReady %v, endpoint %q, failure domains %v", infra, c.Spec.ControlPlaneEndpoint.Host, c.Status.FailureDomains)
		}
		return nil
	})
}

func (w *world) checkVersions(ns, name string) {
	w.t.Helper()
	old := w.kubectl("get", "awsclusters.v1beta2.infrastructure.cluster.x-k8s.io", "-n", ns, name,
		"-o", "jsonpath={.status.ready} {.status.failureDomains.us-east-1a.controlPlane} {.status.conditions[?(@.type=='Ready')].status} {.status.networkStatus.apiServerElb.dnsName}")
	if want := "true true True "; !strings.HasPrefix(old, want) || len(old) == len(want) {
		w.t.Errorf("v1beta2 reads %q, want ready, a failure domain, the Ready condition and a DNS name", old)
	}
	hub := w.kubectl("get", "awsclusters.v2beta1.infrastructure.cluster.x-k8s.io", "-n", ns, name,
		"-o", "jsonpath={.status.initialization.provisioned} {.status.failureDomains[0].name} {.status.conditions[?(@.type=='Ready')].status}")
	if want := "true us-east-1a True"; hub != want {
		w.t.Errorf("v2beta1 reads %q, want %q", hub, want)
	}
}

// checkSecondApply applies the same manifest again, by both ways of applying.
// Cluster API shows a Cluster's references at v1beta1 with versions of its own
// choosing, so kubectl thinks it has something to say there; what counts is that
// it changes nothing.
func (w *world) checkSecondApply(ns, name, manifest string) {
	w.t.Helper()
	ctx := context.Background()
	before, err := w.storedCluster(ctx, ns, name)
	must(w.t, err)
	core, calls := w.core(ns, name), w.mutations()
	if out := w.apply(ns, manifest); !strings.Contains(out, "awscluster.infrastructure.cluster.x-k8s.io/"+name+" unchanged") {
		w.t.Errorf("a second client-side apply says:\n%s\nwant the AWSCluster unchanged", out)
	}
	w.apply(ns, manifest, "--server-side", "--force-conflicts")
	w.apply(ns, manifest, "--server-side", "--force-conflicts")
	after, err := w.storedCluster(ctx, ns, name)
	must(w.t, err)
	if diff := cmp.Diff(before.Spec, after.Spec); diff != "" || before.Generation != after.Generation {
		w.t.Errorf("applying again changed the spec (generation %d → %d):\n%s", before.Generation, after.Generation, diff)
	}
	if diff := cmp.Diff(core.Spec, w.core(ns, name).Spec); diff != "" {
		w.t.Errorf("applying again changed the Cluster's spec:\n%s", diff)
	}
	w.cluster(ctx, ns, name) //nolint:errcheck // a live read, so that whatever the apply set off is seen
	if now := w.mutations(); now != calls {
		w.t.Errorf("applying again made %d calls that change AWS", now-calls)
	}
}

// core is Cluster API's own object of the cluster.
func (w *world) core(ns, name string) *clusterv1.Cluster {
	w.t.Helper()
	c := &clusterv1.Cluster{}
	must(w.t, w.client.Get(context.Background(), client.ObjectKey{Namespace: ns, Name: name}, c))
	return c
}

// mutations counts the calls that could change AWS.
func (w *world) mutations() int {
	n := 0
	for operation, count := range w.aws.Counts() {
		if !isRead(operation) {
			n += count
		}
	}
	return n
}

func isRead(operation string) bool {
	_, action, _ := strings.Cut(operation, ".")
	return strings.HasPrefix(action, "Describe") || strings.HasPrefix(action, "Get") || strings.HasPrefix(action, "List")
}
