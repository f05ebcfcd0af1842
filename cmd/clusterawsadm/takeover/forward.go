package takeover

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capa-apiserver/capa-apiserver/apis/takeover"
)

// contract is Cluster API's label that says which version of a kind follows the contract.
const contract = "cluster.x-k8s.io/v1beta2"

// before is what a CRD was before it was taken over.
type before struct {
	Versions []string          `json:"versions"`
	Served   []string          `json:"served"`
	Storage  string            `json:"storage"`
	Labels   map[string]string `json:"labels"`
}

// claim marks CAPA's CRDs, upon which the server claims what nobody else serves.
func (t *taker) claim(ctx context.Context) error {
	kinds, err := t.all(ctx)
	if err != nil {
		return err
	}
	for _, k := range kinds {
		if _, marked := k.crd.Annotations[takeover.CRDAnnotation]; marked {
			continue
		}
		text, err := json.Marshal(beforeOf(k.crd))
		if err != nil {
			return err
		}
		if err := t.patchCRD(ctx, "mark", k, map[string]any{"metadata": map[string]any{"annotations": map[string]any{takeover.CRDAnnotation: string(text)}}}); err != nil {
			return err
		}
	}
	for _, g := range groups {
		if claimable, err := t.claimable(ctx, g.Name()); err != nil {
			return err
		} else if !claimable {
			continue
		}
		err := t.wait(ctx, "the server serves "+g.Name()+"/"+theirs, func(ctx context.Context) error {
			service, err := t.dynamic.Resource(services).Get(ctx, theirs+"."+g.Name(), metav1.GetOptions{})
			if err != nil {
				return err
			}
			if service.GetLabels()[managedBy] != server || !available(service) {
				return fmt.Errorf("APIService %s isn't the server's yet: see ConfigMap %s/capa-apiserver-registrar", service.GetName(), t.Namespace)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func beforeOf(crd *apiextensionsv1.CustomResourceDefinition) before {
	b := before{Labels: crd.Labels}
	for _, v := range crd.Spec.Versions {
		b.Versions = append(b.Versions, v.Name)
		if v.Served {
			b.Served = append(b.Served, v.Name)
		}
		if v.Storage {
			b.Storage = v.Name
		}
	}
	return b
}

func (t *taker) patchCRD(ctx context.Context, verb string, k kind, patch map[string]any) error {
	text, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	return t.write(verb+" CRD "+k.crd.Name, func() error {
		_, err := t.dynamic.Resource(crds).Patch(ctx, k.crd.Name, types.MergePatchType, text, metav1.PatchOptions{FieldManager: fieldManager})
		return err
	})
}

// claimable tells whether nobody but CAPA has something at its version of a group: Cluster API's
// kubeadm providers share two of the groups, and whoever serves a version serves all of it.
func (t *taker) claimable(ctx context.Context, groupName string) (bool, error) {
	list, err := t.dynamic.Resource(crds).List(ctx, metav1.ListOptions{})
	if err != nil {
		return false, err
	}
	found := false
	for _, item := range list.Items {
		if in, _, _ := unstructured.NestedString(item.Object, "spec", "group"); in != groupName {
			continue
		}
		if _, taken := item.GetAnnotations()[takeover.CRDAnnotation]; taken {
			found = true
			continue
		}
		versions, _, _ := unstructured.NestedSlice(item.Object, "spec", "versions")
		for _, v := range versions {
			if v, _ := v.(map[string]any); v["name"] == theirs && v["served"] == true {
				return false, nil
			}
		}
	}
	return found, nil
}

// shadow has Cluster API look for the kinds at the server's version, and then ends what the CRDs
// serve. What they keep stays there, for the way back.
func (t *taker) shadow(ctx context.Context) error {
	kinds, err := t.all(ctx)
	if err != nil {
		return err
	}
	for _, k := range kinds {
		labels := map[string]any{contract: ours, "clusterctl.cluster.x-k8s.io": "", "cluster.x-k8s.io/v1beta1": nil, "cluster.x-k8s.io/v1alpha4": nil, "cluster.x-k8s.io/v1alpha3": nil}
		if k.crd.Labels[contract] == ours || !known(k.group, k.name) {
			continue
		}
		if err := t.patchCRD(ctx, "label", k, map[string]any{"metadata": map[string]any{"labels": labels}}); err != nil {
			return err
		}
	}
	if err := t.settle(ctx); err != nil {
		return err
	}
	for _, k := range kinds {
		change := unserved
		if !known(k.group, k.name) {
			change = silent
		}
		if err := t.changeVersions(ctx, "end", k, change); err != nil {
			return err
		}
	}
	return nil
}

// silent are the versions of a CRD that serves nothing.
func silent(crd *apiextensionsv1.CustomResourceDefinition) {
	for i := range crd.Spec.Versions {
		crd.Spec.Versions[i].Served = false
	}
}

// unserved are the versions of a CRD that serves nothing and stores as the server's shadows do.
func unserved(crd *apiextensionsv1.CustomResourceDefinition) {
	preserve, found := true, false
	for i := range crd.Spec.Versions {
		v := &crd.Spec.Versions[i]
		v.Served, v.Storage = false, v.Name == ours
		found = found || v.Name == ours
	}
	if !found {
		crd.Spec.Versions = append(crd.Spec.Versions, apiextensionsv1.CustomResourceDefinitionVersion{
			Name: ours, Storage: true,
			Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: &preserve}},
		})
	}
}

// changeVersions changes a CRD as it is now.
func (t *taker) changeVersions(ctx context.Context, verb string, k kind, change func(*apiextensionsv1.CustomResourceDefinition)) error {
	kept, err := t.dynamic.Resource(crds).Get(ctx, k.crd.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := decode(kept, crd); err != nil {
		return err
	}
	versions := slices.Clone(crd.Spec.Versions)
	change(crd)
	if sameVersions(versions, crd.Spec.Versions) {
		return nil
	}
	text, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": kept.GetResourceVersion(), "labels": crd.Labels, "annotations": crd.Annotations},
		"spec":     map[string]any{"versions": crd.Spec.Versions},
	})
	if err != nil {
		return err
	}
	return t.write(verb+" CRD "+k.crd.Name, func() error {
		_, err := t.dynamic.Resource(crds).Patch(ctx, k.crd.Name, types.MergePatchType, text, metav1.PatchOptions{FieldManager: fieldManager})
		return err
	})
}

func sameVersions(a, b []apiextensionsv1.CustomResourceDefinitionVersion) bool {
	told := func(all []apiextensionsv1.CustomResourceDefinitionVersion) map[string][2]bool {
		out := map[string][2]bool{}
		for _, v := range all {
			out[v.Name] = [2]bool{v.Served, v.Storage}
		}
		return out
	}
	return maps.Equal(told(a), told(b))
}
