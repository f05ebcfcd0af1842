package names

import (
	"encoding/json"
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TagsAnnotation is the annotation that remembers the users' tags as they were put on last, as
// JSON. (CAPA's wire format.)
const TagsAnnotation = "sigs.k8s.io/cluster-api-provider-aws-last-applied-tags"

// AppliedTags is what an object remembers of the users' tags, "" for nothing.
func AppliedTags(obj metav1.Object) string { return obj.GetAnnotations()[TagsAnnotation] }

// SetAppliedTags has an object remember the users' tags.
func SetAppliedTags(obj metav1.Object, text string) { Annotate(obj, TagsAnnotation, text) }

// Unwanted are the keys that an object remembers and nobody wants any more, in order.
func Unwanted(obj metav1.Object, wanted map[string]string) []string {
	var keys []string
	for _, key := range SortedKeys(remembered(obj)) {
		if _, still := wanted[key]; !still {
			keys = append(keys, key)
		}
	}
	return keys
}

// Remember is what an object has to remember: the users' tags, and unwanted ones until they
// are gone from what it has in AWS. "" stands for nothing.
func Remember(obj metav1.Object, users map[string]string, unwanted []string, there ...map[string]string) string {
	tags := map[string]string{}
	maps.Copy(tags, users)
	before := remembered(obj)
	for _, key := range unwanted {
		for _, have := range there {
			if _, still := have[key]; still {
				tags[key] = before[key]
			}
		}
	}
	if len(tags) == 0 {
		return ""
	}
	text, err := json.Marshal(tags)
	if err != nil {
		panic(err) // a map of texts can be written out
	}
	return string(text)
}

func remembered(obj metav1.Object) map[string]string {
	tags := map[string]string{}
	// Text that isn't ours says nothing.
	_ = json.Unmarshal([]byte(AppliedTags(obj)), &tags)
	return tags
}
