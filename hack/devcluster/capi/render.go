package capi

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	kustomize "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// ComponentsFile is where a provider's rendered components are kept below the folder of the binaries.
func ComponentsFile(provider string) string {
	return filepath.Join("components", provider+".json")
}

// Render builds a provider's kustomization, with which its releases are made: CRDs with their contract labels, roles and
// bindings, webhook configurations, and the Deployment. moduleDir is the root of sigs.k8s.io/cluster-api.
func Render(moduleDir string, p Provider) ([]*unstructured.Unstructured, error) {
	return RenderFolder(filepath.Join(moduleDir, p.Config))
}

// RenderFolder builds the kustomization in a folder.
func RenderFolder(folder string) ([]*unstructured.Unstructured, error) {
	resources, err := kustomizeFolder(folder)
	if err != nil {
		return nil, err
	}
	objects := make([]*unstructured.Unstructured, 0, resources.Size())
	for _, resource := range resources.Resources() {
		content, err := resource.Map()
		if err != nil {
			return nil, fmt.Errorf("render %s: %s: %w", folder, resource.CurId(), err)
		}
		// A round trip through JSON gives the number types that unstructured objects must have.
		raw, err := json.Marshal(content)
		if err != nil {
			return nil, err
		}
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(raw); err != nil {
			return nil, fmt.Errorf("render %s: %s: %w", folder, resource.CurId(), err)
		}
		objects = append(objects, object)
	}
	return objects, nil
}

// RenderText builds the kustomization in a folder as text, in which variables like ${NAME} stand where they stood, numbers too.
func RenderText(folder string) ([]byte, error) {
	resources, err := kustomizeFolder(folder)
	if err != nil {
		return nil, err
	}
	return resources.AsYaml()
}

func kustomizeFolder(folder string) (resmap.ResMap, error) {
	options := krusty.MakeDefaultOptions()
	// Kustomizations reach into their sibling folders.
	options.LoadRestrictions = kustomize.LoadRestrictionsNone
	resources, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", folder, err)
	}
	return resources, nil
}

// RenderFile renders a provider into a file that ReadFile reads.
func RenderFile(moduleDir string, p Provider, path string) error {
	objects, err := Render(moduleDir, p)
	if err != nil {
		return err
	}
	list := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "v1", "kind": "List"}}
	for _, object := range objects {
		list.Items = append(list.Items, *object)
	}
	raw, err := list.MarshalJSON()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make the components folder: %w", err)
	}
	return os.WriteFile(path, raw, 0o644)
}

// ReadFile reads what RenderFile wrote.
func ReadFile(path string) ([]*unstructured.Unstructured, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read Cluster API's components (run \"devcluster build\" first): %w", err)
	}
	list := &unstructured.UnstructuredList{}
	if err := list.UnmarshalJSON(raw); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	objects := make([]*unstructured.Unstructured, 0, len(list.Items))
	for i := range list.Items {
		objects = append(objects, &list.Items[i])
	}
	return objects, nil
}

// fillAggregatedRoles gives aggregated ClusterRoles the rules of the roles among objects that they select. The
// controller manager does the same a moment later and keeps it so; filled now, the managers have their rights from the first request.
func fillAggregatedRoles(objects []*unstructured.Unstructured) error {
	for _, object := range objects {
		if object.GetKind() != "ClusterRole" {
			continue
		}
		var role rbacv1.ClusterRole
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &role); err != nil {
			return fmt.Errorf("ClusterRole %s: %w", object.GetName(), err)
		}
		if role.AggregationRule == nil {
			continue
		}
		rules, err := selectRules(objects, role.AggregationRule.ClusterRoleSelectors)
		if err != nil {
			return fmt.Errorf("ClusterRole %s: %w", object.GetName(), err)
		}
		object.Object["rules"] = rules
	}
	return nil
}

func selectRules(objects []*unstructured.Unstructured, selectors []metav1.LabelSelector) ([]any, error) {
	rules := []any{}
	for i := range selectors {
		selector, err := metav1.LabelSelectorAsSelector(&selectors[i])
		if err != nil {
			return nil, err
		}
		for _, object := range objects {
			if object.GetKind() != "ClusterRole" || !selector.Matches(labels.Set(object.GetLabels())) {
				continue
			}
			own, _, err := unstructured.NestedSlice(object.Object, "rules")
			if err != nil {
				return nil, err
			}
			rules = append(rules, own...)
		}
	}
	return rules, nil
}
