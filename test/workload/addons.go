package workload

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	inmemory "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/runtime"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/eks"
)

// addons are what runs in an EKS cluster before anybody runs anything there.
type addons struct {
	client inmemory.Client
	// versions are those of the add-ons that were brought. What somebody takes out of one stays out until its version changes.
	versions map[string]string
}

// begin makes what every control plane begins with.
func (a *addons) begin(ctx context.Context) error {
	a.versions = map[string]string{}
	for _, name := range []string{metav1.NamespaceDefault, metav1.NamespaceSystem, metav1.NamespacePublic, corev1.NamespaceNodeLease} {
		if err := a.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			return err
		}
	}
	return nil
}

// install brings the add-ons that run, and takes away those that don't. What fails is tried again at the next look.
func (a *addons) install(ctx context.Context, wanted []eks.AddonState) {
	run := map[string]bool{}
	for _, addon := range wanted {
		if run[addon.Name] = true; a.versions[addon.Name] == addon.Version || addon.Status == types.AddonStatusCreating || addon.Status == types.AddonStatusCreateFailed {
			continue
		}
		if a.bring(ctx, addon.Name, addon.Version) == nil {
			a.versions[addon.Name] = addon.Version
		}
	}
	for name, version := range a.versions {
		if !run[name] {
			for _, object := range objectsOf(name, version) {
				_ = a.client.Delete(ctx, object) // somebody may have been faster
			}
			delete(a.versions, name)
		}
	}
}

// bring makes the objects of an add-on, and has what is there already run in its version.
func (a *addons) bring(ctx context.Context, name, version string) error {
	for _, object := range objectsOf(name, version) {
		err := a.client.Create(ctx, object)
		if daemon, ok := object.(*appsv1.DaemonSet); ok && apierrors.IsAlreadyExists(err) {
			err = a.upgrade(ctx, daemon)
		}
		if client.IgnoreAlreadyExists(err) != nil {
			return err
		}
	}
	return nil
}

// upgrade changes the image and leaves what else somebody set.
func (a *addons) upgrade(ctx context.Context, to *appsv1.DaemonSet) error {
	have := &appsv1.DaemonSet{}
	if err := a.client.Get(ctx, client.ObjectKeyFromObject(to), have); err != nil {
		return err
	}
	have.Spec.Template.Spec.Containers[0].Image = to.Spec.Template.Spec.Containers[0].Image
	return a.client.Update(ctx, have)
}

// objectsOf are those of an add-on whose workloads are known; others are one Deployment.
func objectsOf(name, version string) []client.Object {
	switch name {
	case "vpc-cni":
		return append(daemon("aws-node", "amazon-k8s-cni:"+version), eniConfigs())
	case "kube-proxy":
		return append(daemon(name, "eks/kube-proxy:"+version), &corev1.ConfigMap{ObjectMeta: system(name)}, &corev1.ConfigMap{ObjectMeta: system("kube-proxy-config")})
	case "eks-pod-identity-agent":
		return daemon(name, "eks/"+name+":"+version)
	}
	labels, image := map[string]string{"k8s-app": name}, "eks/"+name+":"+version
	pods := template(labels, name, image)
	pods.Annotations = map[string]string{computeType: "ec2"} // so it is by default: Fargate's profiles don't take it
	return []client.Object{&appsv1.Deployment{ObjectMeta: system(name), Spec: appsv1.DeploymentSpec{Replicas: new(int32(2)), Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: pods}}, &corev1.ServiceAccount{ObjectMeta: system(name)}}
}

// eniConfigs are what the VPC CNI can be told of subnets.
func eniConfigs() *apiextensionsv1.CustomResourceDefinition {
	return &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: "eniconfigs.crd.k8s.amazonaws.com"}, Spec: apiextensionsv1.CustomResourceDefinitionSpec{
		Group: "crd.k8s.amazonaws.com", Scope: apiextensionsv1.ClusterScoped, Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "eniconfigs", Singular: "eniconfig", Kind: "ENIConfig"},
		Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{Name: "v1alpha1", Served: true, Storage: true}}}}
}

func system(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: name}
}

func template(labels map[string]string, container, image string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: container, Image: image}}}}
}

// daemon is a DaemonSet with what it runs as.
func daemon(name, image string) []client.Object {
	labels := map[string]string{"k8s-app": name}
	return []client.Object{
		&appsv1.DaemonSet{ObjectMeta: system(name), Spec: appsv1.DaemonSetSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: template(labels, name, image)}},
		&corev1.ServiceAccount{ObjectMeta: system(name)},
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}},
		&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: metav1.NamespaceSystem, Name: name}}},
	}
}
