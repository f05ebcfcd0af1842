package templateimmutable

import (
	"errors"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

var templates = Templates{infrav1.Kind("AWSClusterTemplate"): nil}

func template(region string) *infrav1.AWSClusterTemplate {
	t := &infrav1.AWSClusterTemplate{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "small"}}
	t.Spec.Template.Spec.Region = region
	return t
}

func with(t *infrav1.AWSClusterTemplate, change func(*infrav1.AWSClusterTemplate)) *infrav1.AWSClusterTemplate {
	change(t)
	return t
}

func dryRunAnnotated(t *infrav1.AWSClusterTemplate) *infrav1.AWSClusterTemplate {
	return with(t, func(t *infrav1.AWSClusterTemplate) {
		t.Annotations = map[string]string{"topology.cluster.x-k8s.io/dry-run": ""}
	})
}

func TestTemplatesKeepTheirSpec(t *testing.T) {
	cases := map[string]struct {
		old, updated runtime.Object
		kind         string
		group        string
		dryRun       bool
		field        string // empty: must pass
	}{
		"spec changed":                                       {old: template("us-east-1"), updated: template("eu-west-1"), field: "spec.template.spec.region"},
		"spec changed by a plain dry run":                    {old: template("us-east-1"), updated: template("eu-west-1"), dryRun: true, field: "spec.template.spec.region"},
		"spec changed under the annotation, for real":        {old: template("us-east-1"), updated: dryRunAnnotated(template("eu-west-1")), field: "spec.template.spec.region"},
		"dry run with the annotation on the old object only": {old: dryRunAnnotated(template("us-east-1")), updated: template("eu-west-1"), dryRun: true, field: "spec.template.spec.region"},
		"Cluster API's dry run":                              {old: template("us-east-1"), updated: dryRunAnnotated(template("eu-west-1")), dryRun: true},
		"labels of what is made from it changed": {old: template("us-east-1"), field: "spec.template.metadata.labels", updated: with(template("us-east-1"), func(t *infrav1.AWSClusterTemplate) {
			t.Spec.Template.ObjectMeta.Labels = map[string]string{"a": "b"}
		})},
		"a field within a field": {old: template("us-east-1"), field: "spec.template.spec.network.vpc.cidrBlock", updated: with(template("us-east-1"), func(t *infrav1.AWSClusterTemplate) {
			t.Spec.Template.Spec.Network.VPC.CidrBlock = "10.1.0.0/16"
		})},
		"an optional field that is added": {old: template("us-east-1"), field: "spec.template.spec.controlPlaneLoadBalancer", updated: with(template("us-east-1"), func(t *infrav1.AWSClusterTemplate) {
			t.Spec.Template.Spec.ControlPlaneLoadBalancer = &infrav1.AWSLoadBalancerSpec{LoadBalancerType: infrav1.LoadBalancerTypeNLB}
		})},
		"only metadata changed": {old: template("us-east-1"), updated: with(template("us-east-1"), func(t *infrav1.AWSClusterTemplate) {
			t.Labels, t.Finalizers = map[string]string{"a": "b"}, []string{"x/y"}
		})},
		"empty list for an absent one": {old: template("us-east-1"), updated: with(template("us-east-1"), func(t *infrav1.AWSClusterTemplate) {
			t.Spec.Template.Spec.Network.Subnets = infrav1.Subnets{}
		})},
		"not a template":    {old: &infrav1.AWSCluster{}, updated: &infrav1.AWSCluster{Spec: infrav1.AWSClusterSpec{Region: "eu-west-1"}}, kind: "AWSCluster"},
		"not of our groups": {old: template("us-east-1"), updated: template("eu-west-1"), group: "example.org"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			kind := infrav1.SchemeGroupVersion.WithKind("AWSClusterTemplate")
			if c.kind != "" {
				kind.Kind = c.kind
			}
			if c.group != "" {
				kind.Group = c.group
			}
			err := New(templates).Validate(t.Context(), attributes(kind, c.old, c.updated, c.dryRun), nil)
			if c.field == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), " "+c.field+": ") || !strings.Contains(err.Error(), "create a new template") {
				t.Errorf("error %v, want Invalid at %s that says what to do", err, c.field)
			}
		})
	}
}

func TestEveryChangedFieldOfATemplateIsNamed(t *testing.T) {
	updated := with(template("eu-west-1"), func(t *infrav1.AWSClusterTemplate) {
		t.Spec.Template.Spec.AdditionalTags = infrav1.Tags{"a": "b"}
		t.Spec.Template.Spec.Network.VPC.CidrBlock = "10.1.0.0/16"
	})
	err := New(templates).Validate(t.Context(), attributes(infrav1.SchemeGroupVersion.WithKind("AWSClusterTemplate"), template("us-east-1"), updated, false), nil)
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		t.Fatalf("error %v", err)
	}
	var fields []string
	for _, cause := range status.Status().Details.Causes {
		fields = append(fields, cause.Field)
	}
	slices.Sort(fields)
	if got, want := strings.Join(fields, " "), "spec.template.spec.additionalTags spec.template.spec.network.vpc.cidrBlock spec.template.spec.region"; got != want {
		t.Errorf("named are %s, want %s", got, want)
	}
}

func attributes(kind schema.GroupVersionKind, old, updated runtime.Object, dryRun bool) admission.Attributes {
	resource := schema.GroupVersionResource{Group: kind.Group, Version: kind.Version, Resource: strings.ToLower(kind.Kind) + "s"}
	return admission.NewAttributesRecord(updated, old, kind, "default", "small", resource, "", admission.Update, &metav1.UpdateOptions{}, dryRun, nil)
}

func TestPluginActsOnUpdatesOnly(t *testing.T) {
	plugins := admission.NewPlugins()
	Register(plugins, templates)
	if got := plugins.Registered(); len(got) != 1 || got[0] != PluginName {
		t.Fatalf("registered %v", got)
	}
	p := New(templates)
	for operation, want := range map[admission.Operation]bool{
		admission.Update: true, admission.Create: false, admission.Delete: false, admission.Connect: false,
	} {
		if got := p.Handles(operation); got != want {
			t.Errorf("%s: handled=%v, want %v", operation, got, want)
		}
	}
}
