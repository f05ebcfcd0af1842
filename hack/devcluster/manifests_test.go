package devcluster

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/capi"
)

const manifests = "../../manifests"

// rendered builds a kustomization of the product.
func rendered(t *testing.T, folder string) []*unstructured.Unstructured {
	t.Helper()
	objects, err := capi.RenderFolder(filepath.Join(manifests, folder))
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// typed gives the objects of one kind.
func typed[T any](t *testing.T, objects []*unstructured.Unstructured, kind string) []T {
	t.Helper()
	var found []T
	for _, object := range objects {
		if object.GetKind() != kind {
			continue
		}
		var into T
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, &into, true); err != nil {
			t.Errorf("%s %s: %v", kind, object.GetName(), err)
		}
		found = append(found, into)
	}
	return found
}

func TestEveryKustomizationBuildsIntoOneNamespace(t *testing.T) {
	built := 0
	err := filepath.WalkDir(manifests, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != "kustomization.yaml" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil || strings.Contains(string(raw), "\nkind: Component\n") {
			return err // a component is built by the overlays that use it, or as users name it
		}
		built++
		folder, err := filepath.Rel(manifests, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, object := range rendered(t, folder) {
			switch object.GetNamespace() {
			case "", "capa-system", "kube-system":
			default:
				t.Errorf("%s: %s %s is in namespace %s", folder, object.GetKind(), object.GetName(), object.GetNamespace())
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if built < 4 {
		t.Errorf("only %d kustomizations were found in %s", built, manifests)
	}
}

func TestServersFitTheirServiceAndTheRestrictedPodStandard(t *testing.T) {
	cases := []struct {
		folder   string
		replicas int32
		claims   int
	}{
		{"base", 1, 1},
		{"overlays/default", 1, 1},
		{"overlays/external-etcd", 3, 0},
	}
	for _, c := range cases {
		t.Run(c.folder, func(t *testing.T) {
			objects := rendered(t, c.folder)
			services, sets := typed[corev1.Service](t, objects, "Service"), typed[appsv1.StatefulSet](t, objects, "StatefulSet")
			if len(services) != 1 || len(sets) != 1 {
				t.Fatalf("%d Services, %d StatefulSets", len(services), len(sets))
			}
			set := sets[0]
			if *set.Spec.Replicas != c.replicas || len(set.Spec.VolumeClaimTemplates) != c.claims {
				t.Errorf("%d replicas, %d volume claims", *set.Spec.Replicas, len(set.Spec.VolumeClaimTemplates))
			}
			fits(t, &services[0], &set.Spec.Template)
			restricted(t, &set.Spec.Template.Spec, c.claims == 1)
		})
	}
}

// What docs/operations.md says of these components: a kustomization that has nothing but them fits the server that is installed.
func TestComponentsThatUsersNameFitTheServer(t *testing.T) {
	installed := rendered(t, "overlays/default")
	service, pod := typed[corev1.Service](t, installed, "Service")[0], typed[appsv1.StatefulSet](t, installed, "StatefulSet")[0].Spec.Template
	objects := named(t, "monitoring", "networkpolicy")

	policies := typed[networkingv1.NetworkPolicy](t, objects, "NetworkPolicy")
	if len(policies) != 1 || policies[0].Namespace != service.Namespace || !maps.Equal(policies[0].Spec.PodSelector.MatchLabels, service.Spec.Selector) {
		t.Fatalf("policies %+v", policies)
	}
	open := map[string]bool{}
	for _, rule := range policies[0].Spec.Ingress {
		for _, port := range rule.Ports {
			open[port.Port.StrVal] = true
		}
		for _, peer := range rule.From {
			if !maps.Equal(peer.PodSelector.MatchLabels, service.Spec.Selector) {
				t.Errorf("it lets in %v", peer.PodSelector)
			}
		}
	}
	for _, port := range pod.Spec.Containers[0].Ports {
		if !open[port.Name] {
			t.Errorf("nobody may reach the port %s of the container", port.Name)
		}
		delete(open, port.Name)
	}
	if len(open) > 0 {
		t.Errorf("the container has no ports %v", open)
	}

	monitors := typed[serviceMonitor](t, objects, "ServiceMonitor")
	if len(monitors) != 1 {
		t.Fatalf("monitors %+v", monitors)
	}
	for key, value := range monitors[0].Spec.Selector.MatchLabels {
		if service.Labels[key] != value {
			t.Errorf("the monitor selects %s=%s, the Service has %q", key, value, service.Labels[key])
		}
	}
	for _, endpoint := range monitors[0].Spec.Endpoints {
		if !slices.ContainsFunc(service.Spec.Ports, func(port corev1.ServicePort) bool { return port.Name == endpoint.Port }) || endpoint.TLSConfig.ServerName != service.Name+"."+service.Namespace+".svc" {
			t.Errorf("the Service has no %+v", endpoint)
		}
	}
	kinds := map[string]int{}
	for _, object := range objects {
		kinds[object.GetKind()]++
	}
	if kinds["PrometheusRule"] != 1 || kinds["ConfigMap"] != 1 || kinds["ClusterRole"] == 0 {
		t.Errorf("there is %v", kinds)
	}
}

// serviceMonitor is as much of one as must fit the server.
type serviceMonitor struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		JobLabel  string               `json:"jobLabel"`
		Selector  metav1.LabelSelector `json:"selector"`
		Endpoints []struct {
			Port            string `json:"port"`
			Scheme          string `json:"scheme"`
			Path            string `json:"path"`
			Interval        string `json:"interval"`
			BearerTokenFile string `json:"bearerTokenFile"`
			TLSConfig       struct {
				ServerName string `json:"serverName"`
				CA         struct {
					Secret corev1.SecretKeySelector `json:"secret"`
				} `json:"ca"`
			} `json:"tlsConfig"`
		} `json:"endpoints"`
	} `json:"spec"`
}

// named builds a kustomization that has nothing but some components.
func named(t *testing.T, components ...string) []*unstructured.Unstructured {
	t.Helper()
	folder := t.TempDir()
	there, err := filepath.Abs(manifests)
	if err != nil {
		t.Fatal(err)
	}
	text := "components:\n"
	for _, component := range components {
		path, err := filepath.Rel(folder, filepath.Join(there, "components", component))
		if err != nil {
			t.Fatal(err)
		}
		text += "  - " + path + "\n"
	}
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	objects, err := capi.RenderFolder(folder)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// fits: the Service finds the pods, and each of its ports a port of the container.
func fits(t *testing.T, service *corev1.Service, template *corev1.PodTemplateSpec) {
	for key, value := range service.Spec.Selector {
		if template.Labels[key] != value {
			t.Errorf("the Service selects %s=%s, the pods have %q", key, value, template.Labels[key])
		}
	}
	named := map[string]bool{}
	for _, port := range template.Spec.Containers[0].Ports {
		named[port.Name] = true
	}
	for _, port := range service.Spec.Ports {
		if !named[port.TargetPort.StrVal] {
			t.Errorf("port %d of the Service leads to no port of the container: %s", port.Port, port.TargetPort.String())
		}
	}
}

func restricted(t *testing.T, pod *corev1.PodSpec, embedded bool) {
	container := pod.Containers[0]
	security := container.SecurityContext
	if !*pod.SecurityContext.RunAsNonRoot || pod.SecurityContext.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault ||
		*security.AllowPrivilegeEscalation || !*security.ReadOnlyRootFilesystem || security.Capabilities.Drop[0] != "ALL" {
		t.Errorf("not restricted: %+v, %+v", pod.SecurityContext, security)
	}
	volumes := map[string]bool{}
	for _, volume := range pod.Volumes {
		volumes[volume.Name] = true
	}
	volumes["data"] = embedded
	for _, mount := range container.VolumeMounts {
		if !volumes[mount.Name] {
			t.Errorf("%s is mounted from no volume (%s)", mount.MountPath, mount.Name)
		}
	}
}

func TestDefaultOverlaySetsTheImage(t *testing.T) {
	sets := typed[appsv1.StatefulSet](t, rendered(t, "overlays/default"), "StatefulSet")
	if image := sets[0].Spec.Template.Spec.Containers[0].Image; !strings.HasPrefix(image, "capa-apiserver:") {
		t.Errorf("the image is %q: the placeholder was not replaced", image)
	}
}

func TestEveryRoleIsBoundToTheServerOrJoinsTheUsersRoles(t *testing.T) {
	objects := rendered(t, "overlays/outside")
	bound := serverRoles(t, objects)
	for _, role := range typed[rbacv1.ClusterRole](t, objects, "ClusterRole") {
		_, joins := role.Labels["rbac.authorization.k8s.io/aggregate-to-admin"]
		if joins == bound["ClusterRole "+role.Name] {
			t.Errorf("ClusterRole %s: joins the users' roles %v, is bound to the server %v", role.Name, joins, !joins)
		}
	}
	for _, role := range typed[rbacv1.Role](t, objects, "Role") {
		if !bound["Role "+role.Name] {
			t.Errorf("Role %s is bound to nobody", role.Name)
		}
	}
}

// serverRoles are the roles bound to the server, as "Role name" and "ClusterRole name".
func serverRoles(t *testing.T, objects []*unstructured.Unstructured) map[string]bool {
	bound := map[string]bool{}
	add := func(ref rbacv1.RoleRef, subjects []rbacv1.Subject) {
		if len(subjects) != 1 || subjects[0].Namespace != "capa-system" || subjects[0].Name != "capa-apiserver" {
			t.Errorf("%s %s is bound to %v", ref.Kind, ref.Name, subjects)
		}
		bound[ref.Kind+" "+ref.Name] = true
	}
	for _, binding := range typed[rbacv1.ClusterRoleBinding](t, objects, "ClusterRoleBinding") {
		add(binding.RoleRef, binding.Subjects)
	}
	for _, binding := range typed[rbacv1.RoleBinding](t, objects, "RoleBinding") {
		add(binding.RoleRef, binding.Subjects)
	}
	return bound
}
