package cloud

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// maxChain bounds how many roles are assumed one after the other.
const maxChain = 10

// controllerIdentity names the credentials that the process itself has.
const controllerIdentity = "controller"

// chain is how to get an identity's credentials: those at its bottom, and the
// roles to assume with them, the first one first.
type chain struct {
	// name is the identity the chain was resolved for.
	name string
	// static is nil when the bottom is the process's own credentials.
	static *staticKeys
	roles  []roleLink
}

type staticKeys struct{ AccessKeyID, SecretAccessKey, SessionToken string }

// SecretKeys are the keys of the Secrets that static identities name.
var SecretKeys = []string{"AccessKeyID", "SecretAccessKey", "SessionToken"}

type roleLink struct {
	infrav1.AWSRoleSpec
	ExternalID string
}

// key is equal for chains that give the same credentials. It changes with each
// change of an identity or Secret that matters to AWS.
func (c chain) key() string {
	content, err := json.Marshal(struct {
		Static *staticKeys
		Roles  []roleLink
	}{c.static, c.roles})
	if err != nil {
		panic(err) // strings and numbers only
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// resolve follows the references from an identity to the credentials it starts
// from, and checks on the way that each identity allows the namespace. Objects that name none
// have the default identity, and are checked like those that name it: nothing but the process
// itself, which is in no namespace, has its credentials unasked.
func (s *Sessions) resolve(ctx context.Context, ref *infrav1.AWSIdentityReference, namespace string) (chain, error) {
	switch {
	case ref == nil && namespace == "":
		return chain{name: controllerIdentity}, nil
	case ref == nil:
		ref = infrav1.DefaultIdentity()
	}
	c := chain{name: identityName(*ref)}
	var path []string
	for source := *ref; ; {
		name := identityName(source)
		for _, before := range path {
			if before == name {
				return chain{}, &IdentityError{CredentialProviderBuildFailedReason, c.name,
					fmt.Errorf("spec.sourceIdentityRef leads in a circle: %s -> %s", strings.Join(path, " -> "), name)}
			}
		}
		if path = append(path, name); len(path) > maxChain {
			return chain{}, &IdentityError{CredentialProviderBuildFailedReason, c.name,
				fmt.Errorf("more than %d identities in a chain: %s", maxChain, strings.Join(path, " -> "))}
		}
		next, err := s.link(ctx, &c, source, namespace, len(path) > 1)
		if err != nil {
			return chain{}, err
		}
		if next == nil {
			return c, nil
		}
		source = *next
	}
}

// link adds one identity to the bottom of the chain, and returns the identity it
// starts from, or nil at the end.
func (s *Sessions) link(ctx context.Context, c *chain, ref infrav1.AWSIdentityReference, namespace string, isSource bool) (
	*infrav1.AWSIdentityReference, error,
) {
	fail := func(err error) error {
		return &IdentityError{CredentialProviderBuildFailedReason, identityName(ref), err}
	}
	key := client.ObjectKey{Name: ref.Name}
	switch ref.Kind {
	case infrav1.ControllerIdentityKind:
		if ref.Name != infrav1.AWSClusterControllerIdentityName {
			return nil, fail(fmt.Errorf("the name must be %q", infrav1.AWSClusterControllerIdentityName))
		}
		var identity infrav1.AWSClusterControllerIdentity
		if err := s.options.Identities.Get(ctx, key, &identity); err != nil {
			return nil, fail(unread(err))
		}
		return nil, s.allow(ctx, ref, identity.Spec.AllowedNamespaces, namespace, isSource)

	case infrav1.ClusterStaticIdentityKind:
		var identity infrav1.AWSClusterStaticIdentity
		if err := s.options.Identities.Get(ctx, key, &identity); err != nil {
			return nil, fail(unread(err))
		}
		if err := s.allow(ctx, ref, identity.Spec.AllowedNamespaces, namespace, isSource); err != nil {
			return nil, err
		}
		keys, err := s.secret(ctx, identity.Spec.SecretRef)
		if err != nil {
			return nil, fail(err)
		}
		c.static = keys
		return nil, nil

	case infrav1.ClusterRoleIdentityKind:
		var identity infrav1.AWSClusterRoleIdentity
		if err := s.options.Identities.Get(ctx, key, &identity); err != nil {
			return nil, fail(unread(err))
		}
		if err := s.allow(ctx, ref, identity.Spec.AllowedNamespaces, namespace, isSource); err != nil {
			return nil, err
		}
		if identity.Spec.SourceIdentityRef == nil {
			return nil, fail(errors.New("spec.sourceIdentityRef is missing: name the identity that assumes the role"))
		}
		link := roleLink{identity.Spec.AWSRoleSpec, identity.Spec.ExternalID}
		c.roles = append([]roleLink{link}, c.roles...)
		return identity.Spec.SourceIdentityRef, nil
	}
	return nil, fail(fmt.Errorf("kind %q is not one of %s, %s, %s", ref.Kind,
		infrav1.ControllerIdentityKind, infrav1.ClusterStaticIdentityKind, infrav1.ClusterRoleIdentityKind))
}

// unread is why an identity can't be read.
func unread(err error) error {
	if apierrors.IsNotFound(err) {
		return unjudgedError{errors.New("it doesn't exist: create it, or name another one in spec.identityRef")}
	}
	return unjudgedError{err}
}

func (s *Sessions) allow(ctx context.Context, ref infrav1.AWSIdentityReference, allowed *infrav1.AllowedNamespaces,
	namespace string, isSource bool,
) error {
	ok, err := NamespaceAllowed(ctx, s.options.Host, allowed, namespace)
	if err != nil {
		return &IdentityError{CredentialProviderBuildFailedReason, identityName(ref), unjudgedError{err}}
	}
	if ok {
		return nil
	}
	reason := PrincipalUsageUnauthorizedReason
	if isSource {
		reason = SourcePrincipalUsageUnauthorizedReason
	}
	return &IdentityError{reason, identityName(ref),
		fmt.Errorf("namespace %s may not use it: add the namespace to the identity's spec.allowedNamespaces", namespace)}
}

func (s *Sessions) secret(ctx context.Context, name string) (*staticKeys, error) {
	var secret corev1.Secret
	key := client.ObjectKey{Namespace: s.options.ControllerNamespace, Name: name}
	if err := s.options.Secrets.Get(ctx, key, &secret); err != nil {
		return nil, fmt.Errorf("read the Secret %s of spec.secretRef: %w", key, err)
	}
	keys := &staticKeys{
		AccessKeyID:     string(secret.Data["AccessKeyID"]),
		SecretAccessKey: string(secret.Data["SecretAccessKey"]),
		SessionToken:    string(secret.Data["SessionToken"]),
	}
	if keys.AccessKeyID == "" || keys.SecretAccessKey == "" {
		return nil, fmt.Errorf("the Secret %s needs the keys AccessKeyID and SecretAccessKey", key)
	}
	return keys, nil
}

// BuiltOn returns the identity and the roles that are built on it, one on the other.
func BuiltOn(roles []infrav1.AWSClusterRoleIdentity, identity infrav1.AWSIdentityReference) map[infrav1.AWSIdentityReference]bool {
	built := map[infrav1.AWSIdentityReference]bool{identity: true}
	for grown := true; grown; {
		grown = false
		for i := range roles {
			self := infrav1.AWSIdentityReference{Kind: infrav1.ClusterRoleIdentityKind, Name: roles[i].Name}
			if source := roles[i].Spec.SourceIdentityRef; source != nil && built[*source] && !built[self] {
				built[self], grown = true, true
			}
		}
	}
	return built
}
