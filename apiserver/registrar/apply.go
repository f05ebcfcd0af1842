package registrar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

// ensureService creates Namespace and Service for a server outside the cluster.
// An existing Service is only corrected where it points elsewhere.
func (r *Registrar) ensureService(ctx context.Context) error {
	want := r.opts.Service
	if want.ExternalName == "" {
		return nil
	}
	services := r.opts.Kubernetes.CoreV1().Services(want.Namespace)
	existing, err := services.Get(ctx, want.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return r.createService(ctx)
	}
	if err != nil {
		return fmt.Errorf("reading Service %s/%s: %w", want.Namespace, want.Name, err)
	}
	if existing.Spec.Type == corev1.ServiceTypeExternalName && existing.Spec.ExternalName == want.ExternalName {
		return nil
	}
	if existing.Labels[managedByLabel] != managedBy {
		return fmt.Errorf("the Service %s/%s exists and was not made by this server: choose another name, or leave the external name empty to use it as it is", want.Namespace, want.Name)
	}
	changed := existing.DeepCopy()
	changed.Spec = externalService(want).Spec
	_, err = services.Update(ctx, changed, metav1.UpdateOptions{FieldManager: fieldManager})
	return err
}

func (r *Registrar) createService(ctx context.Context) error {
	want := r.opts.Service
	core := r.opts.Kubernetes.CoreV1()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: want.Namespace}}
	if _, err := core.Namespaces().Create(ctx, ns, metav1.CreateOptions{FieldManager: fieldManager}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("creating Namespace %s: %w", want.Namespace, err)
	}
	_, err := core.Services(want.Namespace).Create(ctx, externalService(want), metav1.CreateOptions{FieldManager: fieldManager})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("creating Service %s/%s: %w", want.Namespace, want.Name, err)
	}
	return nil
}

// externalService has no port: the APIService names it.
func externalService(at ServiceLocation) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: at.Namespace, Name: at.Name,
			Labels: map[string]string{managedByLabel: managedBy},
		},
		Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: at.ExternalName},
	}
}

func (r *Registrar) applyShadows(ctx context.Context, shadows []ShadowDecision, host HostState) error {
	var errs []error
	for _, d := range shadows {
		desired := ShadowCRD(d.Resource)
		if d.Action != ActionApply || shadowInStep(findCRD(host.CRDs, desired.Name), desired) {
			continue
		}
		body, err := json.Marshal(withoutStatus(desired))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		force := true
		_, err = r.opts.APIExtensions.ApiextensionsV1().CustomResourceDefinitions().Patch(ctx, desired.Name, types.ApplyPatchType, body,
			metav1.PatchOptions{FieldManager: fieldManager, Force: &force})
		if err != nil {
			errs = append(errs, fmt.Errorf("applying shadow CRD %s: %w", desired.Name, err))
		}
	}
	return errors.Join(errs...)
}

// withoutStatus: an apply must not claim the status, which the type always
// writes.
func withoutStatus(object any) map[string]any {
	data, err := json.Marshal(object)
	if err != nil {
		return nil
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil
	}
	delete(fields, "status")
	return fields
}

func (r *Registrar) applyClaims(ctx context.Context, claims []Decision, host HostState) error {
	caBundle := r.opts.CABundle()
	if len(caBundle) == 0 {
		return errors.New("there is no CA bundle yet, so nothing is registered: the serving certificate must be ready first")
	}
	// Releases come last: what is given back must be reachable elsewhere by then.
	order := slices.Clone(claims)
	slices.SortStableFunc(order, func(a, b Decision) int { return releases(a) - releases(b) })
	var errs []error
	for _, d := range order {
		if err := r.applyClaim(ctx, d, findAPIService(host.APIServices, d.GroupVersion), caBundle); err != nil {
			errs = append(errs, fmt.Errorf("APIService %s: %w", apiServiceName(d.GroupVersion), err))
		}
	}
	return errors.Join(errs...)
}

func releases(d Decision) int {
	if d.Action == ActionRelease {
		return 1
	}
	return 0
}

func (r *Registrar) applyClaim(ctx context.Context, d Decision, existing *apiregistrationv1.APIService, caBundle []byte) error {
	client := r.opts.Aggregator.ApiregistrationV1().APIServices()
	desired := APIServiceFor(d.GroupVersion, r.opts.Service, caBundle)
	switch {
	case d.Action == ActionLeave:
		return nil
	case d.Action == ActionRelease:
		klog.FromContext(ctx).Info("Giving a group-version back", "apiService", existing.Name, "why", d.Message)
		// Only the object that was judged: someone else may have put theirs.
		err := client.Delete(ctx, existing.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{
			UID: &existing.UID, ResourceVersion: &existing.ResourceVersion,
		}})
		return ignoreNotFound(err)
	case existing == nil:
		_, err := client.Create(ctx, desired, metav1.CreateOptions{FieldManager: fieldManager})
		return err
	case apiServiceInStep(existing, desired):
		return nil
	}
	patch, err := apiServicePatch(existing, desired)
	if err != nil {
		return err
	}
	_, err = client.Patch(ctx, existing.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
	return err
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
