package ninth

import (
	"testing"

	"github.com/capa-apiserver/capa-apiserver/test/groups"
)

func TestItsSchemaAndRulesAreThoseOfARealKind(t *testing.T) {
	b := groups.NewBench(Group, rules)
	manifest := "apiVersion: ninth.example.com/v2beta1\nkind: AWSNinth\nmetadata: {name: a}\nspec: "
	for content, want := range map[string]string{
		"{clusterName: c, size: 1}":  "",
		"{clusterName: c, size: -1}": "spec.size: Invalid value: -1: should be greater than or equal to 0",
		"{size: 1}":                  "spec.clusterName: Required value: name the cluster",
		"{misspelt: c}":              `strict decoding error: unknown field "spec.misspelt"`,
	} {
		if got := b.Judge([][]byte{[]byte(manifest + content)}); got != want {
			t.Errorf("%s is answered %q, want %q", content, got, want)
		}
	}
}
