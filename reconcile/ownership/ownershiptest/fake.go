// Package ownershiptest helps tests that have objects in a fake client.
package ownershiptest

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// Indexed has the fake client find objects as an ownership.Index looks for them.
func Indexed(build *fake.ClientBuilder) *fake.ClientBuilder {
	if err := ownership.IndexFields(context.Background(), fields{build}); err != nil {
		panic(err) // the builder takes all fields
	}
	return build
}

type fields struct{ build *fake.ClientBuilder }

// IndexField has the client under construction index a field.
func (f fields) IndexField(_ context.Context, obj client.Object, field string, values client.IndexerFunc) error {
	f.build.WithIndex(obj, field, values)
	return nil
}
