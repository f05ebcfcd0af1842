package admission

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// defaultRegion writes the controller's own region into clusters that name none,
// so that it is recorded and stays when the controller moves. An empty region
// switches it off.
func defaultRegion(region string) Defaulter {
	return func(_ context.Context, _ Request, object *unstructured.Unstructured) error {
		present, _, err := unstructured.NestedString(object.Object, "spec", "region")
		if err != nil || present != "" || region == "" {
			return err
		}
		return unstructured.SetNestedField(object.Object, region, "spec", "region")
	}
}
