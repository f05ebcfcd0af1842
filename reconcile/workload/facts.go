package workload

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Ref names an object of a cluster.
type Ref struct {
	Group, Version, Resource string
	Namespace, Name          string
}

func (r Ref) resource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: r.Group, Version: r.Version, Resource: r.Resource}
}

// String is how sentences name it.
func (r Ref) String() string {
	kind := kinds[r.Resource]
	if r.Namespace == "" {
		return kind + " " + r.Name
	}
	return kind + " " + r.Namespace + "/" + r.Name
}

// kinds are the kinds of the resources that are looked at.
var kinds = map[string]string{
	"configmaps": "ConfigMap", "daemonsets": "DaemonSet", "serviceaccounts": "ServiceAccount",
	"clusterroles": "ClusterRole", "clusterrolebindings": "ClusterRoleBinding", "eniconfigs": "ENIConfig",
}

const system = "kube-system"

func configMap(namespace, name string) Ref { return Ref{"", "v1", "configmaps", namespace, name} }
func serviceAccount(name string) Ref       { return Ref{"", "v1", "serviceaccounts", system, name} }
func daemonSet(name string) Ref            { return Ref{"apps", "v1", "daemonsets", system, name} }
func clusterRole(name string) Ref {
	return Ref{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles", Name: name}
}
func clusterRoleBinding(name string) Ref {
	return Ref{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings", Name: name}
}
func eniConfig(name string) Ref {
	return Ref{Group: "crd.k8s.amazonaws.com", Version: "v1alpha1", Resource: "eniconfigs", Name: name}
}

var (
	awsAuth     = configMap(system, "aws-auth")
	trustPolicy = configMap("default", "boilerplate-oidc-trust-policy")
	awsNode     = daemonSet("aws-node")
	// cniObjects and proxyObjects are what a cluster has of the VPC CNI and of kube-proxy.
	cniObjects   = []Ref{awsNode, serviceAccount("aws-node"), clusterRoleBinding("aws-node"), clusterRole("aws-node")}
	proxyObjects = []Ref{daemonSet("kube-proxy"), configMap(system, "kube-proxy"), configMap(system, "kube-proxy-config"), serviceAccount("kube-proxy")}
	// administrator is the service account of a lasting access, and what gives it its rights.
	administrator        = serviceAccount("capa-apiserver-access")
	administratorBinding = clusterRoleBinding("capa-apiserver-access")
)

// refs are the objects that an intent is judged by.
func (in *Intent) refs() []Ref {
	var all []Ref
	if in.hasLines() {
		all = append(all, awsAuth)
	}
	switch {
	case in.CNI.Disable:
		all = append(all, cniObjects...)
	case len(in.CNI.Env)+len(in.CNI.Subnets) > 0:
		all = append(all, awsNode)
		for _, s := range in.CNI.Subnets {
			all = append(all, eniConfig(s.Zone))
		}
	}
	if in.WithoutKubeProxy {
		all = append(all, proxyObjects...)
	}
	if in.TrustPolicy != "" {
		all = append(all, trustPolicy)
	}
	if in.LastingAccess {
		all = append(all, administrator, administratorBinding)
	}
	return all
}

// Facts are what was seen of a cluster. They are never changed; the zero Facts know nothing.
type Facts struct {
	// Time is when the cluster was looked at last, and answered.
	Time time.Time
	// Err is why it didn't answer since.
	Err error
	// objects are those that were looked for; nil stands for one that isn't there.
	objects map[Ref]*unstructured.Unstructured
}

// seen tells that all were looked for.
func (f *Facts) seen(refs []Ref) bool {
	for _, ref := range refs {
		if _, ok := f.objects[ref]; !ok {
			return false
		}
	}
	return true
}

// Looked tells that a cluster was looked at, whether it answered or not.
func (f *Facts) Looked(in *Intent) bool { return f.Err != nil || f.seen(in.refs()) }

// with are the facts with an object as it was seen last.
func (f *Facts) with(ref Ref, obj *unstructured.Unstructured) *Facts {
	next := &Facts{Time: f.Time, Err: f.Err, objects: make(map[Ref]*unstructured.Unstructured, len(f.objects)+1)}
	for r, o := range f.objects {
		next.objects[r] = o
	}
	next.objects[ref] = obj
	return next
}
