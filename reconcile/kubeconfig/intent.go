// Package kubeconfig keeps the Secrets by which an EKS cluster is reached: the one that Cluster API
// reads, whose token is renewed in time, and the one for users, which runs a program to get one. It
// knows no kind. Both are planned as actions that hold no token: it is made when they are carried out.
package kubeconfig

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
	"github.com/capa-apiserver/capa-apiserver/reconcile/workload"
)

// Area is the condition that reports.
const Area = "KubeconfigReady"

// The reasons of what stands in the way.
const (
	TakenReason   = "KubeconfigSecretTaken"
	WaitingReason = "WaitingForEndpoint"
)

// Method is the program that users get tokens with.
type Method string

// The methods. No method means the first one.
const (
	Authenticator Method = "iam-authenticator"
	AWSCLI        Method = "aws-cli"
)

// Intent is what is wanted of the Secrets of one cluster.
type Intent struct {
	// Namespace and Cluster are those of the Cluster, by whose name the Secrets are found.
	Namespace, Cluster string
	// Owner is the control plane, to which they belong.
	Owner  metav1.OwnerReference
	Target workload.Target
	// Region is where the EKS cluster is.
	Region string
	Method Method
	// Lasting has Cluster API's Secret hold a token of a service account, which lives a day. Before
	// such a token can be asked for, the Secret holds the usual one, unless there is a twin.
	Lasting bool
	// Twin tells that somebody else has an EKS cluster of the name elsewhere: the usual token names the cluster and
	// no region, and would let into both.
	Twin bool
}

// form is what a Secret's kubeconfig lets in with.
type form string

const (
	forUsers form = "exec"
	byIAM    form = "iam"
	byToken  form = "service-account"
)

// Write has a Secret hold a kubeconfig. The token is made when it is carried out.
type Write struct {
	Key     client.ObjectKey
	Cluster string
	Owner   metav1.OwnerReference
	Target  workload.Target
	Region  string
	Form    form
	Method  Method
	// Replaces is the version of the Secret that this one is to replace, "" for none.
	Replaces string
}

// keys of the Secrets for Cluster API and for users.
func (in *Intent) keys() (core, users client.ObjectKey) {
	return client.ObjectKey{Namespace: in.Namespace, Name: in.Cluster + "-kubeconfig"}, client.ObjectKey{Namespace: in.Namespace, Name: in.Cluster + "-user-kubeconfig"}
}

// form is that of the token in Cluster API's Secret.
func (in *Intent) form(lastingReady bool) form {
	if (in.Lasting || in.Twin) && lastingReady {
		return byToken
	}
	return byIAM
}

// Plan says which Secrets to write. lastingReady tells that tokens of the service account can be
// asked for.
func (in *Intent) Plan(state State, lastingReady bool) plan.Plan {
	var p plan.Plan
	switch {
	case !in.Target.Known():
		p.Wait(Area, WaitingReason, "the endpoint of the EKS cluster")
		return p
	case !state.Looked:
		p.Wait(Area, "WaitingForFirstLook", "the first look at the Secrets")
		return p
	}
	core, users := in.keys()
	want := in.form(lastingReady)
	// A lasting token is good while the cluster doesn't answer.
	differs := state.Core.form != want && (!in.Lasting && !in.Twin || state.Core.form != byToken)
	if in.Twin && want != byToken {
		p.Wait(Area, WaitingReason, fmt.Sprintf("a service account in the cluster, since an EKS cluster named %s of another namespace, in another region, takes tokens of IAM that are for this one", in.Target.Name))
	} else {
		in.plan(&p, core, state.Core, want, state.Core.Due || differs)
	}
	in.plan(&p, users, state.Users, forUsers, state.Users.form != forUsers || state.Users.method != in.method())
	return p
}

func (in *Intent) plan(p *plan.Plan, key client.ObjectKey, found Secret, form form, due bool) {
	what := "the kubeconfig of EKS cluster " + in.Target.Name
	a := plan.Action{Key: "secret/" + key.Name, Area: Area, Verb: plan.Update, Operation: "kubernetes.WriteKubeconfig", Summary: fmt.Sprintf("replace %s in Secret %s", what, key),
		Input: &Write{Key: key, Cluster: in.Cluster, Owner: in.Owner, Target: in.Target, Region: in.Region, Form: form, Method: in.method(), Replaces: found.version}}
	switch {
	case found.version == "":
		a.Verb, a.Summary = plan.Create, fmt.Sprintf("create Secret %s with %s", key, what)
	case found.foreign != "":
		p.Problem(Area, TakenReason, "Secret %s belongs to %s and is left alone: rename or delete it, and the kubeconfig of this cluster is written there", key, found.foreign)
		return
	case !due && found.owner == in.Owner.UID && found.leads(in.Target):
		return
	}
	p.Add(a)
}

func (in *Intent) method() Method {
	if in.Method == "" {
		return Authenticator
	}
	return in.Method
}

// owned tells whether a reference is that of the owner, which had another UID before it was moved.
func (in *Intent) owned(ref *metav1.OwnerReference) bool {
	return ref.UID == in.Owner.UID || ref.Kind == in.Owner.Kind && ref.Name == in.Owner.Name
}

// Secret is one of the Secrets as it was seen last; the zero one isn't there.
type Secret struct {
	// Due tells that its token is to be renewed.
	Due bool

	version string
	// foreign is whose it is, if not the control plane's.
	foreign  string
	owner    types.UID
	form     form
	method   Method
	endpoint string
	ca       string
}

func (s Secret) leads(t workload.Target) bool {
	return s.endpoint == t.Endpoint && s.ca == string(t.CA)
}

// State is what was seen of both Secrets.
type State struct {
	Looked      bool
	Core, Users Secret
}

// Ready tells that Cluster API finds a kubeconfig that leads to the cluster.
func (s State) Ready(t workload.Target) bool {
	return s.Looked && s.Core.version != "" && s.Core.foreign == "" && s.Core.leads(t)
}
