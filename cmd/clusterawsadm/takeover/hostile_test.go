package takeover

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// said runs the command and gives what it said, with its error.
func said(t *testing.T, h *modelHost, do, rollback bool) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := Run(t.Context(), Options{Config: h.config(), Namespace: "capa-system", Do: do, Rollback: rollback, Patience: time.Second, Out: &out})
	return out.String(), err
}

// Anybody who may make a Deployment may give it a label.
func TestADeploymentOfATenantIsntCAPAs(t *testing.T) {
	h := newModelHost(t)
	h.put(t, false, `{apiVersion: apps/v1, kind: Deployment, metadata: {name: capa, namespace: tenant, labels: {cluster.x-k8s.io/provider: infrastructure-aws}},
  spec: {replicas: 1, selector: {matchLabels: {a: b}}}}`)
	h.put(t, false, `{apiVersion: v1, kind: Pod, metadata: {name: for-ever, namespace: tenant, labels: {a: b}}}`)
	out, err := said(t, h, true, false)
	if err != nil {
		t.Fatalf("a pod of a tenant's holds it up: %v", err)
	}
	if _, d := h.find(t, "Deployment/capa"); fmt.Sprint(d.Object["spec"].(map[string]any)["replicas"]) != "1" {
		t.Error("the tenant's Deployment is scaled")
	}
	if strings.Contains(out, "copy them there") || !strings.Contains(out, "tenant/capa") {
		t.Errorf("it says:\n%s", out)
	}
}

// CAPA is where its CRDs have objects converted, whatever its namespace is called.
func TestCAPAIsFoundInItsNamespace(t *testing.T) {
	h := newModelHost(t)
	for k, o := range h.kept {
		if k.resource == crds.Resource && o.GetLabels()[providerLabel] == provider {
			o = o.DeepCopy()
			if err := unstructured.SetNestedField(o.Object, "capi-aws", "spec", "conversion", "webhook", "clientConfig", "service", "namespace"); err != nil {
				t.Fatal(err)
			}
			h.keep(k, o)
		}
	}
	k, d := h.find(t, "Deployment/capa-controller-manager")
	h.keep(k, nil)
	k.namespace = "capi-aws"
	d = d.DeepCopy()
	d.SetNamespace("capi-aws")
	h.keep(k, d)
	out, err := said(t, h, true, false)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(h.kept[k].Object["spec"].(map[string]any)["replicas"]) != "0" {
		t.Errorf("CAPA runs on:\n%s", out)
	}
	end(t, h, true)
	if fmt.Sprint(h.kept[k].Object["spec"].(map[string]any)["replicas"]) != "2" {
		t.Error("CAPA doesn't run again")
	}
}

// Who may write ConfigMaps in the server's namespace may not make webhooks, nor scale Deployments.
func TestWhatIsWrittenIntoTheStateIsntCAPAs(t *testing.T) {
	const webhook = `{"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": {"name": "planted", "labels": {"cluster.x-k8s.io/provider": "infrastructure-aws"}},
  "webhooks": [{"name": "a.b.c", "clientConfig": {"service": {"namespace": %q, "name": "x"}}, "rules": [{"apiGroups": [%q], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}]}]}`
	cases := map[string]func(*state){
		"a webhook that is asked about Secrets": func(s *state) {
			s.Webhooks["mutatingwebhookconfigurations/planted"] = json.RawMessage(fmt.Sprintf(webhook, "capa-system", ""))
		},
		"a webhook that is asked about everything": func(s *state) {
			s.Webhooks["mutatingwebhookconfigurations/planted"] = json.RawMessage(fmt.Sprintf(webhook, "capa-system", "*"))
		},
		"a webhook that somebody else answers": func(s *state) {
			s.Webhooks["mutatingwebhookconfigurations/planted"] = json.RawMessage(fmt.Sprintf(webhook, "tenant", "infrastructure.cluster.x-k8s.io"))
		},
		"something else than a webhook": func(s *state) {
			s.Webhooks["validatingadmissionpolicies/planted"] = json.RawMessage(`{"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "planted"}}`)
		},
		"a Deployment": func(s *state) { s.Replicas["kube-system/coredns"] = 0 },
	}
	for name, plant := range cases {
		t.Run(name, func(t *testing.T) {
			h := newModelHost(t)
			h.put(t, false, `{apiVersion: apps/v1, kind: Deployment, metadata: {name: coredns, namespace: kube-system}, spec: {replicas: 2, selector: {matchLabels: {a: b}}}}`)
			end(t, h, false)
			k, o := h.find(t, "ConfigMap/capa-takeover")
			o = o.DeepCopy()
			s := &state{}
			if err := json.Unmarshal([]byte(o.Object["data"].(map[string]any)["state"].(string)), s); err != nil {
				t.Fatal(err)
			}
			plant(s)
			text, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			o.Object["data"] = map[string]any{"state": string(text)}
			h.keep(k, o)
			out, err := said(t, h, true, true)
			for k, o := range h.kept {
				if k.name == "planted" || k.name == "coredns" && fmt.Sprint(o.Object["spec"].(map[string]any)["replicas"]) != "2" {
					t.Errorf("%s is %v", k.name, o.Object)
				}
			}
			if text := out + fmt.Sprint(err); !strings.Contains(text, "isn't CAPA's") {
				t.Errorf("nobody is told: %s", text)
			}
		})
	}
}

// An object that says that it was given back goes back as all others do.
func TestWhatATenantWritesLeavesNothingToTheServerAfterARollback(t *testing.T) {
	h := newModelHost(t)
	k, o := h.find(t, "AWSMachineTemplate/t-1")
	o = o.DeepCopy()
	o.SetAnnotations(map[string]string{"capa-apiserver.cluster.x-k8s.io/given-back": ""})
	h.keep(k, o)
	end(t, h, false)
	end(t, h, true)
	k.byServer = true
	if _, paused := h.kept[k].GetAnnotations()["cluster.x-k8s.io/paused"]; !paused {
		t.Error("the server may act for it beside CAPA")
	}
}

// The host writes the policy's status whenever it likes.
func TestAPolicyThatIsWrittenMeanwhileIsChangedAllTheSame(t *testing.T) {
	h := newModelHost(t)
	h.put(t, false, "{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicy, metadata: {name: capa-takeover}}")
	k, o := h.find(t, "ValidatingAdmissionPolicy/capa-takeover")
	written := 0
	h.beforeWrite = func(what string) {
		if strings.HasPrefix(what, "update validatingadmissionpolicies") && written == 0 {
			written++
			h.keep(k, o.DeepCopy())
		}
	}
	end(t, h, false)
	if written == 0 {
		t.Error("nobody wrote it")
	}
}

// What would end a takeover half-way is said before anything is changed.
func TestWhatATenantMakesThatCantBeTakenOverIsSaidAtFirst(t *testing.T) {
	cases := map[string]struct {
		plant func(*testing.T, *modelHost)
		says  string
	}{
		"a Cluster that can't be paused": {func(_ *testing.T, h *modelHost) {
			h.refuse = func(verb string, o *unstructured.Unstructured) error {
				if verb == "patch" && o.GetKind() == "Cluster" && o.GetName() == "byo" {
					return apierrors.NewForbidden(schema.GroupResource{Resource: "clusters"}, o.GetName(), errors.New("its class is gone"))
				}
				return nil
			}
		}, "Cluster a/byo can't be paused"},
		"an object that is too large for the store": {func(t *testing.T, h *modelHost) {
			k, o := h.find(t, "EKSConfig/e-2")
			o = o.DeepCopy()
			if err := unstructured.SetNestedStringSlice(o.Object, []string{strings.Repeat("a", 1_570_000)}, "spec", "preBootstrapCommands"); err != nil {
				t.Fatal(err)
			}
			h.keep(k, o)
		}, "EKSConfig a/e-2 is too large"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := newModelHost(t)
			c.plant(t, h)
			was := h.state(all)
			out, err := said(t, h, true, false)
			if !errors.Is(err, ErrProblems) || !strings.Contains(out, c.says) {
				t.Errorf("it says: %v\n%s", err, out)
			}
			if diff := differs(was, h.state(all)); diff != "" {
				t.Errorf("something was changed:\n%s", diff)
			}
		})
	}
}

// Between the check and the copy nobody takes the names of CAPA's objects in the server.
func TestNobodyTakesANameWhileItIsCopied(t *testing.T) {
	h := newModelHost(t)
	tried := 0
	h.beforeWrite = func(what string) {
		if !strings.HasSuffix(what, " takeover") {
			return
		}
		tried++
		if policy := h.policyAt(schema.GroupVersion{Group: "infrastructure.cluster.x-k8s.io", Version: ours}, "awsmachines", admissionregistrationv1.Create); policy == nil {
			t.Errorf("before %q anybody may make an AWSMachine at %s", what, ours)
		}
	}
	end(t, h, false)
	if tried < 39 {
		t.Errorf("%d copies were made", tried)
	}
}

// What tenants write moves no cursor and hides nothing in a terminal.
func TestWhatIsSaidIsPlainText(t *testing.T) {
	h := newModelHost(t)
	k, o := h.find(t, "AWSMachineTemplate/t-1")
	o = o.DeepCopy()
	for i := range 1000 {
		if err := unstructured.SetNestedField(o.Object, "x", "spec", fmt.Sprintf("\x1b[2Junknown\r%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	h.keep(k, o)
	out, err := said(t, h, false, false)
	if err != nil || strings.ContainsAny(out, "\x1b\r") || !strings.Contains(out, "unknown") || len(out) > 5000 {
		t.Errorf("%v: %d bytes: %.3000q", err, len(out), out)
	}
}

// An object that is changed all the time gets its owner references all the same.
func TestOwnersOfAnObjectThatIsChangedAllTheTimeAreChanged(t *testing.T) {
	h := newModelHost(t)
	k, _ := h.find(t, "Secret/owned-by-eksconfig-e")
	count := 0
	h.beforeWrite = func(what string) {
		if strings.Contains(what, "owned-by-eksconfig-e") {
			count++
			o := h.kept[k].DeepCopy()
			o.SetLabels(map[string]string{"count": fmt.Sprint(count)})
			h.keep(k, o)
		}
	}
	end(t, h, false)
	if ref := h.kept[k].GetOwnerReferences()[0]; !strings.HasSuffix(ref.APIVersion, ours) || count != 1 {
		t.Errorf("after %d writes its owner is %+v", count, ref)
	}
}

// Who undoes what is done is named.
func TestWhoseOwnersAreChangedBackIsSaid(t *testing.T) {
	h := newModelHost(t)
	k, was := h.find(t, "Secret/owned-by-eksconfig-e")
	h.beforeWrite = func(what string) {
		if o := h.kept[k].DeepCopy(); strings.Contains(what, "owned-by-awscluster-byo") || o.GetOwnerReferences()[0].APIVersion != was.GetOwnerReferences()[0].APIVersion {
			o.SetOwnerReferences(was.GetOwnerReferences())
			h.keep(k, o)
		}
	}
	h.afterList = func(resource string) {
		if o := h.kept[k].DeepCopy(); resource == "machines" {
			o.SetOwnerReferences(was.GetOwnerReferences())
			h.keep(k, o)
		}
	}
	if _, err := said(t, h, true, false); err == nil || !strings.Contains(err.Error(), "owned-by-eksconfig-e") {
		t.Errorf("it says: %v", err)
	}
}

// A Cluster that refuses to be changed keeps no other one paused.
func TestAClusterThatCantBeUnpausedHoldsNoOtherOneUp(t *testing.T) {
	h := newModelHost(t)
	h.put(t, false, "{apiVersion: cluster.x-k8s.io/v1beta2, kind: Cluster, metadata: {name: z, namespace: z}, spec: {infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: AWSCluster, name: z}}}")
	h.refuse = func(_ string, o *unstructured.Unstructured) error {
		if paused, _, _ := unstructured.NestedBool(o.Object, "spec", "paused"); o.GetKind() == "Cluster" && o.GetName() == "byo" && !paused {
			return apierrors.NewForbidden(schema.GroupResource{Resource: "clusters"}, o.GetName(), errors.New("its class is gone"))
		}
		return nil
	}
	if _, err := said(t, h, true, false); err == nil || !strings.Contains(err.Error(), "a/byo") {
		t.Errorf("it says: %v", err)
	}
	if _, z := h.find(t, "Cluster/z"); fmt.Sprint(z.Object["spec"].(map[string]any)["paused"]) != "false" {
		t.Errorf("the other one is %v", z.Object["spec"])
	}
}
