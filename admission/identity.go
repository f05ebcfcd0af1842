package admission

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
)

const (
	// maxChain is how many identities may be followed; sessions allow no more.
	maxChain = 10
	// maxSuggestions keeps a message readable.
	maxSuggestions = 5
)

// identityRules judge references to identities.
type identityRules struct {
	reader client.Reader
	host   client.Reader
}

// identity is what the three kinds have in common.
type identity struct {
	kind    infrav1.AWSIdentityKind
	name    string
	allowed *infrav1.AllowedNamespaces
	source  *infrav1.AWSIdentityReference
}

func (i identity) String() string { return fmt.Sprintf("%s %q", i.kind, i.name) }

// usable: no identity, and none that it is built on, keeps the namespace out. One that
// doesn't exist yet may come later: the cluster waits for it.
func (rules identityRules) usable(ctx context.Context, r Request, updated, old *infrav1.AWSClusterSpec, path *field.Path) ([]string, field.ErrorList) {
	ref := updated.IdentityRef
	if ref == nil || (old != nil && old.IdentityRef != nil && *old.IdentityRef == *ref) {
		return nil, nil
	}
	at := path.Child("identityRef")
	if _, known := identityObjects[ref.Kind]; !known {
		return nil, nil // the static validation names the kinds there are
	}
	if misnamed(updated) {
		return nil, nil // the static warnings say that there can't be one
	}
	found, err := rules.get(ctx, *ref)
	if apierrors.IsNotFound(err) {
		return []string{rules.notFound(ctx, *ref, r.Namespace, at)}, nil
	}
	if err != nil {
		return nil, field.ErrorList{field.InternalError(at, err)}
	}
	if err := rules.allows(ctx, found, r.Namespace, at); err != nil {
		return nil, field.ErrorList{err}
	}
	warning, refusal := rules.sources(ctx, found, r.Namespace, at.Child("name"))
	if refusal != nil {
		return nil, field.ErrorList{refusal}
	}
	if warning != "" {
		return []string{warning}, nil
	}
	return nil, nil
}

// sources follows the chain of a role identity to its end, or to what isn't there yet.
func (rules identityRules) sources(ctx context.Context, first identity, namespace string, at *field.Path) (string, *field.Error) {
	path := []string{first.String()}
	for current := first; current.kind == infrav1.ClusterRoleIdentityKind; {
		if current.source == nil {
			return "", field.Invalid(at, first.name, fmt.Sprintf("%s has no spec.sourceIdentityRef: name there the identity that assumes the role", current))
		}
		next, err := rules.get(ctx, *current.source)
		if apierrors.IsNotFound(err) {
			return fmt.Sprintf("%s: %s is built on %s %q, which does not exist yet: nothing is made in AWS until it does", at, current, current.source.Kind, current.source.Name), nil
		}
		if err != nil {
			return "", field.InternalError(at, err)
		}
		if slices.Contains(path, next.String()) {
			return "", field.Invalid(at, first.name, circle(append(path, next.String())))
		}
		if path = append(path, next.String()); len(path) > maxChain {
			return "", field.Invalid(at, first.name, fmt.Sprintf("more than %d identities follow one another: %s", maxChain, strings.Join(path, " -> ")))
		}
		if err := rules.allows(ctx, next, namespace, at); err != nil {
			return "", err
		}
		current = next
	}
	return "", nil
}

func circle(path []string) string {
	return "spec.sourceIdentityRef leads in a circle: " + strings.Join(path, " -> ") + ": let one of them start from an AWSClusterStaticIdentity or AWSClusterControllerIdentity"
}

// sourceEnds judges a role identity itself: a circle can never work; a source
// that is missing may come later.
func (rules identityRules) sourceEnds(ctx context.Context, r Request) ([]string, field.ErrorList) {
	updated, ok := r.Object.(*infrav1.AWSClusterRoleIdentity)
	if !ok || updated.Spec.SourceIdentityRef == nil {
		return nil, nil
	}
	if old, ok := r.Old.(*infrav1.AWSClusterRoleIdentity); ok && old.Spec.SourceIdentityRef != nil && *old.Spec.SourceIdentityRef == *updated.Spec.SourceIdentityRef {
		return nil, nil
	}
	at := field.NewPath("spec", "sourceIdentityRef")
	self := describeIdentity(updated)
	path := []string{self.String()}
	for next := *updated.Spec.SourceIdentityRef; len(path) <= maxChain; {
		name := fmt.Sprintf("%s %q", next.Kind, next.Name)
		if slices.Contains(path, name) {
			return nil, field.ErrorList{field.Invalid(at.Child("name"), updated.Spec.SourceIdentityRef.Name, circle(append(path, name)))}
		}
		path = append(path, name)
		found, err := rules.get(ctx, next)
		if apierrors.IsNotFound(err) {
			return []string{fmt.Sprintf("%s: %s does not exist yet; clusters cannot use this identity until it does", at, name)}, nil
		}
		if err != nil {
			return nil, field.ErrorList{field.InternalError(at, err)}
		}
		if found.source == nil {
			return nil, nil
		}
		next = *found.source
	}
	return nil, field.ErrorList{field.Invalid(at.Child("name"), updated.Spec.SourceIdentityRef.Name,
		fmt.Sprintf("more than %d identities follow one another: %s", maxChain, strings.Join(path, " -> ")))}
}

func (rules identityRules) allows(ctx context.Context, i identity, namespace string, at *field.Path) *field.Error {
	ok, err := cloud.NamespaceAllowed(ctx, rules.host, i.allowed, namespace)
	if err != nil {
		return field.InternalError(at, fmt.Errorf("whether %s may be used in namespace %s: %w", i, namespace, err))
	}
	if ok {
		return nil
	}
	return field.Forbidden(at, fmt.Sprintf("%s may not be used in namespace %s: add %s to its spec.allowedNamespaces.list, or use another identity%s",
		i, namespace, namespace, rules.alternatives(ctx, i.kind, namespace, ": ")))
}

func (rules identityRules) notFound(ctx context.Context, ref infrav1.AWSIdentityReference, namespace string, at *field.Path) string {
	return fmt.Sprintf("%s: there is no %s %q yet: nothing is made in AWS until there is%s", at.Child("name"), ref.Kind, ref.Name,
		rules.alternatives(ctx, ref.Kind, namespace, ", or until you choose one of: "))
}

// alternatives lists identities of the kind that the namespace may use, after
// the words; nothing when there is none.
func (rules identityRules) alternatives(ctx context.Context, kind infrav1.AWSIdentityKind, namespace, words string) string {
	list := identityObjects[kind].list()
	if err := rules.reader.List(ctx, list); err != nil {
		return "" // only a hint is lost
	}
	var names []string
	_ = meta.EachListItem(list, func(object runtime.Object) error {
		i := describeIdentity(object)
		if ok, err := cloud.NamespaceAllowed(ctx, rules.host, i.allowed, namespace); err == nil && ok {
			names = append(names, i.name)
		}
		return nil
	})
	slices.Sort(names)
	if len(names) == 0 {
		return ""
	}
	if len(names) > maxSuggestions {
		names = append(names[:maxSuggestions], "...")
	}
	return words + strings.Join(names, ", ")
}

func (rules identityRules) get(ctx context.Context, ref infrav1.AWSIdentityReference) (identity, error) {
	known, ok := identityObjects[ref.Kind]
	if !ok {
		return identity{}, fmt.Errorf("%q is no kind of identity", ref.Kind)
	}
	object := known.object()
	if err := rules.reader.Get(ctx, client.ObjectKey{Name: ref.Name}, object); err != nil {
		return identity{}, err
	}
	return describeIdentity(object), nil
}
