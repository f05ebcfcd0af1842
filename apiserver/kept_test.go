package apiserver

import (
	"context"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/metadata/fake"
)

// Without its label nothing is deleted by an upgrade, and with an owner everything is with the provider.
func TestWhatTheHostReachesTheServerByGoesWithTheProviderOnly(t *testing.T) {
	own := func(group, version, kind string) *metav1.PartialObjectMetadata {
		m := &metav1.PartialObjectMetadata{}
		m.APIVersion, m.Kind, m.Namespace, m.Name = version, kind, "capa-system", "capa-apiserver"
		if group != "" {
			m.APIVersion = group + "/" + version
		}
		m.Labels = map[string]string{"clusterctl.cluster.x-k8s.io": "", "cluster.x-k8s.io/provider": "infrastructure-aws"}
		return m
	}
	entry := own("clusterctl.cluster.x-k8s.io", "v1alpha3", "Provider")
	entry.Name, entry.UID = "infrastructure-aws", "of-the-entry"
	for _, test := range []struct {
		name  string
		entry bool
	}{{"installed by clusterctl", true}, {"installed otherwise", false}} {
		t.Run(test.name, func(t *testing.T) {
			objects := []runtime.Object{own("", "v1", "ServiceAccount"), own("", "v1", "Service"), own("apps", "v1", "StatefulSet")}
			if test.entry {
				objects = append(objects, entry)
			}
			scheme := fake.NewTestScheme()
			if err := metav1.AddMetaToScheme(scheme); err != nil {
				t.Fatal(err)
			}
			client := fake.NewSimpleMetadataClient(scheme, objects...)
			k := kept{client, "capa-system"}
			for range 2 {
				if found, err := k.keep(context.Background()); err != nil || found != test.entry {
					t.Fatal(found, err)
				}
			}
			for _, resource := range keptResources {
				o, err := client.Resource(resource).Namespace("capa-system").Get(context.Background(), "capa-apiserver", metav1.GetOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if _, labelled := o.Labels["clusterctl.cluster.x-k8s.io"]; labelled == test.entry {
					t.Errorf("%s has the labels %v", resource.Resource, o.Labels)
				}
				if owned := len(o.OwnerReferences) == 1 && o.OwnerReferences[0].UID == entry.UID; owned != test.entry {
					t.Errorf("%s belongs to %v", resource.Resource, o.OwnerReferences)
				}
			}
		})
	}
}
