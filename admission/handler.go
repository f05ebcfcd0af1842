package admission

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
	webhook "sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// validator serves the rules of one kind.
type validator struct {
	kind  Kind
	rules Rules
}

var _ webhook.Handler = validator{}

// Handle asks all rules and answers 422 with all that is wrong at once.
func (v validator) Handle(ctx context.Context, req webhook.Request) webhook.Response {
	r, err := v.kind.decode(req)
	if err != nil {
		return webhook.Errored(http.StatusBadRequest, err)
	}
	if r.isDeleting() {
		return webhook.Allowed("")
	}
	rules := v.rules.Validate
	if r.Operation == admissionv1.Delete {
		rules = v.rules.Delete
	}
	var warnings []string
	var errs field.ErrorList
	for _, rule := range rules {
		w, e := rule(ctx, r)
		warnings, errs = append(warnings, w...), append(errs, e...)
	}
	return v.answer(r, errs).WithWarnings(warnings...)
}

func (v validator) answer(r Request, errs field.ErrorList) webhook.Response {
	if len(errs) == 0 {
		return webhook.Allowed("")
	}
	for _, err := range errs {
		if err.Type == field.ErrorTypeInternal {
			return webhook.Errored(http.StatusInternalServerError, fmt.Errorf("%s could not be judged, try again: %s: %s", v.kind.Kind, err.Field, err.Detail))
		}
	}
	status := apierrors.NewInvalid(v.kind.GroupKind(), r.Name, errs).Status()
	return webhook.Response{AdmissionResponse: admissionv1.AdmissionResponse{Allowed: false, Result: &status}}
}

// mutator serves the defaulters of one kind.
type mutator struct {
	kind  Kind
	rules Rules
}

var _ webhook.Handler = mutator{}

// Handle works on the JSON as sent, so that the patch holds what the defaulters
// wrote and nothing else.
func (m mutator) Handle(ctx context.Context, req webhook.Request) webhook.Response {
	r, err := m.kind.decode(req)
	if err != nil {
		return webhook.Errored(http.StatusBadRequest, err)
	}
	if r.Object == nil || r.isDeleting() {
		return webhook.Allowed("")
	}
	object := &unstructured.Unstructured{}
	if err := json.Unmarshal(req.Object.Raw, &object.Object); err != nil {
		return webhook.Errored(http.StatusBadRequest, err)
	}
	for _, fill := range m.rules.Default {
		if err := fill(ctx, r, object); err != nil {
			return webhook.Errored(http.StatusInternalServerError, err)
		}
	}
	after, err := json.Marshal(object.Object)
	if err != nil {
		return webhook.Errored(http.StatusInternalServerError, err)
	}
	return webhook.PatchResponseFromRaw(req.Object.Raw, after)
}
