package takeover

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capa-apiserver/capa-apiserver/apis/takeover"
)

// shownProblems is how many problems, and fields of an object, are worth reading, and shownNotes how
// many notes.
const shownProblems, shownNotes = 10, 50

// report collects what the checks find.
type report struct{ problems, notes []string }

func (r *report) problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

func (r *report) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// check says what would be taken over and what can't be, and changes nothing.
func (t *taker) check(ctx context.Context) error {
	r := &report{}
	if err := t.checkServer(ctx, r); err != nil {
		return err
	}
	if err := t.checkHost(ctx, r); err != nil {
		return err
	}
	kinds, others, err := t.kinds(ctx)
	if err != nil {
		return err
	}
	if len(kinds) == 0 {
		r.problem("no CRD of CAPA's serves %s: is this the management cluster that runs CAPA, and is CAPA 2.0 or later?", theirs)
	}
	table := tabwriter.NewWriter(t.Out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "KIND\tOBJECTS\tIN AWS")
	for _, k := range kinds {
		objects, err := t.objects(ctx, k, theirs)
		if err != nil {
			return err
		}
		if len(objects) > 0 {
			fmt.Fprintf(table, "%s\t%d\tnothing is changed\n", k.name, len(objects))
		}
		if len(objects) == 0 && k.name == defaultIdentity {
			r.note("CAPA has no %s: clusters without identityRef use the server's own credentials by its own one; restrict its spec.allowedNamespaces if not all may", k.name)
		}
		for i := range objects {
			t.checkObject(ctx, r, k, &objects[i])
		}
	}
	for _, crd := range others {
		k := kindOf(crd)
		if !serves(crd) {
			continue
		}
		objects, err := t.objects(ctx, k, theirs)
		if err != nil {
			return err
		}
		if len(objects) > 0 {
			r.problem("%d %s can't be taken over, because the server doesn't have that kind, and CAPA would act for them no more: move their clusters elsewhere, or keep CAPA for them and `clusterctl move` the others", len(objects), k.plural)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	t.checkOwners(ctx, r)
	return t.tell(r)
}

func (t *taker) tell(r *report) error {
	for i, note := range r.notes {
		if i == shownNotes {
			t.say("note: … and %d more", len(r.notes)-i)
			break
		}
		t.say("note: %s", note)
	}
	for i, problem := range r.problems {
		if i == shownProblems {
			t.say("problem: … and %d more", len(r.problems)-i)
			break
		}
		t.say("problem: %s", problem)
	}
	switch {
	case len(r.problems) == 0:
		return nil
	case t.Rollback || !t.state.PausedKnown:
		return fmt.Errorf("%w; nothing was changed", ErrProblems)
	}
	return fmt.Errorf("%w: this run changed nothing, and what an earlier one did stays. You may change objects that CAPA has at %s all the same, but make and delete none: correct them and run the command again, or go back with --rollback --yes", ErrProblems, theirs)
}

// checkServer looks for the server, which has to run beside CAPA.
func (t *taker) checkServer(ctx context.Context, r *report) error {
	service, err := t.dynamic.Resource(services).Get(ctx, ours+"."+groups[0].Name(), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err), err == nil && service.GetLabels()[managedBy] != server:
		r.problem("capa-apiserver doesn't serve %s here: install it beside CAPA first (kubectl apply -k manifests/overlays/default); it leaves CAPA's objects alone", ours)
		return nil
	case err != nil:
		return err
	case !available(service):
		r.problem("capa-apiserver isn't available (kubectl get apiservice %s): wait until it is", service.GetName())
	}
	for _, g := range groups {
		review, err := t.kube.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
			Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
				Group: g.Name(), Version: ours, Resource: "*", Subresource: takeover.Subresource, Verb: "create"}},
		}, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		if !review.Status.Allowed {
			r.problem("you may not create */%s of %s in the whole cluster: use a kubeconfig of an administrator", takeover.Subresource, g.Name())
		}
	}
	return nil
}

func available(service *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(service.Object, "status", "conditions")
	for _, c := range conditions {
		if c, _ := c.(map[string]any); c["type"] == "Available" && c["status"] == "True" {
			return true
		}
	}
	return false
}

// checkObject tries the copy of one object without making it.
func (t *taker) checkObject(ctx context.Context, r *report, k kind, o *unstructured.Unstructured) {
	if o.GetDeletionTimestamp() != nil {
		r.note("%s is being deleted: the server goes on with that", called(o))
	}
	lost, err := t.codec.lost(o)
	if err != nil {
		r.problem("%s can't be converted: %v", called(o), err)
		return
	}
	if len(lost) > 0 {
		r.note("%s has what the server doesn't know, and is taken over without it: %s", called(o), first(lost))
	}
	copied, err := t.codec.forStore(o)
	if err == nil {
		err = fits(copied)
	}
	if err == nil {
		_, err = t.in(k, ours, o.GetNamespace()).Create(ctx, copied, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}, takeover.Subresource)
	}
	if apierrors.IsConflict(err) {
		own, readErr := t.in(k, ours, o.GetNamespace()).Get(ctx, o.GetName(), metav1.GetOptions{})
		if readErr == nil && (k.name == defaultIdentity || makesRoom(own)) {
			return // it goes, and the default identity gets what CAPA's says
		}
	}
	var large tooLarge
	switch {
	case errors.As(err, &large):
		r.problem("%s is too large for the server's store, which takes %d bytes of an object: it has %d; take something out of it", called(o), largest, large)
	case err != nil:
		r.problem("%s can't be taken over: %v", called(o), err)
	}
}

// largest is what etcd takes in one request, without what is around an object in it.
const largest = 1_500_000

type tooLarge int

func (l tooLarge) Error() string { return fmt.Sprintf("it has %d bytes", int(l)) }

// fits tells whether the server's store takes an object: a dry run doesn't reach it.
func fits(o *unstructured.Unstructured) error {
	text, err := o.MarshalJSON()
	if err == nil && len(text) > largest {
		return tooLarge(len(text))
	}
	return err
}

// first are as many of a list as are worth reading.
func first(all []string) string {
	if len(all) <= shownProblems {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s … and %d more", strings.Join(all[:shownProblems], ", "), len(all)-shownProblems)
}

// checkHost looks at what runs beside.
func (t *taker) checkHost(ctx context.Context, r *report) error {
	deployments, others, err := t.deployments(ctx)
	if err != nil {
		return err
	}
	for _, d := range others {
		r.note("Deployment %s/%s has the label of CAPA's and isn't in a namespace of CAPA's: it is left alone", d.Namespace, d.Name)
	}
	if len(deployments) == 0 {
		r.problem("there is no Deployment with the label %s=%s: CAPA can't be stopped; label it so", providerLabel, provider)
	}
	for _, d := range deployments {
		r.note("CAPA's Deployment %s/%s is scaled to 0", d.Namespace, d.Name)
		if d.Namespace != t.Namespace {
			r.note("CAPA reads Secrets of AWSClusterStaticIdentities in %s, the server in %s: copy them there first", d.Namespace, t.Namespace)
		}
	}
	clusters, err := t.clusters(ctx)
	if err != nil {
		return err
	}
	r.note("%d Clusters are paused meanwhile, and unpaused if they weren't before", len(clusters))
	for i := range clusters {
		_, err := t.dynamic.Resource(clusterResource).Namespace(clusters[i].GetNamespace()).Patch(ctx, clusters[i].GetName(), types.MergePatchType,
			[]byte(`{"spec": {"paused": true}}`), metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
		if ignoreNotFound(err) != nil {
			r.problem("%s can't be paused: %v", called(&clusters[i]), err)
		}
	}
	return nil
}

// checkOwners reads all in which owner references are changed later: who answers for it may be gone, and then nothing is
// to have been changed. What the default identity owns would be deleted, as the server's own one stays and has another UID.
func (t *taker) checkOwners(ctx context.Context, r *report) {
	resources, err := t.resources(ours)
	if err != nil {
		r.problem("%v: have the server of each group that is named run (kubectl get apiservices), or delete its APIService if nobody needs it", err)
	}
	for _, resource := range resources {
		err := t.each(ctx, resource, func(o *metav1.PartialObjectMetadata) error {
			for _, owner := range o.OwnerReferences {
				if of := schema.FromAPIVersionAndKind(owner.APIVersion, owner.Kind); of.Kind == defaultIdentity && of.Version != ours && known(of.Group, of.Kind) {
					r.problem("%s %s/%s is owned by the %s, which goes: take the reference away", resource.Resource, o.Namespace, o.Name, defaultIdentity)
				}
			}
			return nil
		})
		if err != nil {
			r.problem("owner references couldn't be changed: %v: have the server of its APIService, or the conversion webhook of its CRD, answer again", err)
		}
	}
}
