package launchtemplate

import (
	"encoding/json"
	"maps"
	"slices"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

// The tags on a template's instances that tell where their bootstrap data is from.
// (CAPA's wire format.)
const (
	// TagBootstrapSecret names the Secret, as NAMESPACE/NAME. Another Secret is
	// another configuration, and has instances replaced.
	TagBootstrapSecret = "sigs.k8s.io/cluster-api-provider-aws/bootstrap-data-secret"
	// TagBootstrapHash is the digest of its content, which changes whenever a
	// token in it is renewed.
	TagBootstrapHash = "sigs.k8s.io/cluster-api-provider-aws/bootstrap-data-hash"
)

// userData is the field that differs without instances being outdated: they have
// read theirs.
const userData = "UserData"

// KeyName is the field of the key pair.
const KeyName = "KeyName"

// changed returns the names of the fields in which a version differs from what is
// wanted, in order.
func changed(want *ec2types.RequestLaunchTemplateData, have *ec2types.ResponseLaunchTemplateData) []string {
	return differing(fields(want), fields(have))
}

// SameConfiguration tells whether instances of both versions are alike, but for some
// fields.
func SameConfiguration(a, b *ec2types.ResponseLaunchTemplateData, ignored ...string) bool {
	differ := configurationOf(differing(fields(a), fields(b)))
	return !slices.ContainsFunc(differ, func(name string) bool { return !slices.Contains(ignored, name) })
}

// configurationOf returns the fields of which a change outdates instances.
func configurationOf(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == userData })
}

func differing(a, b map[string]string) []string {
	var list []string
	for name, value := range a {
		if b[name] != value {
			list = append(list, name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// fields returns the fields that say something, each in one form: the SDK's
// structs of requests and answers have the same names for the same things. What
// AWS adds, what tells only whose an instance is, and any order are left out.
func fields(data any) map[string]string {
	var all map[string]any
	text, err := json.Marshal(data)
	if err != nil || json.Unmarshal(text, &all) != nil {
		panic("the SDK's structs can be written out") // they hold nothing else
	}
	out := map[string]string{}
	for name, value := range all {
		if plain := simplify(value); plain != nil {
			out[name] = written(plain)
		}
	}
	return out
}

func written(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // it was read from JSON
	}
	return string(text)
}

// withoutSecret are the tags of a template's volumes but for the one that only instances have in CAPA's.
func withoutSecret(volume map[string]any) map[string]any {
	out := maps.Clone(volume)
	if tags, ok := out["Tags"].([]any); ok {
		out["Tags"] = slices.DeleteFunc(slices.Clone(tags), func(tag any) bool {
			of, ok := tag.(map[string]any)
			return ok && of["Key"] == TagBootstrapSecret
		})
	}
	return out
}

// simplify returns a value without what is empty; nil when nothing is left.
func simplify(value any) any {
	switch v := value.(type) {
	case map[string]any:
		if v["ResourceType"] == string(ec2types.ResourceTypeNetworkInterface) {
			return nil // CAPA's templates tag none
		}
		if v["ResourceType"] == string(ec2types.ResourceTypeVolume) {
			v = withoutSecret(v)
		}
		out := map[string]any{}
		for key, item := range v {
			// EC2 tells of metadata options whether they are in force.
			if plain := simplify(item); plain != nil && key != "State" {
				out[key] = plain
			}
		}
		if key, ok := out["Key"].(string); len(out) == 0 || ok && (key == names.TagUID || key == names.TagNamespace || key == TagBootstrapHash) {
			return nil
		}
		return out
	case []any:
		var list []any
		for _, item := range v {
			if plain := simplify(item); plain != nil {
				list = append(list, plain)
			}
		}
		if len(list) == 0 {
			return nil
		}
		slices.SortFunc(list, func(a, b any) int {
			if x, y := written(a), written(b); x < y {
				return -1
			} else if x > y {
				return 1
			}
			return 0
		})
		return list
	case string:
		if v == "" {
			return nil
		}
	case bool:
		if !v {
			return nil
		}
	}
	return value
}
