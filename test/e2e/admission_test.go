package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// TestWhatNeedsAnotherObjectIsJudgedAtAdmission goes through the webhooks, which
// the host's configuration brings into our server.
func TestWhatNeedsAnotherObjectIsJudgedAtAdmission(t *testing.T) {
	w := newWorld(t)
	ns := w.namespace()
	role := `{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSClusterRoleIdentity, metadata: {name: %s},
spec: {roleARN: "arn:aws:iam::210987654321:role/capi", allowedNamespaces: %s, sourceIdentityRef: {kind: AWSClusterControllerIdentity, name: default}}}`
	w.apply(ns, fmt.Sprintf(role, "elsewhere", "{list: [another-namespace]}"))
	w.apply(ns, fmt.Sprintf(role, "here", "{list: ["+ns+"]}"))
	// A cluster that is being reconciled has the mirror see which regions there are.
	w.apply(ns, quickStart("known"))
	w.waitReady(ns, "known")

	refused := map[string]struct{ manifest, field, advice string }{
		"an identity that isn't there": {
			quickStartIn("bad", region, "identityRef: {kind: AWSClusterRoleIdentity, name: heer}"), "spec.identityRef.name: Not found", "here"},
		"an identity of other namespaces": {
			quickStartIn("bad", region, "identityRef: {kind: AWSClusterRoleIdentity, name: elsewhere}"), "spec.identityRef", "allowedNamespaces"},
		"a region with a slip": {
			quickStartIn("bad", "us-esat-1", ""), "spec.region", "did you mean us-east-1?"},
	}
	for name, c := range refused {
		t.Run(name, func(t *testing.T) {
			_, awsCluster, _ := strings.Cut(c.manifest, "\n---\n")
			w.eventually("it is refused with what to write", func(context.Context) error {
				out, err := w.tryKubectl(awsCluster, "apply", "-n", ns, "-f", "-", "--dry-run=server")
				if err == nil || !strings.Contains(out, c.field) || !strings.Contains(out, c.advice) {
					return fmt.Errorf("kubectl says %q, want %q and %q", out, c.field, c.advice)
				}
				return nil
			})
		})
	}
	t.Run("an identity that allows the namespace", func(t *testing.T) {
		_, awsCluster, _ := strings.Cut(quickStartIn("good", region, "identityRef: {kind: AWSClusterRoleIdentity, name: here}"), "\n---\n")
		if out, err := w.tryKubectl(awsCluster, "apply", "-n", ns, "-f", "-", "--dry-run=server"); err != nil {
			t.Errorf("it is refused: %s", out)
		}
	})
	w.deleteCluster(ns, "known")
	w.kubectl("delete", "awsri", "--all")
}

// TestATemplateCannotBeChangedButDryRun is what ClusterClass relies on.
func TestATemplateCannotBeChangedButDryRun(t *testing.T) {
	w := newWorld(t)
	ns := w.namespace()
	template := `{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSClusterTemplate, metadata: {name: t%s},
spec: {template: {spec: {region: us-east-1, sshKeyName: %s}}}}`
	w.apply(ns, fmt.Sprintf(template, "", "one"))
	if out, err := w.tryKubectl(fmt.Sprintf(template, "", "two"), "apply", "-n", ns, "-f", "-"); err == nil || !strings.Contains(out, "spec.template.spec") {
		t.Errorf("a changed template is answered %q, want it refused at spec.template.spec", out)
	}
	annotated := fmt.Sprintf(template, `, annotations: {topology.cluster.x-k8s.io/dry-run: ""}`, "two")
	if out, err := w.tryKubectl(annotated, "apply", "-n", ns, "-f", "-", "--dry-run=server"); err != nil {
		t.Errorf("the topology controller's dry run is refused: %s", out)
	}
	if out, err := w.tryKubectl(annotated, "apply", "-n", ns, "-f", "-"); err == nil {
		t.Errorf("the annotation lets a real change through: %s", out)
	}
}
