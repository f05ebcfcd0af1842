package registrar

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capa-apiserver/capa-apiserver/apis/takeover"
)

// Labels that Cluster API core and clusterctl look for on a CRD.
const (
	contractLabel   = "cluster.x-k8s.io/v1beta2"
	clusterctlLabel = "clusterctl.cluster.x-k8s.io"
	// providerName is clusterctl's name of the one provider that installs all
	// of our kinds, whatever their group.
	providerName = "infrastructure-aws"
)

// ShadowCRD gives the CRD that stands for a kind without serving it. Cluster
// API reads its name and labels, clusterctl also group, kind, scope and the
// version with storage: true. It must never be served: whenever our APIService
// were gone for a moment its empty storage would answer in our place.
func ShadowCRD(r Resource) *apiextensionsv1.CustomResourceDefinition {
	preserve := true
	scope := apiextensionsv1.ClusterScoped
	if r.Namespaced {
		scope = apiextensionsv1.NamespaceScoped
	}
	singular := r.Singular
	if singular == "" {
		singular = strings.ToLower(r.Kind)
	}
	return &apiextensionsv1.CustomResourceDefinition{
		TypeMeta: metav1.TypeMeta{
			APIVersion: apiextensionsv1.SchemeGroupVersion.String(), Kind: "CustomResourceDefinition",
		},
		ObjectMeta: metav1.ObjectMeta{Name: r.shadowName(), Labels: shadowLabels(r)},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: r.Group,
			Names: apiextensionsv1.CustomResourceDefinitionNames{
				Kind: r.Kind, ListKind: r.Kind + "List", Plural: r.Plural, Singular: singular,
				ShortNames: r.ShortNames, Categories: r.Categories,
			},
			Scope: scope,
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: NativeVersion, Served: false, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{
					OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: &preserve},
				},
			}},
		},
	}
}

func shadowLabels(r Resource) map[string]string {
	labels := map[string]string{
		managedByLabel:  managedBy,
		providerLabel:   providerName,
		clusterctlLabel: "",
		contractLabel:   NativeVersion,
	}
	maps.Copy(labels, r.ShadowLabels)
	return labels
}

// DecideShadows says for every kind whether its shadow CRD is to be applied. A
// CRD of that name which serves or stores objects is someone else's.
func DecideShadows(resources []Resource, host HostState) []ShadowDecision {
	var decisions []ShadowDecision
	for _, r := range resources {
		if !r.hasShadow() {
			continue
		}
		d := decideShadow(r, findCRD(host.CRDs, r.shadowName()))
		d.Resource = r
		decisions = append(decisions, d)
	}
	return decisions
}

func decideShadow(r Resource, existing *apiextensionsv1.CustomResourceDefinition) ShadowDecision {
	if existing != nil {
		if _, taken := existing.Annotations[takeover.CRDAnnotation]; taken {
			return ShadowDecision{Action: ActionLeave, Reason: ReasonShadow, Message: fmt.Sprintf(
				"left alone: %s was taken over, and keeps what the way back needs; never delete it, Cluster API looks its labels up",
				describe([]*apiextensionsv1.CustomResourceDefinition{existing}))}
		}
		if served := servedVersions(existing); len(served) > 0 {
			return ShadowDecision{Action: ActionLeave, Reason: ReasonForeignCRD, Message: fmt.Sprintf(
				"left alone: %s serves %s; Cluster API reads its labels, not ours, until it is removed",
				describe([]*apiextensionsv1.CustomResourceDefinition{existing}), strings.Join(served, ", "))}
		}
		if stored := foreignStoredVersions(existing); len(stored) > 0 {
			return ShadowDecision{Action: ActionLeave, Reason: ReasonForeignCRDStores, Message: fmt.Sprintf(
				"left alone: %s may hold objects stored as %s; delete that CRD when they are no longer needed",
				describe([]*apiextensionsv1.CustomResourceDefinition{existing}), strings.Join(stored, ", "))}
		}
	}
	return ShadowDecision{Action: ActionApply, Reason: ReasonShadow,
		Message: fmt.Sprintf("shadow: %s follows the contract v1beta2 at version %s", r.Kind, NativeVersion)}
}

func findCRD(all []*apiextensionsv1.CustomResourceDefinition, name string) *apiextensionsv1.CustomResourceDefinition {
	for _, crd := range all {
		if crd.Name == name {
			return crd
		}
	}
	return nil
}

func servedVersions(crd *apiextensionsv1.CustomResourceDefinition) []string {
	var names []string
	for _, v := range crd.Spec.Versions {
		if v.Served {
			names = append(names, v.Name)
		}
	}
	return names
}

func foreignStoredVersions(crd *apiextensionsv1.CustomResourceDefinition) []string {
	return slices.DeleteFunc(slices.Clone(crd.Status.StoredVersions), func(v string) bool { return v == NativeVersion })
}

// shadowInStep tells whether the CRD in the host needs no write.
func shadowInStep(existing, desired *apiextensionsv1.CustomResourceDefinition) bool {
	if existing == nil || !labelsInclude(existing.Labels, desired.Labels) {
		return false
	}
	// The host fills in a conversion strategy; nothing is ever converted here.
	spec := existing.Spec.DeepCopy()
	spec.Conversion = nil
	return equality.Semantic.DeepEqual(*spec, desired.Spec)
}

func labelsInclude(have, want map[string]string) bool {
	for k, v := range want {
		if got, ok := have[k]; !ok || got != v {
			return false
		}
	}
	return true
}
