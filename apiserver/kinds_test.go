package apiserver

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apiserver/templateimmutable"
)

func TestTheTableHasEveryKindOfItsGroups(t *testing.T) {
	table := NewTable(Kinds()...)
	for _, g := range table.Groups() {
		rows := 0
		for _, row := range table.Rows {
			if row.Group == g {
				rows++
			}
		}
		if kinds := len(g.Hub.Kinds()) / 2; rows != kinds {
			t.Errorf("%s has %d kinds and %d rows in kinds.go: add what lacks", g.Name(), kinds, rows)
		}
	}
}

// The names that people type are CAPA's ("Custom resources" of its book).
func TestKindsHaveTheNamesThatPeopleType(t *testing.T) {
	want := map[string]string{
		"eksconfigs": "eksc", "eksconfigtemplates": "eksct", "nodeadmconfigs": "", "nodeadmconfigtemplates": "nodeadmct",
		"awsmanagedcontrolplanes": "awsmcp", "awsmanagedcontrolplanetemplates": "awmcpt",
		"awsclustercontrolleridentities": "awsci", "awsclusterroleidentities": "awsri", "awsclusterstaticidentities": "awssi",
		"awsclusters": "awsc", "awsclustertemplates": "awsct", "awsfargateprofiles": "awsfp",
		"awsmachines": "awsm", "awsmachinetemplates": "awsmt", "awsmachinepools": "awsmp",
		"awsmanagedclusters": "awsmc", "awsmanagedclustertemplates": "awsmct",
		"awsmanagedmachinepools": "awsmmp", "awsmanagedmachinepooltemplates": "awsmmpt",
	}
	for _, row := range Kinds() {
		name, known := want[row.GroupResource().Resource]
		if is := strings.Join(row.ShortNames, ","); !known || is != name {
			t.Errorf("%s has the short names %q, want %q", row.GroupResource(), is, name)
		}
		delete(want, row.GroupResource().Resource)
	}
	for resource := range want {
		t.Errorf("there is no %s", resource)
	}
}

func TestIdentitiesMoveWithTheirClusters(t *testing.T) {
	for _, row := range Kinds() {
		_, moves := row.Labels[infrav1.MoveHierarchyLabel]
		if identity := !row.Namespaced; moves != identity {
			t.Errorf("%s: the label for clusterctl move is there: %v, want %v", row.Name, moves, identity)
		}
	}
}

func TestWhatAMachineTemplateMayChange(t *testing.T) {
	plugin := templateimmutable.New(NewTable(Kinds()...).templates())
	machines := func(change func(*infrav1.AWSMachineTemplate)) *infrav1.AWSMachineTemplate {
		m := &infrav1.AWSMachineTemplate{}
		infrav1.SetObjectDefaults_AWSMachineTemplate(m)
		change(m)
		return m
	}
	none := machines(func(*infrav1.AWSMachineTemplate) {})
	strict := machines(func(m *infrav1.AWSMachineTemplate) {
		m.Spec.Template.Spec.InstanceMetadataOptions.HTTPTokens = infrav1.HTTPTokensRequired
	})
	for name, c := range map[string]struct {
		old, updated *infrav1.AWSMachineTemplate
		taken        bool
	}{
		"metadata of what is made from it": {none, machines(func(m *infrav1.AWSMachineTemplate) {
			m.Spec.Template.ObjectMeta.Annotations = map[string]string{"a": "b"}
		}), true},
		"metadata options where none were written": {none, strict, true},
		"other metadata options":                   {strict, none, false},
		"the instance type": {none, machines(func(m *infrav1.AWSMachineTemplate) {
			m.Spec.Template.Spec.InstanceType = "m5.large"
		}), false},
	} {
		kind := infrav1.SchemeGroupVersion.WithKind("AWSMachineTemplate")
		err := plugin.Validate(t.Context(), admission.NewAttributesRecord(c.updated, c.old, kind, "default", "small",
			infrav1.SchemeGroupVersion.WithResource("awsmachinetemplates"), "", admission.Update, &metav1.UpdateOptions{}, false, nil), nil)
		if (err == nil) != c.taken {
			t.Errorf("%s: %v", name, err)
		}
	}
}
