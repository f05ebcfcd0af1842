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

// judge is a kind with the rules that judge it.
type judge struct {
	kind  Kind
	rules Rules
}

// validator serves the rules of one kind.
type validator struct{ judge }

var _ webhook.Handler = validator{}

// Handle judges the objects as sent.
func (v validator) Handle(ctx context.Context, req webhook.Request) webhook.Response {
	r, err := v.kind.decode(req)
	if err != nil {
		return webhook.Errored(http.StatusBadRequest, err)
	}
	return v.validate(ctx, r)
}

// validate asks all rules and answers 422 with all that is wrong at once.
func (j judge) validate(ctx context.Context, r Request) webhook.Response {
	if r.isDeleting() {
		return webhook.Allowed("")
	}
	rules := j.rules.Validate
	if r.Operation == admissionv1.Delete {
		rules = j.rules.Delete
	}
	var warnings []string
	var errs field.ErrorList
	for _, rule := range rules {
		w, e := rule(ctx, r)
		warnings, errs = append(warnings, w...), append(errs, e...)
	}
	return j.answer(r, errs).WithWarnings(warnings...)
}

func (j judge) answer(r Request, errs field.ErrorList) webhook.Response {
	if len(errs) == 0 {
		return webhook.Allowed("")
	}
	for _, err := range errs {
		if err.Type == field.ErrorTypeInternal {
			return webhook.Errored(http.StatusInternalServerError, fmt.Errorf("%s could not be judged, try again: %s: %s", j.kind.Kind, err.Field, err.Detail))
		}
	}
	status := apierrors.NewInvalid(j.kind.GroupKind(), r.Name, errs).Status()
	return webhook.Response{AdmissionResponse: admissionv1.AdmissionResponse{Allowed: false, Result: &status}}
}

// mutator serves the defaulters of one kind.
type mutator struct{ judge }

var _ webhook.Handler = mutator{}

// Handle works on the JSON as sent, so that the patch holds what the defaulters
// wrote and nothing else.
func (m mutator) Handle(ctx context.Context, req webhook.Request) webhook.Response {
	r, err := m.kind.decode(req)
	if err != nil {
		return webhook.Errored(http.StatusBadRequest, err)
	}
	if r.Object == nil {
		return webhook.Allowed("")
	}
	object := &unstructured.Unstructured{}
	if err := json.Unmarshal(req.Object.Raw, &object.Object); err != nil {
		return webhook.Errored(http.StatusBadRequest, err)
	}
	if err := m.fill(ctx, r, object); err != nil {
		return webhook.Errored(http.StatusInternalServerError, err)
	}
	after, err := json.Marshal(object.Object)
	if err != nil {
		return webhook.Errored(http.StatusInternalServerError, err)
	}
	return webhook.PatchResponseFromRaw(req.Object.Raw, after)
}

// fill runs the defaulters.
func (j judge) fill(ctx context.Context, r Request, object *unstructured.Unstructured) error {
	if r.isDeleting() {
		return nil
	}
	for _, fill := range j.rules.Default {
		if err := fill(ctx, r, object); err != nil {
			return err
		}
	}
	return nil
}
