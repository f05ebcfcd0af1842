package takeover

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capa-apiserver/capa-apiserver/apis/takeover"
)

func options(h *modelHost, rollback bool) Options {
	return Options{Config: h.config(), Namespace: "capa-system", Do: true, Rollback: rollback, Patience: time.Second, Out: io.Discard}
}

// keepUsed refuses that identities are deleted, as the server does while a cluster uses them.
func (h *modelHost) keepUsed(used func(*unstructured.Unstructured) bool) {
	h.beforeDelete = func(k at, o *unstructured.Unstructured) error {
		if k.byServer && strings.HasSuffix(o.GetKind(), "Identity") && used(o) {
			return apierrors.NewForbidden(groupResourceOf(k), o.GetName(), errors.New("it is still used by an AWSCluster"))
		}
		return nil
	}
}

// A cluster of the server's uses its default identity, which can't be deleted then.
func TestTheDefaultIdentityStaysAndSaysWhatCAPAsSays(t *testing.T) {
	h := newModelHost(t)
	h.keepUsed(func(*unstructured.Unstructured) bool { return true })
	k, o := h.find(t, defaultIdentity+"/default")
	o = o.DeepCopy()
	o.SetLabels(map[string]string{"a": "b"})
	if err := unstructured.SetNestedStringSlice(o.Object, []string{"a"}, "spec", "allowedNamespaces", "list"); err != nil {
		t.Fatal(err)
	}
	h.keep(k, o)
	k.byServer = true
	own := h.kept[k].GetUID()
	for range 2 { // and again, when it was given back
		end(t, h, false)
		is := h.kept[k]
		list, _, _ := unstructured.NestedStringSlice(is.Object, "spec", "allowedNamespaces", "list")
		if is.GetUID() != own || fmt.Sprint(list) != "[a]" || is.GetLabels()["a"] != "b" || len(is.GetAnnotations()) > 0 {
			t.Errorf("it is %v", is.Object)
		}
		end(t, h, true)
	}
}

// What was given back and isn't CAPA's any more uses identities until it is gone.
func TestIdentitiesMakeRoomLast(t *testing.T) {
	h := newModelHost(t)
	const annotations = `annotations: {capa-apiserver.cluster.x-k8s.io/given-back: "", cluster.x-k8s.io/paused: ""}`
	for _, kind := range []string{"AWSClusterRoleIdentity", "AWSCluster"} {
		h.put(t, true, fmt.Sprintf("{apiVersion: infrastructure.cluster.x-k8s.io/v2beta1, kind: %s, metadata: {name: before, %s}, spec: {}}", kind, annotations))
	}
	cluster := at{true, "infrastructure.cluster.x-k8s.io", "awsclusters", "a", "before"}
	h.keepUsed(func(*unstructured.Unstructured) bool { return h.kept[cluster] != nil })
	end(t, h, false)
	if h.kept[cluster] != nil || h.kept[at{true, cluster.group, "awsclusterroleidentities", "", "before"}] != nil {
		t.Error("they are still there")
	}
}

// What was being deleted when it was given back has kept its finalizers, and CAPA has ended it.
func TestWhatWasBeingDeletedWhenItWasGivenBackMakesRoom(t *testing.T) {
	dying := parse(t, theirMachine)
	now := dying.GetCreationTimestamp()
	dying.SetDeletionTimestamp(&now)
	if makesRoom(dying) {
		t.Error("an object that nobody gave back makes room")
	}
	h := newModelHost(t)
	k, o := h.find(t, "AWSMachine/byo-0")
	o = o.DeepCopy()
	o.SetDeletionTimestamp(&now)
	o.SetFinalizers([]string{"awsmachine.infrastructure.cluster.x-k8s.io"})
	h.keep(k, o)
	end(t, h, false)
	end(t, h, true)
	here := k
	here.byServer = true
	if h.kept[here] == nil || !makesRoom(h.kept[here]) {
		t.Fatalf("the server has %v", h.kept[here])
	}
	h.keep(k, nil)
	end(t, h, false)
	if h.kept[here] != nil {
		t.Errorf("the server still has %v", h.kept[here].Object["metadata"])
	}
}

// What another kube-apiserver let through is copied too: changes, new objects and deletions.
func TestWhatChangesWhileItIsCopiedIsCopiedAgain(t *testing.T) {
	h := newModelHost(t)
	changed, o := h.find(t, "AWSMachineTemplate/t-1")
	gone, _ := h.find(t, "AWSMachineTemplate/t-2")
	count := 0
	h.afterList = func(resource string) {
		if resource != "awsmanagedclusters" || h.kept[at{true, changed.group, changed.resource, changed.namespace, changed.name}] == nil {
			return
		}
		if count++; count > 1 {
			return
		}
		o := o.DeepCopy()
		o.SetLabels(map[string]string{"late": ""})
		h.keep(changed, o)
		h.keep(gone, nil)
		h.put(t, false, "{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSMachineTemplate, metadata: {name: late}, spec: {template: {spec: {instanceType: t3.large}}}}")
	}
	end(t, h, false)
	isOurs(t, h)
	gone.byServer = true
	if h.kept[gone] != nil || count == 0 {
		t.Errorf("after %d changes the server has what CAPA hasn't: %v", count, h.kept[gone])
	}
}

// Who changes objects all the time in spite of the policy is found out.
func TestWhatChangesAllTheTimeIsNamed(t *testing.T) {
	h := newModelHost(t)
	k, _ := h.find(t, "AWSMachineTemplate/t-1")
	h.afterList = func(resource string) {
		if resource == "awsmanagedclusters" {
			h.keep(k, h.kept[k].DeepCopy())
		}
	}
	if _, err := said(t, h, true, false); err == nil || !strings.Contains(err.Error(), "AWSMachineTemplate a/t-1") || !strings.Contains(err.Error(), "run the command again") {
		t.Errorf("it says: %v", err)
	}
}

// What breaks the copy is corrected by who takes over, and by nobody else, until the copies count.
func TestWhoTakesOverMayCorrectWhatCantBeCopied(t *testing.T) {
	h := newModelHost(t)
	broken := true
	h.refuse = func(_ string, o *unstructured.Unstructured) error {
		if broken && o.GetAnnotations()[takeover.ManagedFieldsAnnotation] == "" && o.GetKind() == "AWSMachine" && o.GetAPIVersion() == "infrastructure.cluster.x-k8s.io/"+ours && h.frozenFor() != nil {
			return errors.New("it can't be stored")
		}
		return nil
	}
	if _, err := said(t, h, true, false); err == nil || !strings.Contains(err.Error(), "it can't be stored") {
		t.Fatalf("it says: %v", err)
	}
	_, o := h.find(t, "AWSMachine/byo-0")
	policy := h.frozenFor()
	for who, want := range map[string]bool{"admin": true, "tenant": false} {
		if is := allows(policy, who, admissionregistrationv1.Update, o); is != want {
			t.Errorf("that %s may correct it is %t", who, is)
		}
	}
	if allows(policy, "admin", admissionregistrationv1.Create, o) || allows(policy, "admin", admissionregistrationv1.Delete, nil) {
		t.Error("copies of what is deleted would stay")
	}
	_, err := said(t, h, true, false)
	if !errors.Is(err, ErrProblems) || strings.Contains(err.Error(), "; nothing was changed") || !strings.Contains(err.Error(), "--rollback") {
		t.Errorf("another run says: %v", err)
	}
	broken = false
	h.beforeWrite = func(what string) {
		if policy := h.frozenFor(); strings.HasPrefix(what, "patch customresourcedefinitions") && policy != nil && allows(policy, "admin", admissionregistrationv1.Update, o) {
			t.Errorf("before %q a change would be lost", what)
		}
	}
	end(t, h, false)
}

// frozenFor is the policy that is in force for CAPA's AWSMachines.
func (h *modelHost) frozenFor() *admissionregistrationv1.ValidatingAdmissionPolicy {
	return h.policyAt(schema.GroupVersion{Group: "infrastructure.cluster.x-k8s.io", Version: theirs}, "awsmachines", admissionregistrationv1.Update)
}

// Whoever answers for objects that somebody owns has to run, before anything is changed.
func TestAResourceThatCantBeReadIsFoundBeforeAnythingIsChanged(t *testing.T) {
	for _, rollback := range []bool{false, true} {
		h := newModelHost(t)
		if rollback {
			end(t, h, false)
		}
		h.unread = func(gvr schema.GroupVersionResource) error {
			if gvr.Resource == "kubeadmconfigs" {
				return errors.New("conversion webhook failed")
			}
			return nil
		}
		was := h.state(all)
		out, err := said(t, h, true, rollback)
		if !errors.Is(err, ErrProblems) || !strings.Contains(out, "reading kubeadmconfigs.bootstrap.cluster.x-k8s.io: Internal error occurred: conversion webhook failed") {
			t.Errorf("rollback %t says: %v\n%s", rollback, err, out)
		}
		if diff := differs(was, h.state(all)); diff != "" {
			t.Errorf("something was changed:\n%s", diff)
		}
	}
}

// The model looks after each write, and asks CAPA's webhooks, which nobody answers, before and after the policy.
func TestSomebodyJudgesWhatTenantsWriteAllTheTime(t *testing.T) {
	h := newModelHost(t)
	end(t, h, false)
	if h.unjudged() {
		t.Error("nobody judges CAPA's objects")
	}
	end(t, h, true)
	h.find(t, "MutatingWebhookConfiguration/capa-mutating-webhook-configuration")
	h.find(t, "ValidatingWebhookConfiguration/capa-validating-webhook-configuration")
}

// Earlier versions put the webhooks away first, and let objects be changed before the webhooks were back.
func TestWhatAnEarlierVersionLeftGoesOn(t *testing.T) {
	errStopped := errors.New("stopped")
	stopped := func(h *modelHost, rollback bool, before string) *taker {
		o := options(h, rollback)
		o.Before = func(what string) error {
			if strings.HasPrefix(what, before) {
				return errStopped
			}
			return nil
		}
		if err := Run(t.Context(), o); !errors.Is(err, errStopped) {
			t.Fatal(err)
		}
		o.Before = nil
		left, err := newTaker(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return left
	}
	h := newModelHost(t)
	was := h.state(ofHost)
	if err := stopped(h, false, "make ValidatingAdmissionPolicy").putWebhooksAway(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := said(t, h, true, false); err != nil {
		t.Fatal(err)
	}
	isOurs(t, h)
	if err := stopped(h, true, "create ").thaw(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := said(t, h, true, true); err != nil {
		t.Fatal(err)
	}
	if diff := differs(was, h.state(ofHost)); diff != "" {
		t.Errorf("CAPA doesn't have what it had (-was +is):\n%s", diff)
	}
}

// A default identity would let namespaces use CAPA's credentials where nobody was to.
func TestADefaultIdentityThatCAPAHasntIsntGivenToIt(t *testing.T) {
	h := newModelHost(t)
	k, _ := h.find(t, defaultIdentity+"/default")
	k.byServer = false
	h.keep(k, nil)
	out, err := said(t, h, false, false)
	if err != nil || !strings.Contains(out, "CAPA has no "+defaultIdentity) {
		t.Errorf("the check says: %v\n%s", err, out)
	}
	end(t, h, false)
	out, err = said(t, h, true, true)
	if err != nil || !strings.Contains(out, "isn't given the server's") {
		t.Errorf("%v\n%s", err, out)
	}
	if h.kept[k] != nil {
		t.Errorf("CAPA has %v", h.kept[k].Object)
	}
}

// What is made until the policy is in force is paused too, and unpaused afterwards.
func TestClustersThatAreMadeWhileCAPAStopsArePausedToo(t *testing.T) {
	h := newModelHost(t)
	paused := func() bool {
		_, o := h.find(t, "Cluster/late")
		paused, _, _ := unstructured.NestedBool(o.Object, "spec", "paused")
		return paused
	}
	copied := 0
	h.beforeWrite = func(what string) {
		if strings.Contains(what, "validatingadmissionpolicybindings") && copied == 0 {
			h.put(t, false, "{apiVersion: cluster.x-k8s.io/v1beta2, kind: Cluster, metadata: {name: late, namespace: a}, spec: {infrastructureRef: {apiGroup: infrastructure.cluster.x-k8s.io, kind: AWSCluster, name: byo}}}")
		}
		if strings.HasSuffix(what, " takeover") {
			if copied++; !paused() {
				t.Errorf("it isn't paused before %q", what)
			}
		}
	}
	end(t, h, false)
	if copied == 0 || paused() {
		t.Errorf("after %d copies it is paused: %t", copied, paused())
	}
}

// Who ends when nobody may change anything any more lets the next run's problems be corrected.
func TestWhatCameTooLateMayBeCorrected(t *testing.T) {
	h := newModelHost(t)
	bindings := 0
	h.beforeWrite = func(what string) {
		if strings.HasPrefix(what, "update validatingadmissionpolicies") {
			bindings++
			k, o := h.find(t, "EKSConfig/e-2")
			o = o.DeepCopy()
			if err := unstructured.SetNestedStringSlice(o.Object, []string{strings.Repeat("a", 1_570_000)}, "spec", "preBootstrapCommands"); err != nil {
				t.Fatal(err)
			}
			h.keep(k, o)
		}
	}
	h.refuse = func(verb string, o *unstructured.Unstructured) error {
		if o.GetKind() == "EKSConfig" && o.GetName() == "e-2" && o.GroupVersionKind().Version == ours {
			if text, err := o.MarshalJSON(); err != nil || len(text) > largest {
				return apierrors.NewRequestEntityTooLargeError("etcd takes less")
			}
		}
		return nil
	}
	if _, err := said(t, h, true, false); err == nil || bindings == 0 {
		t.Fatalf("it ends with %v, after %d policies", err, bindings)
	}
	h.beforeWrite = nil
	if _, err := said(t, h, true, false); !errors.Is(err, ErrProblems) || !strings.Contains(err.Error(), "You may change") {
		t.Fatalf("it says: %v", err)
	}
	_, policy := h.find(t, "ValidatingAdmissionPolicy/"+name)
	if text, err := policy.MarshalJSON(); err != nil || !strings.Contains(string(text), "request.userInfo.username") {
		t.Errorf("the policy is %s, %v", text, err)
	}
}

// The server's default identity stays, with another UID than CAPA's: whoever names that as its owner would be deleted.
func TestWhatTheDefaultIdentityOwnsIsSaidAtFirst(t *testing.T) {
	h := newModelHost(t)
	h.own(t, "Secret/owned-by-cluster-byo", defaultIdentity+"/default")
	out, err := said(t, h, true, false)
	if !errors.Is(err, ErrProblems) || !strings.Contains(out, "owned-by-cluster-byo is owned by the") {
		t.Errorf("it says: %v\n%s", err, out)
	}
}
