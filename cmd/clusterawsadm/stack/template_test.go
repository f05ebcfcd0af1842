package stack

import (
	"encoding/json"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/iamconfig"
	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/policy"
)

// What is printed is read as CloudFormation reads it, and each document in it by IAM's grammar: those of policies, and the trust of roles.
func TestDocumentsOfThePrintedTemplateAreIAMsGrammar(t *testing.T) {
	everything := &iamconfig.Default().Spec
	everything.EKS.AllowIAMRoleCreation, everything.EKS.EnableUserEKSConsolePolicy = true, true
	everything.EKS.ManagedMachinePool.Disable, everything.EKS.Fargate.Disable = false, false
	everything.ControlPlane.EnableCSIPolicy, everything.BootstrapUser.Enable = true, true
	for name, x := range map[string]struct {
		spec                  *iamconfig.Spec
		resources, trust, own int
	}{
		"default":    {&iamconfig.Default().Spec, 11, 4, 4},
		"everything": {everything, 17, 6, 6},
	} {
		printed, err := New(x.spec).YAML()
		if err != nil {
			t.Fatal(err)
		}
		var read Template
		if err := yaml.UnmarshalStrict([]byte(printed), &read); err != nil {
			t.Fatal(err)
		}
		found := map[string]int{}
		for id, r := range read.Resources {
			if !strings.HasPrefix(r.Type, "AWS::IAM::") {
				t.Errorf("%s, %s: the type is %s", name, id, r.Type)
			}
			for _, property := range []string{"PolicyDocument", "AssumeRolePolicyDocument"} {
				if r.Properties[property] == nil {
					continue
				}
				found[property]++
				text, err := json.Marshal(r.Properties[property])
				if err != nil {
					t.Fatal(err)
				}
				var document policy.Document
				if err := json.Unmarshal(text, &document); err != nil {
					t.Fatal(err)
				}
				for _, problem := range policy.Lint(document, nil) {
					t.Errorf("%s, %s of %s: %s", name, property, id, problem)
				}
				if isTrust := property == "AssumeRolePolicyDocument"; isTrust != (len(document.Statement[0].Principal) > 0) {
					t.Errorf("%s, %s of %s: its principals are %v", name, property, id, document.Statement[0].Principal)
				}
			}
		}
		if len(read.Resources) != x.resources || found["AssumeRolePolicyDocument"] != x.trust || found["PolicyDocument"] != x.own {
			t.Errorf("%s: there are %d resources, and %v documents", name, len(read.Resources), found)
		}
	}
}
