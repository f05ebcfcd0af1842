package policy

import (
	"slices"
	"strings"

	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/iamconfig"
)

// Question is a right to ask about, on a resource as a cluster would name it.
type Question struct {
	Action, Resource string
	Context          map[string]string
}

// Questions are what to ask to know whether somebody has a feature's rights, in an account.
func (f Feature) Questions(spec *iamconfig.Spec, partition, account, region string) []Question {
	var out []Question
	for _, g := range f.Under(spec) {
		context := map[string]string{}
		for _, keys := range g.Condition {
			for key, value := range keys {
				context[key] = strings.ReplaceAll(example(sample(value), partition, account, region), "*", "x")
			}
		}
		for _, action := range g.Actions {
			q := Question{Action: action, Resource: example(g.resources()[0], partition, account, region), Context: context}
			if !slices.ContainsFunc(out, func(o Question) bool { return o.Action == q.Action && o.Resource == q.Resource }) {
				out = append(out, q)
			}
		}
	}
	return out
}

// sample is what a condition takes, the first of several.
func sample(of any) string {
	switch v := of.(type) {
	case string:
		return v
	case []string:
		return sample(v[0])
	}
	return ""
}

// example is a resource that a pattern fits.
func example(pattern, partition, account, region string) string {
	parts := strings.SplitN(pattern, ":", 6)
	if len(parts) < 6 {
		return pattern
	}
	for i, value := range map[int]string{1: partition, 3: region, 4: account} {
		if parts[i] == "*" {
			parts[i] = value
		}
	}
	parts[5] = strings.ReplaceAll(parts[5], "*", "x")
	return strings.Join(parts, ":")
}
