package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// TestWhatNeedsAnotherObjectIsJudgedAtAdmission goes through the webhooks, which
// the host's configuration brings into our server.
func TestWhatNeedsAnotherObjectIsJudgedAtAdmission(t *testing.T) {
	w := newWorld(t)
	w.assumable("210987654321", "capi")
	ns := w.namespace()
	role := `{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSClusterRoleIdentity, metadata: {name: %s},
spec: {roleARN: "arn:aws:iam::210987654321:role/capi.cluster-api-provider-aws.sigs.k8s.io", allowedNamespaces: %s, sourceIdentityRef: {kind: AWSClusterControllerIdentity, name: default}}}`
	w.apply(ns, fmt.Sprintf(role, "elsewhere", "{list: [another-namespace]}"))
	w.apply(ns, fmt.Sprintf(role, "here", "{list: ["+ns+"]}"))
	// A cluster that is being reconciled has the mirror see which regions there are.
	w.apply(ns, quickStart("known"))
	w.waitReady(ns, "known")

	refused := map[string]struct{ manifest, field, advice string }{
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
	t.Run("an identity that isn't there yet", func(t *testing.T) {
		_, awsCluster, _ := strings.Cut(quickStartIn("early", region, "identityRef: {kind: AWSClusterRoleIdentity, name: heer}"), "\n---\n")
		out, err := w.tryKubectl(awsCluster, "apply", "-n", ns, "-f", "-", "--dry-run=server")
		if err != nil || !strings.Contains(out, `there is no AWSClusterRoleIdentity "heer" yet`) || !strings.Contains(out, "here") {
			t.Errorf("kubectl says %q (%v), want it accepted with a warning", out, err)
		}
	})
	t.Run("an identity in use can't be deleted", func(t *testing.T) {
		if out, err := w.tryKubectl("", "delete", "awsci", "default"); err == nil || !strings.Contains(out, "AWSCluster "+ns+"/known") {
			t.Errorf("kubectl says %q, want it refused with who uses it", out)
		}
	})
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

// TestMachinesThatAWSHasNothingForAreRefused sends machines of a real cluster through
// the whole chain, dry and in earnest.
func TestMachinesThatAWSHasNothingForAreRefused(t *testing.T) {
	w := newWorld(t)
	ns := w.namespace()
	w.apply(ns, quickStart("home"))
	w.waitReady(ns, "home")
	w.aws.Configure(func(c *emulator.Config) {
		c.InstanceProfiles, c.NotOffered = []string{"nodes"}, []string{"c5.large/*"}
	})
	object := func(kind, spec string) string {
		return fmt.Sprintf(`{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: %s, metadata: {name: bad, labels: {cluster.x-k8s.io/cluster-name: home}}, spec: %s}`, kind, spec)
	}
	withDefaults := func(fields string) string {
		for field, value := range map[string]string{"sshKeyName": "default", "iamInstanceProfile": "nodes"} {
			if !strings.Contains(fields, field+":") {
				fields += ", " + field + ": " + value
			}
		}
		return fields
	}
	machine := func(fields string) string {
		return object("AWSMachine", "{"+withDefaults(fields)+"}")
	}
	template := func(fields string) string {
		return object("AWSMachineTemplate", "{template: {spec: {"+withDefaults(fields)+"}}}")
	}
	pool := func(fields, more string) string {
		return object("AWSMachinePool", "{minSize: 1, maxSize: 3, awsLaunchTemplate: {"+withDefaults(fields)+"}"+more+"}")
	}
	refused := map[string]struct{ manifest, field, advice string }{
		"a slip in the type":    {machine("instanceType: m5.larg"), "spec.instanceType", "did you mean m5.large"},
		"a type of no zone":     {machine("instanceType: c5.large"), "spec.instanceType", "choose another instance type"},
		"an image that is gone": {machine("instanceType: m5.large, ami: {id: ami-0123456789abcdef0}"), "spec.ami.id", "leave ami.id out"},
		"no such key pair":      {machine("instanceType: m5.large, sshKeyName: dfault"), "spec.sshKeyName", "one of: default"},
		"no such profile":       {machine("instanceType: m5.large, iamInstanceProfile: node"), "spec.iamInstanceProfile", "clusterawsadm bootstrap iam"},
		"no such subnet":        {machine("instanceType: m5.large, subnet: {id: subnet-0123456789abcdef0}"), "spec.subnet.id", "write one of: subnet-"},
		"no such group":         {machine("instanceType: m5.large, additionalSecurityGroups: [{id: sg-0123456789abcdef0}]"), "spec.additionalSecurityGroups[0].id", "create it"},
		"no such override":      {machine("instanceType: m5.large, securityGroupOverrides: {node: sg-0123456789abcdef0}"), "spec.securityGroupOverrides[node]", "create it"},
		"a template's type":     {template("instanceType: m5.larg"), "spec.template.spec.instanceType", "did you mean m5.large"},
		"a template's profile":  {template("instanceType: m5.large, iamInstanceProfile: node"), "spec.template.spec.iamInstanceProfile", "aws iam list-instance-profiles"},
		"a template's key":      {template("instanceType: m5.large, sshKeyName: me"), "spec.template.spec.sshKeyName", `write "" to have none`},
		"a template's image":    {template("instanceType: m5.large, ami: {id: ami-0123456789abcdef0}"), "spec.template.spec.ami.id", "differ from region to region"},
		"a pool's type":         {pool("instanceType: m5.larg", ""), "spec.awsLaunchTemplate.instanceType", "did you mean m5.large"},
		"a pool's profile":      {pool("instanceType: m5.large, iamInstanceProfile: node", ""), "spec.awsLaunchTemplate.iamInstanceProfile", "aws iam list-instance-profiles"},
		"a pool's key":          {pool("instanceType: m5.large, sshKeyName: me", ""), "spec.awsLaunchTemplate.sshKeyName", `write "" to have none`},
		"a pool's image":        {pool("instanceType: m5.large, ami: {id: ami-0123456789abcdef0}", ""), "spec.awsLaunchTemplate.ami.id", "differ from region to region"},
		"a pool's subnet":       {pool("instanceType: m5.large", ", subnets: [{id: subnet-0123456789abcdef0}]"), "spec.subnets[0].id", "write one of: subnet-"},
		"a pool's mix": {pool("instanceType: m5.large", ", mixedInstancesPolicy: {overrides: [{instanceType: m5.large}, {instanceType: m5.larg}]}"),
			"spec.mixedInstancesPolicy.overrides[1].instanceType", "did you mean m5.large"},
		"a template's own subnet": {template("instanceType: m5.large, subnet: {id: subnet-0123456789abcdef0}"), "spec.template.spec.subnet.id", "leave it out"},
	}
	calls := w.mutations()
	for name, c := range refused {
		t.Run(name, func(t *testing.T) {
			apply := func(flags ...string) (accepted string) {
				out, err := w.tryKubectl(c.manifest, append([]string{"apply", "-n", ns, "-f", "-"}, flags...)...)
				if err == nil && strings.Contains(out, "AWS could not be asked") {
					return out
				}
				if err == nil || !strings.Contains(out, c.field) || !strings.Contains(out, c.advice) {
					t.Errorf("kubectl says %q, want %q and %q", out, c.field, c.advice)
				}
				return ""
			}
			// On a busy machine the emulated AWS may answer later than admission waits.
			w.eventually("AWS is asked in time", func(context.Context) error {
				if accepted := apply("--dry-run=server"); accepted != "" {
					return errors.New(accepted)
				}
				return nil
			})
			if accepted := apply(); accepted != "" {
				t.Errorf("kubectl says %q, want %q and %q", accepted, c.field, c.advice)
			}
		})
	}
	if now := w.mutations(); now != calls {
		t.Errorf("refused manifests made %d calls that change AWS", now-calls)
	}
	t.Run("AWS is away", func(t *testing.T) {
		w.aws.Configure(func(c *emulator.Config) { c.Outage = "refuse" })
		defer w.aws.Configure(func(c *emulator.Config) { c.Outage = "" })
		out, err := w.tryKubectl(machine("instanceType: m5.large, iamInstanceProfile: unheard-of"), "apply", "-n", ns, "-f", "-", "--dry-run=server")
		if err != nil || !strings.Contains(out, "Warning: ") || !strings.Contains(out, "spec.iamInstanceProfile") || !strings.Contains(out, "AWS could not be asked") {
			t.Errorf("kubectl says %q (%v), want a warning", out, err)
		}
	})
	t.Run("what is there", func(t *testing.T) {
		// What was refused a moment ago is asked again a moment later.
		w.eventually("it is accepted without a warning", func(context.Context) error {
			out, err := w.tryKubectl(machine("instanceType: m5.large"), "apply", "-n", ns, "-f", "-", "--dry-run=server")
			if err == nil && strings.Contains(out, "Warning") {
				err = errors.New(out)
			}
			return err
		})
	})
	w.deleteCluster(ns, "home")
}
