// Package admission judges what the objects of a request alone cannot tell:
// whether what they refer to exists and may be used. It serves webhooks for our
// kinds, installs their configuration in the host, and asks the same rules in process,
// where its own API server would ask the webhooks.
//
// A further rule is one function in one small file and one entry among the rules of
// its kind in kinds.go.
package admission

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
	webhook "sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// Request is what a rule is asked about.
type Request struct {
	Operation admissionv1.Operation
	// Object is the new object, nil on DELETE; Old the present one, nil on
	// CREATE. Both are of the hub's Go type of the kind.
	Object, Old client.Object
	DryRun      bool
	Namespace   string
	Name        string
}

// Rule judges one request. It answers at once with nothing when an update does
// not change what it judges, so that unrelated updates always pass. Errors of
// type Internal mean that it could not judge; the request then fails with 500.
type Rule func(ctx context.Context, r Request) (warnings []string, errs field.ErrorList)

// Defaulter fills in what needs more than the object. It must be idempotent:
// Cluster API compares dry runs.
type Defaulter func(ctx context.Context, r Request, object *unstructured.Unstructured) error

// errNotOurs is answered to a request for another kind than the path says.
var errNotOurs = errors.New("the webhook configuration does not match this server: let the server install it")

// decode reads the objects of a request at the hub's version, which the
// configuration asks for; matchPolicy Equivalent converts the others.
func (k Kind) decode(req webhook.Request) (Request, error) {
	r := Request{
		Operation: req.Operation, Namespace: req.Namespace, Name: req.Name,
		DryRun: req.DryRun != nil && *req.DryRun,
	}
	if schema.GroupVersionKind(req.Kind) != k.GroupVersionKind {
		return r, fmt.Errorf("%s %s/%s at the path of %s: %w", req.Kind.Kind, req.Kind.Group, req.Kind.Version, k.GroupVersionKind, errNotOurs)
	}
	var err error
	if r.Object, err = k.read(req.Object.Raw, "object"); err != nil {
		return r, err
	}
	r.Old, err = k.read(req.OldObject.Raw, "oldObject")
	return r, err
}

func (k Kind) read(raw []byte, what string) (client.Object, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	object := k.New().(client.Object)
	if err := json.Unmarshal(raw, object); err != nil {
		return nil, fmt.Errorf("%s is no %s: %w", what, k.Kind, err)
	}
	return object, nil
}

// isDeleting: whoever takes finalizers off a deleted object must always succeed.
func (r Request) isDeleting() bool {
	return r.Object != nil && r.Object.GetDeletionTimestamp() != nil
}
