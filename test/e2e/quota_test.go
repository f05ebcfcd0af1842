package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestQuotasCountTheseKinds: the plugin of kube-apiserver doesn't see what an aggregated
// server stores, so the server has one of its own, and kube-controller-manager counts.
func TestQuotasCountTheseKinds(t *testing.T) {
	w := newWorld(t)
	ns := w.namespace()
	const counted = "count/awsclustertemplates.infrastructure.cluster.x-k8s.io"
	w.apply(ns, fmt.Sprintf("{apiVersion: v1, kind: ResourceQuota, metadata: {name: few}, spec: {hard: {%s: 2}}}", counted))
	used := func(want string) {
		w.eventually("the quota says "+want, func(context.Context) error {
			if got := w.kubectl("get", "resourcequota", "-n", ns, "few", "-o", "json"); !strings.Contains(got, fmt.Sprintf("%q: %q", counted, want)) {
				return fmt.Errorf("it is %s", got)
			}
			return nil
		})
	}
	used("0")
	template := func(name string) string {
		return fmt.Sprintf("{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSClusterTemplate, metadata: {name: %s}, spec: {template: {spec: {region: us-east-1}}}}", name)
	}
	w.apply(ns, template("a"))
	w.apply(ns, template("b"))
	used("2") // what is charged and what is counted may overtake each other, as for all kinds
	// A count of kube-controller-manager whose cache is older than the last charge lets one more in, until it counts again.
	w.eventually("a third one is refused", func(context.Context) error {
		out, err := w.tryKubectl(template("c"), "apply", "-n", ns, "-f", "-")
		if err == nil {
			w.kubectl("delete", "awsclustertemplate", "-n", ns, "c")
			used("2")
			return errors.New("it was taken")
		}
		if !strings.Contains(out, "exceeded quota: few") {
			t.Fatalf("a third one was answered with %v: %s", err, out)
		}
		return nil
	})
	w.apply(ns, strings.Replace(template("a"), "name: a", "name: a, labels: {size: small}", 1)) // no further object
	w.kubectl("delete", "awsclustertemplate", "-n", ns, "a")
	used("1")
	w.apply(ns, template("c"))
}
